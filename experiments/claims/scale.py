"""How much is spent on testing the claims: `SCALES["laptop"]`, `["overnight"]`, `["gpu"]`, `["paper"]`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from dance_env.suggest import nearest
from solvers.methods.dance.evaluator import MUON, EvaluatorSettings

_LAMBDAS = tuple(float(f"{each:.3g}") for each in np.geomspace(0.03, 30.0, 61))
_EDD_LAMBDAS = tuple(float(f"{each:.3g}") for each in np.geomspace(0.1, 10.0, 5))
PUBLISHED_SAMPLES = replace(
    MUON,
    networks=50_000,
    pairs=1_800_000,
    generator=replace(MUON.generator, epochs=30, weight_decay=0.3),
    estimator=replace(MUON.estimator, epochs=3, batch=1024),
)
"""The paper's numbers of samples, with as much training as a laptop has time for (two minutes of one core)."""


TASKS = ("macro-cifar10/edap", "accel-nasbench/edap", "gpt-s/edap")
"""An enumerated space, and two whose optimum is proved."""
_RECORDS = Path(__file__).resolve().parents[2] / "docs" / "records"
RECORD = _RECORDS / "search_cost" / "readings.csv.gz"
COMPARISON = _RECORDS / "compare_default" / "runs.csv"

HardwareName = Literal["evaluator", "table", "macs", "none"]
"""As in `solvers.methods.dance.images.hardware`, which imports torch."""


@dataclass(frozen=True)
class EvaluatorScale:
    """How evaluators are trained and judged.

    Attributes:
        tasks: the first is the one that the paper's figures are held against.
        settings: of the evaluators whose accuracy is judged.
        forwarding: of those that are compared with and without feature forwarding.
        test_networks, test_pairs: held-out samples that they are judged on.
        seeds: of the evaluators with and without feature forwarding; at least two, or no difference can be told from chance.
        search_seeds, search_budget: of the searches that use either evaluator.
    """

    tasks: tuple[str, ...] = TASKS
    settings: EvaluatorSettings = MUON
    forwarding: EvaluatorSettings = MUON
    test_networks: int = 2_000
    test_pairs: int = 20_000
    seeds: tuple[int, ...] = (0, 1, 2)
    search_seeds: tuple[int, ...] = (0, 1, 2)
    search_budget: int = 250


@dataclass(frozen=True)
class FrontScale:
    """How fronts of error against cost are found.

    Attributes:
        tasks: all under EDAP, the cost that the paper plots; the first is the one that its figures are held against.
        spans: how far above the least error the fronts of each task are compared, in units of its error (percentage points;
            perplexity). The paper's plot spans 2.7.
        levels: errors at which they are compared.
        searched: the tasks on which DANCE, and EDD, are run as well; on the others only exact searches are compared.
        lambdas: factors on lambda2 that DANCE sweeps, one search each in turn.
        edd_lambdas: factors for EDD, a run each; none leaves it out.
        budget: of one sweep.
        seeds: sweeps.
    """

    tasks: tuple[str, ...] = TASKS
    spans: tuple[float, ...] = (2.7, 2.7, 10.0)
    levels: int = 27
    searched: tuple[str, ...] = TASKS
    lambdas: tuple[float, ...] = _LAMBDAS
    edd_lambdas: tuple[float, ...] = ()
    budget: int = 4_000
    seeds: tuple[int, ...] = (0, 1, 2)


@dataclass(frozen=True)
class SearchCostScale:
    """Who is compared at equal quality.

    Attributes:
        tasks: on which.
        record: of `experiments.search_cost`, on another task; None for none.
        comparison: the table of runs of a comparison on record, on another task; None for none.
        solvers: run beside DANCE, which is compared with the best of those that sample networks.
        budget: evaluations + gradient queries of one run.
        seeds: runs of each.
        close_pct: equal quality: regret of at most this share (%) of the optimum.
    """

    tasks: tuple[str, ...] = ("macro-cifar10/edap", "gpt-s/edap")
    record: Path | None = RECORD
    comparison: Path | None = COMPARISON
    solvers: tuple[str, ...] = ("ppo", "evolution", "network-evolution", "random")
    budget: int = 3_000
    seeds: tuple[int, ...] = (0, 1, 2)
    close_pct: float = 1.0


@dataclass(frozen=True)
class ObjectiveScale:
    """The grid of objectives whose exact optima are compared.

    Attributes:
        tasks: whose optima are enumerated, or proved.
        technologies: for each task, names in `dance_env.cost.technology`.
        lean: share of the weight that the favored metric gets, out of latency and energy.
        area: weight of area beside them; costs are in units of their median over the space. Not 0: nothing would keep an
            array from growing to the edge of the space.
        weights: lambda2, units of error per unit of cost, where networks are enumerated.
        proved_weight: lambda2 where the optimum has to be proved.
    """

    tasks: tuple[str, ...] = ("macro-cifar10/linear", "accel-nasbench/linear", "gpt-s/linear")
    technologies: tuple[tuple[str, ...], ...] = (
        ("edge-lpddr4", "hwcomponents-65nm"), ("edge-lpddr4",), ("edge-lpddr4",),
    )  # fmt: skip
    lean: tuple[float, ...] = (0.9, 1.0)
    area: tuple[float, ...] = (0.1, 0.3)
    weights: tuple[float, ...] = (0.3, 1.0, 3.0)
    proved_weight: float = 1.0


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
    PUBLISHED_SAMPLES,
    generator=replace(MUON.generator, epochs=60, weight_decay=0.3),
    estimator=replace(MUON.estimator, epochs=12, batch=1024),
    estimator_width=256,
)
_SEEDS = tuple(range(10))
_EVALUATORS = EvaluatorScale(
    tasks=(*TASKS, "macro-cifar10/balanced", "dance-cifar10"),
    settings=_AS_PUBLISHED,
    forwarding=_AS_PUBLISHED,
    test_networks=5_000,
    test_pairs=100_000,
    seeds=(0, 1, 2),
    search_seeds=_SEEDS,
    search_budget=4_000,
)

SCALES: dict[str, Scale] = {
    "laptop": Scale(
        "laptop",
        evaluator=EvaluatorScale(tasks=TASKS[:2]),
        fronts=FrontScale(tasks=TASKS[:2], spans=(2.7, 2.7), searched=TASKS[:2]),
        search_cost=SearchCostScale(tasks=()),  # the records have more seeds than there is time for here
        objectives=ObjectiveScale(
            tasks=("macro-cifar10/linear", "gpt-s/linear"),
            technologies=(("edge-lpddr4", "hwcomponents-65nm"), ("edge-lpddr4",)),
        ),
    ),
    "overnight": Scale(
        "overnight",
        evaluator=EvaluatorScale(tasks=(*TASKS, "macro-cifar10/balanced")),
        search_cost=SearchCostScale(tasks=("gpt-s/edap",), budget=1_000, seeds=(0, 1, 2, 3, 4)),
    ),
    "gpu": Scale(
        "gpu",
        evaluator=_EVALUATORS,
        fronts=FrontScale(seeds=_SEEDS, budget=20_000, edd_lambdas=_EDD_LAMBDAS),
        search_cost=SearchCostScale(seeds=_SEEDS, budget=20_000),
        images=ImageScale(device="cuda", precision="bfloat16"),
        device="cuda",
        larger="paper",
    ),
    "paper": Scale(
        "paper",
        evaluator=_EVALUATORS,
        fronts=FrontScale(seeds=_SEEDS, budget=20_000, edd_lambdas=_EDD_LAMBDAS),
        search_cost=SearchCostScale(
            tasks=("macro-cifar10/edap", "macro-cifar10/balanced", "macro-cifar10/latency-limited", "gpt-s/edap"),
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
"""laptop: two cores, minutes for a claim. overnight: the same on more tasks (gpt-s, accel-nasbench/linear); `on_tasks` takes
some of them. gpu: one GPU, an hour or so. paper: CIFAR-10 itself, days on one GPU."""


def on_device(scale: Scale, device: str) -> Scale:
    """The scale with everything computed on another device."""
    images = None if scale.images is None else replace(scale.images, device=device)
    if images is not None and device == "cpu":
        images = replace(images, precision="float32")
    return replace(scale, device=device, images=images)


def on_tasks(scale: Scale, tasks: Sequence[str]) -> Scale:
    """The scale with each part narrowed to some of its tasks; a part may be left with none.

    Raises:
        ValueError: a task that no part of the scale names; those that there are.
    """
    known = {
        each for part in (scale.evaluator, scale.fronts, scale.search_cost, scale.objectives) for each in part.tasks
    }
    for task in tasks:
        if task not in known:
            raise ValueError(f"the scale {scale.name!r} has no task {task!r}. {nearest(task, sorted(known))}")
    fronts, objectives = scale.fronts, scale.objectives
    spans = [pair for pair in zip(fronts.tasks, fronts.spans, strict=True) if pair[0] in tasks]
    technologies = [pair for pair in zip(objectives.tasks, objectives.technologies, strict=True) if pair[0] in tasks]
    return replace(
        scale,
        evaluator=replace(scale.evaluator, tasks=_kept(scale.evaluator.tasks, tasks)),
        fronts=replace(
            fronts,
            tasks=tuple(task for task, _ in spans),
            spans=tuple(span for _, span in spans),
            searched=_kept(fronts.searched, tasks),
        ),
        search_cost=replace(scale.search_cost, tasks=_kept(scale.search_cost.tasks, tasks)),
        objectives=replace(
            objectives,
            tasks=tuple(task for task, _ in technologies),
            technologies=tuple(names for _, names in technologies),
        ),
    )


def _kept(of: Sequence[str], tasks: Sequence[str]) -> tuple[str, ...]:
    return tuple(each for each in of if each in tasks)
