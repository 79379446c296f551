"""What a comparison reports while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from solvers.comparison.plan import Cell
from solvers.contract.progress import Progress
from solvers.contract.result import Result


@dataclass(frozen=True, kw_only=True)
class Listener:
    """What a comparison reports to; every part is optional.

    Attributes:
        on_start: Called with each cell when its run begins.
        on_progress: Called with how far a running cell is, a few times a second.
        on_cell: Called with each finished cell, those found on record first.
        on_table: Called with (layers done, layers in all) where a task's cost table has to be built first.
        on_optimum: Called with (networks done, networks in all) where an exact optimum has to be found first.
    """

    on_start: Callable[[Cell], object] | None = None
    on_progress: Callable[[Cell, Progress], object] | None = None
    on_cell: Callable[[Cell, Result], object] | None = None
    on_table: Callable[[int, int], None] | None = None
    on_optimum: Callable[[int, int], None] | None = None

    def started(self, cell: Cell) -> None:
        """Report that a run has begun."""
        if self.on_start is not None:
            self.on_start(cell)

    def progressed(self, cell: Cell, progress: Progress) -> None:
        """Report how far a run is."""
        if self.on_progress is not None:
            self.on_progress(cell, progress)

    def ended(self, cell: Cell, result: Result) -> None:
        """Report that a cell has its result."""
        if self.on_cell is not None:
            self.on_cell(cell, result)
