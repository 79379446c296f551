"""Networks out of a trained generator, none of them twice."""

from __future__ import annotations

import numpy as np
import torch

from solvers.contract.metered_problem import MeteredProblem
from solvers.methods.dance.conditional.conditions import Conditions, Range, drawn, evenly_spaced, features
from solvers.methods.dance.conditional.generator import Generator
from solvers.methods.gradient.options import most_probable

_WIDER = 1.5
"""Factor on the temperature after each batch of samples."""
_BATCHES = 12
"""Batches of samples in one call: the last ones are nearly uniform."""


class Proposals:
    """Proposes networks with generated accelerators; mutable: it keeps which networks it has proposed.

    Args:
        generator: trained.
        problem: whose space the options are of.
        lambdas: range of the factor on the objective's weight.
        deadlines: range of the factor on the limit of latency, of the training.
        wanted: factors (attribute as well) on the limit of latency that designs are proposed for.
        temperature: of the softmax over options, at the end of the training.
        rng: draws conditions and samples.
        device: of torch.
    """

    def __init__(
        self,
        generator: Generator,
        problem: MeteredProblem,
        *,
        lambdas: Range,
        deadlines: Range,
        wanted: tuple[float, ...],
        temperature: float,
        rng: np.random.Generator,
        device: str,
    ) -> None:
        self._generator, self._problem = generator, problem
        self._lambdas, self._deadlines, self.wanted = lambdas, deadlines, wanted
        self._temperature, self._rng, self._device = temperature, rng, device
        self._proposed: set[bytes] = set()

    def most_probable(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the most probable designs at `count` lambdas for each deadline, evenly spaced on a logarithmic scale.

        Returns:
            Networks (n, N) that were not proposed before, each once, and the index (n,) of the generated accelerators.
        """
        if not count:
            return self._nothing()
        conditions = evenly_spaced(count, self._lambdas, self.wanted)
        probs = self._probabilities(conditions, self._temperature)
        return self._new(most_probable(probs, self._generator.option_counts), most=len(conditions))

    def sampled(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return networks that were not proposed before, sampled at random conditions, as `most_probable`.

        Batches of samples are drawn at rising temperatures until there are `count`, or until nearly uniform ones bring
        too few. The accelerators are the most probable ones.
        """
        found, missing, temperature = [], count, self._temperature
        for _ in range(_BATCHES):
            if missing <= 0:
                break
            conditions = drawn(2 * missing, self._lambdas, self._deadlines, self._rng)
            if len(self.wanted) == 1 or self._deadlines[0] == self._deadlines[1]:
                conditions = Conditions(conditions.lambdas, np.full(len(conditions), self.wanted[0]))
            probs = self._probabilities(conditions, temperature)
            designs = most_probable(probs, self._generator.option_counts)
            designs[:, self._problem.space.network] = self._sample(probs)
            found.append(self._new(designs, most=missing))
            missing -= len(found[-1][0])
            temperature *= _WIDER
        if not found:
            return self._nothing()
        return np.concatenate([each[0] for each in found]), np.concatenate([each[1] for each in found])

    def _probabilities(self, conditions: Conditions, temperature: float) -> np.ndarray:
        inputs = torch.tensor(features(conditions, self._lambdas, self._deadlines), device=self._device)
        with torch.no_grad():
            return self._generator.probabilities(inputs, temperature=temperature).cpu().numpy()

    def _sample(self, probs: np.ndarray) -> np.ndarray:
        """One network (B, N) of each row of probabilities: the inverse of the cumulative distribution."""
        counts = self._generator.option_counts[: self._problem.space.network.stop]
        blocks = np.split(probs, np.cumsum(counts), axis=1)[: len(counts)]
        draws = self._rng.random((len(probs), len(counts)))
        options = [(block.cumsum(axis=1) < draws[:, [choice]]).sum(axis=1) for choice, block in enumerate(blocks)]
        return np.minimum(np.stack(options, axis=1), np.array(counts) - 1)

    def _nothing(self) -> tuple[np.ndarray, np.ndarray]:
        return np.empty((0, self._problem.space.network.stop), dtype=np.int64), np.empty(0, dtype=np.int64)

    def _new(self, designs: np.ndarray, *, most: int) -> tuple[np.ndarray, np.ndarray]:
        """The first `most` designs (n, D) whose networks were not proposed before, each once."""
        space = self._problem.space
        rows: list[int] = []
        for row, network in enumerate(designs[:, space.network]):
            if len(rows) == most:
                break
            key = network.tobytes()
            if key not in self._proposed:
                self._proposed.add(key)
                rows.append(row)
        chosen = designs[rows]
        hardware = np.asarray(self._problem.accelerator_space.index(chosen[:, space.hardware]))
        return chosen[:, space.network], hardware
