"""Puts an ONNX model together, value by value. Importing this module needs the package onnx."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

try:
    from onnx import ModelProto, TensorProto, checker, helper, numpy_helper
except ImportError as error:
    raise ImportError("ONNX needs the package onnx: pip install 'dance-env[onnx]'") from error

OPSET = 20  # the first with Gelu
IR_VERSION = 9  # of opset 20, so that older run times read the file
_LARGEST = 2**31 - 1  # bytes of one protocol buffer


class OnnxWriter:
    """A model that grows: values have names, operators make values of values."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def input(self, name: str, shape: Sequence[int], *, whole: bool = False) -> None:
        """Add an input of any batch size; `whole` numbers (int64) or float32."""
        kind = TensorProto.INT64 if whole else TensorProto.FLOAT
        self._inputs.append(helper.make_tensor_value_info(name, kind, ["batch", *shape]))

    def output(self, name: str, shape: Sequence[int]) -> None:
        """Say that a value is the model's output, float32."""
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape]))

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add weights or another constant, once for each name; return the name."""
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def scalar(self, value: float) -> str:
        """Return the name of a float32 constant."""
        return self.constant(f"float {value!r}", np.array(value, dtype=np.float32))

    def whole(self, values: Sequence[int]) -> str:
        """Return the name of a constant of whole numbers."""
        return self.constant(f"ints {list(values)!r}", np.array(values, dtype=np.int64))

    def index(self, value: int) -> str:
        """Return the name of a constant that is one whole number, without an axis."""
        return self.constant(f"int {value!r}", np.array(value, dtype=np.int64))

    def op(self, kind: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        """Add an operator of one output; return the output's name, which is made up where none is given."""
        output = output or self._new()
        self._nodes.append(helper.make_node(kind, list(inputs), [output], name=output, **attributes))
        return output

    def split(self, value: str, sizes: Sequence[int]) -> list[str]:
        """Split a value along its last axis; return the parts' names."""
        parts = [self._new(part) for part in range(len(sizes))]
        self._nodes.append(helper.make_node("Split", [value, self.whole(sizes)], parts, name=parts[0], axis=-1))
        return parts

    def to_bytes(self) -> bytes:
        """Return the model, checked with its shapes inferred.

        Raises:
            ValueError: If it is larger than one ONNX file can be.
        """
        size = sum(len(each.raw_data) for each in self._constants.values())
        if size > _LARGEST:
            raise ValueError(f"{self._name}: {size / 1e9:.1f} GB of weights do not fit one ONNX file, which holds 2 GB")
        graph = helper.make_graph(
            self._nodes, self._name, self._inputs, self._outputs, initializer=list(self._constants.values())
        )
        model: ModelProto = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="dance-env", ir_version=IR_VERSION
        )
        checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)

    def _new(self, part: int = 0) -> str:
        return f"value {len(self._nodes)}.{part}"
