"""Training of the evaluator's two networks on exact labels; the same settings give the same bits."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from solvers.methods.dance.evaluator.data import TrainingData, make_data
from solvers.methods.dance.evaluator.estimator import relative_error_loss
from solvers.methods.dance.evaluator.evaluator import Evaluator, EvaluatorShape
from solvers.methods.dance.evaluator.muon import Muon
from solvers.methods.dance.evaluator.settings import EvaluatorSettings, TrainingLoop
from solvers.methods.gradient.options import hardware_option_counts, network_option_counts

if TYPE_CHECKING:  # not imported: what a problem holds is in the evaluator's key by value, not by code
    from dance_env.problem import Problem

ProgressFunction = Callable[[str, int, int], object]
"""Called with what is being trained ("generator" or "estimator"), the steps done and the steps in all."""


_AVERAGED_BATCHES = 100

_LEAST_VARIANCE = 1e-2
"""Least variance of a batch norm after training. Where the input is constant, as in a space of one network, the variance is
rounding noise, and layer after layer would amplify it without bound. Trained units have variances of 0.05 and more."""


@dataclass(frozen=True)
class TrainingBill:
    """The cost of training an evaluator.

    Attributes:
        samples: labeled samples: networks with their best accelerator, and pairs.
        cost_model_queries: (network, accelerator) costs behind the labels.
        seconds: wall time, labels and training.
    """

    samples: int
    cost_model_queries: int
    seconds: float


def evaluator_shape(problem: Problem, settings: EvaluatorSettings) -> EvaluatorShape:
    """Return the sizes of a problem's evaluator."""
    return EvaluatorShape(
        network_options=sum(network_option_counts(problem)),
        hardware_counts=hardware_option_counts(problem),
        generator_width=settings.generator_width,
        estimator_width=settings.estimator_width,
        layers=settings.layers,
        feature_forwarding=settings.feature_forwarding,
    )


def train_evaluator(
    problem: Problem, settings: EvaluatorSettings, *, device: str = "cpu", progress: ProgressFunction | None = None
) -> tuple[Evaluator, TrainingBill]:
    """Label the samples and train both networks.

    Args:
        problem: whose cost table gives the labels.
        settings: sizes, samples, training.
        device: where everything is computed. On the CPU the weights are the same to the bit for the same settings (and
            number of torch threads).
        progress: called with how far the training is.

    Returns:
        The evaluator, frozen, and what it took.
    """
    start = time.perf_counter()
    data = make_data(
        problem,
        networks=settings.networks,
        pairs=settings.pairs,
        sampling=settings.sampling,
        seed=settings.seed,
        device=device,
        margin=settings.margin,
    )
    evaluator = Evaluator.untrained(evaluator_shape(problem, settings), seed=settings.seed, device=device)
    _train_generator(evaluator, data, settings, progress)
    _train_estimator(evaluator, data, settings, progress)
    bill = TrainingBill(
        samples=settings.networks + settings.pairs,
        cost_model_queries=data.cost_model_queries,
        seconds=time.perf_counter() - start,
    )
    return evaluator.frozen(), bill


def _round_weights(module: nn.Module) -> None:
    """Round the weights to half precision, so that a file of half the size holds exactly the evaluator that was trained."""
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(weight.half())


def _train_generator(
    evaluator: Evaluator, data: TrainingData, settings: EvaluatorSettings, progress: ProgressFunction | None
) -> None:
    generator = evaluator.generator

    def loss(rows: torch.Tensor) -> torch.Tensor:
        heads = generator.split(generator(data.network_probs[rows]))
        targets = data.best_options[rows].unbind(dim=1)
        return sum(
            (nn.functional.cross_entropy(head, target) for head, target in zip(heads, targets, strict=True)),
            start=torch.zeros((), device=rows.device),
        )

    _fit(
        generator,
        loss,
        len(data.network_probs),
        settings.generator,
        seed=settings.seed,
        name="generator",
        progress=progress,
    )


def _train_estimator(
    evaluator: Evaluator, data: TrainingData, settings: EvaluatorSettings, progress: ProgressFunction | None
) -> None:
    estimator = evaluator.estimator
    forwarding = evaluator.feature_forwarding
    targets = data.pair_log_cost if forwarding else data.best_log_cost
    estimator.log_scale.copy_(targets.mean(dim=0))

    def loss(rows: torch.Tensor) -> torch.Tensor:
        if forwarding:
            predicted = estimator(
                data.network_probs[data.pair_network[rows]], data.hardware_features[data.pair_hardware[rows]]
            )
        else:
            predicted = estimator(data.network_probs[rows])
        return relative_error_loss(predicted, targets[rows])

    loop = settings.estimator
    if not forwarding:  # fewer samples, seen the more often: the two kinds are compared after as many steps
        loop = replace(loop, epochs=max(1, round(loop.epochs * settings.pairs / settings.networks)))
    _fit(estimator, loss, len(targets), loop, seed=settings.seed + 1, name="estimator", progress=progress)


def _fit(
    module: nn.Module,
    loss: Callable[[torch.Tensor], torch.Tensor],
    samples: int,
    loop: TrainingLoop,
    *,
    seed: int,
    name: str,
    progress: ProgressFunction | None,
) -> None:
    """Minimize `loss(rows)` over shuffled batches of row numbers."""
    device = next(module.parameters()).device
    rng = torch.Generator().manual_seed(seed)
    batch = min(loop.batch, samples)
    per_epoch = samples // batch  # the remainder is left out of this epoch: a batch of one has no batch norm
    steps = loop.epochs * per_epoch
    frozen_from = steps - int(loop.frozen_norms * steps)
    optimizers = _optimizers(module, loop)
    top_rates = [optimizer.param_groups[0]["lr"] for optimizer in optimizers]
    module.train()
    step = 0
    for _ in range(loop.epochs):
        batches = torch.randperm(samples, generator=rng).to(device)[: per_epoch * batch].split(batch)
        for rows in batches:
            if step == frozen_from:
                _average_batch_norms(module, loss, batches[:_AVERAGED_BATCHES])
                module.eval()
            for optimizer, rate in zip(optimizers, top_rates, strict=True):
                optimizer.param_groups[0]["lr"] = rate * warmed_cosine(step, steps)
                optimizer.zero_grad(set_to_none=True)
            loss(rows).backward()
            for optimizer in optimizers:
                optimizer.step()
            step += 1
            if progress is not None:
                progress(name, step, steps)
    _round_weights(module)
    if frozen_from == steps:  # else the weights were trained with the statistics that the norms have
        _average_batch_norms(module, loss, batches[:_AVERAGED_BATCHES])
    module.eval()


def _optimizers(module: nn.Module, loop: TrainingLoop) -> list[torch.optim.Optimizer]:
    """AdamW for all parameters; or Muon for the layers' matrices and AdamW, without decay, for norms and outputs."""
    named = list(module.named_parameters())
    if not loop.matrix_rate:
        return [torch.optim.AdamW([each for _, each in named], lr=loop.learning_rate, weight_decay=loop.weight_decay)]
    matrices = [each for name, each in named if name.startswith("stack.") and each.ndim == 2]
    rest = [each for name, each in named if not (name.startswith("stack.") and each.ndim == 2)]
    return [
        torch.optim.AdamW(rest, lr=loop.learning_rate, weight_decay=0.0),
        Muon(matrices, lr=loop.matrix_rate, weight_decay=loop.weight_decay),
    ]


def _average_batch_norms(
    module: nn.Module, loss: Callable[[torch.Tensor], torch.Tensor], batches: Sequence[torch.Tensor]
) -> None:
    """Replace the running statistics, an average over some ten batches of noise, by plain means over many."""
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm1d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's word for a cumulative mean
    with torch.no_grad():
        for rows in batches:
            loss(rows)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        assert norm.running_var is not None, "these batch norms keep statistics"
        norm.running_var.clamp_(min=_LEAST_VARIANCE)


def warmed_cosine(step: int, steps: int) -> float:
    """Share of the top learning rate at `step` of `steps`: linear over the first twentieth, then cosine to zero."""
    warm = max(1, steps // 20)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1.0 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))
