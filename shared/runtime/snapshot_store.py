"""Snapshots kept on the tape's server, in a stream of their own: the newest few of each lane."""

import asyncio
from base64 import b64decode

import msgspec
from msgspec import Struct
from nats.aio.client import Client
from nats.errors import Error as NatsError
from structlog.typing import FilteringBoundLogger

from shared.runtime.snapshots import Snapshot, decode, encode
from shared.subjects import Lane
from shared.tape.interface import PAYLOAD_BYTES_MAX

STREAM = "SNAPSHOTS"
KEPT_PER_LANE = 3  # the newest may be ahead of the ledger's database after a power cut
REQUEST_TIMEOUT_S = 5.0
TRAIL_S = 0.02  # two sync intervals: after a power cut no snapshot knows more than the tape


class _Stored(Struct):
    seq: int
    data: str = ""


class _MsgGet(Struct):
    message: _Stored | None = None


async def init_snapshots(client: Client) -> None:
    """Create the stream if there is none."""
    config = {
        "name": STREAM,
        "subjects": ["snapshot.>"],
        "storage": "file",
        "max_msgs_per_subject": KEPT_PER_LANE,
        "discard": "old",
        "num_replicas": 1,
    }
    await client.request(
        f"$JS.API.STREAM.CREATE.{STREAM}", msgspec.json.encode(config), timeout=REQUEST_TIMEOUT_S
    )


class JetStreamSnapshots:
    """Reads and writes snapshots; run `run` beside the actors for those written in background."""

    def __init__(self, client: Client, log: FilteringBoundLogger) -> None:
        self._client = client
        self._log = log
        self._waiting: dict[str, Snapshot] = {}  # the newest of each lane wins
        self._wake = asyncio.Event()

    async def newest(self, lane: Lane) -> list[Snapshot]:
        """Return the whole ones of a lane, newest first."""
        found: list[Snapshot] = []
        seq = 1
        for _ in range(KEPT_PER_LANE + 1):
            query = msgspec.json.encode({"seq": seq, "next_by_subj": f"snapshot.{lane}"})
            try:
                reply = await self._client.request(
                    f"$JS.API.STREAM.MSG.GET.{STREAM}", query, timeout=REQUEST_TIMEOUT_S
                )
            except NatsError as error:
                self._log.warning("snapshots cannot be read", lane=str(lane), error=str(error))
                return []
            stored = msgspec.json.decode(reply.data, type=_MsgGet).message
            if stored is None:
                break
            snapshot = decode(b64decode(stored.data))
            if snapshot is None:
                self._log.warning("corrupt snapshot passed over", lane=str(lane), at=stored.seq)
            else:
                found.append(snapshot)
            seq = stored.seq + 1
        return found[::-1]

    def put_soon(self, snapshot: Snapshot) -> None:
        """Store in the background."""
        self._waiting[snapshot.lane] = snapshot
        self._wake.set()

    async def put(self, snapshot: Snapshot) -> None:
        """Store now; a failure is logged, it costs time at the next start and nothing else."""
        data = encode(snapshot)
        if len(data) > PAYLOAD_BYTES_MAX:
            self._log.warning(
                "snapshot too large to keep", lane=snapshot.lane, size_bytes=len(data)
            )
            return
        await asyncio.sleep(TRAIL_S)
        try:
            await self._client.request(f"snapshot.{snapshot.lane}", data, timeout=REQUEST_TIMEOUT_S)
        except NatsError as error:
            self._log.warning("snapshot not kept", lane=snapshot.lane, error=str(error))

    async def run(self) -> None:
        """Store what `put_soon` was given, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                _, snapshot = self._waiting.popitem()
                await self.put(snapshot)
