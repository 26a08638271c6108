"""Log lines are JSON objects that carry context and no secrets."""

import io
import json
import logging
import time
import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
from pydantic import SecretStr

from shared.config.desk import TelemetrySettings
from shared.core import Stamp
from shared.subjects import lane
from shared.telemetry import context, logs

STAMP = Stamp(seq=42, ts_ns=0, lane=lane("data", "sim"), id="ab" * 16, correlation_id="cd" * 16)

LOCAL = "local-value".upper()


def fail(text: str) -> None:
    """Raise, with a local variable in the frame that no line may show."""
    hidden = LOCAL
    raise ValueError(text if hidden else "")


@pytest.fixture(autouse=True)
def standard_logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with warnings.catch_warnings():
        yield
    logging.captureWarnings(capture=False)
    root.handlers = handlers
    root.setLevel(level)


class Written:
    """A logger and the lines it wrote."""

    def __init__(
        self,
        level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO",
        form: Literal["json", "console"] = "json",
    ) -> None:
        self._stream = io.BytesIO()
        settings = TelemetrySettings(log_level=level, log_format=form)
        self.log = logs.configure("risk", settings, self._stream)

    @property
    def text(self) -> str:
        return self._stream.getvalue().decode()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def line(self) -> dict[str, Any]:
        (only,) = self.lines
        return only


def test_a_line_begins_with_time_level_service_and_event_then_what_was_bound() -> None:
    written = Written()
    written.log.bind(actor="risk.main").info("ready", symbol="SPY")
    line = written.line
    assert list(line)[:4] == ["ts", "level", "service", "event"]
    assert (line["level"], line["service"], line["event"]) == ("info", "risk", "ready")
    assert (line["actor"], line["symbol"]) == ("risk.main", "SPY")


def test_time_is_utc_with_microseconds() -> None:
    written = Written()
    written.log.info("ready")
    said = datetime.fromisoformat(written.line["ts"])
    assert said.utcoffset() == timedelta(0)
    assert abs(said.timestamp() - time.time_ns() / 1e9) < 60
    assert "." in written.line["ts"]


def test_what_is_below_the_level_is_not_written() -> None:
    written = Written(level="WARNING")
    written.log.info("quiet")
    written.log.warning("loud")
    assert [line["event"] for line in written.lines] == ["loud"]


def test_while_a_message_is_handled_its_place_and_trace_are_on_every_line() -> None:
    written = Written()
    token = context.handled.set(STAMP)
    written.log.info("inside")
    context.handled.reset(token)
    written.log.info("outside")
    inside, outside = written.lines
    assert (inside["seq"], inside["trace_id"], inside["span_id"]) == (42, "cd" * 16, "ab" * 8)
    assert "trace_id" not in outside


def test_an_exception_is_an_object_without_local_variables() -> None:
    written = Written()
    try:
        fail("no good")
    except ValueError:
        written.log.exception("failed")
    (told,) = written.line["exception"]
    assert (told["exc_type"], told["exc_value"]) == ("ValueError", "no good")
    assert told["frames"]
    assert LOCAL not in written.text


@pytest.mark.parametrize(
    "key", ["password", "PGPASSWORD", "api_key", "client_secret", "auth_token", "nkey"]
)
def test_values_under_keys_that_name_a_secret_are_masked(key: str) -> None:
    written = Written()
    written.log.info("connecting", **{key: "hunter2"}, nested={"deep": [{key: "hunter2"}]})
    assert "hunter2" not in written.text
    assert written.line[key] == logs.MASK


def test_a_password_inside_a_url_is_masked_wherever_it_stands() -> None:
    written = Written()
    url = "postgresql://desk:hunter2@db:5432/tapedeck"
    try:
        fail(f"cannot reach {url}")
    except ValueError:
        written.log.exception("retrying %s", url, where=(url,))
    assert "hunter2" not in written.text
    assert written.line["where"] == [f"postgresql://desk:{logs.MASK}@db:5432/tapedeck"]


def test_a_secret_setting_is_masked_under_any_key() -> None:
    written = Written()
    written.log.info("loaded", value=SecretStr("hunter2"))
    assert "hunter2" not in written.text


@pytest.mark.parametrize("value", ["\ud800", 2**70, {1, 2}, object, float("nan"), b"\xff"])
def test_a_value_that_json_has_no_form_for_does_not_lose_the_line(value: object) -> None:
    written = Written()
    written.log.info("odd", value=value)
    assert "odd" in written.line["event"]


def test_what_is_nested_without_end_is_cut() -> None:
    written = Written()
    endless: list[Any] = []
    endless.append(endless)
    written.log.info("deep", value=endless)
    assert "…" in written.text


def test_loggers_of_libraries_come_out_the_same_way() -> None:
    written = Written()
    logging.getLogger("nats.aio").error("lost %s", "nats://desk:hunter2@a")
    logging.getLogger("alembic").info("narration")
    line = written.line
    assert (line["level"], line["logger"]) == ("error", "nats.aio")
    assert line["event"] == f"lost nats://desk:{logs.MASK}@a"


def test_warnings_of_python_come_out_the_same_way() -> None:
    written = Written()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old thing", stacklevel=1)
    assert written.line["logger"] == "py.warnings"


def test_the_console_form_is_text_for_a_person_without_secrets_or_locals() -> None:
    written = Written(form="console")
    try:
        fail("no good")
    except ValueError:
        written.log.exception("failed", symbol="SPY", api_key="hunter2")
    assert "symbol=SPY" in written.text
    assert "ValueError: no good" in written.text
    assert LOCAL not in written.text
    assert "hunter2" not in written.text
