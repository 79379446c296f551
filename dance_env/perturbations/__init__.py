"""The room of perturbations: a task made harder in a stated way, so that a solver's robustness has a figure.

`make_problem("macro-cifar10/balanced:permuted=1,dropped=0.1")`; docs/robustness.md says what each one does, and measures it.

- `perturbation`: `Perturbation`, what is perturbed, and its one syntax.
- `permuted`: options in another order: spaces, costs and accuracies under it.
- `noisy`: accuracies with noise between trainings.
- `perturbed`: `perturbed(problem, perturbation)`.
"""

from dance_env.perturbations.perturbation import Perturbation, split_task
from dance_env.perturbations.perturbed import perturbed

__all__ = ["Perturbation", "perturbed", "split_task"]
