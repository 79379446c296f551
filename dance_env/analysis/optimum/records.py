"""The proved optima that ship, found by their problem's fingerprint."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import dance_env.tasks
from dance_env.analysis.optimum.front import ProvedFront, load_front
from dance_env.analysis.optimum.proof import Proof
from dance_env.problem import Problem

OPTIMA_FOLDER = Path(dance_env.tasks.__file__).parent / "optima"
"""Holds `<network>/<variant>.json`, the record, `.npz`, its evidence, and for some `.front.npz`, the Pareto front."""


def shipped_optimum(problem: Problem) -> Proof | None:
    """Return the record of a problem's optimum; None where none ships. Loads neither torch nor numba.

    A record is found by the problem's fingerprint, whatever its name: it holds as long as spaces, costs, accuracies and
    objective are the same to the bit.
    """
    path = shipped_record(problem)
    return None if path is None else Proof.from_json(path.read_text(encoding="utf-8"))


def shipped_record(problem: Problem) -> Path | None:
    """Return the file of a problem's record; its evidence is the npz file beside it."""
    if not _paths():
        return None
    fingerprint = problem.fingerprint()
    return None if fingerprint is None else _paths().get(fingerprint)


def shipped_front(problem: Problem) -> ProvedFront | None:
    """Return the proved Pareto front of a problem; None where none ships."""
    file = shipped_front_file(problem)
    return None if file is None else load_front(file)


def shipped_front_file(problem: Problem) -> Path | None:
    """Return the file of a problem's Pareto front; None where none ships."""
    path = shipped_record(problem)
    file = None if path is None else path.with_suffix(".front.npz")
    return file if file is not None and file.exists() else None


def shipped_records() -> tuple[Path, ...]:
    """Return the files of all records that ship."""
    return tuple(sorted(OPTIMA_FOLDER.glob("*/*.json")))


@cache
def _paths() -> dict[str, Path]:
    found = {}
    for path in shipped_records():
        fingerprint = Proof.from_json(path.read_text(encoding="utf-8")).fingerprint
        if fingerprint is not None:
            found[fingerprint] = path
    return found
