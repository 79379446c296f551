"""One layer of a network as the cost model sees it: seven loop dimensions, groups and stride."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

LayerKind = Literal["conv", "depthwise", "pointwise", "fc", "gemm", "attention"]

LAYER_COLUMNS = ("K", "C", "P", "Q", "R", "S", "groups", "stride")
"""Columns of a layer row, in order: all that a cost model sees. K and C count the channels of all groups together."""


@dataclass(frozen=True)
class Layer:
    """A convolution, a fully connected layer or a matrix product, for one image or one sequence.

    A matrix product is a 1x1 convolution (see `matrix_product`): of activations with weights (``"gemm"``), or of
    activations with activations (``"attention"``), one product in each group.

    Attributes:
        name: Where it stands in the network, such as ``"block3.depthwise"``.
        kind: What it is called; checked against the dimensions (see `kind_of`).
        k: Output channels, of all groups together.
        c: Input channels, of all groups together.
        p: Output rows.
        q: Output columns.
        r: Kernel rows.
        s: Kernel columns.
        groups: Groups of channels that do not see each other; divides `k` and `c`.
        stride: Step of the kernel, along rows and columns.

    Raises:
        TypeError: If a dimension is not a whole number.
        ValueError: If one is below 1, groups do not divide the channels, or the kind does not fit.
    """

    name: str
    kind: LayerKind
    k: int
    c: int
    p: int
    q: int
    r: int
    s: int
    groups: int = 1
    stride: int = 1

    def __post_init__(self) -> None:
        for field in ("k", "c", "p", "q", "r", "s", "groups", "stride"):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"layer {self.name!r}: {field} must be an int, got {value!r}")
            if value < 1:
                raise ValueError(f"layer {self.name!r}: {field} must be at least 1, got {value}")
        if self.k % self.groups or self.c % self.groups:
            raise ValueError(f"layer {self.name!r}: groups ({self.groups}) must divide k ({self.k}) and c ({self.c})")
        if self.kind not in get_args(LayerKind):
            raise ValueError(f"layer {self.name!r}: kind must be one of {get_args(LayerKind)}, got {self.kind!r}")
        fits = {
            "conv": self.groups < self.c or self.c == 1,
            "depthwise": self.groups == self.c,
            "pointwise": self.r == self.s == 1 and self.groups == 1,
            "fc": self.p == self.q == self.r == self.s == self.groups == self.stride == 1,
            "gemm": self.r == self.s == self.groups == self.stride == 1,
            "attention": self.r == self.s == self.stride == 1,
        }
        if not fits[self.kind]:
            raise ValueError(
                f"layer {self.name!r}: dimensions do not fit kind {self.kind!r} (depthwise: groups = c; "
                f"pointwise: r = s = 1, groups = 1; fc: p = q = r = s = 1; gemm: r = s = groups = stride = 1; "
                f"attention: r = s = stride = 1): {self}"
            )

    @property
    def macs(self) -> int:
        """Multiply-accumulates: K (C / groups) P Q R S."""
        return self.k * (self.c // self.groups) * self.p * self.q * self.r * self.s

    @property
    def weights(self) -> int:
        """Words of weights: K (C / groups) R S (no bias, no batch norm); none where both operands are activations."""
        if self.kind == "attention":
            return 0
        return self.k * (self.c // self.groups) * self.r * self.s

    @property
    def outputs(self) -> int:
        """Words of output: K P Q."""
        return self.k * self.p * self.q

    @property
    def inputs(self) -> int:
        """Words of input that the loops touch, padding included: C ((P - 1) stride + R) ((Q - 1) stride + S)."""
        return self.c * ((self.p - 1) * self.stride + self.r) * ((self.q - 1) * self.stride + self.s)


def kind_of(c: int, kernel: int, groups: int) -> LayerKind:
    """Return what a convolution of `c` input channels is called."""
    if groups == c and c > 1:
        return "depthwise"
    return "pointwise" if kernel == 1 and groups == 1 else "conv"


def matrix_product(
    name: str, *, rows: int, inner: int, columns: int, products: int = 1, kind: Literal["gemm", "attention"] = "gemm"
) -> Layer:
    """Return matrix products of (rows x inner) by (inner x columns) as one layer: a 1x1 convolution.

    The rows become an image of P x Q (see `token_grid`), the inner dimension the input channels, the columns the output
    channels; several products, such as the heads of attention, become groups. A cost model treats the second operand
    as it treats weights: it is read from DRAM, and may stay in the register files.

    Args:
        name: Where it stands in the network.
        rows: Of the first operand, such as tokens.
        inner: Columns of the first operand, rows of the second.
        columns: Of the second operand.
        products: How many products of this size.
        kind: ``"gemm"`` where the second operand are weights, ``"attention"`` where both are activations.

    Raises:
        TypeError, ValueError: As `Layer`.
    """
    p, q = token_grid(rows)
    return Layer(name, kind, k=products * columns, c=products * inner, p=p, q=q, r=1, s=1, groups=products)


def token_grid(rows: int) -> tuple[int, int]:
    """Return P x Q, the most nearly square image of `rows` pixels: P >= Q, and Q the largest divisor that allows it.

    128 rows become 16 x 8. A prime number becomes P x 1: nothing but 1 divides it, so that no axis of an array holds a
    share of it. Such a sequence is better padded by its owner.
    """
    q = next((q for q in range(math.isqrt(max(rows, 1)), 1, -1) if rows % q == 0), 1)
    return rows // q, q


def layer_row(layer: Layer) -> tuple[int, ...]:
    """Return a layer as eight numbers, in the order of `LAYER_COLUMNS`."""
    return (layer.k, layer.c, layer.p, layer.q, layer.r, layer.s, layer.groups, layer.stride)
