"""A layer graph as an ONNX model, node by node. Importing this module imports torch and onnx."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from dance_env.exporting.network.onnx_tokens import add_token_node
from dance_env.exporting.network.onnx_writer import OnnxWriter
from dance_env.graph import LayerGraph
from dance_env.graph.nodes import Activation, Add, BatchNorm, Conv, GlobalPool, Linear, Node, Scale, Skip
from dance_env.graph.to_torch import NetworkModule, build, module_name
from dance_env.graph.token_nodes import Embedding, Tokens


def module_of(graph: LayerGraph, *, seed: int = 0, state: Mapping[str, Any] | None = None) -> NetworkModule:
    """Return a graph's module in evaluation mode, with given weights, or with random ones.

    Args:
        graph: The network.
        seed: Draws random weights; torch's global generator is left as it was.
        state: The weights, as `dance_env.graph.to_torch.build(graph).state_dict()` names them.

    Raises:
        ValueError: If the graph has no module (see `to_torch.build`), or the weights are of another network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = build(graph)
    if state is not None:
        try:
            module.load_state_dict(dict(state))
        except RuntimeError as error:
            raise ValueError(f"layer graph {graph.name!r}: the weights are of another network: {error}") from None
    return module.eval()


def onnx_bytes(graph: LayerGraph, *, seed: int = 0, state: Mapping[str, Any] | None = None) -> bytes:
    """Return the network as an ONNX model with a free batch size, in evaluation mode (batch norm by its running mean).

    Args:
        graph: The network.
        seed, state: As `module_of`.

    Raises:
        ValueError: As `module_of`, or if the model would be larger than 2 GB, the most that one ONNX file holds.
    """
    module = module_of(graph, seed=seed, state=state)
    writer = OnnxWriter(graph.name)
    for key, value in module.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            writer.constant(key.removeprefix("layers."), value.detach().cpu().numpy())
    start = next(name for name in graph.nodes if not graph.inputs(name))
    writer.input(start, graph.shape(start), whole=isinstance(graph.node(start), Tokens))
    table = next((name for name in graph.nodes if isinstance(graph.node(name), Embedding)), "")
    for name in graph.nodes:
        if name != start:
            _add(writer, graph, name, table=table)
    writer.output(graph.output, graph.shape(graph.output))
    return writer.to_bytes()


def _add(writer: OnnxWriter, graph: LayerGraph, name: str, *, table: str) -> None:
    """Write the operators of one node; its value is called as the node is."""
    if add_token_node(writer, graph, name, table=table):
        return
    node: Node = graph.node(name)
    inputs = list(graph.inputs(name))
    key = module_name(name)  # by which its weights are called
    match node:
        case Conv():
            pad = (node.kernel - 1) // 2
            window = {"kernel_shape": [node.kernel] * 2, "strides": [node.stride] * 2, "pads": [pad] * 4}
            writer.op("Conv", [*inputs, f"{key}.weight"], name, group=node.groups, **window)
        case BatchNorm():
            values = [f"{key}.{each}" for each in ("weight", "bias", "running_mean", "running_var")]
            writer.op("BatchNormalization", [*inputs, *values], name, epsilon=node.eps)
        case Activation():
            _add_activation(writer, node, inputs, name)
        case Scale():
            image = writer.op("Unsqueeze", [inputs[1], writer.whole([2, 3])])
            writer.op("Mul", [inputs[0], image], name)
        case Add():
            total = inputs[0]
            for each in inputs[1:-1]:
                total = writer.op("Add", [total, each])
            writer.op("Add", [total, inputs[-1]], name)
        case Skip():
            writer.op("Identity", inputs, name)
        case GlobalPool():
            writer.op("ReduceMean", [*inputs, writer.whole([2, 3])], name, keepdims=0)
        case Linear():
            writer.op("Gemm", [*inputs, f"{key}.weight", f"{key}.bias"], name, transB=1)
        case _:
            raise ValueError(f"layer graph {graph.name!r}, node {name!r}: no ONNX operator is known for {node!r}")


def _add_activation(writer: OnnxWriter, node: Activation, inputs: list[str], name: str) -> None:
    match node.function:
        case "relu":
            writer.op("Relu", inputs, name)
        case "relu6":
            writer.op("Clip", [*inputs, writer.scalar(0.0), writer.scalar(6.0)], name)
        case "gelu":
            writer.op("Gelu", inputs, name)
        case "hard_sigmoid":
            writer.op("HardSigmoid", inputs, name, alpha=1 / 6, beta=0.5)
