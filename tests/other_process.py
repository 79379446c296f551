"""The other process of the contract's check `another-process-same-trace`, forked from one that has loaded the libraries.

A Python of its own takes up to four seconds to import what a solver needs. `tests/test_solver_contract.py` keeps checks
with one.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING
from unittest import mock

from installed import installed_solvers

from dance_env.source_digest import source_digest
from dance_env.testing import synthetic_problem
from solvers import Result, load_solver
from solvers.comparison.processes.executor import ProcessPerCall

if TYPE_CHECKING:  # torch
    from solvers.testing.checks import Trial


def load() -> None:
    """Import every solver and what most of them import late, and read the files that digests of code look at."""
    solvers = [load_solver(name) for name in installed_solvers()]
    for library in filter(find_spec, ("optuna", "stable_baselines3", "torch._dynamo")):
        import_module(library)
    source_digest(*{solver.__module__ for solver in solvers})
    assert len(os.listdir("/proc/self/task")) == 1, "a process with threads is not safe to fork"


def solve(solver: bytes, budget: int) -> Result:
    """The run that the check asks another process for."""
    return pickle.loads(solver).solve(synthetic_problem(0), budget=budget, seed=0)


@contextmanager
def one_loaded_process() -> Iterator[ProcessPerCall]:
    """An executor whose processes have one thread and hashes other than this process's."""
    hashes = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    with ProcessPerCall(1, prepare=load) as processes:
        with mock.patch.dict(os.environ, {"PYTHONHASHSEED": hashes}):
            assert processes.submit(hash, "a").result() != hash("a")
        yield processes


def run_in(processes: ProcessPerCall, trial: Trial) -> Result:
    """What `solvers.testing.checks` does in a Python of its own."""
    from solvers.testing.checks import _pickled

    return processes.submit(solve, _pickled(trial.solver), trial.budget).result()
