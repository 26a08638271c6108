"""Stopping inside a replay: before a message is handled, look around, go on step by step."""

import json
import pdb  # noqa: T100 - what `pdb` at the prompt is
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import CodeType
from typing import NamedTuple, TextIO, override

import msgspec

from console.describe import describe, moment
from services.strategy.core import StrategyCore
from shared.core import Core, Stamp
from shared.messages.base import Message
from shared.runtime.replay import Replay
from shared.tape.entry import Entry
from shared.tape.interface import ReadableTape

HELP = """\
  step [N]       handle this message, and the next ones; stop again
  continue       go on to the next stop
  message        all fields of this message
  state [LANE [PATH ...]]  what an actor knows, as in `state risk.main holdings AAPL`
  why            the messages that led here
  said           what its readers answer to it, as recorded
  pdb [LANE]     handle it under Python's debugger, in the author's own code
  quit           end here"""
_HOOKS = ("on_bar", "on_quote", "on_trade", "on_timer", "on_fill", "on_denied", "on_split")
_SHORT = {"s": "step", "c": "continue", "m": "message", "w": "why", "q": "quit", "h": "help"}
CHAIN_MAX = 50

type Act = Callable[[Entry, Sequence[str]], Awaitable[bool]]


class Stops(NamedTuple):
    """Where to stop: at a sequence (0: none), or where a condition is met."""

    at: int = 0
    when: Callable[[Stamp, Message], bool] | None = None


class QuitError(Exception):
    """The person at the prompt has seen enough."""


class Inside:
    """The prompt of one replay. Reads commands from `keys`, says everything on `screen`."""

    def __init__(
        self, tape: ReadableTape, replay: Replay, stops: Stops, keys: TextIO, screen: TextIO
    ) -> None:
        self._tape = tape
        self._replay = replay
        self._stops = stops
        self._keys = keys
        self._screen = screen
        self._steps = 0
        self._debugged = ""
        self._commands: Mapping[str, Act] = {
            "step": self._step, "continue": self._continue, "message": self._message,
            "state": self._state, "why": self._why, "said": self._said, "pdb": self._pdb,
            "quit": self._quit, "help": self._help,
        }  # fmt: skip

    async def feed(self, entry: Entry) -> None:
        """Handle an entry, after a stop when one is due. Raises QuitError."""
        if self._is_due(entry):
            await self._stop(entry)
        if self._debugged:
            self._replay.handle = self._under_debugger
        try:
            self._replay.feed(entry)
        finally:
            self._replay.handle, self._debugged = None, ""

    def _is_due(self, entry: Entry) -> bool:
        if self._steps:
            self._steps -= 1
            if not self._steps:
                return True
        if entry.seq == self._stops.at:
            return True
        return self._stops.when is not None and self._stops.when(*entry.open())

    async def _stop(self, entry: Entry) -> None:
        """Talk until somebody goes on."""
        stamp, message = entry.open()
        self._say(f"stopped before {entry.seq:,}, {moment(stamp.ts_ns)} UTC: {entry.subject}")
        self._say(f"  {describe(message)}")
        self._say(f"  read by {', '.join(self._readers(entry)) or 'nobody here'}")
        goes_on = False
        while not goes_on:
            command, *words = self._ask() or ["step"]
            act = self._commands.get(_SHORT.get(command, command))
            if act is None:
                self._say(f"{command!r} is no command here; `help` lists them")
            else:
                goes_on = await act(entry, words)

    # Commands. Each returns True when the replay goes on.

    async def _step(self, _entry: Entry, words: Sequence[str]) -> bool:
        count = words[0] if words else "1"
        if not count.isdecimal() or not int(count):
            self._say(f"step {count}: a number from 1 is expected")
            return False
        self._steps = int(count)
        return True

    async def _continue(self, _entry: Entry, _words: Sequence[str]) -> bool:
        self._steps = 0
        return True

    async def _quit(self, _entry: Entry, _words: Sequence[str]) -> bool:
        raise QuitError

    async def _help(self, _entry: Entry, _words: Sequence[str]) -> bool:
        self._say(HELP)
        return False

    async def _message(self, entry: Entry, _words: Sequence[str]) -> bool:
        self._say(json.dumps(json.loads(entry.payload), indent=2, ensure_ascii=False))
        return False

    def _ask(self) -> list[str]:
        """Return the words of the next line; without any more lines the replay goes on."""
        self._screen.write("(replay) ")
        self._screen.flush()
        line = self._keys.readline()
        if not line:
            self._say("")
            self._stops = Stops()
            return ["continue"]
        return line.split()

    async def _state(self, entry: Entry, words: Sequence[str]) -> bool:
        cores = self._replay.cores
        strategies = [one for one in self._readers(entry) if isinstance(cores[one], StrategyCore)]
        lane, *path = words or [*strategies, *self._readers(entry), *cores][:1]
        if lane not in cores:
            self._say(f"no actor {lane!r}: one of {', '.join(sorted(cores))}")
            return False
        found = state_of(cores[lane])
        for name in path:
            if isinstance(found, list) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            elif isinstance(found, dict) and name in found:
                found = found[name]
            else:
                known = ", ".join(found) if isinstance(found, dict) else "nothing further"
                self._say(f"{lane} has no {name!r} there: {known}")
                return False
        self._say(f"{lane}, before this message:")
        self._say(json.dumps(found, indent=2, ensure_ascii=False))
        return False

    async def _why(self, entry: Entry, _words: Sequence[str]) -> bool:
        chain = [entry]
        while chain[-1].cause and len(chain) < CHAIN_MAX:
            before = await self._tape.get(chain[-1].cause)
            if before is None:
                self._say(f"  {chain[-1].cause:,} is not on the tape any more")
                break
            chain.append(before)
        for one in reversed(chain):
            self._line(one)
        return False

    async def _said(self, entry: Entry, _words: Sequence[str]) -> bool:
        bounds = await self._tape.bounds()
        seq, count = entry.seq + 1, 0
        # In lockstep answers follow at once; live ones within what was happening meanwhile.
        while seq <= min(bounds.last, entry.seq + 1_000):
            one = await self._tape.get(seq)
            if one is not None and one.cause == entry.seq:
                count += 1
                self._line(one)
            seq += 1
        if not count:
            self._say("  nobody answered it")
        return False

    def _line(self, entry: Entry) -> None:
        stamp, message = entry.open()
        self._say(f"  {entry.seq:>9,} {stamp.lane!s:<24} {entry.subject.split('.')[2]:<12}"
                  f" {describe(message)}")  # fmt: skip

    async def _pdb(self, entry: Entry, words: Sequence[str]) -> bool:
        cores = self._replay.cores
        mine = [lane for lane in self._readers(entry) if isinstance(cores[lane], StrategyCore)]
        wanted = words[0] if words else next(iter(mine), "")
        if wanted not in mine:
            self._say(
                f"pdb: this message is read by {', '.join(mine) or 'no strategy'};"
                " step to one that a strategy reads"
            )
            return False
        self._debugged, self._steps = wanted, 1
        return True

    def _under_debugger(self, core: Core, stamp: Stamp, message: Message) -> tuple[Message, ...]:
        if str(core.lane) != self._debugged or not isinstance(core, StrategyCore):
            return core.handle(stamp, message)
        debugger = _Debugger(stdin=self._keys, stdout=self._screen, nosigint=True)
        debugger.use_rawinput = self._keys is sys.stdin and sys.stdin.isatty()
        author = type(core.strategy)
        for hook in _HOOKS:
            function = vars(author).get(hook)
            if function is not None:
                code = function.__code__
                debugger.set_break(code.co_filename, _first_line(code))
        debugger.rcLines.append("continue")  # from the core's code to the author's
        return debugger.runcall(core.handle, stamp, message) or ()

    def _readers(self, entry: Entry) -> list[str]:
        return self._replay.readers_of(entry.subject)

    def _say(self, text: str) -> None:
        self._screen.write(text + "\n")


class _Debugger(pdb.Pdb):
    """Pdb whose `quit` leaves the debugger, not the handling of the message.

    Pdb's own raises in the author's code, which the desk would take for its failure.
    """

    @override
    def do_quit(self, arg: str) -> bool | None:
        self.clear_all_breaks()
        self.set_continue()
        return True

    do_q = do_exit = do_EOF = do_quit  # noqa: N815 - the names that pdb looks for


def state_of(core: Core) -> object:
    """Return what a core knows as JSON values; the bytes' length where they are none."""
    if isinstance(core, StrategyCore):
        own = {name: repr(value) for name, value in vars(core.strategy).items()}
        saved = msgspec.json.decode(core.snapshot())
        return {"attributes": own, "indicators": saved["indicators"], **saved["state"]}
    data = core.snapshot()
    try:
        found: object = msgspec.json.decode(data)
    except msgspec.MsgspecError:
        return f"{len(data)} bytes"
    return found


def _first_line(code: CodeType) -> int:
    """Return the first line of a function's body: a stop at `def` would show nothing."""
    lines = [line for _, _, line in code.co_lines() if line and line > code.co_firstlineno]
    return min(lines, default=code.co_firstlineno)
