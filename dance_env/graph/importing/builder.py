"""A layer graph that grows from the operations of another format, and the account of what became of them."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dance_env.graph.general_nodes import Elementwise, Free, Parameter
from dance_env.graph.importing.network import Finding, ImportedNetwork
from dance_env.graph.layer_graph import LayerGraph
from dance_env.graph.nodes import Add, Node, Shape

_MOST_CHARACTERS = 120


@dataclass(frozen=True)
class Activation:
    """A value that depends on the network's input: the output of a node, with its shape in the other format."""

    node: str
    shape: Shape


@dataclass(frozen=True)
class Weights:
    """A value that is known before the network runs, and which trainable tensors it is made of."""

    shape: Shape
    origins: frozenset[str] = frozenset()


Value = Activation | Weights


class NetworkBuilder:
    """A graph under construction.

    Attributes:
        graph: What has been added so far.
        trainable: Number of elements of each trainable tensor of the network.
    """

    def __init__(self, name: str, trainable: dict[str, int]) -> None:
        self.graph = LayerGraph(name)
        self.trainable = trainable
        self._claimed: set[str] = set()
        self._parameter_nodes: dict[Weights, str] = {}
        self._free: Counter[str] = Counter()
        self._approximated: list[Finding] = []
        self._unsupported: list[Finding] = []
        self._notes: list[str] = []

    # ---------------------------------------------------------------------------------------------------------- nodes
    def add(self, name: str, node: Node, inputs: Sequence[Value], shape: Shape) -> Activation:
        """Add a node; inputs that are weights of its own are left out.

        Args:
            name: Where it stands in the network; made safe and unique here.
            node: What it computes.
            inputs: What feeds it.
            shape: Of the output in the other format, with the batch of 1; checked.

        Raises:
            ValueError: If the graph does not agree with the shape.
        """
        feeds = list(dict.fromkeys(each.node for each in inputs if isinstance(each, Activation)))
        ours = self.unique(name)
        self.graph.add(ours, node, inputs=feeds, shape=without_batch(shape), block=block_of(ours))
        return Activation(ours, tuple(shape))

    def add_free(
        self, name: str, operation: str, inputs: Sequence[Value], shape: Shape, node: Node | None = None
    ) -> Activation:
        """Add a node without multiply-accumulates: `node` if it gives the stated shape, else a `Free` node."""
        self._free[operation] += 1
        operands = [*self.operands(inputs)]
        feeds = tuple(self.graph.shape(each.node) for each in operands)
        chosen: Node = Free(operation, without_batch(shape))
        if node is not None and _gives(node, feeds, without_batch(shape)):
            chosen = node
        return self.add(name, chosen, operands, shape)

    def add_elementwise(self, name: str, operation: str, inputs: Sequence[Value], shape: Shape) -> Activation:
        """Add an operation on each element; the sum of equal shapes is an `Add` node."""
        operands = [*self.operands(inputs)]
        node: Node = Elementwise(operation)
        if operation == "add" and len(operands) > 1 and len({self.graph.shape(each.node) for each in operands}) == 1:
            node = Add()
        return self.add_free(name, operation, operands, shape, node)

    def pass_on(self, operation: str, value: Activation, shape: Shape) -> Activation:
        """Count an operation that changes nothing but the axis of the batch, and return its input under its new shape."""
        self._free[operation] += 1
        return Activation(value.node, tuple(shape))

    def operands(self, values: Iterable[Value]) -> Iterable[Activation]:
        """Yield the nodes that feed an operation: activations, and trainable tensors as nodes of their own."""
        seen = set()
        for value in values:
            node = value if isinstance(value, Activation) else self.parameter(value)
            if node is not None and node.node not in seen:
                seen.add(node.node)
                yield node

    def parameter(self, weights: Weights) -> Activation | None:
        """Return the node of trainable tensors that enter an operation as an operand; None for constants."""
        if not weights.origins:
            return None
        if weights not in self._parameter_nodes:
            node = Parameter(without_batch(weights.shape), self.claim(weights))
            self._parameter_nodes[weights] = self.add(min(weights.origins), node, (), weights.shape).node
        return Activation(self._parameter_nodes[weights], weights.shape)

    def claim(self, *values: Value | None) -> int:
        """Return how many parameters of these weights no earlier node has, and count them as taken."""
        origins = {origin for value in values if isinstance(value, Weights) for origin in value.origins}
        fresh = origins - self._claimed
        self._claimed |= fresh
        return sum(self.trainable[origin] for origin in fresh)

    def fresh(self, *values: Value | None) -> int:
        """Return what `claim` would, and take nothing."""
        origins = {origin for value in values if isinstance(value, Weights) for origin in value.origins}
        return sum(self.trainable[origin] for origin in origins - self._claimed)

    def unique(self, name: str) -> str:
        """Return a safe name that no node has."""
        safe = safe_name(name)
        ours, count = safe, 1
        while ours in self.graph.networkx:
            count += 1
            ours = f"{safe}_{count}"
        return ours

    # -------------------------------------------------------------------------------------------------------- account
    def approximated(self, node: str, operation: str, macs: int, reason: str) -> None:
        """Note that a layer is not quite what the network computes."""
        self._approximated.append(Finding(node, operation, macs, reason))

    def unsupported(
        self, name: str, operation: str, inputs: Sequence[Value], shape: Shape, *, macs: int | None, reason: str
    ) -> Activation:
        """Add an operation that cannot be priced as a free node, and note it; its weights are one node, which counts them."""
        own = [each for each in inputs if isinstance(each, Weights)]
        feeds: list[Value] = [each for each in inputs if isinstance(each, Activation)]
        if count := self.claim(*own):
            feeds.append(self.add(f"{name}.parameters", Parameter(without_batch((count,)), count), (), (count,)))
        node = self.add(name, Free(operation, without_batch(shape)), feeds, shape)
        self._unsupported.append(Finding(node.node, operation, macs, reason))
        return node

    def note(self, text: str) -> None:
        """Note another decision."""
        self._notes.append(text)

    def finish(self, source: str, *, name_unused: bool = True) -> ImportedNetwork:
        """Return the network; parameters that no node uses are noted if `name_unused`."""
        unused = sorted(set(self.trainable) - self._claimed)
        if unused and name_unused:
            count = sum(self.trainable[each] for each in unused)
            shown = ", ".join(map(safe_name, unused[:5])) + (", ..." if len(unused) > 5 else "")
            self.note(f"{count:,} parameters are used by no operation and are not counted: {shown}")
        return ImportedNetwork(
            graph=self.graph,
            source=source,
            free=tuple(sorted(self._free.items(), key=lambda item: (-item[1], item[0]))),
            approximated=tuple(self._approximated),
            unsupported=tuple(self._unsupported),
            notes=tuple(self._notes),
        )


def without_batch(shape: Sequence[int]) -> Shape:
    """Return a shape without its leading axis, where that is a batch of 1."""
    shape = tuple(shape)
    return shape[1:] if shape[:1] == (1,) else shape


def safe_name(name: str) -> str:
    """Return a name of letters, digits and ``_ . -`` that is no path: what a file calls its nodes is not trusted."""
    words = re.sub(r"[^A-Za-z0-9_.\-]+", "_", name)
    return re.sub(r"\.{2,}", ".", words).strip("._-")[:_MOST_CHARACTERS] or "node"


def block_of(name: str) -> str:
    """Return the block of a node: its path up to the first numbers in it, such as ``layer1.0`` of ``layer1.0.conv1``."""
    found = re.match(r"(.*?\.\d+(?:\.\d+)*)\.", name)
    return found[1] if found else name.partition(".")[0]


def elements(shape: Sequence[int]) -> int:
    """Return how many numbers a tensor of this shape holds."""
    return math.prod(shape)


def _gives(node: Node, feeds: tuple[Shape, ...], shape: Shape) -> bool:
    try:
        return node.infer(feeds) == shape
    except ValueError:
        return False
