"""What there is to show of a design, gathered without evaluating anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dance_env.drawing.design.tables import block_latencies, metric_ranges, utilization
from dance_env.envs.metrics import metrics

if TYPE_CHECKING:
    from dance_env.envs.episode import Episode, State
    from dance_env.problem import Problem


@dataclass(frozen=True)
class BlockView:
    """One block of the network.

    Attributes:
        name: of its slot.
        operator: what stands there; None while the choice is open.
        searchable: whether it was there to choose.
        rows: of the image that arrives; None where the network space has no slots.
        channels: that leave; None likewise.
        latency_s: on the design's accelerator; None where it is not known, or for a block that is fixed.
    """

    name: str
    operator: str | None
    searchable: bool
    rows: int | None = None
    channels: int | None = None
    latency_s: float | None = None


@dataclass(frozen=True)
class AcceleratorView:
    """The accelerator; each part None while its choice is open.

    Attributes:
        most_x, most_y: the largest array of the space.
        utilization: multiply-accumulates over (cycles x PEs) of one inference; None where it is not known.
    """

    pe_x: int | None
    pe_y: int | None
    rf_words: int | None
    dataflow: str | None
    most_x: int
    most_y: int
    utilization: float | None


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One design as it stands in one environment.

    Attributes:
        title: the problem's name.
        style, step, horizon: where its episode stands.
        blocks: of the network, in order.
        accelerator: what the network runs on.
        values: the metrics of `infos.metrics` by name; None while the design is not evaluated.
        ranges: lowest and highest latency_s, energy_j, area_mm2, edap_js_mm2 that designs of the space can have.
        limits: upper limits by metric.
        history: `(evaluations, 2)` objective and violation of what this environment evaluated, the oldest first.
    """

    title: str
    style: str
    step: int
    horizon: int
    blocks: tuple[BlockView, ...]
    accelerator: AcceleratorView
    values: dict[str, float] | None
    ranges: dict[str, tuple[float, float]]
    limits: dict[str, float]
    history: np.ndarray


def snapshots(problem: Problem, episode: Episode, state: State, *, history: np.ndarray) -> list[Snapshot]:
    """One snapshot for each environment of a batch.

    Args:
        problem: what is optimised, or a solver's handle on it; what it does not offer is not shown.
        episode: the style.
        state: the designs to show.
        history: `(evaluations, 2, batch)` objective and violation of what was evaluated, the oldest first.
    """
    ranges = metric_ranges(problem)
    limits: dict[str, float] = {each.metric: float(each.limit) for each in problem.objective.constraints}
    values = _values(state)
    return [
        Snapshot(
            title=problem.name,
            style=episode.name,
            step=state.step,
            horizon=episode.horizon,
            blocks=_blocks(problem, design),
            accelerator=_accelerator(problem, design, values[row]),
            values=values[row],
            ranges=ranges,
            limits=limits,
            history=history[:, :, row],
        )
        for row, design in enumerate(state.designs)
    ]


def _values(state: State) -> list[dict[str, float] | None]:
    if state.evaluation is None:
        return [None] * len(state.designs)
    columns = {name: column.tolist() for name, column in metrics(state.evaluation).items()}
    return [{name: column[row] for name, column in columns.items()} for row in range(len(state.designs))]


def _blocks(problem: Problem, design: np.ndarray) -> tuple[BlockView, ...]:
    space = problem.space
    chosen = {
        choice.name: str(choice.options[option]) for choice, option in zip(space.choices, design.tolist(), strict=False)
    }
    latencies = block_latencies(problem, design)
    slots: Any = getattr(problem.network_space, "slots", None)
    if slots is None:
        names = [choice.name for choice in space.choices[space.network]]
        return tuple(BlockView(name, chosen.get(name), True, latency_s=latencies.get(name)) for name in names)
    return tuple(
        BlockView(
            slot.name,
            chosen.get(slot.name) if slot.searchable else slot.options[0],
            slot.searchable,
            rows=slot.in_size,
            channels=slot.out_channels,
            latency_s=latencies.get(slot.name),
        )
        for slot in slots
    )


def _accelerator(problem: Problem, design: np.ndarray, values: dict[str, float] | None) -> AcceleratorView:
    space = problem.space
    chosen: dict[str, Any] = {
        choice.name: choice.options[option]
        for choice, option in zip(space.choices, design.tolist(), strict=False)
        if choice.group == "hardware"
    }
    return AcceleratorView(
        pe_x=chosen.get("pe_x"),
        pe_y=chosen.get("pe_y"),
        rf_words=chosen.get("rf_words"),
        dataflow=chosen.get("dataflow"),
        most_x=max(problem.accelerator_space.pe_x),
        most_y=max(problem.accelerator_space.pe_y),
        utilization=None if values is None else utilization(problem, design, values["latency_s"]),
    )
