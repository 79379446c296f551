"""Hostile surroundings: a solver that edits what it is given, a back end that answers NaN or raises, a disk that is full."""

from __future__ import annotations

import dataclasses
import errno
import os
from pathlib import Path

import numpy as np
import pytest
from bad_neighbors import EditsInput, TooMany
from inline import Inline

from dance_env import make_problem
from dance_env.testing import synthetic_problem
from solvers import Result, SolverFailed, Status, make_solver
from solvers.cli import main
from solvers.comparison.compare import compare
from solvers.comparison.settings import Settings
from solvers.contract.record import file as record_file


@pytest.mark.parametrize("make", [synthetic_problem, lambda: make_problem("tiny")], ids=["synthetic", "tiny"])
def test_a_solver_that_edits_what_it_is_given_harms_neither_its_record_nor_the_problem(make) -> None:
    problem, untouched = make(), make()
    result = EditsInput().solve(problem, budget=100, seed=0)
    assert len(result.trace) == 5 + 4 + 2
    for name in ("objective", "violation", "accuracy"):
        np.testing.assert_array_equal(
            getattr(result.trace, name), getattr(untouched.evaluate(result.trace.designs), name)
        )
    again = [make_solver("random").solve(each, budget=50, seed=0).trace for each in (problem, untouched)]
    assert again[0].same_search(again[1])
    np.testing.assert_array_equal(
        problem.evaluate_networks(result.trace.designs[:3, problem.space.network]).objective,
        untouched.evaluate_networks(result.trace.designs[:3, problem.space.network]).objective,
    )


def test_too_many_designs_are_cut_at_the_budget() -> None:
    result = TooMany().solve(synthetic_problem(0), budget=20, seed=0)
    assert result.status is Status.BUDGET_SPENT
    assert result.ledger.evaluations == 20


class _Answers:
    """An accuracy model that answers something else after so many networks."""

    def __init__(self, model, answer) -> None:
        self._model, self._answer, self._asked = model, answer, 0

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        self._asked += len(networks)
        return self._answer(self._model.evaluate(networks)) if self._asked > 16 else self._model.evaluate(networks)

    def fingerprint(self) -> None:
        return None


def _raise(_: np.ndarray) -> np.ndarray:
    raise ConnectionError("the license server is away")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda values: values * np.nan, "nan"),
        (lambda values: values + 1, "1"),
        (lambda values: values[:-1], "shape"),
        (_raise, "ConnectionError: the license server is away"),
    ],
    ids=["NaN", "out of range", "too few", "raises"],
)
def test_a_back_end_that_fails_is_a_reason_and_costs_nothing(answer, reason) -> None:
    problem = synthetic_problem(0)
    problem = dataclasses.replace(problem, accuracy=_Answers(problem.accuracy, answer))
    with pytest.raises(SolverFailed) as caught:
        make_solver("random", batch=16).solve(problem, budget=100, seed=0)
    result = caught.value.result
    assert result.status is Status.FAILED
    assert reason in result.reason
    assert result.ledger.evaluations == 16, "what was evaluated until then is kept, and nothing else is billed"


def test_a_full_disk_is_told_and_loses_nothing_that_is_on_record(tmp_path: Path, monkeypatch, capsys) -> None:
    write, written = record_file._write_zip, []

    def full(file, text, arrays) -> None:
        if len(written) == 2:
            file.write(b"half of it")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(write(file, text, arrays))

    command = ["compare", "tiny", "--solver", "random", "annealing", "--seeds", "2", "--budget", "20"]
    command += ["--workers", "1", "--curves", "queries", "--out", str(tmp_path / "full")]
    with monkeypatch.context() as patch:
        patch.setattr(record_file, "_write_zip", full)
        assert main(command) == 2
    message = capsys.readouterr().err
    assert "cannot write" in message
    assert "No space left on device; no space is left; free some" in message
    assert "Traceback" not in message
    records = tmp_path / "full" / "records"
    kept = {path.name: path.read_bytes() for path in records.iterdir()}
    assert len(kept) == 2, "half a record is none, and leaves nothing"
    assert all(Result.load(records / name).status is Status.BUDGET_SPENT for name in kept)
    assert main(command) == 0
    assert {name: (records / name).read_bytes() for name in kept} == kept
    whole = compare(
        Settings("tiny", ["random", "annealing"], (0, 1), 20, tmp_path / "other", workers=1), executor=Inline()
    )
    resumed = compare(
        Settings("tiny", ["random", "annealing"], (0, 1), 20, tmp_path / "full", workers=1), executor=Inline()
    )
    assert all(a.trace.same_search(b.trace) for a, b in zip(whole.results, resumed.results, strict=True))
