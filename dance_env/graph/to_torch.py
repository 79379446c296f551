"""Layer graphs as torch modules, ready to train. Importing this module imports torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

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
    Scale,
    Skip,
    Zero,
)
from dance_env.graph.token_modules import AttendedValues, AttentionScores, Last, TiedScores
from dance_env.graph.token_nodes import (
    Embedding,
    Hidden,
    LastToken,
    LayerNorm,
    Project,
    Scores,
    Softmax,
    Tokens,
    TokenScores,
    WeightedValues,
)


def build(graph: LayerGraph) -> NetworkModule:
    """A torch module that computes what the graph says, freshly initialized from torch's global generator.

    Args:
        graph: With one input and one output node.

    Returns:
        A module from images ``(batch, channels, rows, columns)`` to the output node's values, ``(batch, classes)`` for
        the image networks of the catalog; from tokens ``(batch, tokens)`` int64 to the next token's scores ``(batch, 1,
        vocabulary)`` for its language models.

    Raises:
        ValueError: If the graph has not exactly one input and one output node, or it is of a decode step, whose cache a
            graph does not hold.
    """
    return NetworkModule(graph)


class NetworkModule(nn.Module):
    """A layer graph as a torch module; its submodules are `layers[module_name(node name)]`."""

    def __init__(self, graph: LayerGraph) -> None:
        super().__init__()
        inputs = [name for name in graph.nodes if isinstance(graph.node(name), Input | Tokens | Hidden)]
        if len(inputs) != 1:
            raise ValueError(
                f"layer graph {graph.name!r}: expected one input node (images, tokens or activations), found {inputs}. "
                "Of a network that was imported, use the module or the file that it was imported from"
            )
        self.image_shape = graph.shape(inputs[0])
        self._image, self._output = inputs[0], graph.output
        self._steps = tuple(
            (name, module_name(name), graph.inputs(name)) for name in graph.nodes if name != self._image
        )
        self.layers = nn.ModuleDict({key: _module(graph, name) for name, key, _ in self._steps})
        if len(self.layers) != len(self._steps):
            raise ValueError(
                f"layer graph {graph.name!r}: node names must differ in more than '.' and '/', and in more than a '_' behind "
                "the name of a member of torch.nn.ModuleDict"
            )
        tables = [module for module in self.layers.values() if isinstance(module, nn.Embedding)]
        for module in self.layers.values():
            if isinstance(module, TiedScores) and tables:
                module.tie(tables[0])

    def forward(self, images: Tensor) -> Tensor:
        """Return the output for a batch of images or tokens."""
        if tuple(images.shape[1:]) != self.image_shape:
            expected = ("batch", *self.image_shape)
            what = {1: "tokens", 2: "activations"}.get(len(self.image_shape), "images")
            raise ValueError(f"expected {what} of shape {expected}, got {tuple(images.shape)}")
        values = {self._image: images}
        for name, key, inputs in self._steps:
            values[name] = self.layers[key](*(values[each] for each in inputs))
        return values[self._output]


class ScaledChannels(nn.Module):
    """Images times one number for each channel."""

    def forward(self, images: Tensor, factors: Tensor) -> Tensor:
        """Return (batch, channels, rows, columns) times (batch, channels)."""
        return images * factors[:, :, None, None]


class Sum(nn.Module):
    """The sum of its inputs."""

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        """`first` plus all others."""
        for other in others:
            first = first + other
        return first


class Zeros(nn.Module):
    """Zeros of the input's shape, with a gradient of zero, as in NAS-Bench-201."""

    def forward(self, images: Tensor) -> Tensor:
        """The zeros."""
        return images.mul(0.0)


class SpatialMean(nn.Module):
    """The mean over rows and columns: (batch, channels, rows, columns) to (batch, channels)."""

    def forward(self, images: Tensor) -> Tensor:
        """The means."""
        return torch.mean(images, dim=(2, 3))


_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "gelu": nn.GELU,
    "hard_sigmoid": nn.Hardsigmoid,
}


_WITHOUT_SETTINGS: dict[type, type[nn.Module]] = {
    Scale: ScaledChannels,
    Skip: nn.Identity,
    Add: Sum,
    Zero: Zeros,
    GlobalPool: SpatialMean,
}


_RESERVED = frozenset(dir(nn.ModuleDict()))  # torch forbids submodules of these names


def module_name(name: str) -> str:
    """Return the name of a node's submodule: dots are slashes, and `values`, `forward` and the like end in `_`."""
    key = name.replace(".", "/")  # torch forbids dots in submodule names
    return f"{key}_" if key in _RESERVED else key


def _module(graph: LayerGraph, name: str) -> nn.Module:
    node: Node = graph.node(name)
    arriving = graph.shape(graph.inputs(name)[0])[0]
    on_tokens = _token_module(graph, name)
    if on_tokens is not None:
        return on_tokens
    if type(node) in _WITHOUT_SETTINGS:
        return _WITHOUT_SETTINGS[type(node)]()
    match node:
        case Conv():
            padding = (node.kernel - 1) // 2
            return nn.Conv2d(arriving, node.channels, node.kernel, node.stride, padding, groups=node.groups, bias=False)
        case BatchNorm():
            return nn.BatchNorm2d(arriving, eps=node.eps)
        case Activation():
            return _ACTIVATIONS[node.function]()
        case MeanPool():
            padding = (node.kernel - 1) // 2
            return nn.AvgPool2d(node.kernel, node.stride, padding, count_include_pad=False)
        case Linear():
            return nn.Linear(arriving, node.features)
    raise ValueError(
        f"layer graph {graph.name!r}, node {name!r}: no torch module is known for {node!r}. Of a network "
        "that was imported, use the module or the file that it was imported from"
    )


def _token_module(graph: LayerGraph, name: str) -> nn.Module | None:
    """The module of a node on tokens; None for any other."""
    node: Node = graph.node(name)
    features = graph.shape(graph.inputs(name)[0])[-1]
    match node:
        case Embedding():
            return nn.Embedding(node.vocabulary, node.features)
        case LayerNorm():
            return nn.LayerNorm(features, eps=node.eps)
        case Project():
            return nn.Linear(features, node.features, bias=node.bias)
        case Scores():
            if node.cached is not None:
                raise ValueError(
                    f"layer graph {graph.name!r}, node {name!r}: a decode step reads a cache that a graph does not hold; "
                    "build the network's prefill"
                )
            return AttentionScores(node.heads)
        case Softmax():
            return nn.Softmax(dim=-1)
        case WeightedValues():
            return AttendedValues()
        case LastToken():
            return Last()
        case TokenScores():
            return TiedScores()
    return None
