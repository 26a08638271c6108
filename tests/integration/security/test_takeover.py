"""A state folder of a release without accounts and nkeys goes on where it was."""

import asyncio
import json
import subprocess
import time
from pathlib import Path

import nats

from console.embedded import programs
from console.embedded.credentials import FILE_NAME
from console.embedded.nats import EmbeddedNats
from console.embedded.process import free_port
from shared.permissions import ADMIN
from shared.tape.client import connect
from shared.tape.jetstream import JetStreamTape

TAPE_ID = "00112233445566ff"


def record_as_before(state: Path) -> None:
    """Run a server as the old release configured it, and put one message on its tape."""
    port = free_port()
    store = state / "nats" / "jetstream"
    config = {
        "listen": f"127.0.0.1:{port}",
        "jetstream": {"store_dir": str(store)},
        "authorization": {"users": [{"user": ADMIN, "password": "old"}]},
    }
    store.mkdir(parents=True)
    path = state / "old.conf"
    path.write_text(json.dumps(config), encoding="utf-8")
    passwords = {"nats": {ADMIN: "old"}, "postgres": {"tapedeck": "kept"}}
    (state / FILE_NAME).write_text(json.dumps(passwords), encoding="utf-8")
    log = state / "old.log"
    server = subprocess.Popen([str(programs.nats_server()), "-c", str(path), "-l", str(log)])
    try:
        deadline_s = time.monotonic() + 20
        while not log.exists() or "Server is ready" not in log.read_text():
            assert time.monotonic() < deadline_s, "the old server did not start"
            time.sleep(0.02)
        asyncio.run(_record(port))
    finally:
        server.terminate()
        server.wait()


async def _record(port: int) -> None:
    client = await nats.connect(f"nats://127.0.0.1:{port}", user=ADMIN, password="old")
    config = {
        "name": "TAPE",
        "subjects": ["data.>"],
        "metadata": {"tapedeck-tape-id": TAPE_ID},
    }
    await client.request("$JS.API.STREAM.CREATE.TAPE", json.dumps(config).encode(), timeout=5)
    await client.request("data.file.clock", b"recorded before", timeout=5)
    await client.close()


def test_a_tape_recorded_before_there_were_accounts_goes_on(tmp_path: Path) -> None:
    record_as_before(tmp_path)

    async def look(server: EmbeddedNats) -> None:
        client = await connect(server.url, name=ADMIN, login=server.login(ADMIN), timeout_s=5)
        try:
            tape = await JetStreamTape.open(client)
            entry = await tape.get(1)
            assert tape.id == TAPE_ID
            assert entry is not None
            assert entry.payload == b"recorded before"
        finally:
            await client.close()

    for _ in range(2):  # and goes on again
        with EmbeddedNats(tmp_path) as server:
            asyncio.run(look(server))
    kept = json.loads((tmp_path / FILE_NAME).read_text())
    assert kept == {"postgres": {"tapedeck": "kept"}}
