"""Networks lowered to arrays: all that the cost model sees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dance_env.graph.layer import Layer

LAYER_COLUMNS = ("K", "C", "P", "Q", "R", "S", "groups", "stride")
"""Columns of a layer row, in order; `LayerTable.dims` holds the first seven."""


@dataclass(frozen=True, eq=False)
class LayerTable:
    """The layers of `B` networks, at most `L` each, batch 1 images.

    Attributes:
        dims: `(B, L, 7)` int64: K, C, P, Q, R, S, groups. K and C count the channels of all groups together.
        stride: `(B, L)` int64.
        mask: `(B, L)` bool: which entries are layers. The others hold 0 for K to S, and 1 for groups and stride, so
            that products over them are 0. Layers stand in the order of execution; gaps may stand between them.

    Raises:
        ValueError: If shapes do not agree, a layer's dimension is below 1, or its groups do not divide its channels.
    """

    dims: np.ndarray
    stride: np.ndarray
    mask: np.ndarray

    def __post_init__(self) -> None:
        dims, stride, mask = (np.asarray(each) for each in (self.dims, self.stride, self.mask))
        if dims.ndim != 3 or dims.shape[2] != 7 or stride.shape != dims.shape[:2] or mask.shape != dims.shape[:2]:
            raise ValueError(
                f"layer table: dims must be (B, L, 7), stride and mask (B, L); got {dims.shape}, "
                f"{stride.shape}, {mask.shape}"
            )
        if dims.dtype.kind not in "iu" or stride.dtype.kind not in "iu" or mask.dtype.kind != "b":
            raise TypeError(
                f"layer table: dims and stride must be whole numbers and mask bool; got {dims.dtype}, "
                f"{stride.dtype}, {mask.dtype}"
            )
        dims = np.where(mask[..., None], dims, np.array([0, 0, 0, 0, 0, 0, 1])).astype(np.int64)
        stride = np.where(mask, stride, 1).astype(np.int64)
        wrong = mask & ((dims < 1).any(axis=2) | (stride < 1))
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            values = [*dims[row, column].tolist(), int(stride[row, column])]
            raise ValueError(
                f"layer table: network {row}, layer {column}: every dimension must be at least 1, got "
                f"{dict(zip(LAYER_COLUMNS, values, strict=True))}"
            )
        if (dims[..., :2] % dims[..., 6:]).any():
            raise ValueError("layer table: groups must divide K and C in every layer")
        for name, array in (("dims", dims), ("stride", stride), ("mask", mask)):
            object.__setattr__(self, name, array)

    @classmethod
    def from_layers(cls, layers_per_network: Sequence[Sequence[Layer]]) -> LayerTable:
        """The table of some networks' layers, each network's layers first in its row."""
        batch, longest = len(layers_per_network), max((len(layers) for layers in layers_per_network), default=0)
        dims, stride = np.zeros((batch, longest, 7), dtype=np.int64), np.ones((batch, longest), dtype=np.int64)
        mask = np.zeros((batch, longest), dtype=bool)
        for row, layers in enumerate(layers_per_network):
            for column, layer in enumerate(layers):
                *dims[row, column], stride[row, column] = layer_row(layer)
                mask[row, column] = True
        return cls(dims, stride, mask)

    def __len__(self) -> int:
        return len(self.dims)

    @property
    def macs(self) -> np.ndarray:
        """`(B,)` int64: multiply-accumulates of each network."""
        return (self._products(0, 1, 2, 3, 4, 5) // self.dims[..., 6]).sum(axis=1)

    @property
    def weights(self) -> np.ndarray:
        """`(B,)` int64: words of weights of each network (no biases, no batch norm)."""
        return (self._products(0, 1, 4, 5) // self.dims[..., 6]).sum(axis=1)

    def unique(self) -> tuple[np.ndarray, np.ndarray]:
        """The different layers of all networks.

        Returns:
            `rows`, `(U, 8)` int64 with the columns `LAYER_COLUMNS`, in lexicographic order; and `inverse`, `(B, L)`
            int64: each entry's position in `rows`, -1 where there is no layer.
        """
        rows = np.concatenate([self.dims, self.stride[..., None]], axis=2)[self.mask]
        found, positions = _unique_rows(rows)
        inverse = np.full(self.mask.shape, -1, dtype=np.int64)
        inverse[self.mask] = positions
        return found, inverse

    def _products(self, *columns: int) -> np.ndarray:
        return self.dims[..., columns].prod(axis=2)


def _unique_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`np.unique` over rows, with the inverse; through one number a row where that fits in 64 bits, as it is faster."""
    radix = [int(largest) + 1 for largest in rows.max(axis=0, initial=0)]
    if math.prod(radix) >= 2**63:
        found, positions = np.unique(rows, axis=0, return_inverse=True)
        return found, positions.ravel()
    place_values = np.array([math.prod(radix[column + 1 :]) for column in range(len(radix))], dtype=np.int64)
    codes, positions = np.unique(rows @ place_values, return_inverse=True)
    return codes[:, None] // place_values % np.array(radix), positions


def layer_row(layer: Layer) -> tuple[int, ...]:
    """A layer as eight numbers, in the order of `LAYER_COLUMNS`."""
    return (layer.k, layer.c, layer.p, layer.q, layer.r, layer.s, layer.groups, layer.stride)
