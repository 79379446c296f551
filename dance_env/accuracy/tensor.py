"""Accuracy as one number per network of an enumerable space."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from dance_env.accuracy.checked import checked_accuracies
from dance_env.space import Choice, DesignSpace, Factor, FactorSum

if TYPE_CHECKING:
    import torch

MAX_TABULATED = 10_000_000
"""The most networks that `TensorAccuracy.from_function` asks about: 80 MB of accuracies."""

_BATCH = 4096

_FOR_ONE = "For a function `f` of one network, pass `lambda networks: np.array([f(network) for network in networks])`."


@dataclass(frozen=True, eq=False, repr=False)
class TensorAccuracy:
    """The accuracy of every network of a small space, one axis per choice.

    Attributes:
        tensor: accuracies as fractions, shape (options of choice 1, ..., options of choice N), float64.

    Raises:
        ValueError: NaN, or values outside [0, 1]; the message says how many and where the first stands.
    """

    tensor: np.ndarray
    _factors: FactorSum = field(init=False)

    def __post_init__(self) -> None:
        tensor = np.asarray(self.tensor, dtype=np.float64)
        if tensor.ndim == 0 or tensor.size == 0:
            raise ValueError(f"an accuracy tensor needs one axis per network choice; got shape {tensor.shape}")
        bad = ~((tensor >= 0.0) & (tensor <= 1.0))
        if bad.any():
            where = tuple(int(i) for i in np.argwhere(bad)[0])
            raise ValueError(
                f"accuracies must be fractions between 0 and 1; {int(bad.sum())} of {tensor.size} are not, "
                f"the first is {tensor[where]} for network {where}. Divide percentages by 100."
            )
        every_choice = Factor(tuple(range(tensor.ndim)), tensor.reshape(-1, 1))
        object.__setattr__(self, "_factors", FactorSum(tensor.shape, [0.0], [every_choice]))
        object.__setattr__(self, "tensor", self._factors.rows.reshape(tensor.shape))  # read-only, and not held twice

    def __repr__(self) -> str:
        lowest, highest = float(self.tensor.min()), float(self.tensor.max())
        return f"TensorAccuracy({self.tensor.size:,} networks, {lowest:.4f} to {highest:.4f})"

    @classmethod
    def from_function(
        cls, choices: Sequence[Choice], function: Callable[[np.ndarray], ArrayLike], *, limit: int = MAX_TABULATED
    ) -> TensorAccuracy:
        """Ask a function about every network, once, from the calling thread.

        Args:
            choices: the N network choices: `network_space.choices()`.
            function: from networks (B, N) int64, option indices, to accuracies (B,), fractions.
            limit: the most networks.

        Raises:
            TypeError: If an answer holds no real numbers.
            ValueError: If there are more networks than `limit`, the function fails or answers with another shape, or an
                accuracy is outside [0, 1].
        """
        space = DesignSpace(tuple(choices))
        if space.size > limit:
            raise ValueError(
                f"{space.size:,} networks are more than the {limit:,} that a table is made of; write a class with "
                "`evaluate(networks)` and `fingerprint()` instead (see dance_env.accuracy.AccuracyModel), or raise `limit`"
            )
        values = np.empty(space.size)
        for start in range(0, space.size, _BATCH):
            networks = space.unrank(np.arange(start, min(start + _BATCH, space.size)))
            try:
                answer = function(networks)
            except Exception as error:
                raise ValueError(
                    f"the accuracy function failed on {len(networks)} networks at once, an array (batch, choices) of "
                    f"option indices: {type(error).__name__}: {error}. {_FOR_ONE}"
                ) from error
            if np.ndim(answer) == 0 and len(networks) > 1:
                raise ValueError(
                    f"the accuracy function returned one value, {answer!r}, for {len(networks)} networks. {_FOR_ONE}"
                )
            values[start : start + len(networks)] = checked_accuracies(
                answer, len(networks), who="the accuracy function"
            )
        return cls(values.reshape(tuple(space.option_counts)))

    @classmethod
    def from_rows(
        cls, choices: Sequence[Choice], rows: Iterable[Mapping[str, Any]], *, column: str = "accuracy"
    ) -> TensorAccuracy:
        """Read a table with a row for every network, such as the rows of `csv.DictReader`.

        Args:
            choices: the network choices: `network_space.choices()`.
            rows: by choice its option, and under `column` the accuracy, a fraction; other columns are not looked at.
                Text stands for the option that it spells, so that the cell "3" of a file is the option 3.
            column: where the accuracy stands.

        Raises:
            ValueError: an unknown or missing option, a network twice or not at all, or a value that is not an accuracy.
        """
        space = DesignSpace(tuple(choices))
        names = [choice.name for choice in space.choices]
        values = np.full(space.size, np.nan)
        for number, row in enumerate(rows):
            lacking = [name for name in (*names, column) if name not in row]
            if lacking:
                raise ValueError(f"accuracy table, row {number}: there is no column {lacking[0]!r}; found {list(row)}")
            try:
                network = {choice.name: _option(choice, row[choice.name]) for choice in space.choices}
                rank = int(space.rank(space.encode([network]))[0])
                accuracy = float(row[column])
            except ValueError as error:
                raise ValueError(f"accuracy table, row {number}: {error}") from error
            if not np.isnan(values[rank]):
                raise ValueError(f"accuracy table, row {number}: this network has a row already: {dict(row)}")
            if not 0.0 <= accuracy <= 1.0:
                raise ValueError(
                    f"accuracy table, row {number}: expected a fraction between 0 and 1, got {row[column]!r}; divide "
                    "percentages by 100"
                )
            values[rank] = accuracy
        missing = np.flatnonzero(np.isnan(values))
        if len(missing):
            first = space.decode(space.unrank(missing[:1]))[0]
            raise ValueError(
                f"accuracy table: {len(missing)} of {space.size} networks have no row, the first is {first}"
            )
        return cls(values.reshape(tuple(space.option_counts)))

    @property
    def option_counts(self) -> tuple[int, ...]:
        """Number of options of each network choice."""
        return self.tensor.shape

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        """Return the accuracy `(B,)` of networks `(B, N)`.

        Raises:
            TypeError, ValueError: As `dance_env.space.check_indices`.
        """
        return self._factors.evaluate(self._factors.check(networks))[:, 0]

    def factor_sum(self) -> FactorSum:
        """Return the accuracy as a sum of one factor, over all choices."""
        return self._factors

    def fingerprint(self) -> str:
        """SHA-256 over shape and values."""
        digest = hashlib.sha256(repr(self.tensor.shape).encode())
        digest.update(self.tensor.astype("<f8").tobytes())
        return digest.hexdigest()

    def relax(self, *, device: Any = "cpu", dtype: Any = None) -> Callable[[torch.Tensor], torch.Tensor]:
        """Exact expected accuracy under independent probabilities of the choices, differentiable.

        Returns:
            A function from network probabilities (B, O_net), the choices' blocks side by side, to accuracies (B,).
        """
        from dance_env.space.factors_torch import RelaxedFactorSum

        relaxed = RelaxedFactorSum(self._factors, device=device, dtype=dtype)
        return lambda network_probs: relaxed(network_probs).squeeze(1)


def _option(choice: Choice, cell: Any) -> Any:
    """Return the option that a table's cell names: the cell itself, or what its text spells."""
    if not isinstance(cell, str) or cell in choice.options:
        return cell
    return {str(option): option for option in choice.options}.get(cell.strip(), cell)
