"""Our own reader over JetStream: gapless, bounded, never silently behind.

An ephemeral pull consumer without acknowledgements, kept in the server's memory. Every delivered
message carries its consumer sequence: it must be the previous one plus one. A gap, a missed
heartbeat or a reconnect recreates the consumer after the last stream sequence handed out.
(The client library's ordered consumer was seen to lose messages at its pending limit and to
restart at sequence 1 without an error.)
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Sequence
from typing import Any, Self

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from shared.domain.errors import UnavailableError
from shared.tape.credible import is_credible, mechanics
from shared.tape.entry import Entry
from shared.tape.marks import RECORDED

PULL_MESSAGES = 512  # at most two pulls wait in memory
PULL_BYTES_MAX = 8 * 1024 * 1024
PULL_EXPIRES_S = 30.0
HEARTBEAT_S = 0.5
HEARTBEATS_MISSED_MAX = 3.0
CONSUMER_KEPT_S = 30.0
RETRY_S = 0.2
REQUEST_TIMEOUT_S = 5.0
_NS = 1_000_000_000


class PullReader:
    """Entries of some subjects in tape order. `recreations` counts the consumers made anew."""

    def __init__(
        self,
        client: Client,
        stream: str,
        patterns: Sequence[str],
        start_seq: int,
        *,
        imported_to: int = 0,
    ) -> None:
        self._client = client
        self._stream = stream
        self._patterns = list(patterns)
        self._next_seq = max(start_seq, 1)
        self._imported_to = imported_to
        self._ready: deque[Entry] = deque()
        self._wake = asyncio.Event()
        self._subscription: Subscription | None = None
        self._inbox = ""
        self._consumer = ""
        self._consumer_seq = 0
        self._wanted = 0  # messages that the running pull may still deliver
        self._received_seq = self._next_seq - 1
        self._heard_s = 0.0
        self._broken = ""
        self._interrupted = False
        self.recreations = 0
        self.refused = 0

    def interrupt(self) -> None:
        """Let `next` wait no longer, not even for the server."""
        self._interrupted = True
        self._wake.set()

    @property
    def is_idle(self) -> bool:
        """True when nothing more is at hand without waiting."""
        return not self._ready

    async def __aenter__(self) -> Self:
        await self._create()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._discard()

    async def next(self, timeout_s: float) -> Entry | None:
        """Return the next entry, or None when none came in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while not self._ready:
            self._wake.clear()  # before looking: what arrives while we ask is not missed
            if self._is_silent(loop.time()):
                await self._recreate()
            if self._interrupted:
                return None
            if self._wanted <= 0:
                await self._pull()
            left_s = deadline - loop.time()
            if left_s <= 0:
                return None
            try:
                async with asyncio.timeout(min(left_s, HEARTBEAT_S)):
                    await self._wake.wait()
            except TimeoutError:
                continue
        if self._wanted <= 0 and len(self._ready) <= PULL_MESSAGES // 2:
            await self._pull()
        entry = self._ready.popleft()
        self._next_seq = entry.seq + 1
        return entry

    def _is_silent(self, now_s: float) -> bool:
        if not self._client.is_connected:
            self._broken = "disconnected"
        if now_s - self._heard_s > HEARTBEAT_S * HEARTBEATS_MISSED_MAX:
            self._broken = self._broken or "no heartbeat"
        return bool(self._broken)

    async def _recreate(self) -> None:
        """Start again after the last entry received; waits for the server as long as it takes."""
        self.recreations += 1
        await self._discard()
        while not self._interrupted:
            try:
                await self._create()
            except UnavailableError:
                await self._discard()  # the subscription would stay, and be made again for ever
                await asyncio.sleep(RETRY_S)
            else:
                return

    async def _create(self) -> None:
        self._consumer = f"r{secrets.token_hex(8)}"
        self._consumer_seq = 0
        self._wanted = 0
        self._broken = ""
        name = self._consumer

        async def take(message: Msg) -> None:
            if name == self._consumer and not self._broken:
                self._take(message)

        config: dict[str, Any] = {
            "name": name,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self._received_seq + 1,
            "ack_policy": "none",
            "filter_subjects": self._patterns,
            "replay_policy": "instant",
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": int(CONSUMER_KEPT_S * _NS),
        }
        request = msgspec.json.encode({"stream_name": self._stream, "config": config})
        try:
            inbox = self._client.new_inbox()
            # No pending limits: what may be pending is bounded by what we pull.
            self._subscription = await self._client.subscribe(
                inbox, cb=take, pending_msgs_limit=0, pending_bytes_limit=0
            )
            reply = await self._client.request(
                f"$JS.API.CONSUMER.CREATE.{self._stream}.{name}", request, timeout=REQUEST_TIMEOUT_S
            )
        except NatsError as error:
            raise UnavailableError(f"NATS does not answer: {error}") from error
        answer = msgspec.json.decode(reply.data)
        if "error" in answer:
            raise UnavailableError(f"the tape cannot be read: {answer['error']['description']}")
        self._inbox = inbox
        self._heard_s = asyncio.get_running_loop().time()
        await self._pull()

    async def _discard(self) -> None:
        consumer, self._consumer = self._consumer, ""
        subscription, self._subscription = self._subscription, None
        try:
            if subscription is not None:
                await subscription.unsubscribe()
            if consumer and self._client.is_connected:
                # Best effort: the server drops it anyway after CONSUMER_KEPT_S.
                await self._client.publish(
                    f"$JS.API.CONSUMER.DELETE.{self._stream}.{consumer}", b""
                )
        except NatsError as error:
            self._broken = f"consumer left to its time-out: {error}"

    async def _pull(self) -> None:
        request = {
            "batch": PULL_MESSAGES,
            "max_bytes": PULL_BYTES_MAX,
            "expires": int(PULL_EXPIRES_S * _NS),
            "idle_heartbeat": int(HEARTBEAT_S * _NS),
        }
        self._wanted = PULL_MESSAGES
        try:
            await self._client.publish(
                f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}",
                msgspec.json.encode(request),
                reply=self._inbox,
            )
        except NatsError as error:
            self._broken = str(error) or "pull failed"

    def _take(self, message: Msg) -> None:
        self._heard_s = asyncio.get_running_loop().time()
        headers = message.headers
        # What stands on the tape has a reply subject. A header alone proves nothing: a speaker who
        # could pass his message off as the server's word would stop everybody's reading there.
        if not message.reply:
            self._take_status((headers or {}).get("Status", "without a status"), headers or {})
            return
        # $JS.ACK.….<delivered>.<stream seq>.<consumer seq>.<recorded ns>.<pending>
        _, stream_seq, consumer_seq, recorded_ns, _ = message.reply.rsplit(".", 4)
        if int(consumer_seq) != self._consumer_seq + 1:
            self._broken = f"gap after consumer sequence {self._consumer_seq}"
            self._wake.set()
            return
        self._consumer_seq += 1
        self._wanted -= 1
        self._received_seq = int(stream_seq)
        if int(stream_seq) <= self._imported_to:  # of a later one this would be a forgery
            recorded_ns = (headers or {}).get(RECORDED, recorded_ns)
        entry = _entry(message, headers or {}, int(stream_seq), int(recorded_ns))
        if entry is None:
            self.refused += 1
        else:
            self._ready.append(entry)
            self._wake.set()

    def _take_status(self, status: str, headers: dict[str, str]) -> None:
        if status == "100":  # idle heartbeat
            last = headers.get("Nats-Last-Consumer")
            if last is not None and int(last) != self._consumer_seq:
                self._broken = "heartbeat ahead of what was delivered"
                self._wake.set()
            return
        if status in ("404", "408", "409"):  # the pull ended: expired, full or consumer gone
            self._wanted = 0
            if "onsumer" in headers.get("Description", ""):
                self._broken = headers["Description"]
        else:
            self._broken = f"status {status}"
        self._wake.set()


def _entry(message: Msg, headers: dict[str, str], seq: int, recorded_ns: int) -> Entry | None:
    """Build the entry; None for what cannot have been written by an honest speaker."""
    told = mechanics(headers)
    if told is None or not is_credible(message.subject, headers, message.data):
        return None
    return Entry(
        seq=seq,
        subject=message.subject,
        payload=message.data,
        recorded_ns=recorded_ns,
        cause=told.cause,
        index=told.index,
        count=told.count,
        trace=told.trace,
        fenced=told.fenced,
    )
