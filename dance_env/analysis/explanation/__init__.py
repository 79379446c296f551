"""Why a design costs what it costs.

- `layer_report`: `LayerReport`, where one layer's cycles and energy go, and what bounds it.
- `totals`: sums of layer reports: energy by level, cycles by bound, rows of equal layers.
- `roofline`: `Roofline`, multiply-accumulates a cycle against operational intensity, under peak and bandwidth.
- `neighbors`: `Neighbor`, what every design that differs in one choice costs.
- `dataflows`: `OtherDataflow`, what the other dataflows cost, and the layers that lose most.
- `explaining`: `explain`, all of it for one design, as an `Explanation`.
"""

from dance_env.analysis.explanation.dataflows import LostLayer, OtherDataflow
from dance_env.analysis.explanation.explaining import Explanation, explain
from dance_env.analysis.explanation.layer_report import BOUNDS, ENERGY_LEVELS, LayerReport, report_layers
from dance_env.analysis.explanation.neighbors import Neighbor
from dance_env.analysis.explanation.roofline import Roofline
from dance_env.analysis.explanation.totals import LayerGroup, Totals, grouped, totals

__all__ = [
    "BOUNDS",
    "ENERGY_LEVELS",
    "Explanation",
    "LayerGroup",
    "LayerReport",
    "LostLayer",
    "Neighbor",
    "OtherDataflow",
    "Roofline",
    "Totals",
    "explain",
    "grouped",
    "report_layers",
    "totals",
]
