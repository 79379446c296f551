"""Node types of imported networks that cost multiply-accumulates: convolutions and matrix products of any form.

The shape of an image is ``(channels, rows, columns)``, of a signal ``(channels, length)``, of a matrix ``(..., rows,
features)``. There is no axis for a batch of one. `trainable` counts a node's own parameters: fewer than its weights where
it shares them with an earlier node.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from dance_env.graph.layer import Layer, kind_of, matrix_product
from dance_env.graph.nodes import Shape, check_whole, only_shape


@dataclass(frozen=True)
class Convolution:
    """A convolution of any kernel, stride, padding and dilation, along rows or along rows and columns.

    As a layer it has the larger of its strides, and no dilation: a layer of the cost model has one stride, and reads a
    dense window. Several images, ``(images, channels, rows, columns)``, are one with the rows of all. Multiply-accumulates,
    weights and outputs are exact in each case.

    Attributes:
        channels: Output channels.
        kernel: Along each axis of the image.
        stride: Along each axis.
        padding: Before and after each axis: ``(top, bottom, left, right)``.
        dilation: Distance between the kernel's taps, along each axis.
        groups: Groups of channels.
        bias: Whether a number is added to each output channel.
        trainable: Parameters that belong to this node.
    """

    channels: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    bias: bool
    trainable: int
    kind: ClassVar[str] = "convolution"

    def __post_init__(self) -> None:
        check_whole(self, "channels", "groups")
        _check_windows(self)

    def own_inputs(self, shapes: tuple[Shape, ...]) -> int:
        """Return the words of input that the convolution touches, padding included, as `Layer.inputs` counts them."""
        images, channels, *_ = _image(self, shapes)
        axes = zip(self.infer(shapes)[-len(self.kernel) :], self.kernel, self.stride, self.dilation, strict=True)
        return images * channels * math.prod((p - 1) * stride + (r - 1) * step + 1 for p, r, stride, step in axes)

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        images, channels, *sizes = _image(self, shapes)
        _check_groups(self.groups, channels, self.channels)
        spans = [step * (kernel - 1) + 1 for kernel, step in zip(self.kernel, self.dilation, strict=True)]
        out = []
        for axis, (size, span, stride) in enumerate(zip(sizes, spans, self.stride, strict=True)):
            room = size + self.padding[2 * axis] + self.padding[2 * axis + 1] - span
            if room < 0:
                raise ValueError(f"a kernel that spans {span} does not fit {size} rows or columns with this padding")
            out.append(room // stride + 1)
        return _batched(images, shapes[0], (self.channels, *out))

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return self.trainable

    def layer(self, name: str, shapes: tuple[Shape, ...]) -> Layer:
        images, c, *_ = _image(self, shapes)
        (p, q), (r, s) = _two(self.infer(shapes)[-len(self.kernel) :]), _two(self.kernel)
        kind = kind_of(c, max(r, s), self.groups)
        return Layer(name, kind, self.channels, c, images * p, q, r, s, groups=self.groups, stride=max(self.stride))


@dataclass(frozen=True)
class TransposedConvolution:
    """A transposed convolution: each input pixel adds a kernel to the output, `stride` pixels apart.

    As a layer it is its sub-pixel form (arXiv 1609.05158): a convolution of stride 1 over the input's pixels, with `stride`
    times as many output channels along each axis and a kernel of ceil(kernel / stride); moving the channels to their pixels
    is free. Where the stride divides the kernel and the output is `stride` times as large as the input, it has the
    multiply-accumulates of the transposed convolution; elsewhere more.

    Attributes: as `Convolution`, and
        output_padding: Rows and columns added to the output, along each axis.
    """

    channels: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    output_padding: tuple[int, ...]
    groups: int
    bias: bool
    trainable: int
    kind: ClassVar[str] = "transposed_convolution"

    def __post_init__(self) -> None:
        check_whole(self, "channels", "groups")
        _check_windows(self)
        object.__setattr__(self, "output_padding", _whole_tuple(self, "output_padding", least=0))

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        images, channels, *sizes = _image(self, shapes)
        _check_groups(self.groups, channels, self.channels)
        out = [
            (size - 1) * self.stride[axis]
            - self.padding[2 * axis]
            - self.padding[2 * axis + 1]
            + self.dilation[axis] * (self.kernel[axis] - 1)
            + self.output_padding[axis]
            + 1
            for axis, size in enumerate(sizes)
        ]
        if min(out) < 1:
            raise ValueError(f"the padding leaves no output: {out}")
        return _batched(images, shapes[0], (self.channels, *out))

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return self.trainable

    def own_macs(self, shapes: tuple[Shape, ...]) -> int:
        """Return the multiply-accumulates of the transposed convolution: a whole kernel for each input pixel."""
        images, channels, *sizes = _image(self, shapes)
        return images * self.channels * (channels // self.groups) * math.prod(self.kernel) * math.prod(sizes)

    def layer(self, name: str, shapes: tuple[Shape, ...]) -> Layer:
        images, c, *_ = _image(self, shapes)
        sizes = zip(self.infer(shapes)[-len(self.kernel) :], self.stride, strict=True)
        p, q = _two(tuple(-(-size // stride) for size, stride in sizes))
        r, s = _two(tuple(-(-size // stride) for size, stride in zip(self.kernel, self.stride, strict=True)))
        k = self.channels * math.prod(self.stride)
        return Layer(name, kind_of(c, max(r, s), self.groups), k, c, images * p, q, r, s, groups=self.groups)


@dataclass(frozen=True)
class Dense:
    """The product of the last axis with a matrix of weights, and a bias where there is one: ``(..., features)``."""

    features: int
    bias: bool
    trainable: int
    kind: ClassVar[str] = "dense"

    def __post_init__(self) -> None:
        check_whole(self, "features")
        _check_trainable(self)

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        shape = only_shape(self.kind, shapes)
        if not shape:
            raise ValueError("expected at least one axis, found a number")
        return (*shape[:-1], self.features)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return self.trainable

    def layer(self, name: str, shapes: tuple[Shape, ...]) -> Layer:
        *rows, features = shapes[0]
        if not rows:
            return Layer(name, "fc", k=self.features, c=features, p=1, q=1, r=1, s=1)
        return matrix_product(name, rows=math.prod(rows), inner=features, columns=self.features)


@dataclass(frozen=True)
class MatrixProduct:
    """Products of two activations: ``(..., rows, inner)`` times ``(..., inner, columns)``.

    Each matrix of the second operand serves as many matrices of the first as there are for each of its own, as the keys
    of grouped-query attention serve several heads; their rows are then rows of one product, and the second operand is
    read once for them. Where the first operand has fewer matrices, each is used for several.

    Attributes:
        transposed: Whether the second operand arrives as ``(..., columns, inner)``, as keys do.
    """

    transposed: bool
    kind: ClassVar[str] = "matrix_product"

    def __post_init__(self) -> None:
        if not isinstance(self.transposed, bool):
            raise ValueError(f"a {self.kind} node's transposed must be True or False, got {self.transposed!r}")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        lead, rows, _, columns, _, _ = self._sizes(shapes)
        return (columns,) if len(shapes[0]) == 1 else (*lead, rows, columns)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0

    def layer(self, name: str, shapes: tuple[Shape, ...]) -> Layer:
        _, rows, inner, columns, products, shared = self._sizes(shapes)
        return matrix_product(
            name, rows=rows * shared, inner=inner, columns=columns, products=products, kind="attention"
        )

    def _sizes(self, shapes: tuple[Shape, ...]) -> tuple[Shape, int, int, int, int, int]:
        """Return the output's leading axes, rows, inner, columns, products, and first matrices that share a second."""
        if len(shapes) == 1:
            shapes = (shapes[0], shapes[0])  # a product of an activation with itself
        if shapes and len(shapes[0]) == 1:
            shapes = ((1, *shapes[0]), *shapes[1:])  # a matrix of one row has lost it as a batch of one
        if len(shapes) != 2 or min(map(len, shapes)) < 2:
            raise ValueError(f"expected two matrices, (..., rows, inner) and (..., inner, columns), found {shapes}")
        (*first, rows, inner), (*second, height, width) = shapes
        found, columns = (width, height) if self.transposed else (height, width)
        if found != inner:
            raise ValueError(f"expected operands with one inner size, found {inner} and {found} in {shapes}")
        axes = max(len(first), len(second))
        ours, theirs = [1] * (axes - len(first)) + first, [1] * (axes - len(second)) + second
        if any(a % b and a != 1 for a, b in zip(ours, theirs, strict=True)):
            raise ValueError(f"expected leading axes of which one divides the other, found {shapes}")
        shared = math.prod(max(a // b, 1) for a, b in zip(ours, theirs, strict=True))
        lead = tuple(map(max, ours, theirs))
        return lead, rows, inner, columns, math.prod(theirs), shared


GENERAL_LAYER_TYPES = {each.kind: each for each in (Convolution, TransposedConvolution, Dense, MatrixProduct)}
"""Node types by kind, for reading graphs from files."""


def _check_windows(node: Convolution | TransposedConvolution) -> None:
    """Check the settings along each axis of an image; lists, as JSON has them, become tuples."""
    kernel = _whole_tuple(node, "kernel", least=1)
    if len(kernel) not in (1, 2):
        raise ValueError(f"a {node.kind} node has one or two axes, got kernel {kernel}")
    object.__setattr__(node, "kernel", kernel)
    for name, least, times in (("stride", 1, 1), ("padding", 0, 2), ("dilation", 1, 1)):
        value = _whole_tuple(node, name, least=least)
        if len(value) != times * len(kernel):
            raise ValueError(f"a {node.kind} node's {name} needs {times * len(kernel)} numbers, got {value}")
        object.__setattr__(node, name, value)
    if not isinstance(node.bias, bool):
        raise ValueError(f"a {node.kind} node's bias must be True or False, got {node.bias!r}")
    _check_trainable(node)


def _whole_tuple(node: Convolution | TransposedConvolution, name: str, *, least: int) -> tuple[int, ...]:
    value = getattr(node, name)
    good = isinstance(value, list | tuple) and all(type(each) is int and each >= least for each in value)
    if not good:
        raise ValueError(f"a {node.kind} node's {name} must be whole numbers of at least {least}, got {value!r}")
    return tuple(value)


def _check_trainable(node: Convolution | TransposedConvolution | Dense) -> None:
    if type(node.trainable) is not int or node.trainable < 0:
        raise ValueError(f"a {node.kind} node's trainable must be a whole number of at least 0, got {node.trainable!r}")


def _check_groups(groups: int, c: int, k: int) -> None:
    if c % groups or k % groups:
        raise ValueError(f"expected channels that {groups} groups divide, found {c} in, {k} out")


def _image(node: Convolution | TransposedConvolution, shapes: tuple[Shape, ...]) -> Shape:
    """Return how many images arrive, their channels, and their sizes."""
    shape = only_shape(node.kind, shapes)
    axes = 1 + len(node.kernel)
    if len(shape) not in (axes, axes + 1):
        expected = "(channels, rows, columns)" if axes == 3 else "(channels, length)"
        raise ValueError(f"expected {expected}, found {shape}")
    return shape if len(shape) > axes else (1, *shape)


def _batched(images: int, arrived: Shape, shape: Shape) -> Shape:
    """Return the output's shape, with an axis of images if the input has one."""
    return (images, *shape) if len(arrived) > len(shape) else shape


def _two(sizes: tuple[int, ...]) -> tuple[int, int]:
    """Return sizes along rows and columns; a signal is an image of one column."""
    return (sizes[0], sizes[1]) if len(sizes) == 2 else (sizes[0], 1)
