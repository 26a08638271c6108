"""A database that was filled from another past of the same tape is refused, with advice."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from services.ledger.adapters.identity import check_history
from services.ledger.migrate import migrate
from shared.config.desk import PostgresSettings
from shared.domain.errors import ConfigurationError, UnavailableError
from shared.tape.archive import ArchiveTape
from shared.tape.entry import Entry
from tests.integration.test_ledger_writer import Ledger
from tests.unit.services.ledger.story import ordinary_day
from tests.unit.shared.tape.archives import archive

ENTRIES = ordinary_day().entries


@pytest.fixture
def filled_url(database_url: str) -> str:
    """A database that holds the whole day."""

    async def fill() -> None:
        await migrate(database_url)
        await Ledger(database_url).run(ENTRIES)

    asyncio.run(fill())
    return database_url


def judge(url: str, path: Path, entries: list[Entry]) -> None:
    """Check a tape of these entries against the database."""
    tape = ArchiveTape.open(archive(path, entries))
    asyncio.run(check_history(tape, PostgresSettings(url=SecretStr(url), connect_timeout_s=5)))


def test_the_tape_that_filled_it_is_accepted_also_when_it_has_grown(
    filled_url: str, tmp_path: Path
) -> None:
    judge(filled_url, tmp_path / "a", ENTRIES)
    last = ENTRIES[-1]
    judge(filled_url, tmp_path / "b", [*ENTRIES, replace(last, seq=last.seq + 1)])


def test_a_tape_that_was_cut_and_grew_another_way_is_refused(
    filled_url: str, tmp_path: Path
) -> None:
    last = ENTRIES[-1]
    other = replace(last, payload=last.payload.replace(b'"id":"', b'"id":"f'))
    with pytest.raises(ConfigurationError, match=f"message {last.seq} was .* it is another") as no:
        judge(filled_url, tmp_path / "a", [*ENTRIES[:-1], other])
    assert "Set postgres.url to a new database" in str(no.value)


def test_market_data_may_have_expired_but_what_an_actor_said_may_not(
    filled_url: str, tmp_path: Path
) -> None:
    lasting = max(e.seq for e in ENTRIES if e.lane.service != "data")
    judge(filled_url, tmp_path / "a", [e for e in ENTRIES if e.lane.service != "data"])
    gone = [e for e in ENTRIES if e.seq != lasting]
    with pytest.raises(ConfigurationError, match=f"message {lasting} was .* not on the tape"):
        judge(filled_url, tmp_path / "b", gone)


def test_an_empty_database_fits_every_tape(database_url: str, tmp_path: Path) -> None:
    asyncio.run(migrate(database_url))
    judge(database_url, tmp_path / "a", ENTRIES)


def test_a_database_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot be reached"):
        judge("postgresql://a@127.0.0.1:1/b", tmp_path / "a", ENTRIES)
