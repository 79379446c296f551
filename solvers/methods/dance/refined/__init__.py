"""DANCE with refinements of ours: `dance-refined` and `dance-exact`.

- `solver`: `DanceRefined`, the learned evaluator with everything below; `exact`: `DanceExact`, exact costs in its place.
- `rounds`: a run as rounds of descent, refinement and evaluation.
- `vertices`: one gradient at a network predicts the errors of all its neighbors.
- `candidates`: which accelerators the evaluator prefers for a network; `shortlist`: further accelerators for the best
  networks.
- `accelerators`: the exact costs of every network on the accelerators that can be best.
"""

from solvers.methods.dance.refined.exact import DanceExact
from solvers.methods.dance.refined.rounds import RoundSettings
from solvers.methods.dance.refined.solver import DanceRefined

__all__ = ["DanceExact", "DanceRefined", "RoundSettings"]
