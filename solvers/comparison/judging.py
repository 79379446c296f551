"""What a run reports, judged without noise: a comparison rewards no lucky draw."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from dance_env.problem import Problem, failed_rows
from solvers.contract.record.trace import Trace
from solvers.contract.result import Result


@dataclass(frozen=True, eq=False, repr=False)
class JudgedTrace(Trace):
    """A trace whose designs have their expected accuracies and objectives, in the order in which the run met them.

    The best so far is not the best of these values: the run did not see them. It is the expected value of the design that
    the run took for its best by what it had seen. It may rise again.

    Attributes:
        reported: (n,) int64, the row of the feasible design that the run took for its best when each row was known; -1
            before the first one.
        ended_with: The row that the run takes for its best in the end, a feasible one first; None when empty.
    """

    reported: np.ndarray
    ended_with: int | None

    def best(self) -> int | None:
        """Row of the design that the run reports; None when empty."""
        return self.ended_with

    def best_so_far(self) -> np.ndarray:
        """(n,) expected objective of the design reported at each row; infinity where there is none, or it breaks a limit."""
        known = (self.reported >= 0) & self.feasible[self.reported]
        return np.where(known, self.objective[self.reported], np.inf)

    def __getitem__(self, rows: slice | np.ndarray) -> Trace:
        """The trace of some rows, with the values as judged."""
        return Trace(**{field.name: getattr(self, field.name)[rows] for field in fields(Trace)})


def judged(result: Result, problem: Problem) -> Result:
    """Return a result as it is judged: by the expected accuracies of its designs, where evaluations are noisy.

    Failed evaluations stay failed: nobody reports them. The record of a run keeps what the run saw.

    Args:
        result: Of a run on `problem`.
        problem: The problem; a result on one without noise is returned as it is.
    """
    quiet = problem.without_noise
    if quiet is problem or not len(result.trace):
        return result
    trace = result.trace
    expected = quiet.evaluate(trace.designs)
    failed = failed_rows(problem.failures, trace)
    columns = {field.name: getattr(trace, field.name) for field in fields(Trace)}
    columns |= {
        name: np.where(failed, columns[name], getattr(expected, name))
        for name in ("objective", "violation", "accuracy")
    }
    seen = np.where(trace.feasible, trace.objective, np.inf)
    better = np.concatenate(([np.isfinite(seen[0])], seen[1:] < np.minimum.accumulate(seen)[:-1]))
    reported = np.maximum.accumulate(np.where(better, np.arange(len(trace)), -1))
    return replace(result, trace=JudgedTrace(**columns, reported=reported, ended_with=trace.best()))
