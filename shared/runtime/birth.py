"""Birth certificates: which code, under which configuration, answers from where on.

The first message of a lane and the first after any change of code or configuration. Inputs at or
below its `from_seq` build the core's state but are not answered.
"""

from collections.abc import Mapping, Sequence

import msgspec

from shared.messages.lane import State
from shared.runtime.actor import Actor
from shared.runtime.digest import code_digest
from shared.tape.entry import Entry, Outgoing, fact
from shared.tape.interface import DivergenceError, Tape

_encode = msgspec.json.Encoder(order="deterministic", decimal_format="string").encode


def certificate(actor: Actor, from_seq: int, from_index: int = 0, built_from: int = 1) -> State:
    """Return what the actor would certify about itself."""
    return certified(actor.packages, actor.configuration, from_seq, from_index, built_from)


def certified(
    packages: Sequence[str],
    configuration: Mapping[str, object],
    from_seq: int,
    from_index: int = 0,
    built_from: int = 1,
) -> State:
    """Return the certificate of whoever writes a lane, an actor or not (`gate`)."""
    return State(
        code_digest=code_digest(packages),
        configuration=_encode(configuration).decode(),
        from_seq=from_seq,
        from_index=from_index,
        built_from=built_from,
    )


def is_same_release(one: State, other: State) -> bool:
    """Tell whether both were made by the same code under the same configuration."""
    return (one.code_digest, one.configuration) == (other.code_digest, other.configuration)


def outgoing(tape_id: str, actor: Actor, state: State, ts_ns: int) -> Outgoing:
    """Return the certificate ready for the tape. Its `Tape-Cause` is its `from_seq`."""
    key = f"birth/{state.code_digest}/{state.from_seq}"
    return fact(tape_id, actor.core.lane, state, ts_ns=ts_ns, key=key, cause=state.from_seq)


def still_to_say(outs: tuple[Outgoing, ...], state: State) -> tuple[Outgoing, ...]:
    """Return those outputs of one input that are to stand on the lane under this certificate."""
    if not outs or outs[0].cause > state.from_seq + 1:
        return outs
    return outs[state.from_index :] if outs[0].cause > state.from_seq else ()


def openings(tape_id: str, actor: Actor, ts_ns: int) -> list[Outgoing]:
    """Return the commands that follow the actor's first birth, ready for the tape."""
    speaker = actor.core.lane._replace(service="control", actor=actor.core.lane.service)
    return [
        fact(tape_id, speaker, message, ts_ns=ts_ns, key=f"opening/{actor.core.lane}/{i}")
        for i, message in enumerate(actor.opening)
    ]


async def last_certificate(tape: Tape, actor: Actor) -> tuple[Entry, State] | None:
    """Return the newest certificate on the actor's lane."""
    entry = await tape.last(f"{actor.core.lane}.state")
    if entry is None:
        return None
    _, message = entry.open()
    if not isinstance(message, State):
        raise DivergenceError(actor.core.lane, entry.seq, type(message).__name__, "State")
    return entry, message


async def unanswered_from(tape: Tape, actor: Actor, lane_end: Entry | None) -> tuple[int, int]:
    """Choose what a new certificate leaves unanswered: its `from_seq` and `from_index`.

    A strategy does not trade what happened before it was born. Everybody else must answer
    whatever the lane has not answered yet: its last cause is where the answers end, unless a
    crash cut that cause's answers short.
    """
    if not actor.answers_history:
        return (await tape.bounds()).last, 0
    if lane_end is None:
        return 0, 0
    message = lane_end.open()[1]
    if isinstance(message, State):
        return message.from_seq, message.from_index
    if lane_end.index + 1 < lane_end.count:
        return lane_end.cause - 1, lane_end.index + 1
    return lane_end.cause, 0
