"""One block's place in a network, and what may stand there."""

from __future__ import annotations

from dataclasses import dataclass

from dance_env.graph.operators import Place, operator


@dataclass(frozen=True)
class Slot:
    """One block's place in the network, and the operators that may stand there.

    Attributes:
        name: Such as ``"block3"``; the choice is named after it.
        operators: Names, in index order; a slot with a single operator is frozen, and no choice.
        in_channels: Channels that arrive.
        out_channels: Channels that leave.
        stride: 1, or 2 where rows and columns are halved.
        in_size: Rows (and columns) of the image that arrives.

    Raises:
        ValueError: If there is no operator, one is repeated or unknown, or one may not stand here.
    """

    name: str
    operators: tuple[str, ...]
    in_channels: int
    out_channels: int
    stride: int
    in_size: int

    def __post_init__(self) -> None:
        if not self.operators or len(set(self.operators)) != len(self.operators):
            raise ValueError(f"slot {self.name!r}: one or more different operators are needed, got {self.operators}")
        for name in self.operators:
            if not operator(name).suits(self.place):
                raise ValueError(
                    f"slot {self.name!r}: operator {name!r} needs stride 1 and equal widths, found stride "
                    f"{self.stride}, {self.in_channels} -> {self.out_channels} channels"
                )

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
