"""A torch module as a list of its operators: an fx graph of ATen calls. Importing this module imports torch."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._pytree import tree_flatten, tree_unflatten

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

    `torch.export` gives them without running the module. Where it fails, as on a module whose control flow depends on the values
    of its input, the module is run once on the examples and what it runs is recorded.

    Raises:
        ValueError: If neither works; the message holds both reasons.
    """
    with _evaluating(module), _quiet():
        try:
            return _export(module, arguments)
        except Exception as refused:
            try:
                return _record(module, arguments, why=_first_line(refused))
            except Exception as error:
                raise ValueError(
                    f"the module {type(module).__name__} cannot be traced. torch.export: {_first_line(refused)}; run on the "
                    f"example inputs: {_first_line(error)}. Call it once on these inputs to see the error whole"
                ) from error


def _export(module: nn.Module, arguments: Arguments) -> TorchProgram:
    """Trace a module with `torch.export`."""
    program = torch.export.export(module, arguments[0], arguments[1] or None)
    kinds = torch.export.graph_signature.InputKind
    tensors = {
        spec.arg.name: str(spec.target or spec.arg.name)
        for spec in program.graph_signature.input_specs
        if spec.kind is not kinds.USER_INPUT
    }
    return TorchProgram(_checked(program.graph), tensors)


def _record(module: nn.Module, arguments: Arguments, *, why: str) -> TorchProgram:
    """Run a module on the example inputs, and record its operators; its buffers are set back afterwards."""
    leaves, structure = tree_flatten(arguments)
    traced = [index for index, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]

    def run(*tensors: Tensor) -> Any:
        filled = list(leaves)
        for index, tensor in zip(traced, tensors, strict=True):
            filled[index] = tensor
        positional, named = tree_unflatten(filled, structure)
        return module(*positional, **named)

    buffers = [(buffer, buffer.clone()) for buffer in module.buffers()]
    try:
        recorded = make_fx(run, tracing_mode="real", pre_dispatch=True, _error_on_data_dependent_ops=False)(
            *(leaves[index] for index in traced)
        )
    finally:
        for buffer, before in buffers:
            buffer.copy_(before)
    names = {id(tensor): name for name, tensor in module.named_parameters()}
    tensors = {
        node.name: names.get(id(getattr(recorded, str(node.target))), str(node.target))
        for node in recorded.graph.nodes
        if node.op == "get_attr"
    }
    note = (
        f"torch.export refused the module ({why}); it was run once, and other inputs may take another path through it"
    )
    return TorchProgram(_checked(recorded.graph), tensors, (note,))


def _checked(graph: fx.Graph) -> fx.Graph:
    """Return a graph whose tensors all have a fixed shape.

    Raises:
        ValueError: If the shape of one depends on the values of the input.
    """
    for node in graph.nodes:
        found = node.meta.get("val")
        for value in found if isinstance(found, list | tuple) else [found]:
            if isinstance(value, Tensor) and not all(isinstance(size, int) for size in value.shape):
                raise ValueError(f"the shape of {node.name!r} depends on the values of the input")
    return graph


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch from printing the graphs that it could not export, and its warnings: the import says what failed."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _first_line(error: Exception) -> str:
    text = next((line for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {text.strip()[:300]}"


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
