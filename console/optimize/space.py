"""What may be varied: `--space` on the command line, and how a trial's settings change a desk."""

from collections.abc import Mapping, Sequence

import optuna
from msgspec import Struct
from pydantic import ValidationError

from console.configuration import DeskConfiguration
from services.risk.config import RiskSettings
from shared.domain.errors import ConfigurationError

type Value = int | float | str
type Settings = dict[str, Value]
"""One trial: a value for every dimension, by its name."""

CHOICES_MAX = 1_000


class Dimension(Struct, frozen=True):
    """One setting. A range of integers or of floats (`step` None: any), or a list of choices."""

    name: str
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    is_integer: bool = False
    is_log: bool = False
    choices: tuple[Value, ...] = ()

    def suggest(self, trial: optuna.Trial) -> Value:
        """Let a trial choose."""
        if self.choices:
            place = trial.suggest_categorical(self.name, range(len(self.choices)))
            return self.choices[int(place or 0)]
        if self.is_integer:
            low, high, step = int(self.low), int(self.high), int(self.step or 1)
            return trial.suggest_int(self.name, low, high, step=step, log=self.is_log)
        return trial.suggest_float(self.name, self.low, self.high, step=self.step, log=self.is_log)

    @property
    def size(self) -> float:
        """How many values there are; infinite for a range of floats without a step."""
        if self.choices:
            return len(self.choices)
        if self.step is None and not self.is_integer:
            return float("inf")
        return int((self.high - self.low) / (self.step or 1)) + 1


def parse_dimension(text: str) -> Dimension:
    """Read `fast=5:50`, `fast=5:50:5`, `risk=0.1:10:log` or `mode=slow,fast`.

    Raises ConfigurationError with what is expected.
    """
    name, equals, rest = text.partition("=")
    name = name.strip()
    if not equals or not name or not rest.strip():
        raise _bad(text)
    if ":" not in rest:
        choices = tuple(_value(part.strip()) for part in rest.split(","))
        if len(choices) < 2 or "" in choices:
            raise _bad(text)
        return Dimension(name, choices=choices)
    low, high, *more = (part.strip() for part in rest.split(":"))
    bounds = (_value(low), _value(high))
    if len(more) > 1 or not all(isinstance(bound, int | float) for bound in bounds):
        raise _bad(text)
    is_integer = all(isinstance(bound, int) for bound in bounds)
    step, is_log = _step(text, more)
    is_integer = is_integer and (step is None or step == int(step))
    found = Dimension(name, float(low), float(high), step, is_integer, is_log)
    if not found.low < found.high or (is_log and found.low <= 0):
        raise _bad(text)
    return found


def _step(text: str, more: Sequence[str]) -> tuple[float | None, bool]:
    if not more:
        return None, False
    if more[0] == "log":
        return None, True
    step = _value(more[0])
    if not isinstance(step, int | float) or step <= 0:
        raise _bad(text)
    return float(step), False


def _bad(text: str) -> ConfigurationError:
    return ConfigurationError(
        f"--space {text!r}: name=low:high, name=low:high:step, name=low:high:log or name=a,b,c is"
        " expected, as in --space fast=5:50"
    )


def _value(text: str) -> Value:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def settled(desk: DeskConfiguration, settings: Mapping[str, Value]) -> DeskConfiguration:
    """Return the desk under a trial's settings.

    `fast` is a parameter of every strategy that the desk has, `ema.fast` of the one with that id,
    `risk.position_fraction` a setting of risk. Raises ConfigurationError for anything else.
    """
    of_risk: dict[str, object] = {}
    params: dict[str, dict[str, object]] = {name: {} for name in desk.strategies}
    for name, value in settings.items():
        owner, dot, key = name.rpartition(".")
        if not dot:
            for changed in params.values():
                changed[name] = value
        elif owner in params:
            params[owner][key] = value
        elif owner == "risk":
            of_risk[key] = value
        else:
            known = ", ".join((*params, "risk"))
            raise ConfigurationError(f"--space {name}: {owner!r} is none of {known}")
    strategies = {
        name: one.model_copy(update={"params": {**one.params, **params[name]}})
        for name, one in desk.strategies.items()
    }
    try:
        risk = RiskSettings.model_validate({**desk.risk.model_dump(), **of_risk})
    except ValidationError as error:
        raise ConfigurationError(f"--space risk: {error.errors()[0]['msg']}") from None
    return desk.model_copy(update={"strategies": strategies, "risk": risk})
