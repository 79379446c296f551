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
        self._firsts: dict[str, fx.Node] = {}
        self._bases: dict[fx.Node, fx.Node] = {}  # of each view, the tensor that it is a view of

    def run(self) -> None:
        """Add every operator."""
        self._walk(self._program.graph)

    def _walk(self, graph: fx.Graph) -> None:
        for node in graph.nodes:
            if node in self._values:  # what a part of the program is given
                continue
            if node.op in ("placeholder", "get_attr"):
                first = self._firsts.setdefault(str(node.target), node)
                self._values[node] = self._values[first] if first is not node else self._given(node)
            elif node.op == "call_function":
                self._values[node] = self._call(node)

    def _given(self, node: fx.Node) -> Value | Any:
        """Return an input, a weight, or another value that is there before the module runs."""
        value = node.meta.get("val")
        if node.op == "get_attr" and value is None:
            return getattr(node.graph.owning_module, str(node.target), None)  # a part of the program
        if not isinstance(value, Tensor):
            return value
        if node.name not in self._program.tensors:
            whole = not (value.is_floating_point() or value.is_complex())
            return add_input(self._builder, node.name, tuple(value.shape), whole=whole)
        tensor = self._names.get(self._program.tensors[node.name])
        return Weights(tuple(value.shape), frozenset([tensor] if tensor else []))

    def _call(self, node: fx.Node) -> Any:
        if node.target is operator.getitem:
            several, index = node.all_input_nodes[0], node.args[1]
            self._bases[node] = self._bases.get(several, several)
            return self._values[several][index]
        parts = [index for index, each in enumerate(node.args) if isinstance(self._read(each), fx.GraphModule)]
        if len(parts) == 1:
            return self._inside(node, parts[0])
        call = Call(self._builder, node, self._values)
        result = self._result(call)
        first = next(iter(node.all_input_nodes), None)
        if first is not None and call.is_view:
            self._bases[node] = self._bases.get(first, first)
        if first is not None and call.writes:
            self._write(first, call, result)
        return result

    def _read(self, argument: Any) -> Any:
        return self._values.get(argument) if isinstance(argument, fx.Node) else None

    def _inside(self, node: fx.Node, index: int) -> Any:
        """Add the operators of a part of the program that runs under another setting, such as without automatic casts."""
        graph = self._read(node.args[index]).graph
        given = [each for each in graph.nodes if each.op == "placeholder"]
        self._values |= {inner: self._read(outer) for inner, outer in zip(given, node.args[index + 1 :], strict=True)}
        self._walk(graph)
        (results,) = next(each for each in graph.nodes if each.op == "output").args
        return tuple(map(self._read, results)) if isinstance(results, list | tuple) else self._read(results)

    def _result(self, call: Call) -> Any:
        if not any(isinstance(each, Activation) for each in call.tensors):
            return call.known_beforehand()
        handler = OPERATORS.get(call.operator)
        if handler is not None:
            return handler(call)
        return call.free() if call.operator in FREE else call.unsupported()

    def _write(self, target: fx.Node, call: Call, result: Any) -> None:
        """Let what an operator wrote in place be read from now on, through its target and what that is a view of."""
        if not isinstance(result, Activation):
            return
        base = self._bases.get(target, target)
        self._values[target] = result
        whole = self._values[base]
        if base is not target and isinstance(whole, Activation | Weights):
            self._values[base] = self._builder.add_free(f"{call.name}.write", "write", [whole, result], whole.shape)
