"""How much of the exact Pareto front a sweep over lambda2 finds, beside NSGA-II.

    python benchmarks/lambda_sweep.py FOLDER [--variants balanced edap] [--seeds 5] [--budget 4000]

`dance-front` sweeps within one run. `dance-refined` and `dance-exact` know one lambda2: they run once for each, with an
equal share of the budget. Error against the objective's cost function, over the feasible designs that were evaluated.
Hypervolume: the area that a front dominates, up to a reference point a tenth beyond the exact front's ends on both axes,
in per cent of the exact front's. "Weights' optima": the share of the sweep's own problems, the objective at each
lambda2, that are solved to 1 %.
FOLDER/lambda_sweep.md holds the table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dance_env.analysis.exact import ParetoFront, non_dominated, pareto_front
from dance_env.problem import Problem
from dance_env.tasks import VARIANTS, make_problem
from solvers.contract.result import software_versions
from solvers.contract.solver import Solver
from solvers.methods.dance.front import DanceFront
from solvers.methods.dance.refined import DanceExact, DanceRefined
from solvers.methods.evolution.genetic import NSGA2

LAMBDAS = tuple(float(each) for each in np.geomspace(1 / 32, 32, 11))
_CLOSE = 1.01


def hypervolume(error_pct: np.ndarray, cost: np.ndarray, reference: tuple[float, float]) -> float:
    """Area dominated by points (n,) up to a reference (error, cost); points beyond it count nothing."""
    inside = (error_pct < reference[0]) & (cost < reference[1])
    area, least = 0.0, reference[0]
    for row in np.flatnonzero(inside)[np.lexsort((error_pct[inside], cost[inside]))]:
        if error_pct[row] < least:
            area += (least - error_pct[row]) * (reference[1] - cost[row])
            least = error_pct[row]
    return float(area)


def reference_of(front: ParetoFront) -> tuple[float, float]:
    """A tenth of the front's extent beyond its ends."""
    error_pct, cost = (float(each.max() + 0.1 * np.ptp(each)) for each in (front.error_pct, front.cost))
    return error_pct, cost


@dataclass(frozen=True, eq=False)
class Sweep:
    """The feasible designs that a sweep evaluated.

    Attributes:
        error_pct, cost: of each design (n,).
        seconds: of search and oracle.
    """

    error_pct: np.ndarray
    cost: np.ndarray
    seconds: float

    @property
    def on_front(self) -> int:
        """How many designs are not dominated."""
        return len(non_dominated(self.error_pct, self.cost))

    def share_of_front(self, front: ParetoFront) -> float:
        """Return the hypervolume as a share of the exact front's."""
        reference = reference_of(front)
        exact = hypervolume(front.error_pct, front.cost, reference)
        return hypervolume(self.error_pct, self.cost, reference) / exact

    def share_of_weights(self, front: ParetoFront, problem: Problem) -> float:
        """Return the share of `LAMBDAS` at which the best design is within 1 % of the exact best."""
        weights = problem.objective.weight * np.array(LAMBDAS)[:, None]
        found = (self.error_pct + weights * self.cost).min(axis=1, initial=np.inf)
        return float((found <= _CLOSE * (front.error_pct + weights * front.cost).min(axis=1)).mean())


def sweep(solver: Solver, problem: Problem, *, budget: int, seed: int) -> Sweep:
    """Run a solver once, or once per lambda2 with an equal share of the budget if it searches for a single optimum."""
    if isinstance(solver, DanceRefined | DanceExact):
        weights = [factor * problem.objective.weight for factor in LAMBDAS]
        problems = [replace(problem, objective=replace(problem.objective, weight=weight)) for weight in weights]
    else:
        problems = [problem]
    runs = [solver.solve(each, budget=max(1, budget // len(problems)), seed=seed) for each in problems]
    traces = [run.trace[run.trace.feasible] for run in runs]
    return Sweep(
        error_pct=np.concatenate([trace.error_pct for trace in traces]),
        cost=np.concatenate([trace.cost for trace in traces]),
        seconds=sum(run.ledger.solver_seconds + run.ledger.oracle_seconds for run in runs),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, print the table and write it."""
    args = _parser().parse_args(arguments)
    solvers: list[Solver] = [DanceFront(lambdas=LAMBDAS), DanceRefined(), DanceExact(), NSGA2()]
    command = " ".join([Path(sys.argv[0]).name, *(sys.argv[1:] if arguments is None else arguments)])
    versions = ", ".join(f"{name} {version}" for name, version in software_versions().items())
    lines = [
        f"`{command}`; {versions}; {len(LAMBDAS)} lambdas from {LAMBDAS[0]:g} to {LAMBDAS[-1]:g} times the task's weight.",
        "",
        "| variant | exact front | solver | designs on its front | hypervolume %, median | worst | weights' optima | search s |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    print("\n".join(lines), flush=True)
    for variant in args.variants:
        problem = make_problem(f"{args.network}/{variant}")
        front = pareto_front(problem)
        for solver in solvers:
            sweeps = [sweep(solver, problem, budget=args.budget, seed=seed) for seed in range(args.seeds)]
            shares = [100.0 * each.share_of_front(front) for each in sweeps]
            optima = float(np.mean([each.share_of_weights(front, problem) for each in sweeps]))
            seconds = float(np.median([each.seconds for each in sweeps]))
            lines.append(
                f"| {variant} | {len(front)} | {solver.name} | {np.median([each.on_front for each in sweeps]):.0f} | "
                f"{np.median(shares):.2f} | {min(shares):.2f} | {100 * optima:.0f} % | {seconds:.1f} |"
            )
            print(lines[-1], flush=True)
    args.folder.mkdir(parents=True, exist_ok=True)
    (args.folder / "lambda_sweep.md").write_text("\n".join(lines) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--network", default="macro-cifar10")
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--budget", type=int, default=4000)
    return parser


if __name__ == "__main__":
    main()
