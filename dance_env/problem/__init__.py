"""A co-design problem as one value.

- `problem`: `Problem`, the spaces, the costs, the accuracy and the objective together; `evaluation`: what it answers.
- `relaxed`: the differentiable view (torch; never imported from here).
"""

from dance_env.problem.evaluation import Evaluation
from dance_env.problem.problem import Problem

__all__ = ["Evaluation", "Problem"]
