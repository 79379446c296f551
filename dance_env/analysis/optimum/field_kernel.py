"""Pairwise fields: a number for each label of a node and for each pair of labels of two nodes. Loads numba.

See `arrays.Field` for the layout. All functions but `add_terms` keep the sum of a labeling's terms as it is: they only
move amounts between terms ("reparametrization").
"""

# mypy: disable-error-code="no-untyped-def, assignment"

from __future__ import annotations

import numpy as np

from dance_env.cost.compiled import helper


@helper
def copy(source, target):
    """Copy an array into one as long; numba compiles `target[:] = source` for seconds, for the text of its error."""
    for x in range(len(source)):
        target[x] = source[x]


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
        # Slices, here and below: their indices need no test for negative numbers, and the loops run on vectors.
        left, right = u[shape.start[i] : shape.start[i] + ni], u[shape.start[j] : shape.start[j] + nj]
        rows = p[shape.pair_start[q] : shape.pair_start[q] + ni * nj]
        down = column_least[:nj]
        down[:] = np.inf
        for a in range(ni):
            row = rows[a * nj : (a + 1) * nj]
            least = np.inf
            for b in range(nj):
                value = row[b] + right[b]
                row[b] = value
                least = min(least, value)
            half = 0.5 * (least + left[a])
            shift = left[a] - half
            row_least[a] = half
            for b in range(nj):
                value = row[b] + shift
                row[b] = value
                down[b] = min(down[b], value)
        for a in range(ni):
            row = rows[a * nj : (a + 1) * nj]
            least = np.inf
            for b in range(nj):
                value = row[b] - down[b]
                row[b] = value
                least = min(least, value)
            left[a] = row_least[a] + least
            if least != 0.0:
                for b in range(nj):
                    row[b] -= least
        copy(down, right)


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
        if i == g and n[j] > 0:
            first = shape.pair_start[q] + a * n[j]
            row, open_terms = p[first : first + n[j]], u[shape.start[j] : shape.start[j] + n[j]]
            for b in range(n[j]):
                open_terms[b] += row[b]
        elif j == g:
            for b in range(n[i]):
                u[shape.start[i] + b] += p[shape.pair_start[q] + b * n[g] + a]
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
        part = slice(shape.start[g], shape.start[g] + source.n[g])
        copy(source.u[part], target.u[part])
        copy(source.ids[part], target.ids[part])
    for q in range(len(shape.left)):
        first = shape.pair_start[q]
        part = slice(first, first + source.n[shape.left[q]] * source.n[shape.right[q]])
        copy(source.p[part], target.p[part])


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
            first, table = shape.pair_start[q] + a * nj, shape.pair_start[q] + ids[si + a] * shape.full[j]
            row, columns, errors = p[first : first + nj], ids[sj : sj + nj], error.pair[table : table + shape.full[j]]
            if error_by != 0.0:
                for b in range(nj):
                    row[b] += error_by * errors[columns[b]]
            for t in range(len(share)):
                lt, et = terms.latency[t], terms.energy[t]
                by = share[t] * terms.factors[t, 0]
                if by != 0.0:
                    delay, energy = by * values[lt, si + ids[si + a]], by * values[et, si + ids[si + a]]
                    energies, delays = values[et, sj : sj + shape.full[j]], values[lt, sj : sj + shape.full[j]]
                    for b in range(nj):
                        row[b] += delay * energies[columns[b]] + energy * delays[columns[b]]
