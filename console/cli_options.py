"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

State = Annotated[
    Path | None,
    typer.Option("--state", help="State folder (also TAPEDECK_STATE).", show_default=".tapedeck"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Reason = Annotated[str, typer.Option(help="Why, for the record.")]
Config = Annotated[Path | None, typer.Option("--config", help="TOML or JSON file.")]
Archive = Annotated[
    Path | None, typer.Option("--tape", help="An archive instead of the desk's tape.")
]
ArchiveFile = Annotated[Path | None, typer.Argument(metavar="[FILE]", help="An archive.")]
Profile = Annotated[str | None, typer.Option("--profile", help="Ready-made configuration.")]
Actions = Annotated[
    Path | None, typer.Option("--actions", help="File of splits and dividends of the shares.")
]
Report = Annotated[Path | None, typer.Option("--report", help="HTML file to write.")]
Data = Annotated[
    list[Path] | None, typer.Option("--data", help="File or folder to play; repeatable.")
]
Strategies = Annotated[
    list[str] | None,
    typer.Option(
        "--strategy", help="Built-in name, package.module:Class or file.py:Class; repeatable."
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="key=value for the --strategy before it; before the first: for all."
    ),
]
Symbols = Annotated[str | None, typer.Option("--symbols", help="Comma-separated.")]
Cash = Annotated[str | None, typer.Option("--cash", help="Starting cash of the paper account.")]
Since = Annotated[str | None, typer.Option("--from", help="First day or moment, UTC.")]
Until = Annotated[str | None, typer.Option("--to", help="Last day or moment, UTC.")]
