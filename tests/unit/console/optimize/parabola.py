"""A farm without backtests: the value of a trial is known beforehand."""

from collections.abc import Sequence

from console.optimize.space import Dimension
from console.optimize.study import Search
from console.optimize.trials import Outcome, Task

SPACE = (Dimension("x", 0, 20, is_integer=True), Dimension("y", -5, 5))


class Parabola:
    """Its top is at x = 13, y = 2; below x = 3 nothing is defined."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.tasks: list[Task] = []

    def run(self, tasks: Sequence[Task]) -> list[Outcome]:
        self.batches.append(len(tasks))
        self.tasks += tasks
        return [self._outcome(task) for task in tasks]

    @staticmethod
    def _outcome(task: Task) -> Outcome:
        x, y = float(task.settings["x"]), float(task.settings["y"])
        if x < 3:
            return Outcome(None, 0.0, 0.0, 0, why="too small")
        value = -((x - 13) ** 2) - (y - 2) ** 2
        return Outcome(value, value, -0.1, 5, returns=(0.01, value / 1e4, -0.005, 0.002))


def wanted(trials: int = 60, jobs: int = 4, seed: int = 1) -> Search:
    return Search(SPACE, trials, jobs, seed)
