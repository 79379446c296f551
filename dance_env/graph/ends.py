"""What stands before and behind the searched part of an image network: stem, head, classifier."""

from __future__ import annotations

from dataclasses import dataclass

from dance_env.graph.layer_graph import LayerGraph
from dance_env.graph.nodes import Conv, GlobalPool, Input, Linear
from dance_env.graph.operators import PLAIN, Style, add_conv


@dataclass(frozen=True)
class Ends:
    """3x3 stem convolution -> ... -> 1x1 head convolution -> global average pool -> fully connected.

    Attributes:
        image_shape: (channels, rows, columns) of an image.
        num_classes: Outputs.
        stem_channels: Output channels of the stem.
        stem_stride: Its stride.
        head_channels: Output channels of the head convolution.
        style: What stands around each convolution.
    """

    image_shape: tuple[int, int, int]
    num_classes: int
    stem_channels: int
    stem_stride: int
    head_channels: int
    style: Style = PLAIN

    def add_stem(self, graph: LayerGraph) -> str:
        """Add image and stem; return the last node's name."""
        image = graph.add("input", Input(*self.image_shape), block="input")
        conv = Conv(self.stem_channels, 3, self.stem_stride)
        return add_conv(graph, "stem", after=image, conv=conv, block="stem", style=self.style)

    def add_head(self, graph: LayerGraph, after: str) -> None:
        """Add head, pool and classifier behind `after`."""
        conv = Conv(self.head_channels, 1)
        last = add_conv(graph, "head", after=after, conv=conv, block="head", style=self.style)
        last = graph.add("pool", GlobalPool(), inputs=(last,), block="pool")
        graph.add("fc", Linear(self.num_classes), inputs=(last,), shape=(self.num_classes,), block="fc")
