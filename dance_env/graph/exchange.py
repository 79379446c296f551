"""Layer graphs as plain data (lists, dicts, numbers and words that JSON can hold), and as JSON files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any

from dance_env.atomic import write_whole
from dance_env.graph.general_layers import GENERAL_LAYER_TYPES
from dance_env.graph.general_nodes import GENERAL_NODE_TYPES
from dance_env.graph.layer_graph import LayerGraph
from dance_env.graph.nodes import NODE_TYPES, Node
from dance_env.graph.token_nodes import TOKEN_NODE_TYPES
from dance_env.suggest import nearest

FORMAT = "dance_env.layer_graph/1"

_TYPES: dict[str, Callable[..., Node]] = {
    **NODE_TYPES,
    **TOKEN_NODE_TYPES,
    **GENERAL_LAYER_TYPES,
    **GENERAL_NODE_TYPES,
}


def graph_to_dict(graph: LayerGraph) -> dict[str, Any]:
    """Return `graph` as plain data: format, name, nodes in order of execution, each with settings, inputs, shape."""
    nodes = []
    for name in graph.nodes:
        block, operator = graph.block(name)
        node = graph.node(name)
        nodes.append(
            {
                "name": name,
                "kind": node.kind,
                "settings": asdict(node),  # type: ignore[call-overload]  # every node is a dataclass
                "inputs": list(graph.inputs(name)),
                "shape": list(graph.shape(name)),
                "block": block,
                "operator": operator,
            }
        )
    return {"format": FORMAT, "name": graph.name, "nodes": nodes}


def graph_from_dict(content: Mapping[str, Any]) -> LayerGraph:
    """Return the graph that `graph_to_dict` wrote; shapes are inferred again and compared with those in the data.

    Raises:
        ValueError: If something is missing, unknown or inconsistent; the message says where.
    """
    found = content.get("format") if isinstance(content, Mapping) else None
    if found != FORMAT:
        raise ValueError(f"expected a layer graph of format {FORMAT!r}, found {found!r}")
    graph = LayerGraph(_field(content, "name", str, "layer graph"))
    for index, entry in enumerate(_field(content, "nodes", list, "layer graph")):
        where = f"layer graph, node {index}"
        if not isinstance(entry, Mapping):
            raise ValueError(f"{where}: expected an object, found {entry!r}")
        graph.add(
            _field(entry, "name", str, where),
            _node(entry, where),
            inputs=_field(entry, "inputs", list, where),
            shape=tuple(_field(entry, "shape", list, where)),
            block=_field(entry, "block", str, where),
            operator=_field(entry, "operator", str, where),
        )
    return graph


def save_graph(graph: LayerGraph, path: str | PathLike[str]) -> None:
    """Write `graph` into a JSON file, whole or not at all.

    Raises:
        OSError: If the file cannot be written.
    """
    write_whole(path, json.dumps(graph_to_dict(graph), indent=1))


def load_graph(path: str | PathLike[str]) -> LayerGraph:
    """Return the graph in a JSON file that `save_graph` wrote.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it does not hold a consistent layer graph; the message says where.
    """
    try:
        return graph_from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
    except RecursionError:
        raise ValueError(f"{path}: expected a layer graph, found JSON that is nested too deeply") from None
    except ValueError as error:  # also what json raises for text that is not JSON
        raise ValueError(f"{path}: {error}") from None


def _node(entry: Mapping[str, Any], where: str) -> Node:
    kind, settings = _field(entry, "kind", str, where), _field(entry, "settings", dict, where)
    if kind not in _TYPES:
        raise ValueError(f"{where}: there is no node kind {kind!r}. {nearest(kind, _TYPES)}")
    try:
        return _TYPES[kind](**settings)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: bad settings for a {kind} node: {error}") from None


def _field(content: Mapping[str, Any], name: str, kind: type, where: str) -> Any:
    if name not in content:
        raise ValueError(f"{where}: {name!r} is missing; found {sorted(content)}")
    if not isinstance(content[name], kind):
        raise ValueError(f"{where}: {name!r} must be a {kind.__name__}, found {content[name]!r}")
    return content[name]
