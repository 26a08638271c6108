"""`tapedeck tape …`: read, check, keep and trim the tape."""

from pathlib import Path
from typing import Annotated

import typer

from console.cli_options import Archive, ArchiveFile, Config, Json, Profile, State
from console.failure import explained

tape = typer.Typer(help="Read, check, keep and trim the tape.", no_args_is_help=True)


@tape.command("ls")
def tape_ls(*, file: Archive = None, state: State = None, as_json: Json = False) -> None:
    """Show who said what, and how often."""
    with explained():
        from console import tapes  # noqa: PLC0415

        tapes.list_lanes(state, file, as_json=as_json)


@tape.command("tail")
def tape_tail(
    pattern: Annotated[str, typer.Argument(metavar="[FILTER]", help="As in 'risk.>'.")] = ">",
    *,
    count: Annotated[int, typer.Option("-n", min=0, help="How many.")] = 20,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on.")] = False,
    file: Archive = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Show the last messages."""
    with explained():
        from console import tapes  # noqa: PLC0415

        tapes.tail(state, file, pattern, count, follow=follow, as_json=as_json)


@tape.command("show")
def tape_show(
    seq: int, *, file: Archive = None, state: State = None, as_json: Json = False
) -> None:
    """Show one message, its cause and its effects."""
    with explained():
        from console import tapes  # noqa: PLC0415

        tapes.show(state, file, seq, as_json=as_json)


@tape.command("info")
def tape_info(file: ArchiveFile = None, *, state: State = None, as_json: Json = False) -> None:
    """Say what the tape, or an archive of one, is and how far it reaches."""
    with explained():
        from console import tape_files  # noqa: PLC0415

        tape_files.info(state, file, as_json=as_json)


@tape.command("verify")
def tape_verify(file: ArchiveFile = None, *, state: State = None, as_json: Json = False) -> None:
    """Check every message of the tape, or every byte of an archive; one line a fault."""
    with explained():
        from console import tape_verify as verifying  # noqa: PLC0415

        raise typer.Exit(verifying.verify(state, file, as_json=as_json))


@tape.command("export")
def tape_export(
    file: Path,
    *,
    start: Annotated[
        str | None, typer.Option("--from", metavar="SEQ|TIME", help="First message.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="SEQ|TIME", help="Last message.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE.")] = False,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Write the tape into a file: compact, checksummed, every sequence kept."""
    with explained():
        from console import tape_files  # noqa: PLC0415

        tape_files.export(state, file, start=start, end=end, force=force, as_json=as_json)


@tape.command("import")
def tape_import(
    file: Path,
    *,
    config: Config = None,
    profile: Profile = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Bring an archive into an empty state folder; a desk goes on from it there."""
    with explained():
        from console import tape_files  # noqa: PLC0415
        from console.configuration import Sources  # noqa: PLC0415

        tape_files.import_(state, file, Sources(config, profile), as_json=as_json)


@tape.command("trim")
def tape_trim(
    *,
    before: Annotated[str, typer.Option("--before", metavar="SEQ|TIME", help="Keep from here on.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    forget: Annotated[
        list[str] | None,
        typer.Option(help="Lane of an actor that will never start again; repeatable."),
    ] = None,
    config: Config = None,
    profile: Profile = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Remove old messages of a stopped desk, as far as nobody needs them to start again."""
    with explained():
        from console import tape_trim as trimming  # noqa: PLC0415
        from console.configuration import Sources  # noqa: PLC0415

        trimming.trim_tape(
            state,
            Sources(config, profile),
            before=before,
            forget=tuple(forget or ()),
            dry_run=dry_run,
            as_json=as_json,
        )
