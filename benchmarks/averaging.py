"""Does it pay to average over trainings? One solver with and without, at one budget, on accel-nasbench/noisy.

    python benchmarks/averaging.py [--solver evolution] [--budget 600] [--seeds 20] [--repeats 1 2 4]

A search on noisy accuracies reports a lucky training. The last column is what its design is worth: the objective with the
accuracy expected over trainings.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from dance_env import make_problem
from solvers import SolverSpec


def main() -> None:
    """Print a row for each number of repeats: medians over seeds, and quartiles of the last column."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--solver", default="evolution")
    parser.add_argument("--budget", default="600")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--repeats", type=int, nargs="+", default=[1, 2, 4])
    asked = parser.parse_args()
    noisy = make_problem("accel-nasbench/noisy")
    judge = replace(noisy, accuracy=noisy.accuracy.expected)
    print("| solver | GPU-hours | reported objective | expected objective of the reported design (quartiles) |")
    print("|---|---|---|---|")
    for repeats in asked.repeats:
        text = f"average:repeats={repeats}({asked.solver})" if repeats > 1 else asked.solver
        solver = SolverSpec.parse(text).make()
        results = [solver.solve(noisy, budget=asked.budget, seed=seed) for seed in range(asked.seeds)]
        expected = judge.evaluate(np.stack([each.best_design for each in results])).objective
        low, middle, high = np.quantile(expected, (0.25, 0.5, 0.75))
        hours, said = (
            np.median([getattr(each, name) for each in group])
            for name, group in (("training_gpu_hours", [each.ledger for each in results]), ("best_objective", results))
        )
        print(f"| `{text}` | {hours:,.0f} | {said:.2f} | {middle:.2f} ({low:.2f} to {high:.2f}) |", flush=True)


if __name__ == "__main__":
    main()
