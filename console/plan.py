"""From the options of `tapedeck up` to a checked plan, before any server starts."""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, override

import msgspec

from console.configuration import DEMO, DeskConfiguration, Sources, effective, load_desk
from console.embedded.process import ensure_port_is_free
from console.services import SERVICES
from services.strategy.assembly import strategy_actors, strategy_lanes
from services.strategy.catalogue import resolve
from services.strategy.config import StrategySettings
from shared.config.desk import merge
from shared.domain.errors import ConfigurationError, UnavailableError
from shared.domain.values import Timeframe
from shared.runtime.feed import MAX_SPEED, speed_of
from shared.subjects import lane

if TYPE_CHECKING:
    from services.data.files.source import FileSource

DEFAULT_STRATEGY = "ema_crossover"
INSTANCES_MAX = 16
_DIGEST_BLOCK_BYTES = 1 << 20
_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9_-]+")


class StrategyChoice(NamedTuple):
    """One `--strategy` with the `--set` that follow it."""

    use: str
    params: dict[str, str]


class UpOptions(NamedTuple):
    """What the command line said; None and empty: nothing."""

    sources: Sources = Sources()
    feed: str | None = None
    data: tuple[Path, ...] = ()
    speed: str | None = None
    until_done: bool = False
    strategies: tuple[StrategyChoice, ...] = ()
    settings_for_all: Mapping[str, str] = {}
    symbols: tuple[str, ...] = ()
    cash: str | None = None
    seed: int | None = None
    scale: Mapping[str, int] = {}
    actions: Path | None = None


class Extent(NamedTuple):
    """How much a file feed will play: bars, and the event time of the first and the last."""

    bars: int
    first_ns: int
    last_ns: int


class Plan(NamedTuple):
    """A run that can start. `extent` is None for a feed without an end.

    `scale` says of which services there are several instances, and how many.
    """

    desk: DeskConfiguration
    extent: Extent | None
    tape_id: str | None
    until_done: bool
    notes: tuple[str, ...]
    scale: Mapping[str, int] = {}


def make_plan(options: UpOptions) -> Plan:
    """Check everything that can be checked without a server.

    Raises ConfigurationError, DataError or UnavailableError (a port) with one sentence.
    """
    return plan_with_files(options)[0]


def plan_with_files(
    options: UpOptions, open_source: "Callable[[DeskConfiguration], FileSource] | None" = None
) -> "tuple[Plan, FileSource | None]":
    """Return the plan, and the files that were read for it, of a file feed.

    `open_source` reads them otherwise than `open_files` does.
    """
    feed = options.feed or ("file" if options.data else None)
    if options.data and feed != "file":
        raise ConfigurationError("--data names files, which --feed sim does not read")
    if options.actions and feed != "file":
        raise ConfigurationError("--actions belong to files: name those with --data")
    sources = options.sources._replace(default_profile="" if feed == "file" else DEMO)
    desk = load_desk(sources, _overrides(options, feed))
    if options.until_done and desk.data.feed != "file":
        raise ConfigurationError("--until-done needs a feed that ends: --feed file --data PATH")
    notes: list[str] = []
    if desk.data.feed == "file" and not desk.strategies and not options.strategies:
        notes.append(f"no strategy was named: {DEFAULT_STRATEGY} trades all symbols")
        options = options._replace(strategies=(StrategyChoice(DEFAULT_STRATEGY, {}),))
    elif options.settings_for_all and not options.strategies:
        raise ConfigurationError("--set has no strategy to set: name one with --strategy")
    desk = _settle(desk, options)
    check_strategies(desk)
    check_ports(desk)
    extent = source = None
    if desk.data.feed == "file":
        source = (open_source or open_files)(desk)
        extent = Extent(source.total, *source.span)
        desk, stretched = _fit_timeframes(desk, source.timeframe)
        notes += stretched
    tape_id = desk.tape.id
    if options.until_done and tape_id is None:
        tape_id = derive_tape_id(desk)
    plan = Plan(desk, extent, tape_id, options.until_done, tuple(notes), options.scale)
    return plan, source


def _settle(desk: DeskConfiguration, options: UpOptions) -> DeskConfiguration:
    """Lay on top what follows from the options and what the services must agree on."""
    strategies = _strategies(options) if options.strategies else desk.strategies
    data, health = desk.data, desk.health
    if options.until_done:
        if options.speed is None and "speed" not in data.model_fields_set:
            data = data.model_copy(update={"speed": MAX_SPEED})
        # Nobody looks for the health of a short run at a known place: any free port will do.
        free = {f"{name}_port": 0 for name in SERVICES}
        free = {key: port for key, port in free.items() if key not in health.model_fields_set}
        health = health.model_copy(update=free)
    data = data.model_copy(update={"participants": participants(desk.book, strategies)})
    # At full speed the feed waits for everybody, so that the same input makes the same tape.
    of_tape: dict[str, object] = {"lockstep": data.speed == MAX_SPEED}
    if options.scale and data.speed == MAX_SPEED:
        raise ConfigurationError(
            "--scale needs a paced feed: at full speed all wait for all, and each service runs once"
        )
    if not options.scale and "standby_after_ms" not in desk.tape.model_fields_set:
        of_tape["standby_after_ms"] = 0  # each service runs once here
    tape = desk.tape.model_copy(update=of_tape)
    settled = {"strategies": strategies, "data": data, "health": health, "tape": tape}
    return desk.model_copy(update=settled)


_WITHOUT_INFLUENCE = (
    *("nats", "postgres", "health", "hosting", "telemetry", "tape"),
    *("shutdown_timeout_s", "restarts_per_minute_max"),
)


def parse_scale(texts: Iterable[str]) -> dict[str, int]:
    """Return how many instances there are of the services that have several.

    >>> parse_scale(["strategy=3", "risk=2", "data=1"])
    {'strategy': 3, 'risk': 2}
    """
    found: dict[str, int] = {}
    for text in texts:
        service, _, number = text.partition("=")
        if service not in SERVICES:
            raise ConfigurationError(f"--scale {text}: one of {', '.join(SERVICES)}, as strategy=3")
        if not number.isdecimal() or not 1 <= int(number) <= INSTANCES_MAX:
            raise ConfigurationError(f"--scale {text}: from 1 to {INSTANCES_MAX} of a service")
        found[service] = int(number)
    return {service: number for service, number in found.items() if number > 1}


def derive_tape_id(desk: DeskConfiguration) -> str:
    """Return an id made of everything that decides what a run over files does.

    The same configuration over the same bytes makes the same tape, ids of messages included.
    Where the servers are, and what the files are called, does not enter.
    """
    from services.data.files.finding import find_files  # noqa: PLC0415 - only for files

    decides = effective(desk).document
    for key in _WITHOUT_INFLUENCE:
        decides.pop(key, None)
    files = desk.data.file
    decides = merge(decides, {"data": {"file": {"paths": None, "actions": None}}})
    digest = blake2b(msgspec.json.encode(decides, order="deterministic"), digest_size=8)
    for path in (*find_files(files.paths), *filter(None, [files.actions])):
        with path.open("rb") as file:
            while block := file.read(_DIGEST_BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()


def strategy_id(use: str, taken: Iterable[str]) -> str:
    """Return an id for an instance, made of the strategy's name.

    >>> strategy_id("my_pkg.my_module:MyStrategy", ["MyStrategy"])
    'MyStrategy-2'
    """
    name = use.rpartition(":")[2] if ":" in use else Path(use).stem if "/" in use else use
    name = _NOT_IN_AN_ID.sub("-", name.removesuffix(".py")).strip("-")[:56] or "strategy"
    used = set(taken)
    made, number = name, 1
    while made in used:
        number += 1
        made = f"{name}-{number}"
    return made


def choose(given: Iterable[tuple[str, str]]) -> tuple[tuple[StrategyChoice, ...], dict[str, str]]:
    """Take --strategy and --set in the order of the command line.

    A --set belongs to the --strategy before it. One before the first is for all of them, and so
    is the only one after several. Returns the strategies, and the settings for all.
    """
    for_all: dict[str, str] = {}
    chosen: list[StrategyChoice] = []
    for option, text in given:
        if option == "strategy":
            chosen.append(StrategyChoice(text, {}))
            continue
        key, value = parse_setting(text)
        (chosen[-1].params if chosen else for_all)[key] = value
    return tuple(chosen), for_all


def parse_setting(text: str) -> tuple[str, str]:
    """Take `key=value` apart."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigurationError(f"--set {text!r}: key=value is expected, as in --set fast=10")
    return key.strip(), value.strip()


def _overrides(options: UpOptions, feed: str | None) -> dict[str, Any]:
    """Return what the command line lays over the configuration."""
    over: dict[str, Any] = {}
    if feed is not None:
        over = merge(over, {"data": {"feed": feed}})
    if options.data:
        paths = [str(path.absolute()) for path in options.data]
        over = merge(over, {"data": {"file": {"paths": paths}}})
    if options.actions is not None:
        actions = str(options.actions.absolute())
        over = merge(over, {"data": {"file": {"actions": actions}}})
    if options.speed is not None:
        speed_of(options.speed)
        over = merge(over, {"data": {"speed": options.speed}})
    if options.until_done:
        over = merge(over, {"data": {"file": {"until_done": True}}})
    if options.cash is not None:
        over = merge(over, {"execution": {"paper": {"starting_cash": _money(options.cash)}}})
    if options.seed is not None:
        over = merge(over, {"data": {"sim": {"seed": options.seed}}})
    if options.symbols and feed != "file":
        over = merge(over, {"data": {"sim": {"symbols": options.symbols}}})
    return over


def _strategies(options: UpOptions) -> dict[str, StrategySettings]:
    """Return the strategies of the command line: they trade instead of the configured ones."""
    chosen: dict[str, StrategySettings] = {}
    for use, params in options.strategies:
        if not use.strip():
            raise ConfigurationError("--strategy needs a name")
        chosen[strategy_id(use, chosen)] = StrategySettings(
            use=use,
            symbols=options.symbols or ("*",),
            params={**options.settings_for_all, **params},
            active=True,
        )
    return chosen


def _money(text: str) -> str:
    try:
        Decimal(text)
    except InvalidOperation:
        raise ConfigurationError(f"--cash {text!r}: an amount of money is expected") from None
    return text


def check_strategies(desk: DeskConfiguration) -> None:
    """Resolve every strategy and check its parameters, as the service will."""
    # A folder put on the path here is put on the services' path too.
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    strategy_actors(desk.book, desk.strategies)


def check_ports(desk: DeskConfiguration) -> None:
    """Make sure that the services' health ports are free; UnavailableError names the one taken."""
    for name in SERVICES:
        port = getattr(desk.health, f"{name}_port")
        if port:
            try:
                ensure_port_is_free(f"{name}'s health", port)
            except UnavailableError as error:
                key = f"TAPEDECK__HEALTH__{name.upper()}_PORT"
                raise UnavailableError(f"{error} with {key}") from None


def _fit_timeframes(
    desk: DeskConfiguration, native: Timeframe
) -> tuple[DeskConfiguration, list[str]]:
    """Let a strategy that wants shorter bars than the files hold read theirs; say so.

    It would be silent otherwise: longer bars can be built, shorter ones cannot.
    """
    fitted, notes = dict(desk.strategies), []
    for name, settings in desk.strategies.items():
        wanted = Timeframe(settings.timeframe or resolve(settings.use).timeframe)
        if wanted.seconds < native.seconds:
            if settings.timeframe is not None:
                raise ConfigurationError(
                    f"strategies.{name}.timeframe: {wanted} bars cannot be made of the files'"
                    f" {native} bars"
                )
            fitted[name] = settings.model_copy(update={"timeframe": native})
            notes.append(f"{name} reads the files' {native} bars, there are none of {wanted}")
    return desk.model_copy(update={"strategies": fitted}), notes


def check_files(desk: DeskConfiguration) -> tuple[Extent, Timeframe]:
    """Return how much the files hold and the timeframe of their bars; DataError as `open_files`."""
    source = open_files(desk)
    return Extent(source.total, *source.span), source.timeframe


def open_files(desk: DeskConfiguration) -> "FileSource":
    """Read the files as the data service will; DataError says what is wrong with them."""
    with _without("numpy", "pandas"):
        from services.data.files.source import FileSource  # noqa: PLC0415 - imports pyarrow

        files = desk.data.file
        return FileSource(files.paths, files.timeframe, files.actions)


class _Hiding(MetaPathFinder):
    """Lets some modules appear as not installed, where they are not imported already."""

    def __init__(self, *names: str) -> None:
        self._names = names

    @override
    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname in self._names:
            raise ModuleNotFoundError(f"{fullname} is hidden", name=fullname)


@contextmanager
def _without(*modules: str) -> Iterator[None]:
    """Hide modules that pyarrow would import although nobody here needs them (over a second)."""
    hiding = _Hiding(*modules)
    sys.meta_path.insert(0, hiding)
    try:
        yield
    finally:
        sys.meta_path.remove(hiding)


def participants(book: str, strategies: Mapping[str, StrategySettings]) -> tuple[str, ...]:
    """Return the lanes that take part in a lockstep run."""
    of_book = [lane(name, book) for name in ("broker", "execution", "risk", "ledger")]
    return tuple(str(one) for one in (*of_book, *strategy_lanes(strategies)))
