"""Tensors and a JSON state in one safetensors file, written whole or not at all, checked by a digest. No pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from dance_env.atomic import write_whole

_VERSION = "1"


class CheckpointError(ValueError):
    """A checkpoint is damaged, or belongs to another run.

    Attributes:
        why: what is wrong with a damaged one, without advice.
    """

    def __init__(self, message: str, *, why: str = "") -> None:
        super().__init__(message)
        self.why = why or message


def previous(path: Path) -> Path:
    """Return where the checkpoint before the newest one is kept."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def write_checkpoint(
    path: Path, tensors: Mapping[str, torch.Tensor], state: Mapping[str, Any], *, keep: bool = True
) -> None:
    """Write tensors and a JSON state to `path`; the file that was there becomes `previous(path)`, if it is to be kept.

    A process killed at any moment leaves either file complete.

    Raises:
        OSError: If the disk is full or the folder cannot be written; what was there is untouched.
    """
    held = {name: tensor.detach().to("cpu").contiguous() for name, tensor in sorted(tensors.items())}
    text = json.dumps(state, sort_keys=True)
    content = save(held, {"version": _VERSION, "state": text, "digest": _digest(held, text)})
    try:
        write_whole(path, content, sync=True, previous=previous(path) if keep else None)
    except OSError as error:
        advice = "start the same command again, and it goes on from the last checkpoint"
        raise OSError(error.errno, f"{error.strerror}; {advice}") from error


def read_checkpoint(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return the tensors and the state of a checkpoint.

    Raises:
        FileNotFoundError: If there is neither `path` nor `previous(path)`.
        CheckpointError: If the file is truncated, altered, or not a checkpoint.
    """
    source = path if path.exists() or not previous(path).exists() else previous(path)
    if not source.exists():
        raise FileNotFoundError(f"no checkpoint {path}")
    try:
        with safe_open(source, framework="pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise _damaged(source, str(error)) from error
    if about.get("version") != _VERSION or "state" not in about:
        raise _damaged(source, f"expected a checkpoint of version {_VERSION}, got {sorted(about)}")
    if about.get("digest") != _digest(tensors, about["state"]):
        raise _damaged(source, "its content does not match its digest")
    try:
        state = json.loads(about["state"])
    except (ValueError, RecursionError) as error:
        raise _damaged(source, f"its state is not JSON that can be read: {error}") from error
    if not isinstance(state, dict):
        raise _damaged(source, f"its state must be a JSON object, got {type(state).__name__}")
    return tensors, state


def check_identity(found: Mapping[str, Any], expected: Mapping[str, Any], *, where: Path) -> None:
    """Raise `CheckpointError`, naming every field that differs, unless both describe the same run."""
    found, expected = json.loads(json.dumps(found)), json.loads(json.dumps(expected))
    differing = [key for key in sorted({*found, *expected}) if found.get(key) != expected.get(key)]
    if differing:
        lines = "; ".join(f"{key}: {found.get(key)!r} there, {expected.get(key)!r} asked for" for key in differing)
        raise CheckpointError(
            f"{where} belongs to another run ({lines}); give another folder, or the settings of that run"
        )


def _digest(tensors: Mapping[str, torch.Tensor], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _damaged(path: Path, why: str) -> CheckpointError:
    other = previous(path)
    advice = (
        f"delete it, and the run goes on from {other.name}"
        if path != other and other.exists()
        else "delete it, and the stage starts anew"
    )
    return CheckpointError(f"the checkpoint {path} is damaged ({why}); {advice}", why=why)
