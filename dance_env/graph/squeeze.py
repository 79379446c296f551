"""Inverted bottlenecks with squeeze-and-excitation, as MnasNet and EfficientNet use them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from dance_env.graph.layer_graph import LayerGraph
from dance_env.graph.nodes import Activation, Add, Conv, GlobalPool, Linear, Scale
from dance_env.graph.operators import Place, Style, add_conv

SQUEEZE = 4
"""The squeezed vector has a quarter of the channels that arrive at the layer (EfficientNet, arXiv 1905.11946)."""


_NAME = re.compile(r"mb([1-9]\d*)_k([1-9]\d*)_se")


@dataclass(frozen=True)
class SqueezedMBConv:
    """Inverted bottleneck (see `MBConv`) whose expanded channels are weighted by squeeze-and-excitation.

    The weights are pooled channels -> fully connected, a quarter of the arriving channels -> ReLU -> fully connected ->
    hard sigmoid (Hu et al., arXiv 1709.01507). On pooled channels a 1x1 convolution with bias is a fully connected layer.
    """

    expansion: int
    kernel: int

    def __post_init__(self) -> None:
        if self.kernel % 2 == 0:
            raise ValueError(f"operator {self.name!r}: the kernel must be odd, got {self.kernel}")

    @property
    def name(self) -> str:
        """The option's name."""
        return f"mb{self.expansion}_k{self.kernel}_se"

    def why_not(self, place: Place) -> str | None:
        """Return why it may not stand there; None where it may."""
        return None if place.in_channels >= SQUEEZE else f"it needs at least {SQUEEZE} channels"

    def extend(self, graph: LayerGraph, after: str, *, place: Place, style: Style) -> str:
        """Add the nodes behind `after`, and return the name of the last one."""
        block, inner = place.block, place.in_channels * self.expansion
        tags: dict[str, Any] = {"block": block, "operator": self.name}
        last = after
        if self.expansion > 1:
            last = add_conv(graph, f"{block}.expand", after=last, conv=Conv(inner, 1), style=style, **tags)
        depthwise = Conv(inner, self.kernel, place.stride, groups=inner)
        last = image = add_conv(graph, f"{block}.depthwise", after=last, conv=depthwise, style=style, **tags)
        for name, node in (
            ("se.pool", GlobalPool()),
            ("se.squeeze", Linear(place.in_channels // SQUEEZE)),
            ("se.act", Activation("relu")),
            ("se.excite", Linear(inner)),
            ("se.gate", Activation("hard_sigmoid")),
        ):
            last = graph.add(f"{block}.{name}", node, inputs=(last,), **tags)
        last = graph.add(f"{block}.se.scale", Scale(), inputs=(image, last), **tags)
        project = Conv(place.out_channels, 1)
        last = add_conv(graph, f"{block}.project", after=last, conv=project, activate=False, style=style, **tags)
        if place.keeps_shape:
            last = graph.add(f"{block}.add", Add(), inputs=(after, last), **tags)
        return last


def squeezed_operator(name: str) -> SqueezedMBConv | None:
    """Return the operator of this name, ``"mb<expansion>_k<kernel>_se"``; None for any other name."""
    found = _NAME.fullmatch(name)
    return None if found is None else SqueezedMBConv(int(found[1]), int(found[2]))
