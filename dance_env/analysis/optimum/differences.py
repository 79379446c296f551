"""A problem's tables, read off evaluations alone: what changes where one or two groups of choices change.

`verifying` uses these in the place of the factors that `prove` reads, so that a mistake in grouping, restricting or adding
factors shows.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from dance_env.analysis.optimum.grouping import Grouping, Scope
from dance_env.problem import Problem

_ASKED_AT_A_TIME = 4096


@dataclass(frozen=True, eq=False)
class Differences:
    """Error and resources around a base network, under one assignment of the outer choices.

    Attributes:
        accelerators: `(C,)` int64, ascending: which accelerators the resources are of.
        error: Of the base network, percentage points.
        error_of: By group, `(labels,)`: how the error changes with the group's choices.
        error_of_pair: By pair of groups, `(labels, labels)`: what two changes add beyond the sum of each alone.
        resources: By name, `(C,)`: of the base network on each accelerator.
        resources_of: By name, by group, `(labels, C)`: how the resource changes.
    """

    accelerators: np.ndarray
    error: float
    error_of: list[np.ndarray]
    error_of_pair: dict[tuple[int, int], np.ndarray]
    resources: dict[str, np.ndarray]
    resources_of: dict[str, list[np.ndarray]]

    def columns(self, accelerators: np.ndarray) -> np.ndarray:
        """Return where accelerators stand in `accelerators`."""
        return np.searchsorted(self.accelerators, accelerators)

    @classmethod
    def around(
        cls,
        problem: Problem,
        grouping: Grouping,
        assignment: Scope,
        *,
        base: np.ndarray,
        names: tuple[str, ...],
        accelerators: np.ndarray,
    ) -> Differences:
        """Evaluate every change of one group, and of two.

        Args:
            problem: The problem.
            grouping: Its choices in groups.
            assignment: Of the outer choices; those of `base` are replaced.
            base: `(N,)` a network; each of its layers must have a mapping on every accelerator.
            names: Of the resources.
            accelerators: `(C,)` ascending.

        Raises:
            ValueError: If a layer of the base network cannot be mapped on one of them.
        """
        base = base.copy()
        base[list(grouping.outer)] = assignment
        groups = range(len(grouping.groups))
        changed = []
        for group in groups:
            options = grouping.options(group)
            networks = np.repeat(base[None], len(options), axis=0)
            networks[:, list(grouping.groups[group])] = options
            changed.append(networks)
        error = float(_errors(problem, base[None])[0])
        error_of = [_errors(problem, networks) - error for networks in changed]
        pairs = {}
        for i, j in itertools.combinations(groups, 2):
            networks = np.repeat(changed[i], len(changed[j]), axis=0)
            columns = list(grouping.groups[j])
            networks[:, columns] = np.tile(changed[j][:, columns], (len(changed[i]), 1))
            both = (_errors(problem, networks) - error).reshape(len(changed[i]), len(changed[j]))
            pairs[i, j] = both - error_of[i][:, None] - error_of[j][None, :]
        of_base = _resources(problem, base[None], accelerators, names)
        resources = {name: each[0] for name, each in of_base.items()}
        if not all(np.isfinite(each).all() for each in resources.values()):
            raise ValueError(
                f"problem {problem.name!r}: the base network cannot be mapped everywhere, so that nothing can be verified"
            )
        costs = [_resources(problem, networks, accelerators, names) for networks in changed]
        return cls(
            accelerators,
            error,
            error_of,
            pairs,
            resources,
            {name: [cost[name] - resources[name] for cost in costs] for name in names},
        )


def _resources(
    problem: Problem, networks: np.ndarray, accelerators: np.ndarray, names: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Return resources `(B, C)` of networks on some accelerators, by name."""
    found = {name: np.empty((len(networks), len(accelerators))) for name in names}
    for row, network in enumerate(networks):
        cost = problem.costs.lookup(np.repeat(network[None], len(accelerators), axis=0), accelerators)
        for name, values in found.items():
            values[row] = cost.metric(name)
    return found


def _errors(problem: Problem, networks: np.ndarray) -> np.ndarray:
    """Return the errors (B,) of many networks, percentage points."""
    starts = range(0, len(networks), _ASKED_AT_A_TIME)
    return 100.0 * (1.0 - np.concatenate([problem.accuracies(networks[i : i + _ASKED_AT_A_TIME]) for i in starts]))
