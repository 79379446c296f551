"""Which choices stand together as one node of a field, and which are enumerated outside."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dance_env.space import FactorSum

MAX_LABELS = 8192
"""The most joint options of the choices of one node."""

MAX_ASSIGNMENTS = 4096
"""The most joint options of the choices that are enumerated outside."""

_MERGED_LABELS = 64  # small nodes are merged up to this size: fewer nodes, tighter bounds

Scope = tuple[int, ...]


@dataclass(frozen=True)
class Grouping:
    """A split of the network choices.

    With the outer choices fixed, every factor of a cost reads the choices of one group, and every factor of the accuracy
    those of one or two.

    Attributes:
        option_counts: Number of options of each choice.
        outer: The choices that are enumerated outside.
        groups: The other choices, in groups, each ascending.
    """

    option_counts: tuple[int, ...]
    outer: Scope
    groups: tuple[Scope, ...]

    @property
    def label_counts(self) -> list[int]:
        """The number of joint options of each group."""
        return [math.prod(self.option_counts[choice] for choice in group) for group in self.groups]

    def assignments(self) -> Iterator[Scope]:
        """Yield each joint option of the outer choices."""
        return itertools.product(*(range(self.option_counts[choice]) for choice in self.outer))

    def options(self, group: int) -> np.ndarray:
        """Return the options of a group's choices for each of its labels, `(labels, choices)` int64, read-only."""
        return self._options[group]

    @cached_property
    def _options(self) -> list[np.ndarray]:
        found = []
        for group in self.groups:
            counts = [self.option_counts[choice] for choice in group]
            found.append(np.indices(counts).reshape(len(counts), -1).T)
            found[-1].setflags(write=False)
        return found

    def network(self, assignment: Scope, labels: Sequence[int]) -> np.ndarray:
        """Return the network `(N,)` int64 of an outer assignment and a label for each group."""
        return self.networks(assignment, np.array([labels], dtype=np.int64))[0]

    def networks(self, assignment: Scope, labels: np.ndarray) -> np.ndarray:
        """Return the networks `(B, N)` int64 of an outer assignment and labels `(B, groups)`."""
        found = np.empty((len(labels), len(self.option_counts)), dtype=np.int64)
        found[:, list(self.outer)] = assignment
        for group, column in enumerate(labels.T):
            found[:, list(self.groups[group])] = self.options(group)[column]
        return found


def find_grouping(
    option_counts: Sequence[int],
    cost_scopes: Sequence[Scope],
    accuracy_scopes: Sequence[Scope],
    *,
    most_labels: int | None = None,
) -> Grouping:
    """Return the grouping that a problem's factors ask for.

    Choices that share a factor of a cost are joined. Where a group becomes too large, the choice that the most factors
    read is enumerated outside, and the grouping starts anew.

    Args:
        option_counts: Number of options of each choice.
        cost_scopes, accuracy_scopes: The scopes of the factors.
        most_labels: The most joint options of a group, which then stays as small as it is; None for `MAX_LABELS`, and small
            groups merged afterwards, for tighter bounds.

    Raises:
        ValueError: If too many choices would have to be enumerated.
    """
    counts = tuple(option_counts)
    outer: list[int] = []
    while True:
        found = _joined(counts, outer, cost_scopes, accuracy_scopes, most_labels or MAX_LABELS)
        if isinstance(found, list):
            groups = _merged(counts, found, accuracy_scopes) if most_labels is None else found
            return Grouping(counts, tuple(sorted(outer)), tuple(sorted(groups)))
        outer.append(found)
        assignments = math.prod(counts[choice] for choice in outer)
        if assignments > MAX_ASSIGNMENTS:
            raise ValueError(
                f"the costs and accuracies do not fall apart into small groups of choices: {assignments:,} joint options "
                f"of {len(outer)} choices would have to be enumerated, at most {MAX_ASSIGNMENTS:,} are. An optimum can be "
                "proved where each factor of the costs reads few choices, and each factor of the accuracy at most two "
                "groups of them"
            )


def _joined(
    counts: Sequence[int],
    outer: Sequence[int],
    cost_scopes: Sequence[Scope],
    accuracy_scopes: Sequence[Scope],
    most_labels: int,
) -> list[Scope] | int:
    """Return the groups without the outer choices, or the choice that should be an outer one as well."""
    group_of: dict[int, Scope] = {choice: (choice,) for choice in range(len(counts)) if choice not in outer}

    def open_groups(scope: Scope) -> set[Scope]:
        return {group_of[choice] for choice in scope if choice not in outer}

    read: Counter[int] = Counter()
    for scopes, most in ((cost_scopes, 1), (accuracy_scopes, 2)):
        read.update(choice for scope in scopes for choice in scope if len(scope) > most and choice not in outer)
        for scope in scopes:
            touched = open_groups(scope)
            if len(touched) <= most:
                continue
            union = tuple(sorted(choice for group in touched for choice in group))
            if math.prod(counts[choice] for choice in union) > most_labels:
                return max(sorted(read), key=lambda choice: read[choice])
            for choice in union:
                group_of[choice] = union
    return sorted(set(group_of.values()))


def _merged(counts: Sequence[int], groups: list[Scope], accuracy_scopes: Sequence[Scope]) -> list[Scope]:
    """Merge small groups, first those that share the most factors of the accuracy."""
    while True:
        shared: Counter[tuple[Scope, Scope]] = Counter()
        group_of = {choice: group for group in groups for choice in group}
        for scope in accuracy_scopes:
            touched = sorted({group_of[choice] for choice in scope if choice in group_of})
            if len(touched) == 2:
                shared[touched[0], touched[1]] += 1
        size = {group: math.prod(counts[choice] for choice in group) for group in groups}
        fitting = [
            (-shared[a, b], size[a] * size[b], a, b)
            for a, b in itertools.combinations(sorted(groups), 2)
            if size[a] * size[b] <= _MERGED_LABELS
        ]
        if not fitting:
            return groups
        _, _, a, b = min(fitting)
        groups = [group for group in groups if group not in (a, b)] + [tuple(sorted((*a, *b)))]


@dataclass(frozen=True, eq=False)
class Restricted:
    """A sum of factors under one outer assignment: a constant, and a table for each group and each pair of groups.

    Attributes:
        zero: `(W,)`.
        unary: `(N, W)`, the groups' labels side by side.
        pair: By pair of groups, left < right: `(labels of left, labels of right, W)`.
    """

    zero: np.ndarray
    unary: np.ndarray
    pair: dict[tuple[int, int], np.ndarray]


def restrict(
    sums: FactorSum, grouping: Grouping, assignment: Scope, *, columns: slice | np.ndarray = slice(None)
) -> Restricted:
    """Return a sum under one assignment of the outer choices.

    Args:
        sums: The sum.
        grouping: A grouping that fits it.
        assignment: An option of each outer choice.
        columns: Which of its `W` values.
    """
    fixed = dict(zip(grouping.outer, assignment, strict=True))
    where = {choice: number for number, group in enumerate(grouping.groups) for choice in group}
    options = [grouping.options(number) for number in range(len(grouping.groups))]
    starts = np.cumsum([0, *grouping.label_counts])
    zero = np.array(sums.constant[columns])
    unary = np.zeros((int(starts[-1]), len(zero)))
    pair: dict[tuple[int, int], np.ndarray] = {}
    for factor in sums.factors:
        touched = sorted({where[choice] for choice in factor.scope if choice in where})
        index = np.ravel_multi_index(
            tuple(_places(choice, fixed, where, touched, grouping, options) for choice in factor.scope),
            [sums.option_counts[choice] for choice in factor.scope],
        )
        values = factor.table[:, columns][index]
        if not touched:
            zero += values.reshape(-1)
        elif len(touched) == 1:
            unary[starts[touched[0]] : starts[touched[0] + 1]] += values
        else:
            key = touched[0], touched[1]
            pair[key] = pair[key] + values if key in pair else values
    return Restricted(zero, unary, pair)


def _places(
    choice: int,
    fixed: dict[int, int],
    where: dict[int, int],
    touched: list[int],
    grouping: Grouping,
    options: list[np.ndarray],
) -> np.ndarray:
    """Return a choice's option for each label of the group touched, or for each pair of labels of two groups."""
    shape = [len(options[group]) for group in touched] or [1]
    if choice in fixed:
        return np.full(shape, fixed[choice])
    group = where[choice]
    column = options[group][:, grouping.groups[group].index(choice)]
    if len(touched) == 2:
        column = column[:, None] if group == touched[0] else column[None, :]
    return np.broadcast_to(column, shape)
