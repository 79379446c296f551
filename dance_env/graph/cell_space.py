"""Networks that repeat one cell: a small graph whose edges are chosen (NAS-Bench-201)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import ArrayLike

from dance_env.graph.factored_space import GraphSpace, Piece
from dance_env.graph.layer_graph import LayerGraph
from dance_env.graph.nodes import (
    Activation,
    Add,
    BatchNorm,
    Conv,
    GlobalPool,
    Input,
    Linear,
    MeanPool,
    Node,
    Skip,
    Zero,
)
from dance_env.graph.operators import PLAIN, add_conv
from dance_env.space import Choice, DesignSpace

CELL_OPERATORS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""What an edge can be, in the order of NAS-Bench-201: zeros, the input, ReLU-convolution-batch norm, mean pooling."""

NODES = 4
EDGES = tuple((start, end) for end in range(1, NODES) for start in range(end))
"""The cell's edges, in the order of NAS-Bench-201's text for a network: by the node where they end."""

_Build = Callable[[LayerGraph, str], object]


@dataclass(frozen=True)
class CellSpace(GraphSpace):
    """Stem -> stages of equal cells, with a residual block of stride 2 between stages -> head (Dong and Yang, ICLR 2020).

    A cell has 4 nodes. Node 0 is its input, node 3 its output; a node is the sum of the edges from all nodes before it, so
    that there are 6 edges, the choices ``edge01``, ``edge02``, ``edge12``, ``edge03``, ``edge13``, ``edge23``, with the
    options `CELL_OPERATORS`. All cells of a network are the same, each on its stage's channels.

    The layers of an edge depend on its own choice alone. An edge that no path leads on to the output is counted as well, as
    NAS-Bench-201 counts it. Pooling, additions and batch norms cost nothing in the cost model.

    Attributes:
        name: The catalog's name.
        image_shape: (channels, rows, columns) of an image; square.
        num_classes: Outputs.
        channels: Of each stage.
        cells: Of each stage.

    Raises:
        ValueError: If a number is below 1, or the image is not square.
    """

    name: str
    image_shape: tuple[int, int, int]
    num_classes: int
    channels: tuple[int, ...] = (16, 32, 64)
    cells: int = 5

    def __post_init__(self) -> None:
        if self.image_shape[1] != self.image_shape[2]:
            raise ValueError(f"network space {self.name!r}: images must be square, got {self.image_shape}")
        if not self.channels or min(*self.channels, self.cells, self.num_classes, *self.image_shape) < 1:
            raise ValueError(f"network space {self.name!r}: all numbers must be at least 1, got {self}")

    # ---------------------------------------------------------------------------------------------------------- graphs
    def graph(self, network: ArrayLike) -> LayerGraph:
        """Return the layer graph of one network, `(N,)`."""
        chosen = self.check(np.asarray(network)[None])[0].tolist()
        graph = LayerGraph(self.name)
        last = self._add_stem(graph)
        for stage in range(len(self.channels)):
            if stage:
                last = self._add_reduction(graph, last, stage)
            for cell in range(self.cells):
                last = self._add_cell(graph, last, _cell_name(stage, cell), chosen)
        self._add_head(graph, last)
        return graph

    # --------------------------------------------------------------------------------------------------------- private
    @cached_property
    def _space(self) -> DesignSpace:
        return DesignSpace(
            tuple(Choice(f"edge{start}{end}", CELL_OPERATORS, "network", "nominal") for start, end in EDGES)
        )

    def _size(self, stage: int) -> int:
        size = self.image_shape[1]
        for _ in range(stage):
            size = -(-size // 2)
        return size

    def _add_stem(self, graph: LayerGraph) -> str:
        image = graph.add("input", Input(*self.image_shape), block="input")
        return add_conv(graph, "stem", after=image, conv=Conv(self.channels[0], 3), block="stem", activate=False)

    def _add_reduction(self, graph: LayerGraph, after: str, stage: int) -> str:
        """Add the residual block before a stage: two 3x3 convolutions, and a mean pool and a 1x1 convolution beside them."""
        block, channels = f"reduction{stage}", self.channels[stage]
        first = _add_nor_conv(graph, after, f"{block}.conv1", Conv(channels, 3, 2), block)
        second = _add_nor_conv(graph, first, f"{block}.conv2", Conv(channels, 3), block)
        pooled = graph.add(f"{block}.pool", MeanPool(2, 2), inputs=(after,), block=block)
        resized = graph.add(f"{block}.resize", Conv(channels, 1), inputs=(pooled,), block=block)
        return graph.add(f"{block}.add", Add(), inputs=(resized, second), block=block)

    def _add_cell(self, graph: LayerGraph, after: str, name: str, chosen: list[int]) -> str:
        nodes = [after]
        for end in range(1, NODES):
            arriving = [
                _add_edge(graph, nodes[start], f"{name}.edge{start}{end}", CELL_OPERATORS[chosen[edge]], block=name)
                for edge, (start, to) in enumerate(EDGES)
                if to == end
            ]
            if len(arriving) == 1:
                nodes.append(arriving[0])
            else:
                nodes.append(graph.add(f"{name}.node{end}", Add(), inputs=tuple(arriving), block=name))
        return nodes[-1]

    def _add_head(self, graph: LayerGraph, after: str) -> None:
        last = graph.add("head.norm", BatchNorm(PLAIN.batch_norm_eps), inputs=(after,), block="head")
        last = graph.add("head.act", Activation("relu"), inputs=(last,), block="head")
        last = graph.add("pool", GlobalPool(), inputs=(last,), block="pool")
        graph.add("fc", Linear(self.num_classes), inputs=(last,), shape=(self.num_classes,), block="fc")

    @cached_property
    def _fixed(self) -> tuple[LayerGraph, ...]:
        stem = LayerGraph(f"{self.name}, stem")
        self._add_stem(stem)
        reductions = [
            self._piece(stage - 1, partial(self._add_reduction, stage=stage)) for stage in range(1, len(self.channels))
        ]
        return (stem, *reductions, self._piece(len(self.channels) - 1, self._add_head))

    def _piece(self, stage: int, build: _Build) -> LayerGraph:
        """Return a graph of its own of what stands behind a stage's output."""
        graph, size = LayerGraph(f"{self.name}, a piece"), self._size(stage)
        build(graph, graph.add("input", Input(self.channels[stage], size, size), block="input"))
        return graph

    @cached_property
    def _pieces(self) -> tuple[Piece, ...]:
        """One for each edge, with its graphs in all cells."""
        return tuple(
            Piece((edge,), tuple(tuple(self._edge_graphs(f"edge{start}{end}", each)) for each in CELL_OPERATORS))
            for edge, (start, end) in enumerate(EDGES)
        )

    def _edge_graphs(self, edge: str, operator: str) -> list[LayerGraph]:
        places = itertools.product(range(len(self.channels)), range(self.cells))
        names = [(stage, f"{_cell_name(stage, cell)}.{edge}") for stage, cell in places]
        return [
            self._piece(stage, partial(_add_edge, name=name, operator=operator, block="cell")) for stage, name in names
        ]


def _cell_name(stage: int, cell: int) -> str:
    return f"stage{stage + 1}/cell{cell + 1}"


def _add_nor_conv(graph: LayerGraph, after: str, name: str, conv: Conv, block: str, operator: str = "") -> str:
    """Add ReLU, a convolution and batch norm."""
    last = graph.add(f"{name}.act", Activation("relu"), inputs=(after,), block=block, operator=operator)
    return add_conv(graph, name, after=last, conv=conv, block=block, operator=operator, activate=False)


def _add_edge(graph: LayerGraph, after: str, name: str, operator: str, *, block: str) -> str:
    channels = graph.shape(after)[0]
    if operator in ("nor_conv_1x1", "nor_conv_3x3"):
        kernel = 1 if operator == "nor_conv_1x1" else 3
        return _add_nor_conv(graph, after, name, Conv(channels, kernel), block, operator)
    nodes: dict[str, Node] = {"none": Zero(), "skip_connect": Skip(), "avg_pool_3x3": MeanPool(3)}
    return graph.add(name, nodes[operator], inputs=(after,), block=block, operator=operator)
