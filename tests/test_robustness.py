"""The robustness table comes from its record, and readings are what a comparison says."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from dance_env.perturbations import Perturbation
from experiments.robustness import (
    OF_GRADIENTS,
    PERTURBATIONS,
    SOLVERS,
    TASKS,
    Reading,
    groups,
    load,
    main,
    median,
    page,
    save,
)

RECORD = Path(__file__).parents[1] / "docs" / "records" / "robustness"


def test_the_page_is_the_records(tmp_path: Path) -> None:
    readings = load(RECORD / "readings.csv")
    assert page(readings) == (RECORD / "report.md").read_text()
    save(readings, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (RECORD / "readings.csv").read_bytes()


def test_the_record_is_of_every_task_with_five_seeds() -> None:
    readings = load(RECORD / "readings.csv")
    for task in TASKS:
        for perturbation in PERTURBATIONS:
            own = [each for each in readings if (each.task, each.perturbation) == (task, perturbation)]
            assert len({each.seed for each in own}) >= 5
            assert {"random", "evolution", "network-evolution", "dance-exact"} <= {each.solver for each in own}
    assert all(each.regret_pct >= -1e-6 for each in readings)


def test_the_figures_of_docs_are_the_records() -> None:
    """Every percentage with two decimals on docs/robustness.md stands in the report."""
    figures = set(re.findall(r"\d+\.\d\d(?= %)", (RECORD.parents[1] / "robustness.md").read_text()))
    report = (RECORD / "report.md").read_text()
    assert len(figures) > 4
    assert all(f" {figure} [" in report for figure in figures)


def test_every_solver_meets_what_concerns_it() -> None:
    for perturbation in (*PERTURBATIONS, *OF_GRADIENTS):
        Perturbation.parse(perturbation)
    met = {(perturbation, solver) for _, perturbation, solvers in groups(list(TASKS)) for solver in solvers}
    assert {("", solver) for solver in SOLVERS} <= met
    assert ("gradient_tau=0.8", "dance-exact") in met
    assert ("gradient_tau=0.8", "evolution") not in met
    assert ("permuted=1", "dance") not in met  # its evaluator would be trained for minutes


def test_one_command_measures_and_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.robustness.TASKS", {"tiny/balanced": "20"})
    monkeypatch.setattr("experiments.robustness.SOLVERS", ("random",))
    monkeypatch.setattr("experiments.robustness.PERTURBATIONS", ("", "noise=1", "dropped=0.9"))
    given = [
        "--tasks",
        "tiny/balanced",
        "--seeds",
        "2",
        "--runs",
        str(tmp_path / "runs"),
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(given) == 0
    readings = load(tmp_path / "out" / "readings.csv")
    assert len(readings) == 6
    table = (tmp_path / "out" / "report.md").read_text()
    assert "| solver | as it is | `noise=1` | `dropped=0.9` |" in table
    assert main(["--page-only", "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "report.md").read_text() == table


def test_a_run_without_a_design_counts_as_infinite() -> None:
    rows = [Reading("tiny", "", "random", "values", seed, regret) for seed, regret in enumerate((1.0, math.inf, 3.0))]
    assert median([each.regret_pct for each in rows]) == 3.0
    assert median([1.0, math.inf, math.inf]) == math.inf
