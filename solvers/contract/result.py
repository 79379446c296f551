"""What a run leaves behind."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import platform
import sys
from dataclasses import asdict, dataclass, field, fields
from enum import Enum
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from dance_env.atomic import write_whole
from dance_env.source_digest import read_source, source_digest
from solvers.contract.budget import Budget
from solvers.contract.ledger import Ledger
from solvers.contract.nesting import with_inner
from solvers.contract.record.checks import check_ledger, check_trace, check_values
from solvers.contract.record.file import RecordError, read_record, write_record
from solvers.contract.record.trace import Trace

_APART = ("trace", "attachments")
"""What a record does not hold among its values."""


class Status(Enum):
    """How a run ended; the value is the sentence that a person reads."""

    BUDGET_SPENT = "The budget was spent."
    STOPPED_EARLY = "The solver stopped by itself before its budget was spent."
    NOTHING_FEASIBLE = "The run ended without a design that meets every constraint."
    INTERRUPTED = "The run was interrupted; what was found until then is kept."
    FAILED = "The solver failed; what was found until then is kept."
    TIMED_OUT = "The run took longer than its time limit; what was found until then is kept."

    @property
    def complete(self) -> bool:
        """Whether the run went to its own end."""
        return self not in (Status.INTERRUPTED, Status.FAILED, Status.TIMED_OUT)


@dataclass(frozen=True, eq=False)
class Result:
    """One finished run: who ran, on what, how it ended, what it cost, and everything it evaluated.

    Attributes:
        solver: the solver's name.
        settings: the solver's fields, as JSON values.
        seed: the run's seed.
        budget: the most that the run might spend.
        task: the problem's name.
        problem_fingerprint: the problem's fingerprint, equal for problems that answer equally; empty where it has none.
        status: how the run ended.
        reason: what went wrong, where something did, and where no design was evaluated; else empty. At most 2,000 characters.
        ledger: the bill.
        trace: one row per evaluation.
        best_named: the best design by name, choice to option; empty when nothing was evaluated.
        software: versions of what ran, and the digest of the solver's code.
        traceback: of the error that ended the run, where one did; else empty.
        label: what a comparison called the solver; empty for a run of no comparison.
        deterministic: whether every seed gives the same run, by the solver's own declaration.
        attachments: texts that the solver left, such as a transcript, by the ending of their file's name. They are
            written beside the record; a loaded record has none.
    """

    solver: str
    settings: dict[str, Any]
    seed: int
    budget: Budget
    task: str
    problem_fingerprint: str
    status: Status
    reason: str
    ledger: Ledger
    trace: Trace
    best_named: dict[str, str | int | float]
    software: dict[str, str] = field(default_factory=lambda: software_versions())  # noqa: PLW0108  # defined below
    traceback: str = ""
    label: str = ""
    deterministic: bool = False
    attachments: dict[str, str] = field(default_factory=dict)

    @cached_property
    def best(self) -> int | None:
        """Row of the trace that holds the best design (feasible first); None when nothing was evaluated."""
        return self.trace.best()

    @property
    def best_design(self) -> np.ndarray | None:
        """(choices,) option indices of the best design; None when nothing was evaluated."""
        return None if self.best is None else self.trace.designs[self.best]

    @property
    def best_objective(self) -> float:
        """Objective of the best feasible design; infinity where there is none."""
        if self.best is None or not self.trace.feasible[self.best]:
            return float("inf")
        return float(self.trace.objective[self.best])

    @cached_property
    def pareto(self) -> np.ndarray:
        """Rows of the archive: feasible designs undominated in error and the objective's cost function."""
        return self.trace.pareto(("error_pct", "cost"))

    def save(self, path: str | Path) -> Path:
        """Write the record to one file, whole or not at all, without pickle; see `solvers.contract.record.record_path`.

        Raises:
            OSError: the folder cannot be written.
        """
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in _APART}
        values |= {"status": self.status.name, "ledger": asdict(self.ledger), "budget": asdict(self.budget)}
        arrays = {each.name: getattr(self.trace, each.name) for each in fields(Trace)}
        for name, text in self.attachments.items():  # before the record: what has a record is complete
            write_whole(Path(path).with_suffix(f".{name}"), text)
        return write_record(path, {"kind": "result", **values}, arrays)

    @classmethod
    def load(cls, path: str | Path) -> Result:
        """Read a record that `save` wrote.

        What a later version of this library has added to it is skipped. Version 2 is read: the trained networks and GPU-hours
        of its trace are NaN. Version 1 is not: it counted costs otherwise.

        Raises:
            FileNotFoundError: If there is no such file.
            RecordError: If the file is truncated, corrupted, of another version, no record of a run, or says what
                cannot be: NaN, numbers out of range, a bill that the trace contradicts.
        """
        values, arrays = read_record(path, [each.name for each in fields(Trace)])
        try:
            if values["kind"] != "result":
                raise ValueError(f"it holds a {values['kind']!r}")
            known = {each.name for each in fields(cls)}
            chosen = {name: value for name, value in values.items() if name in known}
            chosen["status"] = Status[values["status"]]
            lines = {each.name for each in fields(Ledger)}
            chosen["ledger"] = Ledger(**{name: value for name, value in values["ledger"].items() if name in lines})
            chosen["budget"] = _budget(values["budget"])
            chosen["trace"] = Trace(**_columns(arrays, version=values["version"]))
            check_values(chosen)
            check_trace(chosen["trace"])
            check_ledger(chosen["ledger"], chosen["trace"], chosen["budget"])
            return cls(**chosen)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RecordError(
                f"{path} is not the record of a run ({type(error).__name__}: {error}); delete it and run again"
            ) from error


def _budget(value: Any) -> Budget:
    """The budget of a record: its limits, or a number of evaluations in version 2."""
    if not isinstance(value, dict):
        return Budget(value)
    return Budget(**{each.name: value.get(each.name) for each in fields(Budget)})


def _columns(arrays: dict[str, np.ndarray], *, version: int) -> dict[str, np.ndarray]:
    """The columns of a trace; those that version 2 lacks are NaN."""
    if version > 2:
        return arrays
    rows = len(arrays["objective"])
    return dict.fromkeys(("trained_networks", "gpu_hours"), np.full(rows, np.nan)) | arrays


def software_versions(solver: object | None = None) -> dict[str, str]:
    """Return the versions of Python and of the packages that decide what a run does; one not installed is left out.

    Args:
        solver: Whose code counts too, as `solver`: the digest of its module and of every module that this imports from
            its own package or folder, from `dance_env` and from `solvers`, with the versions of all other packages that
            they import; those of the solvers that it holds as well. A class of an interactive session has no file, and no
            such entry. A solver with a method `own_software() -> dict[str, str]` adds entries.
    """
    versions = {"python": platform.python_version()}
    if solver is not None:
        with contextlib.suppress(ValueError, OSError):
            versions["solver"] = _code_of(solver)
        for each in with_inner(solver):
            if hasattr(each, "own_software"):
                versions |= each.own_software()
    return versions | _package_versions()


@functools.cache
def _package_versions() -> dict[str, str]:
    found = {}
    for package in ("dance-env", "numpy", "torch", "stable-baselines3", "pymoo", "gymnasium"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def _code_of(solver: object) -> str:
    """The digest of a solver's code; of several where it holds others."""
    digests = [_digest_of(type(each).__module__) for each in with_inner(solver)]
    return digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()


_digests: dict[str, tuple[bytes, str]] = {}
"""By module, its text and the `source_digest` that was computed with it."""


def _digest_of(module: str) -> str:
    """The `source_digest` of a module: computed once for as long as this process keeps the text that it read.

    Following all imports takes as long as a run of 60 evaluations on a small problem.
    """
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        return source_digest(module)
    text = read_source(Path(file))  # another object once texts are forgotten, those of all that it imports among them
    if module not in _digests or _digests[module][0] is not text:
        _digests[module] = text, source_digest(module)
    return _digests[module][1]
