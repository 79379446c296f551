"""Statistics of a comparison: `statistics_of(comparison) -> Statistics`; docs/statistics.md explains each figure.

model: what they say, plain data. gather: the entry. scores: the long table as regrets. standings, anytime, front_quality:
the figures of runs. Functions of arrays alone: aggregate (interquartile mean, bootstrap), superiority (probability of
improvement), ranks (Friedman, Nemenyi), pair_tests (Wilcoxon, Mann-Whitney, Holm), targets (run lengths), profiles,
fronts (hypervolume, IGD+), curves. Lower scores are better; a failed run has an infinite one, which ranks last and is never
left out.
"""

from solvers.comparison.statistics.gather import statistics_of
from solvers.comparison.statistics.model import (
    TARGETS_PCT,
    Anytime,
    FrontQuality,
    Interval,
    Pair,
    Profile,
    Ranks,
    Reached,
    Standings,
    Statistics,
    StatisticsSettings,
    TaskStatistics,
)

__all__ = [
    "TARGETS_PCT",
    "Anytime",
    "FrontQuality",
    "Interval",
    "Pair",
    "Profile",
    "Ranks",
    "Reached",
    "Standings",
    "Statistics",
    "StatisticsSettings",
    "TaskStatistics",
    "statistics_of",
]
