"""Hard limits: are they met by the design that a run returns, and what do they cost?

    python benchmarks/limits.py FOLDER [--solvers dance-refined dance-exact] [--seeds 10] [--budget 4000]

The task's own variants with their limits, and its balanced variant with one limit more (on latency, energy or area),
and with all three: each a share of the way from the least that any design within the variant's own limits needs to what
the best one takes. Price: the exact best objective under the limits, above that without, in per cent. For every solver, as it comes
and changed: without HDX, and with neither HDX's correction nor refinement at vertices; how many runs returned a design
that meets the limits, and the regret of those against the exact best under the limits. "Decoded" is the share of a
run's evaluations, where nothing is refined, that meet the limits: what the descent itself makes of them.
FOLDER/limits.md holds the table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dance_env.analysis.exact import least, optimum
from dance_env.objective import Metric
from dance_env.problem import Problem
from dance_env.tasks import VARIANTS, make_problem
from solvers.contract.result import Result, software_versions
from solvers.contract.solver import Solver
from solvers.methods.dance.refined import DanceExact, DanceRefined, RoundSettings

LIMITED: tuple[Metric, ...] = ("latency_s", "energy_j", "area_mm2")
SOLVERS = {"dance-refined": DanceRefined(), "dance-exact": DanceExact()}
UNREFINED = RoundSettings(vertex_queries=0)


def cases(network: str, share: float) -> Iterator[tuple[str, Problem]]:
    """Names and problems with limits."""
    for variant, settings in VARIANTS.items():
        if settings.objective.constraints:
            yield variant, make_problem(f"{network}/{variant}")
    balanced = make_problem(f"{network}/balanced")
    own: dict[Metric, float] = {each.metric: each.limit for each in balanced.objective.constraints}
    best = optimum(balanced).evaluation
    limits: dict[Metric, float] = {}
    for metric in LIMITED:
        lowest = float(getattr(least(balanced, metric).evaluation.cost, metric)[0])
        limits[metric] = lowest + share * (float(getattr(best.cost, metric)[0]) - lowest)
        yield f"balanced, {metric} <= {limits[metric]:.3g}", balanced.limited(own | {metric: limits[metric]})
    everything = balanced.limited(limits)
    yield f"balanced, all three{'' if optimum(everything).feasible else ' (no design meets them)'}", everything


def changed(solver: DanceRefined | DanceExact) -> dict[str, Solver]:
    """The solver as it comes, and with less of what keeps its designs within limits."""
    return {
        "": solver,
        "no HDX": replace(solver, hdx=None),
        "no refinement": replace(solver, rounds=UNREFINED),
        "neither": replace(solver, hdx=None, rounds=UNREFINED),
    }


def row(runs: Sequence[Result], best: float) -> str:
    """Feasible runs, median and worst regret of those, and the share of evaluations that met the limits."""
    regret = [100.0 * (run.best_objective - best) / abs(best) for run in runs if np.isfinite(run.best_objective)]
    met = float(np.mean([run.trace.feasible.mean() for run in runs]))
    figures = f"{np.median(regret):.3f} | {max(regret):.3f}" if regret else "– | –"
    return f"{len(regret)}/{len(runs)} | {figures} | {100 * met:.0f} %"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, print the table and write it."""
    args = _parser().parse_args(arguments)
    command = " ".join([Path(sys.argv[0]).name, *(sys.argv[1:] if arguments is None else arguments)])
    versions = ", ".join(f"{name} {version}" for name, version in software_versions().items())
    lines = [
        f"`{command}`; {versions}.",
        "",
        "| task and limits | price % | solver | changed | limits met | regret %, median | worst | evaluations within limits |",
        "| --- | ---: | --- | --- | ---: | ---: | ---: | ---: |",
    ]
    print("\n".join(lines), flush=True)
    for name, problem in cases(args.network, args.share):
        best, free = optimum(problem), optimum(problem.limited({}))
        price = 100.0 * (best.objective - free.objective) / abs(free.objective)
        for solver_name in args.solvers:
            for what, solver in changed(SOLVERS[solver_name]).items():
                seeds = range(min(args.seeds, args.changed_seeds) if what else args.seeds)
                runs = [solver.solve(problem, budget=args.budget, seed=seed) for seed in seeds]
                lines.append(f"| {name} | {price:.2f} | {solver_name} | {what} | {row(runs, best.objective)} |")
                print(lines[-1], flush=True)
    args.folder.mkdir(parents=True, exist_ok=True)
    (args.folder / "limits.md").write_text("\n".join(lines) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--network", default="macro-cifar10")
    parser.add_argument("--solvers", nargs="+", default=list(SOLVERS), choices=list(SOLVERS))
    parser.add_argument("--share", type=float, default=0.25, help="of the way from the least to the free optimum's")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--changed-seeds", type=int, default=3, help="the most seeds of a changed solver")
    parser.add_argument("--budget", type=int, default=4000)
    return parser


if __name__ == "__main__":
    main()
