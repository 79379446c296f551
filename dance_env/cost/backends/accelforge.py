"""AccelForge (`accelforge`, with the Fast and Fusiest Mapper) behind the cost model protocol.

AccelForge needs Python 3.12 or later and Graphviz's `dot`; it runs in the interpreter that `running.python` or the
environment variable `DANCE_ACCELFORGE_PYTHON` names, which needs nothing of ours. Each layer is priced on each
accelerator in a process of its own. The hardware is ours in AccelForge's terms, see
`dance_env.cost.backends.accelforge_description`; the mapping search is AccelForge's. Its latencies come in single
precision. Leakage of the buffer and of all PEs is in the energy; the area is the `Technology`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from dance_env.cost.backends import accelforge_description as description
from dance_env.cost.backends.external import ExternalCostModel
from dance_env.cost.backends.running import Accelerator, Row

ENVIRONMENT = "DANCE_ACCELFORGE_PYTHON"


@dataclass(frozen=True)
class AccelForgeCostModel(ExternalCostModel):
    """AccelForge as a `CostModel`.

    Attributes:
        technology, objective, running: As `ExternalCostModel`.
        imperfect_spatial: Whether an unrolling need not divide its dimension. AccelForge then counts fractional passes,
            and its cycles are below what an array can do.

    Raises:
        ValueError: If the objective is unknown.
        ImportError: When something is priced and no interpreter with `accelforge` is named.
    """

    imperfect_spatial: bool = False

    DISTRIBUTION: ClassVar[str] = "accelforge"
    ADVICE: ClassVar[str] = (
        "AccelForge needs Python 3.12 or later and Graphviz's dot: make an environment of its own with "
        "'pip install accelforge==1.0.467' and name its interpreter in the environment variable "
        f"{ENVIRONMENT}, or as Running(python=...)."
    )
    PYTHON_VARIABLE: ClassVar[str] = ENVIRONMENT
    WORKER: ClassVar[Path] = Path(__file__).with_name("accelforge_worker.py")
    DESCRIPTION: ClassVar[Path] = Path(description.__file__)

    def request(self, row: Row, accelerator: Accelerator) -> Mapping[str, Any]:
        """Return one layer on one accelerator as AccelForge's worker reads it."""
        return {
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
