"""Which accelerators another one beats on every network. Loads numba."""

# mypy: disable-error-code="no-untyped-def, assignment"

from __future__ import annotations

from dance_env.cost.compiled import compiled, helper

_ROUNDING = 1e-12  # relative: a sum of differences must be that far below zero to count


@helper
def beats(zero_k, values_k, zero_h, values_h, start):
    """Return whether accelerator k takes at most what h takes, of every resource, whatever the network.

    The difference is a sum over nodes, so that its largest value is the sum of the nodes' largest.
    """
    for r in range(len(zero_k)):
        total = zero_k[r] - zero_h[r]
        size = abs(zero_h[r])
        termwise = total <= 0.0
        for g in range(len(start) - 1):
            largest = values_k[r, start[g]] - values_h[r, start[g]]
            for x in range(start[g] + 1, start[g + 1]):
                largest = max(largest, values_k[r, x] - values_h[r, x])
            termwise = termwise and largest <= 0.0
            total += largest
            size += abs(values_h[r, start[g]])
        if not termwise and total > -_ROUNDING * size:
            return False
    return True


@compiled
def find_dominators(zero, values, area, probes, start, kept, kept_count, first, last, out):
    """Write to `out[first:last]` which of the kept accelerators beats each of these, -1 where none does.

    Args:
        zero: `(H, R)`.
        values: `(H, R, N)`.
        area: `(H,)`.
        probes: `(H, B)`: what a few networks take; a quick way to see that one accelerator does not beat another.
        kept: Indices of accelerators; the first `kept_count` count.
    """
    for h in range(first, last):
        out[h] = -1
        for x in range(kept_count):
            k = kept[x]
            if area[k] > area[h]:
                continue
            possible = True
            for b in range(probes.shape[1]):
                if probes[k, b] > probes[h, b] * (1.0 + _ROUNDING):
                    possible = False
                    break
            if possible and beats(zero[k], values[k], zero[h], values[h], start):
                out[h] = k
                break
