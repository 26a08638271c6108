"""The commands that look into what was recorded: replay, why, why-not, what-if, parity."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from console.cli_options import Archive, Json, State
from console.failure import explained

explain = typer.Typer()


@explain.command()
def replay(
    *,
    actor: Annotated[
        list[str] | None, typer.Option(help="A lane such as risk.main; all when none is named.")
    ] = None,
    file: Archive = None,
    since: Annotated[
        str | None, typer.Option("--from", help="Compare from a sequence or a time, UTC.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="End there.")] = None,
    break_at: Annotated[int, typer.Option(min=0, help="Stop before a sequence, look inside.")] = 0,
    break_when: Annotated[
        str | None, typer.Option(help="Stop where it holds: 'symbol == \"AAPL\"'.")
    ] = None,
    changes: Annotated[
        Path | None, typer.Option("--with", help="A changed desk instead: as `what-if`.")
    ] = None,
    onto: Annotated[
        str | None, typer.Option(help="Publish it there instead: as `play`, which has more.")
    ] = None,
    speed: Annotated[
        str | None, typer.Option(help="With --onto: max, 60x, 1x …", show_default="1x")
    ] = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Run the recorded inputs through the code again and compare every output."""
    with explained():
        has_looks = bool(actor or break_at or break_when)
        if speed is not None and onto is None:
            _refuse("--speed belongs to --onto: a replay goes as fast as it can")
        if changes is not None:
            _refuse_together("--with", onto or has_looks or since or until)
            from console.what_if import command  # noqa: PLC0415

            command.what_if(changes, state, file, as_json=as_json)
            return
        if onto is not None:
            _refuse_together("--onto", has_looks)
            from console import play as playing  # noqa: PLC0415

            told = playing.Wanted(onto, speed or "1x", "", (), since, until, as_json)
            raise typer.Exit(playing.play(told, state, file))
        from console.replay.command import Wanted, replay  # noqa: PLC0415

        wanted = Wanted(
            state, file, tuple(actor or ()), since, until, break_at, break_when, as_json
        )
        raise typer.Exit(replay(wanted))


def _refuse_together(option: str, others: object) -> None:
    if others:
        _refuse(
            f"{option} does something else than a replay: it goes with --tape, --state and --json"
            " (--onto also with --speed, --from and --to)"
        )


def _refuse(sentence: str) -> NoReturn:
    from shared.domain.errors import ConfigurationError  # noqa: PLC0415

    raise ConfigurationError(sentence)


@explain.command()
def why(
    what: Annotated[str, typer.Argument(help="A sequence, or an id of a message, order or fill.")],
    *,
    file: Archive = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Show what led to a message and what came of it: data, values, checks, broker."""
    with explained():
        from console.why import command  # noqa: PLC0415

        command.why(what, state, file, as_json=as_json)


@explain.command("why-not")
def why_not(
    symbol: str,
    when: Annotated[str, typer.Argument(metavar="TIME", help="Market time, UTC.")],
    *,
    strategy: Annotated[str | None, typer.Option(help="Only this one's reasons.")] = None,
    file: Archive = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Say why nothing was traded: what each strategy knew then, and what kept it from it."""
    with explained():
        from console.why import command  # noqa: PLC0415

        command.explain_absence(symbol, when, strategy, state, file, as_json=as_json)


@explain.command("check-strategy")
def check_strategy(
    use: Annotated[str, typer.Argument(help="As for --strategy: a name, a file, module:Class.")],
    *,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="key=value; repeatable.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Look for what would make a strategy decide otherwise when it is run again."""
    with explained():
        from console.check_strategy import command  # noqa: PLC0415
        from console.plan import parse_setting  # noqa: PLC0415

        params = dict(parse_setting(one) for one in setting or ())
        raise typer.Exit(command.check_strategy(use, params, as_json=as_json))


@explain.command("what-if")
def what_if(
    *,
    changes: Annotated[Path, typer.Option("--with", help="TOML or JSON: what is to be different.")],
    file: Archive = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Run a changed desk over the recorded market data: what would have been different?"""
    with explained():
        from console.what_if import command  # noqa: PLC0415

        command.what_if(changes, state, file, as_json=as_json)


@explain.command()
def parity(
    *,
    day: Annotated[str | None, typer.Option(help="Only orders of this session, ISO date.")] = None,
    file: Archive = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Backtest the recorded market data, and say in money where what happened differs from it."""
    with explained():
        from console.what_if import command  # noqa: PLC0415

        command.parity(day, state, file, as_json=as_json)


@explain.command()
def play(
    *,
    onto: Annotated[str, typer.Option(help="Another NATS server: nats://host:port.")],
    speed: Annotated[str, typer.Option(help="max, 60x, 1x …, of the messages' own time.")] = "1x",
    prefix: Annotated[str, typer.Option(help="Before every subject, as in 'yesterday.'.")] = "",
    subject: Annotated[
        list[str] | None, typer.Option(help="A filter, as in 'data.>'; repeatable.")
    ] = None,
    since: Annotated[str | None, typer.Option("--from", help="A sequence or a time, UTC.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="A sequence or a time, UTC.")] = None,
    rate: Annotated[
        int, typer.Option(min=1, help="Messages a second at most, at any speed.")
    ] = 20_000,
    user: Annotated[
        str | None, typer.Option(help="Of that server.", envvar="TAPEDECK_ONTO_USER")
    ] = None,
    password: Annotated[
        str | None,
        typer.Option(
            help="Better in the variable: others see a command line.",
            envvar="TAPEDECK_ONTO_PASSWORD",
        ),
    ] = None,
    nkey_file: Annotated[
        Path | None, typer.Option(help="Instead of a password.", envvar="TAPEDECK_ONTO_NKEY_FILE")
    ] = None,
    tls_ca: Annotated[
        Path | None, typer.Option(help="Who signed its certificate.", envvar="TAPEDECK_ONTO_TLS_CA")
    ] = None,
    file: Archive = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Publish the recorded tape into another NATS server, with its sequences in headers."""
    with explained():
        from console import play as playing  # noqa: PLC0415

        server = playing.server_of(user, password, nkey_file, tls_ca)
        wanted = playing.Wanted(
            onto, speed, prefix, tuple(subject or ()), since, until, as_json, rate, server
        )
        raise typer.Exit(playing.play(wanted, state, file))
