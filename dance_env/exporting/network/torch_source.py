"""A layer graph as the Python source of a `torch.nn.Module`, which needs torch and nothing of ours."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from typing import Any

from dance_env.exporting.network.torch_statements import statement
from dance_env.graph import LayerGraph
from dance_env.graph.nodes import Input
from dance_env.graph.token_nodes import Embedding, Hidden, Tokens

_TAKEN = frozenset({"self", "torch", "nn", "functional", *dir(object)})
"""Names that mean something else in the source; those of `nn.Module` are taken as well."""
_INPUTS = {Input: "images", Tokens: "tokens", Hidden: "activations"}


def torch_source(graph: LayerGraph, *, comment: str = "") -> str:
    """Return the source of a module that computes what the graph says.

    The file holds one class, ``Network``, freshly initialized as torch initializes its layers; `torch_state` gives it the
    weights of a module that `dance_env.graph.to_torch.build` made.

    Args:
        graph: With one input and one output node.
        comment: A line of the file's docstring, such as where the network comes from.

    Raises:
        ValueError: If the graph has not exactly one input and one output, or a node has no form in torch.
    """
    start = _start(graph)
    names = _names(graph)
    table = next((names[name] for name in graph.nodes if isinstance(graph.node(name), Embedding)), "")
    modules, lines, helpers = [], [], []
    block = ""
    for name in graph.nodes:
        if name == start:
            continue
        inputs = [names[each] for each in graph.inputs(name)]
        found = statement(graph, name, own=names[name], inputs=inputs, table=table)
        helpers += [text for text in found.helpers if text not in helpers]
        if graph.block(name)[0] not in ("", block):
            block = graph.block(name)[0]
            lines.append(f"# {_one_line(': '.join(filter(None, graph.block(name))))}")
        if found.module:
            modules.append(f"self.{names[name]} = {found.module}")
        lines.append(f"{names[name]} = {found.value}")
    about = (
        f"The network {_one_line(graph.name)}: {graph.macs:,} multiply-accumulates, {graph.parameters:,} parameters."
    )
    return _file(
        about,
        comment=_one_line(comment),
        helpers=helpers,
        modules=modules,
        lines=lines,
        start=names[start],
        shape=graph.shape(start),
        output=names[graph.output],
    )


def torch_state(graph: LayerGraph, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the weights of a module of `to_torch.build` under the names of the module in `torch_source`.

    Args:
        graph: The network.
        state: Its `state_dict()`.

    Raises:
        ValueError: If a name in `state` is not of this network.
    """
    from dance_env.graph.to_torch import module_name  # torch

    names = {module_name(name): own for name, own in _names(graph).items()}
    found = {}
    for key, value in state.items():
        head, _, rest = key.partition(".")
        node, _, parameter = rest.rpartition(".")
        if head != "layers" or node not in names:
            raise ValueError(f"layer graph {graph.name!r}: the weights {key!r} are of another network")
        found[f"{names[node]}.{parameter}"] = value
    return found


def _file(
    about: str,
    *,
    comment: str,
    helpers: Iterable[str],
    modules: list[str],
    lines: list[str],
    start: str,
    shape: tuple[int, ...],
    output: str,
) -> str:
    expected = f"(batch, {', '.join(map(str, shape))})"
    doc = "\n\n".join(filter(None, [about, comment, f"Input: {expected}. Written by dance export; needs torch alone."]))
    body = "".join(f"        {line}\n" for line in modules)
    forward = "".join(f"        {line}\n" for line in lines)
    functions = "".join(f"{text}\n\n" for text in helpers)
    return (
        f'"""{doc}\n"""\n\n'
        "import torch\nfrom torch import nn\nfrom torch.nn import functional\n\n\n"
        f"{functions}"
        "class Network(nn.Module):\n"
        f'    """{about}"""\n\n'
        f"    def __init__(self):\n        super().__init__()\n{body}\n"
        f"    def forward(self, {start}):\n"
        f'        """Return the output for {start} of shape {expected}."""\n'
        f"        if tuple({start}.shape[1:]) != {shape!r}:\n"
        f'            raise ValueError(f"expected {start} of shape {expected}, got {{tuple({start}.shape)}}")\n'
        f"{forward}        return {output}\n"
    )


def _start(graph: LayerGraph) -> str:
    starts = [name for name in graph.nodes if isinstance(graph.node(name), tuple(_INPUTS))]
    if len(starts) != 1:
        raise ValueError(f"layer graph {graph.name!r}: expected one input node, found {starts}")
    return starts[0]


def _names(graph: LayerGraph) -> dict[str, str]:
    """Return the name of each node in the source: an identifier that no other has."""
    from torch import nn

    taken, found = set(_TAKEN) | set(dir(nn.Module())), {}
    for name in graph.nodes:
        own = _INPUTS.get(type(graph.node(name)), "") or re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "node"
        if own[0].isdigit() or keyword.iskeyword(own):
            own = f"node_{own}"
        candidate, number = own, 1
        while candidate in taken:
            number += 1
            candidate = f"{own}_{number}"
        taken.add(candidate)
        found[name] = candidate
    return found


def _one_line(text: str) -> str:
    """Return a text that cannot end a comment or a docstring: on one line, without quotes and backslashes."""
    return re.sub(r"[^ -!#-\[\]-~]+", " ", text).strip()
