"""Make the notebooks of the course from their sources, and run them.

    python examples/course/build.py                       # all five notebooks, as they are in the repository
    python examples/course/build.py lesson_1_cost_model   # one
    python examples/course/build.py --text                # after changes of text alone: outputs stay as they are
    python examples/course/build.py --figures slides      # and write the figures as PDF and SVG into a folder

A source is a Python file in the percent format (`# %%` starts a cell), which a diff can show; the notebook is what
students open. Needs the extra `course`: pip install -e ".[course]".
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = sorted(path.stem for path in HERE.glob("lesson_*.py"))
TIMEOUT_S = 600


def notebook_of(name: str):
    """Return the notebook that a source makes, without outputs, the same every time."""
    import jupytext

    notebook = jupytext.read(HERE / f"{name}.py", fmt="py:percent")
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def run(notebook, *, timeout_s: int = TIMEOUT_S) -> None:
    """Run a notebook in its folder, and keep its outputs in it.

    Raises:
        nbclient.exceptions.CellExecutionError: If a cell fails; the message holds the cell and the error.
    """
    from nbclient import NotebookClient

    resources = {"metadata": {"path": HERE}}
    NotebookClient(
        notebook, timeout=timeout_s, startup_timeout=timeout_s, kernel_name="python3", resources=resources
    ).execute()
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # the times of day
    notebook.metadata["language_info"] = {"name": "python"}


def with_outputs_of(notebook, stored) -> None:
    """Give a notebook the outputs of an earlier run of the same code.

    Raises:
        ValueError: If the code differs.
    """
    code, ran = ([cell for cell in each.cells if cell.cell_type == "code"] for each in (notebook, stored))
    if [cell.source for cell in code] != [cell.source for cell in ran]:
        raise ValueError("its code has changed, so its outputs have to be made again: leave --text out")
    for cell, other in zip(code, ran, strict=True):
        cell.outputs, cell.execution_count = other.outputs, other.execution_count


def main(argv: Sequence[str] | None = None) -> int:
    """Make and run notebooks; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", nargs="*", choices=[[], *SOURCES], metavar="LESSON", help=", ".join(SOURCES))
    parser.add_argument("--figures", type=Path, metavar="FOLDER", help="write the figures there, as PDF and SVG")
    parser.add_argument("--text", action="store_true", help="put changed text into the notebooks, and run nothing")
    asked = parser.parse_args(argv)
    try:
        import jupytext  # noqa: F401
        import nbclient  # noqa: F401
        import nbformat
    except ImportError as error:
        print(f"{error}; the course needs its extra: pip install -e '.[course]'", file=sys.stderr)
        return 2
    if asked.figures:
        os.environ["DANCE_COURSE_FIGURES"] = str(asked.figures.resolve())
    for name in asked.lessons or SOURCES:
        started = time.perf_counter()
        notebook, path = notebook_of(name), HERE / f"{name}.ipynb"
        if asked.text:
            try:
                with_outputs_of(notebook, nbformat.read(path, as_version=4))
            except (ValueError, OSError) as error:
                print(f"{path.name}: {error}", file=sys.stderr)
                return 2
        else:
            run(notebook)
        nbformat.write(notebook, path)
        print(f"{path.name}: {time.perf_counter() - started:.0f} s, {path.stat().st_size / 1024:.0f} KB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
