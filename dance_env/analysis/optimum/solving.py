"""Search cases on several threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields

import numpy as np

from dance_env.analysis.optimum.cases import Cases

UNFINISHED, BOUNDED, SEARCHED, IMPOSSIBLE = 0, 1, 2, 3
"""How a case ended, as in `search_kernel`."""

_KEPT = 1024  # labelings of one case among the best; there is one, but for ties
_COLLECTED = 16_384


@dataclass(frozen=True, eq=False)
class Found:
    """What searches of `n` cases found.

    Attributes:
        ended: `(n,)` int64.
        bound: `(n,)`: of the first vertex.
        vertices: `(n,)` int64.
        weights: `(n, M + 1 + T)`: multipliers of the limits and of the error's limit, and shares of the cost terms.
        count: `(n, 2)` int64: labelings kept, and whether there was no room for more.
        value: `(n, K)`: the labelings' values.
        labels: `(n, K, G)` int64.
    """

    ended: np.ndarray
    bound: np.ndarray
    vertices: np.ndarray
    weights: np.ndarray
    count: np.ndarray
    value: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True, eq=False)
class Searcher:
    """Searches on a fixed number of threads; what they find does not depend on the number.

    Attributes:
        workers: Threads.
    """

    workers: int
    _pool: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_pool", ThreadPoolExecutor(max_workers=self.workers))

    @classmethod
    def of(cls, workers: int | None) -> Searcher:
        """Return a searcher with so many threads; None for one per core, at most two."""
        if workers is not None and workers < 1:
            raise ValueError(f"workers must be at least 1, got {workers}")
        return cls(workers or min(2, os.cpu_count() or 1))

    def search(
        self,
        cases: Cases,
        chosen: np.ndarray,
        *,
        best: float,
        slack: float,
        vertex_limit: int,
        collect: bool = False,
    ) -> Found:
        """Search some cases (indices), all from the same best value; see `search_kernel.solve_cases`."""
        from dance_env.analysis.optimum.search_kernel import solve_cases

        n, groups = len(chosen), len(cases.shape.full)
        kept = _COLLECTED if collect else 1 if vertex_limit == 1 else _KEPT
        found = Found(
            ended=np.zeros(n, np.int64),
            bound=np.zeros(n),
            vertices=np.zeros(n, np.int64),
            weights=np.zeros((n, len(cases.limits.most) + 1 + len(cases.latency))),
            count=np.zeros((n, 2), np.int64),
            value=np.full((n, kept), np.inf),
            labels=np.zeros((n, kept, groups), np.int64),
        )

        searched = np.ascontiguousarray(chosen)

        def some(first: int) -> None:
            solve_cases(
                searched,
                first,
                self.workers,
                cases.shape,
                cases.error,
                cases.latency,
                cases.energy,
                cases.factors,
                cases.zero,
                cases.values,
                cases.limits,
                float(best),
                float(slack),
                vertex_limit,
                collect,
                *(getattr(found, each.name) for each in fields(Found)),
            )

        list(self._pool.map(some, range(self.workers)))
        return found
