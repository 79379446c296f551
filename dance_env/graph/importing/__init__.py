"""Networks of other frameworks as layer graphs.

- `network`: `ImportedNetwork`, a graph and the account of what is free, approximated or unsupported.
- `torch_import`: modules of PyTorch; `torch_program` traces them, `torch_operators` says what each operator becomes,
  `torch_call` reads one call. These four import torch, when they are first used.
- `onnx_import`: ONNX files; `onnx_file` reads them as untrusted data, `onnx_shapes` finds shapes that onnx leaves open,
  `onnx_operators` says what each operator becomes, `onnx_call` reads one node. The package onnx is imported at first use.
- `sources`: `load_network`, of what a user names on the command line.
- `builder`: the graph under construction; `operations`, `einsum`: layers and other nodes, whatever the format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from dance_env.graph.importing.network import Finding, ImportedNetwork
from dance_env.graph.importing.sources import load_network

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Finding", "ImportedNetwork", "import_onnx", "import_torch", "load_network"]


def import_torch(module: nn.Module, example_inputs: Any, *, name: str | None = None) -> ImportedNetwork:
    """Return a PyTorch module as a layer graph, for inputs of the shapes of the examples.

    The module is traced in evaluation mode; it is left as it was. Each operator becomes a node, named after the module that
    runs it.

    Args:
        module: The network. Its weights may be on the ``meta`` device: only shapes are read.
        example_inputs: A tensor, a tuple of the arguments of ``forward``, or a dict of its named arguments. The first
            axis is the batch, and must be 1.
        name: Of the graph; the class of the module by default.

    Raises:
        ValueError: If the module cannot be traced, or the batch is not 1; the message says why.
    """
    from dance_env.graph.importing.torch_import import import_module

    return import_module(module, example_inputs, name=name)


def import_onnx(
    path: str | PathLike[str], *, name: str | None = None, shapes: Mapping[str, Sequence[int]] | None = None
) -> ImportedNetwork:
    """Return the network in an ONNX file as a layer graph.

    Weights are not read, and no file but the named one is opened. Parameters are the file's constants of more than one element
    that are not whole numbers and that an operator holds as weights: ONNX does not tell them from other constants.

    Args:
        path: Of the file.
        name: Of the graph; the file's by default.
        shapes: Of inputs by name, the batch of 1 included, such as ``{"input": (1, 3, 224, 224)}``: needed where the file has
            symbols in their place. A symbolic batch is set to 1, and noted.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no model that can be imported; the message says why and what to do.
        ImportError: If the package onnx is not installed (extra ``onnx``).
    """
    from dance_env.graph.importing.onnx_import import import_file

    return import_file(fspath(path), name=name, shapes=shapes)
