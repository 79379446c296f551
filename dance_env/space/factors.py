"""Sums of small tables, each over a few choices: what a design costs, how accurate it is, how many MACs it has.

A `Factor` has a scope (the choices it reads) and a table (a row for each joint option). A `FactorSum` is a constant plus
factors. With factors of scope one it is a sum over blocks; with pairs, layers between two free widths; with one factor
over all choices, any tabulated function. `factors_torch.RelaxedFactorSum` is the differentiable twin of `expect`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from dance_env.space.indices import as_array, check_indices

FREE = -1
"""Stands for the option of a choice that is not made yet, in `FactorSum.bounds`."""

_MANY = 16  # from so many factors on, one running sum over all of them beats a loop, for a few networks (width 1)
_WIDE = 64  # from so many values on, adding a network's rows (which stay in the processor's cache) beats adding columns


@dataclass(frozen=True, eq=False)
class Factor:
    """A table over some choices.

    Attributes:
        scope: Indices of the choices that it reads, all different, in the order in which the table counts them.
        table: `(joint options, W)` float64: the values of each joint option, in C order of the scope's options (the
            last choice of the scope is the fastest). Infinite values are allowed, NaN is not.

    Raises:
        TypeError: If the table does not hold real numbers.
        ValueError: If the scope is empty or repeats a choice, or the table is not two-dimensional or holds NaN.
    """

    scope: tuple[int, ...]
    table: np.ndarray

    def __post_init__(self) -> None:
        table = _real(self.table, f"factor over {self.scope}: the table")
        if not self.scope or len(set(self.scope)) != len(self.scope) or min(self.scope) < 0:
            raise ValueError(f"a factor's scope must be one or more different choices, got {self.scope}")
        if table.ndim != 2:
            raise ValueError(f"factor over {self.scope}: the table must be (joint options, W), got {table.shape}")
        if np.isnan(table).any():
            raise ValueError(f"factor over {self.scope}: the table holds {int(np.isnan(table).sum())} NaN values")
        object.__setattr__(self, "table", table)


@dataclass(frozen=True, eq=False, init=False)
class FactorSum:
    """A constant plus factors: `W` values of every network.

    Symbols: `B` networks, `N` choices, `O` options of all choices side by side, `W` values.

    Attributes:
        option_counts: Number of options of each of the `N` choices.
        constant: `(W,)` float64, read-only.
        factors: In the order in which they are added. Their tables are read-only views into `rows`.
        rows: `(R, W)` float64, read-only: the factors' tables, one below the other.
    """

    option_counts: tuple[int, ...]
    constant: np.ndarray
    factors: tuple[Factor, ...]
    rows: np.ndarray

    def __init__(self, option_counts: Sequence[int], constant: ArrayLike, factors: Sequence[Factor]) -> None:
        """Put the tables together.

        Args:
            option_counts: Number of options of each choice.
            constant: `(W,)`.
            factors: Any number of them; scopes may repeat and overlap.

        Raises:
            TypeError: If the constant does not hold real numbers.
            ValueError: If a scope names a choice that does not exist, a table does not fit its scope or `W`, or the
                constant holds NaN.
        """
        counts = tuple(int(count) for count in option_counts)
        base = np.array(_real(constant, "factor sum: the constant"))
        if base.ndim != 1 or np.isnan(base).any():
            raise ValueError(f"factor sum: the constant must be (W,) without NaN, got shape {base.shape}")
        for factor in factors:
            if max(factor.scope) >= len(counts):
                raise ValueError(f"factor over {factor.scope}: there are {len(counts)} choices, counted from 0")
            expected = (math.prod(counts[choice] for choice in factor.scope), len(base))
            if factor.table.shape != expected:
                raise ValueError(
                    f"factor over {factor.scope}: the table must have shape {expected} (joint options, values), got "
                    f"{factor.table.shape}"
                )
        rows = np.concatenate([np.empty((0, len(base))), *(factor.table for factor in factors)])
        base.setflags(write=False)
        rows.setflags(write=False)
        ends = np.cumsum([len(factor.table) for factor in factors], dtype=np.int64)
        views = tuple(
            Factor(factor.scope, rows[end - len(factor.table) : end]) for factor, end in zip(factors, ends, strict=True)
        )
        for name, value in (("option_counts", counts), ("constant", base), ("factors", views), ("rows", rows)):
            object.__setattr__(self, name, value)

    @classmethod
    def per_choice(cls, option_counts: Sequence[int], constant: ArrayLike, table: ArrayLike) -> FactorSum:
        """Return the sum with one factor for each choice.

        Args:
            option_counts: Number of options of each choice.
            constant: `(W,)`.
            table: `(O, W)`, the choices' options side by side.

        Raises:
            ValueError: As the constructor, or if there are not `O` rows.
        """
        given = np.asarray(table)
        if len(given) != sum(option_counts):
            raise ValueError(f"the table must have {sum(option_counts)} rows, one for each option; got {len(given)}")
        blocks = np.split(given, np.cumsum(option_counts)[:-1])
        return cls(option_counts, constant, [Factor((choice,), block) for choice, block in enumerate(blocks)])

    def __repr__(self) -> str:
        return f"FactorSum({len(self.factors)} factors over {len(self.option_counts)} choices, {self.width} values)"

    @property
    def width(self) -> int:
        """`W`."""
        return len(self.constant)

    @cached_property
    def infinite(self) -> int:
        """How many values of the tables and of the constant are infinite; an expectation over them has no meaning."""
        return int(np.isinf(self.rows).sum() + np.isinf(self.constant).sum())

    # -------------------------------------------------------------------------------------------------------- networks
    def check(self, networks: ArrayLike) -> np.ndarray:
        """Return networks as `(B, N)` int64; raises as `dance_env.space.check_indices` does."""
        return check_indices(networks, self._counts, what="network")

    def positions(self, networks: np.ndarray) -> np.ndarray:
        """Return the row of `rows` that each factor takes for each network, `(F, B)` int64.

        Args:
            networks: `(B, N)` int64, trusted to be legal.
        """
        if self._every_choice_alone:
            return networks.T + self._starts[:, None]
        found = np.empty((len(self.factors), len(networks)), dtype=np.int64)
        transposed = np.ascontiguousarray(networks.T)
        for members, choices, counts in self._by_scope_length:
            joint = transposed[choices[:, 0]]
            for place in range(1, choices.shape[1]):
                joint = joint * counts[:, place, None] + transposed[choices[:, place]]
            found[members] = joint
        found += self._starts[:, None]
        return found

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        """Return the values `(B, W)` of networks `(B, N)` int64.

        Networks are trusted to be legal (see `check`). Values are added in the order of the factors, so that a network
        has the same bits in every batch, and the same as from `lookup`.
        """
        return self.add_rows(self.positions(networks))

    def add_rows(self, positions: np.ndarray) -> np.ndarray:
        """Return the values `(B, W)` of networks from their `positions`, `(F, B)`.

        Sums over the same factors (latency and energy) share positions.
        """
        if self.width == 1 and len(positions) > max(_MANY, positions.shape[1]):
            return self._add_many(positions)
        total = np.empty((positions.shape[1], self.width))
        total[:] = self.constant
        if self.width < _WIDE:
            for column, values in zip(self.rows.T, total.T, strict=True):
                for factor in positions:
                    values += column.take(factor)
        else:
            for values, network in zip(total, positions.T.tolist(), strict=True):
                for row in network:
                    values += self.rows[row]
        return total

    def lookup(self, networks: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return one value of each network, `(B,)`: `evaluate(networks)[row, columns[row]]`, without the others.

        Args:
            networks: `(B, N)` int64, trusted to be legal.
            columns: `(B,)` int64 in `0..W-1`, trusted.
        """
        by_column, stride = self._by_column
        start = columns * stride
        total = self.constant.take(columns)
        for positions in self.positions(networks):
            total += by_column.take(start + positions)
        return total

    # --------------------------------------------------------------------------------------------- distributions, parts
    def expect(self, probs: ArrayLike) -> np.ndarray:
        """Return the exact expectation `(B, W)` where the choices are drawn independently.

        Args:
            probs: `(B, O)`: each choice's probabilities, the choices side by side.

        Raises:
            ValueError: If the shape is not `(B, O)`, or a table holds an infinite value (0 x inf has no meaning).
        """
        given = np.asarray(probs, dtype=np.float64)
        if given.ndim != 2 or given.shape[1] != sum(self.option_counts):
            raise ValueError(f"probabilities must have shape (batch, {sum(self.option_counts)}), got {given.shape}")
        if self.infinite:
            raise ValueError(f"{self.infinite} values of the tables are infinite: an expectation has no meaning")
        blocks = np.split(given, np.cumsum(self.option_counts)[:-1], axis=1)
        total = np.repeat(self.constant[None], len(given), axis=0)
        for factor in self.factors:
            joint = np.ones((len(given), 1))
            for choice in factor.scope:
                joint = (joint[:, :, None] * blocks[choice][:, None, :]).reshape(len(given), -1)
            total += joint @ factor.table
        return total

    def bounds(self, partial: ArrayLike, *, finite_only: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return the least and the most, `(B, W)` each, that partly made networks can become.

        Each factor takes its own least (most) over the choices that are free. So the bounds hold for every completion,
        rounding included, and are attained where no two factors share a free choice.

        Args:
            partial: `(B, N)` option indices, `FREE` (-1) where a choice is not made.
            finite_only: Whether to leave infinite values out of the most; it is then -inf where no completion is finite.

        Raises:
            TypeError, ValueError: As `check`.
        """
        given = as_array(partial, "networks")
        free = given == FREE
        checked = self.check(np.where(free, 0, given) if given.dtype.kind in "iu" else given)
        # A further option of each choice, behind the others, stands for "free": bounds are look-ups in wider tables.
        extended = np.where(free, self._counts, checked)
        least, most, finite_most = self._bounding
        return least.evaluate(extended), (finite_most if finite_only else most).evaluate(extended)

    def select(self, columns: np.ndarray) -> FactorSum:
        """Return the sum with these values alone: an index, slice or mask over the `W` columns."""
        factors = [Factor(factor.scope, factor.table[:, columns]) for factor in self.factors]
        return FactorSum(self.option_counts, self.constant[columns], factors)

    @property
    def largest_finite(self) -> float:
        """The largest finite value of the tables and of the constant; 0.0 where there is none."""
        finite = (values[np.isfinite(values)].max(initial=-np.inf) for values in (self.rows, self.constant))
        largest = max(finite)
        return float(largest) if np.isfinite(largest) else 0.0

    def replace_infinite(self, value: float) -> FactorSum:
        """Return the sum with `value` in place of every infinite value of the tables and of the constant."""
        factors = [
            Factor(factor.scope, np.where(np.isinf(factor.table), value, factor.table)) for factor in self.factors
        ]
        return FactorSum(self.option_counts, np.where(np.isinf(self.constant), value, self.constant), factors)

    def fingerprint(self) -> str:
        """Return a sha256 in hexadecimal over option counts, scopes and all values: the same in every process."""
        scopes = [factor.scope for factor in self.factors]
        digest = hashlib.sha256(repr((self.option_counts, scopes, self.width)).encode())
        digest.update(self.constant.astype("<f8").tobytes())
        digest.update(np.ascontiguousarray(self.rows, dtype="<f8").data)
        return digest.hexdigest()

    # --------------------------------------------------------------------------------------------------------- private
    @cached_property
    def _counts(self) -> np.ndarray:
        return np.array(self.option_counts, dtype=np.int64)

    @cached_property
    def _starts(self) -> np.ndarray:
        """`(F,)` int64: each factor's first row."""
        return np.cumsum([0, *(len(factor.table) for factor in self.factors)], dtype=np.int64)[:-1]

    @cached_property
    def _by_scope_length(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Factors with scopes of one length `S`: their numbers `(F,)`, scopes `(F, S)` and option counts `(F, S)`."""
        groups: dict[int, list[int]] = {}
        for number, factor in enumerate(self.factors):
            groups.setdefault(len(factor.scope), []).append(number)
        scopes = [np.array([self.factors[number].scope for number in members]) for members in groups.values()]
        return [
            (np.array(members), choices, self._counts[choices])
            for members, choices in zip(groups.values(), scopes, strict=True)
        ]

    def _add_many(self, positions: np.ndarray) -> np.ndarray:
        """Return what `add_rows` returns, to the bit: a running sum adds in the same order."""
        values = np.empty((len(positions) + 1, positions.shape[1]))
        values[0] = self.constant
        self.rows[:, 0].take(positions, out=values[1:])
        return np.add.accumulate(values, axis=0)[-1][:, None].copy()

    @cached_property
    def _every_choice_alone(self) -> bool:
        """Whether there is one factor for each choice, in order."""
        return [factor.scope for factor in self.factors] == [(choice,) for choice in range(len(self.option_counts))]

    @cached_property
    def _by_column(self) -> tuple[np.ndarray, int]:
        """The rows column by column, flat, so that a look-up stays in one place of memory; values per column."""
        return np.ascontiguousarray(self.rows.T).ravel(), len(self.rows)

    @cached_property
    def _bounding(self) -> tuple[FactorSum, FactorSum, FactorSum]:
        """Least, most and finite most: the same sums over one option more, "free", of each choice."""
        finite = [np.where(np.isfinite(factor.table), factor.table, -np.inf) for factor in self.factors]
        tables = [factor.table for factor in self.factors]
        finite_constant = np.where(np.isfinite(self.constant), self.constant, -np.inf)
        return (
            self._extended(self.constant, tables, np.minimum),
            self._extended(self.constant, tables, np.maximum),
            self._extended(finite_constant, finite, np.maximum),
        )

    def _extended(self, constant: np.ndarray, tables: Sequence[np.ndarray], reduce: np.ufunc) -> FactorSum:
        factors = []
        for factor, table in zip(self.factors, tables, strict=True):
            values = table.reshape(*(self.option_counts[choice] for choice in factor.scope), self.width)
            for axis in range(len(factor.scope)):
                values = np.concatenate([values, reduce.reduce(values, axis=axis, keepdims=True)], axis=axis)
            factors.append(Factor(factor.scope, values.reshape(-1, self.width)))
        return FactorSum([count + 1 for count in self.option_counts], constant, factors)


def _real(values: ArrayLike, what: str) -> np.ndarray:
    """Return real numbers as float64; not copied where they already are that."""
    given = np.asarray(values)
    if given.dtype.kind not in "fiu":
        raise TypeError(f"{what} must hold real numbers, got {given.dtype}")
    return given.astype(np.float64, copy=False)
