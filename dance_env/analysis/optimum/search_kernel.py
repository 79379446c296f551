"""Depth-first branch and bound over the labels of fields. Loads numba.

Minimized is `weight x error + the largest cost term`, under limits on resources and on the error (see `arrays`). The
bound is that of the field `weight x error + sum of share[t] x term t + sum of multiplier[m] x (resource - limit)`, with
shares that add up to 1 and multipliers >= 0: never more than the objective of a labeling that meets the limits. Shares and
multipliers are chosen once for a field, the messages (see `field_kernel.sweep`) are improved at every vertex of the tree.
"""

# mypy: disable-error-code="no-untyped-def, assignment"

from __future__ import annotations

import numpy as np

from dance_env.analysis.optimum.arrays import CostTerms, Field, Resources
from dance_env.analysis.optimum.field_kernel import add_terms, copy, copy_field, settle
from dance_env.analysis.optimum.labeling_kernel import likely_labels, note
from dance_env.analysis.optimum.vertex_kernel import OPEN, PRUNED, branch_node, drop_labels, tighten
from dance_env.analysis.optimum.weights_kernel import tune
from dance_env.cost.compiled import compiled, helper

UNMAPPABLE = 1e250
"""Stands for an infinite resource; a label that takes it cannot be chosen."""

UNFINISHED, BOUNDED, SEARCHED, IMPOSSIBLE = 0, 1, 2, 3
"""How a case ended: at the limit of vertices; by the first bound; by the search; no labeling can meet the limits."""

_ROOT_SWEEPS, _ROOT_PATIENCE = 200, 0.01
_SWEEPS, _PATIENCE = 12, 0.08


@helper
def first_field(field, shape, error, terms, resources, limits, weights, least, keep):
    """Write the field of all labels that can be chosen; return False where a node has none."""
    field.base[0] = 0.0
    field.u[:] = 0.0
    field.p[:] = 0.0
    for g in range(len(shape.full)):
        field.n[g] = shape.full[g]
        for a in range(shape.full[g]):
            field.ids[shape.start[g] + a] = a
    for g in range(len(shape.full)):
        any_left = False
        for x in range(shape.start[g], shape.start[g + 1]):
            keep[x] = True
            for r in range(len(resources.zero)):
                if resources.values[r, x] >= UNMAPPABLE:
                    keep[x] = False
            any_left = any_left or keep[x]
        if not any_left:
            return False
    # Labels that cannot be mapped go one node at a time; the tables are empty so far, and only `ids` moves.
    for g in range(len(shape.full)):
        at = shape.start[g]
        for x in range(shape.start[g], shape.start[g + 1]):
            if keep[x]:
                field.ids[at] = field.ids[x]
                at += 1
        field.n[g] = at - shape.start[g]
    least[:] = 0.0
    if not drop_labels(field, shape, resources, limits, least, 0.0, np.inf, keep):
        return False
    m = len(limits.most)
    add_terms(field, shape, error, terms, resources, limits, error.weight, weights[m + 1 :], weights[:m])
    return True


@compiled
def solve_cases(
    cases, first, step, shape, error, terms_latency, terms_energy, factors, zero, values, limits, best, slack,
    vertex_limit, collect, out_ended, out_bound, out_vertices, out_weights, out_count, out_value, out_labels,
):  # fmt: skip
    """Search the fields of some cases, each from the same best value known.

    Args:
        cases: `(n,)` int64: which cases, rows of `factors (C, T, 4)`, `zero (C, R)` and `values (C, R, N)`.
        first, step: Of `cases` only every `step`-th is searched, from `first` on; of the arrays `out_...` these rows are
            written. (Slices of the arrays would be contiguous or not by their length: this is compiled once for each.)
        vertex_limit: Of each case; 1 ends each after its first bound.
        best: A value that some design has.
        collect: Whether to keep every labeling up to `best`, also where a better one is found.
        slack: Labelings are kept up to `best + slack`, and a vertex is closed by a bound above that.
        out_ended, out_bound, out_vertices: `(n,)`: how the search ended, its bound, and its vertices. The bound is
            that of the first vertex, or infinite where the search ended.
        out_weights: `(n, M + 1 + T)`: multipliers of the limits and of the error's limit, and shares of the terms.
        out_count: `(n, 2)`: labelings kept, and whether there was no room for more.
        out_value, out_labels: `(n, K)` and `(n, K, G)`: their values and labels.
    """
    g, m, t = len(shape.full), len(limits.most), factors.shape[1]
    depth = g + 1
    all_n, all_settled = np.zeros((depth, g), np.int64), np.zeros((depth, g), np.int64)
    all_u, all_ids = np.zeros((depth, shape.start[-1])), np.zeros((depth, shape.start[-1]), np.int64)
    all_p, all_base = np.zeros((depth, shape.pair_start[-1])), np.zeros((depth, 1))
    least, labels = np.zeros(g), np.zeros(g, np.int64)
    widest = shape.full.max()
    row_least, column_least = np.zeros(widest), np.zeros(widest)
    keep = np.zeros(shape.start[-1], np.bool_)
    totals, costs = np.zeros(zero.shape[1]), np.zeros(t)
    delta_share, delta_multiplier = np.zeros(t), np.zeros(m)
    node, place = np.zeros(depth, np.int64), np.zeros(depth, np.int64)
    order, bound_with = np.zeros((depth, widest), np.int64), np.zeros((depth, widest))
    for row in range(first, len(cases), step):
        case = cases[row]
        terms = CostTerms(terms_latency, terms_energy, factors[case])
        resources = Resources(zero[case], values[case])
        count, found_value, found_labels = out_count[row], out_value[row], out_labels[row]
        known = best
        weights = out_weights[row]
        weights[:] = 0.0
        weights[m + 1 :] = 1.0 / t
        out_vertices[row], out_bound[row] = 1, np.inf
        root = Field(all_n[0], all_u[0], all_p[0], all_ids[0], all_settled[0], all_base[0])
        if not first_field(root, shape, error, terms, resources, limits, weights, least, keep):
            out_ended[row] = IMPOSSIBLE
            continue
        scale = abs(best) if abs(best) < np.inf else 100.0
        if m > 0 or error.limit < np.inf or t > 1:
            bound = tune(
                root, shape, error, terms, resources, limits, weights, known + slack, scale,
                labels, totals, costs, least, row_least, column_least, delta_share, delta_multiplier,
            )  # fmt: skip
            if bound > known + slack:
                out_ended[row], out_bound[row] = BOUNDED, bound
                continue
        level, fresh, ended = 0, True, SEARCHED
        while level >= 0:
            field = Field(all_n[level], all_u[level], all_p[level], all_ids[level], all_settled[level], all_base[level])
            if fresh:
                sweeps, patience = (_ROOT_SWEEPS, _ROOT_PATIENCE) if level == 0 else (_SWEEPS, _PATIENCE)
                kind, bound = tighten(
                    field,
                    shape,
                    resources,
                    limits,
                    known + slack,
                    sweeps,
                    patience,
                    least,
                    row_least,
                    column_least,
                    keep,
                )
                if level == 0:
                    out_bound[row] = bound
                if kind != PRUNED:
                    likely_labels(field, shape, labels)
                    known = note(
                        labels, totals, costs, known, slack, collect, shape, error, terms, resources, limits,
                        found_value, found_labels, count,
                    )  # fmt: skip
                if kind != OPEN:
                    if level == 0 and kind == PRUNED:
                        ended = BOUNDED
                    level -= 1
                    fresh = False
                    continue
                if out_vertices[row] >= vertex_limit:
                    ended = UNFINISHED
                    break
                chosen = branch_node(field)
                start, labels_open = shape.start[chosen], field.n[chosen]
                copy(np.argsort(field.u[start : start + labels_open]), order[level, :labels_open])
                for a in range(labels_open):
                    bound_with[level, a] = bound - least[chosen] + field.u[start + order[level, a]]
                node[level], place[level] = chosen, 0
            chosen = node[level]
            a = place[level]
            if a == field.n[chosen] or bound_with[level, a] > known + slack:
                level -= 1
                fresh = False
                continue
            place[level] = a + 1
            below = Field(
                all_n[level + 1], all_u[level + 1], all_p[level + 1], all_ids[level + 1], all_settled[level + 1],
                all_base[level + 1],
            )  # fmt: skip
            copy_field(field, below, shape)
            settle(below, shape, chosen, order[level, a])
            out_vertices[row] += 1
            level += 1
            fresh = True
        out_ended[row] = ended
