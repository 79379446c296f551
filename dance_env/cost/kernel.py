"""The compiled mapping search: one box of mappings, every array size and register file at once. Loads numba."""

from __future__ import annotations

import numpy as np
from numba import njit

C, M, G, R, S, P, Q = range(7)


@njit(cache=True, nogil=True)
def _stepped(n0, s0, n1, s1, n2, s2, n3, s3):  # type: ignore[no-untyped-def]
    """Words of a box of sizes n that a move by s leaves uncovered: overlap counts along one axis only."""
    whole = n0 * n1 * n2 * n3
    moved = (s0 != 0) + (s1 != 0) + (s2 != 0) + (s3 != 0)
    if moved == 0:
        return 0
    if moved > 1:
        return whole
    if s0 != 0:
        return whole // n0 * min(n0, abs(s0))
    if s1 != 0:
        return whole // n1 * min(n1, abs(s1))
    if s2 != 0:
        return whole // n2 * min(n2, abs(s2))
    return whole // n3 * min(n3, abs(s3))


@njit(cache=True, nogil=True)
def input_traffic(tile, dim, count, step, loops, stride):  # type: ignore[no-untyped-def]
    """Input words fetched over a loop nest (innermost first) for a tile of loop sizes ``tile``."""
    n0 = tile[C]
    n1 = tile[G]
    n2 = (tile[P] - 1) * stride + tile[R]
    n3 = (tile[Q] - 1) * stride + tile[S]
    outer = 1
    for j in range(loops):
        outer *= count[j]
    total = n0 * n1 * n2 * n3
    b0 = b1 = b2 = b3 = 0
    for j in range(loops):
        d = dim[j]
        f0 = step[j] if d == C else 0
        f1 = step[j] if d == G else 0
        f2 = step[j] if d == R else (step[j] * stride if d == P else 0)
        f3 = step[j] if d == S else (step[j] * stride if d == Q else 0)
        outer //= count[j]
        total += (count[j] - 1) * outer * _stepped(n0, f0 - b0, n1, f1 - b1, n2, f2 - b2, n3, f3 - b3)
        b0 += f0
        b1 += f1
        b2 += f2
        b3 += f3
    return total


@njit(cache=True, nogil=True)
def _refills(keep, dim, count, loops):  # type: ignore[no-untyped-def]
    """How often a tile is fetched: the product of the loops, less the innermost run that the tensor ignores."""
    product = 1
    run = True
    for j in range(loops):
        if run and not keep[dim[j]]:
            continue
        run = False
        product *= count[j]
    return product


@njit(cache=True, nogil=True)
def _objective(kind, energy, cycles):  # type: ignore[no-untyped-def]
    if kind == 0:
        return energy * cycles
    if kind == 1:
        return energy
    return cycles


@njit(cache=True, nogil=True)
def enumerate_inner(triples, offsets, max_x, max_y, max_rf, stride):  # type: ignore[no-untyped-def]
    """All (register file, columns, rows) factors that fit: indices into ``triples``, (n, 7) int32."""
    capacity = 1024
    found = np.empty((capacity, 7), dtype=np.int32)
    n = 0
    at = np.zeros(7, dtype=np.int64)
    px = np.ones(8, dtype=np.int64)
    py = np.ones(8, dtype=np.int64)
    t = np.ones(7, dtype=np.int64)
    depth = 0
    at[0] = offsets[0]
    while depth >= 0:
        if at[depth] >= offsets[depth + 1]:
            t[depth] = 1
            depth -= 1
            if depth >= 0:
                at[depth] += 1
            continue
        k = at[depth]
        t[depth] = triples[k, 0]
        px[depth + 1] = px[depth] * triples[k, 1]
        py[depth + 1] = py[depth] * triples[k, 2]
        words = (
            t[C] * t[M] * t[R] * t[S] * t[G]
            + t[M] * t[G] * t[P] * t[Q]
            + t[C] * t[G] * ((t[P] - 1) * stride + t[R]) * ((t[Q] - 1) * stride + t[S])
        )
        if px[depth + 1] > max_x or py[depth + 1] > max_y or words > max_rf:
            at[depth] += 1
            continue
        if depth < 6:
            depth += 1
            at[depth] = offsets[depth]
            continue
        if n == capacity:
            grown = np.empty((2 * capacity, 7), dtype=np.int32)
            grown[:n] = found
            found = grown
            capacity *= 2
        for d in range(7):
            found[n, d] = at[d]
        n += 1
        at[6] += 1
    return found[:n]


@njit(cache=True, nogil=True)
def _words(t, stride):  # type: ignore[no-untyped-def]
    return (
        t[C] * t[M] * t[R] * t[S] * t[G]
        + t[M] * t[G] * t[P] * t[Q]
        + t[C] * t[G] * ((t[P] - 1) * stride + t[R]) * ((t[Q] - 1) * stride + t[S])
    )


@njit(cache=True, nogil=True)
def orders(dram, reduction_innermost, out):  # type: ignore[no-untyped-def]
    """Loop orders at DRAM worth trying (innermost first); returns how many rows of ``out`` were filled."""
    n = 0
    for first in range(1 if reduction_innermost else 3):
        for swap in range(2):
            if swap and (dram[P] == 1 or dram[Q] == 1):
                continue
            a = P if swap else Q
            b = Q if swap else P
            if first == 0:
                row = (S, R, C, a, b, M, G)
            elif first == 1:
                row = (a, b, S, R, C, M, G)
            else:
                row = (M, a, b, S, R, C, G)
            for i in range(7):
                out[n, i] = row[i]
            n += 1
            if reduction_innermost:
                for i in range(3):
                    out[n, i] = row[i]
                out[n, 3] = M
                out[n, 4] = a
                out[n, 5] = b
                out[n, 6] = G
                n += 1
    return n


@njit(cache=True, nogil=True)
def search_box(  # type: ignore[no-untyped-def]
    inner, triples, dims, stride, glb_ok, dram_ok, reduction_innermost, glb_order,
    rf_words, rf_read, rf_write, rf_low, rf_high, constants, kind, value, energy, cycles, chosen, keep_mappings,
):
    """Search one box; improves ``value``, ``energy``, ``cycles`` (n_rf, X, Y) in place.

    ``constants``: MAC pJ, GLB read pJ, GLB write pJ, DRAM read pJ, DRAM write pJ, GLB words, GLB read words/cycle,
    GLB write words/cycle, DRAM words/cycle.
    """
    mac_pj, glb_r, glb_w, dram_r, dram_w, glb_words, bw_r, bw_w, bw_d = constants
    n_rf, max_x, max_y = value.shape
    n = inner.shape[0]
    rf_t = np.ones((n, 7), dtype=np.int64)
    sp_t = np.ones((n, 7), dtype=np.int64)
    nx = np.ones(n, dtype=np.int64)
    ny = np.ones(n, dtype=np.int64)
    low = np.zeros(n)
    bound_e = np.zeros(n)
    bound_c = np.zeros(n)
    macs = 1
    for d in range(7):
        macs *= dims[d]
    w_all = dims[C] * dims[M] * dims[G] * dims[R] * dims[S]
    o_all = dims[M] * dims[G] * dims[P] * dims[Q]
    rows = dims[P] * dims[R] if dims[R] < stride else (dims[P] - 1) * stride + dims[R]
    columns = dims[Q] * dims[S] if dims[S] < stride else (dims[Q] - 1) * stride + dims[S]
    i_all = dims[C] * dims[G] * rows * columns
    first = np.full(max_x * max_y + 1, 0, dtype=np.int64)
    keys = np.empty(n)
    for i in range(n):
        for d in range(7):
            k = inner[i, d]
            rf_t[i, d] = triples[k, 0]
            sp_t[i, d] = triples[k, 0] * triples[k, 1] * triples[k, 2]
            nx[i] *= triples[k, 1]
            ny[i] *= triples[k, 2]
        pes = nx[i] * ny[i]
        red = (sp_t[i, C] // rf_t[i, C]) * (sp_t[i, R] // rf_t[i, R]) * (sp_t[i, S] // rf_t[i, S])
        t = sp_t[i]
        w_t = t[C] * t[M] * t[G] * t[R] * t[S]
        o_t = t[M] * t[G] * t[P] * t[Q]
        times = macs // pes
        for d in range(7):
            times //= rf_t[i, d]
        q_w = (dims[P] // t[P]) * (dims[Q] // t[Q])
        q_o = (dims[C] // t[C]) * (dims[R] // t[R]) * (dims[S] // t[S])
        q_i = dims[M] // t[M]
        if dims[R] == 1 and dims[S] == 1 and stride == 1:
            i_full = t[C] * t[G] * t[P] * t[Q] * times
        else:
            i_full = i_all
            q_i = 1
        w_full = w_t * times
        o_full = o_t * times
        best = np.inf
        for case in range(3):
            w = w_full // q_w if case == 0 else w_full
            o = o_full // q_o if case == 1 else o_full
            ii = i_full // q_i if case == 2 else i_full
            reads = w + ii + o - o_all
            writes = w_all + i_all + o
            e = (
                macs * mac_pj + reads * glb_r + writes * glb_w + (w_all + i_all) * dram_r + o_all * dram_w
                + (3 * macs - o_all * red) * rf_read[0] + (macs + w) * rf_write[0]
            )
            c = max(macs // pes, max(reads / bw_r, max(writes / bw_w, (w_all + i_all + o_all) / bw_d)))
            v = _objective(kind, e, c)
            if v < best:
                best = v
                bound_e[i] = e
                bound_c[i] = c
        low[i] = best
        cell = (nx[i] - 1) * max_y + ny[i] - 1
        first[cell + 1] += 1
        keys[i] = cell
    by_bound = np.argsort(low, kind="mergesort")
    order = by_bound[np.argsort(keys[by_bound], kind="mergesort")]
    for cell in range(max_x * max_y):
        first[cell + 1] += first[cell]

    dim = np.zeros(14, dtype=np.int64)
    count = np.zeros(14, dtype=np.int64)
    step = np.zeros(14, dtype=np.int64)
    keep_w = np.array([True, True, True, True, True, False, False])
    keep_o = np.array([False, True, True, False, False, True, True])
    dram = np.ones(7, dtype=np.int64)
    glb = np.ones(7, dtype=np.int64)
    tile = np.ones(7, dtype=np.int64)
    dram_orders = np.zeros((6, 7), dtype=np.int64)
    evaluated = 0
    for cell in range(max_x * max_y):
        x = cell // max_y
        y = cell % max_y
        for a in range(n_rf):
            if x > 0 and value[a, x - 1, y] < value[a, x, y]:
                value[a, x, y] = value[a, x - 1, y]
                energy[a, x, y] = energy[a, x - 1, y]
                cycles[a, x, y] = cycles[a, x - 1, y]
                chosen[a, x, y] = chosen[a, x - 1, y]
            if y > 0 and value[a, x, y - 1] < value[a, x, y]:
                value[a, x, y] = value[a, x, y - 1]
                energy[a, x, y] = energy[a, x, y - 1]
                cycles[a, x, y] = cycles[a, x, y - 1]
                chosen[a, x, y] = chosen[a, x, y - 1]
        for position in range(first[cell], first[cell + 1]):
            i = order[position]
            rf_need = max(rf_low, _words(rf_t[i], stride))
            open_ = False
            for a in range(n_rf):
                if rf_words[a] >= rf_need and rf_words[a] <= rf_high and low[i] < value[a, x, y]:
                    open_ = True
                    break
            if not open_:
                continue
            pes = nx[i] * ny[i]
            s = sp_t[i]
            red = (s[C] // rf_t[i, C]) * (s[R] // rf_t[i, R]) * (s[S] // rf_t[i, S])
            rf_reads = 3 * macs - o_all * red
            w_t = s[C] * s[M] * s[G] * s[R] * s[S]
            o_t = s[M] * s[G] * s[P] * s[Q]
            w_rf = rf_t[i, C] * rf_t[i, M] * rf_t[i, G] * rf_t[i, R] * rf_t[i, S] * pes
            # depth-first over the global buffer's factors
            for d in range(7):
                tile[d] = s[d]
                glb[d] = 0
            depth = 0
            while depth >= 0:
                # next factor of this dimension
                rest = dims[depth] // s[depth]
                g = glb[depth] + 1
                if not glb_ok[depth]:
                    g = 1 if g == 1 else rest + 1
                elif not dram_ok[depth]:
                    g = rest if g <= rest else rest + 1
                while g <= rest and rest % g != 0:
                    g += 1
                if g <= rest:
                    tile[depth] = s[depth] * g
                    if not dram_ok[depth] and g != rest:
                        g = rest + 1
                if g > rest or _words(tile, stride) > glb_words:
                    glb[depth] = 0
                    tile[depth] = s[depth]
                    depth -= 1
                    continue
                glb[depth] = g
                dram[depth] = rest // g
                if depth < 6:
                    depth += 1
                    continue
                # a leaf
                loops = 0
                for j in range(7):
                    d = glb_order[j]
                    if glb[d] > 1:
                        dim[loops] = d
                        count[loops] = glb[d]
                        step[loops] = s[d]
                        loops += 1
                base_loops = loops
                times = 1
                for d in range(7):
                    times *= dram[d]
                n_orders = orders(dram, reduction_innermost, dram_orders) if times > 1 else 1
                for which in range(n_orders):
                    loops = base_loops
                    if times > 1:
                        for j in range(7):
                            d = dram_orders[which, j]
                            if dram[d] > 1:
                                dim[loops] = d
                                count[loops] = dram[d]
                                step[loops] = tile[d]
                                loops += 1
                    outer = loops - base_loops
                    w2 = tile[C] * tile[M] * tile[G] * tile[R] * tile[S] * _refills(
                        keep_w, dim[base_loops:], count[base_loops:], outer)
                    o2 = tile[M] * tile[G] * tile[P] * tile[Q] * _refills(
                        keep_o, dim[base_loops:], count[base_loops:], outer)
                    i2 = input_traffic(tile, dim[base_loops:], count[base_loops:], step[base_loops:], outer, stride)
                    w_times = _refills(keep_w, dim, count, loops)
                    o1 = o_t * _refills(keep_o, dim, count, loops)
                    w1 = w_t * w_times
                    i1 = input_traffic(s, dim, count, step, loops, stride)
                    i_rf = input_traffic(rf_t[i], dim, count, step, loops, stride) * pes
                    reads = w1 + i1 + o1 - o_all
                    writes = w2 + i2 + o1 + o2 - o_all
                    moved = w2 + i2 + 2 * o2 - o_all
                    rf_writes = macs + w_rf * w_times + i_rf + (o1 - o_all) * red
                    base = (
                        macs * mac_pj + reads * glb_r + writes * glb_w + (w2 + i2 + o2 - o_all) * dram_r + o2 * dram_w
                    )
                    c = max(macs // pes, max(np.ceil(reads / bw_r), max(np.ceil(writes / bw_w), np.ceil(moved / bw_d))))
                    evaluated += 1
                    for a in range(n_rf):
                        if rf_words[a] >= rf_need and rf_words[a] <= rf_high:
                            e = base + rf_reads * rf_read[a] + rf_writes * rf_write[a]
                            v = _objective(kind, e, c)
                            if v < value[a, x, y]:
                                value[a, x, y] = v
                                energy[a, x, y] = e
                                cycles[a, x, y] = c
    return evaluated
