"""Training from scratch: the final stage of the paper, and the accuracy model that judges networks by it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dance_env.accuracy.supernet.checkpoint import CheckpointError
from dance_env.accuracy.supernet.image_data import plain_batches, steps_per_epoch, training_batch
from dance_env.accuracy.supernet.network import build_network
from dance_env.accuracy.supernet.trainable import TrainableSupernet
from dance_env.atomic import write_whole
from dance_env.progress import Progress, reporter
from dance_env.source_digest import source_digest
from dance_env.space import DesignSpace
from solvers.methods.dance.images.training.drive import drive, pack, pack_scaler, unpack, unpack_scaler
from solvers.methods.dance.images.training.weights import (
    Execution,
    WeightSettings,
    average_statistics,
    correct,
    cosine,
    make_optimizer,
    weight_step,
)


class FinalStage:
    """Plain training of one network on all images but the test's; the test split is used once, in `test`."""

    name = "final"

    def __init__(
        self,
        trainable: TrainableSupernet,
        settings: WeightSettings,
        *,
        network: Sequence[int],
        seed: int,
        execution: Execution,
    ) -> None:
        """Build the network and its optimizer, at step 0.

        Args:
            trainable: Networks and images.
            settings: Of the training.
            network: `(N,)` option indices.
            seed: Of everything that is drawn.
            execution: Device and ranks.
        """
        self.trainable, self.settings, self.seed = trainable, settings, seed
        self.network, self.execution = tuple(map(int, network)), execution
        self.module = build_network(trainable.space, self.network, seed=seed).to(execution.device)
        if execution.compiled:
            self.module.compile()
        self.optimizer = make_optimizer(self.module, settings)
        self.scaler = execution.scaler(settings.precision)
        self.step, self.history = 0, list[dict[str, Any]]()
        self.steps_per_epoch = steps_per_epoch(trainable.data.training, settings.batch_size)
        self.steps = self.steps_per_epoch * settings.epochs
        self._sums = torch.zeros(3, dtype=torch.float64, device=execution.device)

    def advance(self) -> None:
        """Do one weight step."""
        settings, data, world = self.settings, self.trainable.data, self.execution.world
        self.module.train()
        loss, right = weight_step(
            self.module,
            training_batch(
                data.training,
                data,
                batch_size=settings.batch_size,
                seed=self.seed,
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
        """Return training loss and accuracy of the epoch that has just ended."""
        self.execution.world.average([self._sums])
        average_statistics(self.module, self.execution.world)
        loss, right, steps = self._sums.tolist()
        self._sums.zero_()
        return {
            "epoch": (self.step - 1) // self.steps_per_epoch,
            "train_loss": loss / steps,
            "train_accuracy": right / steps,
            "learning_rate": cosine(self.settings.learning_rate, self.step - 1, self.steps),
        }

    def test(self) -> float:
        """Return the accuracy on the test split, a fraction."""
        return float(self.right().mean())

    def right(self) -> np.ndarray:
        """Return `(n,)` bool: which images of the test split are classified correctly."""
        self.module.eval()
        return correct(
            self.module,
            plain_batches(self.trainable.data.test, self.trainable.data, batch_size=250),
            precision=self.settings.precision,
            execution=self.execution,
        )

    def identity(self) -> dict[str, Any]:
        """Return what the training depends on: network, images, settings, seed, ranks, code."""
        return {
            "stage": self.name,
            "code": source_digest(__name__),
            "networks and images": self.trainable.fingerprint(),
            "network": list(self.network),
            "final": asdict(self.settings),
            "seed": self.seed,
            "world_size": self.execution.world.size,
        }

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return weights, optimizer, the epoch's running sums, the loss scale."""
        return {**pack("weights", self.module, self.optimizer), **pack_scaler(self.scaler), "sums": self._sums}

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Put back what `tensors` returned."""
        unpack("weights", tensors, self.module, self.optimizer)
        unpack_scaler(tensors, self.scaler)
        self._sums.copy_(tensors["sums"])


@dataclass(frozen=True, eq=False)
class ScratchAccuracy:
    """A `SampledAccuracy` that trains each network from scratch and tests it: what the paper reports.

    An evaluation takes as long as a training, and what it returns is accuracy on the test split. Use it to judge what a
    search has found, or to search for one network (DANCE); a solver that compares many networks by it selects on the
    test split. Ask from one thread at a time.

    Attributes:
        task: The networks, and the images to train and test on.
        settings: Of each training.
        seed: Of everything that a training draws.
        execution: Device, threads and ranks.
        folder: Keeps checkpoints and finished trainings, so that an interrupted one goes on; None keeps them in memory.
        progress: Of each training: True for a bar, or a function called with (steps done, steps in all).
    """

    task: TrainableSupernet
    settings: WeightSettings
    seed: int = 0
    execution: Execution = field(default_factory=Execution)
    folder: Path | None = None
    progress: Progress | bool | None = None
    _known: dict[tuple[int, ...], np.ndarray] = field(default_factory=dict, init=False, repr=False)
    _spared: list[float] = field(default_factory=list, init=False, repr=False)

    @property
    def option_counts(self) -> tuple[int, ...]:
        """Options of each choice."""
        return tuple(len(choice.options) for choice in self.task.space.choices())

    @property
    def spared_seconds(self) -> float:
        """Seconds that trainings read from `folder` took when they were run; a solver's bill adds them."""
        return sum(self._spared)

    def trainable(self) -> TrainableSupernet:
        """Return the networks and images that a solver can train a supernet on."""
        return self.task

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        """Return test accuracies, fractions `(B,)`, of networks `(B, N)`; each network is trained once.

        Raises:
            CheckpointError: If `folder` holds a damaged checkpoint.
            OSError: If `folder` cannot be written.
        """
        return self.right(networks).mean(axis=1)

    def right(self, networks: np.ndarray) -> np.ndarray:
        """Return `(B, test images)` bool: which test images each network classifies correctly, for paired comparisons.

        Raises:
            CheckpointError: If `folder` holds a damaged checkpoint.
            OSError: If `folder` cannot be written.
        """
        rows = [tuple(map(int, row)) for row in DesignSpace(self.task.space.choices()).check(networks)]
        for row in rows:
            if row not in self._known:
                with self.execution.threads_capped():
                    self._known[row] = self._train(row)
        return np.stack([self._known[row] for row in rows])

    def fingerprint(self) -> str:
        """Return a digest of networks, images, settings, seed and kind of device."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        device, ranks = torch.device(self.execution.device).type, self.execution.world.size
        parts = (self.task.fingerprint(), sorted(asdict(self.settings).items()), self.seed, device, ranks)
        return hashlib.sha256(repr(("from scratch", parts)).encode()).hexdigest()

    def _train(self, network: tuple[int, ...]) -> np.ndarray:
        """Train and test one network, or read what an earlier training found; return `(test images,)` bool."""
        trainable, execution = self.task, self.execution
        stage = FinalStage(trainable, self.settings, network=network, seed=self.seed, execution=execution)
        place = None if self.folder is None else self.folder / _name(stage)
        if place is not None and (place / "accuracy.json").exists():
            right, seconds = _read(place / "accuracy.json", images=len(trainable.data.test))
            self._spared.append(seconds)
            return right
        with reporter(self.progress, "Training from scratch") as report:
            path = None if place is None else place / "final.safetensors"
            seconds = drive(stage, path, world=execution.world, progress=report)
        right = stage.right()
        if place is not None and execution.world.leads:
            found = {
                "accuracy": float(right.mean()),
                "seconds": seconds,
                "network": list(network),
                "wrong": np.flatnonzero(~right).tolist(),
                "history": stage.history,
            }
            write_whole(place / "accuracy.json", json.dumps(found, indent=1) + "\n", sync=True)
        return right


def _read(path: Path, *, images: int) -> tuple[np.ndarray, float]:
    """Return `(images,)` bool, which test images are classified correctly, and the seconds of a finished training.

    Raises:
        CheckpointError: If the file is damaged.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        right, seconds = np.ones(images, dtype=bool), float(found["seconds"])
        right[np.array(found["wrong"], dtype=np.int64)] = False
        if float(found["accuracy"]) != float(right.mean()) or not seconds >= 0:
            raise ValueError(f"accuracy {found['accuracy']} and seconds {seconds} do not fit {images} test images")
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise CheckpointError(f"{path} is damaged ({error}); delete it, and the network is tested again") from error
    return right, seconds


def _name(stage: FinalStage) -> str:
    """Return the folder name of a training: a digest of its identity."""
    return "scratch-" + hashlib.sha256(json.dumps(stage.identity(), sort_keys=True).encode()).hexdigest()[:16]
