"""From how many designs on a supernet is worth its price: a table for each task, from the readings alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from experiments.search_cost.measure import Reading
from experiments.search_cost.plan import PRICES
from solvers.contract.ledger import break_even

TARGETS_PCT = (20.0, 10.0, 5.0, 2.0, 1.0, 0.1)
"""Median regrets that a search has to reach, %."""

DEFAULT_PRICE = 4.0
"""Trainings of the largest network, of the readings."""


def break_even_rows(rows: Sequence[Reading]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each target: what solvers take for one design, and from how many designs on gradients pay.

    A search for one more design takes the GPU-hours of its trained networks; the supernet is paid once. The final
    training of the reported network, which all pay, is left out.

    Args:
        rows: The readings of the solvers on one task.
    """
    supernet = max((each.supernet_gpu_hours for each in rows), default=0.0)
    with_gradients = {each.solver for each in rows if each.supernet_gpu_hours > 0}
    for target in TARGETS_PCT:
        without, within = (
            _cheapest(rows, [s for s in _solvers(rows) if (s in with_gradients) is wanted], target)
            for wanted in (False, True)
        )
        counts = [
            break_even(supernet * price / DEFAULT_PRICE, within[1], 0.0, without[1])
            if math.isfinite(within[1])
            else math.inf
            for price in PRICES
        ]
        yield f"{target:g} %", _who(*without), _who(*within), *(_count(each) for each in counts)


COLUMNS = ("regret at most", "without a supernet", "with one, its price apart", *(f"k {price:g}" for price in PRICES))


def _solvers(rows: Sequence[Reading]) -> list[str]:
    return list(dict.fromkeys(each.solver for each in rows))


def _cheapest(rows: Sequence[Reading], solvers: Sequence[str], target: float) -> tuple[str, float]:
    """The solver that reaches a median regret with the fewest GPU-hours for a design, and these; infinite if none does."""
    found = [("", math.inf)]
    for solver in solvers:
        for at in {(each.unit, each.amount) for each in rows if each.solver == solver}:
            own = [each for each in rows if (each.solver, each.unit, each.amount) == (solver, *at)]
            if np.quantile([each.regret_pct for each in own], 0.5, method="higher") <= target:
                hours = float(np.median([each.gpu_hours - each.supernet_gpu_hours for each in own]))
                found.append((solver, hours))
    return min(found, key=lambda each: (each[1], each[0]))


def _who(solver: str, hours: float) -> str:
    return f"{solver}, {hours:,.0f} GPU-hours" if solver else "nobody"


def _count(designs: float) -> str:
    return f"{designs:,.0f}" if math.isfinite(designs) else "never"
