"""Layer graphs as torch modules, ready to train. Importing this module imports torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dance_env.graph.layer_graph import LayerGraph
from dance_env.graph.nodes import Activation, Add, BatchNorm, Conv, GlobalPool, Input, Linear, Node, Skip


def build(graph: LayerGraph) -> NetworkModule:
    """A torch module that computes what the graph says, freshly initialized from torch's global generator.

    Args:
        graph: With one input and one output node.

    Returns:
        A module from images ``(batch, channels, rows, columns)`` to the output node's values, ``(batch, classes)`` for
        the networks of the catalog.

    Raises:
        ValueError: If the graph has not exactly one input and one output node.
    """
    return NetworkModule(graph)


class NetworkModule(nn.Module):
    """A layer graph as a torch module; its submodules are `layers[node name with / for .]`."""

    def __init__(self, graph: LayerGraph) -> None:
        super().__init__()
        inputs = [name for name in graph.nodes if isinstance(graph.node(name), Input)]
        if len(inputs) != 1:
            raise ValueError(f"layer graph {graph.name!r}: expected one input node, found {inputs}")
        self.image_shape = graph.shape(inputs[0])
        self._image, self._output = inputs[0], graph.output
        self._steps = tuple((name, _key(name), graph.inputs(name)) for name in graph.nodes if name != self._image)
        self.layers = nn.ModuleDict({key: _module(graph, name) for name, key, _ in self._steps})
        if len(self.layers) != len(self._steps):
            raise ValueError(f"layer graph {graph.name!r}: node names must differ in more than '.' and '/'")

    def forward(self, images: Tensor) -> Tensor:
        """The output for a batch of images."""
        if tuple(images.shape[1:]) != self.image_shape:
            expected = ("batch", *self.image_shape)
            raise ValueError(f"expected images of shape {expected}, got {tuple(images.shape)}")
        values = {self._image: images}
        for name, key, inputs in self._steps:
            values[name] = self.layers[key](*(values[each] for each in inputs))
        return values[self._output]


class Sum(nn.Module):
    """The sum of its inputs."""

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        """`first` plus all others."""
        for other in others:
            first = first + other
        return first


class SpatialMean(nn.Module):
    """The mean over rows and columns: (batch, channels, rows, columns) to (batch, channels)."""

    def forward(self, images: Tensor) -> Tensor:
        """The means."""
        return torch.mean(images, dim=(2, 3))


def _key(name: str) -> str:
    return name.replace(".", "/")  # torch forbids dots in submodule names


def _module(graph: LayerGraph, name: str) -> nn.Module:
    node: Node = graph.node(name)
    arriving = graph.shape(graph.inputs(name)[0])[0]
    match node:
        case Conv():
            padding = (node.kernel - 1) // 2
            return nn.Conv2d(arriving, node.channels, node.kernel, node.stride, padding, groups=node.groups, bias=False)
        case BatchNorm():
            return nn.BatchNorm2d(arriving, eps=node.eps)
        case Activation():
            return nn.ReLU6() if node.function == "relu6" else nn.ReLU()
        case Skip():
            return nn.Identity()
        case Add():
            return Sum()
        case GlobalPool():
            return SpatialMean()
        case Linear():
            return nn.Linear(arriving, node.features)
    raise ValueError(f"layer graph {graph.name!r}, node {name!r}: no torch module is known for {node!r}")
