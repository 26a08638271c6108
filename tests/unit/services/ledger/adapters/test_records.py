"""Database records: the chain of hashes, and what of a batch is written."""

from hashlib import sha256

from msgspec.structs import replace

from services.ledger.adapters import statements
from services.ledger.adapters.records import Batch, Taken, genesis, link, make_batch
from shared.domain.values import Side
from tests.unit.services.ledger.story import TAPE_ID, Story


def taken(story: Story) -> list[Taken]:
    rows = story.core.take_rows(story.seq)
    made = [Taken(*entry.open(), entry.payload, [], 0.0) for entry in story.entries]
    return [*made[:-1], replace(made[-1], rows=rows)]


def batch_of(story: Story) -> Batch:
    return make_batch(taken(story), 0, genesis(TAPE_ID))


def test_a_hash_covers_its_predecessor_place_subject_and_payload() -> None:
    base = link(b"p", 1, 2, "a.b.c", b"{}")
    assert base == sha256(b"p" + (1).to_bytes(8) + (2).to_bytes(8) + b"a.b.c\x00{}").digest()
    others = [
        link(b"q", 1, 2, "a.b.c", b"{}"),
        link(b"p", 9, 2, "a.b.c", b"{}"),
        link(b"p", 1, 9, "a.b.c", b"{}"),
        link(b"p", 1, 2, "a.b.d", b"{}"),
        link(b"p", 1, 2, "a.b.c", b"[]"),
    ]
    assert base not in others


def test_an_event_is_kept_as_it_was_on_the_wire() -> None:
    story = Story()
    story.bar("BRK.B", 10.0)
    (record,) = batch_of(story).events
    event = dict(zip(statements.COPY["tape_events"], record, strict=True))
    entry = story.entries[0]
    assert event["payload"] == entry.payload.decode()
    assert event["subject"] == entry.subject == "data.file.bar.1m.BRK%2EB"
    assert (event["service"], event["actor"], event["event"]) == ("data", "file", "bar")
    assert (event["symbol"], event["seq"], event["causation_id"]) == ("BRK.B", 1, "")
    assert event["message_id"] == event["correlation_id"] == entry.open()[0].id


def test_a_batch_moves_the_cursor_and_chains_its_events() -> None:
    story = Story()
    story.account("1000")
    story.clock()
    batch = batch_of(story)
    previous = genesis(TAPE_ID)
    for entry, record in zip(story.entries, batch.events, strict=True):
        previous = link(previous, entry.seq, entry.recorded_ns, entry.subject, entry.payload)
        assert record[-1] == previous
    assert (batch.old_seq, batch.seq, batch.hash) == (0, 2, previous)


def test_two_batches_make_the_chain_of_one() -> None:
    story = Story()
    story.account("1000")
    story.clock()
    first, second = taken(story)
    one = make_batch([first], 0, genesis(TAPE_ID))
    two = make_batch([second], one.seq, one.hash)
    assert two.hash == batch_of(story).hash


def test_of_one_order_or_position_only_the_last_state_is_written() -> None:
    story = Story()
    story.account("1000")
    story.trade(Side.BUY, "10", "10")
    story.trade(Side.SELL, "4", "10")
    batch = batch_of(story)
    assert list(batch.upserts["orders"]) == [("main", "o1"), ("main", "o2")]
    (position,) = batch.upserts["positions"].values()
    assert str(position[3]) == "6"
    assert len(batch.copies["fills"]) == 2
