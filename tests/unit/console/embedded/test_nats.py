import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from console.embedded import nats
from console.embedded.nats import configuration
from shared.domain.errors import UnavailableError
from shared.permissions import USERS, permissions


def made(**extras: object) -> dict[str, Any]:
    text = configuration(
        listen="127.0.0.1:4222",
        store_dir="store",
        store_bytes_max=1_000,
        users={user: f"{user}-secret" for user in USERS},
        book="main",
        extras=extras,
    )
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def test_every_user_has_its_own_permissions_and_admin_has_no_limits() -> None:
    users = {entry["user"]: entry for entry in made()["authorization"]["users"]}

    assert list(users) == list(USERS)
    assert "permissions" not in users["admin"]
    risk = users["risk"]["permissions"]
    assert tuple(risk["publish"]["allow"]) == permissions("risk", "main").publish
    assert tuple(risk["subscribe"]["allow"]) == permissions("risk", "main").subscribe


def test_what_is_acknowledged_is_on_disk_within_ten_milliseconds() -> None:
    assert made()["jetstream"]["sync_interval"] == "10ms"


def test_nothing_listens_but_the_port_of_the_tape() -> None:
    assert made()["listen"] == "127.0.0.1:4222"
    assert not {"http", "https", "cluster", "leafnodes", "websocket"} & set(made())


def test_extras_are_laid_on_top() -> None:
    assert made(max_payload=2_000)["max_payload"] == 2_000


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
