"""A torch module as a layer graph. Importing this module imports torch."""

from __future__ import annotations

import operator
from typing import Any

from torch import Tensor, fx, nn

from dance_env.graph.importing.builder import Activation, NetworkBuilder, Value, Weights
from dance_env.graph.importing.network import ImportedNetwork
from dance_env.graph.importing.operations import add_input
from dance_env.graph.importing.torch_operators import FREE, OPERATORS, Call
from dance_env.graph.importing.torch_program import TorchProgram, as_arguments, trace, trainable_tensors


def import_module(module: nn.Module, example_inputs: Any, *, name: str | None) -> ImportedNetwork:
    """Return what `dance_env.graph.importing.import_torch` does."""
    if not isinstance(module, nn.Module):
        raise ValueError(f"expected a torch.nn.Module, got {type(module).__name__}")
    arguments = as_arguments(example_inputs)
    counts, names = trainable_tensors(module)
    program = trace(module, arguments)
    builder = NetworkBuilder(name or type(module).__name__, counts)
    Interpreter(builder, program, names).run()
    for note in program.notes:
        builder.note(note)
    return builder.finish(f"torch module {type(module).__qualname__}")


class Interpreter:
    """Walks through a program's operators, and adds each to the graph."""

    def __init__(self, builder: NetworkBuilder, program: TorchProgram, names: dict[str, str]) -> None:
        self._builder = builder
        self._program = program
        self._names = names
        self._values: dict[fx.Node, Any] = {}

    def run(self) -> None:
        """Add every operator.

        Raises:
            ValueError: If one has no fixed shape.
        """
        for node in self._program.graph.nodes:
            if node.op == "placeholder":
                self._values[node] = self._placeholder(node)
            elif node.op == "get_attr":
                self._values[node] = Weights(_shape(node.meta.get("val")))
            elif node.op == "call_function":
                self._values[node] = self._call(node)

    def _placeholder(self, node: fx.Node) -> Value | Any:
        value = node.meta.get("val")
        if not isinstance(value, Tensor):
            return value
        if node.name not in self._program.tensors:
            whole = not (value.is_floating_point() or value.is_complex())
            return add_input(self._builder, node.name, _shape(value), whole=whole)
        tensor = self._names.get(self._program.tensors[node.name])
        return Weights(_shape(value), frozenset([tensor] if tensor else []))

    def _call(self, node: fx.Node) -> Any:
        if node.target is operator.getitem:
            values, index = node.args
            return self._values[values][index]  # type: ignore[index]
        call = Call(self._builder, node, self._values)
        if not any(isinstance(each, Activation) for each in call.tensors):
            return call.known_beforehand()
        handler = OPERATORS.get(call.operator)
        if handler is not None:
            return handler(call)
        if call.operator in FREE:
            return call.free()
        return call.unsupported()


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(int(each) for each in value.shape)
