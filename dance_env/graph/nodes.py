"""The node types of a layer graph: what each computes, its output shape, its parameters.

A shape is ``(channels, rows, columns)``, or ``(features,)`` after the global pool.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, runtime_checkable

from dance_env.graph.layer import Layer

Shape = tuple[int, ...]


class Node(Protocol):
    """A frozen dataclass of settings that knows its output shape and parameters from its input shapes."""

    kind: ClassVar[str]

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        """The output shape; ValueError, in words, if the input shapes do not suit."""

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        """The number of trainable parameters."""


@runtime_checkable
class CostlyNode(Node, Protocol):
    """A node that says itself which layer it is."""

    def layer(self, name: str, shapes: tuple[Shape, ...]) -> Layer:
        """Return the layer of the node of this name, given its input shapes."""


@dataclass(frozen=True)
class Input:
    """The image."""

    channels: int
    rows: int
    columns: int
    kind: ClassVar[str] = "input"

    def __post_init__(self) -> None:
        check_whole(self, "channels", "rows", "columns")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        if shapes:
            raise ValueError(f"an input takes no inputs, got {len(shapes)}")
        return (self.channels, self.rows, self.columns)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0


@dataclass(frozen=True)
class Conv:
    """A square convolution without bias, odd kernel, padded by (kernel - 1) / 2: rows become ceil(rows / stride)."""

    channels: int
    kernel: int
    stride: int = 1
    groups: int = 1
    kind: ClassVar[str] = "conv"

    def __post_init__(self) -> None:
        check_whole(self, "channels", "kernel", "stride", "groups")
        if self.kernel % 2 == 0:
            raise ValueError(f"a convolution's kernel must be odd ('same' padding), got {self.kernel}")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        channels, rows, columns = _image(self.kind, shapes)
        if channels % self.groups or self.channels % self.groups:
            found = f"{channels} in, {self.channels} out"
            raise ValueError(f"expected channels that {self.groups} groups divide, found {found}")
        return (self.channels, -(-rows // self.stride), -(-columns // self.stride))

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return self.channels * (shapes[0][0] // self.groups) * self.kernel**2


@dataclass(frozen=True)
class BatchNorm:
    """Batch normalization with scale and shift; `eps` is added to the variance."""

    eps: float = 1e-5
    kind: ClassVar[str] = "batch_norm"

    def __post_init__(self) -> None:
        if not isinstance(self.eps, float) or not 0 < self.eps < math.inf:
            raise ValueError(f"a batch_norm node's eps must be a positive float, got {self.eps!r}")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        return _image(self.kind, shapes)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 2 * shapes[0][0]


ACTIVATIONS = ("relu", "relu6", "gelu", "hard_sigmoid")


@dataclass(frozen=True)
class Activation:
    """max(0, x), and min(6, .) of that for ``"relu6"``; x times the normal distribution function for ``"gelu"``.

    ``"hard_sigmoid"`` is min(6, max(0, x + 3)) / 6 (MobileNetV3, arXiv 1905.02244).
    """

    function: Literal["relu", "relu6", "gelu", "hard_sigmoid"] = "relu"
    kind: ClassVar[str] = "activation"

    def __post_init__(self) -> None:
        if self.function not in ACTIVATIONS:
            raise ValueError(f"an activation is one of {', '.join(map(repr, ACTIVATIONS))}, got {self.function!r}")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        return only_shape(self.kind, shapes)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0


@dataclass(frozen=True)
class Add:
    """The sum of two or more equally shaped inputs (a residual connection)."""

    kind: ClassVar[str] = "add"

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        if len(shapes) < 2:
            raise ValueError(f"an addition takes at least two inputs, got {len(shapes)}")
        for shape in shapes[1:]:
            if shape != shapes[0]:
                raise ValueError(f"expected inputs of one shape, {shapes[0]} as the first, found {shape}")
        return shapes[0]

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0


@dataclass(frozen=True)
class Scale:
    """An image times one number for each channel: the first input, scaled by the second (channels,)."""

    kind: ClassVar[str] = "scale"

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        if len(shapes) != 2 or len(shapes[0]) != 3 or shapes[1] != shapes[0][:1]:
            raise ValueError(f"expected an image (channels, rows, columns) and a vector (channels,), found {shapes}")
        return shapes[0]

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0


@dataclass(frozen=True)
class Skip:
    """Its input, unchanged: what is left of a block that does nothing."""

    kind: ClassVar[str] = "skip"

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        return only_shape(self.kind, shapes)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0


@dataclass(frozen=True)
class Zero:
    """Zeros of its input's shape: an edge of a cell that is not there."""

    kind: ClassVar[str] = "zero"

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        return only_shape(self.kind, shapes)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0


@dataclass(frozen=True)
class MeanPool:
    """The mean over square windows, padded by (kernel - 1) // 2; padding does not count in the mean.

    Rows become ceil(rows / stride) with an odd kernel; an even one must be as large as its stride, and divide the rows.
    """

    kernel: int
    stride: int = 1
    kind: ClassVar[str] = "mean_pool"

    def __post_init__(self) -> None:
        check_whole(self, "kernel", "stride")
        if self.kernel % 2 == 0 and self.kernel != self.stride:
            raise ValueError(f"a mean_pool's kernel must be odd, or equal its stride; got {self.kernel}, {self.stride}")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        channels, rows, columns = _image(self.kind, shapes)
        if self.kernel % 2 == 0 and (rows % self.stride or columns % self.stride):
            raise ValueError(f"expected rows and columns that windows of {self.kernel} divide, found {rows}, {columns}")
        return (channels, -(-rows // self.stride), -(-columns // self.stride))

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0


@dataclass(frozen=True)
class GlobalPool:
    """The mean over rows and columns."""

    kind: ClassVar[str] = "global_pool"

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        return _image(self.kind, shapes)[:1]

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0


@dataclass(frozen=True)
class Linear:
    """A fully connected layer with bias."""

    features: int
    kind: ClassVar[str] = "linear"

    def __post_init__(self) -> None:
        check_whole(self, "features")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        shape = only_shape(self.kind, shapes)
        if len(shape) != 1:
            raise ValueError(f"expected a vector (features,), found {shape}; pool before a fully connected layer")
        return (self.features,)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return self.features * shapes[0][0] + self.features


NODE_TYPES = {
    each.kind: each
    for each in (Input, Conv, BatchNorm, Activation, Add, Scale, Skip, Zero, MeanPool, GlobalPool, Linear)
}
"""Node types by kind, for reading graphs from files."""


def check_whole(node: Node, *names: str) -> None:
    """Refuse settings of a node that are not whole numbers of at least 1."""
    for name in names:
        value = getattr(node, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"a {node.kind} node's {name} must be a whole number of at least 1, got {value!r}")


def only_shape(kind: str, shapes: tuple[Shape, ...]) -> Shape:
    """Return the shape of a node's only input."""
    if len(shapes) != 1:
        raise ValueError(f"a {kind} node takes one input, got {len(shapes)}")
    return shapes[0]


def _image(kind: str, shapes: tuple[Shape, ...]) -> Shape:
    shape = only_shape(kind, shapes)
    if len(shape) != 3:
        raise ValueError(f"expected an image (channels, rows, columns), found {shape}")
    return shape
