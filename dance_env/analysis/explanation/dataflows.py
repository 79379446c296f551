"""Why another dataflow loses: its cost at the same sizes, the layers that lose most, and its own best accelerator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dance_env.analysis.explanation.layer_report import LayerReport, report_layers
from dance_env.analysis.explanation.neighbors import evaluate
from dance_env.analysis.hardware import NetworkUse
from dance_env.cost import AnalyticalCostModel
from dance_env.problem import Evaluation, Problem


@dataclass(frozen=True, eq=False)
class LostLayer:
    """A layer under two dataflows, at the same sizes of the accelerator.

    Attributes:
        ours: Under the design's dataflow.
        theirs: Under the other one.
        loss: Relative increase of the design's energy-delay product by this layer alone, to first order: the layer's
            additional latency over the latency of all layers, plus the same for energy.
    """

    ours: LayerReport
    theirs: LayerReport
    loss: float


@dataclass(frozen=True, eq=False)
class OtherDataflow:
    """What another dataflow would cost.

    Attributes:
        dataflow: Its name.
        same_sizes: Evaluation at the sizes of the design, leaves (1,).
        best_options: The best accelerator of that dataflow for the network, by choice.
        best: Its evaluation, leaves (1,).
        lost: The layers that lose at the sizes of the design, the most first.
        why_unmappable: The reason where it cannot map a layer at these sizes; None where it maps all.
    """

    dataflow: str
    same_sizes: Evaluation
    best_options: Mapping[str, str | int | float]
    best: Evaluation
    lost: tuple[LostLayer, ...]
    why_unmappable: str | None


def other_dataflows(
    problem: Problem,
    design: np.ndarray,
    model: AnalyticalCostModel,
    uses: Sequence[NetworkUse],
    reports: Sequence[LayerReport],
) -> tuple[OtherDataflow, ...]:
    """Return what each other dataflow of the accelerator space would cost, the best first.

    Args:
        problem: The problem.
        design: (D,) int64.
        model: The cost model.
        uses: The networks of the design.
        reports: Its layers.
    """
    choices = problem.space.choices
    position = next(p for p, each in enumerate(choices) if each.name == "dataflow" and each.group == "hardware")
    everywhere = _on_every_accelerator(problem, design)
    flows = problem.accelerator_space.unindex(np.arange(problem.accelerator_space.size))
    column = position - problem.space.num_network_choices
    found = []
    for option, name in enumerate(choices[position].options):
        if option == design[position]:
            continue
        same = design.copy()
        same[position] = option
        best = _best(everywhere, flows[:, column] == option)
        whole = problem.design(design[None, problem.space.network], np.array([best]))[0]
        lost, reason = _lost(problem, same, model, uses, reports)
        options = problem.space.decode(whole[None])[0]
        found.append(
            OtherDataflow(
                str(name),
                evaluate(problem, same[None]),
                {each.name: options[each.name] for each in choices if each.group == "hardware"},
                everywhere[best : best + 1],
                lost,
                reason,
            )
        )
    return tuple(sorted(found, key=lambda each: (float(each.best.violation[0]), float(each.best.objective[0]))))


def _on_every_accelerator(problem: Problem, design: np.ndarray) -> Evaluation:
    """Return the evaluation of the design's network on every accelerator, leaves (H,)."""
    accuracies = np.ones(1) if problem.accuracy is None else None
    return problem.evaluate_networks(design[None, problem.space.network], accuracies=accuracies)[0]


def _best(evaluation: Evaluation, members: np.ndarray) -> int:
    """Return the best of some accelerators, by index: least violation, then least objective."""
    indices = np.flatnonzero(members)
    return int(indices[evaluation[indices].best()])


def _lost(
    problem: Problem,
    same: np.ndarray,
    model: AnalyticalCostModel,
    uses: Sequence[NetworkUse],
    ours: Sequence[LayerReport],
) -> tuple[tuple[LostLayer, ...], str | None]:
    hardware = problem.accelerator_space.hardware().take(
        problem.accelerator_space.index(same[None, problem.space.hardware])
    )
    try:
        theirs = report_layers(uses, hardware, model)
    except ValueError as error:  # a layer that has no mapping, with the reason
        return (), str(error)
    latency = sum(each.weight * each.latency_s for each in ours)
    energy = sum(each.weight * each.energy_j for each in ours)

    def loss(mine: LayerReport, other: LayerReport) -> float:
        slower, hungrier = other.latency_s - mine.latency_s, other.energy_j - mine.energy_j
        return mine.weight * (slower / latency + hungrier / energy)

    pairs = [LostLayer(mine, other, loss(mine, other)) for mine, other in zip(ours, theirs, strict=True)]
    return tuple(sorted((each for each in pairs if each.loss > 0), key=lambda each: -each.loss)), None
