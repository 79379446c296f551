"""What a solver needs of a problem, and what may be expected of it: declared once, used by messages, checks, reports."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal, get_args

from dance_env.accuracy.model import RelaxableAccuracy, SampledAccuracy, TrainedLater
from dance_env.analysis.exact import MAX_DESIGNS
from dance_env.objective import WorstCase
from dance_env.problem import Problem

Access = Literal["values", "gradients", "white box"]
"""How far a solver looks: values of designs and costs; gradients of expected accuracy too; the tables themselves."""


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """A solver's capability record.

    Attributes:
        access: What the solver makes use of; labeled wherever solvers are ranked.
        needs_gradients: It descends on accuracy, and takes whichever gradient the accuracy model declares.
        needs_expectation: It asks for the expected accuracy under probabilities (`problem.relax()`).
        needs_sampled_gradient: It asks for the gradient of a sampled network's accuracy, as a supernet has it.
        needs_enumeration: It looks at every design, so that there must not be too many.
        handles_constraints: It prefers feasible designs; if not, it optimizes as if there were no limits.
        handles_workloads: It can minimize or limit the cost of a single workload; if not, only the cost of all together.
        deterministic: Every seed gives the same run, so that a comparison runs it once.
        library: Import name of an optional package that it needs.
        extra: The extra of dance-env that brings the library; empty where none does.

    Raises:
        ValueError: If the access is unknown, or too little for what is needed.
    """

    access: Access = "values"
    needs_gradients: bool = False
    needs_expectation: bool = False
    needs_sampled_gradient: bool = False
    needs_enumeration: bool = False
    handles_constraints: bool = True
    handles_workloads: bool = True
    deterministic: bool = False
    library: str = ""
    extra: str = ""

    def __post_init__(self) -> None:
        if self.access not in get_args(Access):
            raise ValueError(f"access is one of {', '.join(map(repr, get_args(Access)))}; got {self.access!r}")
        gradients = self.needs_gradients or self.needs_expectation or self.needs_sampled_gradient
        if gradients and self.access == "values":
            raise ValueError("a solver that needs gradients has access 'gradients' or 'white box', not 'values'")

    @property
    def trains(self) -> bool:
        """Whether the solver trains a supernet of its own where a task has none."""
        return self.needs_sampled_gradient or self.needs_gradients

    def why_not(self, problem: Problem, *, solver: str) -> str:
        """Return why a solver of these capabilities cannot work on a problem, in a sentence; empty if it can.

        Args:
            problem: The problem.
            solver: The solver's name, for the sentence.
        """
        if problem.accuracy is None:
            return (
                f"{solver} evaluates designs, and {problem.name} has no accuracy model: only its costs can be asked for. "
                "Give the problem an accuracy model or a function (Problem.build(accuracy=...))"
            )
        if self.library and find_spec(self.library) is None:
            package = f"'dance-env[{self.extra}]'" if self.extra else self.library
            return f"{solver} needs the package {self.library}, which is not installed: pip install {package}"
        if not self.handles_workloads and (of := _of_single_workloads(problem)):
            return (
                f"{solver} predicts the cost of all workloads together, and {problem.name} {of}. Take a solver that asks for "
                "costs of designs (evolution, network-evolution, dance-exact)"
            )
        model = type(problem.accuracy).__name__
        expectation, sampled = offers_expectation(problem.accuracy), offers_sampled_gradient(problem.accuracy)
        if isinstance(problem.accuracy, TrainedLater) and not self.trains:
            return (
                f"{problem.name} has no trained supernet, and {solver} trains none. Train one (`dance supernet`) and give "
                "its file (supernet=FILE), or take a solver that does (dance)"
            )
        lacking = ""
        if self.needs_expectation and not expectation:
            lacking = "expected accuracies under probabilities"
        elif self.needs_sampled_gradient and not sampled:
            lacking = "gradients of a sampled network's accuracy"
        elif self.needs_gradients and not (expectation or sampled):
            lacking = "gradients of accuracy"
        if lacking:
            return (
                f"{solver} needs {lacking}, which the accuracy model {model} of {problem.name} does not declare: it "
                "judges whole networks. Take a solver that asks for designs alone (evolution, nsga2, ppo, random, "
                "annealing)"
            )
        if self.needs_enumeration and problem.space.size > MAX_DESIGNS:
            return (
                f"{solver} looks at every design, which is practical up to {MAX_DESIGNS:,}; {problem.name} has "
                f"{problem.space.size:,}. Take a solver that samples (evolution, nsga2, ppo, random)"
            )
        return ""


def offers_expectation(accuracy: Any) -> bool:
    """Whether an accuracy model declares expectations under probabilities."""
    return isinstance(accuracy, RelaxableAccuracy)


def offers_sampled_gradient(accuracy: Any) -> bool:
    """Whether an accuracy model declares the gradient of a sampled network's accuracy."""
    return isinstance(accuracy, SampledAccuracy)


def _of_single_workloads(problem: Problem) -> str:
    """What a problem asks of the cost of a single workload, as the end of a sentence; empty where it asks nothing."""
    if limited := [limit.metric for limit in problem.objective.constraints if "." in limit.metric]:
        return f"limits {', '.join(limited)}"
    return "minimizes the worst of them" if isinstance(problem.objective.cost_function, WorstCase) else ""
