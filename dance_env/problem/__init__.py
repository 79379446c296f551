"""A co-design problem as one value.

- `problem`: `Problem`, the spaces, the costs, the accuracy and the objective together; `parts`: whether they fit each other;
  `evaluation`: what it answers.
- `failures`: `Failures`, evaluations of a run that fail, and which of some answers did (`failed_rows`).
- `training_time`: what trainings cost in GPU-hours: `TrainingTime`, `MacsTrainingTime`, `TabulatedTrainingTime`, the price of
  a supernet.
- `relaxed`: the differentiable view (torch; never imported from here).
"""

from dance_env.problem.evaluation import Evaluation
from dance_env.problem.failures import Failures, failed_rows
from dance_env.problem.problem import Problem
from dance_env.problem.training_time import (
    SUPERNET_TRAININGS,
    MacsTrainingTime,
    TabulatedTrainingTime,
    TrainingTime,
)

__all__ = [
    "SUPERNET_TRAININGS",
    "Evaluation",
    "Failures",
    "MacsTrainingTime",
    "Problem",
    "TabulatedTrainingTime",
    "TrainingTime",
    "failed_rows",
]
