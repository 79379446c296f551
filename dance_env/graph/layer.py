"""One layer of a network as the cost model sees it: seven loop dimensions, groups and stride."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

LayerKind = Literal["conv", "depthwise", "pointwise", "fc"]

LAYER_COLUMNS = ("K", "C", "P", "Q", "R", "S", "groups", "stride")
"""Columns of a layer row, in order: all that a cost model sees. K and C count the channels of all groups together."""


@dataclass(frozen=True)
class Layer:
    """A convolution or a fully connected layer, for one image.

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
        }
        if not fits[self.kind]:
            raise ValueError(
                f"layer {self.name!r}: dimensions do not fit kind {self.kind!r} (depthwise: groups = c; "
                f"pointwise: r = s = 1, groups = 1; fc: p = q = r = s = 1): {self}"
            )

    @property
    def macs(self) -> int:
        """Multiply-accumulates: K (C / groups) P Q R S."""
        return self.k * (self.c // self.groups) * self.p * self.q * self.r * self.s

    @property
    def weights(self) -> int:
        """Words of weights: K (C / groups) R S (no bias, no batch norm)."""
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


def layer_row(layer: Layer) -> tuple[int, ...]:
    """Return a layer as eight numbers, in the order of `LAYER_COLUMNS`."""
    return (layer.k, layer.c, layer.p, layer.q, layer.r, layer.s, layer.groups, layer.stride)
