"""What a block of a network can be: an inverted bottleneck (MBConv), an identity, or nothing (zero).

An operator adds its nodes to a layer graph; layers, multiply-accumulates and parameters are read off the graph, so that
no count is written twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from dance_env.graph.layer_graph import LayerGraph
from dance_env.graph.nodes import Activation, Add, BatchNorm, Conv, Skip
from dance_env.suggest import nearest

_MBCONV_NAME = re.compile(r"mb([1-9]\d*)_k([1-9]\d*)")


@dataclass(frozen=True)
class Style:
    """What stands around each convolution of a network.

    Attributes:
        activation: NAS-Bench-Macro uses ``"relu"``, ProxylessNAS ``"relu6"``.
        batch_norm_eps: torch's default is 1e-5, ProxylessNAS sets 1e-3.
    """

    activation: Literal["relu", "relu6"] = "relu"
    batch_norm_eps: float = 1e-5


PLAIN = Style()
"""NAS-Bench-Macro's."""

PROXYLESS = Style(activation="relu6", batch_norm_eps=1e-3)
"""ProxylessNAS's (its public search code)."""


@dataclass(frozen=True)
class Place:
    """Where an operator goes.

    Attributes:
        block: The block's name; an operator's nodes start with it, as in ``"block3.expand"``.
        in_channels: Channels that arrive.
        out_channels: Channels that must leave.
        stride: 1, or 2 where rows and columns are halved (rounded up).
    """

    block: str
    in_channels: int
    out_channels: int
    stride: int

    @property
    def keeps_shape(self) -> bool:
        """Whether input and output have the same shape."""
        return self.stride == 1 and self.in_channels == self.out_channels


@runtime_checkable
class Operator(Protocol):
    """A frozen value that can stand in a block; equal values build equal nodes."""

    @property
    def name(self) -> str:
        """The option's name, such as ``"mb6_k5"``."""

    def why_not(self, place: Place) -> str | None:
        """Return why the operator may not stand there, as part of a sentence; None where it may."""

    def extend(self, graph: LayerGraph, after: str, *, place: Place, style: Style) -> str:
        """Add the operator's nodes behind `after`, and return the name of the last node.

        Args:
            graph: To add to: `graph.add(name, node, inputs=(...), block=..., operator=...)`, or `add_conv` for a
                convolution with batch norm and activation.
            after: The node whose output arrives.
            place: Widths and stride; the last node's output must have `place.out_channels` channels.
            style: What stands around each convolution; `add_conv` takes it.
        """


@dataclass(frozen=True)
class MBConv:
    """Inverted bottleneck: 1x1 expand (none for expansion 1), depthwise, linear 1x1 project; residual if shape is kept.

    Batch norm follows each convolution, an activation the first two: MobileNetV2 (arXiv 1801.04381), as NAS-Bench-Macro
    and ProxylessNAS build it.
    """

    expansion: int
    kernel: int

    def __post_init__(self) -> None:
        if self.kernel % 2 == 0:
            raise ValueError(f"operator {self.name!r}: the kernel must be odd, got {self.kernel}")

    @property
    def name(self) -> str:
        return f"mb{self.expansion}_k{self.kernel}"

    def why_not(self, place: Place) -> str | None:
        return None

    def extend(self, graph: LayerGraph, after: str, *, place: Place, style: Style) -> str:
        block, inner = place.block, place.in_channels * self.expansion
        tags: dict[str, Any] = {"block": block, "operator": self.name, "style": style}
        depthwise = Conv(inner, self.kernel, place.stride, groups=inner)
        last = after
        if self.expansion > 1:
            last = add_conv(graph, f"{block}.expand", after=last, conv=Conv(inner, 1), **tags)
        last = add_conv(graph, f"{block}.depthwise", after=last, conv=depthwise, **tags)
        last = add_conv(graph, f"{block}.project", after=last, conv=Conv(place.out_channels, 1), activate=False, **tags)
        if place.keeps_shape:
            last = graph.add(f"{block}.add", Add(), inputs=(after, last), block=block, operator=self.name)
        return last


@dataclass(frozen=True)
class Identity:
    """Nothing where the shape is kept; a strided 1x1 convolution and batch norm where it changes (NAS-Bench-Macro)."""

    @property
    def name(self) -> str:
        return "identity"

    def why_not(self, place: Place) -> str | None:
        return None

    def extend(self, graph: LayerGraph, after: str, *, place: Place, style: Style) -> str:
        if place.keeps_shape:
            return graph.add(f"{place.block}.skip", Skip(), inputs=(after,), block=place.block, operator=self.name)
        return add_conv(
            graph,
            f"{place.block}.resize",
            after=after,
            conv=Conv(place.out_channels, 1, place.stride),
            block=place.block,
            operator=self.name,
            style=style,
            activate=False,
        )


@dataclass(frozen=True)
class Zero:
    """No block at all: zero plus the residual connection is the input (ProxylessNAS). Only where the shape is kept."""

    @property
    def name(self) -> str:
        return "zero"

    def why_not(self, place: Place) -> str | None:
        return None if place.keeps_shape else "it needs stride 1 and equal widths"

    def extend(self, graph: LayerGraph, after: str, *, place: Place, style: Style) -> str:
        return graph.add(f"{place.block}.skip", Skip(), inputs=(after,), block=place.block, operator=self.name)


def operator(name: str) -> Operator:
    """Return the operator of this name: ``"identity"``, ``"zero"``, or ``"mb<expansion>_k<kernel>"``.

    Raises:
        ValueError: If there is none; the nearest names are offered.
    """
    if name == "identity":
        return Identity()
    if name == "zero":
        return Zero()
    found = _MBCONV_NAME.fullmatch(name)
    if found is None:
        known = ("identity", "zero", *(f"mb{expansion}_k{kernel}" for expansion in (1, 3, 6) for kernel in (3, 5, 7)))
        raise ValueError(
            f"there is no operator {name!r} (inverted bottlenecks are 'mb<expansion>_k<kernel>'). "
            f"{nearest(name, known)}"
        )
    return MBConv(expansion=int(found[1]), kernel=int(found[2]))


def add_conv(
    graph: LayerGraph,
    name: str,
    *,
    after: str,
    conv: Conv,
    block: str,
    operator: str = "",
    style: Style = PLAIN,
    activate: bool = True,
) -> str:
    """Add convolution, batch norm and (if `activate`) activation behind `after`; return the last node's name."""
    last = graph.add(name, conv, inputs=(after,), block=block, operator=operator)
    last = graph.add(f"{name}.norm", BatchNorm(style.batch_norm_eps), inputs=(last,), block=block, operator=operator)
    if activate:
        last = graph.add(f"{name}.act", Activation(style.activation), inputs=(last,), block=block, operator=operator)
    return last
