"""Labelings of a field: what they cost, whether they meet the limits, and the best ones found. Loads numba."""

# mypy: disable-error-code="no-untyped-def, assignment"

from __future__ import annotations

import numpy as np

from dance_env.analysis.optimum.field_kernel import copy
from dance_env.cost.compiled import helper

_GRAY = 1e-11  # relative: nearer to a limit than this, rounding decides, and `Problem.evaluate` is asked


@helper
def price(labels, totals, values, shape, error, terms, resources):
    """Return the error of a labeling; write its resources to `totals` and its cost terms to `values`."""
    total = error.zero
    for r in range(len(totals)):
        totals[r] = resources.zero[r]
    for g in range(len(labels)):
        x = shape.start[g] + labels[g]
        total += error.unary[x]
        for r in range(len(totals)):
            totals[r] += resources.values[r, x]
    for q in range(len(shape.left)):
        j = shape.right[q]
        total += error.pair[shape.pair_start[q] + labels[shape.left[q]] * shape.full[j] + labels[j]]
    for t in range(len(values)):
        delay, energy, f = totals[terms.latency[t]], totals[terms.energy[t]], terms.factors[t]
        values[t] = f[0] * delay * energy + f[1] * delay + f[2] * energy + f[3]
    return total


@helper
def standing(found, totals, limits, error_limit):
    """Return 2 where a labeling meets all limits, 1 where rounding decides, 0 where it exceeds one."""
    worst = found / error_limit - 1.0 if error_limit < np.inf else -1.0
    for m in range(len(limits.most)):
        worst = max(worst, totals[limits.resource[m]] / limits.most[m] - 1.0)
    if worst > _GRAY:
        return 0
    return 2 if worst < -_GRAY else 1


@helper
def likely_labels(field, shape, labels):
    """Write the labeling that takes each open node's least term."""
    for g in range(len(field.n)):
        if field.n[g] == 0:
            labels[g] = field.settled[g]
        else:
            start = shape.start[g]
            best = 0
            for a in range(1, field.n[g]):
                if field.u[start + a] < field.u[start + best]:
                    best = a
            labels[g] = field.ids[start + best]


@helper
def note(
    labels, totals, values, best, slack, collect, shape, error, terms, resources, limits, out_value, out_labels, count
):
    """Price a labeling, and keep it where it is among the best; return the best value known now.

    With `collect`, the best value stays as it is: all labelings up to it are kept.
    """
    found = price(labels, totals, values, shape, error, terms, resources)
    value = error.weight * found + values.max()
    if value > best + slack:
        return best
    stands = standing(found, totals, limits, error.limit)
    if stands == 0:
        return best
    if stands == 2 and not collect:
        best = min(best, value)
    if count[0] == len(out_value):  # make room: what is no longer among the best goes
        kept = 0
        for x in range(len(out_value)):
            if out_value[x] <= best + slack:
                out_value[kept] = out_value[x]
                copy(out_labels[x], out_labels[kept])
                kept += 1
        count[0] = kept
    if count[0] < len(out_value):
        out_value[count[0]] = value
        copy(labels, out_labels[count[0]])
        count[0] += 1
    else:
        count[1] = 1
        if stands == 2:  # it may be the only one that meets the limits
            out_value[0] = value
            copy(labels, out_labels[0])
    return best
