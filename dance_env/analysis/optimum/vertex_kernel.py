"""One vertex of the search tree: raise its bound, drop labels, choose where to branch. Loads numba."""

# mypy: disable-error-code="no-untyped-def, assignment"

from __future__ import annotations

import numpy as np

from dance_env.analysis.optimum.field_kernel import keep_labels, node_least, settle, sweep
from dance_env.cost.compiled import helper

OPEN, PRUNED, LEAF = 0, 1, 2
"""What a vertex is."""

_GRAY = 1e-11  # relative: as in `labeling_kernel`


@helper
def drop_labels(field, shape, resources, limits, least, bound, most, keep):
    """Remove labels that no labeling of value up to `most` has; return False where a node loses all.

    A label goes where the bound with it is above `most`, or where it exceeds a limit even with the least of all others.
    """
    removed = 0
    for g in range(len(field.n)):
        start = shape.start[g]
        for a in range(field.n[g]):
            keep[start + a] = bound + (field.u[start + a] - least[g]) <= most
            removed += not keep[start + a]
    for m in range(len(limits.most)):
        r, allowed = limits.resource[m], limits.most[m] * (1.0 + _GRAY)
        total = resources.zero[r]
        for g in range(len(field.n)):
            start = shape.start[g]
            if field.n[g] == 0:
                total += resources.values[r, start + field.settled[g]]
            else:
                smallest = np.inf
                for a in range(field.n[g]):
                    smallest = min(smallest, resources.values[r, start + field.ids[start + a]])
                total += smallest
        if total > allowed:
            return False
        for g in range(len(field.n)):
            start = shape.start[g]
            smallest = np.inf
            for a in range(field.n[g]):
                smallest = min(smallest, resources.values[r, start + field.ids[start + a]])
            for a in range(field.n[g]):
                over = total - smallest + resources.values[r, start + field.ids[start + a]] > allowed
                if over and keep[start + a]:
                    keep[start + a] = False
                    removed += 1
    if removed:
        for g in range(len(field.n)):
            start = shape.start[g]
            if field.n[g] > 0 and not keep[start : start + field.n[g]].any():
                return False
        keep_labels(field, shape, keep)
    return True


@helper
def tighten(field, shape, resources, limits, most, sweeps, patience, least, row_least, column_least, keep):
    """Raise the bound of a vertex as long as that is worth it; return what the vertex is, and its bound.

    Args:
        most: The value above which a vertex is of no interest.
        sweeps: The most sweeps.
        patience: A sweep must close this share of the distance to `most`, else the vertex is branched.
    """
    before = -np.inf
    bound = -np.inf
    for number in range(sweeps):
        sweep(field, shape, row_least, column_least)
        bound = node_least(field, shape, least)
        if bound > most or not drop_labels(field, shape, resources, limits, least, bound, most, keep):
            return PRUNED, bound
        still_open = 0
        for g in range(len(field.n)):
            if field.n[g] == 1:
                settle(field, shape, g, np.int64(0))
            still_open += field.n[g] > 0
        if still_open == 0:
            return LEAF, field.base[0]
        if number > 1 and bound - before < patience * (most - bound):
            break
        before = bound
    return OPEN, node_least(field, shape, least)


@helper
def branch_node(field):
    """Return the open node with the fewest labels."""
    chosen = -1
    for g in range(len(field.n)):
        if field.n[g] > 0 and (chosen < 0 or field.n[g] < field.n[chosen]):
            chosen = g
    return chosen
