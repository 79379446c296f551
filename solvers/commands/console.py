"""A comparison on the terminal: progress while it runs, the table when it ends."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from dance_env.command_line import printable
from solvers.comparison.compare import compare
from solvers.comparison.listener import Listener
from solvers.comparison.plan import Cell
from solvers.comparison.run import Comparison
from solvers.comparison.settings import Settings
from solvers.comparison.spending import AXES, Axis
from solvers.comparison.table import long_table
from solvers.comparison.trial_files import write_tuning
from solvers.comparison.trials import Tuning
from solvers.comparison.tuning.search import tune, tuned_specs
from solvers.contract.progress import Progress as RunProgress
from solvers.contract.result import Result, Status
from solvers.report.page import HTML, write_report
from solvers.report.summary import summarize
from solvers.report.table import note, rich_table


def run_comparison(
    settings: Settings,
    *,
    command: Sequence[str] = (),
    curves: Sequence[Axis] = tuple(AXES),
    console: Console | None = None,
    tuning: Tuning | None = None,
) -> Comparison:
    """Compare with progress on the terminal, print the table, and write the report into the output folder.

    Args:
        settings: what is compared.
        command: the command line that asked for it, for the report.
        curves: what the report draws the best design so far against.
        console: where to print; the terminal by default.
        tuning: how settings of the solvers were chosen, for the report.

    Raises:
        KeyboardInterrupt: interrupted; finished cells are on record.
        OSError, ValueError: as `compare`.
    """
    console = console or Console()
    started = time.perf_counter()
    with Display(console) as display:
        comparison = compare(settings, listener=display.listener())
    if tuning is not None:
        comparison = dataclasses.replace(comparison, tunings=(tuning,))
    show_comparison(comparison, command=command, curves=curves, console=console, started=started)
    return comparison


def run_tuning(settings: Settings, budget: str, *, console: Console | None = None) -> tuple[Settings, Tuning]:
    """Tune the solvers of a comparison with progress on the terminal, write tuning.md and tuning.json, print the scores.

    Returns:
        The comparison of the solvers as given and tuned; and the tuning.

    Raises:
        KeyboardInterrupt: Interrupted; finished trials are on record.
        OSError, ValueError, ImportError: As `tune`.
    """
    console = console or Console()
    with Display(console) as display:
        tuning = tune(settings, budget, listener=display.listener())
    page, _ = write_tuning(tuning, settings.out)
    for each in tuning.solvers:
        if each.trials:
            best, median, worst = each.spread
            text = f"tuned {each.label}: 1 as given, {best:.4f} best, {median:.4f} median, {worst:.4f} worst of {len(each.trials)}"
        else:
            text = f"not tuned: {each.reason}"
        console.print(_literal(text), highlight=False)
    console.print(f"Tuning: {_literal(str(page))}", highlight=False, soft_wrap=True)
    return dataclasses.replace(settings, solvers=tuned_specs(settings, tuning)), tuning


def show_comparison(
    comparison: Comparison,
    *,
    command: Sequence[str] = (),
    curves: Sequence[Axis] = tuple(AXES),
    console: Console | None = None,
    started: float | None = None,
) -> None:
    """Write the report of a comparison into its folder, and print its tables.

    Args:
        comparison, command, curves, console: As for `run_comparison`.
        started: When the work began, as `time.perf_counter` tells; None for now.

    Raises:
        OSError: If the folder cannot be written.
    """
    console = console or Console()
    started = time.perf_counter() if started is None else started
    pages = write_report(comparison, command=command, curves=curves)
    table = summarize(long_table(comparison))
    for each in comparison.tasks:
        rows = [row for row in table if row.task == each.task]
        title = f"{each.task}: {each.problem.space.size:,} designs, {each.reference}"
        console.print()
        console.print(rich_table(rows, title=title, reference=each.reference))
        console.print(f"[dim]{_literal(note(rows, each.reference))}[/dim]", highlight=False)
    for reason in comparison.left_out:
        console.print(_literal(f"Left out: {reason}"), highlight=False)
    console.print(
        f"\nReport: {_literal(str(comparison.settings.out / HTML))} (open it in a browser); tables and figures beside "
        f"{_literal(', '.join(map(str, pages)))} ({time.perf_counter() - started:.0f} s)",
        highlight=False,
        soft_wrap=True,
    )


def _literal(text: str) -> str:
    """A text as the terminal shows it: no markup, no control characters of a user's."""
    return escape(printable(text))


@dataclass(eq=False)
class Display:
    """Bars of what is running, and a line for what has ended."""

    console: Console
    progress: Progress = field(init=False)
    bars: dict[Any, TaskID] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", style="dim"),
            console=self.console,
            transient=True,
        )

    def __enter__(self) -> Display:
        if self.console.is_terminal:  # elsewhere bars would be left in the output
            self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.console.is_terminal:
            self.progress.stop()

    def listener(self, *, quiet: bool = False) -> Listener:
        """What a comparison reports to.

        Args:
            quiet: Whether an ended run gets no line.
        """
        return Listener(
            on_start=self.cell_started,
            on_cell=self.cell_removed if quiet else self.cell_ended,
            on_progress=self.report,
            on_table=self.preparing("cost table"),
            on_optimum=self.preparing("exact optimum"),
        )

    def preparing(self, title: str) -> Callable[[int, int], None]:
        """The progress of work that comes before the cells, done once and then cached."""

        def advance(done: int, total: int) -> None:
            self._advance(title, title, done=done, total=total, note="made once, then cached")
            if done >= total:
                self._remove(title)

        return advance

    def cell_started(self, cell: Cell) -> None:
        """A bar for a run that has begun, whether it will report or not."""
        self._advance(cell, str(cell), done=0, total=cell.budget.size, note="")

    def report(self, cell: Cell, run: RunProgress) -> None:
        """How far a running cell is."""
        note = f"best {run.best_objective:.4f}" if run.best_objective < float("inf") else ""
        size = run.budget.size
        self._advance(cell, str(cell), done=round(run.fraction * size), total=size, note=note)

    def cell_removed(self, cell: Cell, result: Result) -> None:
        """No bar for a run that has ended."""
        self._remove(cell)

    def cell_ended(self, cell: Cell, result: Result) -> None:
        """A line for an ended cell."""
        self._remove(cell)
        best = f"{result.best_objective:.4f}" if result.best_objective < float("inf") else "no feasible design"
        line = f"{cell.label:<12} seed {result.seed}  {best}  {result.ledger.seconds:6.1f} s"
        if result.status not in (Status.BUDGET_SPENT, Status.STOPPED_EARLY):
            line += f"  {result.status.value} {result.reason}"
        self.console.print(_literal(line), highlight=False)

    def _advance(self, key: Any, description: str, *, done: int, total: int, note: str) -> None:
        if key not in self.bars:
            self.bars[key] = self.progress.add_task(_literal(description), total=total, note=note)
        self.progress.update(self.bars[key], completed=done, total=total, note=_literal(note))

    def _remove(self, key: Any) -> None:
        if key in self.bars:
            self.progress.remove_task(self.bars.pop(key))
