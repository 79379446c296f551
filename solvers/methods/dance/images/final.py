"""The final stage: the derived network, trained from scratch on all images but the test's."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from dance_env.accuracy.supernet.image_data import plain_batches, steps_per_epoch, training_batch
from dance_env.accuracy.supernet.network import build_network
from solvers.methods.dance.images.drive import pack, unpack
from solvers.methods.dance.images.search import pack_scaler, unpack_scaler
from solvers.methods.dance.images.settings import ImageSearchSettings
from solvers.methods.dance.images.task import ImageTask
from solvers.methods.dance.images.weight_training import (
    Execution,
    accuracy,
    average_statistics,
    cosine,
    make_optimizer,
    weight_step,
)


class FinalStage:
    """Plain training of one network; the test split is looked at once, in `test`."""

    name = "final"

    def __init__(
        self, task: ImageTask, settings: ImageSearchSettings, *, network: tuple[int, ...], execution: Execution
    ) -> None:
        self.task, self.settings, self.network, self.execution = task, settings, network, execution
        self.module = build_network(task.network_space, network, seed=settings.seed).to(execution.device)
        if execution.compiled:
            self.module.compile()
        self.optimizer = make_optimizer(self.module, settings.final)
        self.scaler = execution.scaler(settings.final.precision)
        self.step, self.history = 0, list[dict[str, Any]]()
        self.steps_per_epoch = steps_per_epoch(task.data.training, settings.final.batch_size)
        self.steps = self.steps_per_epoch * settings.final.epochs
        self._sums = torch.zeros(3, dtype=torch.float64, device=execution.device)

    def advance(self) -> None:
        """One weight step."""
        settings, world = self.settings.final, self.execution.world
        self.module.train()
        loss, right = weight_step(
            self.module,
            training_batch(
                self.task.data.training,
                self.task.data,
                batch_size=settings.batch_size,
                seed=self.settings.seed,
                name="final",
                step=self.step,
                rank=world.rank,
                ranks=world.size,
            ),
            optimizer=self.optimizer,
            settings=settings,
            learning_rate=cosine(settings.learning_rate, self.step, self.steps),
            scaler=self.scaler,
            execution=self.execution,
        )
        self._sums += torch.stack([loss.double(), right.double(), torch.ones_like(loss).double()])

    def finish_epoch(self) -> dict[str, Any]:
        """Training loss and accuracy of the epoch that has just ended."""
        self.execution.world.average([self._sums])
        average_statistics(self.module, self.execution.world)
        loss, right, steps = self._sums.tolist()
        self._sums.zero_()
        return {
            "epoch": (self.step - 1) // self.steps_per_epoch,
            "train_loss": loss / steps,
            "train_accuracy": right / steps,
            "learning_rate": cosine(self.settings.final.learning_rate, self.step - 1, self.steps),
        }

    def test(self) -> float:
        """Accuracy on the test split, a fraction."""
        self.module.eval()
        return accuracy(
            self.module,
            plain_batches(self.task.data.test, self.task.data, batch_size=250),
            precision=self.settings.final.precision,
            execution=self.execution,
        )

    def identity(self) -> dict[str, Any]:
        """Task, network and the settings that the final training depends on."""
        return {
            "stage": self.name,
            "task": self.task.name,
            "task_fingerprint": self.task.fingerprint,
            "network": list(self.network),
            "final": asdict(self.settings.final),
            "seed": self.settings.seed,
            "world_size": self.execution.world.size,
        }

    def tensors(self) -> dict[str, torch.Tensor]:
        """Weights, optimiser, the epoch's running sums, the loss scale."""
        return {**pack("weights", self.module, self.optimizer), **pack_scaler(self.scaler), "sums": self._sums}

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Put back what `tensors` gave."""
        unpack("weights", tensors, self.module, self.optimizer)
        unpack_scaler(tensors, self.scaler)
        self._sums.copy_(tensors["sums"])
