"""What a supernet that ranks networks imperfectly would say: the truth for evaluations, something else for gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from dance_env.accuracy.model import FactoredAccuracy, NamedError
from dance_env.space import Factor, FactorSum

if TYPE_CHECKING:
    import torch

_SAMPLE = 2_000
_HALVINGS = 40


@dataclass(frozen=True, eq=False)
class ImperfectAccuracy:
    """An accuracy whose expectation and gradient are those of another sum of factors.

    A solver that trains a weight-sharing supernet sees the supernet's accuracies while it searches, and the true ones of
    the networks that it trains. The exact expectation of a table is an oracle that no supernet gives; this model is one
    that errs by a stated amount. It states no training times: a problem keeps its own (`dance_env.perturbations`).

    Attributes:
        truth: What `evaluate` returns.
        seen: What `relax` takes the expectation of, a sum of width 1.
    """

    truth: FactoredAccuracy
    seen: FactorSum

    @classmethod
    def of(
        cls, truth: FactoredAccuracy, *, rank_correlation: float, seed: int = 0, towards: FactorSum | None = None
    ) -> ImperfectAccuracy:
        """Return a model whose ranking of random networks agrees with the truth to a stated degree.

        Args:
            truth: An accuracy that is a sum of factors.
            rank_correlation: Kendall's tau between what is seen and the truth over 2,000 random networks, above 0, at most
                1 (then both are the same).
            seed: Of the error, which is a sum of normal factors over the truth's scopes, each as large as the truth's.
            towards: Instead of random errors, a sum that is added with a positive factor, such as the number of
                multiply-accumulates: a bias.

        Raises:
            ValueError: If the rank correlation is out of range, or the bias never brings it down that far.
        """
        if not 0 < rank_correlation <= 1:
            raise ValueError(f"rank_correlation is above 0 and at most 1, not {rank_correlation}")
        right = truth.factor_sum()
        if rank_correlation == 1:
            return cls(truth, right)
        error = towards if towards is not None else _noise(right, np.random.default_rng(seed))
        networks = np.random.default_rng(1).integers(0, right.option_counts, (_SAMPLE, len(right.option_counts)))
        true, wrong = (_standard(sums.evaluate(networks)[:, 0]) for sums in (right, error))
        low, high = 0.0, 1e3  # of the error's share, in standard deviations of the truth
        if _tau(true, true + high * wrong) > rank_correlation:
            raise ValueError(f"this bias leaves a rank correlation above {rank_correlation}: it agrees with the truth")
        for _ in range(_HALVINGS):
            middle = (low + high) / 2.0
            above = _tau(true, true + middle * wrong) > rank_correlation
            low, high = (middle, high) if above else (low, middle)
        scale = float(right.evaluate(networks).std() / error.evaluate(networks).std())
        return cls(truth, _sum(right, error, low * scale))

    @property
    def option_counts(self) -> tuple[int, ...]:
        """Number of options of each network choice."""
        return self.seen.option_counts

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        """Return the true accuracy (B,) of networks (B, N)."""
        return self.truth.evaluate(networks)

    @property
    def error_name(self) -> str:
        """What the truth calls its error (see `NamedError`)."""
        return self.truth.error_name if isinstance(self.truth, NamedError) else "error"

    def fingerprint(self) -> str | None:
        """Return the truth's fingerprint and that of what is seen."""
        mark = self.truth.fingerprint()
        return None if mark is None else f"{mark} seen as {self.seen.fingerprint()}"

    def relax(self, *, device: Any = "cpu", dtype: Any = None) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return the expectation of what is seen, from network probabilities (B, O_net) to (B,), differentiable."""
        from dance_env.space.factors_torch import RelaxedFactorSum

        relaxed = RelaxedFactorSum(self.seen, device=device, dtype=dtype)
        return lambda network_probs: relaxed(network_probs).squeeze(1)

    @cached_property
    def rank_correlation(self) -> float:
        """Kendall's tau between what is seen and the truth, over 2,000 random networks other than those of `of`."""
        networks = np.random.default_rng(2).integers(0, self.option_counts, (_SAMPLE, len(self.option_counts)))
        return _tau(self.seen.evaluate(networks)[:, 0], self.truth.evaluate(networks))


def _tau(first: np.ndarray, second: np.ndarray) -> float:
    """Return Kendall's tau; scipy.stats, which takes a second to import, is loaded here."""
    from scipy.stats import kendalltau

    return float(kendalltau(first, second).statistic)


def _noise(right: FactorSum, rng: np.random.Generator) -> FactorSum:
    factors = [
        Factor(factor.scope, rng.standard_normal(factor.table.shape) * factor.table.std()) for factor in right.factors
    ]
    return FactorSum(right.option_counts, np.zeros(1), factors)


def _sum(right: FactorSum, error: FactorSum, share: float) -> FactorSum:
    factors = [*right.factors, *(Factor(factor.scope, share * factor.table) for factor in error.factors)]
    return FactorSum(right.option_counts, right.constant + share * error.constant, factors)


def _standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / values.std()
