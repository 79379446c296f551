"""Node types of imported networks that cost no multiply-accumulates. Shapes are as in `general_layers`: without a batch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from dance_env.graph.nodes import Node, Shape, only_shape


@dataclass(frozen=True)
class Tensor:
    """An input of the network of any shape."""

    shape: Shape
    kind: ClassVar[str] = "tensor"

    def __post_init__(self) -> None:
        _check_sizes(self, "shape")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        if shapes:
            raise ValueError(f"a tensor takes no inputs, got {len(shapes)}")
        return self.shape

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0


@dataclass(frozen=True)
class Parameter:
    """Weights that enter an operation as an operand of their own, such as the embedding of positions.

    Attributes:
        shape: As the operation reads them.
        trainable: Parameters that belong to this node; 0 where they are an earlier node's.
    """

    shape: Shape
    trainable: int
    kind: ClassVar[str] = "parameter"

    def __post_init__(self) -> None:
        _check_sizes(self, "shape")
        _check_count(self, "trainable")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        if shapes:
            raise ValueError(f"a parameter takes no inputs, got {len(shapes)}")
        return self.shape

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return self.trainable


@dataclass(frozen=True)
class Elementwise:
    """An operation on each element of its inputs, which are broadcast to one shape as in NumPy."""

    operation: str
    kind: ClassVar[str] = "elementwise"

    def __post_init__(self) -> None:
        _check_word(self, "operation")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        if not shapes:
            raise ValueError("an elementwise node takes at least one input")
        axes = max(map(len, shapes))
        padded = [(1,) * (axes - len(shape)) + shape for shape in shapes]
        sizes = [set(each) - {1} for each in zip(*padded, strict=True)]
        if any(len(each) > 1 for each in sizes):
            raise ValueError(f"expected shapes that broadcast to one, found {', '.join(map(str, shapes))}")
        return tuple(each.pop() if each else 1 for each in sizes)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0


@dataclass(frozen=True)
class Normalization:
    """A normalization of any kind, and its scale and shift: `trainable` numbers. The shape is kept."""

    function: str
    trainable: int
    kind: ClassVar[str] = "normalization"

    def __post_init__(self) -> None:
        _check_word(self, "function")
        _check_count(self, "trainable")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        return only_shape(self.kind, shapes)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return self.trainable


@dataclass(frozen=True)
class Concatenate:
    """Its inputs, one behind the other along an axis."""

    axis: int
    kind: ClassVar[str] = "concatenate"

    def __post_init__(self) -> None:
        _check_count(self, "axis")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        if not shapes or any(len(shape) <= self.axis for shape in shapes):
            raise ValueError(f"expected inputs with more than {self.axis} axes, found {shapes}")
        rest = {shape[: self.axis] + shape[self.axis + 1 :] for shape in shapes}
        if len(rest) > 1:
            raise ValueError(f"expected inputs that differ in axis {self.axis} alone, found {shapes}")
        size = sum(shape[self.axis] for shape in shapes)
        return (*shapes[0][: self.axis], size, *shapes[0][self.axis + 1 :])

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0


@dataclass(frozen=True)
class Resample:
    """An image on other rows and columns, ``(channels, *size)``: pooling, upsampling, interpolation.

    Attributes:
        function: Such as ``"max_pool"``, ``"mean_pool"``, ``"nearest"``, ``"bilinear"``.
        size: Of the output, along each axis of the image.
    """

    function: str
    size: Shape
    kind: ClassVar[str] = "resample"

    def __post_init__(self) -> None:
        _check_word(self, "function")
        _check_sizes(self, "size")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        shape = only_shape(self.kind, shapes)
        if len(shape) != 1 + len(self.size):
            raise ValueError(f"expected channels and {len(self.size)} axes, found {shape}")
        return (shape[0], *self.size)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0


@dataclass(frozen=True)
class Reshape:
    """The same numbers in the same order, in another shape."""

    shape: Shape
    kind: ClassVar[str] = "reshape"

    def __post_init__(self) -> None:
        _check_sizes(self, "shape")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        shape = only_shape(self.kind, shapes)
        if math.prod(shape) != math.prod(self.shape):
            raise ValueError(f"{shape} cannot become {self.shape}: {math.prod(shape)} is not {math.prod(self.shape)}")
        return self.shape

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0


@dataclass(frozen=True)
class Free:
    """Any other operation without multiply-accumulates that are priced; its output shape is as stated.

    Slices, gathers, reductions, masks and the like; and an operation that an import could not price
    (`dance_env.graph.importing.ImportedNetwork.unsupported` lists those).
    """

    operation: str
    shape: Shape
    kind: ClassVar[str] = "free"

    def __post_init__(self) -> None:
        _check_word(self, "operation")
        _check_sizes(self, "shape")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        return self.shape

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0


GENERAL_NODE_TYPES = {
    each.kind: each
    for each in (Tensor, Parameter, Elementwise, Normalization, Concatenate, Resample, Reshape, Free)
}  # fmt: skip
"""Node types by kind, for reading graphs from files."""


def _check_sizes(node: Node, name: str) -> None:
    """Check a shape, and keep it as a tuple: JSON has lists. An axis may be empty: a cache before its first token."""
    value = getattr(node, name)
    if not isinstance(value, list | tuple) or not all(type(each) is int and each >= 0 for each in value):
        raise ValueError(f"a {node.kind} node's {name} must be whole numbers of at least 0, got {value!r}")
    object.__setattr__(node, name, tuple(value))


def _check_count(node: Node, name: str) -> None:
    value = getattr(node, name)
    if type(value) is not int or value < 0:
        raise ValueError(f"a {node.kind} node's {name} must be a whole number of at least 0, got {value!r}")


def _check_word(node: Node, name: str) -> None:
    value = getattr(node, name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"a {node.kind} node's {name} must be a word, got {value!r}")
