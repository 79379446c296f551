"""The settings that a solver declares as tunable, asked of Optuna and put into a solver."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from operator import attrgetter
from typing import Any, TypeVar

from solvers.contract.tunable import Tunable, TunableRange

T = TypeVar("T")


def with_settings(given: T, changes: Mapping[str, Any]) -> T:
    """Return a dataclass with some fields changed; a dotted name changes a field of a field."""
    plain = {name: value for name, value in changes.items() if "." not in name}
    nested: dict[str, dict[str, Any]] = {}
    for name, value in changes.items():
        head, dot, rest = name.partition(".")
        if dot:
            nested.setdefault(head, {})[rest] = value
    plain |= {head: with_settings(getattr(given, head), inner) for head, inner in nested.items()}
    return dataclasses.replace(given, **plain)  # type: ignore[type-var]  # T is a dataclass's type


def values_in(space: Mapping[str, Tunable], given: Any) -> dict[str, Any]:
    """Return the values that a solver has for the settings of a space."""
    return {name: attrgetter(name)(given) for name in space}


def suggested(space: Mapping[str, Tunable], trial: Any) -> dict[str, Any]:
    """Return the settings that a trial of Optuna's proposes."""
    return {name: _suggested(trial, name, each) for name, each in space.items()}


def told(space: Mapping[str, Tunable], values: Mapping[str, Any], score: float) -> Any:
    """Return a finished trial of Optuna's with these settings; None where one of them lies outside of the space."""
    if not all(each.holds(values[name]) for name, each in space.items()):
        return None
    distributions = {name: _distribution(each) for name, each in space.items()}
    return optuna().trial.create_trial(params=dict(values), distributions=distributions, value=score)


def optuna() -> Any:
    """Return the package, quiet.

    Raises:
        ImportError: If it is not installed; the message names the extra.
    """
    try:
        import optuna as package
    except ImportError as error:
        raise ImportError("tuning needs Optuna: pip install 'dance-env[optuna]'") from error
    package.logging.set_verbosity(package.logging.WARNING)
    return package


def _suggested(trial: Any, name: str, of: Tunable) -> Any:
    if not isinstance(of, TunableRange):
        return trial.suggest_categorical(name, of.values)
    if of.whole:
        return trial.suggest_int(name, of.low, of.high, log=of.log)
    return trial.suggest_float(name, of.low, of.high, log=of.log)


def _distribution(of: Tunable) -> Any:
    distributions = optuna().distributions
    if not isinstance(of, TunableRange):
        return distributions.CategoricalDistribution(of.values)
    kind = distributions.IntDistribution if of.whole else distributions.FloatDistribution
    return kind(of.low, of.high, log=of.log)
