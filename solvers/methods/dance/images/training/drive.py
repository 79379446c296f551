"""Runs a training stage to its end, with checkpoints, so that being killed costs time and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from dance_env.accuracy.supernet.checkpoint import check_identity, previous, read_checkpoint, write_checkpoint
from dance_env.progress import Progress
from solvers.methods.dance.images.training.distributed import World


class Stage(Protocol):
    """A training stage whose whole future follows from `tensors()` and `state()`."""

    name: str
    step: int
    steps: int
    steps_per_epoch: int
    history: list[dict[str, Any]]

    def advance(self) -> None:
        """Do step number `step`; the caller counts."""
        ...

    def finish_epoch(self) -> dict[str, Any]:
        """Return the history row of the epoch that has just ended."""
        ...

    def identity(self) -> dict[str, Any]:
        """Return what tells this run from others; a checkpoint of another identity is refused."""
        ...

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return all tensors of the state, by name."""
        ...

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Put back what `tensors` returned."""
        ...


def drive(
    stage: Stage,
    path: Path | None,
    *,
    world: World,
    checkpoint_seconds: float = 60.0,
    progress: Progress | None = None,
    after_epoch: Callable[[], None] | None = None,
    spent: float = 0.0,
) -> float:
    """Resume from the checkpoint at `path` if there is one, then run to the end.

    Checkpoints are written at the end of each epoch and, in a single process, every `checkpoint_seconds`.

    Args:
        stage: At its start, or further on.
        path: Of its checkpoint; None keeps none.
        world: The ranks that run it.
        checkpoint_seconds: How much may be lost.
        progress: Called with (steps done, steps in all) before the first step, where the stage has gone on from a
            checkpoint, and after each step.
        after_epoch: Called after each epoch, once its checkpoint is written.
        spent: Seconds that have brought the stage to where it is, if there is no checkpoint yet.

    Returns:
        Seconds that the stage has taken, over all its interrupted parts.

    Raises:
        CheckpointError: If the checkpoint is damaged or of another run.
        OSError: If a checkpoint cannot be written; the last one is intact.
    """
    resumed = None if path is None else _resume(stage, path)
    spent = spent if resumed is None else resumed
    start = saved = time.monotonic()

    def save() -> None:
        nonlocal saved
        if world.leads and path is not None:
            seconds = spent + time.monotonic() - start
            state = {"identity": stage.identity(), "step": stage.step, "history": stage.history, "seconds": seconds}
            write_checkpoint(path, stage.tensors(), state)
        saved = time.monotonic()

    if progress is not None and stage.step:
        progress(stage.step, stage.steps)
    while stage.step < stage.steps:
        stage.advance()
        stage.step += 1
        if stage.step % stage.steps_per_epoch == 0:
            stage.history.append(stage.finish_epoch())
            save()
            if after_epoch is not None and world.leads:
                after_epoch()
        elif world.size == 1 and time.monotonic() - saved >= checkpoint_seconds:
            save()
        if progress is not None:
            progress(stage.step, stage.steps)
    world.wait()
    return spent + time.monotonic() - start


def _resume(stage: Stage, path: Path) -> float | None:
    """Restore the stage and return the seconds that were spent on it; None if there is no checkpoint."""
    if not path.exists() and not previous(path).exists():
        return None
    tensors, state = read_checkpoint(path)
    check_identity(state["identity"], stage.identity(), where=path)
    stage.restore(tensors)
    stage.step = int(state["step"])
    stage.history[:] = state["history"]
    return float(state["seconds"])


def pack(prefix: str, module: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Return weights, buffers and optimizer state of a module as named tensors."""
    tensors = {f"{prefix}/module/{name}": tensor for name, tensor in module.state_dict().items()}
    for name, weight in module.named_parameters():
        for key, value in optimizer.state.get(weight, {}).items():
            if isinstance(value, torch.Tensor):
                tensors[f"{prefix}/optimizer/{key}/{name}"] = value
    return tensors


def unpack(
    prefix: str, tensors: Mapping[str, torch.Tensor], module: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    """Put back what `pack` returned."""
    start = f"{prefix}/module/"
    module.load_state_dict({name[len(start) :]: value for name, value in tensors.items() if name.startswith(start)})
    weights, start = dict(module.named_parameters()), f"{prefix}/optimizer/"
    for name, value in tensors.items():
        if name.startswith(start):
            key, weight_name = name[len(start) :].split("/", 1)
            weight = weights[weight_name]
            on_host = key == "step"  # Adam counts on the CPU
            placed = value.clone() if on_host else value.to(weight.device).clone(memory_format=torch.preserve_format)
            if not on_host and placed.ndim == 4:
                placed = placed.contiguous(memory_format=torch.channels_last)
            optimizer.state[weight][key] = placed


def pack_scaler(scaler: torch.amp.GradScaler) -> dict[str, torch.Tensor]:
    """Return the loss scale as a tensor; nothing where no scale is used."""
    if not scaler.is_enabled():
        return {}
    state = scaler.state_dict()
    return {"scaler": torch.tensor([state["scale"], state["_growth_tracker"]], dtype=torch.float64)}


def unpack_scaler(tensors: dict[str, torch.Tensor], scaler: torch.amp.GradScaler) -> None:
    """Put back what `pack_scaler` returned."""
    if scaler.is_enabled():
        scale, tracker = tensors["scaler"].tolist()
        scaler.load_state_dict({**scaler.state_dict(), "scale": scale, "_growth_tracker": int(tracker)})
