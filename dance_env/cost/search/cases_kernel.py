"""The four cases of what stays in the registers, and the least input words that each must move. Loads numba.

The innermost loop above a memory decides which tensor may stay in it while that loop runs. Bounds are made for each
case; a mapping is in one of them, so that the least of the four bounds it.
"""

# mypy: disable-error-code="no-untyped-def, assignment"
# ruff: noqa: SIM109  (a membership test in a tuple costs numba compile time)

from __future__ import annotations

import numpy as np

from dance_env.cost.compiled import helper
from dance_env.cost.mapping.loops import AXIS, H_AXIS, C, G, M, P, Q, R, S

W_STAYS = 0  # innermost is P or Q, which do not move the weights
O_STAYS = 1  # innermost is C, R or S, which do not move the outputs
I_STAYS = 2  # innermost is M, which does not move the inputs; or no loop runs at all
NONE_STAYS = 3  # innermost is G, which moves all three
CASES = 4
_ROUNDING = 1 - 1e-12


@helper
def _smallest_factor(n):
    """Return the smallest divisor of `n` above 1; 1 for 1."""
    k = 2
    while k * k <= n:
        if n % k == 0:
            return k
        k += 1
    return n


@helper
def least_input(d, s, left, extent, stride, chain, apart):
    """Return a bound on `overlapped_words` per PE and iteration when `d` is the innermost loop that moves the input.

    `docs/mapping_search.md` ("Bounds of overlapping inputs") derives it.

    Args:
        s, left: (7,) sizes of the tile below the loops, and how often the loops repeat it along each dimension.
        extent: Of the input tile.
        chain, apart: Rows that can pass tiles on, 1 when none can; how far apart they are.
    """
    whole = extent[0] * extent[1] * extent[2] * extent[3]
    a = s[d] * stride if d == P or d == Q else s[d]
    size = extent[AXIS[d]]
    piece = whole if a >= size else whole // size * a
    # A loop that steps outside falls back inside. With R and P (S and Q) on one axis the two may cancel, so that
    # nothing is fetched, or amount to one more slide; else the whole tile is.
    block = left[d]
    cancels = False
    other = P if d == R else R if d == P else Q if d == S else S if d == Q else -1
    if other >= 0 and left[other] > 1:
        b = s[other] * stride if other == P or other == Q else s[other]
        if _smallest_factor(left[d]) == left[d]:
            # Both run as one loop each: their moves cancel where one step equals the other. Several loops of the other
            # dimension have steps that are multiples of its first.
            single = _smallest_factor(left[other]) == left[other]
            cancels = a == b if single else a % b == 0
            meets = cancels or (2 * a == b if single else 2 * a % b == 0)
        else:  # split in several loops, the moves could meet in many ways: assume the best
            cancels = True
            meets = True
        if meets:
            block *= left[other]
    if AXIS[d] != H_AXIS and not cancels:
        chain = 1  # rows are linked by moves along H only
    shared = chain if AXIS[d] == H_AXIS and a == apart else 1
    if chain == 1 and not cancels:
        return (whole + (block - 1) * piece) / block
    # The innermost loop over d has at least its smallest factor of trips, all but the first of which slide.
    prime = _smallest_factor(left[d])
    slides = block // prime * (prime - 1)
    steps = 0 if cancels else block - slides - 1
    return (whole / chain + slides * piece / shared + steps * piece / chain) / block


@helper
def is_in_case(case, d):
    """Return whether `d` may be the innermost loop that moves the input in a case.

    In the first two and the last it is the innermost loop of all; where the input stays, M is, and any other loop may
    follow it.
    """
    if case == W_STAYS:
        return d == P or d == Q
    if case == O_STAYS:
        return d == C or d == R or d == S
    if case == I_STAYS:
        return d != M
    return d == G


@helper
def case_exists(case, left, iterations):
    """Return whether loops of `left` repetitions can have an innermost loop of that case."""
    if case == W_STAYS:
        return left[P] * left[Q] > 1
    if case == O_STAYS:
        return left[C] * left[R] * left[S] > 1
    if case == I_STAYS:
        return left[M] > 1 or iterations == 1
    return left[G] > 1


@helper
def least_inputs(s, left, extent, stride, chain, apart, least):
    """Write `least_input` of every loop to `least` (2, 7): where rows can pass tiles on, and where they cannot.

    Words are counted by whole rows: a bound that rounding lifts above a whole number by 1e-16 of it would count one row
    too many, hence the allowance.
    """
    for d in range(7):
        if left[d] > 1 and d != M:
            least[1, d] = least_input(d, s, left, extent, stride, np.int64(1), np.int64(0)) * _ROUNDING
            least[0, d] = least[1, d]
            if chain > 1:
                least[0, d] = least_input(d, s, left, extent, stride, chain, apart) * _ROUNDING


@helper
def least_case_input(case, least, left, whole, iterations):
    """Return a bound on the input words per PE in a case: the least over the loops that could slide."""
    # Where the input stays, M repeats nothing; and rows pass nothing on, as the innermost loop does not move it.
    passes = iterations // left[M] if case == I_STAYS else iterations
    if passes == 1:
        return float(whole)
    found = np.inf
    for d in range(7):
        if left[d] > 1 and is_in_case(case, d):
            found = min(found, least[1 if case == I_STAYS else 0, d])
    return found * passes
