"""The objective room: what a design is judged by.

`Objective` = error + weight x cost function, minimized, under hard limits (`Constraint`);
cost functions `EDAP`, `Linear`, and `WorstCase` of either over several workloads.
"""

from dance_env.objective.constraint import Constraint, Metric
from dance_env.objective.cost_function import CostFunction
from dance_env.objective.edap import EDAP
from dance_env.objective.linear import Linear
from dance_env.objective.objective import UNMAPPABLE, Objective
from dance_env.objective.worst_case import WorstCase

__all__ = ["EDAP", "UNMAPPABLE", "Constraint", "CostFunction", "Linear", "Metric", "Objective", "WorstCase"]
