"""DANCE's evaluator: a learned, differentiable model of the best accelerator for a network and of its costs.

- `evaluator`: `Evaluator`, of `generator` (hardware generation network) and `estimator` (cost estimation network), both
  stacks of residual `layers`.
- `settings`: its sizes, samples and training; the paper's sizes are the defaults.
- `sampling`, `labels`, `data`: the training sets.
- `training`, `muon`: the training; `file`, `store`: trained evaluators on disk; `ship`: those that come with the package.
- `metered`: an evaluator on a solver's bill.
"""

from solvers.methods.dance.evaluator.evaluator import Evaluator, EvaluatorShape
from solvers.methods.dance.evaluator.generator import gumbel_noise
from solvers.methods.dance.evaluator.metered import metered_evaluator, unprepared
from solvers.methods.dance.evaluator.settings import LAPTOP, MUON, PAPER, EvaluatorSettings, TrainingLoop
from solvers.methods.dance.evaluator.store import load_or_train

__all__ = [
    "LAPTOP",
    "MUON",
    "PAPER",
    "Evaluator",
    "EvaluatorSettings",
    "EvaluatorShape",
    "TrainingLoop",
    "gumbel_noise",
    "load_or_train",
    "metered_evaluator",
    "unprepared",
]
