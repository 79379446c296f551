"""An Optuna study over some choices, asked and told in batches."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from dance_env.space import Choice

_VIOLATION = "violation"


def optuna() -> Any:
    """Return the package, quiet.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        package = import_module("optuna")
    except ImportError as error:
        raise ImportError(
            "this solver needs Optuna, which is not installed: pip install 'dance-env[optuna]'"
        ) from error
    package.logging.set_verbosity(package.logging.WARNING)
    return package


class Study:
    """Trials over choices, with TPE as the sampler (Bergstra et al. 2011; Watanabe 2023); mutable.

    An ordinal choice is an integer, a nominal one a category; a choice of one option is no parameter. Constraints are
    Optuna's own (`Trial.set_constraint`): the violation, which is 0 where the limits are met.

    Args:
        choices: What is searched.
        seed: Of the sampler.
        starts: Random trials before the first model.
        multivariate: Whether the model is one of all choices together.
    """

    def __init__(self, choices: Sequence[Choice], *, seed: int, starts: int, multivariate: bool) -> None:
        package = optuna()
        self._state = package.trial.TrialState
        sampler = package.samplers.TPESampler(
            n_startup_trials=starts,
            multivariate=multivariate,
            constant_liar=True,
            seed=seed,
        )
        self._study = package.create_study(sampler=sampler)
        self._names = [f"{number} {choice.name}" for number, choice in enumerate(choices)]
        self._distributions = {
            name: (
                package.distributions.IntDistribution(0, len(choice) - 1)
                if choice.kind == "ordinal"
                else package.distributions.CategoricalDistribution(tuple(range(len(choice))))
            )
            for name, choice in zip(self._names, choices, strict=True)
            if len(choice) > 1
        }

    def ask(self, count: int) -> tuple[list[Any], np.ndarray]:
        """Return trials, and their option indices (count, choices) int64."""
        trials = [self._study.ask(self._distributions) for _ in range(count)]
        options = [[trial.params.get(name, 0) for name in self._names] for trial in trials]
        return trials, np.array(options, dtype=np.int64).reshape(count, len(self._names))

    def tell(self, trials: list[Any], objective: np.ndarray, violation: np.ndarray) -> None:
        """Report what was found, (count,) each; an infinite objective is a failed trial."""
        for trial, value, excess in zip(trials, objective.tolist(), violation.tolist(), strict=False):
            trial.set_constraint(_VIOLATION, excess)
            if np.isfinite(value):
                self._study.tell(trial, value)
            else:
                self._study.tell(trial, state=self._state.FAIL)
