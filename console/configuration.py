"""The configuration of the whole desk: every section typed, secrets kept apart.

The console reads it once, checks it once, and hands the services one effective file. What may
not stand in a file (passwords, keys) travels to them by environment.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, Field, SecretStr
from pydantic_core import to_jsonable_python

from services.data.config import DataSettings
from services.execution.config import ExecutionSettings
from services.ledger.config import LedgerSettings
from services.risk.config import RiskSettings
from services.strategy.config import StrategyId, StrategySettings
from shared.config.desk import PREFIX, DeskSettings, load
from shared.domain.errors import ConfigurationError

DEMO = "demo"
CONFIG_VARIABLE = "TAPEDECK_CONFIG"
PROFILE_VARIABLE = "TAPEDECK_PROFILE"


class DeskConfiguration(DeskSettings):
    """Every service's section, typed."""

    data: DataSettings = DataSettings()
    strategies: dict[StrategyId, StrategySettings] = Field(default_factory=dict)
    risk: RiskSettings = RiskSettings()
    execution: ExecutionSettings = ExecutionSettings()
    ledger: LedgerSettings = LedgerSettings()

    @property
    def names_nats(self) -> bool:
        """True when the configuration names a server: then none is started here."""
        return "url" in self.nats.model_fields_set

    @property
    def names_postgres(self) -> bool:
        """True when the configuration names a database: then none is started here."""
        return "url" in self.postgres.model_fields_set


class Sources(NamedTuple):
    """Where the configuration comes from, beside the environment.

    `default_profile` is taken when nothing else names a file or a profile.
    """

    config: Path | None = None
    profile: str | None = None
    default_profile: str = ""


class Effective(NamedTuple):
    """A configuration ready for the services: a document without secrets, and the secrets."""

    document: dict[str, object]
    secrets: dict[str, str]


def load_desk(sources: Sources, overrides: Mapping[str, object] | None = None) -> DeskConfiguration:
    """Return the desk's configuration; ConfigurationError names every bad key.

    The sources become this process's environment, which is where `load` looks.
    """
    if sources.config is not None:
        os.environ[CONFIG_VARIABLE] = str(sources.config)
    if sources.profile is not None:
        os.environ[PROFILE_VARIABLE] = sources.profile
    if not os.environ.get(CONFIG_VARIABLE) and not os.environ.get(PROFILE_VARIABLE):
        os.environ[PROFILE_VARIABLE] = sources.default_profile
    desk = load(DeskConfiguration, overrides=overrides)
    if desk.mode == "live":
        raise ConfigurationError(
            "mode: live trading needs a broker, and this release has the paper broker only"
        )
    return desk


def effective(desk: DeskConfiguration) -> Effective:
    """Take the secrets out of a configuration and name the variables that carry them."""
    secrets: dict[str, str] = {}
    document = _without_secrets(desk.model_dump(), (), secrets)
    return Effective(to_jsonable_python(document), secrets)


def _without_secrets(
    table: Mapping[str, object], path: tuple[str, ...], secrets: dict[str, str]
) -> dict[str, object]:
    kept: dict[str, object] = {}
    for key, value in table.items():
        where = (*path, str(key))
        if isinstance(value, SecretStr):
            secrets[variable(*where)] = value.get_secret_value()
        elif isinstance(value, Mapping):
            kept[key] = _without_secrets(value, where, secrets)
        elif not isinstance(value, BaseModel):
            kept[key] = value
    return kept


def variable(*path: str) -> str:
    """Return the environment variable of a key.

    >>> variable("nats", "password")
    'TAPEDECK__NATS__PASSWORD'
    """
    return PREFIX + "__".join(path).upper()


def clean_environment() -> dict[str, str]:
    """Return this process's environment without the configuration in it."""
    ours = (CONFIG_VARIABLE, PROFILE_VARIABLE)
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ours and not name.startswith(PREFIX)
    }
