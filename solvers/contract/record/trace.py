"""The trace of a run: one row per evaluation."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

COLUMNS: dict[str, type] = {
    "objective": np.float64,
    "violation": np.float64,
    "cost": np.float64,
    "accuracy": np.float64,
    "latency_s": np.float64,
    "energy_j": np.float64,
    "area_mm2": np.float64,
    "gradient_queries": np.int64,
    "cost_pairs": np.int64,
    "trained_networks": np.float64,
    "gpu_hours": np.float64,
    "solver_seconds": np.float64,
    "oracle_seconds": np.float64,
}
"""Every column of a trace but its designs, with its dtype."""

_COUNTED_LATER = ("cost_pairs", "trained_networks", "gpu_hours")
"""The columns that a writer is given at the end, all rows at once."""

CLOCKS = ("solver_seconds", "oracle_seconds")
"""The columns that differ between two runs of one seed."""


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """Everything that a run evaluated, in order; `n` rows.

    Attributes:
        designs: (n, choices) int64 option indices.
        objective: (n,) what is minimized.
        violation: (n,) 0 where every constraint holds.
        cost: (n,) the objective's cost function, before its weight.
        accuracy: (n,) fraction in [0, 1].
        latency_s: (n,) seconds.
        energy_j: (n,) joules.
        area_mm2: (n,) square millimeters.
        gradient_queries: (n,) asked before this row was known.
        cost_pairs: (n,) distinct (layer, accelerator) pairs whose cost had been asked for when this row was known.
        trained_networks: (n,) distinct networks evaluated when this row was known, and once gradients were asked for, the
            supernet's trainings; NaN in records of an earlier version.
        gpu_hours: (n,) of these trainings; NaN where the problem has no training times.
        solver_seconds: (n,) spent before this row was known.
        oracle_seconds: (n,) spent before this row was known.
    """

    designs: np.ndarray
    objective: np.ndarray
    violation: np.ndarray
    cost: np.ndarray
    accuracy: np.ndarray
    latency_s: np.ndarray
    energy_j: np.ndarray
    area_mm2: np.ndarray
    gradient_queries: np.ndarray
    cost_pairs: np.ndarray
    trained_networks: np.ndarray
    gpu_hours: np.ndarray
    solver_seconds: np.ndarray
    oracle_seconds: np.ndarray

    def __post_init__(self) -> None:
        if self.designs.ndim != 2 or self.designs.dtype != np.int64:
            raise ValueError(
                f"a trace's designs are (rows, choices) int64, not {self.designs.shape} {self.designs.dtype}"
            )
        for name, dtype in COLUMNS.items():
            column = getattr(self, name)
            if column.shape != (len(self.designs),) or column.dtype != dtype:
                raise ValueError(
                    f"a trace's column {name!r} is ({len(self.designs)},) {np.dtype(dtype)}, "
                    f"not {column.shape} {column.dtype}"
                )

    def __len__(self) -> int:
        return len(self.designs)

    def __repr__(self) -> str:
        return f"Trace({len(self)} evaluations, {int(self.feasible.sum())} feasible)"

    def __getitem__(self, rows: slice | np.ndarray) -> Trace:
        """The trace of some rows: a slice, a mask or an array of row numbers."""
        return Trace(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @property
    def feasible(self) -> np.ndarray:
        """(n,) whether each design meets every constraint."""
        return self.violation <= 0

    @property
    def error_pct(self) -> np.ndarray:
        """(n,) error in percentage points."""
        return 100.0 * (1.0 - self.accuracy)

    @property
    def edap_js_mm2(self) -> np.ndarray:
        """(n,) energy x latency x area, in J s mm2."""
        return self.energy_j * self.latency_s * self.area_mm2

    @property
    def seconds(self) -> np.ndarray:
        """(n,) wall time, the solver's and the oracle's, before each row was known."""
        return self.solver_seconds + self.oracle_seconds

    def columns(self) -> dict[str, np.ndarray]:
        """Everything but the designs as equally long columns, (n,) each, in the order of the trace.

        For a table: `pandas.DataFrame(trace.columns())`.
        """
        derived = ("error_pct", "edap_js_mm2", "feasible", "seconds")
        return {name: getattr(self, name) for name in (*COLUMNS, *derived)} | {"best_so_far": self.best_so_far()}

    def best(self) -> int | None:
        """Row of the best design: lowest objective among the feasible, else lowest violation; None when empty."""
        return best_row(self.objective, self.violation)

    def best_so_far(self) -> np.ndarray:
        """(n,) lowest objective among the feasible designs up to each row; infinity before the first one."""
        return np.minimum.accumulate(np.where(self.feasible, self.objective, np.inf))

    def pareto(self, metrics: tuple[str, ...] = ("error_pct", "cost")) -> np.ndarray:
        """Rows of the feasible designs that no other feasible design beats in both of two metrics.

        Args:
            metrics: names of two columns or properties, both minimized.

        Returns:
            (front,) row numbers, sorted by the first metric; of equal points only the earliest is kept.
        """
        if len(metrics) != 2:
            raise ValueError(f"a front is drawn over two metrics, not over {len(metrics)}: {metrics}")
        rows = np.flatnonzero(self.feasible)
        first, second = (getattr(self, name)[rows] for name in metrics)
        order = np.lexsort((rows, second, first))
        lowest_before = np.concatenate(([np.inf], np.minimum.accumulate(second[order])[:-1]))
        return rows[order][second[order] < lowest_before]

    def same_search(self, other: Trace) -> bool:
        """Whether two traces agree to the bit in everything but the clocks."""
        return all(
            np.array_equal(getattr(self, field.name), getattr(other, field.name), equal_nan=True)
            for field in fields(self)
            if field.name not in CLOCKS
        )


class TraceWriter:
    """Growing arrays for a trace: doubled when full, so that n rows cost O(n).

    Args:
        num_choices: Columns of a design.
        most: Rows that there will be at most.
    """

    def __init__(self, num_choices: int, *, most: int) -> None:
        self._rows, self._most = 0, most
        self._arrays: dict[str, np.ndarray] = {
            "designs": np.empty((256, num_choices), np.int64),
            **{name: np.empty(256, dtype) for name, dtype in COLUMNS.items() if name not in _COUNTED_LATER},
        }

    def __len__(self) -> int:
        return self._rows

    @property
    def designs(self) -> np.ndarray:
        """(n, choices) the designs so far, a view."""
        return self._arrays["designs"][: self._rows]

    def column(self, name: str) -> np.ndarray:
        """Return a column (n,) so far, a view."""
        return self._arrays[name][: self._rows]

    def append(self, designs: np.ndarray, **columns: Any) -> None:
        """Add `designs` (batch, choices) with the other columns' values, an array (batch,) or one value for all."""
        end = self._rows + len(designs)
        capacity = len(self._arrays["designs"])
        if end > capacity:
            extra = max(end, min(2 * capacity, self._most)) - capacity
            for name, array in self._arrays.items():
                self._arrays[name] = np.concatenate((array, np.empty((extra, *array.shape[1:]), array.dtype)))
        self._arrays["designs"][self._rows : end] = designs
        for name, values in columns.items():
            self._arrays[name][self._rows : end] = values
        self._rows = end

    def trace(self, **columns: np.ndarray) -> Trace:
        """Return the rows so far, copied, with the columns (n,) that are counted at the end."""
        return Trace(**{name: array[: self._rows].copy() for name, array in self._arrays.items()}, **columns)


def best_row(objective: np.ndarray, violation: np.ndarray) -> int | None:
    """Return the row of the best design: lowest objective among the feasible, else lowest violation; None for no rows.

    Args:
        objective: (n,) what is minimized.
        violation: (n,) 0 where every constraint holds.
    """
    if not len(objective):
        return None
    return int(np.lexsort((objective, np.maximum(violation, 0.0)))[0])


def row_bytes(num_choices: int) -> int:
    """Return the bytes that one row of a trace takes: its designs (int64) and its columns."""
    return 8 * num_choices + sum(np.dtype(dtype).itemsize for dtype in COLUMNS.values())


def count_distinct(rows: np.ndarray, option_counts: np.ndarray) -> int:
    """Return how many distinct rows (n, choices) of option indices there are.

    Args:
        rows: Option indices.
        option_counts: (choices,) options of each choice.
    """
    ranks = _ranks(rows, option_counts)
    if ranks is None:
        return len(np.unique(np.ascontiguousarray(rows), axis=0))
    size = math.prod(int(count) for count in option_counts)
    if size <= 16 * len(rows):  # a small space: no need to sort
        seen = np.zeros(size, dtype=bool)
        seen[ranks] = True
        return int(np.count_nonzero(seen))
    ranks.sort()
    return int(np.count_nonzero(ranks[1:] != ranks[:-1])) + min(1, len(ranks))


def first_occurrences(rows: np.ndarray, option_counts: np.ndarray) -> np.ndarray:
    """(n,) whether each row of option indices is the first of those that are equal to it.

    Args:
        rows: (n, choices) option indices.
        option_counts: (choices,) options of each choice.
    """
    ranks = _ranks(rows, option_counts)
    first = np.zeros(len(rows), dtype=bool)
    if ranks is None:
        first[np.unique(np.ascontiguousarray(rows), axis=0, return_index=True)[1]] = True
    else:
        first[np.unique(ranks, return_index=True)[1]] = True
    return first


def _ranks(rows: np.ndarray, option_counts: np.ndarray) -> np.ndarray | None:
    """(n,) the number of each row in C order of the options; None where there are too many for an int64."""
    if math.prod(int(count) for count in option_counts) >= 2**63:
        return None
    ranks = np.zeros(len(rows), dtype=np.int64)
    for column, count in enumerate(option_counts):
        ranks *= int(count)
        ranks += rows[:, column]
    return ranks
