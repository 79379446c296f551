"""Trained evaluators on disk: shipped with the package or cached, found by all that they depend on, else trained."""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import torch
from filelock import FileLock

from dance_env.cache import content_key, default_cache_dir
from dance_env.problem import Problem
from dance_env.source_digest import source_digest
from solvers.methods.dance.evaluator.evaluator import Evaluator
from solvers.methods.dance.evaluator.file import DamagedEvaluator, EvaluatorFile
from solvers.methods.dance.evaluator.labels import LabelTable
from solvers.methods.dance.evaluator.settings import EvaluatorSettings
from solvers.methods.dance.evaluator.training import ProgressFunction, TrainingBill, evaluator_shape, train_evaluator

SHIPPED = Path(__file__).parent / "shipped"
"""The evaluators that come with the package (`solvers.methods.dance.evaluator.ship` makes them)."""

_CODE = ("solvers.methods.dance.evaluator.training", "dance_env.space.accelerator")
"""What training runs beside the cost function: these modules and all that they import, except other packages."""


def evaluator_key(problem: Problem, settings: EvaluatorSettings) -> str | None:
    """Return a SHA-256 over all that a trained evaluator depends on, or None if that cannot be known.

    It covers the design space, the costs, the cost function and the hardware's limits (not lambda2 nor the accuracies:
    tasks that differ only in those share an evaluator), the settings, and the source code of the training and of the
    cost function with all that they import. A cost function without a fingerprint, or without a source file, gives
    None: its evaluator is neither cached nor looked up.
    """
    table = LabelTable.of(problem)
    objective = replace(table.objective, weight=1.0).fingerprint()
    if objective is None:
        return None
    try:
        code = source_digest(*_CODE, type(table.objective.cost_function).__module__, versions=False)
    except ValueError:
        return None
    return content_key(
        "evaluator",
        code,
        problem.space.fingerprint(),
        objective,
        as_json(settings),
        problem.costs.fingerprint(),
    )


def load_or_train(
    problem: Problem,
    settings: EvaluatorSettings,
    *,
    device: str = "cpu",
    folder: str | os.PathLike[str] | None = None,
    progress: ProgressFunction | None = None,
) -> tuple[Evaluator, TrainingBill, bool]:
    """Return the evaluator of a problem: the shipped one, the cached one, or one that is trained now.

    Args:
        problem: what it is for.
        settings: how it is built and trained.
        device: where it is put, and trained.
        folder: of the cache; by default `evaluators` in the folder that holds the cost tables.
        progress: called with how far training is.

    Returns:
        The evaluator, frozen; what its training took, then or now; and whether it was trained before.
    """
    key = evaluator_key(problem, settings)
    if key is None:
        return (*train_evaluator(problem, settings, device=device, progress=progress), False)
    shipped = shipped_file(key)
    if shipped is not None:
        return shipped.evaluator(evaluator_shape(problem, settings), device=device), shipped.bill, True
    path = _cached_path(key, device=device, folder=folder)
    with _one_at_a_time(path):
        found = _cached(path, key)
        if found is not None:
            return found.evaluator(evaluator_shape(problem, settings), device=device), found.bill, True
        evaluator, bill = train_evaluator(problem, settings, device=device, progress=progress)
        try:
            EvaluatorFile.of(evaluator, key=key, settings=as_json(settings), bill=bill).save(path)
        except OSError as error:
            if folder is not None:
                raise
            warnings.warn(
                f"the trained evaluator could not be kept in {path.parent}: {error.strerror or error}; "
                "it will be trained again",
                RuntimeWarning,
                stacklevel=2,
            )
    return evaluator, bill, False


def evaluator_path(
    problem: Problem, settings: EvaluatorSettings, *, device: str = "cpu", folder: str | os.PathLike[str] | None = None
) -> Path | None:
    """Return the cache's file for a problem's evaluator, whether it exists or not; None if it cannot be cached."""
    key = evaluator_key(problem, settings)
    return None if key is None else _cached_path(key, device=device, folder=folder)


def shipped_file(key: str) -> EvaluatorFile | None:
    """Return the shipped evaluator of a key, if there is one. One that was made by other code has another key."""
    for path in sorted(SHIPPED.glob("*.safetensors")):
        try:
            content = EvaluatorFile.load(path)
        except DamagedEvaluator as error:
            warnings.warn(f"the shipped evaluator {path} is damaged ({error})", RuntimeWarning, stacklevel=2)
            continue
        if content.key == key:
            return content
    return None


def as_json(settings: EvaluatorSettings) -> str:
    """Return settings as JSON with sorted keys."""
    return json.dumps(asdict(settings), sort_keys=True)


def _cached_path(key: str, *, device: str, folder: str | os.PathLike[str] | None) -> Path:
    """Return the cache's file; torch's version and the kind of device decide the last bits of the weights."""
    base = default_cache_dir() / "evaluators" if folder is None else Path(folder)
    return base / f"{content_key(key, torch.__version__, torch.device(device).type)}.safetensors"


def _cached(path: Path, key: str) -> EvaluatorFile | None:
    """Return the cached file; None if there is none, with a warning if it is damaged."""
    if not path.is_file():
        return None
    try:
        content = EvaluatorFile.load(path)
        if content.key != key:
            raise DamagedEvaluator("it was made for another problem, other settings or by other code")
    except DamagedEvaluator as error:
        warnings.warn(
            f"the cached evaluator {path} is damaged ({error}); training it again", RuntimeWarning, stacklevel=3
        )
        return None
    return content


@contextlib.contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Let one process train an evaluator, while others that want the same one wait and then read it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".lock"))
        lock.acquire()
    except OSError:  # nowhere to keep an evaluator, and so none to share; saving it warns
        yield
        return
    try:
        yield
    finally:
        lock.release()
