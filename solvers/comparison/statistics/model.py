"""What the statistics of a comparison say: plain data, solvers and tasks by name, arrays in the order of `solvers`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from solvers.comparison.spending import Axis

TARGETS_PCT = (10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.0)
"""Regrets (%) whose first time is looked up; 0 is the reference itself."""


@dataclass(frozen=True)
class StatisticsSettings:
    """How the statistics are made.

    Attributes:
        targets_pct: Regrets in percent of the reference, each a target of every run.
        profile_target_pct: The target of the performance profile, one of them.
        confidence: What intervals cover.
        alpha: The level of the tests.
        resamples: Of each bootstrap.
        seed: Of each bootstrap.
        points: Of curves and distributions, at most.
        least_tasks: From so many tasks on a task is a block of the ranks; below, a task and a seed are.

    Raises:
        ValueError: If a number is out of range.
    """

    targets_pct: tuple[float, ...] = TARGETS_PCT
    profile_target_pct: float = 1.0
    confidence: float = 0.95
    alpha: float = 0.05
    resamples: int = 2000
    seed: int = 0
    points: int = 120
    least_tasks: int = 5

    def __post_init__(self) -> None:
        if not self.targets_pct or min(self.targets_pct) < 0:
            raise ValueError(f"give at least one target, a regret in percent of at least 0; got {self.targets_pct}")
        if self.profile_target_pct not in self.targets_pct:
            raise ValueError(f"the profile's target is one of {self.targets_pct}; got {self.profile_target_pct}")
        if not (0 < self.confidence < 1 and 0 < self.alpha < 1):
            raise ValueError(f"confidence and alpha lie between 0 and 1; got {self.confidence} and {self.alpha}")
        if self.resamples < 1 or self.points < 2 or self.least_tasks < 2:
            raise ValueError("there is at least 1 resample, and there are at least 2 points and 2 tasks of a block")


@dataclass(frozen=True)
class Interval:
    """A figure with a confidence interval.

    Attributes:
        value: Of the runs as they are.
        low, high: The interval; infinite where runs that failed decide it.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Ranks:
    """Average ranks, and which of them differ. 1 is the best; failed runs rank last, tied.

    Attributes:
        average: `(solvers,)`.
        block: What a block is, within which solvers are ranked: "task", "seed", or "task and seed".
        blocks: How many.
        friedman_statistic: Chi-squared, corrected for ties; NaN for fewer than three solvers or two blocks.
        friedman_p: Its p-value: the probability of such ranks if all solvers were equal.
        alpha: The level of the critical difference.
        critical_difference: Nemenyi's: average ranks that are closer do not differ.
        nemenyi_p: `(solvers, solvers)` p-values of the pairs.
        groups: Numbers of solvers that do not differ, each group as large as it can be, best first.
    """

    average: np.ndarray
    block: str
    blocks: int
    friedman_statistic: float
    friedman_p: float
    alpha: float
    critical_difference: float
    nemenyi_p: np.ndarray
    groups: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Pair:
    """Two solvers compared.

    Attributes:
        first, second: Their labels.
        test: "Wilcoxon signed-rank", where seeds pair, or "Mann-Whitney U".
        number: Of pairs; of the runs of both without pairs.
        median_difference: Of the scores, first less second: negative where the first is better; 0 where both failed. NaN
            where it is not defined: of no pairs, or halfway between a failure of the first and one of the second.
        p: Two-sided.
        p_holm: Corrected for all pairs of the same solvers, by Holm's method.
    """

    first: str
    second: str
    test: str
    number: int
    median_difference: float
    p: float
    p_holm: float


@dataclass(frozen=True, eq=False)
class Standings:
    """How solvers compare by the regret of their runs, on one task or on several.

    A run that failed, timed out or found no feasible design has an infinite regret. A deterministic solver has one run,
    which stands for every seed.

    Attributes:
        tasks: On which they are compared.
        solvers: The labels, those with the least average rank first.
        unit: Of the regret: "%" of the reference, or "percentage points" where that is 0.
        seeds: For each task, the seeds that all solvers have in common.
        runs: `(solvers,)` over all tasks, and of these
        failed: `(solvers,)` those without a feasible design or without an end.
        median: The upper median of the regret over all runs, with its bootstrap interval.
        interquartile_mean: Of the regret over all runs, with its stratified bootstrap interval.
        improvement: `(solvers, solvers)` the probability that a run of the row's solver is better than one of the
            column's, ties half, averaged over tasks.
        improvement_low, improvement_high: Its bootstrap interval.
        ranks: Average ranks; None where the solvers have no seed in common.
        pairs: Every pair once.
        thresholds: `(points,)` regrets, and for each
        distribution: `(solvers, points)` the share of runs at or below it, averaged over tasks.
    """

    tasks: tuple[str, ...]
    solvers: tuple[str, ...]
    unit: str
    seeds: Mapping[str, tuple[int, ...]]
    runs: np.ndarray
    failed: np.ndarray
    median: tuple[Interval, ...]
    interquartile_mean: tuple[Interval, ...]
    improvement: np.ndarray
    improvement_low: np.ndarray
    improvement_high: np.ndarray
    ranks: Ranks | None
    pairs: tuple[Pair, ...]
    thresholds: np.ndarray
    distribution: np.ndarray


@dataclass(frozen=True, eq=False)
class Anytime:
    """The regret of the best design so far against what was spent, on one task.

    Attributes:
        axis: What was spent.
        spent: `(points,)` rising.
        median: `(solvers, points)` upper median over runs of the regret; infinite before half of them have a feasible
            design. After the end of a run its last regret stands.
        low, high: `(solvers, points)` quartiles over runs.
        end: `(solvers,)` the median of what the runs spent in all.
    """

    axis: Axis
    spent: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    end: np.ndarray


@dataclass(frozen=True, eq=False)
class Reached:
    """How often targets were reached within what was spent.

    Attributes:
        axis: What was spent.
        spent: `(points,)` rising, and for each
        share: `(solvers, points)` the share of pairs of a run and a target that were reached by then, tasks weighing alike.
        expected: `(tasks, solvers, targets)` what a solver that restarts spends on average until the target (COCO's
            aRT); infinite where no run reached it.
    """

    axis: Axis
    spent: np.ndarray
    share: np.ndarray
    expected: np.ndarray


@dataclass(frozen=True, eq=False)
class Profile:
    """Dolan and Moré's performance profile: how often a solver is within a factor of the best one.

    Attributes:
        axis: What is spent until the target.
        target_pct: The target.
        ratios: `(points,)` factors of at least 1, and for each
        share: `(solvers, points)` the share of tasks on which the expected run length is within it of the least.
    """

    axis: Axis
    target_pct: float
    ratios: np.ndarray
    share: np.ndarray


@dataclass(frozen=True, eq=False)
class FrontQuality:
    """What the feasible designs of each run cover on the plane of error and the task's cost.

    Both metrics are scaled so that the reference front lies between 0 and 1; the reference point is (1.1, 1.1).

    Attributes:
        reference: "exact" (by enumeration), "certified" (proved up to `missing`), or "best known" (of these runs).
        missing: The share of the hypervolume that a certified front may lack; else 0.
        designs: On the reference front.
        hypervolume: For each solver, of each run, as a share of the reference front's; 0 for a failed run and for one
            without a feasible design.
        igd_plus: The same for IGD+: 0 where the front is reached; infinite for such runs.
    """

    reference: str
    missing: float
    designs: int
    hypervolume: Mapping[str, np.ndarray]
    igd_plus: Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class TaskStatistics:
    """The statistics of one task.

    Attributes:
        task: The task.
        reference: The objective that regret is measured from.
        reference_name: "exact optimum", "proved optimum" or "best known"; with the last one, regret is the distance to
            what these runs found, which other runs may beat.
        standings: How the solvers compare.
        anytime: By axis, for `standings.solvers`; empty where an axis is not known (GPU-hours).
        reached: By axis, for `standings.solvers`.
        front: Of error and cost; None where the task has no feasible design.
    """

    task: str
    reference: float
    reference_name: str
    standings: Standings
    anytime: Mapping[Axis, Anytime]
    reached: Mapping[Axis, Reached]
    front: FrontQuality | None


@dataclass(frozen=True, eq=False)
class Statistics:
    """The statistics of a comparison.

    Attributes:
        settings: How they were made.
        tasks: Of each task, with every solver that ran on it.
        overall: Over all tasks, of the solvers that ran on each; None for one task, or where no two solvers did.
        overall_reached: Over all tasks, by axis, for `overall.solvers`.
        profiles: Over all tasks, by axis, for `overall.solvers`.
        left_out: Labels of solvers that ran on some tasks only, and so are not in what is over all tasks.
    """

    settings: StatisticsSettings
    tasks: tuple[TaskStatistics, ...]
    overall: Standings | None = None
    overall_reached: Mapping[Axis, Reached] = field(default_factory=dict)
    profiles: Mapping[Axis, Profile] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
