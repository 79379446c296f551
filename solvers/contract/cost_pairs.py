"""Which (layer, accelerator) pairs a run has asked the cost of: the cost model's share of the bill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from dance_env.graph.layer import layer_row
from dance_env.graph.network_space import NetworkSpace

_NEVER = np.iinfo(np.int64).max
_CHUNK = 8192
"""Rows noted at a time, so that the indices stay in the processor's cache."""


class CostPairs:
    """Knows for each pair of a layer and an accelerator when it was first asked for; mutable.

    A cost model is asked about layers, each on one accelerator, and its answer can be kept. So what a run costs is the
    number of *distinct* pairs that it asked for, not the number of designs that were answered from them. Layers that
    differ by name alone are one layer.

    A network is a sum of parts; each part reads some choices and has layers for each of their joint options. What is
    noted is the row of the trace at which a (joint option, accelerator) pair was first asked for; questions may be noted
    in any order. Layers follow from that when the count is asked for.

    Args:
        parts: For each part the choices that it reads, and what each of their joint options consists of (C order of
            the options). The entries are hashable; equal ones are one layer.
        option_counts: Options of each network choice.
        num_accelerators: H.
    """

    def __init__(
        self,
        parts: Sequence[tuple[Sequence[int], Sequence[Sequence[Any]]]],
        *,
        option_counts: Sequence[int],
        num_accelerators: int,
    ) -> None:
        self._num_accelerators = num_accelerators
        self._options_of: dict[Any, list[int]] = {}  # layer -> the joint options that have it
        self._strides: list[list[tuple[int, int]]] = []  # of each part: (choice, stride in joint options)
        self._offsets: list[int] = []  # of each part: its first joint option
        number = 0
        for scope, options in parts:
            self._offsets.append(number)
            strides, stride = [], 1
            for choice in reversed(scope):
                strides.append((choice, stride))
                stride *= int(option_counts[choice])
            self._strides.append(strides)
            for layers in options:
                for layer in layers:
                    self._options_of.setdefault(layer, []).append(number)
                number += 1
        self._first = np.full((number, num_accelerators), _NEVER, dtype=np.int64)
        self._everywhere = np.full(number, _NEVER)  # the row since which an option is known on every accelerator

    @property
    def most(self) -> int:
        """Pairs that there are."""
        return len(self._options_of) * self._num_accelerators

    def count(self) -> int:
        """Return the distinct pairs so far."""
        return sum(int(np.count_nonzero(first != _NEVER)) for first in self._first_of_layers())

    def count_at(self, rows: int) -> np.ndarray:
        """(rows,) distinct pairs asked for when each row of the trace was known."""
        new = np.zeros(rows + 1, dtype=np.int64)
        for first in self._first_of_layers():
            new += np.bincount(np.minimum(first[first != _NEVER], rows), minlength=rows + 1)
        return np.cumsum(new[:rows])

    def mark(self, networks: np.ndarray, hardware: np.ndarray, *, row: int, one_row_each: bool = False) -> None:
        """Note networks (batch, network choices), each on the accelerator (batch,) of the same row.

        Args:
            networks: Option indices.
            hardware: Accelerator indices.
            row: Rows of the trace so far.
            one_row_each: Whether these are rows of the trace, the first of them number `row`.
        """
        for start in range(0, len(networks), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            rows = np.arange(row + start, row + min(start + _CHUNK, len(networks))) if one_row_each else row
            self._mark(networks[chunk], hardware[chunk], rows)

    def mark_everywhere(self, networks: np.ndarray, *, row: int) -> None:
        """Note networks (batch, network choices) on every accelerator; `row` as for `mark`."""
        for part in range(len(self._offsets)):
            options = self._options(networks, part)
            self._mark_options(options[self._everywhere[options] > row], row)

    def mark_all(self, *, row: int) -> None:
        """Note every layer on every accelerator, as when a table is read whole or an expectation is taken."""
        self._mark_options(np.flatnonzero(self._everywhere > row), row)

    def _mark(self, networks: np.ndarray, hardware: np.ndarray, rows: np.ndarray | int) -> None:
        if self._everywhere.max() <= np.min(rows):
            return
        first = self._first.reshape(-1)
        for part in range(len(self._offsets)):
            pairs = self._options(networks, part) * self._num_accelerators + hardware
            # Backwards: of several equal pairs the earliest is written last, and stays.
            fresh = np.flatnonzero(first[pairs] > rows)[::-1]
            first[pairs[fresh]] = rows if isinstance(rows, int) else rows[fresh]

    def _mark_options(self, options: np.ndarray, row: int) -> None:
        if options.size:
            options = np.unique(options)
            self._first[options] = np.minimum(self._first[options], row)
            self._everywhere[options] = row

    def _options(self, networks: np.ndarray, part: int) -> np.ndarray:
        """(batch,) number of each network's joint option in a part."""
        options = np.full(len(networks), self._offsets[part], dtype=np.int64)
        for choice, stride in self._strides[part]:
            options += networks[:, choice] if stride == 1 else stride * networks[:, choice]
        return options

    def _first_of_layers(self) -> Iterator[np.ndarray]:
        """(H,) for each layer: the row at which it was first asked for on each accelerator."""
        return (self._first[options].min(axis=0) for options in self._options_of.values())


def cost_pairs(space: NetworkSpace, num_accelerators: int) -> CostPairs:
    """Return the count of a problem, at zero.

    Args:
        space: Its networks. Where it has no layers, an option of a choice stands for one.
        num_accelerators: H.
    """
    counts = [len(choice.options) for choice in space.choices()]
    parts: list[tuple[Sequence[int], Sequence[Sequence[Any]]]] = [
        (part.scope, [list(map(layer_row, layers)) for layers in part.layers]) for part in space.parts()
    ]
    if space.fixed_layers():  # a part that reads no choice, so that it has one joint option
        parts.append(((), [list(map(layer_row, space.fixed_layers()))]))
    if not parts:
        parts = [((choice,), [[(choice, option)] for option in range(count)]) for choice, count in enumerate(counts)]
    return CostPairs(parts, option_counts=counts, num_accelerators=num_accelerators)
