"""The search stage: shared weights and network choice, trained in turns on separate splits of the images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from dance_env.accuracy.supernet.image_data import plain_batches, steps_per_epoch, training_batch
from dance_env.accuracy.supernet.network import build_supernet, frozen_statistics
from dance_env.accuracy.supernet.streams import stream
from dance_env.accuracy.supernet.trainable import TrainableSupernet
from dance_env.source_digest import source_digest
from solvers.methods.dance.images.gates import draw, probabilities, sample_path, uniform
from solvers.methods.dance.images.grow import grow, smallest_path
from solvers.methods.dance.images.hardware import HardwareTerm
from solvers.methods.dance.images.settings import ImageSettings
from solvers.methods.dance.images.training.drive import pack, pack_scaler, unpack, unpack_scaler
from solvers.methods.dance.images.training.weights import (
    Execution,
    accuracy,
    average_statistics,
    cosine,
    make_criterion,
    make_optimizer,
    weight_step,
)

_SUMS = ("loss", "accuracy", "steps", "choice_loss", "hardware", "choice_steps")


class Choice(nn.Module):
    """The logits of all network options, `(O,)`."""

    def __init__(self, counts: tuple[int, ...], *, deviation: float, generator: torch.Generator) -> None:
        super().__init__()
        self.counts = counts
        self.logits = nn.Parameter(deviation * torch.randn(sum(counts), generator=generator))

    @property
    def probs(self) -> torch.Tensor:
        """`(O,)`, differentiable."""
        return probabilities(self.logits, self.counts)


class SearchStage:
    """`Loss = CE + lambda1 ||w|| + lambda2 Cost_HW(probabilities)` (2009.06237), on sampled paths.

    Weight steps and choice steps take turns. A weight step runs one sampled path (or the mixture) on the weights'
    split. A choice step runs one path on the other split and moves the logits by the path's gate gradients plus the
    gradient of the hardware term, which sees the probabilities themselves.
    """

    name = "search"

    def __init__(
        self,
        trainable: TrainableSupernet,
        settings: ImageSettings,
        *,
        seed: int,
        term: HardwareTerm,
        execution: Execution,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """Build the supernet and both optimizers, at step 0.

        Args:
            trainable: Networks and images.
            settings: Of the search; `final` plays no part.
            seed: Of everything that is drawn.
            term: What the choice pays for hardware.
            execution: Device and ranks.
            about: What else tells this run from others, such as the problem; part of its identity.

        Raises:
            ImageDataError: If a split holds less than one batch.
        """
        self.trainable, self.settings, self.seed = trainable, settings, seed
        self.term, self.execution, self.about = term, execution, dict(about or {})
        self.supernet = build_supernet(trainable.space, seed=seed).to(execution.device)
        self.choice = Choice(
            self.supernet.counts,
            deviation=settings.choice.initial_deviation,
            generator=stream(seed, "choice/logits"),
        ).to(execution.device)
        if execution.compiled:
            self.supernet.compile_blocks()
        self.weights_optimizer = make_optimizer(self.supernet, settings.search)
        self.choice_optimizer = torch.optim.Adam(
            self.choice.parameters(), lr=settings.choice.learning_rate, betas=settings.choice.betas
        )
        self.scaler = execution.scaler(settings.search.precision)
        self.step, self.history = 0, list[dict[str, Any]]()
        self.steps_per_epoch = steps_per_epoch(trainable.data.weights, settings.search.batch_size)
        steps_per_epoch(trainable.data.choices, settings.search.batch_size)
        self.steps = self.steps_per_epoch * settings.search.epochs
        self._sums = torch.zeros(len(_SUMS), dtype=torch.float64, device=execution.device)

    @property
    def epoch(self) -> int:
        """The epoch that step number `step` belongs to, from 0."""
        return self.step // self.steps_per_epoch

    @property
    def choice_steps(self) -> int:
        """Choice steps done so far."""
        first = self.settings.choice.warmup_epochs * self.steps_per_epoch
        return max(0, self.step - first) // self.settings.choice.every

    @property
    def temperature(self) -> float:
        """Of the Gumbel softmax, in this epoch."""
        choice = self.settings.choice
        return choice.temperature * choice.temperature_decay ** max(0, self.epoch - choice.warmup_epochs)

    @property
    def lambda2(self) -> float:
        """The price of hardware at this step: 0 until the warm-up of the weights ends, then rising."""
        choice = self.settings.choice
        first = choice.warmup_epochs * self.steps_per_epoch
        rise = choice.lambda2_warmup * (self.steps - first)
        done = self.step - first
        if done < 0:
            return 0.0
        return choice.lambda2 * (done / rise if done < rise else 1.0)

    def network(self) -> tuple[int, ...]:
        """Return the derived network, `(N,)`: the most probable option of each choice."""
        return tuple(int(block.argmax()) for block in self.choice.logits.detach().split(list(self.choice.counts)))

    def advance(self) -> None:
        """Do one weight step and, once the warm-up is over, one choice step every so often."""
        self._weights()
        choice = self.settings.choice
        first = choice.warmup_epochs * self.steps_per_epoch
        if self.step >= first and (self.step - first + 1) % choice.every == 0:
            self._choose((self.step - first) // choice.every)

    def finish_epoch(self) -> dict[str, Any]:
        """Return losses, accuracies, lambda2 and the probabilities after the epoch that ends with step `step - 1`."""
        self.execution.world.average([self._sums])
        average_statistics(self.supernet, self.execution.world)
        sums = dict(zip(_SUMS, self._sums.tolist(), strict=True))
        self._sums.zero_()
        self.step -= 1  # the schedules as they were in the epoch's last step
        lambda2, temperature, epoch = self.lambda2, self.temperature, self.epoch
        self.step += 1
        searching = sums["choice_steps"] > 0
        probs = self.choice.probs.detach()
        return {
            "epoch": epoch,
            "phase": "search" if epoch >= self.settings.choice.warmup_epochs else "warm-up",
            "train_loss": sums["loss"] / sums["steps"],
            "train_accuracy": sums["accuracy"] / sums["steps"],
            "choice_loss": sums["choice_loss"] / sums["choice_steps"] if searching else None,
            "hardware_term": sums["hardware"] / sums["choice_steps"] if searching else None,
            "derived_accuracy": self._derived_accuracy(),
            "lambda2": lambda2,
            "temperature": temperature,
            "learning_rate": cosine(self.settings.search.learning_rate, self.step - 1, self.steps),
            "network": list(self.network()),
            "probabilities": [float(value) for value in probs.cpu()],
        }

    def identity(self) -> dict[str, Any]:
        """Return what the search depends on: networks and images, settings, hardware term, code, and `about`."""
        return {
            **self.about,
            "stage": self.name,
            "code": source_digest(__name__),
            "networks and images": self.trainable.fingerprint(),
            "hardware": self.term.describe(),
            "world_size": self.execution.world.size,
            "seed": self.seed,
            "search": asdict(self.settings.search),
            "choice": asdict(self.settings.choice),
        }

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return weights, logits, both optimizers, the epoch's running sums, the loss scale."""
        return {
            **pack("weights", self.supernet, self.weights_optimizer),
            **pack("choice", self.choice, self.choice_optimizer),
            **pack_scaler(self.scaler),
            "sums": self._sums,
        }

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Put back what `tensors` returned."""
        unpack("weights", tensors, self.supernet, self.weights_optimizer)
        unpack("choice", tensors, self.choice, self.choice_optimizer)
        unpack_scaler(tensors, self.scaler)
        self._sums.copy_(tensors["sums"])

    # ------------------------------------------------------------------------------------------------------- private
    def _weights(self) -> None:
        settings, seed = self.settings, self.seed
        self.supernet.train()
        warm = self.epoch < settings.choice.warmup_epochs
        growing = self.epoch < settings.choice.grown_epochs
        if self.step and self.step == settings.choice.grown_epochs * self.steps_per_epoch:
            grow(self.supernet, stream(seed, "weights/grow"))
        probs = uniform(self.supernet.counts) if warm else self.choice.probs.detach()
        if settings.choice.sampling == "mixture" and not growing:
            weights = probs.to(self.execution.device, torch.float32)

            def forward(images: torch.Tensor) -> torch.Tensor:
                return self.supernet.mixture(images, weights)
        else:
            path = sample_path(probs, self.supernet.counts, stream(seed, "weights/path", self.step))
            path = smallest_path(self.supernet, path) if growing else path

            def forward(images: torch.Tensor) -> torch.Tensor:
                output: torch.Tensor = self.supernet(images, path)
                return output

        loss, right = weight_step(
            forward,
            self._batch("weights", self.step),
            optimizer=self.weights_optimizer,
            settings=settings.search,
            learning_rate=cosine(settings.search.learning_rate, self.step, self.steps),
            scaler=self.scaler,
            execution=self.execution,
        )
        self._sums[:3] += torch.stack([loss.double(), right.double(), torch.ones_like(loss).double()])

    def _choose(self, number: int) -> None:
        """Do choice step number `number`, counted from the end of the warm-up."""
        settings = self.settings
        images, labels = self.execution.send(self._batch("choices", number))
        self.supernet.train()
        if settings.choice.sampling == "mixture":
            loss, surrogate = self._mixture_loss(images, labels)
        else:
            loss, surrogate = self._gate_loss(images, labels, number)
        price = self.term(self.choice.probs[None], stream(self.seed, "choices/hardware", number))
        (gradient,) = torch.autograd.grad(surrogate + self.lambda2 * price.to(surrogate), [self.choice.logits])
        self.execution.world.average([gradient])
        self.choice_optimizer.zero_grad(set_to_none=True)
        self.choice.logits.grad = gradient
        self.choice_optimizer.step()
        self._sums[3:] += torch.stack([loss.double(), price.detach().double(), torch.ones_like(loss).double()])

    def _gate_loss(self, images: torch.Tensor, labels: torch.Tensor, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of a sampled path, and a function of the logits whose gradient is that of the gates."""
        settings = self.settings
        drawn = draw(
            self.choice.logits,
            self.supernet.counts,
            sampling=settings.choice.sampling,
            temperature=self.temperature,
            generator=stream(self.seed, "choices/path", number),
        )
        with self.execution.autocast(settings.search.precision):
            loss, gates = self.supernet.gate_gradients(
                images,
                labels,
                path=drawn.path,
                asked=drawn.asked,
                criterion=make_criterion(settings.search),
                scale=float(self.scaler.get_scale()),
            )
        return loss, (gates * drawn.relaxed).sum()

    def _mixture_loss(self, images: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mixture's loss, detached and differentiable in the logits."""
        with frozen_statistics(self.supernet), self.execution.autocast(self.settings.search.precision):
            outputs = self.supernet.mixture(images, self.choice.probs)
            loss = make_criterion(self.settings.search)(outputs, labels)
        return loss.detach(), loss

    def _batch(self, which: str, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        data, world = self.trainable.data, self.execution.world
        split, data = (data.weights, data) if which == "weights" else (data.choices, data.unaugmented)
        return training_batch(
            split,
            data,
            batch_size=self.settings.search.batch_size,
            seed=self.seed,
            name=which,
            step=step,
            rank=world.rank,
            ranks=world.size,
        )

    def _derived_accuracy(self) -> float:
        """Return the derived network's accuracy on the choices' split, with shared weights and the batch's statistics."""
        path, data = self.network(), self.trainable.data
        self.supernet.train()
        with frozen_statistics(self.supernet):
            return accuracy(
                lambda images: self.supernet(images, path),
                plain_batches(data.choices, data, batch_size=self.settings.search.batch_size),
                precision=self.settings.search.precision,
                execution=self.execution,
            )
