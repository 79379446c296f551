"""Gathers what there is to show of the designs of one problem, without evaluating anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dance_env.drawing.design.snapshot import MEMORY_CHOICES, AcceleratorView, BlockView, Snapshot
from dance_env.drawing.design.tables import block_latencies, metric_ranges, utilization
from dance_env.drawing.operators import empty_options, space_looks
from dance_env.graph import DrawableSpace, NetworkSpace
from dance_env.problem import Problem


class Scene:
    """What all pictures of one problem's designs share: looks of the options, bounds of the metrics, limits."""

    def __init__(self, problem: Problem) -> None:
        """Read the problem's tables; `problem` may be a solver's handle, and what it does not offer is not shown."""
        self._problem = problem
        self._looks = space_looks(problem.network_space)
        self._empty = empty_options(problem.network_space)
        self._empty_blocks = _empty_blocks(problem.network_space)
        self._ranges = metric_ranges(problem)
        self._limits: dict[str, float] = {each.metric: float(each.limit) for each in problem.objective.constraints}

    def snapshots(
        self,
        designs: np.ndarray,
        *,
        style: str,
        step: int,
        horizon: int,
        metrics: Mapping[str, np.ndarray] | None,
        history: np.ndarray,
    ) -> list[Snapshot]:
        """Return one snapshot for each environment of a batch.

        Args:
            designs: `(B, k)`, the options of the first `k` choices.
            style: of the episodes.
            step: how many actions they have taken.
            horizon: how many they take.
            metrics: of the designs by name, `(B,)` each; None if they are not evaluated.
            history: `(evaluations, 2, B)` objective and violation of what was evaluated, the oldest first.
        """
        views = []
        for row, design in enumerate(designs):
            values = None if metrics is None else {name: float(column[row]) for name, column in metrics.items()}
            views.append(
                Snapshot(
                    title=self._problem.name,
                    style=style,
                    step=step,
                    horizon=horizon,
                    blocks=self._blocks(design),
                    accelerator=self._accelerator(design, values),
                    values=values,
                    ranges=self._ranges,
                    limits=self._limits,
                    history=history[:, :, row],
                    error_name=getattr(self._problem, "error_name", "error"),
                )
            )
        return views

    def _blocks(self, design: np.ndarray) -> tuple[BlockView, ...]:
        """The blocks in order: of a `DrawableSpace` its own, of others the choices."""
        networks = self._problem.network_space
        if isinstance(networks, DrawableSpace):
            return self._placed_blocks(networks, design)
        space = self._problem.space
        latencies = block_latencies(self._problem, design)
        blocks = []
        for index, choice in enumerate(space.choices[space.network]):
            option = int(design[index]) if index < len(design) else None
            name = None if option is None else str(choice.options[option])
            look = None if name is None else self._looks[name]
            empty = (index, option) in self._empty
            seconds = latencies.get((index,))
            blocks.append(BlockView(choice.name, name, searchable=True, look=look, empty=empty, latency_s=seconds))
        return tuple(blocks)

    def _placed_blocks(self, networks: DrawableSpace, design: np.ndarray) -> tuple[BlockView, ...]:
        latencies = block_latencies(self._problem, design)
        blocks = []
        for index, block in enumerate(networks.placed_blocks()):
            view = BlockView(
                block.name,
                None,
                searchable=bool(block.scope),
                rows=block.rows,
                channels=block.channels,
                latency_s=latencies.get(block.scope),
            )
            if max(block.scope, default=-1) < len(design):
                options = tuple(int(design[choice]) for choice in block.scope)
                operator, repeats = networks.built(index, options)
                look, times = self._looks[operator.name], f"×{repeats}"
                if len(block.scope) > 1:  # else there is nothing to choose but the operator
                    look = replace(look, lines=(f"{look.lines[0]} {times}", *look.lines[1:]))
                name = operator.name if repeats == 1 else f"{operator.name}{times}"
                empty = (block.scope[0], options[0]) in self._empty if block.scope else block.name in self._empty_blocks
                view = replace(view, operator=name, look=look, empty=empty)
            blocks.append(view)
        return tuple(blocks)

    def _accelerator(self, design: np.ndarray, values: dict[str, float] | None) -> AcceleratorView:
        space = self._problem.space
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
            most_x=max(self._problem.accelerator_space.pe_x),
            most_y=max(self._problem.accelerator_space.pe_y),
            utilization=None if values is None else utilization(self._problem, design, values["latency_s"]),
            memory={choice.name: chosen.get(choice.name) for choice in space.choices if choice.name in MEMORY_CHOICES},
        )


def _empty_blocks(space: NetworkSpace) -> set[str]:
    """The blocks that are no choice and hold no layer."""
    if not isinstance(space, DrawableSpace):
        return set()
    costly = {layer.name.split(".")[0] for layer in space.fixed_layers()}
    return {block.name for block in space.placed_blocks() if not block.scope and block.name not in costly}
