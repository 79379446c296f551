"""One block's place in a network, and what may stand there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dance_env.graph.operators import Operator, Place, operator


@dataclass(frozen=True, init=False)
class Slot:
    """One block's place in the network, and the operators that may stand there.

    Attributes:
        name: Such as ``"block3"``; the choice is named after it.
        operators: In index order. A slot with a single operator is frozen, and no choice.
        in_channels: Channels that arrive.
        out_channels: Channels that leave.
        stride: 1, or 2 where rows and columns are halved.
        in_size: Rows (and columns) of the image that arrives.
    """

    name: str
    operators: tuple[Operator, ...]
    in_channels: int
    out_channels: int
    stride: int
    in_size: int

    def __init__(
        self,
        name: str,
        operators: Sequence[str | Operator],
        in_channels: int,
        out_channels: int,
        stride: int,
        in_size: int,
    ) -> None:
        """Check that every operator may stand here.

        Args:
            name: As the attribute.
            operators: Names of the catalog (see `operator`) or `Operator` values of your own.
            in_channels, out_channels, stride, in_size: As the attributes.

        Raises:
            TypeError: If an operator is neither a name nor an `Operator`.
            ValueError: If there is no operator, one is repeated or unknown, or one may not stand here.
        """
        if isinstance(operators, str):
            raise TypeError(f"slot {name!r}: operators must be a tuple of names, got the string {operators!r}")
        fields = {
            "name": name,
            "operators": tuple(_operator(name, each) for each in operators),
            "in_channels": in_channels,
            "out_channels": out_channels,
            "stride": stride,
            "in_size": in_size,
        }
        for field, value in fields.items():
            object.__setattr__(self, field, value)
        if not self.operators or len(set(self.options)) != len(self.options):
            raise ValueError(f"slot {name!r}: one or more different operators are needed, got {self.options}")
        for each in self.operators:
            reason = each.why_not(self.place)
            if reason is not None:
                raise ValueError(
                    f"slot {name!r}: operator {each.name!r} may not stand here (stride {stride}, {in_channels} -> "
                    f"{out_channels} channels): {reason}"
                )

    @property
    def options(self) -> tuple[str, ...]:
        """The operators' names: the options of the slot's choice."""
        return tuple(each.name for each in self.operators)

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


def _operator(slot: str, given: str | Operator) -> Operator:
    """Return an operator, given itself or its name in the catalog."""
    if isinstance(given, str):
        return operator(given)
    if not isinstance(given, Operator):
        raise TypeError(
            f"slot {slot!r}: an operator is a name or a value with `name`, `why_not` and `extend` "
            f"(dance_env.graph.Operator), got {given!r}"
        )
    return given
