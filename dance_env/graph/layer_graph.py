"""A network as a directed acyclic graph of layers, with shapes inferred and checked as it grows."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

from dance_env.graph.layer import Layer, kind_of
from dance_env.graph.nodes import Conv, CostlyNode, Linear, Node, Shape
from dance_env.suggest import nearest


class LayerGraph:
    """Named nodes, each fed by nodes that were added before it; so the order of addition is an order of execution.

    The graph is held, not inherited: `graph.networkx` is a `networkx.DiGraph` whose nodes carry ``node`` (the settings,
    one of `dance_env.graph.nodes`), ``inputs``, ``shape`` (of the output), ``block`` and ``operator`` (which block of
    the network the node belongs to, and what was chosen there; either may be ``""``).

    `dance_env.graph.exchange` writes and reads graphs, `dance_env.drawing.graph` draws them, `dance_env.graph.to_torch` makes
    torch modules of them.

    Attributes:
        name: What the network is called, in drawings and files.
        networkx: The graph that is held. Read it freely; change it through `add`, which checks.
    """

    def __init__(self, name: str) -> None:
        import networkx as nx  # at first use: it takes longer to import than all of this package

        self.name = name
        self.networkx = nx.DiGraph(name=name)

    def add(
        self,
        name: str,
        node: Node,
        *,
        inputs: Sequence[str] = (),
        shape: Shape | None = None,
        block: str = "",
        operator: str = "",
    ) -> str:
        """Add a node behind `inputs` and return its name.

        Args:
            name: Unique within the graph.
            node: What it computes.
            inputs: Names of the nodes that feed it, already in the graph.
            shape: The output shape that the caller expects; checked against the inferred one.
            block: The block that the node belongs to.
            operator: What was chosen for that block.

        Raises:
            ValueError: If the name is taken, an input is unknown, or shapes do not suit; the message names the node,
                and what was expected and found.
        """
        if name in self.networkx:
            raise ValueError(f"layer graph {self.name!r}: there is a node {name!r} already; names must be unique")
        for each in inputs:
            if each not in self.networkx:
                raise ValueError(
                    f"layer graph {self.name!r}, node {name!r}: there is no input {each!r}. "
                    f"{nearest(each, self.networkx)}"
                )
        if len(set(inputs)) != len(inputs):
            raise ValueError(f"layer graph {self.name!r}, node {name!r}: inputs must differ, got {list(inputs)}")
        try:
            inferred = node.infer(tuple(self.shape(each) for each in inputs))
        except ValueError as error:
            raise ValueError(f"layer graph {self.name!r}, node {name!r}, fed by {list(inputs)}: {error}") from None
        if shape is not None and tuple(shape) != inferred:
            raise ValueError(
                f"layer graph {self.name!r}, node {name!r}: expected output shape {tuple(shape)}, found {inferred}"
            )
        self.networkx.add_node(name, node=node, inputs=tuple(inputs), shape=inferred, block=block, operator=operator)
        self.networkx.add_edges_from((each, name) for each in inputs)
        return name

    @classmethod
    def from_torch(cls, module: Any, example_inputs: Any, *, name: str | None = None) -> LayerGraph:
        """Return a PyTorch module as a layer graph; `dance_env.graph.importing.import_torch` gives the account, too.

        Args:
            module: A `torch.nn.Module`.
            example_inputs: A tensor, a tuple of the arguments of ``forward``, or a dict of its named arguments; batch 1.
            name: Of the graph; the class of the module by default.

        Raises:
            ValueError: If the module cannot be traced, or holds operations that no cost covers; they are listed.
        """
        return _import("import_torch", module, example_inputs, name=name)

    @classmethod
    def from_onnx(
        cls, path: str | PathLike[str], *, name: str | None = None, shapes: Mapping[str, Sequence[int]] | None = None
    ) -> LayerGraph:
        """Return the network in an ONNX file as a layer graph; `dance_env.graph.importing.import_onnx` gives the account, too.

        Args:
            path: Of the file.
            name: Of the graph; the file's by default.
            shapes: Of inputs by name, where the file does not fix them: ``{"input": (1, 3, 224, 224)}``.

        Raises:
            OSError: If the file cannot be read.
            ValueError: If it holds no model that can be imported, or operations that no cost covers; they are listed.
            ImportError: If the package onnx is not installed (extra ``onnx``).
        """
        return _import("import_onnx", path, name=name, shapes=shapes)

    # -------------------------------------------------------------------------------------------------------- contents
    @property
    def nodes(self) -> tuple[str, ...]:
        """Node names in order of execution."""
        return tuple(self.networkx)

    def node(self, name: str) -> Node:
        """Return a node's settings."""
        return self._attribute(name, "node")

    def inputs(self, name: str) -> tuple[str, ...]:
        """Return the names of the nodes that feed a node, in order."""
        return self._attribute(name, "inputs")

    def shape(self, name: str) -> Shape:
        """Return a node's output shape."""
        return self._attribute(name, "shape")

    def block(self, name: str) -> tuple[str, str]:
        """Return the block that a node belongs to, and the operator chosen there."""
        return self._attribute(name, "block"), self._attribute(name, "operator")

    @property
    def output(self) -> str:
        """The one node that feeds no other.

        Raises:
            ValueError: If there is none or more than one.
        """
        ends = [name for name, degree in self.networkx.out_degree() if degree == 0]
        if len(ends) != 1:
            raise ValueError(f"layer graph {self.name!r}: expected one output node, found {ends}")
        return ends[0]

    def layers(self) -> tuple[Layer, ...]:
        """Return the nodes that cost multiply-accumulates (convolutions, matrix products), in order of execution."""
        found = (self._layer(name) for name in self.networkx)
        return tuple(layer for layer in found if layer is not None)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image; batch norm, activation, addition and pool count none."""
        return sum(layer.macs for layer in self.layers())

    @property
    def parameters(self) -> int:
        """Trainable parameters: weights, biases, batch norm's scales and shifts."""
        return sum(self.node(name).parameters(self._input_shapes(name)) for name in self.networkx)

    # ------------------------------------------------------------------------------------------------------ comparison
    def __eq__(self, other: object) -> bool:
        """Whether names, nodes, their order and all that they carry are equal."""
        if not isinstance(other, LayerGraph):
            return NotImplemented
        mine, others = (list(each.networkx.nodes(data=True)) for each in (self, other))
        return self.name == other.name and mine == others  # the edges follow from the nodes' inputs

    __hash__ = None  # type: ignore[assignment]  # a graph can grow

    def __repr__(self) -> str:
        return f"LayerGraph({self.name!r}: {len(self.networkx)} nodes, {len(self.layers())} layers, {self.macs:,} MACs)"

    # --------------------------------------------------------------------------------------------------------- private
    def _attribute(self, name: str, attribute: str) -> Any:
        if name not in self.networkx:
            raise ValueError(f"layer graph {self.name!r}: there is no node {name!r}. {nearest(name, self.networkx)}")
        return self.networkx.nodes[name][attribute]

    def _input_shapes(self, name: str) -> tuple[Shape, ...]:
        return tuple(self.shape(each) for each in self.inputs(name))

    def _layer(self, name: str) -> Layer | None:
        node, shape = self.node(name), self.shape(name)
        if isinstance(node, CostlyNode):
            return node.layer(name, self._input_shapes(name))
        if isinstance(node, Conv):
            c = self._input_shapes(name)[0][0]
            return Layer(
                name,
                kind_of(c, node.kernel, node.groups),
                k=shape[0],
                c=c,
                p=shape[1],
                q=shape[2],
                r=node.kernel,
                s=node.kernel,
                groups=node.groups,
                stride=node.stride,
            )
        if isinstance(node, Linear):
            return Layer(name, "fc", k=node.features, c=self._input_shapes(name)[0][0], p=1, q=1, r=1, s=1)
        return None


def _import(function: str, *arguments: Any, **settings: Any) -> LayerGraph:
    """Return the graph of an import that prices everything; warn of what it approximates.

    The room is loaded here, by name: it makes layer graphs, and so imports this module.
    """
    network = getattr(importlib.import_module("dance_env.graph.importing"), function)(*arguments, **settings)
    if not network.is_complete:
        raise ValueError(
            f"{network.as_text()}\nUse dance_env.graph.importing.{function} to get the graph without a price for these"
        )
    if network.approximated:
        warnings.warn(network.as_text(), stacklevel=3)
    return network.graph
