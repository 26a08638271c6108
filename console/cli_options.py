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
