"""Every metric of the desk, in one place, with its unit.

Labels have few values: an actor, an event, a reason code; never a symbol, an order or a user.
The hot path holds children that were looked up once (`Metrics.actor`): an update costs well
under a microsecond. One `Metrics` has one registry, so that a test can have as many as it likes.
"""

from functools import cached_property

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from shared.messages.base import Message
from shared.messages.decisions import Denied
from shared.messages.orders import OrderMessage
from shared.subjects import Lane

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# From one core call to one slow disk; the bounds are seconds.
_HANDLE_S = (1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 0.1, 1.0)
_PUBLISH_S = (1e-4, 2e-4, 3e-4, 5e-4, 7.5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 5e-2, 0.25, 1.0, 5.0)


class Metrics:
    """What a process counts. `render` is what Prometheus scrapes."""

    def __init__(self, service: str, version: str) -> None:
        # Start times as extra series would double the page for nothing.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        registry = CollectorRegistry()
        self._registry = registry
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        Gauge(
            "tapedeck_build_info",
            "Always 1; the labels say what runs.",
            ["service", "version"],
            registry=registry,
        ).labels(service, version).set(1)

        self.tape_last_seq = Gauge(
            "tapedeck_tape_last_seq", "Last sequence number of the tape.", registry=registry
        )
        self.publish_seconds = Histogram(
            "tapedeck_publish_seconds",
            "Publishing one message or batch, until its verdict.",
            registry=registry,
            buckets=_PUBLISH_S,
        )
        self.market_dropped = Counter(
            "tapedeck_market_dropped_total",
            "Market messages dropped before the core.",
            ["reason"],
            registry=registry,
        )
        self._orders = Counter(
            "tapedeck_orders_total", "Steps in the life of orders.", ["outcome"], registry=registry
        )
        self._denied = Counter(
            "tapedeck_denied_total", "Reasons of denied signals.", ["code"], registry=registry
        )
        self._actors = _ActorFamilies(registry)

    def actor(self, lane: Lane) -> "ActorMetrics":
        """Return the metrics of one actor, looked up once and then held."""
        return ActorMetrics(self._actors, str(lane))

    def forget(self, lane: Lane) -> None:
        """Tell no more about an actor that has moved to another process."""
        for family in self._actors.all:
            family.remove_by_labels({"actor": str(lane)})

    def note(self, message: Message) -> None:
        """Count what a message that this process put on the tape means for the business."""
        if isinstance(message, OrderMessage):
            self._orders.labels(message.__struct_config__.tag).inc()
        elif isinstance(message, Denied):
            for reason in message.reasons:
                self._denied.labels(reason.code).inc()

    @cached_property
    def equity(self) -> Gauge:
        """The worth of the book. Made by who first sets it: elsewhere it would claim to be 0."""
        text = "Equity of the book, in its currency."
        return Gauge("tapedeck_equity", text, registry=self._registry)

    @cached_property
    def cash(self) -> Gauge:
        """The cash of the book, likewise."""
        return Gauge("tapedeck_cash", "Cash of the book, in its currency.", registry=self._registry)

    def render(self) -> bytes:
        """Return everything in the Prometheus text format (`CONTENT_TYPE`)."""
        return generate_latest(self._registry)


class _ActorFamilies:
    """The metrics that have an actor as a label."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.handled = Counter(
            "tapedeck_messages_handled_total",
            "Messages an actor's core has handled.",
            ["actor", "event"],
            registry=registry,
        )
        self.published = Counter(
            "tapedeck_messages_published_total",
            "Messages an actor has put on the tape.",
            ["actor", "event"],
            registry=registry,
        )
        self.handle_seconds = Histogram(
            "tapedeck_handle_seconds",
            "One call of an actor's core.",
            ["actor"],
            registry=registry,
            buckets=_HANDLE_S,
        )
        self.position_seq = Gauge(
            "tapedeck_position_seq",
            "Last sequence an actor has handled.",
            ["actor"],
            registry=registry,
        )
        self.lag_messages = Gauge(
            "tapedeck_lag_messages",
            "How far an actor is behind the tape's end.",
            ["actor"],
            registry=registry,
        )
        self.fence_lost = Counter(
            "tapedeck_fence_lost_total",
            "Publishes refused because another instance wrote.",
            ["actor"],
            registry=registry,
        )
        self.leads = Gauge(
            "tapedeck_actor_leads",
            "1 where this instance of the actor publishes, 0 where it stands by.",
            ["actor"],
            registry=registry,
        )
        self.reader_recreated = Counter(
            "tapedeck_reader_recreated_total",
            "Consumers made anew after a gap or a silence.",
            ["actor"],
            registry=registry,
        )
        self.all: tuple[Counter | Gauge | Histogram, ...] = (
            *(self.handled, self.published, self.handle_seconds, self.position_seq),
            *(self.lag_messages, self.fence_lost, self.leads, self.reader_recreated),
        )


class ActorMetrics:
    """The metrics of one actor.

    `handle_seconds`, `position_seq`, `lag_messages`, `fence_lost`, `leads` and
    `reader_recreated` are Prometheus objects, to be used as such.
    """

    __slots__ = (
        "_handled",
        "_handled_family",
        "_published",
        "_published_family",
        "actor",
        "fence_lost",
        "handle_seconds",
        "lag_messages",
        "leads",
        "position_seq",
        "reader_recreated",
    )

    def __init__(self, families: _ActorFamilies, actor: str) -> None:
        self.actor = actor
        self.handle_seconds = families.handle_seconds.labels(actor)
        self.position_seq = families.position_seq.labels(actor)
        self.lag_messages = families.lag_messages.labels(actor)
        self.fence_lost = families.fence_lost.labels(actor)
        self.leads = families.leads.labels(actor)
        self.reader_recreated = families.reader_recreated.labels(actor)
        self._handled_family = families.handled
        self._handled: dict[str, Counter] = {}
        self._published_family = families.published
        self._published: dict[str, Counter] = {}

    def handled(self, event: str, count: int = 1) -> None:
        """Count handled messages; `event` is the third token of their subject."""
        child = self._handled.get(event)
        if child is None:
            child = self._handled[event] = self._handled_family.labels(self.actor, event)
        child.inc(count)

    def published(self, event: str, count: int = 1) -> None:
        """Count published messages; `event` is the third token of their subject."""
        child = self._published.get(event)
        if child is None:
            child = self._published[event] = self._published_family.labels(self.actor, event)
        child.inc(count)
