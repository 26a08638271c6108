"""nkeys: Ed25519 keys in the text form of NATS, so that the server knows public keys only.

A seed is base32 of two bytes of prefix, 32 bytes of key and a CRC-16/XMODEM (little-endian); a
public key has one byte of prefix. Source: github.com/nats-io/nkeys, `strkey.go` and `crc16.go`.
Signing is PyNaCl's, a third of the memory of `cryptography` (3 MB, 12 ms), loaded when needed.
"""

import base64
import binascii
from typing import Self, override

from shared.domain.errors import ConfigurationError

_SEED = 18 << 3  # reads "S"
_USER = 20 << 3  # reads "U"
_KEY_BYTES = 32
_WHAT_IT_IS = "an nkey seed of a user begins with SU and has 58 characters"


class UserKey:
    """The key pair of one user. Its seed is in no print of it."""

    def __init__(self, raw: bytes) -> None:
        from nacl.signing import SigningKey  # noqa: PLC0415 - only who logs in by nkey pays for it

        self._raw = raw
        self._signing = SigningKey(raw)
        self.public = _encode(bytes([_USER]) + bytes(self._signing.verify_key))

    @classmethod
    def generate(cls) -> Self:
        """Return a new random key."""
        from nacl.utils import random  # noqa: PLC0415 - as above

        return cls(random(_KEY_BYTES))

    @classmethod
    def from_seed(cls, seed: str) -> Self:
        """Return the key of a seed; ConfigurationError, without the seed, when it is none."""
        body = _decode(seed.strip())
        if body[0] & 0b1111_1000 != _SEED or len(body) != 2 + _KEY_BYTES:
            raise ConfigurationError(f"not an nkey seed: {_WHAT_IT_IS}")
        if (body[0] & 0b111) << 5 | body[1] >> 3 != _USER:
            raise ConfigurationError(f"an nkey seed, but not that of a user: {_WHAT_IT_IS}")
        return cls(body[2:])

    @property
    def seed(self) -> str:
        """The secret, as text."""
        prefix = bytes([_SEED | _USER >> 5, (_USER & 0b1_1111) << 3])
        return _encode(prefix + self._raw)

    def sign(self, nonce: str) -> bytes:
        """Return the answer to a server's nonce, as the client library wants it."""
        return base64.b64encode(self._signing.sign(nonce.encode()).signature)

    @override
    def __repr__(self) -> str:
        return f"UserKey({self.public})"


def _encode(body: bytes) -> str:
    crc = binascii.crc_hqx(body, 0).to_bytes(2, "little")  # crc_hqx is CRC-16/XMODEM
    return base64.b32encode(body + crc).decode("ascii").rstrip("=")


def _decode(text: str) -> bytes:
    try:
        whole = base64.b32decode(text + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError):
        whole = b""
    body, crc = whole[:-2], whole[-2:]
    if not body or binascii.crc_hqx(body, 0).to_bytes(2, "little") != crc:
        raise ConfigurationError(f"not an nkey seed, or one with a typing error: {_WHAT_IT_IS}")
    return body
