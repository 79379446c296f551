"""Progress of a long computation, for whoever asked to see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[int, int], None]
"""Called with (parts done, parts in all)."""


@contextmanager
def reporter(progress: Progress | bool | None, title: str) -> Iterator[Progress]:
    """Return (as a context) a function to call with (parts done, parts in all).

    Args:
        progress: A function of that form, which is used as it is; True for a progress bar on standard error; None or
            False for silence.
        title: What the bar says.
    """
    if callable(progress):
        yield progress
    elif not progress:
        yield lambda done, total: None
    else:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        text = TextColumn("{task.description}")
        columns = (SpinnerColumn(), text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Bar(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(title)
            yield lambda done, total: bar.update(task, completed=done, total=total)
