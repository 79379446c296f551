"""Networks as they are written on a command line: a file of one, or a network of a space, with a weight behind a colon."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dance_env.analysis.hardware import NetworkUse
from dance_env.graph import LayerGraph
from dance_env.graph.importing import ImportedNetwork, load_network
from dance_env.graph.networks import NETWORKS, network_space

SOURCES = (
    "model.onnx, path/to/file.py:function (a torch module), graph.json, or a network of a space: "
    "macro-cifar10:2,2,2,1,2,2,0,2"
)


@dataclass(frozen=True, eq=False)
class GivenNetwork:
    """A network that was given on the command line.

    Attributes:
        source: As it was written.
        graph: The network.
        use: The network, with its weight.
        unpriced: Says which share of the multiply-accumulates no cost covers; "" where all are covered.
        account: What the import made of each operation, as text; "" for a network of a space.
        account_data: The same as plain data.
    """

    source: str
    graph: LayerGraph
    use: NetworkUse
    unpriced: str = ""
    account: str = ""
    account_data: Mapping[str, Any] | None = None


def given_network(text: str, shapes: Mapping[str, Sequence[int]] | None = None) -> GivenNetwork:
    """Load what a text such as "model.onnx:2" names; the number behind the last colon is the weight.

    Args:
        text: The network.
        shapes: Of an ONNX file's inputs by name, where the file does not fix them; other networks do not look at them.

    Raises:
        OSError, ValueError, ImportError: If there is no such network, or it cannot be read; the message says why.
    """
    source, weight = split_weight(text)
    name, colon, options = source.partition(":")
    if name in NETWORKS:
        graph = _of_space(name, options if colon else None)
        return GivenNetwork(text, graph, NetworkUse.of(graph, weight))
    imported = load_network(source, shapes=shapes if source.endswith(".onnx") else None)
    if not imported.layers and imported.unsupported:
        raise ValueError(f"no layer of this network can be priced. {imported.as_text()}")
    use = NetworkUse.of(imported.graph, weight)
    return GivenNetwork(text, imported.graph, use, _unpriced(imported), imported.as_text(), imported.as_dict())


def _unpriced(imported: ImportedNetwork) -> str:
    if imported.is_complete:
        return ""
    share, number = imported.share(imported.unsupported), len(imported.unsupported)
    part = "an unknown share" if share is None else f"{share:.2%}"
    return f"{number} unsupported operations, {part} of the MACs, are in none of these costs (see below)"


def parse_shape(text: str) -> tuple[str, tuple[int, ...]]:
    """Return the name and the shape of an input that a text such as "image=1,3,224,224" means.

    Raises:
        ArgumentTypeError: If the text is no shape.
    """
    name, sign, sizes = text.rpartition("=")
    try:
        shape = tuple(int(size) for size in sizes.split(","))
    except ValueError:
        shape = ()
    if not (sign and name and shape) or min(shape) < 1:
        raise argparse.ArgumentTypeError(f"give INPUT=SIZES, such as image=1,3,224,224, not {text!r}")
    return name, shape


def split_weight(text: str) -> tuple[str, float]:
    """Return a source and its weight: "a.onnx:2" -> ("a.onnx", 2.0); without a number behind the last colon, 1.

    Raises:
        ValueError: If the weight is not a positive finite number.
    """
    source, colon, last = text.rpartition(":")
    try:
        weight = float(last)
    except ValueError:
        return text, 1.0
    if not colon or source in NETWORKS:  # the options of a network of a space, such as "tiny:0"
        return text, 1.0
    if not (math.isfinite(weight) and weight > 0):
        raise ValueError(f"{text}: the weight behind the last colon must be a positive finite number, got {last}")
    return source, weight


def _of_space(name: str, options: str | None) -> LayerGraph:
    """Return a network of a space of the catalog, from its option indices."""
    space = network_space(name)
    counts = [len(choice) for choice in space.choices()]
    example = f"{name}:{','.join('0' for _ in counts)}"
    if not options:
        raise ValueError(
            f"{name} is a space of {space.size:,} networks: name one by its option indices, such as {example}"
        )
    try:
        indices = np.array([[int(each) for each in options.split(",")]], dtype=np.int64)
    except ValueError:
        raise ValueError(f"{name}: option indices are whole numbers, such as {example}; got {options!r}") from None
    if indices.shape[1] != len(counts):
        raise ValueError(f"{name} has {len(counts)} choices, such as {example}; got {indices.shape[1]} option indices")
    return space.graph(space.check(indices)[0])  # type: ignore[attr-defined]  # every space of the catalog has graphs
