"""ZigZag (Mei et al., IEEE TC 2021; `zigzag-dse`) behind the cost model protocol.

Each layer is priced on each accelerator in a process of its own, which takes some three seconds.

The hardware is ours in ZigZag's terms, see `dance_env.cost.backends.zigzag_description`; the mapping search is ZigZag's
(LOMA, uneven mapping, one spatial unrolling). Its cycles include stalls, the first load and the last drain; its
energies have no leakage, network or control. It gives no area: that is the `Technology`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from dance_env.cost.backends import zigzag_description as description
from dance_env.cost.backends.external import ExternalCostModel
from dance_env.cost.backends.running import Accelerator, Row

ADVICE = "install it with: pip install 'dance-env[zigzag]' (zigzag-dse 3.9.1 and six)."
EXPECTED_FAILURES = {
    "larger_array_is_never_worse": "ZigZag is given one unrolling, as large as fits, and pads up what does not divide"
}
"""Checks of `dance_env.testing.cost_model` that this model cannot pass, and why."""


@dataclass(frozen=True)
class ZigZagCostModel(ExternalCostModel):
    """ZigZag as a `CostModel`.

    Attributes:
        technology, objective, running: As `ExternalCostModel`; the objective is the loop order's.
        lpf_limit: LOMA's limit on loop prime factors; fewer are faster and see fewer loop orders.
        pins_hold_data: Whether a memory's output pins act as a free register of one word, ZigZag's own default; False
            counts every read, as Timeloop, AccelForge and the analytical model do.

    Raises:
        ValueError: If the objective is unknown, or the limit is below 1.
        ImportError: When something is priced and `zigzag-dse` is not there.
    """

    lpf_limit: int = 6
    pins_hold_data: bool = False

    DISTRIBUTION: ClassVar[str] = "zigzag-dse"
    ADVICE: ClassVar[str] = ADVICE
    WORKER: ClassVar[Path] = Path(__file__).with_name("zigzag_worker.py")
    DESCRIPTION: ClassVar[Path] = Path(description.__file__)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lpf_limit < 1:
            raise ValueError(f"lpf_limit: expected at least 1, got {self.lpf_limit!r}.")

    def request(self, row: Row, accelerator: Accelerator) -> Mapping[str, Any]:
        """Return one layer on one accelerator as ZigZag's worker reads it."""
        array = {"pe_x": accelerator.pe_x, "pe_y": accelerator.pe_y}
        return {
            "workload": description.workload(row),
            "accelerator": description.accelerator(
                self.technology, accelerator.dataflow, rf_words=accelerator.rf_words, **array
            ),
            "mapping": description.mapping(description.unrolling(row, accelerator.dataflow, **array)),
            "objective": self.objective,
            "lpf_limit": self.lpf_limit,
            "pins_hold_data": self.pins_hold_data,
        }
