"""The table of a task in LaTeX, for papers: booktabs, a row per solver."""

from __future__ import annotations

from collections.abc import Sequence

from solvers.comparison.reference import Reference
from solvers.report.summary import SolverRow
from solvers.report.table import ACCESS, heading, note, row_name, shown_columns

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "–": "--",
    "·": r"\(\cdot\)",
    "²": r"\textsuperscript{2}",
    "×": r"\(\times\)",
    "µ": r"\(\mu\)",
}


def latex(text: str) -> str:
    """Return a user's text as LaTeX prints it literally, in one line."""
    return "".join(_SPECIAL.get(character, character) for character in " ".join(text.split()))


def latex_table(rows: Sequence[SolverRow], *, task: str, reference: Reference, error_name: str = "error") -> str:
    r"""Return a table environment with the columns of the written report.

    It needs `\usepackage{booktabs}`; the first line says so.

    Args:
        rows: The solvers of one task.
        task: Its name, for caption and label.
        reference: What regret is measured from.
        error_name: What the error is called; a percentage where it is "error".
    """
    columns = [column for column in shown_columns(rows) if column.heading]
    headings = ["solver", ACCESS, *(heading(column, reference, error_name=error_name) for column in columns)]
    body = [[row_name(row), row.access, *(column.write(row[column.figure]) for column in columns)] for row in rows]
    label = "".join(character if character.isalnum() else "-" for character in task)
    lines = [
        r"% \usepackage{booktabs,graphicx}",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{latex(task)}: {latex(str(reference))}. {latex(note(rows, reference))}}}",
        rf"  \label{{tab:{label}}}",
        r"  \resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"  \begin{{tabular}}{{ll{'r' * len(columns)}}}",
        r"    \toprule",
        *(_line(cells) for cells in [headings]),
        r"    \midrule",
        *(_line(cells) for cells in body),
        r"    \bottomrule",
        r"  \end{tabular}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"    {' & '.join(map(latex, cells))} \\\\"
