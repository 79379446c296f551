"""The files of a design's networks for torch and ONNX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dance_env.exporting.design_file import DesignFile
from dance_env.exporting.design_parts import DesignWorkload
from dance_env.exporting.files import Files, safe_name
from dance_env.graph import LayerGraph
from dance_env.graph.general_layers import GENERAL_LAYER_TYPES
from dance_env.graph.general_nodes import GENERAL_NODE_TYPES


def torch_files(design: DesignFile, *, seed: int = 0, state: Mapping[str, Any] | None = None) -> Files:
    """Return ``network.py``, a module that needs torch alone, for each network of a design.

    Args:
        design: The design.
        seed: Not used: the module draws its own weights.
        state: Weights, as `dance_env.graph.to_torch.build(graph).state_dict()` names them; they are then written beside
            the module, as ``network.safetensors``.

    Raises:
        ValueError: If no workload has a network that can be built; with the reasons.
    """
    del seed
    return _for_each(design, lambda graph, name: _torch(graph, name, design.name, state))


def onnx_files(design: DesignFile, *, seed: int = 0, state: Mapping[str, Any] | None = None) -> Files:
    """Return ``network.onnx`` for each network of a design.

    Args:
        design: The design.
        seed: Draws random weights where none are given.
        state: Weights, as for `torch_files`.

    Raises:
        ImportError: If the extra "onnx" is missing.
        ValueError: If no workload has a network that can be built; with the reasons.
    """

    def model(graph: LayerGraph, name: str) -> Files:
        from dance_env.exporting.network.onnx_model import onnx_bytes

        return {f"{name}.onnx": onnx_bytes(graph, seed=seed, state=state)}

    return _for_each(design, model)


def _torch(graph: LayerGraph, name: str, design: str, state: Mapping[str, Any] | None) -> Files:
    from dance_env.exporting.network.torch_source import torch_source, torch_state

    files: dict[str, str | bytes] = {f"{name}.py": torch_source(graph, comment=f"Of the design {design}.")}
    if state is not None:
        from safetensors.torch import save

        files[f"{name}.safetensors"] = save(torch_state(graph, state))
    return files


def _for_each(design: DesignFile, export: Callable[[LayerGraph, str], Files]) -> Files:
    """Export each network that can be; several uses of one network, such as a decode step, are left out."""
    found: dict[str, str | bytes] = {}
    reasons = []
    for workload in design.workloads:
        name = "network" if len(design.workloads) == 1 else f"network_{safe_name(workload.name, fallback='workload')}"
        reason = _why_not(workload)
        if reason or workload.graph is None:
            reasons.append(reason)
            continue
        try:
            found |= export(workload.graph, name)
        except ValueError as error:
            reasons.append(str(error))
    if not found:
        raise ValueError(
            f"design {design.name!r} has no network to export as ONNX or PyTorch: {'; '.join(reasons)}. Its accelerator and "
            "layers can go to the other formats"
        )
    return found


def _why_not(workload: DesignWorkload) -> str:
    """Return why there is no network to build; "" where there is one."""
    graph = workload.graph
    if graph is None:
        return f"workload {workload.name!r} is a list of layers, without a graph"
    imported = GENERAL_LAYER_TYPES.keys() | GENERAL_NODE_TYPES.keys()
    if any(graph.node(name).kind in imported for name in graph.nodes):
        return (
            f"layer graph {graph.name!r} was imported: it says what each operation costs, not all that it computes; use the "
            "file that it was imported from"
        )
    return ""
