"""What designs cost: time, energy, silicon.

- `cost`: the value (`Cost`); `technology`: every constant of the hardware, with its source.
- `model`: what a cost model is (`CostModel`); `analytical`: ours, with an exhaustive mapping search; `network_cost`:
  a network's cost from its layers', for other models.
- `mapping`: one mapping as a value, `drawing` draws it; `nest`: what it costs, by the rules of `nest_kernel` (numba).
- `mapspace`, `search`, `kernel`: the mappings that a dataflow allows, and the best of them on every accelerator.
- `table`: every option of a network space on every accelerator (`CostTable`); `cache`: where tables are kept.
- `audit`: the model held against reference points (`reference`); `testing`: the contract suite of cost models.
- `backends`: other people's tools behind the same protocol, by name; `agreement`: do they rank as ours does.
"""

from dance_env.cost.analytical import AnalyticalCostModel
from dance_env.cost.cost import Cost
from dance_env.cost.model import CostModel, LayerCost
from dance_env.cost.network_cost import network_cost
from dance_env.cost.table import CostTable
from dance_env.cost.technology import (
    EDGE_LPDDR4,
    HWCOMPONENTS_65NM,
    TECHNOLOGIES,
    TIMELOOP_45NM,
    Technology,
    get_technology,
)

__all__ = [
    "EDGE_LPDDR4",
    "HWCOMPONENTS_65NM",
    "TECHNOLOGIES",
    "TIMELOOP_45NM",
    "AnalyticalCostModel",
    "Cost",
    "CostModel",
    "CostTable",
    "LayerCost",
    "Technology",
    "get_technology",
    "network_cost",
]
