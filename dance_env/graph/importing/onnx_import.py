"""An ONNX file as a layer graph."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dance_env.graph.importing.builder import Activation, NetworkBuilder, Value, Weights, elements
from dance_env.graph.importing.network import ImportedNetwork
from dance_env.graph.importing.onnx_call import OnnxCall
from dance_env.graph.importing.onnx_file import MOST_ELEMENTS, Shapes, load_onnx, nodes_of, read_model, why_unknown
from dance_env.graph.importing.onnx_operators import FREE, OPERATORS
from dance_env.graph.importing.operations import add_input
from dance_env.graph.nodes import Shape

_SMALL = 1024
_KEPT = ("Identity", "QuantizeLinear", "DequantizeLinear", "Cast")
"""Operators whose result holds the weights of their first input, and of no other."""

_OF_SHAPES = ("Shape", "Size")
_QLINEAR_BIAS = 8
"""Which input of a QLinearConv is its bias, in whole numbers of 32 bits."""

_MALFORMED = (AttributeError, IndexError, KeyError, OverflowError, RecursionError, TypeError, ZeroDivisionError)


def import_file(path: str, *, name: str | None, shapes: Shapes | None) -> ImportedNetwork:
    """Return what `dance_env.graph.importing.import_onnx` does."""
    try:
        model, notes = read_model(path, shapes=shapes)
        interpreter = _Interpreter(model, name or Path(path).stem)
        interpreter.run()
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except _MALFORMED as error:  # a field that is not what the format says, such as a name that is no text
        raise ValueError(f"{path}: a broken ONNX model ({type(error).__name__}: {error})") from error
    for note in notes:
        interpreter.builder.note(note)
    return interpreter.builder.finish(path, name_unused=False)


class _Interpreter:
    """Walks through a model's nodes, and adds each to the graph."""

    def __init__(self, model: Any, name: str) -> None:
        self._onnx = load_onnx()
        self._model = model
        self._graph = model.graph
        self._shapes = self._stated_shapes()
        self._values: dict[str, Value] = {}
        self._numbers: dict[str, list[Any]] = {}
        self._quantized = _quantized_biases(self._graph.node)
        trainable = {each.name: elements(each.dims) for each in self._graph.initializer if self._is_trainable(each)}
        self.builder = NetworkBuilder(name, trainable)

    def run(self) -> None:
        """Add every operator.

        Raises:
            ValueError: If the shape of a value is not known, or the graph is not consistent.
        """
        for tensor in self._graph.initializer:
            self._store(tensor.name, tensor)
        for each in self._graph.input:
            if each.name not in self._values:
                whole = each.type.tensor_type.elem_type in self._whole_types()
                self._values[each.name] = add_input(self.builder, each.name, self._shapes[each.name], whole=whole)
        for node in self._graph.node:
            self._add(node)

    # --------------------------------------------------------------------------------------------------------- private
    def _add(self, node: Any) -> None:
        attributes = {each.name: self._onnx.helper.get_attribute_value(each) for each in node.attribute}
        if node.op_type == "Constant" and isinstance(attributes.get("value"), self._onnx.TensorProto):
            self._store(node.output[0], attributes["value"])
            return
        missing = next((each for each in node.input if each and each not in self._values), None)
        if missing is not None:
            raise ValueError(
                f"the operator {node.op_type} {node.name[:80]!r} reads {missing[:80]!r}, which nothing before it gives: the "
                "file lacks it (an input, weights), or its operators are out of order or in a cycle"
            )
        inputs = [self._values[each] if each else None for each in node.input]
        inputs += self._captured(node)
        outputs = [each for each in node.output if each]
        fixed = node.op_type in _OF_SHAPES  # with every shape fixed, known beforehand
        if fixed or not any(isinstance(each, Activation) for each in inputs):
            self._values |= self._known_beforehand(node, inputs, outputs)
            return
        results = [self._shape(node, each) for each in outputs]
        numbers = [self._numbers.get(each) for each in node.input]
        call = OnnxCall(self.builder, node, attributes, inputs, results, numbers)
        try:
            found = _added(call)
        except _MALFORMED as error:
            raise ValueError(
                f"the operator {node.op_type} {node.name[:80]!r} is not as ONNX defines it: {type(error).__name__}: {error}"
            ) from error
        several = found if isinstance(found, tuple) else (found,) * len(outputs)
        self._values |= dict(zip(outputs, several, strict=False))

    def _captured(self, node: Any) -> list[Value]:
        """Return the values that the graphs inside a node (a branch, a loop's body) read from around it."""
        names = dict.fromkeys(name for each in nodes_of([node]) if each is not node for name in each.input)
        return [self._values[name] for name in names if isinstance(self._values.get(name), Activation)]

    def _known_beforehand(self, node: Any, inputs: list[Value | None], outputs: list[str]) -> dict[str, Value]:
        """Return the results of a node that reads constants alone."""
        read = inputs[:1] if node.op_type in _KEPT else () if node.op_type in _OF_SHAPES else inputs
        origins = frozenset(origin for each in read if isinstance(each, Weights) for origin in each.origins)
        return {each: Weights(self._shapes.get(each, ()), origins) for each in outputs}

    def _store(self, name: str, tensor: Any) -> None:
        """Keep a constant of the file: its shape, and its values if they are few and in the file."""
        own = frozenset([name]) if name in self.builder.trainable else frozenset()
        self._values[name] = Weights(tuple(tensor.dims), own)
        self._shapes.setdefault(name, tuple(tensor.dims))
        external = tensor.data_location == self._onnx.TensorProto.EXTERNAL
        if not external and elements(tensor.dims) <= _SMALL and tensor.data_type in self._whole_types():
            try:
                self._numbers[name] = self._onnx.numpy_helper.to_array(tensor).ravel().tolist()
            except Exception as error:
                raise ValueError(f"the tensor {name[:80]!r} is broken: {error}") from None

    def _shape(self, node: Any, name: str) -> Shape:
        shape = self._shapes.get(name)
        if shape is None:
            raise ValueError(
                f"the shape of {name[:80]!r}, which the operator {node.op_type} {node.name[:80]!r} gives, is not known: "
                f"{why_unknown(self._model)}"
            )
        return shape

    def _stated_shapes(self) -> dict[str, Shape]:
        """Return the shape of each value that has one."""
        found = {}
        for each in (*self._graph.input, *self._graph.value_info, *self._graph.output):
            tensor = each.type.tensor_type
            if tensor.HasField("shape") and all(dim.HasField("dim_value") for dim in tensor.shape.dim):
                shape = tuple(dim.dim_value for dim in tensor.shape.dim)
                if any(size < 0 for size in shape) or elements(shape) > MOST_ELEMENTS:
                    raise ValueError(f"{each.name[:80]!r} has the shape {shape[:8]}; no accelerator holds it")
                found[each.name] = shape
        return found

    def _is_trainable(self, tensor: Any) -> bool:
        """Return whether a constant counts as parameters: ONNX does not say.

        Whole numbers of 32 and 64 bits are axes and sizes, but for the biases of quantized layers.
        """
        whole = tensor.data_type in self._whole_types() and tensor.name not in self._quantized
        return not whole and elements(tensor.dims) > 1

    def _whole_types(self) -> set[int]:
        types = self._onnx.TensorProto
        return {types.INT64, types.INT32, types.BOOL, types.UINT64, types.UINT32}


def _quantized_biases(nodes: Iterable[Any]) -> frozenset[str]:
    """Return the names of constants that may be biases in 32 bits: what is dequantized, and the bias of a QLinearConv."""
    dequantized = (each.input[0] for each in nodes if each.op_type == "DequantizeLinear" and each.input)
    biases = (
        each.input[_QLINEAR_BIAS] for each in nodes if each.op_type == "QLinearConv" and len(each.input) > _QLINEAR_BIAS
    )
    return frozenset((*dequantized, *biases))


def _added(call: OnnxCall) -> Any:
    """Add a node's operator, and return its value, or a tuple of its values."""
    handler = OPERATORS.get(call.operator)
    if handler is not None:
        return handler(call)
    return call.free() if call.operator in FREE else call.unsupported()
