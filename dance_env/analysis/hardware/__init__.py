"""The exact best accelerator of given networks, and what it would cost to be less strict.

- `uses`: `NetworkUse`, a network and how often it is run.
- `single_cost`: `SingleCost`, one metric as a cost function.
- `problem`: `accelerator_problem`, given networks on every accelerator as a `Problem`; the search is that problem's.
- `optimizing`: `optimize_hardware`, the best accelerator, the next ones and the limits, as a `HardwareAnswer`.
- `limits`: which limit binds, and what 10 % more of it would give.
- `in_short`: an accelerator in a few words.
- `front`: the Pareto front of latency, energy and area.
"""

from dance_env.analysis.hardware.front import HardwareFront
from dance_env.analysis.hardware.in_short import accelerator_in_short
from dance_env.analysis.hardware.limits import LimitReport
from dance_env.analysis.hardware.optimizing import HardwareAnswer, RankedAccelerator, optimize_hardware
from dance_env.analysis.hardware.problem import accelerator_problem
from dance_env.analysis.hardware.single_cost import SINGLE_COSTS, SingleCost, cost_label, cost_quantity
from dance_env.analysis.hardware.uses import NetworkUse

__all__ = [
    "SINGLE_COSTS",
    "HardwareAnswer",
    "HardwareFront",
    "LimitReport",
    "NetworkUse",
    "RankedAccelerator",
    "SingleCost",
    "accelerator_in_short",
    "accelerator_problem",
    "cost_label",
    "cost_quantity",
    "optimize_hardware",
]
