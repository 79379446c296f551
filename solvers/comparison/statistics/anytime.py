"""What solvers reach with what they spend: regret along the way, and how often targets are reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from solvers.comparison.run import TaskRuns
from solvers.comparison.spending import Axis, spent, spent_in_all
from solvers.comparison.statistics.curves import amounts, quantiles, value_at
from solvers.comparison.statistics.model import Anytime, Profile, Reached, StatisticsSettings
from solvers.comparison.statistics.profiles import performance_profile, performance_ratios
from solvers.comparison.statistics.scores import regret
from solvers.comparison.statistics.targets import ecdf, expected_run_length, run_lengths
from solvers.contract.result import Result

_NOTHING = np.empty(0)


@dataclass(frozen=True, eq=False)
class Searches:
    """The runs of one task against one axis.

    Attributes:
        runs: The task's runs.
        axis: What was spent.
    """

    runs: TaskRuns
    axis: Axis

    @cached_property
    def curves(self) -> Mapping[str, list[tuple[np.ndarray, np.ndarray]]]:
        """By solver, of each run: what was spent, and the regret of the best so far; without a row where it failed."""
        return {label: [self._curve(result) for result in results] for label, results in self.runs.by_solver().items()}

    @cached_property
    def totals(self) -> Mapping[str, np.ndarray]:
        """By solver, what each run spent in all `(runs,)`."""
        return {
            label: np.array([spent_in_all(result, self.axis) for result in results])
            for label, results in self.runs.by_solver().items()
        }

    def lengths(self, solver: str, targets: np.ndarray) -> np.ndarray:
        """Return the run lengths of a solver `(runs, targets)`."""
        return np.array([run_lengths(x, y, targets) for x, y in self.curves[solver]])

    def grid(self, solvers: Sequence[str], points: int) -> np.ndarray:
        """Return the amounts to show solvers at."""
        return amounts([x for solver in solvers for x, _ in self.curves[solver]], points=points)

    def _curve(self, result: Result) -> tuple[np.ndarray, np.ndarray]:
        if not result.status.complete:
            return _NOTHING, _NOTHING
        x = spent(result, self.axis)
        known = ~np.isnan(x)
        return x[known], regret(result.trace.best_so_far()[known], self.runs.reference.objective)


def anytime(searches: Searches, solvers: Sequence[str], points: int) -> Anytime:
    """Return the regret of solvers against what they spent, at so many points at most."""
    grid = searches.grid(solvers, points)
    found = [quantiles(np.array([value_at(x, y, grid) for x, y in searches.curves[solver]])) for solver in solvers]
    low, median, high = np.array(found).transpose(1, 0, 2)
    ends = [float(np.median(searches.totals[solver])) for solver in solvers]
    return Anytime(searches.axis, grid, median, low, high, np.array(ends))


def reached(searches: Sequence[Searches], solvers: Sequence[str], settings: StatisticsSettings) -> Reached:
    """Return how often solvers reached the targets on some tasks, all against one axis."""
    targets = np.array(settings.targets_pct)
    grids = [each.grid(solvers, settings.points) for each in searches]
    grid = amounts(grids, points=settings.points)
    shares = np.zeros((len(solvers), len(grid)))
    expected = np.full((len(searches), len(solvers), len(targets)), np.inf)
    for task, each in enumerate(searches):
        for number, solver in enumerate(solvers):
            lengths = each.lengths(solver, targets)
            shares[number] += ecdf(lengths.ravel(), grid) / len(searches)
            totals = each.totals[solver]
            expected[task, number] = [expected_run_length(lengths[:, at], totals) for at in range(len(targets))]
    return Reached(searches[0].axis, grid, shares, expected)


def profile(of: Reached, settings: StatisticsSettings) -> Profile:
    """Return the performance profile of what is spent on average until one target."""
    costs = of.expected[:, :, settings.targets_pct.index(settings.profile_target_pct)]
    costs = np.maximum(np.where(np.isnan(costs), np.inf, costs), 1e-9)
    found = performance_ratios(costs)
    most = found[np.isfinite(found)].max(initial=1.0)
    ratios = np.unique(np.geomspace(1.0, 1.05 * most, settings.points))
    return Profile(of.axis, settings.profile_target_pct, ratios, performance_profile(costs, ratios))
