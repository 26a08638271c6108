"""A story as a tree for people, and as JSON."""

from collections.abc import Iterator

import msgspec
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from console.describe import describe, moment
from console.why.story import Story
from shared.domain.values import NS_PER_S
from shared.messages.decisions import Approved, Check, Denied
from shared.messages.signals import Signal, Suppressed
from shared.tape.entry import Entry

NS_PER_MS = 1_000_000
MINUTE_S = 60.0


def show(story: Story, screen: Console) -> None:
    """Print the tree: each message under its cause, with the time since."""
    stamp, message = story.target.open()
    screen.print(Text.assemble(("why ", "dim"), f"{story.target.seq:,}: {_event(story.target)} "
                               f"{describe(message)}"))  # fmt: skip
    if stamp.correlation_id:
        screen.print(Text(f"story {stamp.correlation_id}", "dim"))
    for root in story.roots:
        tree = Tree(_label(story, root, None))
        _grow(story, root, tree)
        screen.print(tree)


def document(story: Story) -> dict[str, object]:
    """Return JSON values: the steps in tape order, and the chain that led to the target."""
    stamp, _ = story.target.open()
    return {
        "target": story.target.seq,
        "story": stamp.correlation_id,
        "chain": [one.seq for one in story.causes(story.target)],
        "steps": [_step(story, one) for one in story.entries.values()],
    }


def _step(story: Story, entry: Entry) -> dict[str, object]:
    stamp, message = entry.open()
    cause = story.entries.get(entry.cause)
    after_ns = entry.recorded_ns - cause.recorded_ns if cause else None
    return {
        "seq": entry.seq,
        "cause": entry.cause,
        "lane": str(stamp.lane),
        "event": _event(entry),
        "ts_ns": stamp.ts_ns,
        "after_ms": None if after_ns is None else after_ns / NS_PER_MS,
        "text": describe(message),
        "message": msgspec.to_builtins(message),
    }


def _grow(story: Story, entry: Entry, tree: Tree) -> None:
    for child in story.children(entry):
        _grow(story, child, tree.add(_label(story, child, entry)))


def _label(story: Story, entry: Entry, cause: Entry | None) -> Text:
    stamp, message = entry.open()
    text = Text.assemble(
        (f"{entry.seq:,} ", "dim"),
        (f"{stamp.lane} ", "cyan"),
        (f"{_event(entry)} ", "bold reverse" if entry.seq == story.target.seq else "bold"),
        describe(message),
    )
    if cause is None:
        text.append(f"  {moment(stamp.ts_ns)} UTC", "dim")
    else:
        text.append(f"  {_since(entry.recorded_ns - cause.recorded_ns)}", "dim")
    for line in _details(entry):
        text.append(f"\n  {line}", "dim")
    return text


def _details(entry: Entry) -> Iterator[str]:
    """Yield what the line of a message leaves out: numbers looked at, checks with their limits."""
    match entry.open()[1]:
        case Signal(values=values) | Suppressed(values=values) if values:
            yield "looked at " + ", ".join(f"{name} {value:g}" for name, value in values.items())
        case Approved(checks=checks) | Denied(reasons=checks):
            yield from map(_check, checks)
        case _:
            return


def _check(check: Check) -> str:
    verdict = "passed" if check.passed else "FAILED"
    detail = f" ({check.detail})" if check.detail else ""
    return f"{verdict} {check.code}: {check.value} against {check.limit}{detail}"


def _since(ns: int) -> str:
    if ns < NS_PER_S:
        return f"+{ns / NS_PER_MS:.2f} ms"
    seconds = ns / NS_PER_S
    return f"+{seconds:.1f} s" if seconds < MINUTE_S else f"+{seconds / MINUTE_S:.1f} min"


def _event(entry: Entry) -> str:
    return entry.subject.split(".")[2]
