"""Tuning as files of a run folder: tuning.md, and tuning.json with every trial."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dance_env.atomic import write_whole
from solvers.comparison.trials import SolverTuning, Trial, Tuning
from solvers.contract.budget import Budget
from solvers.contract.record.file import RecordError

FILE = "tuning.json"


def write_tuning(tuning: Tuning, folder: Path) -> list[Path]:
    """Write both files, whole or not at all.

    Raises:
        OSError: If the folder cannot be written.
    """
    content = asdict(tuning) | {"budget": str(tuning.budget), "run_budget": str(tuning.run_budget)}
    return [
        write_whole(folder / "tuning.md", tuning_page(tuning)),
        write_whole(folder / FILE, json.dumps(_plain(content), indent=1) + "\n"),
    ]


def read_tuning(folder: Path, labels: Sequence[str]) -> Tuning | None:
    """Return the tuning of a run folder; None if there is none of the solvers that were compared last.

    Args:
        folder: The run folder.
        labels: Those of its runs. A comparison without tuning may have followed one with it.

    Raises:
        RecordError: If the file is damaged.
    """
    path = folder / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        tuning = _tuning(content)
    except FileNotFoundError:
        return None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RecordError(
            f"{path} is damaged ({type(error).__name__}: {error}); run the same `dance compare` again"
        ) from error
    return tuning if any(each.tuned_label in labels for each in tuning.solvers) else None


def tuning_page(tuning: Tuning) -> str:
    """Return what tuning came to as Markdown."""
    lines = [
        "# Tuning",
        "",
        f"Each solver had {tuning.budget.described} on each task, in runs of {tuning.run_budget.described} with the seeds "
        f"{', '.join(map(str, tuning.seeds))}, which are not reported. The score of a trial is the mean over tasks and seeds of "
        "the best objective, in units of the first trial's, the solver as given: below 1 is better. The reports compare "
        "both on the reported seeds; a difference here alone may be luck.",
        "",
        "| solver | trials | as given | best | median | worst | best settings |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    lines += [_line(each) for each in tuning.solvers if each.trials]
    lines += [f"\nNot tuned: {_text(each.reason)}." for each in tuning.solvers if each.reason]
    lines += [
        "",
        "| solver | task | runs | evaluations + gradient queries | GPU-hours |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for each in tuning.solvers:
        for task, bill in each.bill.items():
            cells = [_text(each.label), _text(task), f"{bill['tuning_runs']:,.0f}", f"{bill['tuning_queries']:,.0f}"]
            cells.append(f"{bill['tuning_gpu_hours']:,.1f}")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def settings_text(of: SolverTuning) -> str:
    """Return the best settings in a line."""
    return ", ".join(f"{name}={_short(value)}" for name, value in of.best.settings.items()) or "as given"


def score_text(value: float) -> str:
    """Return a trial's score."""
    return f"{value:.4f}" if math.isfinite(value) else "∞"


def _line(of: SolverTuning) -> str:
    cells = [
        _text(of.label),
        str(len(of.trials)),
        *map(score_text, (of.trials[0].score, *of.spread)),
        _text(settings_text(of)),
    ]
    return f"| {' | '.join(cells)} |"


def _tuning(content: Any) -> Tuning:
    """The content of the file, as it was written."""
    return Tuning(
        Budget.parse(str(content["budget"])),
        Budget.parse(str(content["run_budget"])),
        tuple(map(int, content["seeds"])),
        tuple(_solver(each) for each in content["solvers"]),
    )


def _solver(content: Any) -> SolverTuning:
    trials = tuple(Trial(dict(each["settings"]), float(each["score"])) for each in content["trials"])
    bill = {str(task): {name: float(value) for name, value in lines.items()} for task, lines in content["bill"].items()}
    return SolverTuning(str(content["label"]), str(content["reason"]), trials, bill)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _text(text: str) -> str:
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    for character in "\\|[]!`*_":
        text = text.replace(character, f"\\{character}")
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return "inf" if value == math.inf else value
