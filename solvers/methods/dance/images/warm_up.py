"""One warm-up for the many runs of a sweep: until the choice is searched, nothing they differ in plays a part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from dance_env.accuracy.supernet.checkpoint import check_identity, read_checkpoint
from solvers.methods.dance.images.drive import ProgressCallback, drive
from solvers.methods.dance.images.hardware import NoHardware
from solvers.methods.dance.images.search import SearchStage
from solvers.methods.dance.images.settings import ImageSearchSettings
from solvers.methods.dance.images.task import ImageTask
from solvers.methods.dance.images.weight_training import Execution

_LATER = ("every", "learning_rate", "betas", "temperature_decay", "lambda2", "lambda2_warmup")
"""Choice settings that mean nothing before the warm-up ends."""


class WarmUp:
    """A search stage up to the end of its warm-up, as a stage of its own; the search goes on from where it ends."""

    name = "warm-up"

    def __init__(self, search: SearchStage) -> None:
        self.search = search
        self.steps_per_epoch = search.steps_per_epoch
        self.steps = search.settings.choice.warmup_epochs * search.steps_per_epoch

    @property
    def step(self) -> int:
        """Steps done, of the search."""
        return self.search.step

    @step.setter
    def step(self, value: int) -> None:
        self.search.step = value

    @property
    def history(self) -> list[dict[str, Any]]:
        """The search's rows so far."""
        return self.search.history

    @history.setter
    def history(self, rows: list[dict[str, Any]]) -> None:
        self.search.history = rows

    def advance(self) -> None:
        """One weight step."""
        self.search.advance()

    def finish_epoch(self) -> dict[str, Any]:
        """The search's row."""
        return self.search.finish_epoch()

    def identity(self) -> dict[str, Any]:
        """The search's, without what plays no part yet: hardware term, how the choice is learnt."""
        identity = {key: value for key, value in self.search.identity().items() if key != "hardware"}
        choice = {key: value for key, value in identity["choice"].items() if key not in _LATER}
        return {**identity, "stage": self.name, "choice": choice}

    def tensors(self) -> dict[str, torch.Tensor]:
        """The search's."""
        return self.search.tensors()

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Put back what `tensors` gave."""
        self.search.restore(tensors)


def warm_up(
    task: ImageTask,
    path: Path,
    *,
    settings: ImageSearchSettings,
    execution: Execution,
    checkpoint_seconds: float = 60.0,
    progress: ProgressCallback | None = None,
) -> None:
    """Run the warm-up of these settings, resumable, and leave its end as the checkpoint `path`.

    Raises:
        CheckpointError: `path` is damaged, or of a warm-up with other settings, task or images.
        OSError: it cannot be written.
    """
    plain = replace(settings, choice=replace(settings.choice, lambda2=0.0))
    stage = WarmUp(SearchStage(task, plain, term=NoHardware(), execution=execution))
    drive(stage, path, world=execution.world, checkpoint_seconds=checkpoint_seconds, progress=progress)


def start_from(search: SearchStage, path: Path) -> float:
    """Bring a search to the end of its warm-up, as `warm_up` left it.

    Returns:
        Seconds that the warm-up took.

    Raises:
        FileNotFoundError: no such checkpoint.
        CheckpointError: it is damaged, of another warm-up, or not at its end.
    """
    stage = WarmUp(search)
    tensors, state = read_checkpoint(path)
    check_identity({**state["identity"], "step": state["step"]}, {**stage.identity(), "step": stage.steps}, where=path)
    stage.restore(tensors)
    stage.step = stage.steps
    stage.history[:] = state["history"]
    return float(state["seconds"])
