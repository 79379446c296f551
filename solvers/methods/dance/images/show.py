"""Progress on the terminal, through rich."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from solvers.methods.dance.images.drive import Progress, ProgressCallback


@contextmanager
def progress_bars(console: Console | None = None) -> Iterator[ProgressCallback]:
    """A callback for `search_images` that draws a bar per stage, and the last epoch's figures beside it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    with Bars(*columns, console=console or Console(stderr=True)) as bars:
        tasks: dict[str, int] = {}

        def show(progress: Progress) -> None:
            if progress.stage not in tasks:
                tasks[progress.stage] = bars.add_task(progress.stage, total=progress.steps, figures="")
            task = tasks[progress.stage]
            bars.update(task, completed=progress.step)  # type: ignore[arg-type]
            if progress.row is not None:
                shown = ("train_loss", "train_accuracy", "derived_accuracy", "hardware_term")
                figures = [f"{name} {progress.row[name]:.3f}" for name in shown if progress.row.get(name) is not None]
                bars.update(task, figures=", ".join(figures))  # type: ignore[arg-type]

        yield show
