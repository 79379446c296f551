"""The weights of a field: multipliers of limits and shares of cost terms that make its bound large. Loads numba."""

# mypy: disable-error-code="no-untyped-def, assignment"

from __future__ import annotations

import numpy as np

from dance_env.analysis.optimum.field_kernel import add_terms, node_least, sweep
from dance_env.analysis.optimum.labeling_kernel import likely_labels, price
from dance_env.cost.compiled import helper

_SWEEPS = 2  # after each change of a weight
_DOUBLINGS = 24
_HALVINGS = 8
_FIRST_STEP = 0.02  # of the objective, for exceeding a limit by its own size


@helper
def change(field, shape, error, terms, resources, limits, weights, k, to, delta_share, delta_multiplier):
    """Set weight `k` and change the field accordingly.

    Weights are the M multipliers of the limits, the multiplier of the error's limit, and the T shares, of which the
    others are scaled so that all add up to 1.
    """
    m, t = len(delta_multiplier), len(delta_share)
    delta_share[:] = 0.0
    delta_multiplier[:] = 0.0
    by = 0.0
    if k < m:
        delta_multiplier[k] = to - weights[k]
    elif k == m:
        by = to - weights[k]
        field.base[0] -= by * error.limit
    else:
        others = 1.0 - weights[k]
        for s in range(t):
            x = m + 1 + s
            if x == k:
                value = to
            elif others > 0.0:
                value = weights[x] * (1.0 - to) / others
            else:
                value = (1.0 - to) / (t - 1)
            delta_share[s] = value - weights[x]
            weights[x] = value
    weights[k] = to
    add_terms(field, shape, error, terms, resources, limits, by, delta_share, delta_multiplier)


@helper
def slope(k, found, totals, values, weights, limits, error_limit):
    """Return how a labeling's value changes with weight `k`: above zero where the bound may grow with it."""
    m = len(limits.most)
    if k < m:
        return totals[limits.resource[k]] - limits.most[k]
    if k == m:
        return found - error_limit
    others, total = 0.0, 0.0
    for s in range(len(values)):
        if m + 1 + s != k:
            total += weights[m + 1 + s]
            others += weights[m + 1 + s] * values[s]
    if total > 0.0:
        return values[k - m - 1] - others / total
    return 1.0 if values[k - m - 1] >= values.max() else -1.0


@helper
def tune(
    field, shape, error, terms, resources, limits, weights, most, scale,
    labels, totals, values, least, row_least, column_least, delta_share, delta_multiplier,
):  # fmt: skip
    """Choose the weights one after the other, each by doubling and halving; return the bound reached."""
    m = len(limits.most)
    count = m + 1 + len(values)
    bound = -np.inf
    for number in range(2 * count):
        k = number % count
        if (k == m and error.limit == np.inf) or (k > m and len(values) == 1):
            continue
        low, high = 0.0, np.inf
        if k > m:
            high = 1.0
            step = 0.0
        elif k < m:
            step = _FIRST_STEP * scale / limits.most[k]
        else:
            step = _FIRST_STEP * scale / error.limit
        best_bound, best = -np.inf, weights[k]
        halvings = 0
        for _ in range(_DOUBLINGS + _HALVINGS):
            for _ in range(_SWEEPS):
                sweep(field, shape, row_least, column_least)
            bound = node_least(field, shape, least)
            if bound > most:
                return bound
            if bound > best_bound:
                best_bound, best = bound, weights[k]
            likely_labels(field, shape, labels)
            found = price(labels, totals, values, shape, error, terms, resources)
            rising = slope(k, found, totals, values, weights, limits, error.limit)
            if rising > 0.0:
                low = weights[k]
            else:
                high = weights[k]
            if high == 0.0 or low == high or halvings == _HALVINGS:
                break
            if high == np.inf:
                to = max(2.0 * weights[k], step)
            else:
                to = 0.5 * (low + high)
                halvings += 1
            change(field, shape, error, terms, resources, limits, weights, k, to, delta_share, delta_multiplier)
        if best != weights[k]:
            change(field, shape, error, terms, resources, limits, weights, k, best, delta_share, delta_multiplier)
    return bound
