"""One call of an ATen operator, as its import reads it. Importing this module imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, fx
from torch.utils.flop_counter import flop_registry

from dance_env.graph.importing.builder import Activation, NetworkBuilder, Value, Weights
from dance_env.graph.nodes import Node, Shape


class Call:
    """A call: its arguments by name, and where it stands in the network.

    Attributes:
        builder: Of the network.
        operator: The operator's name, without its overload, and without the mark of one that works in place.
        name: Of the node that it becomes.
        writes: Whether it works in place, on its first argument.
        is_view: Whether its result shares the memory of its first argument.
    """

    def __init__(self, builder: NetworkBuilder, node: fx.Node, values: dict[fx.Node, Any]) -> None:
        self.builder = builder
        self._node = node
        self._values = values
        packet = getattr(node.target, "overloadpacket", None)
        full = str(packet) if packet is not None else getattr(node.target, "__name__", str(node.target))
        namespace, _, short = full.rpartition(".")
        self.operator = short.rstrip("_") if namespace == "aten" else full
        self.full_name = full
        schema = getattr(node.target, "_schema", None)
        marks = [each.alias_info for each in schema.arguments if each.alias_info] if schema is not None else []
        self.writes = any(each.is_write for each in marks)
        self.is_view = bool(marks) and not self.writes
        names = [each.name for each in schema.arguments] if schema is not None else []
        self._arguments = {each.name: each.default_value for each in schema.arguments} if schema is not None else {}
        self._arguments.update(zip(names, node.args, strict=False))
        self._arguments.update(node.kwargs)
        self.name = _name(node, self.operator, self.tensors)

    # ----------------------------------------------------------------------------------------------------- arguments
    def setting(self, name: str) -> Any:
        """Return an argument that is no tensor, or its default."""
        return self._arguments.get(name)

    def value(self, name: str) -> Value:
        """Return a tensor argument."""
        found = self.optional(name)
        if found is None:
            raise ValueError(f"{self.full_name} {self.name!r}: the argument {name!r} is missing")
        return found

    def optional(self, name: str) -> Value | None:
        """Return a tensor argument, or None where it is not given."""
        found = self._arguments.get(name)
        value = self._values.get(found) if isinstance(found, fx.Node) else None
        return value if isinstance(value, Activation | Weights) else None

    def values(self, name: str) -> list[Value]:
        """Return a list of tensor arguments."""
        return [self._values[each] for each in self._arguments[name]]

    @property
    def tensors(self) -> list[Value]:
        """All tensor arguments, in order."""
        found = [self._values.get(each) for each in self._node.all_input_nodes]
        flat = [one for each in found for one in (each if isinstance(each, tuple) else (each,))]
        return [each for each in flat if isinstance(each, Activation | Weights)]

    @property
    def first(self) -> Value:
        """The first tensor argument."""
        return self.tensors[0]

    # -------------------------------------------------------------------------------------------------------- results
    @property
    def results(self) -> list[Shape]:
        """The shape of each output that is a tensor.

        Raises:
            ValueError: If one depends on the values of the input.
        """
        found = self._node.meta.get("val")
        several = found if isinstance(found, list | tuple) else [found]
        shapes = [tuple(each.shape) for each in several if isinstance(each, Tensor)]
        for shape in shapes:
            if not all(isinstance(size, int) for size in shape):
                raise ValueError(
                    f"{self.full_name} {self.name!r}: its shape {shape} depends on the values of the input"
                )
        return shapes

    @property
    def shape(self) -> Shape:
        """The shape of the first output."""
        return self.results[0] if self.results else ()

    @property
    def is_tensor(self) -> bool:
        """Whether the call returns one tensor: no list, and no number."""
        return isinstance(self._node.meta.get("val"), Tensor)

    def first_of_several(self, result: Value) -> Value | tuple[Value, ...]:
        """Return a result as the first of those that the operator returns; the others are byproducts of training."""
        return result if self.is_tensor else (result,) * max(len(self.results), 1)

    # ---------------------------------------------------------------------------------------------------------- nodes
    def free(self, operation: str | None = None, node: Node | None = None) -> Value | tuple[Value, ...] | None:
        """Add the call as a node without multiply-accumulates, one for each output that something uses."""
        operation = operation or self.operator
        if self.is_tensor:
            return self.builder.add_free(self.name, operation, self.tensors, self.shape, node)
        used = {user.args[1] for user in self._node.users if len(user.args) == 2}
        results = [
            self.builder.add_free(self.name, operation, self.tensors, shape) if index in used else Weights(shape)
            for index, shape in enumerate(self.results)
        ]
        return tuple(results)

    def known_beforehand(self) -> Value | tuple[Value, ...] | Any:
        """Return the results of a call that reads weights and constants alone: they are computed before the network runs."""
        origins = frozenset(origin for each in self.tensors if isinstance(each, Weights) for origin in each.origins)
        results = tuple(Weights(shape, origins) for shape in self.results)
        return results[0] if self.is_tensor else results or self._node.meta.get("val")

    def elementwise(self, operation: str | None = None) -> Activation:
        """Add the call as an operation on each element."""
        return self.builder.add_elementwise(self.name, operation or self.operator, self.tensors, self.shape)

    def unsupported(self, reason: str | None = None, macs: int | None = None) -> Value | tuple[Value, ...]:
        """Add the call as a node that no cost covers, and list it; its multiply-accumulates are torch's count if it has one."""
        reason = reason or "there is no layer of the cost model for it"
        macs = self._counted_by_torch() if macs is None else macs
        first, *others = self.results or [()]
        result = self.builder.unsupported(self.name, self.full_name, self.tensors, first, macs=macs, reason=reason)
        if self.is_tensor:
            return result
        more = (self.builder.add_free(self.name, "output", [result], shape) for shape in others)
        return (result, *more)

    def _counted_by_torch(self) -> int | None:
        formula = flop_registry.get(getattr(self._node.target, "overloadpacket", None))
        if formula is None:
            return None
        args, kwargs = fx.map_arg((self._node.args, self._node.kwargs), lambda each: each.meta.get("val"))
        return int(formula(*args, **kwargs, out_val=self._node.meta.get("val"))) // 2


def pairs(padding: Sequence[int]) -> tuple[int, ...]:
    """Return padding of each axis as before and after: (1, 2) becomes (1, 1, 2, 2)."""
    return tuple(each for size in padding for each in (size, size))


def spread(values: Sequence[int] | int, axes: int) -> tuple[int, ...]:
    """Return a number for each axis."""
    several = (values,) if isinstance(values, int) else tuple(values)
    return several * axes if len(several) == 1 else several


def _name(node: fx.Node, operator: str, tensors: Sequence[Value]) -> str:
    """Return the path of the module that makes the call, and the operator where the module makes several calls."""
    stack = node.meta.get("nn_module_stack") or {}
    if not stack:  # a recorded program holds no paths, but for those of the weights
        origins = [origin for each in tensors if isinstance(each, Weights) for origin in sorted(each.origins)]
        return origins[0].rpartition(".")[0] if origins and "." in origins[0] else operator
    path, kind = list(stack.values())[-1]
    kind = kind if isinstance(kind, str) else kind.__module__
    own = bool(path) and kind.startswith("torch.nn.modules.") and "activation.Multihead" not in kind
    return str(path) if own else f"{path}.{operator}" if path else operator
