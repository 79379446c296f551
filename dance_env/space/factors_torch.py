"""The expectation of a sum of factors, differentiable. Importing this module imports torch."""

from __future__ import annotations

import numpy as np
import torch

from dance_env.space.factors import Factor, FactorSum


class RelaxedFactorSum:
    """The exact expectation of a `FactorSum` where the choices are drawn independently; multilinear, so differentiable.

    A factor over one choice is a product of its probabilities with its table, and so is a factor over several choices
    with their joint probabilities. All of these are one matrix product. A table with fewer values than its first choice
    has options (a tabulated accuracy has one) is contracted choice by choice instead: its joint probabilities would
    take more memory than the table. All tables of one value over two choices are one quadratic form.
    """

    def __init__(
        self, factors: FactorSum, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
    ) -> None:
        """Copy the tables to `device`.

        Args:
            factors: The sum.
            device: Where the tensors live.
            dtype: Their type; None for float64.

        Raises:
            ValueError: If a table holds an infinite value (0 x inf has no meaning).
        """
        if factors.infinite:
            raise ValueError(f"{factors.infinite} values of the tables are infinite: an expectation has no meaning")
        dtype = dtype or torch.float64
        self.option_counts = list(factors.option_counts)
        self.width = factors.width
        deep = [
            len(factor.scope) > 1 and factors.width < self.option_counts[factor.scope[0]] for factor in factors.factors
        ]
        joint = [factor for factor, is_deep in zip(factors.factors, deep, strict=True) if not is_deep]
        self._scopes = [factor.scope for factor in joint]
        self._every_choice_alone = self._scopes == [(choice,) for choice in range(len(self.option_counts))]
        self._constant = torch.tensor(factors.constant, device=device, dtype=dtype)
        tables = [torch.tensor(factor.table, device=device, dtype=dtype) for factor in joint]
        self._table = torch.cat(tables) if tables else None
        self._by_column: torch.Tensor | None = None
        contracted = [factor for factor, is_deep in zip(factors.factors, deep, strict=True) if is_deep]
        pairs = [factor for factor in contracted if len(factor.scope) == 2 and factors.width == 1]
        self._quadratic = torch.tensor(_quadratic(factors, pairs), device=device, dtype=dtype) if pairs else None
        self._deep = [
            (factor.scope, torch.tensor(factor.table, device=device, dtype=dtype))
            for factor in contracted
            if factor not in pairs
        ]

    def __call__(self, probs: torch.Tensor) -> torch.Tensor:
        """Return the expectation `(B, W)` under probabilities `(B, O)`, the choices' options side by side."""
        blocks = torch.split(probs, self.option_counts, dim=1)
        if self._table is None:
            total = self._constant.expand(len(probs), self.width)
        else:
            total = torch.addmm(self._constant, self._weights(probs, blocks), self._table)
        if self._quadratic is not None:
            total = total + ((probs @ self._quadratic) * probs).sum(dim=1, keepdim=True)
        for scope, table in self._deep:
            total = total + _contract([blocks[choice] for choice in scope], table)
        return total

    def at(self, probs: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        """Return one value of each row, `(B,)`: `self(probs)[row, columns[row]]`, without the others.

        Args:
            probs: `(B, O)`.
            columns: `(B,)` int64 in `0..W-1`.
        """
        blocks = torch.split(probs, self.option_counts, dim=1)
        total = self._constant[columns]
        if self._table is not None:
            if self._by_column is None:  # made at first use: most callers never look up single columns
                self._by_column = self._table.T.contiguous()
            total = total + (self._weights(probs, blocks) * self._by_column[columns]).sum(dim=1)
        if self._quadratic is not None:
            total = total + ((probs @ self._quadratic) * probs).sum(dim=1)
        for scope, table in self._deep:
            every = _contract([blocks[choice] for choice in scope], table)
            total = total + every.gather(1, columns[:, None]).squeeze(1)
        return total

    def _weights(self, probs: torch.Tensor, blocks: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Return the probability of each row of the joint table, `(B, R)`."""
        if self._every_choice_alone:
            return probs
        return torch.cat([_joint([blocks[choice] for choice in scope]) for scope in self._scopes], dim=1)


def _quadratic(factors: FactorSum, pairs: list[Factor]) -> np.ndarray:
    """Return the matrix `(O, O)` that holds the tables of factors over two choices, the choices side by side."""
    counts = factors.option_counts
    starts = np.cumsum([0, *counts])
    matrix = np.zeros((int(starts[-1]), int(starts[-1])))
    for factor in pairs:
        first, second = factor.scope
        rows, columns = slice(starts[first], starts[first + 1]), slice(starts[second], starts[second + 1])
        matrix[rows, columns] += factor.table.reshape(counts[first], counts[second])
    return matrix


def _joint(blocks: list[torch.Tensor]) -> torch.Tensor:
    """Return the probability of each joint option, `(B, joint options)`, in C order."""
    joint, *rest = blocks
    for block in rest:
        joint = (joint[:, :, None] * block[:, None, :]).flatten(1)
    return joint


def _contract(blocks: list[torch.Tensor], table: torch.Tensor) -> torch.Tensor:
    """Return the expectation `(B, W)` of a table `(joint options, W)`, one choice after the other."""
    first, *rest = blocks
    partial = first @ table.reshape(first.shape[1], -1)
    for block in rest:
        partial = torch.bmm(block.unsqueeze(1), partial.reshape(len(block), block.shape[1], -1)).squeeze(1)
    return partial
