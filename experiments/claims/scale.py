"""How much is spent on testing the claims: `SCALES["laptop"]`, `["gpu"]`, `["paper"]`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from solvers.methods.dance.evaluator import MUON, EvaluatorSettings

_LAMBDAS = tuple(float(f"{each:.3g}") for each in np.geomspace(0.03, 30.0, 13))
_PUBLISHED_SAMPLES = replace(
    MUON,
    networks=50_000,
    pairs=1_800_000,
    generator=replace(MUON.generator, epochs=30, weight_decay=0.3),
    estimator=replace(MUON.estimator, epochs=3, batch=1024),
)
"""The paper's numbers of samples, with as much training as a laptop has time for (two minutes of one core)."""


HardwareName = Literal["evaluator", "table", "macs", "none"]
"""As in `solvers.methods.dance.images.hardware`, which imports torch."""


@dataclass(frozen=True)
class EvaluatorScale:
    """How evaluators are trained and judged.

    Attributes:
        tasks: the first is the one that the paper's figures are held against.
        settings: of the evaluators.
        test_networks, test_pairs: held-out samples that they are judged on.
        seeds: of evaluators for the comparison with and without feature forwarding.
        search_seeds, search_budget: of the searches that use either evaluator.
    """

    tasks: tuple[str, ...] = ("macro-cifar10/edap", "macro-cifar10/balanced")
    settings: EvaluatorSettings = _PUBLISHED_SAMPLES
    test_networks: int = 2_000
    test_pairs: int = 20_000
    seeds: tuple[int, ...] = (0,)
    search_seeds: tuple[int, ...] = (0, 1, 2)
    search_budget: int = 2_000


@dataclass(frozen=True)
class FrontScale:
    """How fronts of error against cost are found.

    Attributes:
        tasks: the first is the one that the paper's figures are held against.
        lambdas: factors on lambda2 that DANCE sweeps in one batch.
        budget: of one sweep.
        seeds: sweeps.
        span_pct: how far above the least error the fronts are compared, percentage points; the paper's plot spans 2.7.
    """

    tasks: tuple[str, ...] = ("macro-cifar10/edap", "macro-cifar10/latency-limited")
    lambdas: tuple[float, ...] = _LAMBDAS
    budget: int = 8_000
    seeds: tuple[int, ...] = (0, 1, 2)
    span_pct: float = 2.7


@dataclass(frozen=True)
class SearchCostScale:
    """Who is compared at equal quality.

    Attributes:
        tasks: on which.
        rivals: reinforcement learning and evolution, that DANCE is held against.
        others: shown beside them.
        budget: evaluations + gradient queries of one run.
        seeds: runs of each.
        close_pct: equal quality: regret of at most this share (%) of the optimum.
    """

    tasks: tuple[str, ...] = ("macro-cifar10/edap", "macro-cifar10/balanced")
    rivals: tuple[str, ...] = ("ppo", "evolution")
    others: tuple[str, ...] = ("dance-exact", "network-evolution", "network-local-search", "random")
    budget: int = 6_000
    seeds: tuple[int, ...] = (0, 1, 2)
    close_pct: float = 1.0


@dataclass(frozen=True)
class ObjectiveScale:
    """The grid of objectives whose exact optima are compared.

    Attributes:
        tasks: whose networks are enumerated; each is looked at with every technology.
        technologies: names in `dance_env.cost.technology`.
        lean: share of the weight that the favored metric gets, out of latency and energy.
        area: weight of area beside them; costs are in units of their median over the space.
        weights: lambda2, percentage points of error per unit.
    """

    tasks: tuple[str, ...] = ("macro-cifar10/linear",)
    technologies: tuple[str, ...] = ("edge-lpddr4", "hwcomponents-65nm")
    lean: tuple[float, ...] = (0.9, 1.0)
    area: tuple[float, ...] = (0.0, 0.1, 0.3)
    weights: tuple[float, ...] = (0.3, 1.0, 3.0)


@dataclass(frozen=True)
class ImageScale:
    """Whole searches on images.

    Attributes:
        tasks: one image task.
        lambdas: values of lambda2, for DANCE and for the penalty on operations alike.
        seeds: each a whole sweep.
        joint: hardware term of the joint search.
        separate: hardware terms of the separate searches.
        location: folder of the images, where they do not come with the library.
        device, precision: of the training.
    """

    tasks: tuple[str, ...] = ("dance-mnist",)
    lambdas: tuple[float, ...] = (0.03, 0.1, 0.3)
    seeds: tuple[int, ...] = (0, 1, 2)
    joint: HardwareName = "table"
    separate: tuple[HardwareName, ...] = ("macs", "none")
    location: str | None = None
    device: str = "cpu"
    precision: Literal["float32", "bfloat16", "float16"] = "float32"


@dataclass(frozen=True)
class Scale:
    """One scale: the settings of every claim.

    Attributes:
        name: how it is asked for.
        device: of torch, for evaluators and searches.
        accuracy_table: the NAS-Bench-Macro table, in place of the surrogate fitted to it.
        images: None where there is no time for whole searches on images.
        search_evaluator: the evaluator that DANCE searches with, where the evaluator itself is not in question.
        larger: the name of the scale that tests what this one leaves out.
    """

    name: str
    evaluator: EvaluatorScale = field(default_factory=EvaluatorScale)
    fronts: FrontScale = field(default_factory=FrontScale)
    search_cost: SearchCostScale = field(default_factory=SearchCostScale)
    objectives: ObjectiveScale = field(default_factory=ObjectiveScale)
    images: ImageScale | None = None
    search_evaluator: EvaluatorSettings = MUON
    device: str = "cpu"
    accuracy_table: Path | None = None
    larger: str = "gpu"


_AS_PUBLISHED = replace(
    _PUBLISHED_SAMPLES,
    generator=replace(MUON.generator, epochs=60, weight_decay=0.3),
    estimator=replace(MUON.estimator, epochs=12, batch=1024),
    estimator_width=256,
)
_SEEDS = tuple(range(10))
_EVALUATORS = EvaluatorScale(
    tasks=("macro-cifar10/edap", "macro-cifar10/balanced", "dance-cifar10"),
    settings=_AS_PUBLISHED,
    test_networks=5_000,
    test_pairs=100_000,
    seeds=(0, 1, 2),
    search_seeds=_SEEDS,
    search_budget=4_000,
)

SCALES: dict[str, Scale] = {
    "laptop": Scale("laptop"),
    "gpu": Scale(
        "gpu",
        evaluator=_EVALUATORS,
        fronts=FrontScale(seeds=_SEEDS, budget=20_000),
        search_cost=SearchCostScale(seeds=_SEEDS, budget=20_000),
        images=ImageScale(device="cuda", precision="bfloat16"),
        device="cuda",
        larger="paper",
    ),
    "paper": Scale(
        "paper",
        evaluator=_EVALUATORS,
        fronts=FrontScale(seeds=_SEEDS, budget=20_000),
        search_cost=SearchCostScale(
            tasks=("macro-cifar10/edap", "macro-cifar10/balanced", "macro-cifar10/latency-limited"),
            seeds=_SEEDS,
            budget=50_000,
        ),
        images=ImageScale(
            tasks=("dance-cifar10",), lambdas=(0.01, 0.03, 0.1, 0.3, 1.0), device="cuda", precision="bfloat16"
        ),
        device="cuda",
        larger="paper",
    ),
}
"""laptop: two cores, a quarter of an hour. gpu: one GPU, an hour or so. paper: CIFAR-10 itself, days on one GPU."""


def on_device(scale: Scale, device: str) -> Scale:
    """The scale with everything computed on another device."""
    images = None if scale.images is None else replace(scale.images, device=device)
    if images is not None and device == "cpu":
        images = replace(images, precision="float32")
    return replace(scale, device=device, images=images)
