"""Trained evaluators on disk: content-addressed, in safetensors, rebuilt when missing or damaged."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from dance_env.cache import content_key, default_cache_dir
from dance_env.problem import Problem
from solvers.methods.dance.evaluator.evaluator import Evaluator
from solvers.methods.dance.evaluator.settings import EvaluatorSettings
from solvers.methods.dance.evaluator.training import ProgressFunction, TrainingBill, evaluator_shape, train_evaluator

VERSION = "2"
"""Of sampling, labels and training: raise it when the same settings come to mean other weights."""


def evaluator_key(problem: Problem, settings: EvaluatorSettings, *, device: str = "cpu") -> str:
    """SHA-256 over all that a trained evaluator depends on.

    That is the spaces, the costs, the cost function and the hardware's limits (not lambda2 nor the accuracies: tasks
    that differ only in those share an evaluator), the settings, and torch's version, whose sums decide the last bits.
    """
    limits = [limit for limit in problem.objective.constraints if limit.metric != "error_pct"]
    tables = (
        np.ascontiguousarray(getattr(problem.costs, name), dtype="<f8").tobytes()
        for name in ("option_latency_s", "option_energy_j", "fixed_latency_s", "fixed_energy_j", "area_mm2")
    )
    return content_key(
        "evaluator",
        VERSION,
        torch.__version__,
        torch.device(device).type,
        problem.space.fingerprint(),
        repr(problem.objective.cost_function),
        repr(limits),
        json.dumps(asdict(settings), sort_keys=True),
        *tables,
    )


def load_or_train(
    problem: Problem,
    settings: EvaluatorSettings,
    *,
    device: str = "cpu",
    folder: str | os.PathLike[str] | None = None,
    progress: ProgressFunction | None = None,
) -> tuple[Evaluator, TrainingBill, bool]:
    """The evaluator of a problem, trained now unless it was before.

    Args:
        problem: what it is for.
        settings: how it is built and trained.
        device: where it is put, and trained.
        folder: of the cache; by default `evaluators` in the folder that holds the cost tables.
        progress: told how far training is.

    Returns:
        The evaluator, frozen; what its training took, then or now; and whether it came from the cache.
    """
    path = evaluator_path(problem, settings, device=device, folder=folder)
    with _one_at_a_time(path):
        found = _load(path, problem, settings, device)
        if found is not None:
            return (*found, True)
        evaluator, bill = train_evaluator(problem, settings, device=device, progress=progress)
        try:
            _save(path, evaluator, settings, bill)
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


@contextlib.contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Two processes that want the same evaluator: one trains it, the other waits and reads it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".lock"))
        lock.acquire()
    except OSError:  # nowhere to keep an evaluator, and so none to share; `_save` says so
        yield
        return
    try:
        yield
    finally:
        lock.release()


def evaluator_path(
    problem: Problem, settings: EvaluatorSettings, *, device: str = "cpu", folder: str | os.PathLike[str] | None = None
) -> Path:
    """The file that holds (or will hold) a problem's evaluator."""
    base = default_cache_dir() / "evaluators" if folder is None else Path(folder)
    return base / f"{evaluator_key(problem, settings, device=device)}.safetensors"


def _load(
    path: Path, problem: Problem, settings: EvaluatorSettings, device: str
) -> tuple[Evaluator, TrainingBill] | None:
    """None where there is no file; a warning and None where there is one that cannot be trusted."""
    if not path.is_file():
        return None
    try:
        # The header is read apart, since `load_file` does not return the metadata.
        metadata = _metadata(path)
        tensors = load_file(path, device="cpu")
        if metadata["sha256"] != _digest(tensors):
            raise ValueError("its checksum does not fit")
        evaluator = Evaluator.untrained(evaluator_shape(problem, settings), seed=settings.seed)
        evaluator.load_state_dict(tensors)
        bill = TrainingBill(**json.loads(metadata["bill"]))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        warnings.warn(
            f"the cached evaluator {path} is damaged ({error}); training it again", RuntimeWarning, stacklevel=3
        )
        return None
    return evaluator.to(device).frozen(), bill


def _save(path: Path, evaluator: Evaluator, settings: EvaluatorSettings, bill: TrainingBill) -> None:
    """Write the file, whole or not at all."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in evaluator.state_dict().items()}
    metadata = {
        "sha256": _digest(tensors),
        "bill": json.dumps(asdict(bill)),
        "settings": json.dumps(asdict(settings)),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    os.close(handle)
    try:
        save_file(tensors, name, metadata=metadata)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _metadata(path: Path) -> dict[str, str]:
    """The metadata in a safetensors file's header: 8 bytes of length, then JSON."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size:
            raise ValueError("its header is cut off")
        return json.loads(file.read(length))["__metadata__"]


def _digest(tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()
