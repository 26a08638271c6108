"""One HTML file from a document: style, charts library, script and data, all within.

The page asks nobody for anything: its content security policy allows the two scripts by their
hashes and no connection at all. Whatever the document says stays text: it is JSON in a script
element that no `</script>` can end, and the script writes it as text.
"""

import os
import tempfile
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from html import escape
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import msgspec

from shared.domain.errors import ConfigurationError

_ASSETS = files(__package__) / "assets"
_CHARTS = "vendor/echarts/echarts.common.min.js"
_SCRIPTS = ("words.js", "elements.js", "charts.js", "backtest.js", "search.js", "start.js")
_MARK = '<meta name="generator" content="Tapedeck report">'
_MARK_WITHIN_BYTES = 4096
_ENDS_A_SCRIPT = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
_ENDS_A_SCRIPT |= {chr(code): f"\\u{code:04x}" for code in (0x2028, 0x2029)}


def check_place(path: Path) -> None:
    """Make sure, before a long run, that the report can be written; ConfigurationError if not.

    A report that stands there will be replaced; any other file is not ours to replace.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise ConfigurationError(f"--report {path}: the name of a report ends in .html")
    if path.is_dir():
        raise ConfigurationError(f"--report {path}: that is a folder")
    try:
        is_taken = path.exists() and not _is_replaceable(path)
        with tempfile.TemporaryFile(dir=path.resolve().parent):
            pass
    except OSError as error:
        raise ConfigurationError(f"--report {path}: cannot be written: {error.strerror}") from None
    if is_taken:
        raise ConfigurationError(
            f"--report {path}: a file that is not a report of tapedeck stands there; remove it or"
            " choose another name"
        )


def write_page(path: Path, title: str, document: Mapping[str, object]) -> None:
    """Write the page in one step: whoever opens the file finds the old one or the new one.

    Raises ConfigurationError.
    """
    target = path.resolve()  # behind a link, the file itself is replaced
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        beside.write_text(page(title, document), encoding="utf-8", newline="\n")
        beside.replace(target)
    except OSError as error:
        with suppress(OSError):  # the first failure is the one to tell
            beside.unlink(missing_ok=True)
        raise ConfigurationError(f"--report {path}: cannot be written: {error.strerror}") from None


def page(title: str, document: Mapping[str, object]) -> str:
    """Return the page; `document` holds JSON values, and what it is called under "kind"."""
    charts, script = _asset(_CHARTS), "\n".join(map(_asset, _SCRIPTS))
    hashes = " ".join(f"'sha256-{_digest(text)}'" for text in (charts, script))
    policy = (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )
    parts = {
        "mark": _MARK,
        "title": escape(title),
        "policy": policy,
        "style": _asset("report.css"),
        "data": _as_script_text(document),
        "charts": charts,
        "script": script,
        "version": escape(version("tapedeck")),
    }
    found = []
    for piece in _asset("report.html").split("{{"):
        name, is_part, rest = piece.partition("}}")
        found += [parts[name], rest] if is_part else [piece]
    return "".join(found)


def _is_replaceable(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_MARK_WITHIN_BYTES)
    return not head or _MARK.encode() in head


def _asset(name: str) -> str:
    return _ASSETS.joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


def _as_script_text(document: Mapping[str, object]) -> str:
    text = msgspec.json.encode(document).decode()
    for character, spelt in _ENDS_A_SCRIPT.items():
        text = text.replace(character, spelt)
    return text
