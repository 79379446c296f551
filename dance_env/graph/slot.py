"""One block's place in a network, and what may stand there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dance_env.graph.operators import Operator, Place, operator


@dataclass(frozen=True)
class Slot:
    """One block's place in the network, and the operators that may stand there.

    Attributes:
        name: Such as ``"block3"``; the choice is named after it.
        operators: Names out of the catalog or `Operator` values of your own, in index order; kept as names. A slot with
            a single operator is frozen, and no choice.
        in_channels: Channels that arrive.
        out_channels: Channels that leave.
        stride: 1, or 2 where rows and columns are halved.
        in_size: Rows (and columns) of the image that arrives.
        own: The values among the operators, as they were given.

    Raises:
        TypeError: If an operator is neither a name nor an `Operator`.
        ValueError: If there is no operator, one is repeated or unknown, or one may not stand here.
    """

    name: str
    operators: tuple[Any, ...]  # names or values when given, names ever after
    in_channels: int
    out_channels: int
    stride: int
    in_size: int
    own: tuple[Operator, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.operators, str):
            raise TypeError(
                f"slot {self.name!r}: operators must be a tuple of names, got the string {self.operators!r}"
            )
        values = [each for each in self.operators if not isinstance(each, str)]
        for value in values:
            if not isinstance(value, Operator):
                raise TypeError(
                    f"slot {self.name!r}: an operator is a name or a value with `name`, `suits` and `extend` "
                    f"(dance_env.graph.Operator), got {value!r}"
                )
        names = tuple(each if isinstance(each, str) else each.name for each in self.operators)
        object.__setattr__(self, "operators", names)
        given = {each.name: each for each in (*self.own, *values)}
        object.__setattr__(self, "own", tuple(each for name, each in given.items() if name in names))
        if not self.operators or len(set(self.operators)) != len(self.operators):
            raise ValueError(f"slot {self.name!r}: one or more different operators are needed, got {self.operators}")
        for name in self.operators:
            if not self.operator(name).suits(self.place):
                raise ValueError(
                    f"slot {self.name!r}: operator {name!r} needs stride 1 and equal widths, found stride "
                    f"{self.stride}, {self.in_channels} -> {self.out_channels} channels"
                )

    def operator(self, name: str) -> Operator:
        """The operator of this name: one of the slot's own, or the catalog's.

        Raises:
            ValueError: If there is none.
        """
        for each in self.own:
            if each.name == name:
                return each
        return operator(name)

    @property
    def place(self) -> Place:
        """The slot without its operators and image size."""
        return Place(self.name, self.in_channels, self.out_channels, self.stride)

    @property
    def in_shape(self) -> tuple[int, int, int]:
        """(channels, rows, columns) that arrive."""
        return (self.in_channels, self.in_size, self.in_size)

    @property
    def out_shape(self) -> tuple[int, int, int]:
        """(channels, rows, columns) that leave."""
        size = -(-self.in_size // self.stride)
        return (self.out_channels, size, size)

    @property
    def searchable(self) -> bool:
        """Whether there is something to choose."""
        return len(self.operators) > 1
