"""From the picture to the screen: fits 80 columns and 24 lines, uses more where there is more."""

from collections.abc import Iterable
from decimal import Decimal

from rich import box
from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from console.describe import clock_time, moment, money, shares
from console.view.picture import Happening, Picture

WIDE = 110  # columns from which decisions and trades stand side by side
HEADER_LINES = 2
TIME_COLUMNS, EVENT_COLUMNS, ACTOR_COLUMNS = 8, 10, 10
_EVENT_STYLES = {
    "signal": "cyan", "approved": "green", "denied": "yellow", "filled": "bold green",
    "rejected": "red", "halted": "bold red", "kill": "bold red", "resumed": "bold green",
}  # fmt: skip
_STATE_STYLES = {"active": "green", "inactive": "dim", "quarantined": "bold red"}


def draw(picture: Picture, width: int, height: int, logs: str) -> Layout:
    """Return the whole screen."""
    side = _side(picture)
    holdings = _holdings(picture)
    complaints = list(picture.complaints)
    middle_lines = min(max(len(side.rows), min(len(picture.holdings), 8) + 1) + 2, height // 2)
    root = Layout()
    root.split_column(
        Layout(_header(picture, width), size=HEADER_LINES),
        Layout(name="middle", size=middle_lines),
        Layout(name="story"),
        Layout(_footer(complaints, logs), size=1 + len(complaints)),
    )
    root["middle"].split_row(
        Layout(_panel("positions", holdings), ratio=3),
        Layout(_panel("services and strategies", side), ratio=2),
    )
    if width >= WIDE:
        root["story"].split_row(
            Layout(_panel("signals and decisions", _story(picture.decided, with_actor=True))),
            Layout(_panel("orders and fills", _story(picture.traded, with_actor=False))),
        )
    else:
        both = sorted((*picture.decided, *picture.traded), key=lambda one: -one.seq)
        root["story"].update(
            _panel("signals, decisions, orders, fills", _story(both, with_actor=False))
        )
    return root


def _header(picture: Picture, width: int) -> RenderableType:
    is_wide = width >= WIDE
    return Group(_title(picture, is_wide=is_wide), _worth(picture, is_wide=is_wide))


def _title(picture: Picture, *, is_wide: bool) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(" tapedeck ", "bold reverse")
    line.append(f" {picture.title}", "bold")
    if picture.halted:
        line.append(f"  HALTED {picture.halted}", "bold red")
    clock = picture.clock
    if clock is not None:
        session = f"session {clock.session} " if is_wide and clock.session else ""
        line.append(
            f"  {moment(clock.ts_ns)} UTC, {session}{'open' if clock.is_open else 'closed'}"
        )
        if picture.pace:
            line.append(f", {picture.pace:,.0f}x", "dim")
    return line


def _worth(picture: Picture, *, is_wide: bool) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    for name, amount in (("equity", picture.equity), ("cash", picture.cash)):
        line.append(f" {name} ", "dim")
        line.append("-" if amount is None else f"{money(amount)} ", "bold")
    day = picture.day_pnl
    if day is not None:
        line.append(" day ", "dim")
        line.append_text(_signed(day))
    line.append("  tape ", "dim")
    line.append(f"{picture.tape_end:,}")
    line.append(f" +{picture.rate:,.0f}/s", "dim")
    if is_wide:
        counted = (f"{picture.counts.get(event, 0):,} {name}" for event, name in _COUNTED)
        line.append("  lately ", "dim")
        line.append(", ".join(counted))
    return line


_COUNTED = (
    ("signal", "signals"), ("approved", "approved"), ("denied", "denied"), ("filled", "fills"),
)  # fmt: skip


def _holdings(picture: Picture) -> RenderableType:
    if not picture.holdings:
        return Text("none yet", "dim")
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("", "quantity", "average", "mark", "open P&L"):
        table.add_column(name, justify="right" if name else "left", header_style="dim")
    for one in picture.holdings:
        mark = "-" if one.mark is None else money(one.mark)
        gain = Text("-") if one.mark is None else _signed(one.unrealized)
        table.add_row(
            Text(one.symbol, "bold"), shares(one.quantity), money(one.average_cost), mark, gain
        )
    return table


def _side(picture: Picture) -> Table:
    table = _table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for name, health in picture.services.items():
        style = "green" if health.is_ready else "yellow"
        state = _cut(health.detail or "ready", style)
        if health.lag:
            state.append(f", {health.lag:,} behind", "dim")
        if health.restarts:
            state.append(f", restarted {health.restarts}x", "yellow")
        table.add_row(name, state)
    for name, state_name in picture.strategies.items():
        table.add_row(Text(name, "cyan"), _cut(state_name, _STATE_STYLES.get(state_name, "")))
    return table


def _story(happenings: Iterable[Happening], *, with_actor: bool) -> RenderableType:
    table = _table(show_header=False)
    table.add_column(no_wrap=True, style="dim", width=TIME_COLUMNS)
    table.add_column(no_wrap=True, width=EVENT_COLUMNS)
    if with_actor:
        table.add_column(no_wrap=True, style="dim", overflow="ellipsis", width=ACTOR_COLUMNS)
    table.add_column()
    for one in happenings:
        what = Text(one.event, _EVENT_STYLES.get(one.event, ""))
        actor = [one.actor] if with_actor else []
        table.add_row(clock_time(one.ts_ns), what, *actor, _cut(one.text))
    return table if table.rows else Text("nothing yet", "dim")


def _footer(complaints: list[str], logs: str) -> RenderableType:
    text = Text(no_wrap=True, overflow="ellipsis")
    for complaint in complaints:
        text.append(f" {complaint}\n", "yellow")
    text.append(f" Ctrl-C stops the desk · logs in {logs}", "dim")
    return text


def _panel(title: str, content: RenderableType) -> Panel:
    return Panel(content, title=title, title_align="left", border_style="dim", box=box.ROUNDED)


def _table(*, show_header: bool = True) -> Table:
    return Table(box=None, show_header=show_header, padding=(0, 1, 0, 0))


def _cut(text: str, style: str = "") -> Text:
    """Return text that ends where its column does.

    The cell says so, not the column: of columns that may not wrap, Rich narrows all alike.
    """
    return Text(text, style, no_wrap=True, overflow="ellipsis")


def _signed(amount: Decimal) -> Text:
    style = "green" if amount > 0 else "red" if amount < 0 else ""
    return Text(f"{amount:+,.2f}", style)
