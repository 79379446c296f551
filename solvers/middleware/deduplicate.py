"""Repeats are answered from memory, and not paid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dance_env.problem import Evaluation
from solvers.contract.metered_problem import Layer, MeteredProblem
from solvers.middleware.wrapper import SearchEnded, Wrapper


@dataclass(frozen=True)
class Deduplicate(Wrapper):
    """A design that the run has evaluated is never paid again: the solver gets the same answer, and the trace no row.

    The search ends where nothing new is left, or the solver finds nothing new for long.

    Attributes:
        patience: Designs in a row without a new one, after which the search ends.
    """

    name: ClassVar[str] = "deduplicate"
    patience: int = 10_000

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.patience < 1:
            raise ValueError(f"patience is at least 1, not {self.patience}")

    def around(self, problem: MeteredProblem) -> MeteredProblem:
        """Return the problem with a memory of designs."""
        memory = _Memory(self.patience)
        seen = problem.through(memory)
        memory.end = SearchEnded(id(seen))
        return seen


class _Memory(Layer):
    """The accuracies of the designs and networks of a run, NaN where their evaluation failed.

    Costs are looked up again, which is free and gives equal bits.
    """

    end: SearchEnded

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._designs: dict[bytes, float] = {}
        self._networks: dict[bytes, float] = {}
        self._without_new = 0

    def evaluate(self, problem: MeteredProblem, designs: np.ndarray) -> Evaluation:
        """Ask for the designs that are new, each once."""
        keys = [design.tobytes() for design in designs]
        new = _first_of(keys, self._designs)
        self._count(len(new), len(designs), exhausted=len(self._designs) >= problem.space.size)
        if new.size:
            evaluation = problem.evaluate(designs[new])
            self._note(problem, designs[new], evaluation)
            if new.size == len(designs):
                return evaluation
        known = np.array([self._designs[key] for key in keys])
        return problem.judged(designs, np.nan_to_num(known), failed=np.isnan(known))

    def evaluate_networks(self, problem: MeteredProblem, networks: np.ndarray) -> Evaluation:
        """Ask for the networks whose best design is new, each once."""
        keys = [network.tobytes() for network in networks]
        new = self._unpaid(problem, networks, keys)
        space = problem.space
        known = len(self._networks) >= np.prod(space.option_counts[space.network], dtype=object)
        self._count(len(new), len(networks), exhausted=bool(known))
        if new.size:
            evaluation = problem.evaluate_networks(networks[new])
            best = evaluation.best_hardware()
            on_best = evaluation[np.arange(len(best)), best]
            self._note(problem, problem.design(networks[new], best), on_best)
            if new.size == len(networks):
                return evaluation
        return self._recalled(problem, networks, keys)

    def _unpaid(self, problem: MeteredProblem, networks: np.ndarray, keys: list[bytes]) -> np.ndarray:
        """(new,) rows of networks that were never evaluated, or only on accelerators that are not their best."""
        new = _first_of(keys, self._networks)
        old = np.setdiff1d(np.unique(keys, return_index=True)[1], new)
        if not old.size:
            return new
        best = self._recalled(problem, networks[old], [keys[row] for row in old]).best_hardware()
        designs = problem.design(networks[old], best)
        unpaid = [row for row, design in zip(old, designs, strict=True) if design.tobytes() not in self._designs]
        return np.sort(np.concatenate((new, np.array(unpaid, dtype=np.int64))))

    def _recalled(self, problem: MeteredProblem, networks: np.ndarray, keys: list[bytes]) -> Evaluation:
        """Known networks (batch, network choices) on every accelerator."""
        known = np.array([self._networks[key] for key in keys])
        return problem.judged_networks(networks, np.nan_to_num(known), failed=np.isnan(known))

    def _note(self, problem: MeteredProblem, designs: np.ndarray, evaluation: Evaluation) -> None:
        accuracies = np.where(problem.failed_rows(evaluation), np.nan, evaluation.accuracy)
        for design, accuracy in zip(designs, accuracies.tolist(), strict=True):
            self._designs[design.tobytes()] = accuracy
            self._networks[np.ascontiguousarray(design[problem.space.network]).tobytes()] = accuracy

    def _count(self, new: int, asked: int, *, exhausted: bool) -> None:
        """End the search where it finds nothing new.

        Raises:
            SearchEnded: If so.
        """
        self._without_new = 0 if new else self._without_new + asked
        if not new and (exhausted or self._without_new >= self._patience):
            raise self.end


def _first_of(keys: list[bytes], known: dict[bytes, float]) -> np.ndarray:
    """(new,) the first row of each key that is not known, ascending."""
    rows: dict[bytes, int] = {}
    for row, key in enumerate(keys):
        if key not in known:
            rows.setdefault(key, row)
    return np.array(list(rows.values()), dtype=np.int64)
