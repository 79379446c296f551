"""AccelForge (``accelforge``, with the Fast and Fusiest Mapper) behind the cost model protocol.

AccelForge needs Python 3.12 or later and Graphviz's ``dot``; it runs in the interpreter that ``running.python`` or the
environment variable ``DANCE_ACCELFORGE_PYTHON`` names, which needs nothing of ours. Each layer is priced on each
accelerator in a process of its own. The hardware is ours in AccelForge's terms, see
`dance_env.cost.backends.accelforge_description`; the mapping search is AccelForge's. Its latencies come in single
precision. Leakage of the buffer and of all PEs is in the energy; the area is the `Technology`'s.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dance_env.cost.backends import accelforge_description as description
from dance_env.cost.backends import external
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
ENVIRONMENT = "DANCE_ACCELFORGE_PYTHON"
ADVICE = (
    "AccelForge needs Python 3.12 or later and Graphviz's dot: make an environment of its own with "
    "'pip install accelforge==1.0.467' and name its interpreter in the environment variable "
    f"{ENVIRONMENT}, or as Running(python=...)."
)
WORKER = Path(__file__).with_name("accelforge_worker.py")


@dataclass(frozen=True)
class AccelForgeCostModel:
    """AccelForge as a `CostModel`.

    Attributes:
        technology: energies, leakage, capacities, bandwidths, clock; as the analytical model's.
        objective: what the mapping minimises: "edp", "energy" or "latency".
        imperfect_spatial: whether an unrolling need not divide its dimension. AccelForge then counts fractional passes,
            and its cycles are below what an array can do.
        running: interpreter, time-out, processes, cache.

    Raises:
        ValueError: for an unknown objective.
        ImportError: when something is priced and no interpreter with ``accelforge`` is named.
    """

    technology: Technology = TIMELOOP_45NM
    objective: str = "edp"
    imperfect_spatial: bool = False
    running: Running = field(default_factory=Running)

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise ValueError(f"objective: expected one of {', '.join(OBJECTIVES)}, got {self.objective!r}.")

    @property
    def python(self) -> str:
        """The interpreter that has AccelForge: the setting, the environment variable, or this one."""
        return self.running.python or os.environ.get(ENVIRONMENT) or sys.executable

    def fingerprint(self) -> str:
        """Hex digest of the settings, AccelForge's version and the code that describes the hardware to it."""
        version = external.tool_version(self.python, "accelforge", ADVICE)
        code = b"".join(Path(path).read_bytes() for path in (WORKER, description.__file__))
        settings = (self.technology.fingerprint(), self.objective, self.imperfect_spatial)
        return hashlib.sha256(repr(("accelforge", version, *settings)).encode() + code).hexdigest()

    def question(self, row: Row, accelerator: Accelerator) -> tuple[Sequence[str], Mapping[str, Any]]:
        """The command that prices one layer on one accelerator, and the request to give it."""
        request = {
            "spec": description.spec(
                row,
                self.technology,
                accelerator.dataflow,
                pe_x=accelerator.pe_x,
                pe_y=accelerator.pe_y,
                rf_words=accelerator.rf_words,
            ),
            "objective": self.objective,
            "imperfect_spatial": self.imperfect_spatial,
            "clock_hz": self.technology.clock_hz,
        }
        return (self.python, "-P", str(WORKER)), request

    def answers(
        self, rows: np.ndarray, hardware: Hardware, *, progress: Progress | bool | None = None
    ) -> list[list[Answer]]:
        """What AccelForge says of layers (U, 8) on accelerators (H): U lists of H answers, with status and reason."""
        return external.answers(self, rows, hardware, progress=progress)

    def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
        """Seconds and joules (U, H); see `external.layer_costs`."""
        return external.layer_costs(self, rows, hardware)

    def evaluate(self, layers: LayerTable, hardware: Hardware) -> Cost:
        """Cost (B, H) of whole networks."""
        return network_cost(self, layers, hardware)

    def area_mm2(self, hardware: Hardware) -> np.ndarray:
        """Area (H,), mm2, by the `Technology`, so that all models mean the same silicon."""
        return external.area_mm2(self, hardware)
