"""The quicker header parser says what the library's says."""

import hypothesis.strategies as st
from hypothesis import example, given
from nats.aio.client import Client

from shared.tape.client import LeanClient

NAMES = st.text("abcXYZ-_ \t1é", max_size=8)
VALUES = st.text(st.characters(exclude_characters="\r\n"), max_size=20)
LINES = st.lists(st.tuples(NAMES, VALUES), max_size=6)


@given(LINES, st.binary(max_size=20))
@example([("Tape-Cause", " 12"), ("traceparent", "00-a:b"), ("Tape-Count", "\t1 ")], b"")
def test_headers_are_read_as_the_library_reads_them(
    lines: list[tuple[str, str]], rest: bytes
) -> None:
    raw = b"".join(f"{name}:{value}\r\n".encode() for name, value in lines) + rest

    assert LeanClient._parse_header_lines(raw) == Client._parse_header_lines(raw)
