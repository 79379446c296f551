"""ZigZag (Mei et al., IEEE TC 2021; ``zigzag-dse``) behind the cost model protocol.

Each layer is priced on each accelerator in a process of its own, which takes some three seconds.

The hardware is ours in ZigZag's terms, see `dance_env.cost.backends.zigzag_description`; the mapping search is ZigZag's
(LOMA, uneven mapping, one spatial unrolling). Its cycles include stalls, the first load and the last drain; its
energies have no leakage, network or control. It gives no area: that is the `Technology`'s.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dance_env.cost.backends import external
from dance_env.cost.backends import zigzag_description as description
from dance_env.cost.backends.external import Accelerator, Row, Running
from dance_env.cost.backends.process import Answer
from dance_env.cost.cost import Cost
from dance_env.cost.model import LayerCost
from dance_env.cost.network_cost import network_cost
from dance_env.cost.technology import TIMELOOP_45NM, Technology
from dance_env.progress import Progress

if TYPE_CHECKING:
    from dance_env.graph import LayerTable
    from dance_env.space import Hardware

OBJECTIVES = ("edp", "energy", "latency")
ADVICE = "install it with: pip install 'dance-env[zigzag]' (zigzag-dse 3.9.1 and six)."
WORKER = Path(__file__).with_name("zigzag_worker.py")
EXPECTED_FAILURES = {
    "larger_array_is_never_worse": "ZigZag is given one unrolling, as large as fits, and pads up what does not divide"
}
"""Checks of `dance_env.testing.cost_model` that this model cannot pass, and why."""


@dataclass(frozen=True)
class ZigZagCostModel:
    """ZigZag as a `CostModel`.

    Attributes:
        technology: energies, capacities, bandwidths, clock; as the analytical model's, so that the two compare.
        objective: what the loop order minimises: "edp", "energy" or "latency".
        lpf_limit: LOMA's limit on loop prime factors; fewer are faster and see fewer loop orders.
        pins_hold_data: whether a memory's output pins act as a free register of one word, ZigZag's own default; False
            counts every read, as Timeloop, AccelForge and the analytical model do.
        running: interpreter, time-out, processes, cache.

    Raises:
        ValueError: for an unknown objective or a limit below 1.
        ImportError: when something is priced and ``zigzag-dse`` is not there.
    """

    technology: Technology = TIMELOOP_45NM
    objective: str = "edp"
    lpf_limit: int = 6
    pins_hold_data: bool = False
    running: Running = field(default_factory=Running)

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise ValueError(f"objective: expected one of {', '.join(OBJECTIVES)}, got {self.objective!r}.")
        if self.lpf_limit < 1:
            raise ValueError(f"lpf_limit: expected at least 1, got {self.lpf_limit!r}.")

    def fingerprint(self) -> str:
        """Hex digest of the settings, ZigZag's version and the code that describes the hardware to it."""
        version = external.tool_version(self.running.python, "zigzag-dse", ADVICE)
        code = b"".join(Path(path).read_bytes() for path in (WORKER, description.__file__))
        settings = (self.technology.fingerprint(), self.objective, self.lpf_limit, self.pins_hold_data)
        return hashlib.sha256(repr(("zigzag", version, *settings)).encode() + code).hexdigest()

    def question(self, row: Row, accelerator: Accelerator) -> tuple[Sequence[str], Mapping[str, Any]]:
        """The command that prices one layer on one accelerator, and the request to give it."""
        array = {"pe_x": accelerator.pe_x, "pe_y": accelerator.pe_y}
        request = {
            "workload": description.workload(row, word_bits=self.technology.word_bits),
            "accelerator": description.accelerator(
                self.technology, accelerator.dataflow, rf_words=accelerator.rf_words, **array
            ),
            "mapping": description.mapping(description.unrolling(row, accelerator.dataflow, **array)),
            "objective": self.objective,
            "lpf_limit": self.lpf_limit,
            "pins_hold_data": self.pins_hold_data,
        }
        return (self.running.python or sys.executable, "-P", str(WORKER)), request

    def answers(
        self, rows: np.ndarray, hardware: Hardware, *, progress: Progress | bool | None = None
    ) -> list[list[Answer]]:
        """What ZigZag says of layers (U, 8) on accelerators (H): U lists of H answers, with status and reason."""
        return external.answers(self, rows, hardware, progress=progress)

    def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
        """Seconds and joules (U, H); see `external.layer_costs`."""
        return external.layer_costs(self, rows, hardware)

    def evaluate(self, layers: LayerTable, hardware: Hardware) -> Cost:
        """Cost (B, H) of whole networks."""
        return network_cost(self, layers, hardware)

    def area_mm2(self, hardware: Hardware) -> np.ndarray:
        """Area (H,), mm2, by the `Technology`: ZigZag takes area as an input only."""
        return external.area_mm2(self, hardware)
