"""Fixtures shared by all tests."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import idle_threads  # noqa: F401  (before NumPy and torch)
import pytest
from caches import with_compiled_code
from chromium import browser  # noqa: F401  (a fixture)
from hypothesis import HealthCheck, settings
from inline import Inline
from other_process import one_loaded_process, run_in

from dance_env.cache import ENVIRONMENT
from solvers.comparison.processes.executor import ProcessPerCall

# How wide and how colorful the terminal is that the tests are started from is no matter of theirs.
for name in ("COLUMNS", "LINES", "FORCE_COLOR"):
    os.environ.pop(name, None)

# Garbage in cycles is looked for less often: with Python's own thresholds that was a seventh of the processor's time of a run,
# as hundreds of thousands of objects of imported packages are looked through again and again.
gc.set_threshold(20_000, 20, 20)

# A busy machine is no failure: no example is timed. On a build server the examples are the same in every run; at a desk
# they are new ones each time.
settings.register_profile(
    "dance", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("dance")


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each worker a run of neighboring tests, so that few fixtures of a module are made twice; idle ones take over.

    What `--dist worksteal` does, for `pytest -n 2`. In `addopts` that option would demand `-n` of every command.
    """
    if config.getoption("dist") != "load":
        return None
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)


SHARED = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture
def runs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparisons make their runs in this process: a process of its own takes seconds to start, and is tested elsewhere."""
    monkeypatch.setattr("solvers.comparison.compare.own_executor", lambda settings, cells: Inline())


@pytest.fixture(scope="session")
def loaded_process() -> Iterator[ProcessPerCall]:
    """Forks processes that have loaded what solvers need."""
    with one_loaded_process() as processes:
        yield processes


@pytest.fixture
def forks_other_process(loaded_process: ProcessPerCall, monkeypatch: pytest.MonkeyPatch) -> None:
    """The contract's other process is forked: to start a Python and to import torch there takes seconds for each solver."""
    monkeypatch.setattr("solvers.testing.checks._run_in_another_process", partial(run_in, loaded_process))


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of this test's own, in which only the compiled code is shared."""
    folder = with_compiled_code(tmp_path / "own-cache")
    monkeypatch.setenv(ENVIRONMENT, str(folder))
    return folder


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of reference numbers beside the repository; tests that need it skip, and say so, where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the reference folder {SHARED.name}/ beside the repository, which is not here")
    return SHARED
