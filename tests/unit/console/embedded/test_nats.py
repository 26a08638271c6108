import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from console.embedded import nats
from shared.domain.errors import UnavailableError


def test_a_store_may_grow_by_most_of_what_is_free_beyond_what_it_holds(tmp_path: Path) -> None:
    store = tmp_path / "jetstream"
    store.mkdir()
    before = nats._store_bytes_max(store)
    (store / "block").write_bytes(b"x" * 5_000_000)

    free = shutil.disk_usage(tmp_path).free
    assert nats._store_bytes_max(store) > 5_000_000
    assert before == pytest.approx(free * nats.FREE_SHARE_FOR_TAPE, rel=0.1)


def test_a_full_disk_is_told_before_the_server_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(NamedTuple):
        free: int = 7_000_000

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Full())

    with pytest.raises(UnavailableError, match="is full: 7 MB are free"):
        nats._store_bytes_max(tmp_path / "jetstream")


def test_the_servers_own_complaint_ends_the_sentence() -> None:
    lines = ["[1] 2026/01/01 [INF] Starting", "[1] 2026/01/01 [FTL] Can't start JetStream: no room"]
    error = UnavailableError("it ended")

    assert nats._with_reason(error, lines) == "it ended: Can't start JetStream: no room"
    assert nats._with_reason(error, lines[:1]) == "it ended"


def test_what_a_release_without_accounts_recorded_is_moved_to_its_vault(tmp_path: Path) -> None:
    old = tmp_path / "jetstream" / "$G" / "streams"
    for stream in ("TAPE", "SNAPSHOTS", "OTHER"):
        (old / stream).mkdir(parents=True)
        (old / stream / "meta.inf").write_text(stream)

    nats._move_streams_to_vaults(tmp_path)
    nats._move_streams_to_vaults(tmp_path)  # again changes nothing

    for stream in ("TAPE", "SNAPSHOTS"):
        moved = tmp_path / "jetstream" / stream / "streams" / stream / "meta.inf"
        assert moved.read_text() == stream
    assert [path.name for path in old.iterdir()] == ["OTHER"]


def test_a_vault_that_holds_a_stream_already_is_left_alone(tmp_path: Path) -> None:
    for account in ("$G", "TAPE"):
        folder = tmp_path / "jetstream" / account / "streams" / "TAPE"
        folder.mkdir(parents=True)
        (folder / "meta.inf").write_text(account)

    nats._move_streams_to_vaults(tmp_path)

    kept = tmp_path / "jetstream" / "TAPE" / "streams" / "TAPE" / "meta.inf"
    assert kept.read_text() == "TAPE"
