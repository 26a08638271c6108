"""Where code hangs, what is put on the tape for it, and what the next start can read."""

import asyncio
import faulthandler
import sys
from pathlib import Path
from typing import override

from shared.core import Stamp
from shared.messages.base import Message
from shared.messages.control import Quarantine
from shared.runtime.hang import Hang, Mark, put_quarantine, put_slow, read_mark, where_of
from shared.runtime.watchdog import Post, Watched
from shared.subjects import lane
from shared.tape.memory import MemoryTape
from tests import toy
from tests.tapes import TAPE_ID

LANE = lane("strategy", "slow")
HANG = Hang(LANE, 7, "author.py:12")


def test_the_line_is_the_authors_and_not_the_librarys() -> None:
    def author() -> str:
        return where_of(sys._getframe(), Watched.handle.__code__)

    assert author().startswith("test_hang.py:")


def test_a_hang_is_put_on_the_tape_once_nobody_has_got_past_it() -> None:
    tape = MemoryTape(TAPE_ID)

    assert asyncio.run(put_quarantine(tape, HANG))
    message = tape.entry(1).open()[1]
    assert isinstance(message, Quarantine)
    assert (message.strategy_id, message.from_seq) == ("slow", 7)
    assert "author.py:12" in message.reason


def test_who_is_too_slow_is_quarantined_from_here_on() -> None:
    tape = MemoryTape(TAPE_ID)

    asyncio.run(put_slow(tape, LANE, 9, 2.5, 1.0))
    asyncio.run(put_slow(tape, LANE, 9, 2.5, 1.0))

    assert tape.last_seq == 1
    message = tape.entry(1).open()[1]
    assert isinstance(message, Quarantine)
    assert message.from_seq == 0


def test_a_sentence_says_who_where_and_how_long() -> None:
    assert HANG.sentence(10.0) == "strategy.slow hung for 10 s on message 7, at author.py:12"


def test_a_mark_without_a_dump_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mark"
    assert read_mark(path, [LANE]) is None
    mark = Mark(path)
    post = Post()
    post.note = mark.note
    post.begin(LANE, 7)
    assert read_mark(path, [LANE]) is None
    mark.remove()
    assert not path.exists()


def test_what_faulthandler_wrote_is_read_by_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "mark"
    mark, post = Mark(path), Post()
    post.note = mark.note
    core = Dumping(mark)
    tape = MemoryTape(TAPE_ID)
    asyncio.run(put_slow(tape, LANE, 1, 1.0, 1.0))
    Watched(core, post).handle(*tape.entry(1).open())
    text = path.read_bytes()
    path.write_bytes(b"7 strategy.slow".ljust(256) + b"Timeout (0:00:10)!\n" + text[256:])

    found = read_mark(path, [LANE])
    mark.file.close()

    assert found is not None
    assert (found.lane, found.seq) == (LANE, 7)
    assert found.where.startswith("test_hang.py:")
    assert read_mark(path, [lane("strategy", "another")]) is None


class Dumping(toy.ToyStrategy):
    """Its call is dumped as faulthandler would at the end of its patience."""

    foresees: tuple[str, ...] = ()

    def __init__(self, mark: Mark) -> None:
        super().__init__("slow", 1)
        self._mark = mark

    def foresee(self, *_: object) -> None: ...

    @override
    def handle(self, stamp: Stamp, message: Message) -> tuple[Message, ...]:
        faulthandler.dump_traceback(self._mark.file)
        return ()
