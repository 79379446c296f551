"""Shapes that onnx's own inference leaves open although every input has a fixed one.

An exporter that keeps an axis symbolic writes the shapes of later reshapes as operators: the size of an axis, divided by that
of a window, concatenated with others. Once the inputs are fixed these are constants, but onnx propagates values through a few
operators only, and no division. Here they are computed, in one pass over the operators.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_MOST_VALUES = 1024
"""Elements of a tensor up to which its values are computed: shapes and axes."""

_COMPUTED = {
    "Abs", "Add", "And", "Cast", "Ceil", "Concat", "Constant", "ConstantOfShape", "Div", "Equal", "Expand",
    "Flatten", "Floor", "Gather", "Greater", "GreaterOrEqual", "Identity", "Less", "LessOrEqual", "Max", "Min",
    "Mod", "Mul", "Neg", "Not", "Or", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum", "Reshape", "Slice",
    "Split", "Squeeze", "Sub", "Transpose", "Unsqueeze", "Where",
}  # fmt: skip
"""Operators on shapes; none of them has a subgraph, and what they give is bounded by what they read or by `_is_small`."""


def complete_shapes(onnx: Any, model: Any) -> None:
    """Add the shapes of values that depend on the sizes of other values.

    Args:
        onnx: The package.
        model: With the shapes that `onnx.shape_inference.infer_shapes` finds; a model that has all of them stays as it is.
    """
    graph = model.graph
    types = {
        each.name: each.type
        for each in (*graph.input, *graph.value_info, *graph.output)
        if _sizes(each.type) is not None
    }
    if all(name in types for node in graph.node for name in node.output if name):
        return
    outputs = {each.name: each for each in graph.output}
    _Pass(onnx, model, types).run()
    stated = {each.name for each in graph.value_info}
    for name, kind in types.items():
        if name in outputs:
            outputs[name].type.CopyFrom(kind)
        elif name not in stated:
            graph.value_info.add(name=name).type.CopyFrom(kind)
    for each in graph.value_info:
        each.type.CopyFrom(types.get(each.name, each.type))


class _Pass:
    """One pass over the operators in the order of the file: types of all values, and the values of small constants."""

    def __init__(self, onnx: Any, model: Any, types: dict[str, Any]) -> None:
        self._onnx = onnx
        self._model = model
        self._types = types
        self._values: dict[str, Any] = {}
        self._opset = next((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), 0)
        for tensor in model.graph.initializer:
            self._keep(tensor)

    def run(self) -> None:
        for node in self._model.graph.node:
            if node.domain not in ("", "ai.onnx"):
                continue
            self._find_values(node)
            if any(name and name not in self._types for name in node.output):
                self._find_types(node)

    def _keep(self, tensor: Any) -> None:
        self._types.setdefault(
            tensor.name, self._onnx.helper.make_tensor_type_proto(tensor.data_type, list(tensor.dims))
        )
        external = tensor.data_location == self._onnx.TensorProto.EXTERNAL
        if not external and math.prod(tensor.dims) <= _MOST_VALUES:
            try:
                self._values[tensor.name] = self._onnx.numpy_helper.to_array(tensor)
            except Exception:  # a broken tensor: who reads it as weights says so
                return

    def _find_values(self, node: Any) -> None:
        """Compute an operator on constants, or on the shape of a value that has one."""
        given = [each for each in node.input if each]
        if node.op_type in ("Shape", "Size") and len(given) == 1:
            sizes = _sizes(self._types.get(given[0]))
            if sizes is None:
                return
            found = [self._of_shape(node, sizes)]
        elif node.op_type in _COMPUTED and all(each in self._values for each in given) and self._is_small(node):
            try:
                found = self._computed(node, {each: self._values[each] for each in given})
            except Exception:  # not as ONNX defines it: its shape stays unknown, and the import says which
                return
        else:
            return
        for name, value in zip(node.output, found, strict=False):
            if name and value.size <= _MOST_VALUES:
                self._values[name] = value
                self._types[name] = self._onnx.helper.make_tensor_type_proto(
                    self._onnx.helper.np_dtype_to_tensor_dtype(value.dtype), list(value.shape)
                )

    def _of_shape(self, node: Any, sizes: list[int]) -> Any:
        if node.op_type == "Size":
            return np.array(math.prod(sizes), dtype=np.int64)
        settings = {each.name: each.i for each in node.attribute}
        return np.array(sizes[settings.get("start", 0) : settings.get("end", len(sizes))], dtype=np.int64)

    def _computed(self, node: Any, feeds: dict[str, Any]) -> list[Any]:
        """Return what onnx's reference implementation gives."""
        helper = self._onnx.helper
        infos = [[helper.make_empty_tensor_value_info(name) for name in dict.fromkeys(names) if name]
                 for names in (node.input, node.output)]  # fmt: skip
        graph = helper.make_graph([node], "one", *infos)
        alone = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self._opset)])
        with np.errstate(all="ignore"):  # a division by zero is the file's
            found = self._onnx.reference.ReferenceEvaluator(alone).run(None, feeds)
        return [np.asarray(each) for each in found]

    def _is_small(self, node: Any) -> bool:
        """Return whether an operator whose result is as large as its input says gives few values."""
        asked = (
            node.input[0] if node.op_type == "ConstantOfShape" else node.input[1] if node.op_type == "Expand" else ""
        )
        values = self._values.get(asked)
        return values is None or math.prod(map(int, values.ravel())) <= _MOST_VALUES

    def _find_types(self, node: Any) -> None:
        """Let onnx infer the outputs of one operator from the types of its inputs and the values of the constant ones."""
        onnx = self._onnx
        given = {each for each in node.input if each}
        if not given <= set(self._types):
            return
        try:
            found = onnx.shape_inference.infer_node_outputs(
                onnx.defs.get_schema(node.op_type, self._opset, ""),
                node,
                {each: self._types[each] for each in given},
                {each: onnx.numpy_helper.from_array(self._values[each], each) for each in given & set(self._values)},
                opset_imports=list(self._model.opset_import),
                ir_version=self._model.ir_version,
            )
        except Exception:  # an operator that onnx does not know, or one that is wrong: the import says which
            return
        self._types |= {name: kind for name, kind in found.items() if _sizes(kind) is not None}


def _sizes(kind: Any) -> list[int] | None:
    """Return the shape of a type, None where an axis is not known."""
    tensor = kind.tensor_type if kind is not None else None
    if tensor is None or not tensor.HasField("shape") or not all(dim.HasField("dim_value") for dim in tensor.shape.dim):
        return None
    return [dim.dim_value for dim in tensor.shape.dim]
