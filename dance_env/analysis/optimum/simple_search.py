"""A second, simple search of one field, in numpy: what `verifying` holds the compiled search against.

It shares no code with the compiled one. Bounds are improved by the same kind of step, since any reparametrization gives a
bound; but labels are never dropped on the way, messages are improved once only, and partial labelings are extended in
batches, node by node in one order, as long as their bound allows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

_SWEEPS = 60
_AT_A_TIME = 256  # partial labelings: their tables stay in the processor's cache

Unary = list[np.ndarray]
Pairs = Mapping[tuple[int, int], np.ndarray]


def least_value(
    constant: float, unary: Unary, pairs: Pairs, *, below: float, value: Callable[[np.ndarray], np.ndarray]
) -> tuple[float, int]:
    """Return the least true value among all labelings whose field is below a number, and how many were priced.

    Args:
        constant: The field's constant.
        unary: By node, `(labels,)`.
        pairs: By pair of nodes, left < right, `(labels of left, labels of right)`.
        below: The number.
        value: From labelings `(B, G)` to true values `(B,)`; the field is never above them.

    Returns:
        The least value, infinite where there is no such labeling.
    """
    kept = [np.flatnonzero(np.isfinite(each)) for each in unary]  # the others cannot be mapped
    if any(not len(labels) for labels in kept):
        return np.inf, 0
    unary, pairs = _only(kept, unary, pairs)
    unary, pairs, bound = improved(constant, unary, pairs, below=below)
    if bound >= below:
        return np.inf, 0
    near = [np.flatnonzero(bound + each - each.min() < below) for each in unary]
    unary, pairs = _only(near, unary, pairs)
    kept = [labels[each] for labels, each in zip(kept, near, strict=True)]
    order = sorted(range(len(unary)), key=lambda node: len(unary[node]))
    best, priced = np.inf, 0
    # A batch: labels of the first nodes in the order, values so far, and the terms of each open node (B, labels).
    start = (np.zeros((1, 0), dtype=np.int64), np.array([constant]), [unary[node][None] for node in order])
    waiting = [start]
    while waiting:
        labels, values, still_open = waiting.pop()
        depth = labels.shape[1]
        if depth == len(order):
            full = np.empty_like(labels)
            for place, node in enumerate(order):
                full[:, node] = kept[node][labels[:, place]]
            best, priced = min(best, float(value(full).min())), priced + len(full)
            continue
        if len(labels) > _AT_A_TIME:
            half = len(labels) // 2
            waiting.append((labels[half:], values[half:], [each[half:] for each in still_open]))
            waiting.append((labels[:half], values[:half], [each[:half] for each in still_open]))
            continue
        children = values[:, None] + still_open[0]
        bounds, extended = children.copy(), []
        for place in range(1, len(still_open)):
            node, other = order[depth], order[depth + place]
            table = pairs[node, other] if node < other else pairs[other, node].T
            extended.append(still_open[place][:, None, :] + table[None])
            bounds += extended[-1].min(axis=2)
        rows, chosen = np.nonzero(bounds < below)
        if len(rows):
            grown = np.concatenate([labels[rows], chosen[:, None]], axis=1)
            waiting.append((grown, children[rows, chosen], [each[rows, chosen] for each in extended]))
    return best, priced


def _only(kept: list[np.ndarray], unary: Unary, pairs: Pairs) -> tuple[Unary, Pairs]:
    """Return the field with these labels of each node alone."""
    return (
        [each[labels] for each, labels in zip(unary, kept, strict=True)],
        {(i, j): table[np.ix_(kept[i], kept[j])] for (i, j), table in pairs.items()},
    )


def improved(constant: float, unary: Unary, pairs: Pairs, *, below: float) -> tuple[Unary, Pairs, float]:
    """Return the same field with its amounts moved so that every pair's terms are >= 0, and its bound.

    The bound is the constant and the least term of each node. It grows from sweep to sweep, as long as that is worth it.
    """
    unary, pairs = [each.copy() for each in unary], {key: table.copy() for key, table in pairs.items()}
    bound = -np.inf
    for _ in range(_SWEEPS):
        for (i, j), table in pairs.items():
            table += unary[i][:, None] + unary[j][None, :]
            half = 0.5 * table.min(axis=1)
            table -= half[:, None]
            unary[j] = table.min(axis=0)
            table -= unary[j][None, :]
            rest = table.min(axis=1)
            table -= rest[:, None]
            unary[i] = half + rest
        before, bound = bound, constant + float(sum(each.min() for each in unary))
        if bound >= below or bound - before < 0.002 * (below - bound):
            break
    return unary, pairs, bound
