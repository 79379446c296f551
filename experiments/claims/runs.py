"""Solver runs that a claim needs, by the comparison's own machinery: on record, side by side, resumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dance_env.problem import Problem
from experiments.claims.work import Work
from solvers.comparison.compare import compare
from solvers.comparison.listener import Listener
from solvers.comparison.plan import Cell
from solvers.comparison.run import Comparison
from solvers.comparison.settings import Settings
from solvers.comparison.spec import SolverSpec
from solvers.contract.progress import Progress
from solvers.contract.result import Result
from solvers.contract.solver import Solver


def run_solvers(
    problems: Sequence[Problem | str], solvers: Mapping[str, Solver], *, seeds: Sequence[int], budget: int, work: Work
) -> Comparison:
    """Run every solver on every problem with every seed; runs on record are read.

    Args:
        problems: what to solve. A task by name is loaded once for all runs; a problem travels to every run.
        solvers: by label.
        seeds: of each solver.
        budget: evaluations + gradient queries of one run.
        work: where records are kept, how many runs go on side by side, and whom to tell.

    Raises:
        RuntimeError: If a run failed: a claim is not judged by the runs that did not.
        KeyboardInterrupt: If interrupted; finished runs are on record.
    """
    done = 0
    total = len(problems) * len(solvers) * len(seeds)

    def running(cell: Cell, _: Progress | None = None) -> None:
        work.tell(f"{cell.task}: {cell.label}, seed {cell.seed}", done, total)

    def ended(cell: Cell, result: Result) -> None:
        nonlocal done
        done += 1
        running(cell)
        if not result.status.complete:
            raise RuntimeError(
                f"{cell.label} on {cell.task}, seed {cell.seed}: {result.status.value} {result.reason}\n{result.traceback}"
            )

    settings = Settings(
        tasks=list(problems),
        solvers=[SolverSpec.of(solver, label=label) for label, solver in solvers.items()],
        seeds=seeds,
        budget=budget,
        out=work.folder / "runs",
        workers=work.workers,
    )
    return compare(settings, listener=Listener(on_start=running, on_cell=ended))
