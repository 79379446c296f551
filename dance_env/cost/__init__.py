"""What designs cost: time, energy, silicon.

- `cost`: the value (`Cost`); `technology`: every constant of the hardware, with its source; `global_buffers`: buffers by
  capacity; `memory`: accelerators by the memory that they choose.
- `model`: what a cost model is (`CostModel`); `analytical`: ours, with an exhaustive mapping search.
- `table`: what every network costs on every accelerator (`CostTable`); `workload_table`: under several workloads.
- `mapping/`: one mapping as a value, and what it costs.
- `search/`: the mappings that a dataflow allows, and the best of them on every accelerator.
- `audit/`: the model held against reference points, and against other tools.
- `backends/`: other tools behind the same protocol, by name.

The contract suite of cost models is `dance_env.testing.cost_model`.
"""

from dance_env.cost.analytical import AnalyticalCostModel
from dance_env.cost.cost import Cost
from dance_env.cost.global_buffers import GlobalBuffer
from dance_env.cost.model import ClockedCostModel, CostModel, LayerCost
from dance_env.cost.table import CostTable
from dance_env.cost.technology import (
    EDGE_LPDDR4,
    HWCOMPONENTS_65NM,
    TECHNOLOGIES,
    TIMELOOP_45NM,
    Technology,
    get_technology,
)
from dance_env.cost.workload_table import WorkloadTable

__all__ = [
    "EDGE_LPDDR4",
    "HWCOMPONENTS_65NM",
    "TECHNOLOGIES",
    "TIMELOOP_45NM",
    "AnalyticalCostModel",
    "ClockedCostModel",
    "Cost",
    "CostModel",
    "CostTable",
    "GlobalBuffer",
    "LayerCost",
    "Technology",
    "WorkloadTable",
    "get_technology",
]
