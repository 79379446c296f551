"""Whether a solver can work on a problem at all: said before any work is done, with what can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dance_env.accuracy import RelaxableAccuracy
from dance_env.analysis.exact import MAX_DESIGNS

if TYPE_CHECKING:
    from dance_env.problem import Problem
    from solvers.contract.solver import Solver


def check_suits(solver: Solver | type[Solver], problem: Problem) -> None:
    """Refuse a solver that needs what the problem cannot give.

    Args:
        solver: whose `needs_gradients` and `needs_every_design` say what it needs.
        problem: a problem, or whatever stands for one.

    Raises:
        ValueError: it needs expected accuracies and the accuracy model knows none, or has to look at more designs than
            is practical.
    """
    reason = why_not(solver, problem)
    if reason:
        raise ValueError(reason)


def why_not(solver: Solver | type[Solver], problem: Problem) -> str:
    """Why a solver cannot work on a problem, in a sentence; empty if it can."""
    accuracy = getattr(problem, "accuracy", None)
    if solver.needs_gradients and accuracy is not None and not isinstance(accuracy, RelaxableAccuracy):
        return (
            f"{solver.name} descends on expected accuracy, which {type(accuracy).__name__} of {problem.name} cannot "
            "tell: it judges whole networks. Take a solver that asks for designs (evolution, nsga2, ppo, random, "
            "annealing); on images, DANCE itself trains weights and choice together: python examples/search_images.py"
        )
    if solver.needs_every_design and problem.space.size > MAX_DESIGNS:
        return (
            f"{solver.name} looks at every design, which is practical up to {MAX_DESIGNS:,}; {problem.name} has "
            f"{problem.space.size:,}. Take a solver that samples (evolution, nsga2, ppo, random)"
        )
    return ""
