"""A sweep: whole searches that differ in lambda2, hardware term or seed, in one folder, resumable as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dance_env.problem import Problem
from dance_env.progress import Progress
from solvers.contract.progress import Callback
from solvers.contract.result import Result, Status
from solvers.methods.dance.images.folder import RunFolder
from solvers.methods.dance.images.hardware import HardwareName
from solvers.methods.dance.images.plots import plot_sweep
from solvers.methods.dance.images.solver import DanceImages
from solvers.methods.dance.images.training.final import ScratchAccuracy


@dataclass(frozen=True, eq=False)
class SweepRun:
    """One run of a sweep.

    Attributes:
        term: The hardware term that the choice paid.
        lambda2: Its price.
        seed: The run's seed.
        result: What the run found, judged by training its network from scratch.
    """

    term: HardwareName
    lambda2: float
    seed: int
    result: Result

    def row(self) -> dict[str, Any]:
        """Return the run as one flat row, with units in the names."""
        trace, best = self.result.trace, self.result.best
        assert best is not None, "every run evaluates its network"
        names = ("objective", "violation", "error_pct", "latency_s", "energy_j", "area_mm2", "edap_js_mm2")
        return {
            "term": self.term,
            "lambda2": self.lambda2,
            "seed": self.seed,
            **{name: float(getattr(trace, name)[best]) for name in names},
            "design": self.result.best_named,
            "training_seconds": self.result.ledger.training_seconds,
            "oracle_seconds": self.result.ledger.oracle_seconds,
        }


def sweep(
    problem: Problem,
    folder: str | Path,
    *,
    solver: DanceImages,
    terms: Sequence[HardwareName],
    lambdas: Iterable[float],
    seeds: Iterable[int],
    callback: Callback | None = None,
    final_progress: Progress | bool | None = None,
    finished: Callable[[SweepRun], object] | None = None,
) -> list[SweepRun]:
    """Run every combination, and judge each network by training it from scratch.

    An interrupted sweep goes on where it was. It writes `sweep.json` (all rows so far) and `sweep.png` (test error
    against EDAP) after each run. The runs of a seed share one warm-up, which knows nothing of hardware.

    Args:
        problem: Whose accuracy model declares what can be trained (`SampledAccuracy`); it is not asked to evaluate.
        folder: Keeps all runs.
        solver: The settings of all runs; hardware, lambda2, folder and the training's seed are replaced.
        terms: Hardware terms; "none" is run once per seed, since lambda2 has no effect on it.
        lambdas: The values of lambda2.
        seeds: The seeds, of search and training from scratch.
        callback: Called as the callback of `Solver.solve`.
        final_progress: Of each training from scratch; see `ScratchAccuracy`.
        finished: Called with each run.

    Returns:
        The runs, seed by seed.

    Raises:
        KeyboardInterrupt: If a run was interrupted.
        SolverFailed: If a run failed.
    """
    runs: list[SweepRun] = []
    folder, lambdas = Path(folder), tuple(lambdas)
    training = solver.training_on(problem.network_space.name)
    for seed in seeds:
        judged = replace(
            problem,
            accuracy=ScratchAccuracy(
                problem.accuracy.trainable(),  # type: ignore[union-attr]
                training.final,
                seed=seed,
                execution=solver.execution,
                folder=folder / "scratch",
                progress=final_progress,
            ),
        )
        for term in terms:
            for lambda2 in (0.0,) if term == "none" else lambdas:
                wanted = replace(solver, hardware=term, lambda2=lambda2, folder=str(folder), training_seed=seed)
                budget = wanted.whole_budget(judged)
                result = wanted.solve(judged, budget=budget, seed=seed, callback=callback)
                if result.status is Status.INTERRUPTED:
                    raise KeyboardInterrupt  # `solve` returns what was found; a sweep stops
                runs.append(SweepRun(term, lambda2, seed, result))
                if solver.execution.world.leads:
                    RunFolder(folder).write("sweep", [run.row() for run in runs])
                    plot_sweep([run.row() for run in runs], folder / "sweep.png")
                if finished is not None:
                    finished(runs[-1])
    return runs
