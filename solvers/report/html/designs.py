"""Designs as a page shows them: blocks, PE array, costs; many designs of one problem share one table of looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dance_env.drawing.design import Scene
from dance_env.drawing.design.snapshot import BlockView
from dance_env.drawing.design.tables import utilization
from dance_env.objective.quantities import quantity
from dance_env.problem import Problem

_METRICS = ("latency_s", "energy_j", "area_mm2", "edap_js_mm2")
_NAMES = {"pe_x": "PE columns", "pe_y": "PE rows", "rf_words": "register file words", "dataflow": "dataflow"}


@dataclass(frozen=True)
class Chip:
    """How a block is shown.

    Attributes:
        color: Of its ground, `#rrggbb`; dark text is readable on it.
        lines: One or two short lines.
        empty: Whether it adds no layer.
    """

    color: str
    lines: tuple[str, ...]
    empty: bool


@dataclass(frozen=True)
class Design:
    """One design.

    Attributes:
        chips: The look of each block, a number in `Gallery.chips`.
        times: Each block's time, 0 to 100 in percent of the slowest block's; empty where it is not known.
        hardware: Each hardware choice's option.
        array: Columns and rows of its PE array, and how many PEs are busy on average; none where there is no such array.
        metrics: The values of `Gallery.metrics`.
        feasible: Whether it meets every limit.
    """

    chips: tuple[int, ...]
    times: tuple[int, ...]
    hardware: tuple[str, ...]
    array: tuple[int, ...]
    metrics: tuple[str, ...]
    feasible: bool


@dataclass
class Gallery:
    """The designs of one problem, each once, by number.

    Attributes:
        problem: The problem.
        blocks: Name of each block.
        hardware: What each hardware choice is called.
        most: Columns and rows of the largest PE array.
        metrics: What the values of a design are called.
        chips: Looks of blocks.
        designs: In the order in which they were asked for.
    """

    problem: Problem
    blocks: list[str] = field(default_factory=list)
    hardware: list[str] = field(init=False)
    most: tuple[int, int] = field(init=False)
    metrics: list[str] = field(init=False)
    chips: list[Chip] = field(default_factory=list)
    designs: list[Design] = field(default_factory=list)
    _numbers: dict[tuple[int, ...], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        space = self.problem.space
        self.hardware = [_NAMES.get(each.name, each.name.replace("_", " ")) for each in space.choices[space.hardware]]
        options = {each.name: each.options for each in space.choices[space.hardware]}
        self.most = (_largest(options.get("pe_x")), _largest(options.get("pe_y")))
        self.metrics = ["objective", self.problem.error_name, "latency", "energy", "area", "EDAP", "PEs busy"]
        self._scene = Scene(self.problem)

    def add(self, designs: np.ndarray) -> list[int]:
        """Return the number of each design (n, choices); new ones are evaluated, which is on no solver's bill."""
        keys = [tuple(map(int, design)) for design in designs]
        new = [key for key in dict.fromkeys(keys) if key not in self._numbers]
        if new:
            rows = np.array(new, dtype=np.int64)
            evaluation = self.problem.evaluate(rows)
            values = {name: np.asarray(getattr(evaluation.cost, name)) for name in _METRICS}
            views = self._scene.snapshots(
                rows, style="", step=0, horizon=1, metrics=None, history=np.zeros((0, 2, len(rows)))
            )
            for index, (key, view) in enumerate(zip(new, views, strict=True)):
                busy = (
                    utilization(self.problem, rows[index], float(values["latency_s"][index])) if self.most[0] else None
                )
                self._numbers[key] = len(self.designs)
                self.designs.append(
                    Design(
                        tuple(self._chip(block) for block in view.blocks),
                        _times(view.blocks),
                        self._options(rows[index]),
                        self._array(rows[index], busy),
                        (
                            f"{float(evaluation.objective[index]):.4f}",
                            self._error(float(evaluation.error_pct[index])),
                            *(quantity(name, float(values[name][index])) for name in _METRICS),
                            "–" if busy is None else f"{busy:.0%}",
                        ),
                        bool(evaluation.feasible[index]),
                    )
                )
                self.blocks = self.blocks or [block.name for block in view.blocks]
        return [self._numbers[key] for key in keys]

    def options(self, number: int) -> np.ndarray:
        """Return a design's option indices, (choices,)."""
        return np.array(next(key for key, each in self._numbers.items() if each == number), dtype=np.int64)

    def summary(self, number: int) -> str:
        """Return a design's error, costs and accelerator in a line, for a label."""
        design = self.designs[number]
        named = zip(self.metrics[1:6], design.metrics[1:6], strict=True)
        return f"{', '.join(f'{name} {value}' for name, value in named)}; {self.accelerator(number)}"

    def accelerator(self, number: int) -> str:
        """Return a design's accelerator in a line."""
        return ", ".join(
            f"{value} {name}" for name, value in zip(self.hardware, self.designs[number].hardware, strict=True)
        )

    def network(self, number: int) -> str:
        """Return a design's network in a line."""
        looks = (self.chips[chip] for chip in self.designs[number].chips)
        return ", ".join(f"{name}: {' '.join(look.lines)}" for name, look in zip(self.blocks, looks, strict=True))

    def _error(self, error_pct: float) -> str:
        return f"{error_pct:.2f} %" if self.problem.error_name == "error" else f"{error_pct:.4g}"

    def _chip(self, block: BlockView) -> int:
        look = block.look
        chip = Chip(look.color, look.lines, block.empty) if look is not None else Chip("#ffffff", ("?",), True)
        if chip not in self.chips:
            self.chips.append(chip)
        return self.chips.index(chip)

    def _options(self, design: np.ndarray) -> tuple[str, ...]:
        space = self.problem.space
        return tuple(
            str(choice.options[int(option)])
            for choice, option in zip(space.choices[space.hardware], design[space.hardware], strict=True)
        )

    def _array(self, design: np.ndarray, busy: float | None) -> tuple[int, ...]:
        if not all(self.most):
            return ()
        chosen: dict[str, Any] = self.problem.space.decode(design[None])[0]
        columns, rows = int(chosen["pe_x"]), int(chosen["pe_y"])
        return columns, rows, round(columns * rows * min(busy or 0.0, 1.0))


def _largest(options: Sequence[Any] | None) -> int:
    return max(map(int, options)) if options else 0


def _times(blocks: Sequence[BlockView]) -> tuple[int, ...]:
    seconds = [block.latency_s for block in blocks]
    known = [each for each in seconds if each is not None and np.isfinite(each)]
    if not known or max(known) <= 0:
        return ()
    return tuple(0 if each is None or not np.isfinite(each) else round(100 * each / max(known)) for each in seconds)
