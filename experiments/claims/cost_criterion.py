"""The criterion of search costs: the same whether runs are made here, read from a comparison, or read from a record.

The paper counts trained candidates, a supernet apart, and GPU-hours with everything. A supernet's training is a cost too, so
that candidates are also counted with the supernet as its price in trainings (docs/bill.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from experiments.claims.claim import Finding, Verdict

DANCE = "dance"
"""The solver that the others are compared with, by its label."""


@dataclass(frozen=True)
class Measure:
    """What is counted, and by how much DANCE has to need less.

    Attributes:
        words: what is counted.
        paper: the paper's figure.
        times: the best other solver has to need at least this many times as much; None where more is enough.
    """

    words: str
    paper: str
    times: float | None

    @property
    def rule(self) -> str:
        """The criterion."""
        return "more" if self.times is None else f"at least {self.times:g} times as many"


MEASURES = {
    "candidates": Measure("networks trained, the supernet apart (candidates)", "1 against 160 to 2300", 10.0),
    "trained": Measure("networks trained, the supernet counted as its price", "no figure", 10.0),
    "gpu_hours": Measure("GPU-hours of training, supernet included", "3 against 3.5 to 2300", None),
}
"""The measures by name."""


@dataclass(frozen=True, order=True)
class Needed:
    """What a solver needs until its median run is close: `exactly` known, or known to lie between two amounts.

    Attributes:
        more_than: where it is not exact, the last amount that was not enough.
        at_most: an amount that was enough; infinite where none was.
        exact: whether `at_most` is the amount itself.
    """

    more_than: float
    at_most: float
    exact: bool = False

    @classmethod
    def exactly(cls, amount: float) -> Needed:
        """A known amount; infinite where the solver never came close, NaN where the measure is not known."""
        return cls(amount, amount, True)

    @property
    def known(self) -> bool:
        """Whether the measure is known at all."""
        return not math.isnan(self.at_most)

    @property
    def reached(self) -> bool:
        """Whether the solver came close."""
        return math.isfinite(self.at_most)

    def is_shown_to_exceed(self, other: Needed, times: float | None) -> bool:
        """Whether this is at least `times` the other amount, or more than it where `times` is None, wherever both lie."""
        if not other.reached:
            return False
        if times is None:
            return self.more_than > other.at_most or (not self.exact and self.more_than >= other.at_most)
        return self.more_than >= times * other.at_most

    def __str__(self) -> str:
        if self.exact:
            return "never" if math.isinf(self.at_most) else f"{self.at_most:.3g}"
        parts = [f"more than {self.more_than:,g}"] * (self.more_than > 0)
        parts += [f"at most {self.at_most:,g}"] * self.reached
        return " and ".join(parts) or "unknown"


Costs = Mapping[str, Mapping[str, Needed]]
"""Solver -> measure -> what it needs."""


def judged_costs(task: str, ours: Mapping[str, Needed], sampling: Costs) -> list[Finding]:
    """One part for each measure that is on record: DANCE against the best solver that samples networks.

    A part holds only if the amounts show it; where they are known as bounds, the bounds have to.

    Args:
        task: its name.
        ours: what DANCE needs, by measure; those that are missing are not judged.
        sampling: what each solver needs that asks for values of sampled networks alone (access class `values`).

    Raises:
        ValueError: there is no solver to compare with.
    """
    if not sampling:
        raise ValueError(f"no solver that samples networks was run on {task!r}: there is nothing to compare DANCE with")
    found = []
    for name, measure in MEASURES.items():
        if name not in ours:
            continue
        theirs, rival = best_of(sampling, name)
        verdict, words = _judged(ours[name], theirs, rival, measure)
        found.append(
            Finding(
                what=f"{task}: {measure.words}",
                paper=measure.paper,
                ours=words,
                verdict=verdict,
                rule=f"the best of the solvers that sample networks ({', '.join(sampling)}) needs {measure.rule}, exact "
                "gradients given",
            )
        )
    return found


def best_of(costs: Costs, measure: str) -> tuple[Needed, str]:
    """Return the least that any of some solvers needs, and which one."""
    return min((needed[measure], name) for name, needed in costs.items())


def _judged(ours: Needed, theirs: Needed, rival: str, measure: Measure) -> tuple[Verdict, str]:
    if not (ours.known and theirs.known):
        return Verdict.NOT_TESTABLE, "no training times are known for this task"
    if not ours.reached and not theirs.reached:
        return Verdict.NOT_TESTABLE, "no solver came close"
    words = f"DANCE {ours}, {rival} {theirs}"
    if ours.exact and theirs.exact and ours.reached and theirs.reached:
        words += f" ({theirs.at_most / ours.at_most:.3g} times as much)"
    return Verdict.of(theirs.is_shown_to_exceed(ours, measure.times)), words
