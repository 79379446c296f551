"""What there is to show of one design."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from dance_env.cost.technology import WORD_BITS
from dance_env.drawing.operators import Look


def _capacity(words: float | None) -> str:
    return "? KiB" if words is None else f"{words * WORD_BITS / 8192:g} KiB"


def _rate(words: float | None) -> str:
    return "? words" if words is None else f"{words:g} words"


_MEMORY: dict[str, tuple[Callable[[float | None], str], str]] = {
    "glb_words": (_capacity, "global buffer"),
    "dram_words_per_cycle": (_rate, "a cycle from DRAM"),
}
MEMORY_CHOICES = tuple(_MEMORY)
"""The choices of memory that an accelerator space may offer."""


@dataclass(frozen=True)
class BlockView:
    """One block of the network.

    Attributes:
        name: of its choice, or of its slot.
        operator: the option chosen; None while the choice is open.
        searchable: whether there is something to choose.
        look: how the option is drawn; None while the choice is open.
        empty: whether the option adds no layer.
        rows: of the image that arrives; None where the network space has no slots.
        channels: that leave; None likewise.
        latency_s: on the design's accelerator; None where it is not known, or for a block that is fixed.
    """

    name: str
    operator: str | None
    searchable: bool
    look: Look | None = None
    empty: bool = False
    rows: int | None = None
    channels: int | None = None
    latency_s: float | None = None


@dataclass(frozen=True)
class AcceleratorView:
    """The accelerator; each part None while its choice is open.

    Attributes:
        pe_x, pe_y: columns and rows of its array.
        rf_words: in each register file.
        dataflow: its short name.
        most_x, most_y: the largest array of the space.
        utilization: multiply-accumulates over (cycles x PEs) of one inference; None where it is not known.
        memory: what of the memory is a choice (`glb_words`, `dram_words_per_cycle`), each None while open.
    """

    pe_x: int | None
    pe_y: int | None
    rf_words: int | None
    dataflow: str | None
    most_x: int
    most_y: int
    utilization: float | None
    memory: Mapping[str, float | None] = field(default_factory=dict)

    def memory_facts(self) -> list[tuple[str, str]]:
        """Return value and label of each choice of memory."""
        return [(_MEMORY[name][0](value), _MEMORY[name][1]) for name, value in self.memory.items()]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One design as it stands in one environment.

    Attributes:
        title: the problem's name.
        style, step, horizon: the style of its episode, and how far it has come.
        blocks: of the network, in order.
        accelerator: on which the network runs.
        values: the metrics of an evaluation by name (`dance_env.envs.METRIC_UNITS`); None if it is not evaluated.
        ranges: lowest and highest latency_s, energy_j, area_mm2, edap_js_mm2 that designs of the space can have.
        limits: upper limits by metric.
        history: `(evaluations, 2)` objective and violation of what this environment evaluated, the oldest first.
        error_name: what the error is called.
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
    error_name: str = "error"
