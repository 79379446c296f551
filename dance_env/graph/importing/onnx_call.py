"""One node of an ONNX graph, as its import reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from dance_env.graph.importing.builder import Activation, NetworkBuilder, Value, Weights
from dance_env.graph.nodes import Node, Shape

_MORE_NAMES = "pkg.torch.onnx.name_scopes"


class OnnxCall:
    """A node of the file: its attributes, its inputs, and where it stands in the network.

    Attributes:
        builder: Of the network.
        operator: The operator's name, with its domain where that is not ONNX's own.
        name: Of the node that it becomes: the path of its weights where a name has such a path, else the file's.
        attributes: By name; tensors and graphs are left as they are.
        inputs: In order; None where one is left out.
        results: The shape of each output.
    """

    def __init__(
        self,
        builder: NetworkBuilder,
        node: Any,
        attributes: Mapping[str, Any],
        inputs: Sequence[Value | None],
        results: Sequence[Shape],
        numbers: Sequence[list[Any] | None],
    ) -> None:
        self.builder = builder
        self.operator = node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}::{node.op_type}"
        self.attributes = attributes
        self.inputs = inputs
        self.results = results
        self._numbers = numbers
        self.name = _name(node, inputs)

    @property
    def shape(self) -> Shape:
        """The shape of the first output."""
        return self.results[0]

    @property
    def tensors(self) -> list[Value]:
        """All inputs that are given."""
        return [each for each in self.inputs if each is not None]

    def value(self, index: int) -> Value:
        """Return an input.

        Raises:
            ValueError: If it is left out.
        """
        found = self.optional(index)
        if found is None:
            raise ValueError(f"the operator {self.operator} {self.name!r} lacks its input {index}")
        return found

    def optional(self, index: int) -> Value | None:
        """Return an input, or None where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def numbers(self, index: int) -> list[Any] | None:
        """Return the values of an input that is a small constant, such as axes; None for any other."""
        return self._numbers[index] if index < len(self._numbers) else None

    def axes(self) -> list[int] | None:
        """Return the axes of a reduction, an attribute or the second input."""
        found = self.attributes.get("axes")
        return list(found) if found is not None else self.numbers(1)

    # ---------------------------------------------------------------------------------------------------------- nodes
    def free(self, operation: str | None = None, node: Node | None = None) -> tuple[Value, ...]:
        """Add a node without multiply-accumulates for each output."""
        operation = operation or words(self.operator)
        return tuple(self.builder.add_free(self.name, operation, self.tensors, shape, node) for shape in self.results)

    def elementwise(self, operation: str | None = None) -> Activation:
        """Add the operation on each element."""
        return self.builder.add_elementwise(self.name, operation or words(self.operator), self.tensors, self.shape)

    def unsupported(self, reason: str | None = None, macs: int | None = None) -> tuple[Value, ...]:
        """Add a node that no cost covers, and list it."""
        reason = reason or "there is no layer of the cost model for it"
        first, *others = self.results
        result = self.builder.unsupported(self.name, self.operator, self.tensors, first, macs=macs, reason=reason)
        return (result, *(self.builder.add_free(self.name, "output", [result], shape) for shape in others))


def words(operator: str) -> str:
    """Return an operator's name as words: ``HardSwish`` becomes ``hard_swish``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", operator).lower()


def _name(node: Any, inputs: Sequence[Value | None]) -> str:
    """Return the path of the weights, or the scope that torch's exporter wrote down, or the node's own name."""
    for value in inputs[1:]:
        if isinstance(value, Weights) and len(value.origins) == 1:
            path, _, last = min(value.origins).rpartition(".")
            if path and last in ("weight", "weight_v"):
                return path
    scopes = next((each.value for each in node.metadata_props if each.key == _MORE_NAMES), "")
    found = re.findall(r"'([\w.]*)'", scopes[:5000])
    if len(found) > 1 and found[-2]:
        return f"{found[-2]}.{words(node.op_type)}"
    return node.name.replace("/", ".") or words(node.op_type)
