"""The part of the configuration that every service shares, and how all of it is loaded.

Sources, later ones win: defaults in the models, the profile (`TAPEDECK_PROFILE`, a file in
`shared/config/profiles`), the file (`TAPEDECK_CONFIG`, TOML or JSON), the environment
(`TAPEDECK__RISK__MAX_DAILY_LOSS=500`, `__` between levels). Unknown keys, placeholders and
values out of range are refused with the key's name. Each service types its own section; the
sections of the others are opaque to it.
"""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self, override

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)
from pydantic_settings.sources import InitSettingsSource

from shared.domain.errors import ConfigurationError

PREFIX = "TAPEDECK__"
_NO_ENVIRONMENT = "\0"  # a prefix that no variable can have
# Whole values, or words with a mark that no random secret of ours has by chance.
_PLACEHOLDER = re.compile(
    r".*your[_-].*|.*change[_-]?me.*|<.*>|x{3,}|\.{3,}|placeholder|todo", re.IGNORECASE | re.DOTALL
)


def _no_placeholder(secret: SecretStr) -> SecretStr:
    parts = re.split(r"[/:@?&=]+", secret.get_secret_value())  # a URL hides its password
    if any(_PLACEHOLDER.fullmatch(part) for part in parts):
        raise ValueError("is a placeholder; put the real value here or leave the key out")
    return secret


Secret = Annotated[SecretStr, AfterValidator(_no_placeholder)]
"""A value that is masked in every print and log, and refused while it is a placeholder."""


class Section(BaseModel):
    """A part of the configuration: frozen, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NatsSettings(Section):
    """How to reach the tape's server.

    Who logs in by nkey gives its seed, or the file that holds it (a folder: `<user>.nk` in it).
    TLS: the authority that signed the server's certificate, and a certificate of one's own where
    the server asks for it.
    """

    url: str = "nats://127.0.0.1:4222"
    user: str | None = None
    password: Secret | None = None
    nkey_seed: Secret | None = None
    nkey_file: str | None = None
    tls_ca_file: str | None = None
    tls_cert_file: str | None = None
    tls_key_file: str | None = None
    connect_timeout_s: float = Field(default=5.0, gt=0, le=60)

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if (self.nkey_seed or self.nkey_file) and self.password:
            raise ValueError("nkey_seed or nkey_file excludes password: give one of them")
        if self.nkey_seed and self.nkey_file:
            raise ValueError("nkey_seed and nkey_file say the same: give one of them")
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_cert_file and tls_key_file belong together")
        return self


class PostgresSettings(Section):
    """How to reach the audit trail's database."""

    url: Secret = SecretStr("postgresql://tapedeck@127.0.0.1:5432/tapedeck")
    connect_timeout_s: float = Field(default=5.0, gt=0, le=60)


class TapeSettings(Section):
    """The tape itself. `id` is chosen at random when the tape is made, unless given here.

    `standby_after_ms` is how long an instance leaves the word to another one of the same service
    before it speaks itself; 0 for a service that is certain to run once. Market data at a high
    rate expires after `market_data_kept_days` (docs/tape.md); None: never.
    """

    id: str | None = Field(default=None, pattern=r"^[0-9a-f]{16}$")
    lockstep: bool = False
    standby_after_ms: int = Field(default=250, ge=0, le=60_000)
    market_data_kept_days: float | None = Field(default=None, gt=0, le=36_500)


class HostingSettings(Section):
    """How strategies are hosted (docs/scaling.md).

    `instance` is this process's name among those of its service, the same over restarts; without
    one it is made of host and process id. A member that is not heard of for `member_ttl_s` is
    gone. A call that does not come back within `watchdog_s` is ended, with the process; one that
    takes longer than `budget_s` three times within a minute takes its strategy out of service.
    In `mark_file` the watchdog leaves word for the next start.
    """

    instance: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    member_ttl_s: float = Field(default=3.0, ge=1, le=60)
    watchdog_s: float = Field(default=10.0, ge=0.5, le=600)
    budget_s: float = Field(default=1.0, gt=0, le=60)
    mark_file: str | None = None


class HealthSettings(Section):
    """Where each service answers `/health/live`, `/health/ready`, `/metrics`. 0: any free port."""

    host: str = "127.0.0.1"
    data_port: int = Field(default=8101, ge=0, le=65_535)
    strategy_port: int = Field(default=8102, ge=0, le=65_535)
    risk_port: int = Field(default=8103, ge=0, le=65_535)
    execution_port: int = Field(default=8104, ge=0, le=65_535)
    ledger_port: int = Field(default=8105, ge=0, le=65_535)
    stale_after_s: float = Field(default=30.0, gt=0)


class TelemetrySettings(Section):
    """Logs and traces. Traces are exported only when an OTLP endpoint is given."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    otlp_endpoint: str | None = None
    trace_sample_ratio: float = Field(default=1.0, ge=0, le=1)


class DeskSettings(BaseSettings):
    """What every service reads. Subclasses type the section of their service."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    mode: Literal["paper", "live"] = "paper"
    book: str = Field(default="main", pattern=r"^[A-Za-z0-9_-]+$")
    shutdown_timeout_s: float = Field(default=10.0, gt=0, le=120)
    restarts_per_minute_max: int = Field(default=5, ge=0, le=1_000)
    """How often the console starts a service or a server of its own again before it gives up."""
    nats: NatsSettings = NatsSettings()
    postgres: PostgresSettings = PostgresSettings()
    tape: TapeSettings = TapeSettings()
    health: HealthSettings = HealthSettings()
    hosting: HostingSettings = HostingSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    data: Any = None
    strategies: Any = None
    risk: Any = None
    execution: Any = None
    ledger: Any = None

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file and profile; `load` hands the latter two in as one mapping."""
        return env_settings, InitSettingsSource(settings_cls, init_settings())


def load[S: DeskSettings](model: type[S], *, overrides: Mapping[str, object] | None = None) -> S:
    """Return the settings of `model`; raise ConfigurationError naming every bad key.

    `overrides` (from a command line) win over everything.
    """
    known = set(model.model_fields)
    for name in os.environ:
        if name.startswith(PREFIX):
            key = name.removeprefix(PREFIX).split("__")[0].lower()
            if key not in known:
                raise ConfigurationError(f"environment variable {name}: unknown key {key!r}")
    layers = _profile(os.environ.get("TAPEDECK_PROFILE", ""))
    layers = merge(layers, read_file(os.environ.get("TAPEDECK_CONFIG", "")))
    try:
        settings = model(**layers)
        if overrides:
            # The environment is in the dump already: read again, it would win over the overrides.
            layers = merge(settings.model_dump(exclude_unset=True), overrides)
            layers["_env_prefix"] = _NO_ENVIRONMENT
            settings = model(**layers)
    except ValidationError as error:
        raise ConfigurationError(_explain(error)) from None
    except SettingsError as error:
        raise ConfigurationError(f"environment: {error}") from None
    return settings


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `over` laid on top, tables merged level by level."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return merged


def _profile(name: str) -> dict[str, Any]:
    if not name:
        return {}
    folder = resources.files("shared.config") / "profiles"
    names = (path.name for path in folder.iterdir())
    known = sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))
    if name not in known:
        raise ConfigurationError(f"unknown profile {name!r}: one of {', '.join(known)}")
    return tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))


def read_file(name: str) -> dict[str, Any]:
    """Return a TOML or JSON file as tables, {} for no name; ConfigurationError says why not."""
    if not name:
        return {}
    path = Path(name)
    try:
        text = path.read_text(encoding="utf-8")
        loaded = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise ConfigurationError(f"configuration {name}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigurationError(f"configuration {name}: {error}") from None
    if not isinstance(loaded, dict):
        raise ConfigurationError(f"configuration {name}: a table of sections is expected")
    return loaded


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in problem["loc"]) or "configuration"
        what = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            what = "unknown key"
        lines.append(f"{where}: {what[0].lower()}{what[1:]}")
    return "; ".join(lines)
