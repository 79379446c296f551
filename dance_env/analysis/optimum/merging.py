"""Networks merged by what they cost: where many networks cost the same, the most accurate of each set stands for all.

The layers of a language model differ in their place, not in their shape: the costs of a network then depend on how many layers
have each option, and 5.1e12 networks fall into some ten thousand sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from dance_env.analysis.optimum.fields import Fields
from dance_env.analysis.optimum.form import form_of
from dance_env.analysis.optimum.grouping import MAX_LABELS, Grouping, Restricted, Scope, find_grouping, restrict
from dance_env.graph import macs_sum
from dance_env.problem import Problem

MAX_SETS = 200_000

_DESIGNS_AT_A_TIME = 200_000


def merged_designs(problem: Problem, *, most: int = MAX_SETS) -> np.ndarray:
    """Return the networks of `most_accurate_networks`, each with its best accelerator, `(S, D)` int64.

    The best accelerator is as from `Problem.best_hardware`, but for the order of equals: only those accelerators are tried that
    no other one beats on every network.

    Args:
        problem: As for `most_accurate_networks`.
        most: More sets than this are refused.

    Raises:
        ValueError: As `most_accurate_networks`.
    """
    networks = most_accurate_networks(problem, most=most)
    return problem.design(networks, np.concatenate(list(best_accelerators(problem, networks))))


def best_accelerators(problem: Problem, networks: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the best accelerators of networks `(B, N)`, some networks at a time, in order: `(b,)` int64 indices each.

    Tried are the accelerators that no other one beats on every network.
    """
    unbeaten = np.unique(np.concatenate([cases.accelerators for cases in Fields.of(problem).cases]))
    step = max(1, _DESIGNS_AT_A_TIME // len(unbeaten))
    for start in range(0, len(networks), step):
        chosen = networks[start : start + step]
        tried = problem.design(np.repeat(chosen, len(unbeaten), axis=0), np.tile(unbeaten, len(chosen)))
        evaluation = problem.evaluate(tried)
        violation, objective = (each.reshape(len(chosen), -1) for each in (evaluation.violation, evaluation.objective))
        allowed = violation == violation.min(axis=1, keepdims=True)
        yield unbeaten[np.where(allowed, objective, np.inf).argmin(axis=1)]


def most_accurate_networks(problem: Problem, *, most: int = MAX_SETS) -> np.ndarray:
    """Return the most accurate network of each set of networks that cost the same.

    Networks of one set have the same latency and energy on every accelerator, and the same number of multiply-accumulates (up
    to the rounding of sums). So an optimum, and a design for each point of the Pareto front of error against cost or against
    multiply-accumulates, are found among these networks, under any limits.

    The choices that many factors read are enumerated (`find_grouping`). The others are added one group after the other; of
    partial networks with the same multiset of rows of the tables, the most accurate is kept.

    Args:
        problem: One whose accuracy is a sum of factors (it has `factor_sum`), with a cost function as for `prove`.
        most: More sets than this are refused.

    Returns:
        `(S, N)` int64.

    Raises:
        ValueError: If the problem does not fit, or there are too many sets.
    """
    form = form_of(problem)
    costs = (*form.resources.values(), macs_sum(problem.network_space))
    scopes = [factor.scope for sums in (form.error, *costs) for factor in sums.factors]
    grouping = _grouping(form.error.option_counts, scopes)
    numbers: dict[bytes, int] = {}
    best: dict[tuple[int, ...], tuple[float, np.ndarray]] = {}
    for assignment in grouping.assignments():
        restricted = [restrict(sums, grouping, assignment) for sums in costs]
        error = restrict(form.error, grouping, assignment)
        start = numbers.setdefault(_bytes(each.zero for each in restricted), len(numbers))
        rows, kinds = _numbered(restricted, numbers)
        counts, errors, labels = _merged(grouping, rows, len(kinds), error, most)
        networks = grouping.networks(assignment, labels)
        for count, value, network in zip(counts.tolist(), errors.tolist(), networks, strict=True):
            key = (start, *(each for kind, times in zip(kinds, count, strict=True) if times for each in (kind, times)))
            if key not in best or value < best[key][0]:
                best[key] = value, network
        if len(best) > most:
            raise _too_many(most)
    return np.array([network for _, network in best.values()])


def _grouping(counts: Sequence[int], scopes: Sequence[Scope]) -> Grouping:
    """Return groups as small as they can be: the same rows are then found in many of them."""
    for most_labels in (max(counts), 64):
        try:
            return find_grouping(counts, scopes, (), most_labels=most_labels)
        except ValueError:
            continue
    return find_grouping(counts, scopes, (), most_labels=MAX_LABELS)


def _numbered(restricted: Sequence[Restricted], numbers: dict[bytes, int]) -> tuple[np.ndarray, list[int]]:
    """Return for each label the place of its row among the different rows, -1 where it costs nothing; and their numbers."""
    kinds: dict[int, int] = {}
    places = []
    for label in range(len(restricted[0].unary)):
        rows = [each.unary[label] for each in restricted]
        if not any(row.any() for row in rows):
            places.append(-1)
            continue
        number = numbers.setdefault(_bytes(rows), len(numbers))
        places.append(kinds.setdefault(number, len(kinds)))
    order = sorted(kinds)  # keys of two assignments are then the same for the same multiset
    rank = {kinds[number]: place for place, number in enumerate(order)}
    return np.array([rank.get(place, -1) for place in places]), order


def _merged(
    grouping: Grouping, rows: np.ndarray, kinds: int, error: Restricted, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return multisets of rows `(S, kinds)`, the least error of each `(S,)` and its labels `(S, groups)`."""
    counts = np.zeros((1, kinds), dtype=np.int64)
    errors = error.zero.astype(np.float64)
    labels = np.zeros((1, 0), dtype=np.int64)
    first = 0
    for size in grouping.label_counts:
        added = rows[first : first + size]
        steps = np.zeros((size, kinds), dtype=np.int64)
        steps[np.flatnonzero(added >= 0), added[added >= 0]] = 1
        each, label = np.repeat(np.arange(len(counts)), size), np.tile(np.arange(size), len(counts))
        counts = counts[each] + steps[label]
        errors = errors[each] + error.unary[first + label, 0]
        labels = np.concatenate([labels[each], label[:, None]], axis=1)
        order = np.lexsort((errors, *counts.T))
        kept = order[np.r_[True, (np.diff(counts[order], axis=0) != 0).any(axis=1)]]
        counts, errors, labels = counts[kept], errors[kept], labels[kept]
        if len(counts) > most:
            raise _too_many(most)
        first += size
    return counts, errors, labels


def _bytes(arrays: Iterable[np.ndarray]) -> bytes:
    return b"".join(np.ascontiguousarray(each, dtype="<f8").tobytes() for each in arrays)


def _too_many(most: int) -> ValueError:
    return ValueError(f"the networks have more than {most:,} different costs: they cannot be merged; use prove_front")
