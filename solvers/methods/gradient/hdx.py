"""Hard constraints by gradient manipulation (HDX, arXiv 2301.09312)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from dance_env.objective import Constraint


@dataclass(frozen=True)
class HdxSettings:
    """How strictly a search is kept within its limits.

    We recall delta0 = 1e-3 and p = 1e-2 from HDX (not verified), for runs of thousands of steps. A round here has about
    twenty, and delta is relative (see `HardConstraints`).

    Attributes:
        delta: initial value of the least agreement of the corrected gradient with the constraint's gradient.
        growth: p; delta grows by the factor 1 + p at every step in violation, and resets when the limit is met.
        margin: share of every limit that is kept free, from the first search of a batch to the last, evenly spaced. The
            best designs lie close to their limits, and both the prediction and the decoding are inexact: some searches
            should stay clear of the limit, and others go up to it.
    """

    delta: float = 0.5
    growth: float = 0.5
    margin: tuple[float, float] = (-0.01, 0.02)

    def __post_init__(self) -> None:
        if not (self.delta > 0 and self.growth >= 0 and all(abs(each) < 1 for each in self.margin)):
            raise ValueError(f"delta must be above 0, growth at least 0 and both margins between -1 and 1; got {self}")


class HardConstraints:
    """The limits of one batch of searches; mutable: each search has its own delta for each limit.

    Where a metric t exceeds its limit, HDX adds to the gradient g the smallest m that makes it agree with the constraint's
    gradient g_c: `m = (delta - g.g_c) / ||g_c||^2 g_c` if `g.g_c < delta`.

    Limits and delta are relative: t is `value / limit - 1`, and delta counts in units of `||g|| ||g_c||`. It is then close
    to a cosine, and means the same for seconds, joules and square millimeters, early and late in the search. Several
    violated limits are corrected for one after the other, the worst last, so that the worst limit's condition holds
    exactly.
    """

    def __init__(
        self,
        constraints: tuple[Constraint, ...],
        rows: int,
        settings: HdxSettings,
        *,
        device: torch.device | str = "cpu",
    ) -> None:
        self._constraints = constraints
        self._settings = settings
        self._margin = torch.linspace(*settings.margin, rows, dtype=torch.float64, device=device)
        self._delta = torch.full((len(constraints), rows), settings.delta, dtype=torch.float64, device=device)

    def correct(self, gradient: torch.Tensor, logits: torch.Tensor, error_pct: torch.Tensor, cost: Any) -> torch.Tensor:
        """Return the gradient (R, O) after correction, and update each limit's delta.

        Args:
            gradient: of the loss (R, O).
            logits: what it was taken with respect to (R, O).
            error_pct: predicted error (R,), differentiable in `logits`.
            cost: predicted cost, leaves (R,), differentiable in `logits`.
        """
        excesses = [limit.excess(error_pct, cost) + self._margin for limit in self._constraints]
        if not any(bool((excess > 0).any()) for excess in excesses):
            self._delta.fill_(self._settings.delta)
            return gradient
        order = torch.stack([excess.detach() for excess in excesses]).argsort(dim=0)
        parts = [_gradient(excess, logits) for excess in excesses]
        stacked, values = torch.stack(parts), torch.stack([excess.detach() for excess in excesses])
        rows = torch.arange(len(gradient), device=gradient.device)
        for which in order:  # each (R,): the limit to correct for in each search, the worst last
            gradient = self._corrected(
                gradient, stacked[which, rows], violated=values[which, rows] > 0, delta=self._delta[which, rows]
            )
        violated = values > 0
        self._delta = torch.where(violated, self._delta * (1.0 + self._settings.growth), self._settings.delta)
        return gradient

    @staticmethod
    def _corrected(
        gradient: torch.Tensor, wanted: torch.Tensor, *, violated: torch.Tensor, delta: torch.Tensor
    ) -> torch.Tensor:
        agreement = (gradient * wanted).sum(dim=1)
        norm = wanted.square().sum(dim=1)
        delta = delta * (gradient.square().sum(dim=1) * norm).sqrt()
        lacking = violated & (agreement < delta) & (norm > 0)
        share = torch.where(
            lacking, (delta - agreement) / norm.clamp_min(torch.finfo(norm.dtype).tiny), torch.zeros_like(norm)
        )
        return gradient + share[:, None] * wanted


def _gradient(value: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Return each row's gradient; zero for a metric that does not depend on the network, as area on a given accelerator."""
    if not value.requires_grad:
        return torch.zeros_like(logits)
    (gradient,) = torch.autograd.grad(value.sum(), logits, retain_graph=True, allow_unused=True)
    return torch.zeros_like(logits) if gradient is None else gradient
