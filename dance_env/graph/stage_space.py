"""Networks that are a row of stages of equal inverted bottlenecks, each stage with four choices of its own."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from dance_env.graph.drawable import PlacedBlock
from dance_env.graph.ends import Ends
from dance_env.graph.factored_space import GraphSpace, Piece
from dance_env.graph.layer_graph import LayerGraph
from dance_env.graph.nodes import Input
from dance_env.graph.operators import MBConv, Operator, Place, Style
from dance_env.graph.squeeze import SqueezedMBConv
from dance_env.space import Choice, DesignSpace

AXES = ("expansion", "kernel", "layers", "se")
"""The four choices of a stage, in order; the last is squeeze-and-excitation, 0 or 1."""


@dataclass(frozen=True)
class Stage:
    """One stage: some layers, the first of which changes width and size.

    Attributes:
        name: Such as ``"block1"``; its choices are named after it.
        in_channels: Channels that arrive.
        out_channels: Channels that leave.
        stride: Of the first layer.
        in_size: Rows (and columns) that arrive.
        expansions, kernels, layers: Options, ascending; squeeze-and-excitation is always 0 or 1.
    """

    name: str
    in_channels: int
    out_channels: int
    stride: int
    in_size: int
    expansions: tuple[int, ...]
    kernels: tuple[int, ...]
    layers: tuple[int, ...]

    @property
    def options(self) -> tuple[tuple[int, ...], ...]:
        """The options of the four choices, in the order of `AXES`."""
        return self.expansions, self.kernels, self.layers, (0, 1)

    @property
    def out_shape(self) -> tuple[int, int, int]:
        """(channels, rows, columns) that leave."""
        size = -(-self.in_size // self.stride)
        return (self.out_channels, size, size)

    @staticmethod
    def operator(expansion: int, kernel: int, se: int) -> Operator:
        """Return the operator of all layers of a stage, given these choices."""
        return SqueezedMBConv(expansion, kernel) if se else MBConv(expansion, kernel)

    def extend(self, graph: LayerGraph, after: str, chosen: Sequence[int], *, style: Style) -> str:
        """Add the stage's layers behind `after`; return the last node's name.

        Args:
            graph: To add to.
            after: The node whose output arrives.
            chosen: Expansion, kernel, number of layers, squeeze-and-excitation.
            style: What stands around each convolution.
        """
        expansion, kernel, layers, se = chosen
        operator = self.operator(expansion, kernel, se)
        last, channels = after, self.in_channels
        for layer in range(1, layers + 1):
            stride = self.stride if layer == 1 else 1
            place = Place(f"{self.name}/{layer}", channels, self.out_channels, stride)
            last = operator.extend(graph, last, place=place, style=style)
            channels = self.out_channels
        return last


@dataclass(frozen=True)
class StageSpace(GraphSpace):
    """Stem -> stages in a row -> head, pool, classifier. A stage has four choices: see `AXES`.

    A network is one option index for each of the ``4 x stages`` choices, named ``block1_expansion``, ``block1_kernel``...
    The layers of a stage depend on its own four choices alone.

    Attributes:
        name: The catalog's name.
        ends: Stem and head.
        stages: In order.

    Raises:
        ValueError: If a stage does not take what the one before it gives.
    """

    name: str
    ends: Ends
    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        size = -(-self.ends.image_shape[1] // self.ends.stem_stride)
        shape = (self.ends.stem_channels, size, size)
        for stage in self.stages:
            found = (stage.in_channels, stage.in_size, stage.in_size)
            if found != shape:
                raise ValueError(
                    f"network space {self.name!r}, stage {stage.name!r}: expected input shape {shape}, found {found}"
                )
            shape = stage.out_shape

    # ---------------------------------------------------------------------------------------------------------- graphs
    def graph(self, network: ArrayLike) -> LayerGraph:
        """Return the layer graph of one network, `(N,)`."""
        chosen = iter(self.check(np.asarray(network)[None])[0].tolist())
        graph = LayerGraph(self.name)
        last = self.ends.add_stem(graph)
        for stage in self.stages:
            values = [options[next(chosen)] for options in stage.options]
            last = stage.extend(graph, last, values, style=self.ends.style)
        self.ends.add_head(graph, last)
        return graph

    def placed_blocks(self) -> tuple[PlacedBlock, ...]:
        """Return where the stages stand, for drawings."""
        return tuple(
            PlacedBlock(stage.name, self._scope(index), stage.in_size, stage.out_channels)
            for index, stage in enumerate(self.stages)
        )

    def operators(self) -> tuple[Operator, ...]:
        """Return the operators of all stages, stage by stage."""
        return tuple(
            stage.operator(expansion, kernel, se)
            for stage in self.stages
            for expansion, kernel, se in itertools.product(stage.expansions, stage.kernels, (0, 1))
        )

    def built(self, block: int, options: tuple[int, ...]) -> tuple[Operator, int]:
        """Return the operator of a stage and its number of layers, given an option index of each of its four choices."""
        stage = self.stages[block]
        expansion, kernel, layers, se = (values[option] for values, option in zip(stage.options, options, strict=True))
        return stage.operator(expansion, kernel, se), layers

    # --------------------------------------------------------------------------------------------------------- private
    @cached_property
    def _space(self) -> DesignSpace:
        return DesignSpace(
            tuple(
                Choice(f"{stage.name}_{axis}", options, "network", "ordinal")
                for stage in self.stages
                for axis, options in zip(AXES, stage.options, strict=True)
            )
        )

    @staticmethod
    def _scope(stage: int) -> tuple[int, ...]:
        return tuple(range(4 * stage, 4 * stage + 4))

    @cached_property
    def _fixed(self) -> tuple[LayerGraph, ...]:
        stem, head = LayerGraph(f"{self.name}, stem"), LayerGraph(f"{self.name}, head")
        self.ends.add_stem(stem)
        self.ends.add_head(head, head.add("input", Input(*self.stages[-1].out_shape), block="input"))
        return stem, head

    @cached_property
    def _pieces(self) -> tuple[Piece, ...]:
        """One for each stage, over its four choices."""
        return tuple(
            Piece(
                self._scope(index),
                tuple((self._fragment(stage, chosen),) for chosen in itertools.product(*stage.options)),
            )
            for index, stage in enumerate(self.stages)
        )

    def _fragment(self, stage: Stage, chosen: tuple[int, ...]) -> LayerGraph:
        graph = LayerGraph(f"{self.name}, {stage.name}, {chosen}")
        image = graph.add("input", Input(stage.in_channels, stage.in_size, stage.in_size), block="input")
        stage.extend(graph, image, chosen, style=self.ends.style)
        return graph
