"""The networks that are looked at, each on its best accelerator, and the reference objective."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from dance_env.analysis.exact import MAX_DESIGNS, best_designs, cheapest_hardware
from dance_env.analysis.landscape.descents import Standing
from dance_env.analysis.optimum import shipped_optimum
from dance_env.problem import Problem
from dance_env.progress import Progress
from dance_env.space import DesignSpace


@dataclass(frozen=True, eq=False)
class Reference:
    """The objective that regrets are measured from.

    Attributes:
        design: `(D,)` int64; None where no feasible design was found.
        objective: Its objective; infinite where there is none.
        kind: "optimum" where every design was compared, "proved" where a record that ships proves it (docs/optimum.md),
            "best found" else.
    """

    design: np.ndarray | None
    objective: float
    kind: str


def is_enumerated(problem: Problem) -> bool:
    """Return whether every design of a problem is looked at."""
    return problem.space.size <= MAX_DESIGNS


class Networks:
    """Networks on their best accelerators; each is priced on all accelerators once.

    Args:
        problem: Whose networks.
        cache_dir: Of the pass over all designs, where the problem is enumerated.
        progress: Of that pass: networks done, networks in all.
    """

    def __init__(
        self, problem: Problem, *, cache_dir: str | os.PathLike[str] | None = None, progress: Progress | bool | None
    ) -> None:
        self.problem = problem
        self.space = DesignSpace(problem.network_space.choices())
        self._known: dict[bytes, int] = {}
        if is_enumerated(problem):
            designs = best_designs(problem, cache_dir=cache_dir, progress=progress)
            hardware = problem.accelerator_space.index(designs[:, problem.space.hardware], trusted=True)
            self._all: np.ndarray | None = hardware
        else:
            self._all = None

    def looked_at(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Return every network `(B, N)` where the problem is enumerated, else so many random ones."""
        if self._all is not None:
            return self.space.unrank(np.arange(self.space.size))
        return self.space.sample(rng, count)

    def designs(self, networks: np.ndarray) -> np.ndarray:
        """Return the designs `(B, D)` of networks `(B, N)`, each on its best accelerator."""
        if self._all is not None:
            return self.problem.design(networks, self._all[self.space.rank(networks, trusted=True)])
        keys = [row.tobytes() for row in np.ascontiguousarray(networks)]
        fresh = {key: row for row, key in enumerate(keys) if key not in self._known}
        if fresh:
            cost_function = self.problem.objective.cost_function
            found = cheapest_hardware(self.problem, networks[list(fresh.values())], cost_function, None)
            self._known.update(zip(fresh, found.tolist(), strict=True))
        return self.problem.design(networks, np.array([self._known[key] for key in keys], dtype=np.int64))

    def judge(self, networks: np.ndarray) -> Standing:
        """Return the standing of networks `(B, N)`, each on its best accelerator."""
        return judge_designs(self.problem, self.designs(networks))


def judge_designs(problem: Problem, designs: np.ndarray) -> Standing:
    """Return the standing of designs `(B, D)`."""
    evaluation = problem.evaluate(designs)
    return Standing(evaluation.violation, evaluation.objective)


def reference(problem: Problem, designs: np.ndarray) -> Reference:
    """Return the proved optimum where a record ships, else the best of these designs `(B, D)`.

    Raises:
        RuntimeError: If one of the designs is better than an optimum that a record calls proved.
    """
    standing = judge_designs(problem, designs)
    best = int(np.lexsort((standing.objective, standing.violation))[0])
    feasible = standing.violation[best] <= 0.0
    kind = "optimum" if is_enumerated(problem) else "best found"
    found = Reference(
        designs[best] if feasible else None, float(standing.objective[best]) if feasible else np.inf, kind
    )
    proof = shipped_optimum(problem)
    if is_enumerated(problem) or proof is None or proof.gap > 0.0 or proof.design is None:
        return found
    if found.objective < proof.objective - 1e-9 * max(1.0, abs(proof.objective)):
        raise RuntimeError(
            f"problem {problem.name!r}: the design {designs[best].tolist()} has the objective {found.objective!r}, below "
            f"{proof.objective!r}, which the record that ships calls proved"
        )
    return Reference(np.array(proof.design, dtype=np.int64), proof.objective, "proved")
