"""A task of your own in a TOML file: built, stepped, searched, and its exact optimum.

    python examples/custom_task.py                      # examples/custom_task.toml, a few seconds
    python examples/custom_task.py path/to/yours.toml   # yours

The same file works wherever a task's name does: `dance compare examples/custom_task.toml`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import gymnasium

import dance_env
from dance_env.analysis.exact import optimum
from solvers import make_solver

TASK = Path(__file__).with_name("custom_task.toml")


def main(argv: Sequence[str] | None = None) -> None:
    """Build it, step it, search it, and find its optimum."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("task", nargs="?", default=str(TASK), help="a TOML file, with :VARIANT for one of its variants")
    parser.add_argument("--budget", type=int, default=200, help="evaluations + gradients of a search")
    arguments = parser.parse_args(argv)

    env = gymnasium.make("dance_env/CoDesign-v0", task=arguments.task)
    env.reset(seed=0)
    env.action_space.seed(0)
    _, reward, _, _, info = env.step(env.action_space.sample())
    print(f"a random design: return {reward:.3f}, violation {info['violation']:.2f}")

    problem = dance_env.make_problem(arguments.task)
    print(f"{problem.space.size:,} designs; minimize {problem.objective}")
    for name in ("random", "evolution", "dance-exact"):
        result = make_solver(name).solve(problem, budget=arguments.budget, seed=0)
        print(f"{name:<12} {result.best_objective:.4f}  {result.best_named}")
    best = optimum(problem)
    print(f"{'exact':<12} {best.objective:.4f}  {problem.space.decode(best.design[None])[0]}")


if __name__ == "__main__":
    main()
