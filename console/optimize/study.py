"""Searching: Optuna proposes settings, a farm tries them, several at once.

Trials are proposed and told in batches, in order: the same seed and number of jobs propose the
same settings, whoever finishes first.
"""

from collections.abc import Callable, Iterator, Sequence

import optuna
from msgspec import Struct

from console.optimize.farm import Farm
from console.optimize.space import Dimension, Settings
from console.optimize.trials import Outcome, Task

optuna.logging.set_verbosity(optuna.logging.ERROR)


class Trial(Struct, frozen=True):
    """Settings that were tried, and what came of them."""

    number: int
    settings: Settings
    outcome: Outcome


class Search(Struct, frozen=True):
    """How to search: how many trials, how many at once, and the seed of the proposals."""

    space: tuple[Dimension, ...]
    trials: int
    jobs: int
    seed: int


type Told = Callable[[Trial], None]


def search(wanted: Search, farm: Farm, span: tuple[int, int]) -> Iterator[Trial]:
    """Yield all trials over the bars that end within `span`, in order, as they are done.

    The same settings are run once: what is proposed again is answered from memory.
    """
    sampler = optuna.samplers.TPESampler(seed=wanted.seed, constant_liar=wanted.jobs > 1)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    known: dict[tuple[object, ...], Outcome] = {}
    number = 0
    while number < wanted.trials:
        count = min(wanted.jobs, wanted.trials - number)
        asked = [study.ask() for _ in range(count)]
        proposed = [{d.name: d.suggest(one) for d in wanted.space} for one in asked]
        new = {key: s for s in proposed if (key := tuple(s.values())) not in known}
        outcomes = farm.run([Task(settings, *span) for settings in new.values()])
        known |= dict(zip(new, outcomes, strict=True))
        for one, settings in zip(asked, proposed, strict=True):
            outcome = known[tuple(settings.values())]
            if outcome.value is None:
                study.tell(one, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(one, outcome.value)
            yield Trial(number, settings, outcome)
            number += 1


def ranked(trials: Sequence[Trial]) -> list[Trial]:
    """Return different settings with a value, the best first."""
    seen: dict[tuple[object, ...], Trial] = {}
    for trial in trials:
        if trial.outcome.value is not None:
            seen.setdefault(tuple(trial.settings.values()), trial)
    return sorted(seen.values(), key=lambda trial: (-(trial.outcome.value or 0.0), trial.number))
