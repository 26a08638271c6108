"""The `tapedeck` command. Each command imports what it needs: `--help` must not wait for NATS."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, override

import typer
from typer.core import TyperCommand

from console.cli_explain import explain
from console.cli_options import (
    Actions,
    Cash,
    Config,
    Data,
    Json,
    Profile,
    Reason,
    Report,
    Settings,
    Since,
    State,
    Strategies,
    Symbols,
    Until,
)
from console.cli_tape import tape
from console.failure import INTERRUPTED, explained

if TYPE_CHECKING:
    from console.configuration import Sources
    from console.plan import UpOptions

app = typer.Typer(
    name="tapedeck",
    help="An automated trading desk on one replayable tape.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(tape, name="tape")
app.add_typer(explain)


class _InOrder(TyperCommand):
    """A command that knows in which order --strategy and --set were given."""

    @override
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Note (option, value) pairs in the order of the command line."""
        given, _, order = self.make_parser(ctx).parse_args(args=list(args))
        values = {name: iter(found) for name, found in given.items() if isinstance(found, list)}
        ctx.meta["order"] = [
            (param.name, next(values[param.name])) for param in order if param.name in values
        ]
        return super().parse_args(ctx, args)


def _options(
    context: typer.Context,
    sources: "Sources",
    data: list[Path] | None,
    actions: Path | None,
    symbols: str | None,
    cash: str | None,
) -> "UpOptions":
    """Return what `up` and `backtest` are both told."""
    from console.plan import UpOptions, choose  # noqa: PLC0415

    strategies, settings = choose(
        (name, text) for name, text in context.meta["order"] if name in ("strategy", "setting")
    )
    return UpOptions(
        sources=sources,
        data=tuple(data or ()),
        actions=actions,
        strategies=strategies,
        settings_for_all=settings,
        symbols=tuple(filter(None, (s.strip() for s in (symbols or "").split(",")))),
        cash=cash,
    )


@app.command(cls=_InOrder)
def up(
    context: typer.Context,
    *,
    feed: Annotated[str | None, typer.Option(help="sim or file.")] = None,
    data: Data = None,
    actions: Actions = None,
    speed: Annotated[str | None, typer.Option(help="max, 60x, 1x …")] = None,
    until_done: Annotated[
        bool, typer.Option("--until-done", help="Play the files, print the result, end.")
    ] = False,
    strategy: Strategies = None,  # noqa: ARG001 - read in the order of the command line
    setting: Settings = None,  # noqa: ARG001 - the same
    symbols: Symbols = None,
    cash: Cash = None,
    seed: Annotated[int | None, typer.Option(help="Of the simulated market.")] = None,
    config: Config = None,
    profile: Profile = None,
    state: State = None,
    as_json: Json = False,
    scale: Annotated[
        list[str] | None,
        typer.Option(help="service=N: so many instances of it, as strategy=3; repeatable."),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", "--no-view", help="Lines instead of the live view.")
    ] = False,
) -> None:
    """Run the whole desk here. Without options: the demo on a simulated market."""
    with explained():
        from console import up as running  # noqa: PLC0415
        from console.configuration import Sources  # noqa: PLC0415
        from console.plan import parse_scale  # noqa: PLC0415

        shared = _options(context, Sources(config, profile), data, actions, symbols, cash)
        options = shared._replace(feed=feed, speed=speed, until_done=until_done, seed=seed)
        options = options._replace(scale=parse_scale(scale or ()))
        result = running.up(options, state, running.Manner(as_json=as_json, plain=plain))
        if result is not None:
            from console.output import show_document  # noqa: PLC0415

            show_document(result.document(), as_json=as_json, title="Run")


@app.command(cls=_InOrder)
def backtest(
    context: typer.Context,
    *,
    data: Data = None,
    actions: Actions = None,
    strategy: Strategies = None,  # noqa: ARG001 - read in the order of the command line
    setting: Settings = None,  # noqa: ARG001 - the same
    symbols: Symbols = None,
    cash: Cash = None,
    since: Since = None,
    until: Until = None,
    benchmark: Annotated[
        str | None, typer.Option(help="Symbol to compare with; else all, in equal parts.")
    ] = None,
    risk_free: Annotated[float, typer.Option(help="Annual rate, as 0.04.")] = 0.0,
    check_lookahead: Annotated[
        bool, typer.Option("--check-lookahead", help="Would it decide the same without the future?")
    ] = False,
    check_costs: Annotated[
        bool, typer.Option("--check-costs", help="What is left if trading costs more?")
    ] = False,
    report: Report = None,
    config: Config = None,
    profile: Profile = None,
    as_json: Json = False,
) -> None:
    """Play files through the whole desk in this process: no server, no waiting."""
    with explained():
        from console.backtest import command  # noqa: PLC0415
        from console.configuration import Sources  # noqa: PLC0415

        options = _options(context, Sources(config, profile), data, actions, symbols, cash)
        wanted = command.Wanted(
            since, until, as_json=as_json, benchmark=benchmark, risk_free=risk_free,
            check_lookahead=check_lookahead, check_costs=check_costs, report=report,
        )  # fmt: skip
        raise typer.Exit(command.backtest(options, wanted))


@app.command(cls=_InOrder)
def optimize(
    context: typer.Context,
    *,
    space: Annotated[
        list[str] | None,
        typer.Option(help="name=low:high[:step|:log] or name=a,b,c; repeatable."),
    ] = None,
    metric: Annotated[str, typer.Option(help="sharpe, sortino, calmar, total_return …")] = "sharpe",
    trials: Annotated[int, typer.Option(min=1, help="How many settings to try.")] = 100,
    jobs: Annotated[int, typer.Option(min=0, help="At once; 0: one for each processor.")] = 0,
    walk_forward: Annotated[
        int, typer.Option(min=0, help="Judge the best of the past on what came after, N times.")
    ] = 0,
    rolling: Annotated[
        bool, typer.Option("--rolling", help="The past is one block, not everything before.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the proposals.")] = 1,
    ray: Annotated[str | None, typer.Option(help="Address of a Ray cluster, or auto.")] = None,
    data: Data = None,
    actions: Actions = None,
    strategy: Strategies = None,  # noqa: ARG001 - read in the order of the command line
    setting: Settings = None,  # noqa: ARG001 - the same
    symbols: Symbols = None,
    cash: Cash = None,
    since: Since = None,
    until: Until = None,
    report: Report = None,
    config: Config = None,
    profile: Profile = None,
    as_json: Json = False,
) -> None:
    """Search for settings by many backtests; out-of-sample results come first."""
    with explained():
        from console.configuration import Sources  # noqa: PLC0415
        from console.optimize import command  # noqa: PLC0415

        options = _options(context, Sources(config, profile), data, actions, symbols, cash)
        wanted = command.Wanted(
            space=tuple(space or ()), metric=metric, trials=trials, jobs=jobs,
            folds=walk_forward, is_rolling=rolling, seed=seed, ray=ray,
            from_text=since, to_text=until, as_json=as_json, report=report,
        )  # fmt: skip
        raise typer.Exit(command.optimize(options, wanted))


@app.command()
def status(*, state: State = None, as_json: Json = False) -> None:
    """Say how the desk is: services, tape, strategies, positions."""
    with explained():
        from console import status as running  # noqa: PLC0415

        raise typer.Exit(running.status(state, as_json=as_json))


@app.command()
def down(*, state: State = None, as_json: Json = False) -> None:
    """Stop the desk that runs in the state folder."""
    with explained():
        from console import status as running  # noqa: PLC0415

        running.down(state, as_json=as_json)


@app.command()
def validate(
    *, config: Config = None, profile: Profile = None, state: State = None, as_json: Json = False
) -> None:
    """Check everything that a desk needs, and say what to do about what is missing."""
    with explained():
        from console import validate as checks  # noqa: PLC0415
        from console.configuration import Sources  # noqa: PLC0415

        raise typer.Exit(checks.validate(Sources(config, profile), state, as_json=as_json))


@app.command()
def init(
    *, config: Config = None, profile: Profile = None, state: State = None, as_json: Json = False
) -> None:
    """Make the tape and the tables, without starting a desk. `up` does it too."""
    with explained():
        from console.configuration import Sources  # noqa: PLC0415
        from console.init import init as prepare  # noqa: PLC0415

        prepare(Sources(config, profile), state, as_json=as_json)


@app.command()
def positions(
    *,
    flat: Annotated[bool, typer.Option("--all", help="With positions that are closed.")] = False,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Show the positions of the books, with their marks."""
    with explained():
        from console import books  # noqa: PLC0415

        books.positions(state, as_json=as_json, with_flat=flat)


@app.command()
def orders(
    *,
    count: Annotated[int, typer.Option("-n", min=1, help="How many.")] = 20,
    working: Annotated[bool, typer.Option("--working", help="Only those that work.")] = False,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Show the newest orders."""
    with explained():
        from console import books  # noqa: PLC0415

        books.orders(state, count, as_json=as_json, only_working=working)


@app.command()
def kill(*, reason: Reason = "", state: State = None, as_json: Json = False) -> None:
    """Stop all trading at once; it stays stopped, restarts included, until `resume`."""
    with explained():
        from console import kill as killing  # noqa: PLC0415

        killing.kill(state, reason, as_json=as_json)


@app.command()
def resume(*, reason: Reason = "", state: State = None, as_json: Json = False) -> None:
    """End the kill or the halt."""
    with explained():
        from console import control  # noqa: PLC0415

        control.resume(state, reason, as_json=as_json)


@app.command()
def activate(
    strategy_id: str, *, reason: Reason = "", state: State = None, as_json: Json = False
) -> None:
    """Let a strategy trade."""
    with explained():
        from console import control  # noqa: PLC0415

        control.activate(state, strategy_id, reason, as_json=as_json)


@app.command()
def deactivate(
    strategy_id: str, *, reason: Reason = "", state: State = None, as_json: Json = False
) -> None:
    """Stop a strategy from trading; its positions stay."""
    with explained():
        from console import control  # noqa: PLC0415

        control.deactivate(state, strategy_id, reason, as_json=as_json)


@app.command()
def version(*, as_json: Json = False) -> None:
    """Print the version."""
    from importlib.metadata import version as installed  # noqa: PLC0415

    from console.output import print_json  # noqa: PLC0415

    number = installed("tapedeck")
    print_json({"version": number}) if as_json else print(number)


def main() -> None:
    """Run the command line; what it refuses, it refuses in one sentence."""
    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        sys.exit(INTERRUPTED)
    except typer.TyperException as error:
        if sentence := error.format_message():  # none where a bare command printed its help
            print(f"error: {sentence}", file=sys.stderr)
        sys.exit(error.exit_code)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
