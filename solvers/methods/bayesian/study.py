"""An Optuna study over some choices, asked and told in batches."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from dance_env.space import Choice

_VIOLATION = "violation"


def optuna() -> Any:
    """Return the package, quiet."""
    package = import_module("optuna")
    package.logging.set_verbosity(package.logging.WARNING)
    return package


def tpe_sampler(*, seed: int, starts: int, multivariate: bool) -> Any:
    """Return the tree-structured Parzen estimator (Bergstra et al. 2011; Watanabe 2023), random in the first `starts`."""
    return optuna().samplers.TPESampler(
        n_startup_trials=starts, multivariate=multivariate, constant_liar=True, seed=seed
    )


class Study:
    """Trials over choices; mutable.

    An ordinal choice is an integer, a nominal one a category; a choice of one option is no parameter. Constraints are
    Optuna's own (`Trial.set_constraint`): the violation, which is 0 where the limits are met.

    Args:
        choices: What is searched.
        sampler: One of Optuna's samplers.
        targets: How many values are minimized.
    """

    def __init__(self, choices: Sequence[Choice], sampler: Any, *, targets: int = 1) -> None:
        package = optuna()
        self._package, self._state = package, package.trial.TrialState
        self._study = package.create_study(sampler=sampler, directions=["minimize"] * targets)
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

    @property
    def size(self) -> int:
        """Trials that it holds."""
        return len(self._study.trials)

    def named(self, options: np.ndarray) -> list[dict[str, int]]:
        """Return option indices (count, choices) as Optuna's parameters."""
        rows = [dict(zip(self._names, row, strict=True)) for row in options.tolist()]
        return [{name: row[name] for name in self._distributions} for row in rows]

    def ask(self, count: int) -> tuple[list[Any], np.ndarray]:
        """Return trials, and their option indices (count, choices) int64."""
        trials = [self._study.ask(self._distributions) for _ in range(count)]
        options = [[trial.params.get(name, 0) for name in self._names] for trial in trials]
        return trials, np.array(options, dtype=np.int64).reshape(count, len(self._names))

    def tell(self, trials: list[Any], values: np.ndarray, violation: np.ndarray) -> None:
        """Report what was found; a trial with an infinite value has failed.

        Args:
            trials: As asked for.
            values: (count,) objectives, or (count, targets).
            violation: (count,).
        """
        for trial, value, excess in zip(
            trials, values.reshape(len(values), -1).tolist(), violation.tolist(), strict=False
        ):
            trial.set_constraint(_VIOLATION, excess)
            if np.isfinite(value).all():
                self._study.tell(trial, value)
            else:
                self._study.tell(trial, state=self._state.FAIL)

    def add(self, options: np.ndarray, objective: np.ndarray, violation: np.ndarray) -> None:
        """Add trials that were made elsewhere: options (count, choices), objectives and violations (count,).

        Those of infinite objective are left out.
        """
        for params, value, excess in zip(self.named(options), objective.tolist(), violation.tolist(), strict=True):
            if np.isfinite(value):
                trial = self._package.trial.create_trial(
                    params=params, distributions=self._distributions, value=value, constraints={_VIOLATION: excess}
                )
                self._study.add_trial(trial)
