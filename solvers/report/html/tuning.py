"""How the settings of tuned solvers were chosen: every trial, and whether the best one is better on the reported seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from solvers.comparison.trial_files import score_text, settings_text
from solvers.comparison.trials import SolverTuning, Tuning
from solvers.report.figures_text import regret_text
from solvers.report.html.scale import Scale
from solvers.report.html.tables import Cell, Interval, Row, Table
from solvers.report.summary import SolverRow
from solvers.report.table import count


@dataclass(frozen=True)
class TuningView:
    """The tuning of some solvers with one budget.

    Attributes:
        text: What the figures mean, and which solvers were not tuned.
        tables: Trials; as given and tuned on the reported seeds; the bill.
    """

    text: Sequence[str]
    tables: Sequence[Table]


def tuning_view(tuning: Tuning, rows: Sequence[SolverRow], numbers: Mapping[str, int]) -> TuningView:
    """Return what is shown of a tuning.

    Args:
        tuning: Every trial.
        rows: The solvers on each task, as given and tuned.
        numbers: Each solver's number on the page.
    """
    solvers = [each for each in tuning.solvers if each.trials and each.label in numbers]
    text = [
        f"Each solver had {tuning.budget.described} on each task, in runs of {tuning.run_budget.described} with the seeds "
        f"{', '.join(map(str, tuning.seeds))}, which are not reported. The score of a trial is the mean over tasks and "
        "seeds of the best objective, in units of that of the solver as given (1, the vertical line): lower is better. "
        "Dots: all trials; marker: the best one. The spread says how much settings matter. The best of many trials "
        "is partly luck: only the reported seeds tell whether tuning helped."
    ]
    text += [f"Not tuned: {each.reason}." for each in tuning.solvers if each.reason]
    tables = [_trials(solvers, numbers), _outcome(solvers, rows, numbers), _bill(solvers, numbers)] if solvers else []
    return TuningView(text, tables)


def _trials(solvers: Sequence[SolverTuning], numbers: Mapping[str, int]) -> Table:
    scores = [trial.score for each in solvers for trial in each.trials if math.isfinite(trial.score)]
    low, high = min([*scores, 1.0]), max([*scores, 1.0])
    scale = Scale(low - 1e-9, high + 1e-9, logarithmic=False)
    rows = []
    for each in solvers:
        best, median, worst = each.spread
        cells = [Cell("", interval=_drawn(each, scale)), *(Cell(score_text(score)) for score in (best, median, worst))]
        rows.append(Row(numbers[each.label], each.label, [*cells, Cell(settings_text(each), prose=True)]))
    return Table(
        "Scores of all trials, in units of the solver as given",
        ["solver", f"trials, {score_text(low)} to {score_text(high)}", "best", "median", "worst", "best settings"],
        rows,
    )


def _drawn(of: SolverTuning, scale: Scale) -> Interval:
    """The trials on a line; those without a design are left out of it, and said."""
    scores = [trial.score for trial in of.trials if math.isfinite(trial.score)]
    best, median, worst = of.spread
    text = (
        f"{len(of.trials)} trials: best {score_text(best)}, median {score_text(median)}, worst {score_text(worst)}, "
        "as given 1"
    )
    if not scores:
        return Interval(None, None, None, _place(scale, 1.0), text)
    places = [_place(scale, score) for score in scores]
    return Interval(min(places), min(places), max(places), _place(scale, 1.0), text, dots=places)


def _place(scale: Scale, value: float) -> float:
    return float(scale.at(np.array(value)))


def _outcome(solvers: Sequence[SolverTuning], rows: Sequence[SolverRow], numbers: Mapping[str, int]) -> Table:
    """The medians on the reported seeds, as given and tuned, task by task."""
    found = {(row.task, row.solver): row["regret_pct"].median for row in rows}
    tasks = list(dict.fromkeys(row.task for row in rows))
    lines = []
    for each in solvers:
        cells = []
        for task in tasks:
            pair = [found.get((task, label), math.nan) for label in (each.label, each.tuned_label)]
            cells.append(Cell(" → ".join("–" if math.isnan(value) else regret_text(value) for value in pair)))
        lines.append(Row(numbers[each.label], each.label, cells))
    headings = ["solver", *(f"{task}, regret %" for task in tasks)]
    return Table("As given → tuned, median over the reported seeds", headings, lines)


def _bill(solvers: Sequence[SolverTuning], numbers: Mapping[str, int]) -> Table:
    """What tuning cost, over all tasks."""

    def total(of: SolverTuning, line: str) -> float:
        return sum(bill.get(line, 0.0) for bill in of.bill.values())

    lines = [
        Row(
            numbers[each.label],
            each.label,
            [
                Cell(count(total(each, "tuning_runs"))),
                Cell(count(total(each, "tuning_queries"))),
                Cell(f"{total(each, 'tuning_gpu_hours'):,.1f}"),
            ],
        )
        for each in solvers
    ]
    caption = "What tuning cost, over all tasks; it stands on the bill of the tuned solver"
    return Table(caption, ["solver", "runs", "evaluations + gradient queries", "GPU-hours"], lines)
