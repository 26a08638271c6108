"""Where snapshots and the ledger's rows are kept, with what may befall them there."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from msgspec.structs import replace

from services.ledger.adapters.records import Batch, Record, genesis
from services.ledger.adapters.writer import CursorMovedError
from shared.runtime.snapshot_store import KEPT_PER_LANE, TRAIL_S
from shared.runtime.snapshots import Snapshot, decode, encode
from shared.subjects import Lane
from tests.simulation.link import Life
from tests.simulation.log import Log
from tests.simulation.weather import Weather


class Attic:
    """All snapshots of all lanes, as bytes."""

    def __init__(self, weather: Weather) -> None:
        self.kept: dict[str, list[bytes]] = {}
        self.weather = weather

    def put(self, snapshot: Snapshot) -> None:
        """Keep one, or something that only looks like it."""
        data, draw = encode(snapshot), self.weather.draw
        if self.weather.happens(0.15):
            kind = draw.choice(("corrupt", "altered", "foreign", "of another release", "lost"))
            self.weather.counts[f"snapshot {kind}"] += 1
            if kind == "lost":
                return
            if kind == "corrupt":
                place = draw.randrange(len(data))
                data = data[:place] + bytes([data[place] ^ 0x15]) + data[place + 1 :]
            elif kind == "altered":  # readable, and of another place than its checksum says
                altered = replace(snapshot.sealed(), seq=max(snapshot.seq - draw.randint(1, 9), 1))
                data = msgspec.msgpack.encode(altered)
            elif kind == "foreign":
                data = encode(replace(snapshot, tape_id="f" * 16, state=b"not yours"))
            else:
                data = encode(replace(snapshot, release="another", state=b"not yours"))
        kept = self.kept.setdefault(snapshot.lane, [])
        kept.append(data)
        del kept[:-KEPT_PER_LANE]


class SimSnapshots:
    """One process's way to the attic; implements `SnapshotStore`."""

    def __init__(self, attic: Attic, life: Life) -> None:
        self._attic = attic
        self._life = life
        self._waiting: dict[str, Snapshot] = {}
        self._wake = asyncio.Event()

    async def newest(self, lane: Lane) -> list[Snapshot]:
        await self._life.breathe()
        found = [decode(data) for data in self._attic.kept.get(str(lane), [])]
        return [snapshot for snapshot in reversed(found) if snapshot is not None]

    def put_soon(self, snapshot: Snapshot) -> None:
        self._waiting[snapshot.lane] = snapshot
        self._wake.set()

    async def put(self, snapshot: Snapshot) -> None:
        await asyncio.sleep(TRAIL_S + self._attic.weather.hop())
        await self._life.breathe()
        self._attic.put(snapshot)

    async def run(self) -> None:
        """Store in the background, now and then much later."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                _, snapshot = self._waiting.popitem()
                if self._attic.weather.happens(0.2):
                    await asyncio.sleep(0.3)
                await self.put(snapshot)


class Database:
    """The ledger's tables. One transaction moves rows and cursor; an execution comes once."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.seq = 0
        self.hash = genesis(log.id)
        self.events: list[Record] = []
        self.copies: dict[str, list[Record]] = {}
        self.upserts: dict[str, dict[Record, Record]] = {}
        self.is_up = True

    def commit(self, batch: Batch) -> None:
        """Store a batch; CursorMovedError when it does not begin where the cursor stands."""
        if self.seq != batch.old_seq:
            raise CursorMovedError("the simulation", "main", batch.old_seq)
        assert batch.seq > batch.old_seq, f"the cursor goes back from {self.seq} to {batch.seq}"
        self.seq, self.hash = batch.seq, batch.hash
        self.events += batch.events
        for table, records in batch.copies.items():
            self.copies.setdefault(table, []).extend(records)
        for table, by_key in batch.upserts.items():
            self.upserts.setdefault(table, {}).update(by_key)


class SimWriter:
    """One process's connection to the database; stands where `adapters.writer.Writer` stands."""

    where = "the simulation"

    def __init__(self, database: Database, life: Life, weather: Weather) -> None:
        self._database = database
        self._life = life
        self._weather = weather
        self._is_in_doubt = False

    async def open(self, tape_end: Callable[[], Awaitable[int]]) -> tuple[int, bytes]:
        cursor = await self.cursor()
        end = await tape_end()
        assert cursor[0] <= end, f"rows of {cursor[0]}, tape of {end}"
        return cursor

    async def cursor(self) -> tuple[int, bytes]:
        await self._reach()
        return self._database.seq, self._database.hash

    async def store(self, batch: Batch) -> None:
        while True:
            await self._reach()
            if self._weather.happens(0.02):
                self._weather.counts["commit lost"] += 1
                self._is_in_doubt = True
                continue
            at = (self._database.seq, self._database.hash)
            if not (self._is_in_doubt and at == (batch.seq, batch.hash)):
                self._database.commit(batch)
            self._is_in_doubt = False
            if not self._weather.happens(0.02):
                break
            self._weather.counts["commit unanswered"] += 1
            self._is_in_doubt = True
        await self._reach()

    async def close(self) -> None:
        """Nothing is held."""

    async def _reach(self) -> None:
        await asyncio.sleep(self._weather.hop())
        await self._life.breathe()
        while not self._database.is_up:
            await asyncio.sleep(0.02)
            await self._life.breathe()
