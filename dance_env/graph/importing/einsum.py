"""Einstein sums of two operands as matrix products."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from dance_env.graph.importing.builder import Activation, NetworkBuilder, Value, Weights, elements
from dance_env.graph.importing.operations import add_product

_TERM = re.compile(r"[A-Za-z]*")


def add_einsum(
    builder: NetworkBuilder, name: str, operation: str, equation: str, operands: Sequence[Value], shape: Sequence[int]
) -> Activation:
    """Add an Einstein sum such as ``"bhqd,bhkd->bhqk"``; one that is no matrix product is listed as unsupported."""
    shape = tuple(shape)
    left, arrow, out = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    sizes = _sizes(terms, operands)
    macs = math.prod(sizes.values()) if sizes is not None and len(terms) <= 2 else None
    if len(terms) == 1 and sizes is not None:
        return builder.add_free(name, "einsum of one operand", operands, shape)
    if sizes is None or not arrow or len(terms) != 2 or _summed_alone(terms, out):
        reason = f"the Einstein sum {equation!r} is no product of two matrices"
        return builder.unsupported(name, operation, operands, shape, macs=macs, reason=reason)
    first, second = terms
    pair = list(operands)
    if isinstance(pair[0], Weights):
        first, second, pair = second, first, pair[::-1]
    inner = [each for each in first if each in second and each not in out]
    shared = [each for each in first if each in second and each in out]
    if not inner:
        return builder.add_elementwise(name, "multiply", operands, shape)
    rows, columns = ([each for each in term if each in out and each not in shared] for term in (first, second))

    def count(letters: Sequence[str]) -> int:
        return math.prod(sizes[each] for each in letters)

    lead = (count(shared),) if shared else ()
    matrices = (
        _arranged(builder, f"{name}.first", pair[0], first, [shared, rows, inner], sizes),
        _arranged(builder, f"{name}.second", pair[1], second, [shared, inner, columns], sizes),
    )
    product = add_product(builder, name, operation, *matrices, (*lead, count(rows), count(columns)))
    return builder.add_free(f"{name}.arranged", "transpose", [product], shape)


def _arranged(
    builder: NetworkBuilder, name: str, value: Value, term: str, groups: Sequence[Sequence[str]], sizes: dict[str, int]
) -> Value:
    """Return an operand as (matrices, rows, columns), or (rows, columns) where there are no letters of the first group."""
    kept = groups if groups[0] else groups[1:]
    shape = tuple(math.prod(sizes[each] for each in group) for group in kept)
    if isinstance(value, Weights):
        return Weights(shape, value.origins)
    if shape == value.shape and [each for group in kept for each in group] == list(term):
        return value
    return builder.add_free(name, "transpose", [value], shape)


def _sizes(terms: Sequence[str], operands: Sequence[Value]) -> dict[str, int] | None:
    """Return the size of each letter; None where there are ellipses, repeated letters or sizes that disagree."""
    sizes: dict[str, int] = {}
    for term, value in zip(terms, operands, strict=True):
        if not _TERM.fullmatch(term) or len(set(term)) != len(term) or len(term) != len(value.shape):
            return None
        for letter, size in zip(term, value.shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                return None
    return sizes if elements(list(sizes.values())) else None


def _summed_alone(terms: Sequence[str], out: str) -> bool:
    """Return whether a letter of one operand alone is summed over."""
    first, second = (set(term) for term in terms)
    return bool((first ^ second) - set(out))
