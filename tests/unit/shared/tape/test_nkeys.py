import base64
import binascii

import pytest
from nacl.signing import VerifyKey

from shared.domain.errors import ConfigurationError
from shared.tape.nkeys import UserKey

# From the documentation of NATS: "Auth, NKeys".
SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"


def test_a_seed_of_the_servers_documentation_has_the_public_key_given_there() -> None:
    key = UserKey.from_seed(f"{SEED}\n")

    assert key.public == PUBLIC
    assert key.seed == SEED


def test_a_new_key_comes_back_from_its_seed() -> None:
    key = UserKey.generate()

    assert len(key.seed) == len(SEED)
    assert key.seed.startswith("SU")
    assert UserKey.from_seed(key.seed).public == key.public
    assert UserKey.generate().public != key.public


def test_a_nonce_is_signed_so_that_the_public_key_proves_it() -> None:
    key = UserKey.from_seed(SEED)
    raw = base64.b32decode(PUBLIC)[1:33]

    signature = base64.b64decode(key.sign("a nonce"))

    assert VerifyKey(raw).verify(b"a nonce", signature) == b"a nonce"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        SEED[:-1],
        SEED.replace("L3U", "L3V"),
        "SUaCSSL3",
        PUBLIC,
        "é" * 58,
        "SAACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY",
    ],
)
def test_what_is_no_seed_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ConfigurationError, match="nkey seed") as refused:
        UserKey.from_seed(text)
    assert len(text) < 3 or text not in str(refused.value)


def test_an_accounts_seed_is_not_a_users() -> None:
    body = bytes([18 << 3, 0]) + bytes(32)
    crc = binascii.crc_hqx(body, 0).to_bytes(2, "little")
    seed = base64.b32encode(body + crc).decode().rstrip("=")

    with pytest.raises(ConfigurationError, match="not that of a user"):
        UserKey.from_seed(seed)


def test_a_print_of_a_key_shows_no_secret() -> None:
    assert SEED not in repr(UserKey.from_seed(SEED))
