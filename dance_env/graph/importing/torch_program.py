"""A torch module as a list of its operators: an fx graph of ATen calls. Importing this module imports torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx, nn

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class TorchProgram:
    """The operators of a module for some example inputs, in order of execution.

    Attributes:
        graph: Placeholders, calls, one output; each node's ``meta["val"]`` is a tensor of the shape and type of its
            value, or a list of such.
        tensors: The name in the module of each placeholder that is not an input.
        notes: Decisions for the import's account.
    """

    graph: fx.Graph
    tensors: Mapping[str, str]
    notes: tuple[str, ...] = field(default=())


def trace(module: nn.Module, arguments: Arguments) -> TorchProgram:
    """Return the operators that a module runs, in evaluation mode, on inputs of the shapes of the examples.

    Raises:
        ValueError: If the module cannot be traced; the message holds torch's reason.
    """
    with _evaluating(module):
        return _export(module, arguments)


def _export(module: nn.Module, arguments: Arguments) -> TorchProgram:
    program = torch.export.export(module, arguments[0], arguments[1] or None)
    kinds = torch.export.graph_signature.InputKind
    tensors = {
        spec.arg.name: str(spec.target or spec.arg.name)
        for spec in program.graph_signature.input_specs
        if spec.kind is not kinds.USER_INPUT
    }
    return TorchProgram(program.graph, tensors)


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Set a module to evaluation mode, and each of its parts back to its own afterwards."""
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part in training:
            part.training = True


def trainable_tensors(module: nn.Module) -> tuple[dict[str, int], dict[str, str]]:
    """Return the elements of each parameter, and for each of its names in the module the first one."""
    first: dict[int, str] = {}
    counts: dict[str, int] = {}
    names: dict[str, str] = {}
    for name, tensor in module.named_parameters(remove_duplicate=False):
        names[name] = first.setdefault(id(tensor), name)
        counts.setdefault(names[name], tensor.numel())
    return counts, names


def as_arguments(example_inputs: Any) -> Arguments:
    """Return example inputs, however they are given, as positional and named arguments.

    Raises:
        ValueError: If no tensor is among them, or the first has not a batch of 1.
    """
    if isinstance(example_inputs, Tensor):
        arguments: Arguments = (example_inputs,), {}
    elif isinstance(example_inputs, Mapping):
        arguments = (), dict(example_inputs)
    elif isinstance(example_inputs, Sequence) and not isinstance(example_inputs, str):
        arguments = tuple(example_inputs), {}
    else:
        raise ValueError(
            "example inputs must be a tensor, a tuple of the arguments of forward(), or a dict of its named arguments; "
            f"got {type(example_inputs).__name__}"
        )
    tensors = [each for each in [*arguments[0], *arguments[1].values()] if isinstance(each, Tensor)]
    if not tensors:
        raise ValueError("example inputs must hold at least one tensor")
    first = next((each for each in tensors if each.dim() > 1), tensors[0])
    if first.dim() > 1 and first.shape[0] != 1:
        raise ValueError(
            f"the cost model prices one example at a time: the first axis of an input is the batch, and must be 1; got "
            f"shape {tuple(first.shape)}. Give one example (x[:1]), or x[None] if the first axis is not a batch"
        )
    return arguments
