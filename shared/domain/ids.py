"""Identities, derived and never random, so that a replay makes the same ones.

An id is a hash of (tape id, lane, id of the cause, index among the cause's outputs). Sequence
numbers do not enter: they may differ between a tape and its copy, the identities may not.
"""

from hashlib import blake2b

ID_BYTES = 16  # 128 bits: no collision in any tape that fits on a disk


def derive_id(tape_id: str, lane: str, cause_id: str, index: int) -> str:
    """Return the id, 32 hexadecimal characters, of one output of one cause."""
    text = f"{tape_id}\n{lane}\n{cause_id}\n{index}"
    made = _BLANK.copy()
    made.update(text.encode())
    return made.hexdigest()


def client_order_id(tape_id: str, order_id: str) -> str:
    """Return the id under which a broker knows an order: at most 48 characters, tape first."""
    return f"td-{tape_id[:8]}-{order_id}"


_BLANK = blake2b(digest_size=ID_BYTES)  # copied: to make one costs as much as the hash itself
