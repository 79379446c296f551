"""A network by what a user calls it: an ONNX file, a file of a layer graph, or a function in a Python file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dance_env.from_file import is_in_file, load_from_file, naming_the_line
from dance_env.graph.exchange import load_graph
from dance_env.graph.importing.network import ImportedNetwork
from dance_env.graph.importing.onnx_import import import_file
from dance_env.graph.layer_graph import LayerGraph

_FORMS = "model.onnx, graph.json (save_graph) or path/to/file.py:function"


def load_network(source: str, *, shapes: Mapping[str, Sequence[int]] | None = None) -> ImportedNetwork:
    """Return the network that a word of the command line names.

    Args:
        source: ``"model.onnx"`` (see `import_onnx`), ``"graph.json"``, a layer graph that `dance_env.graph.save_graph` wrote, or
            ``"path/to/file.py:function"``:
            the function takes no arguments and returns a `torch.nn.Module` with example inputs (see `import_torch`), a
            `LayerGraph` or an `ImportedNetwork`. The Python file is run, so give only files that you trust; nothing in
            the other files is.
        shapes: Of an ONNX file's inputs by name, where it does not fix them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no network; the message says where and why.
        ImportError: If an ONNX file is named and the package onnx is not installed.
    """
    if source.endswith(".onnx"):
        return import_file(source, name=None, shapes=shapes)
    if shapes:
        raise ValueError(f"shapes are given for the inputs of an ONNX file; {source!r} fixes its own")
    if is_in_file(source):
        return _from_function(source)
    if source.endswith(".json"):
        return ImportedNetwork(load_graph(source), source=source)
    raise ValueError(f"expected a network as {_FORMS}; got {source!r}")


def _from_function(source: str) -> ImportedNetwork:
    function = load_from_file(source, what="network", example="function", fits=callable)
    if not callable(function):
        raise ValueError(f"{source}: expected a function that returns a network, found {type(function).__name__}")
    with naming_the_line(source, what="network"):
        found = function()
    return _imported(found, source)


def _imported(found: Any, source: str) -> ImportedNetwork:
    from dance_env.graph.importing.torch_import import import_module

    if isinstance(found, ImportedNetwork):
        return found
    if isinstance(found, LayerGraph):
        return ImportedNetwork(found, source=source)
    if isinstance(found, tuple) and len(found) == 2:
        try:
            return import_module(*found, name=None)
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from error
    raise ValueError(
        f"{source}: expected a torch.nn.Module and example inputs, `return module, (x,)`, or a LayerGraph; the function "
        f"returned {type(found).__name__}"
    )
