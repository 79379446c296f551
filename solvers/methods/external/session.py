"""What an agent may ask of a metered problem, in JSON values, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from dance_env.problem import Evaluation
from solvers.contract.ledger import BudgetExhausted
from solvers.contract.metered_problem import MeteredProblem
from solvers.methods.external.card import number, standing, task_card

_SHOWN = 200


class Refused(ValueError):
    """A question that cannot be answered; nothing was spent.

    Attributes:
        expected: What would have been accepted.
        got: What came.
    """

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}; got {got}")
        self.expected, self.got = expected, got


class Session:
    """One agent's conversation with one problem; mutable.

    Args:
        problem: The problem, on the run's meter.
        seed: What the agent is to seed its generator with.
        most_designs: The most designs of one question.

    Attributes:
        ended: Whether the budget is spent.
    """

    def __init__(self, problem: MeteredProblem, *, seed: int, most_designs: int) -> None:
        self._problem, self._seed, self._most_designs = problem, seed, most_designs
        self._best: tuple[tuple[float, float], dict[str, Any]] | None = None
        self.ended = False

    def card(self) -> dict[str, Any]:
        """Return the task card."""
        return task_card(self._problem, seed=self._seed, most_designs=self._most_designs)

    def budget(self) -> dict[str, Any]:
        """Return what is spent and what is left."""
        return standing(self._problem.meter)

    def best(self) -> dict[str, Any] | None:
        """Return the best evaluation so far, feasible designs first; None before the first one."""
        return None if self._best is None else self._best[1]

    def evaluate(self, designs: Any) -> dict[str, Any]:
        """Evaluate designs, as many as the budget pays for.

        Args:
            designs: A list of designs, each a list of option indices or an object from choice to option.

        Returns:
            The answer: an evaluation for each design that was paid, in order, and what is spent and left.

        Raises:
            Refused: If these are no designs of the problem, or too many; nothing is spent.
        """
        indices = self._indices(designs)
        evaluations: list[dict[str, Any]] = []
        try:
            evaluation = self._problem.evaluate_affordable(indices)
        except BudgetExhausted:
            self.ended = True
        else:
            self.ended = len(evaluation) < len(indices) or self._problem.meter.left == 0
            evaluations = self._answers(indices[: len(evaluation)], evaluation)
        return {"type": "evaluations", "evaluations": evaluations, **self.budget()}

    def _answers(self, indices: np.ndarray, evaluation: Evaluation) -> list[dict[str, Any]]:
        """One evaluation a row; the best so far is noted."""
        hours = self._problem.training_gpu_hours(indices[:, self._problem.space.network])
        columns = {
            "objective": evaluation.objective,
            "error_pct": evaluation.error_pct,
            "latency_s": evaluation.cost.latency_s,
            "energy_j": evaluation.cost.energy_j,
            "area_mm2": evaluation.cost.area_mm2,
            "violation": evaluation.violation,
        }
        answers = []
        for row, design in enumerate(indices.tolist()):
            answer: dict[str, Any] = {"design": design}
            answer |= {name: number(values[row]) for name, values in columns.items()}
            answer["feasible"] = bool(evaluation.feasible[row])
            answer["training_gpu_hours"] = None if hours is None else float(hours[row])
            answers.append(answer)
            rank = (float(evaluation.violation[row]), float(evaluation.objective[row]))
            if self._best is None or rank < self._best[0]:
                self._best = (rank, answer)
        return answers

    def _indices(self, designs: Any) -> np.ndarray:
        """(batch, choices) option indices of what an agent calls designs."""
        if not isinstance(designs, list) or not designs:
            raise Refused("a list of at least one design", shown(designs))
        if len(designs) > self._most_designs:
            raise Refused(f"at most {self._most_designs:,} designs at a time", f"{len(designs):,}")
        return np.array([self._design(number, each) for number, each in enumerate(designs)], dtype=np.int64)

    def _design(self, row: int, design: Any) -> list[int]:
        space = self._problem.space
        if isinstance(design, dict):
            try:
                return space.encode([design])[0].tolist()
            except (ValueError, TypeError) as error:
                raise Refused(
                    "an object from the name of each choice to one of its options",
                    f"in design {row}: {str(error).removeprefix('design 0').lstrip(',: ')}",
                ) from None
        if not isinstance(design, list) or len(design) != space.num_choices:
            raise Refused(
                f"a list of {space.num_choices} option indices or an object from choice to option",
                f"design {row}: {shown(design)}",
            )
        for choice, option in zip(space.choices, design, strict=True):
            if isinstance(option, bool) or not isinstance(option, int) or not 0 <= option < len(choice):
                raise Refused(
                    f"an option index from 0 to {len(choice) - 1} for choice {choice.name!r}",
                    f"{shown(option)} in design {row}",
                )
        return design


def shown(value: Any) -> str:
    """Return a value as short text for a message."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
