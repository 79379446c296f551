"""One warm-up for several runs: until the choice is searched, hardware and lambda2 play no part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from dance_env.accuracy.supernet.checkpoint import check_identity, read_checkpoint
from solvers.methods.dance.images.search import SearchStage

_LATER = ("every", "learning_rate", "betas", "temperature_decay", "lambda2", "lambda2_warmup")
"""Choice settings that have no effect before the warm-up ends."""


class WarmUp:
    """A search stage up to the end of its warm-up, as a stage of its own; the search goes on from where it ends."""

    name = "warm-up"

    def __init__(self, search: SearchStage) -> None:
        self.search = search
        self.steps_per_epoch = search.steps_per_epoch
        self.steps = search.settings.choice.warmup_epochs * search.steps_per_epoch

    @property
    def step(self) -> int:
        """Steps done, those of the search."""
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
        """Do one weight step."""
        self.search.advance()

    def finish_epoch(self) -> dict[str, Any]:
        """Return the search's row."""
        return self.search.finish_epoch()

    def identity(self) -> dict[str, Any]:
        """Return the search's identity without what has no effect yet: problem, hardware term, the choice's training."""
        identity = self.search.identity()
        choice = {key: value for key, value in identity["choice"].items() if key not in _LATER}
        left_out = {"hardware", *self.search.about}
        kept = {key: value for key, value in identity.items() if key not in left_out}
        return {**kept, "stage": self.name, "choice": choice}

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return the search's."""
        return self.search.tensors()

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Put back what `tensors` returned."""
        self.search.restore(tensors)


def start_from(search: SearchStage, path: Path) -> float:
    """Bring a search to the end of its warm-up, as the checkpoint of a `WarmUp` left it.

    Returns:
        Seconds that the warm-up took.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        CheckpointError: If it is damaged, of another warm-up, or not at its end.
    """
    stage = WarmUp(search)
    tensors, state = read_checkpoint(path)
    check_identity({**state["identity"], "step": state["step"]}, {**stage.identity(), "step": stage.steps}, where=path)
    stage.restore(tensors)
    stage.step = stage.steps
    stage.history[:] = state["history"]
    return float(state["seconds"])
