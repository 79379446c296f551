"""A space of networks: a fixed stem and head, and blocks in a row of which some can be chosen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from dance_env.graph.layer import Layer
from dance_env.graph.layer_graph import LayerGraph
from dance_env.graph.layer_table import LayerTable, layer_row
from dance_env.graph.nodes import Conv, GlobalPool, Input, Linear
from dance_env.graph.operators import PLAIN, Style, add_conv
from dance_env.graph.slot import Slot
from dance_env.space import Choice, DesignSpace

_RESERVED = {"input", "stem", "head", "pool", "fc"}


@dataclass(frozen=True)
class NetworkSpace:
    """3x3 stem convolution -> blocks in a row -> 1x1 head convolution -> global average pool -> fully connected.

    A network is the option index of each searchable slot: `(N,)` int64, a batch `(B, N)`. What an option costs in
    layers depends on its slot alone, never on the other choices: shapes are the slots' own.

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

    def choices(self) -> tuple[Choice, ...]:
        """The `N` network choices, named after their slots."""
        return self._space.choices

    @property
    def size(self) -> int:
        """The exact number of networks."""
        return self._space.size

    def check(self, networks: ArrayLike) -> np.ndarray:
        """The networks as `(B, N)` int64; raises as `DesignSpace.check` does."""
        return self._space.check(networks)

    def embed(self, networks: ArrayLike, into: NetworkSpace) -> np.ndarray:
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
            missing = [name for name in ours.operators if name not in theirs.operators]
            if missing:
                raise ValueError(
                    f"network space {into.name!r}, slot {theirs.name!r}: there is no operator {missing[0]!r}, which "
                    f"{self.name!r} has; found {theirs.operators}"
                )
            if theirs.searchable:
                positions = np.array([theirs.operators.index(name) for name in ours.operators])
                chosen = checked[:, columns[ours]] if ours.searchable else np.zeros(len(checked), dtype=np.int64)
                result.append(positions[chosen])
        return np.stack(result, axis=1)

    # ---------------------------------------------------------------------------------------------------------- graphs
    def graph(self, network: ArrayLike) -> LayerGraph:
        """The layer graph of one network, `(N,)`."""
        chosen = self._space.decode(np.asarray(network)[None])[0]
        graph = LayerGraph(self.name)
        last = self._add_stem(graph)
        for slot in self.slots:
            name = str(chosen[slot.name]) if slot.searchable else slot.operators[0]
            last = slot.operator(name).extend(graph, last, place=slot.place, style=self.style)
        self._add_head(graph, last)
        return graph

    def parts(self) -> tuple[tuple[LayerGraph, ...], ...]:
        """The network as a row of small graphs, each from one input to one output: stem, every slot, head.

        A searchable slot has one graph per option, everything else a single one; nodes are named as in `graph`.
        """
        return tuple(self._option_fragments[part] if isinstance(part, int) else (part,) for part in self._parts)

    def fixed_layers(self) -> tuple[Layer, ...]:
        """The layers of every network, in order of execution: stem, frozen blocks, head convolution, classifier."""
        return tuple(layer for fragment in self._fixed_fragments for layer in fragment.layers())

    def option_layers(self, choice: int, option: int) -> tuple[Layer, ...]:
        """The layers that an option of a choice adds.

        Args:
            choice: Index of the choice, `0..N-1`.
            option: Index of its option.

        Raises:
            IndexError: If there is no such choice or option.
        """
        if not 0 <= choice < len(self.searchable):
            last = len(self.searchable) - 1
            raise IndexError(f"network space {self.name!r}: choice must be in 0..{last}, got {choice}")
        fragments = self._option_fragments[choice]
        if not 0 <= option < len(fragments):
            where = f"network space {self.name!r}, choice {choice} ({self.searchable[choice].name!r})"
            raise IndexError(f"{where}: option must be in 0..{len(fragments) - 1}, got {option}")
        return fragments[option].layers()

    # ---------------------------------------------------------------------------------------------------------- arrays
    def macs(self, networks: ArrayLike) -> np.ndarray:
        """`(B,)` int64: multiply-accumulates of each network, for one image."""
        return self._summed("macs", networks)

    def parameters(self, networks: ArrayLike) -> np.ndarray:
        """`(B,)` int64: trainable parameters of each network, batch norm and biases included."""
        return self._summed("parameters", networks)

    def layer_table(self, networks: ArrayLike) -> LayerTable:
        """The layers of each network, in order of execution, as arrays (`L` is the same for every batch)."""
        checked = self.check(networks)
        fixed = np.zeros(len(checked), dtype=np.int64)
        options = [checked[:, part] if isinstance(part, int) else fixed for part in self._parts]
        rows = np.concatenate([rows[each] for (rows, _), each in zip(self._rows, options, strict=True)], axis=1)
        mask = np.concatenate([mask[each] for (_, mask), each in zip(self._rows, options, strict=True)], axis=1)
        return LayerTable(rows[..., :7], rows[..., 7], mask)

    # --------------------------------------------------------------------------------------------------------- private
    @cached_property
    def _space(self) -> DesignSpace:
        return DesignSpace(tuple(Choice(slot.name, slot.operators, "network", "nominal") for slot in self.searchable))

    @property
    def _frame(self) -> tuple[object, ...]:
        """All that a network is apart from its operators."""
        ends = (
            self.image_shape,
            self.num_classes,
            self.stem_channels,
            self.stem_stride,
            self.head_channels,
            self.style,
        )
        return (*ends, *(slot.place for slot in self.slots))

    def _add_stem(self, graph: LayerGraph) -> str:
        image = graph.add("input", Input(*self.image_shape), block="input")
        conv = Conv(self.stem_channels, 3, self.stem_stride)
        return add_conv(graph, "stem", after=image, conv=conv, block="stem", style=self.style)

    def _add_head(self, graph: LayerGraph, after: str) -> None:
        conv = Conv(self.head_channels, 1)
        last = add_conv(graph, "head", after=after, conv=conv, block="head", style=self.style)
        last = graph.add("pool", GlobalPool(), inputs=(last,), block="pool")
        graph.add("fc", Linear(self.num_classes), inputs=(last,), shape=(self.num_classes,), block="fc")

    def _fragment(self, slot: Slot, name: str) -> LayerGraph:
        graph = LayerGraph(f"{self.name}, {slot.name}, {name}")
        image = graph.add("input", Input(*slot.in_shape), block="input")
        last = slot.operator(name).extend(graph, image, place=slot.place, style=self.style)
        if graph.shape(last) != slot.out_shape:
            raise ValueError(
                f"network space {self.name!r}, slot {slot.name!r}: operator {name!r} gives shape {graph.shape(last)}, "
                f"the slot is said to give {slot.out_shape}"
            )
        return graph

    @cached_property
    def _parts(self) -> tuple[LayerGraph | int, ...]:
        """Stem, slots, head in order: the graph of what is fixed, the choice's index of what is searched."""
        stem, head = LayerGraph(f"{self.name}, stem"), LayerGraph(f"{self.name}, head")
        self._add_stem(stem)
        self._add_head(head, head.add("input", Input(*self.slots[-1].out_shape), block="input"))
        slots = [
            self.searchable.index(slot) if slot.searchable else self._fragment(slot, slot.operators[0])
            for slot in self.slots
        ]
        return (stem, *slots, head)

    @property
    def _fixed_fragments(self) -> tuple[LayerGraph, ...]:
        return tuple(part for part in self._parts if isinstance(part, LayerGraph))

    @cached_property
    def _option_fragments(self) -> tuple[tuple[LayerGraph, ...], ...]:
        return tuple(tuple(self._fragment(slot, name) for name in slot.operators) for slot in self.searchable)

    @cached_property
    def _counts(self) -> dict[str, tuple[int, np.ndarray]]:
        """By metric: the sum over what is fixed, and `(O,)` int64 what each option adds."""
        return {
            metric: (
                sum(getattr(fragment, metric) for fragment in self._fixed_fragments),
                np.array([getattr(each, metric) for options in self._option_fragments for each in options]),
            )
            for metric in ("macs", "parameters")
        }

    def _summed(self, metric: str, networks: ArrayLike) -> np.ndarray:
        fixed, added = self._counts[metric]
        return fixed + added[self.check(networks) + self._space.offsets].sum(axis=1)

    @cached_property
    def _rows(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """For each part: `(options, most layers, 8)` rows and `(options, most layers)` mask."""
        tables = []
        for part in self._parts:
            fragments = self._option_fragments[part] if isinstance(part, int) else (part,)
            layers = [fragment.layers() for fragment in fragments]
            rows = np.ones((len(layers), max(len(each) for each in layers), 8), dtype=np.int64)
            mask = np.zeros(rows.shape[:2], dtype=bool)
            for option, each in enumerate(layers):
                rows[option, : len(each)] = np.array([layer_row(layer) for layer in each]).reshape(-1, 8)
                mask[option, : len(each)] = True
            tables.append((rows, mask))
        return tuple(tables)
