"""How good an evaluator is on networks that it was not trained on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from dance_env.problem import Problem
from experiments.claims.work import Work
from solvers.methods.dance.evaluator.data import TrainingData, hardware_option_counts, make_data
from solvers.methods.dance.evaluator.estimator import METRICS, relative_error
from solvers.methods.dance.evaluator.evaluator import Evaluator
from solvers.methods.dance.evaluator.labels import LabelTable
from solvers.methods.dance.evaluator.sampling import SamplingSettings
from solvers.methods.dance.evaluator.settings import EvaluatorSettings
from solvers.methods.dance.evaluator.store import load_or_train
from solvers.methods.dance.evaluator.training import TrainingBill
from solvers.methods.gradient.threads import torch_threads

_TEST_SEED = 1_000_003  # never a training seed
_ROWS = 8_192


@dataclass(frozen=True)
class Quality:
    """Figures on one set of held-out networks; accuracies in per cent.

    Attributes:
        heads: the generator's accuracy, by accelerator choice.
        all_heads: share of networks for which all heads are right.
        commonest: accuracy, by choice, of always answering with the option that is most often best.
        labels: distinct best accelerators among the networks.
        estimator: 100 (1 - mean absolute relative error) of the estimator, true hardware given, by metric; empty
            without feature forwarding.
        whole: the same of the whole evaluator, against the true cost on the truly best accelerator.
        regret_mean, regret_median, regret_p99: by how much (%) the objective's cost function on the generated
            accelerator exceeds that on the best one; where the task has limits, among those that meet them.
        over_limit: share (%) of generated accelerators that exceed a limit although the best one does not.
    """

    heads: dict[str, float]
    all_heads: float
    commonest: dict[str, float]
    labels: int
    estimator: dict[str, float]
    whole: dict[str, float]
    regret_mean: float
    regret_median: float
    regret_p99: float
    over_limit: float


def trained(
    problem: Problem, settings: EvaluatorSettings, *, device: str, work: Work
) -> tuple[Evaluator, TrainingBill, bool]:
    """The evaluator, trained as `Dance` trains it, or out of the same cache."""
    with torch_threads(1):
        return load_or_train(
            problem,
            settings,
            device=device,
            progress=lambda what, done, total: work.tell(f"{problem.name}: training the {what}", done, total),
        )


def quality(
    problem: Problem,
    evaluator: Evaluator,
    settings: EvaluatorSettings,
    *,
    networks: int,
    pairs: int,
    single: bool,
    device: str = "cpu",
) -> Quality:
    """Judge an evaluator.

    Args:
        problem: whose cost table is the truth.
        evaluator: on `device`.
        settings: as it was trained with: they say what was held out.
        networks: held-out networks.
        pairs: held-out (network, accelerator) pairs.
        single: judge on single networks instead of on mixed ones, as the training draws them.
        device: of the computation.
    """
    sampling = settings.sampling
    if single:
        sampling = SamplingSettings(one_hot=1.0, softened=0.0, held_out=sampling.held_out)
    with torch.no_grad(), torch_threads(1):
        data = make_data(
            problem, networks=networks, pairs=pairs, sampling=sampling, seed=_TEST_SEED, device=device, held_out=True
        )
        cost, generated = evaluator(data.network_probs)
        options = torch.stack([block.argmax(1) for block in generated.split(hardware_option_counts(problem), 1)], 1)
        right = (options == data.best_options).double()
        predicted = torch.stack([cost.latency_s, cost.energy_j, cost.area_mm2], dim=1).log()
        regret, over = _regret(problem, data, options.cpu().numpy())
        estimator = _estimator_accuracy(evaluator, data) if evaluator.feature_forwarding else {}
    names = [choice.name for choice in problem.accelerator_space.choices()]
    labels = data.best_options.cpu().numpy()
    common = [np.bincount(column).max() / len(column) for column in labels.T]
    return Quality(
        heads=_percent(names, right.mean(dim=0)),
        all_heads=100.0 * float(right.prod(dim=1).mean()),
        commonest=_percent(names, common),
        labels=len(np.unique(labels, axis=0)),
        estimator=estimator,
        whole=_accuracy(relative_error(predicted.double(), data.best_log_cost.double())),
        regret_mean=100.0 * float(regret.mean()) if len(regret) else float("nan"),
        regret_median=100.0 * float(np.median(regret)) if len(regret) else float("nan"),
        regret_p99=100.0 * float(np.quantile(regret, 0.99)) if len(regret) else float("nan"),
        over_limit=100.0 * over,
    )


def with_forwarding(settings: EvaluatorSettings, *, forwarding: bool, seed: int | None = None) -> EvaluatorSettings:
    """The same settings with or without feature forwarding."""
    return replace(settings, feature_forwarding=forwarding, seed=settings.seed if seed is None else seed)


def _estimator_accuracy(evaluator: Evaluator, data: TrainingData) -> dict[str, float]:
    errors = []
    for rows in torch.arange(len(data.pair_network), device=data.pair_network.device).split(_ROWS):
        predicted = evaluator.estimator(
            data.network_probs[data.pair_network[rows]], data.hardware_features[data.pair_hardware[rows]]
        )
        errors.append(relative_error(predicted.double(), data.pair_log_cost[rows].double()))
    return _accuracy(torch.cat(errors))


def _accuracy(errors: torch.Tensor) -> dict[str, float]:
    return _percent(METRICS, 1.0 - errors.abs().mean(dim=0))


def _percent(names: Iterable[object], shares: Iterable[Any]) -> dict[str, float]:
    return {str(name): 100.0 * float(share) for name, share in zip(names, shares, strict=True)}


def _regret(problem: Problem, data: TrainingData, options: np.ndarray) -> tuple[np.ndarray, float]:
    """Relative excess of the generated accelerators' cost function over the best's, and the share over a limit.

    Where the best accelerator itself exceeds a limit, the network is left out of both.
    """
    table = LabelTable.of(problem, device=data.network_probs.device)
    space = problem.accelerator_space
    values, over = [], []
    for chosen in (options, data.best_options.cpu().numpy()):
        hardware = torch.tensor(space.index(chosen), device=data.network_probs.device)
        cost = table.on(data.network_probs.double(), hardware)
        values.append(table.objective.cost_function(cost).cpu().numpy())
        violation = table.objective.violation(torch.zeros_like(cost.latency_s), cost)
        over.append(violation.cpu().numpy() > 1e-6)  # the labels were taken at double precision, the inputs are floats
    met = ~over[1]
    if not met.any():
        return np.empty(0), float("nan")
    both = met & ~over[0]
    return values[0][both] / values[1][both] - 1.0, float(over[0][met].mean())
