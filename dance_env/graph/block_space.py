"""Networks that are a row of blocks: a fixed stem and head, and blocks between them, some to be chosen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from dance_env.graph.drawable import PlacedBlock
from dance_env.graph.ends import Ends
from dance_env.graph.factored_space import GraphSpace, Piece
from dance_env.graph.layer_graph import LayerGraph
from dance_env.graph.nodes import Input
from dance_env.graph.operators import PLAIN, Operator, Style
from dance_env.graph.slot import Slot
from dance_env.space import Choice, DesignSpace

_RESERVED = {"input", "stem", "head", "pool", "fc"}


@dataclass(frozen=True)
class BlockSpace(GraphSpace):
    """3x3 stem convolution -> blocks in a row -> 1x1 head convolution -> global average pool -> fully connected.

    A network is the option index of each searchable slot: `(N,)` int64, a batch `(B, N)`. An option's layers depend on
    its slot alone, never on the other choices: shapes are the slots' own.

    Attributes:
        name: The catalog's name.
        image_shape: (channels, rows, columns) of an image; square.
        num_classes: Outputs.
        stem_channels: Output channels of the stem.
        stem_stride: Its stride.
        slots: All blocks in order, searchable and frozen.
        head_channels: Output channels of the head convolution.
        style: What stands around each convolution.

    Raises:
        ValueError: If a slot does not take what the one before it gives, slot names repeat, or nothing can be chosen.
    """

    name: str
    image_shape: tuple[int, int, int]
    num_classes: int
    stem_channels: int
    stem_stride: int
    slots: tuple[Slot, ...]
    head_channels: int
    style: Style = PLAIN

    def __post_init__(self) -> None:
        if self.image_shape[1] != self.image_shape[2]:
            raise ValueError(f"network space {self.name!r}: images must be square, got {self.image_shape}")
        names = [slot.name for slot in self.slots]
        if len(set(names)) != len(names) or _RESERVED & set(names):
            raise ValueError(
                f"network space {self.name!r}: slot names must differ from each other and from {sorted(_RESERVED)}, "
                f"got {names}"
            )
        if not any(slot.searchable for slot in self.slots):
            raise ValueError(f"network space {self.name!r}: no slot has more than one operator; nothing can be chosen")
        size = -(-self.image_shape[1] // self.stem_stride)
        shape = (self.stem_channels, size, size)
        for slot in self.slots:
            if slot.in_shape != shape:
                raise ValueError(
                    f"network space {self.name!r}, slot {slot.name!r}: expected input shape {shape}, found "
                    f"{slot.in_shape}"
                )
            shape = slot.out_shape

    # --------------------------------------------------------------------------------------------------------- choices
    @property
    def searchable(self) -> tuple[Slot, ...]:
        """The `N` slots that have a choice, in order."""
        return tuple(slot for slot in self.slots if slot.searchable)

    def embed(self, networks: ArrayLike, into: BlockSpace) -> np.ndarray:
        """`(B, N of into)` int64: the same networks, written as networks of a larger space.

        Args:
            networks: `(B, N)`.
            into: A space with the same stem, slots and head, whose slots offer at least the operators of this one's.

        Raises:
            ValueError: If `into` is not such a space.
        """
        checked = self.check(networks)
        if self._frame != into._frame:
            raise ValueError(f"network space {self.name!r} has another stem, head, style or blocks than {into.name!r}")
        columns = {slot: column for column, slot in enumerate(self.searchable)}
        result = []
        for ours, theirs in zip(self.slots, into.slots, strict=True):
            missing = [each.name for each in ours.operators if each not in theirs.operators]
            if missing:
                raise ValueError(
                    f"network space {into.name!r}, slot {theirs.name!r}: there is no operator {missing[0]!r}, which "
                    f"{self.name!r} has; found {theirs.options}"
                )
            if theirs.searchable:
                positions = np.array([theirs.operators.index(each) for each in ours.operators])
                chosen = checked[:, columns[ours]] if ours.searchable else np.zeros(len(checked), dtype=np.int64)
                result.append(positions[chosen])
        return np.stack(result, axis=1)

    # ---------------------------------------------------------------------------------------------------------- graphs
    def graph(self, network: ArrayLike) -> LayerGraph:
        """The layer graph of one network, `(N,)`."""
        chosen = iter(self.check(np.asarray(network)[None])[0].tolist())
        graph = LayerGraph(self.name)
        last = self._ends.add_stem(graph)
        for slot in self.slots:
            operator = slot.operators[next(chosen) if slot.searchable else 0]
            last = operator.extend(graph, last, place=slot.place, style=self.style)
        self._ends.add_head(graph, last)
        return graph

    def fragments(self) -> tuple[tuple[LayerGraph, ...], ...]:
        """Return the network as a row of small graphs, each from one input to one output: stem, every slot, head.

        A searchable slot has one graph per option, everything else a single one; nodes are named as in `graph`.
        """
        return tuple(self._options(each) if isinstance(each, int) else (each,) for each in self._row)

    def placed_blocks(self) -> tuple[PlacedBlock, ...]:
        """Return where the slots stand, for drawings."""
        column = {slot: column for column, slot in enumerate(self.searchable)}
        scopes = [(column[slot],) if slot.searchable else () for slot in self.slots]
        return tuple(
            PlacedBlock(slot.name, scope, slot.in_size, slot.out_channels)
            for slot, scope in zip(self.slots, scopes, strict=True)
        )

    def operators(self) -> tuple[Operator, ...]:
        """Return the operators of all slots, slot by slot."""
        return tuple(each for slot in self.slots for each in slot.operators)

    def built(self, block: int, options: tuple[int, ...]) -> tuple[Operator, int]:
        """Return the operator of slot number `block`, and 1: it stands there once."""
        return self.slots[block].operators[options[0] if options else 0], 1

    # --------------------------------------------------------------------------------------------------------- private
    @cached_property
    def _space(self) -> DesignSpace:
        return DesignSpace(tuple(Choice(slot.name, slot.options, "network", "nominal") for slot in self.searchable))

    @property
    def _frame(self) -> tuple[object, ...]:
        """All that a network is apart from its operators."""
        return (self._ends, *(slot.place for slot in self.slots))

    @property
    def _ends(self) -> Ends:
        return Ends(
            self.image_shape,
            self.num_classes,
            stem_channels=self.stem_channels,
            stem_stride=self.stem_stride,
            head_channels=self.head_channels,
            style=self.style,
        )

    def _fragment(self, slot: Slot, operator: Operator) -> LayerGraph:
        graph = LayerGraph(f"{self.name}, {slot.name}, {operator.name}")
        image = graph.add("input", Input(*slot.in_shape), block="input")
        last = operator.extend(graph, image, place=slot.place, style=self.style)
        if graph.shape(last) != slot.out_shape:
            raise ValueError(
                f"network space {self.name!r}, slot {slot.name!r}: operator {operator.name!r} gives shape {graph.shape(last)}, "
                f"the slot is said to give {slot.out_shape}"
            )
        return graph

    @cached_property
    def _row(self) -> tuple[LayerGraph | int, ...]:
        """Stem, slots, head in order: the graph of what is fixed, the choice's index of what is searched."""
        stem, head = LayerGraph(f"{self.name}, stem"), LayerGraph(f"{self.name}, head")
        self._ends.add_stem(stem)
        self._ends.add_head(head, head.add("input", Input(*self.slots[-1].out_shape), block="input"))
        slots = [
            self.searchable.index(slot) if slot.searchable else self._fragment(slot, slot.operators[0])
            for slot in self.slots
        ]
        return (stem, *slots, head)

    def _options(self, choice: int) -> tuple[LayerGraph, ...]:
        return tuple(graph for graphs in self._pieces[choice].graphs for graph in graphs)

    @property
    def _fixed(self) -> tuple[LayerGraph, ...]:
        return tuple(each for each in self._row if isinstance(each, LayerGraph))

    @cached_property
    def _pieces(self) -> tuple[Piece, ...]:
        return tuple(
            Piece((choice,), tuple((self._fragment(slot, each),) for each in slot.operators))
            for choice, slot in enumerate(self.searchable)
        )
