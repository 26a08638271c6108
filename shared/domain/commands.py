"""Rules that every core applies to operators' commands, so that all reach the same verdict.

A command is obeyed once per id, not after its time, and not when the state it means to end is
newer than what the operator looked at (INV-COMMAND).
"""

from itertools import islice

COMMANDS_MAX = 1_000  # ids of commands a core remembers; the tape's own window is two minutes


def is_first(known: dict[str, None], identity: str, capacity: int = COMMANDS_MAX) -> bool:
    """Tell whether `identity` is new, and note it; beyond `capacity` the oldest are forgotten."""
    if identity in known:
        return False
    known[identity] = None
    forget_oldest(known, capacity)
    return True


def forget_oldest[T](known: dict[str, T], capacity: int) -> None:
    """Forget the oldest tenth of what is more than `capacity`.

    Not one by one: whoever asks a dictionary for its first item walks over all those that were
    taken from its front before, so that the ten-thousandth costs 2 us.
    """
    if len(known) > capacity:
        for identity in list(islice(known, capacity // 10 + 1)):
            del known[identity]


def lateness(valid_until_ns: int, recorded_ns: int) -> str:
    """Say why a command came too late; "" when it did not. Both are wall time; 0: no limit."""
    if valid_until_ns and recorded_ns > valid_until_ns:
        return f"recorded {(recorded_ns - valid_until_ns) / 1e9:.3f} s after its time"
    return ""


def newness(expected_seq: int, state_seq: int) -> str:
    """Say why a command cannot end the state that began at `state_seq`; "" when it can.

    `expected_seq` is the place on the tape that the operator looked at (the kill, or the halt it
    caused, or the tape's end); 0 names none, which ends nothing: it may be older than the state.
    """
    if not expected_seq and state_seq:
        return f"it has to name the state it changes, and names none; that is of {state_seq}"
    if expected_seq < state_seq:
        return f"sequence {expected_seq} was expected, but the state is of sequence {state_seq}"
    return ""
