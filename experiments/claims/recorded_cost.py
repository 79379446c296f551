"""Search cost on a large task, read from the record of `experiments.search_cost`: ten seeds, with imperfect supernets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from experiments.claims.claim import Cell, Finding, Table, Verdict
from experiments.claims.cost_criterion import DANCE, Needed, best_of, judged_costs
from experiments.search_cost.measure import Reading

_EXACT = "dance-exact"
_CORRELATIONS = (0.9, 0.8, 0.7)
_AMOUNTS = (30.0, 100.0)
"""Trained networks at which imperfect supernets are compared with sampling: all that the record has."""

Medians = dict[float, float]
"""Amount -> median regret over the seeds, %."""


def judged_record(readings: Sequence[Reading], *, close_pct: float) -> list[Finding]:
    """DANCE against the best solver that samples networks: with exact gradients, and with imperfect ones.

    A record holds regrets at a few amounts. A solver needs at most the first amount with a median regret of `close_pct`
    or less, and more than the one before it.
    """
    task = _task(readings)
    sampling_costs = {name: costs(readings, name, close_pct) for name in sampling(readings)}
    found = judged_costs(task, costs(readings, DANCE, close_pct), sampling_costs)
    for amount in _AMOUNTS:
        best, rival = min(
            (medians(readings, "networks", name).get(amount, np.inf), name) for name in sampling(readings)
        )
        for tau in _CORRELATIONS:
            regret = medians(readings, "networks", _EXACT, variant=f"tau {tau:g}").get(amount)
            if regret is not None:
                found.append(
                    Finding(
                        what=f"{task}: a supernet that ranks networks with Kendall's tau {tau:g}, {amount:g} trained networks",
                        paper="a real supernet; its rank correlation is not known",
                        ours=f"{_EXACT} {regret:.2f} % regret, {rival} {best:.2f} %",
                        verdict=Verdict.of(regret < best),
                        rule=f"less regret than the best solver that samples networks, both at {amount:g} trained networks",
                    )
                )
    return found


def record_headline(readings: Sequence[Reading], *, close_pct: float) -> str:
    """What DANCE and the best sampling solver need, from the record."""
    ours = costs(readings, DANCE, close_pct)
    sampling_costs = {name: costs(readings, name, close_pct) for name in sampling(readings)}
    parts = []
    for measure, words in (("trained", "trained networks"), ("gpu_hours", "GPU-hours")):
        theirs, rival = best_of(sampling_costs, measure)
        parts.append(f"{DANCE} {ours[measure]} {words}, {rival} {theirs}")
    return f"{_task(readings)}: " + ", ".join(parts)


def record_tables(readings: Sequence[Reading], *, close_pct: float) -> list[Table]:
    """What every solver of the record needs."""
    rows: list[tuple[Cell, ...]] = []
    for name in dict.fromkeys(each.solver for each in _of(readings, "solvers", "")):
        access = next(each.access for each in readings if each.solver == name)
        seeds = len({each.seed for each in readings if each.solver == name and each.part == "solvers"})
        rows.append((name, access, seeds, *map(str, costs(readings, name, close_pct).values())))
    columns = ("solver", "access", "seeds", "candidates", "trained networks, supernet included", "GPU-hours")
    title = (
        f"{_task(readings)}, from the record of `python -m experiments.search_cost` (docs/records/search_cost): amounts "
        f"between which the median regret falls to {close_pct:g} % (without a bound above: not within the amounts that "
        "were run)"
    )
    return [Table(title, columns, tuple(rows))]


def costs(readings: Sequence[Reading], solver: str, close_pct: float) -> dict[str, Needed]:
    """What a solver needs, by measure."""
    trained = needed(medians(readings, "networks", solver), close_pct)
    return {
        "candidates": Needed(
            min(_candidates(readings, solver, trained.more_than), default=0.0),
            max(_candidates(readings, solver, trained.at_most), default=np.inf),
        ),
        "trained": trained,
        "gpu_hours": needed(medians(readings, "gpuh", solver), close_pct),
    }


def _candidates(readings: Sequence[Reading], solver: str, amount: float) -> list[float]:
    """The networks that each seed had trained at an amount, the supernet apart."""
    return [
        float(each.networks)
        for each in _of(readings, "solvers", "")
        if (each.unit, each.solver, each.amount) == ("networks", solver, amount)
    ]


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


def needed(regret: Medians, close_pct: float) -> Needed:
    """More than the last amount at which a solver is not close, and at most the first at which it is; no bound if none is."""
    before = 0.0
    for amount, value in regret.items():
        if value <= close_pct:
            return Needed(before, amount)
        before = amount
    return Needed(before, np.inf)


def _of(readings: Iterable[Reading], part: str, variant: str) -> list[Reading]:
    return [each for each in readings if each.part == part and each.variant == variant]


def _task(readings: Sequence[Reading]) -> str:
    return readings[0].task
