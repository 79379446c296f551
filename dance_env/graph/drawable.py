"""Network spaces whose networks are drawn as a row of blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from dance_env.graph.network_space import NetworkSpace
from dance_env.graph.operators import Operator


@dataclass(frozen=True)
class PlacedBlock:
    """Where a block stands.

    Attributes:
        name: of the block.
        scope: the network choices that decide what it is; none for a block that every network has.
        rows: of the image that arrives.
        channels: that leave.
    """

    name: str
    scope: tuple[int, ...]
    rows: int
    channels: int


@runtime_checkable
class DrawableSpace(NetworkSpace, Protocol):
    """A network space whose networks are a row of blocks between stem and head, each one operator, once or repeated."""

    def placed_blocks(self) -> tuple[PlacedBlock, ...]:
        """Return the blocks in order."""

    def operators(self) -> tuple[Operator, ...]:
        """Return all operators of all blocks; some may be repeated."""

    def built(self, block: int, options: tuple[int, ...]) -> tuple[Operator, int]:
        """Return the operator of a block and how often it stands there, given an option index of each of its choices."""
