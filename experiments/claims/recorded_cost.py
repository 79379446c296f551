"""Search cost on a large task, read from the record of `experiments.search_cost`: ten seeds, with imperfect supernets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from experiments.claims.claim import Cell, Finding, Table, Verdict
from experiments.search_cost.measure import Reading

_DANCE, _EXACT = "dance", "dance-exact"
_UNITS = {
    "networks": ("networks trained, the supernet counted as its price", "1 against 160 to 2300", 10.0),
    "gpuh": ("GPU-hours of training, supernet included", "3 against 3.5 to 2300", 1.0),
}
"""Unit of the record -> words, the paper's figure, and how many times less DANCE has to need."""
_CORRELATIONS = (0.9, 0.8, 0.7)
_AT = 100.0
"""Trained networks at which imperfect supernets are held against sampling."""

Medians = dict[float, float]
"""Amount -> median regret over the seeds, %."""


def judged_record(readings: Sequence[Reading], *, close_pct: float) -> list[Finding]:
    """DANCE against the best solver that samples networks: with exact gradients, and with imperfect ones.

    A record holds regrets at a few amounts. A solver needs at most the first amount with a median regret of `close_pct`
    or less, and more than the one before it.
    """
    task = _task(readings)
    found = []
    for unit, (words, paper, least) in _UNITS.items():
        ours = needed(medians(readings, unit, _DANCE), close_pct)
        theirs, rival = min((needed(medians(readings, unit, name), close_pct), name) for name in sampling(readings))
        found.append(
            Finding(
                what=f"{task}: {words}",
                paper=paper,
                ours=f"DANCE at most {ours[1]:g}, {rival} more than {theirs[0]:g} and at most {theirs[1]:g}",
                verdict=Verdict.of(theirs[0] >= least * ours[1]),
                rule=f"the best solver that samples networks needs more than {least:g} times as much, exact gradients given",
            )
        )
    best, rival = min((medians(readings, "networks", name).get(_AT, np.inf), name) for name in sampling(readings))
    for tau in _CORRELATIONS:
        regret = medians(readings, "networks", _EXACT, variant=f"tau {tau:g}").get(_AT)
        if regret is not None:
            found.append(
                Finding(
                    what=f"{task}: a supernet that ranks networks with Kendall's tau {tau:g}",
                    paper="a real supernet; its rank correlation is not known",
                    ours=f"{_EXACT} {regret:.2f} % regret at {_AT:g} trained networks, {rival} {best:.2f} %",
                    verdict=Verdict.of(regret < best),
                    rule=f"less regret than the best solver that samples networks, at {_AT:g} trained networks",
                )
            )
    return found


def record_headline(readings: Sequence[Reading], *, close_pct: float) -> str:
    """What DANCE and the best sampling solver need, from the record."""
    parts = []
    for unit, words in (("networks", "trained networks"), ("gpuh", "GPU-hours")):
        ours = needed(medians(readings, unit, _DANCE), close_pct)[1]
        theirs, rival = min((needed(medians(readings, unit, name), close_pct), name) for name in sampling(readings))
        parts.append(f"dance at most {ours:g} {words}, {rival} more than {theirs[0]:g}")
    return f"{_task(readings)}: " + ", ".join(parts)


def record_tables(readings: Sequence[Reading], *, close_pct: float) -> list[Table]:
    """What every solver of the record needs, in both units."""
    rows: list[tuple[Cell, ...]] = []
    for name in dict.fromkeys(each.solver for each in _of(readings, "solvers", "")):
        access = next(each.access for each in readings if each.solver == name)
        seeds = len({each.seed for each in readings if each.solver == name and each.part == "solvers"})
        rows.append(
            (name, access, seeds, *(_words(needed(medians(readings, unit, name), close_pct)) for unit in _UNITS))
        )
    columns = ("solver", "access", "seeds", "trained networks", "GPU-hours")
    title = (
        f"{_task(readings)}, from the record of `python -m experiments.search_cost` (docs/records/search_cost): amounts "
        f"between which the median regret falls to {close_pct:g} % (– : not within the amounts that were run)"
    )
    return [Table(title, columns, tuple(rows))]


def sampling(readings: Sequence[Reading]) -> list[str]:
    """The solvers that ask for values of sampled networks alone."""
    return sorted({each.solver for each in _of(readings, "solvers", "") if each.access == "values"})


def medians(readings: Sequence[Reading], unit: str, solver: str, *, variant: str = "") -> Medians:
    """The median regret at every amount that a solver was read at."""
    part = "supernet" if variant else "solvers"
    regrets: dict[float, list[float]] = defaultdict(list)
    for each in _of(readings, part, variant):
        if each.unit == unit and each.solver == solver:
            regrets[each.amount].append(each.regret_pct)
    return {amount: float(np.quantile(values, 0.5, method="higher")) for amount, values in sorted(regrets.items())}


def needed(regret: Medians, close_pct: float) -> tuple[float, float]:
    """The last amount before a solver comes close, and the first at which it is; infinite where it never is."""
    before = 0.0
    for amount, value in regret.items():
        if value <= close_pct:
            return before, amount
        before = amount
    return np.inf, np.inf


def _words(between: tuple[float, float]) -> str:
    if np.isinf(between[1]):
        return "–"
    return f"{between[0]:,g} to {between[1]:,g}" if between[0] else f"at most {between[1]:,g}"


def _of(readings: Iterable[Reading], part: str, variant: str) -> list[Reading]:
    return [each for each in readings if each.part == part and each.variant == variant]


def _task(readings: Sequence[Reading]) -> str:
    return readings[0].task
