"""Pairwise fields: a number for each label of a node and for each pair of labels of two nodes. Loads numba.

See `arrays.Field` for the layout. All functions but `add_terms` keep the sum of a labeling's terms as it is: they only
move amounts between terms ("reparametrization").
"""

# mypy: disable-error-code="no-untyped-def, assignment"

from __future__ import annotations

import numpy as np

from dance_env.cost.compiled import helper


@helper
def sweep(field, shape, row_least, column_least):
    """Improve the bound `sum of the nodes' least terms` by one block-coordinate step for each pair of nodes.

    The step of MPLP++ (Tourani, Shekhovtsov, Rother and Savchynskyy 2018, "handshake"), a variant of MPLP
    (Globerson and Jaakkola 2007): the terms of two nodes are put into their pair, and half of what each label of the
    left node costs at least, then all of what each label of the right node costs at least, is given back, until
    nothing is left to give. Every term of a pair is then >= 0, and the bound never falls.
    """
    u, p = field.u, field.p
    for q in range(len(shape.left)):
        i, j = shape.left[q], shape.right[q]
        ni, nj = field.n[i], field.n[j]
        if ni == 0 or nj == 0:
            continue
        ui, uj, start = shape.start[i], shape.start[j], shape.pair_start[q]
        for b in range(nj):
            column_least[b] = np.inf
        for a in range(ni):
            row = start + a * nj
            least = np.inf
            for b in range(nj):
                least = min(least, p[row + b] + u[uj + b])
            half = 0.5 * (least + u[ui + a])
            shift = u[ui + a] - half
            row_least[a] = half
            for b in range(nj):
                value = p[row + b] + u[uj + b] + shift
                p[row + b] = value
                column_least[b] = min(column_least[b], value)
        for a in range(ni):
            row = start + a * nj
            least = np.inf
            for b in range(nj):
                value = p[row + b] - column_least[b]
                p[row + b] = value
                least = min(least, value)
            u[ui + a] = row_least[a] + least
            for b in range(nj):
                p[row + b] -= least
        for b in range(nj):
            u[uj + b] = column_least[b]


@helper
def node_least(field, shape, least):
    """Write the least term of each open node to `least`, and return the field's bound."""
    total = field.base[0]
    for g in range(len(field.n)):
        if field.n[g] > 0:
            start = shape.start[g]
            value = field.u[start]
            for a in range(1, field.n[g]):
                value = min(value, field.u[start + a])
            least[g] = value
            total += value
    return total


@helper
def keep_labels(field, shape, keep):
    """Remove the labels whose entry of `keep` (places as in `u`) is False. No open node may lose all."""
    n, u, p, ids = field.n, field.u, field.p, field.ids
    for q in range(len(shape.left)):
        i, j = shape.left[q], shape.right[q]
        ni, nj = n[i], n[j]
        if ni == 0 or nj == 0:
            continue
        ui, uj = shape.start[i], shape.start[j]
        at = shape.pair_start[q]
        for a in range(ni):
            if keep[ui + a]:
                row = shape.pair_start[q] + a * nj
                for b in range(nj):
                    if keep[uj + b]:
                        p[at] = p[row + b]
                        at += 1
    for g in range(len(n)):
        start = shape.start[g]
        at = start
        for a in range(n[g]):
            if keep[start + a]:
                u[at] = u[start + a]
                ids[at] = ids[start + a]
                at += 1
        n[g] = at - start


@helper
def settle(field, shape, g, a):
    """Give node `g` its open label number `a`: its terms go to the open nodes and to the constant."""
    n, u, p = field.n, field.u, field.p
    start = shape.start[g]
    for q in range(len(shape.left)):
        i, j = shape.left[q], shape.right[q]
        first = shape.pair_start[q]
        if i == g:
            for b in range(n[j]):
                u[shape.start[j] + b] += p[first + a * n[j] + b]
        elif j == g:
            for b in range(n[i]):
                u[shape.start[i] + b] += p[first + b * n[g] + a]
    field.base[0] += u[start + a]
    field.settled[g] = field.ids[start + a]
    n[g] = 0


@helper
def copy_field(source, target, shape):
    """Copy the open part of a field."""
    target.base[0] = source.base[0]
    for g in range(len(source.n)):
        target.n[g] = source.n[g]
        target.settled[g] = source.settled[g]
        for x in range(shape.start[g], shape.start[g] + source.n[g]):
            target.u[x] = source.u[x]
            target.ids[x] = source.ids[x]
    for q in range(len(shape.left)):
        first = shape.pair_start[q]
        for x in range(first, first + source.n[shape.left[q]] * source.n[shape.right[q]]):
            target.p[x] = source.p[x]


@helper
def add_terms(field, shape, error, terms, resources, limits, error_by, share, multiplier):
    """Add `error_by x error + sum of share x cost term + sum of multiplier x (resource - limit)` to a field.

    No node may be settled yet. A cost term is a product of sums over nodes: a sum over nodes and pairs of nodes.
    """
    u, p, ids, zero, values = field.u, field.p, field.ids, resources.zero, resources.values
    field.base[0] += error_by * error.zero
    for t in range(len(share)):
        delay, energy, f = zero[terms.latency[t]], zero[terms.energy[t]], terms.factors[t]
        field.base[0] += share[t] * (f[0] * delay * energy + f[1] * delay + f[2] * energy + f[3])
    for m in range(len(multiplier)):
        field.base[0] += multiplier[m] * (zero[limits.resource[m]] - limits.most[m])
    for g in range(len(field.n)):
        start = shape.start[g]
        for a in range(field.n[g]):
            x = start + ids[start + a]
            value = error_by * error.unary[x]
            for t in range(len(share)):
                lt, et, f = terms.latency[t], terms.energy[t], terms.factors[t]
                delay, energy = values[lt, x], values[et, x]
                product = delay * energy + zero[et] * delay + zero[lt] * energy
                value += share[t] * (f[0] * product + f[1] * delay + f[2] * energy)
            for m in range(len(multiplier)):
                value += multiplier[m] * values[limits.resource[m], x]
            u[start + a] += value
    for q in range(len(shape.left)):
        i, j = shape.left[q], shape.right[q]
        si, sj = shape.start[i], shape.start[j]
        ni, nj = field.n[i], field.n[j]
        for a in range(ni):
            row, table = shape.pair_start[q] + a * nj, shape.pair_start[q] + ids[si + a] * shape.full[j]
            if error_by != 0.0:
                for b in range(nj):
                    p[row + b] += error_by * error.pair[table + ids[sj + b]]
            for t in range(len(share)):
                lt, et = terms.latency[t], terms.energy[t]
                by = share[t] * terms.factors[t, 0]
                if by != 0.0:
                    delay, energy = by * values[lt, si + ids[si + a]], by * values[et, si + ids[si + a]]
                    for b in range(nj):
                        y = sj + ids[sj + b]
                        p[row + b] += delay * values[et, y] + energy * values[lt, y]
