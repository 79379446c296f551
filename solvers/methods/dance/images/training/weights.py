"""Weight training: the settings, one step, one evaluation; shared by the supernet and by networks from scratch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import torch
from torch import nn

from dance_env.accuracy.supernet.image_data import ImageData, Split, plain_batches, steps_per_epoch, training_batch
from dance_env.accuracy.supernet.network import Criterion
from solvers.methods.dance.images.training.distributed import World

Precision = Literal["float32", "bfloat16", "float16"]
Forward = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class WeightSettings:
    """How weights are trained; the defaults are ProxylessNAS's (1812.00332 and its public code).

    Attributes:
        epochs: Passes over the split.
        batch_size: Images a step, over all ranks.
        learning_rate: Of SGD at the start; a cosine takes it to 0.
        momentum: Nesterov's.
        weight_decay: The paper's lambda1, on every parameter.
        label_smoothing: Share of the target spread over all classes.
        clip_norm: Longer gradients are scaled down to this norm.
        precision: What convolutions compute in; weights stay float32.

    Raises:
        ValueError: If a setting is out of its range.
    """

    epochs: int
    batch_size: int = 256
    learning_rate: float = 0.025
    momentum: float = 0.9
    weight_decay: float = 4e-5
    label_smoothing: float = 0.1
    clip_norm: float = 5.0
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 2:
            raise ValueError(f"epochs must be >= 1 and batch_size >= 2, got {self.epochs} and {self.batch_size}")
        for name in ("learning_rate", "clip_norm"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("momentum", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must lie in [0, 1), got {getattr(self, name)}")
        if not self.weight_decay >= 0:
            raise ValueError(f"weight_decay must not be negative, got {self.weight_decay}")
        if self.precision not in get_args(Precision):
            raise ValueError(f"precision must be one of {get_args(Precision)}, got {self.precision!r}")


@dataclass(frozen=True)
class Execution:
    """Where and how a run executes; its results are the same to the bit only on the same kind of machine.

    Attributes:
        device: "cpu", "cuda" or "cuda:0".
        compiled: Run blocks through `torch.compile`.
        threads: Torch's on the CPU, since sums over more threads round differently; None leaves them as they are.
        world: The ranks that train together.
    """

    device: str = "cpu"
    compiled: bool = False
    threads: int | None = 1
    world: World = field(default_factory=World)

    @contextmanager
    def threads_capped(self) -> Iterator[None]:
        """Run with `threads` torch threads inside, and with as many as before outside."""
        before = torch.get_num_threads()
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def send(self, batch: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return images and labels on the device."""
        return batch[0].to(self.device, non_blocking=True), batch[1].to(self.device, non_blocking=True)

    def autocast(self, precision: Precision) -> AbstractContextManager[None]:
        """Return the context in which networks run at this precision."""
        dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[precision]
        return torch.autocast(torch.device(self.device).type, dtype=dtype, enabled=precision != "float32")

    def scaler(self, precision: Precision) -> torch.amp.GradScaler:
        """Return the loss scaling, which only float16 needs."""
        return torch.amp.GradScaler(torch.device(self.device).type, enabled=precision == "float16")


def make_optimizer(module: nn.Module, settings: WeightSettings) -> torch.optim.SGD:
    """Return SGD over all weights; those outside the sampled path have no gradient and stay as they are."""
    return torch.optim.SGD(
        module.parameters(),
        lr=settings.learning_rate,
        momentum=settings.momentum,
        nesterov=settings.momentum > 0,
        weight_decay=settings.weight_decay,
    )


def make_criterion(settings: WeightSettings) -> Criterion:
    """Return the cross-entropy with label smoothing, computed in float32."""
    smoothing = settings.label_smoothing

    def criterion(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(outputs.float(), labels, label_smoothing=smoothing)

    return criterion


def cosine(start: float, step: int, steps: int) -> float:
    """Return `start` at step 0, falling along half a cosine to 0 at `steps`."""
    return 0.5 * start * (1.0 + math.cos(math.pi * step / steps))


def weight_step(
    forward: Forward,
    batch: tuple[torch.Tensor, torch.Tensor],
    *,
    optimizer: torch.optim.Optimizer,
    settings: WeightSettings,
    learning_rate: float,
    scaler: torch.amp.GradScaler,
    execution: Execution,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Do one step of SGD.

    Returns:
        Loss and share of the batch classified correctly, both `()` and detached.

    Raises:
        FloatingPointError: If the loss is not a number (checked where it is cheap: on the CPU).
    """
    images, labels = execution.send(batch)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.zero_grad(set_to_none=True)
    with execution.autocast(settings.precision):
        outputs = forward(images)
        loss = make_criterion(settings)(outputs, labels)
    if not images.is_cuda and not torch.isfinite(loss):
        raise FloatingPointError(f"the training loss became {loss.item()}; lower the learning rate or the clip norm")
    scaler.scale(loss).backward()
    weights = [weight for group in optimizer.param_groups for weight in group["params"] if weight.grad is not None]
    execution.world.average([weight.grad for weight in weights])
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(weights, settings.clip_norm)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach(), (outputs.detach().argmax(1) == labels).float().mean()


def accuracy(
    forward: Forward,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    *,
    precision: Precision,
    execution: Execution,
) -> float:
    """Return the share of the images that is classified correctly, a fraction."""
    return float(correct(forward, batches, precision=precision, execution=execution).mean())


def correct(
    forward: Forward,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    *,
    precision: Precision,
    execution: Execution,
) -> np.ndarray:
    """Return `(n,)` bool: which images are classified correctly, in the order of the batches."""
    found = []
    with torch.inference_mode(), execution.autocast(precision):
        for batch in batches:
            images, labels = execution.send(batch)
            found.append((forward(images).argmax(1) == labels).cpu().numpy())
    return np.concatenate(found)


def average_statistics(module: nn.Module, world: World) -> None:
    """Make the ranks' running batch-norm averages the same: their mean."""
    world.average([buffer for name, buffer in module.named_buffers() if name.endswith(("running_mean", "running_var"))])


def train_from_scratch(
    module: nn.Module, data: ImageData, settings: WeightSettings, *, split: Split, seed: int, execution: Execution
) -> float:
    """Train one network and return its accuracy on the test split, a fraction (no checkpoints; `final` keeps some)."""
    module.to(execution.device)
    optimizer, scaler = make_optimizer(module, settings), execution.scaler(settings.precision)
    per_epoch = steps_per_epoch(split, settings.batch_size)
    steps = per_epoch * settings.epochs
    module.train()
    for step in range(steps):
        batch = training_batch(split, data, batch_size=settings.batch_size, seed=seed, name="scratch", step=step)
        weight_step(
            module,
            batch,
            optimizer=optimizer,
            settings=settings,
            learning_rate=cosine(settings.learning_rate, step, steps),
            scaler=scaler,
            execution=execution,
        )
    module.eval()
    return accuracy(
        module, plain_batches(data.test, data, batch_size=500), precision=settings.precision, execution=execution
    )
