"""The fields of a problem: one for each assignment of the outer choices and each accelerator that none beats."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dance_env.analysis.optimum.arrays import ErrorTables, Limits, Shape
from dance_env.analysis.optimum.dominance import undominated
from dance_env.analysis.optimum.form import Form
from dance_env.analysis.optimum.grouping import Grouping, Restricted, Scope, restrict

UNMAPPABLE = 1e250
"""Stands for an infinite resource (see `search_kernel`)."""

UNBEATEN, TOO_LARGE = -1, -2
"""In `Cases.beaten_by`: no accelerator is never worse; the area is above its limit."""

_CHUNK = 16_384  # accelerators; 264 labels of two resources are 70 MB


@dataclass(frozen=True, eq=False)
class Cases:
    """The fields under one assignment of the outer choices, an accelerator each.

    Symbols: `C` cases, `T` terms, `R` resources, `N` labels, `H` accelerators.

    Attributes:
        assignment: The outer choices' options.
        shape: Of all fields.
        error: Of all fields.
        limits: On resources.
        accelerators: `(C,)` int64.
        beaten_by: `(H,)` int64: an accelerator that is never worse, itself kept; `UNBEATEN` or `TOO_LARGE`.
        latency, energy: `(T,)` int64: the resources of each term.
        factors: `(C, T, 4)`.
        zero: `(C, R)`.
        values: `(C, R, N)`.
        labels: For each group, the number in the grouping of each label: of equal ones only the first is there.
        label_of: For each group, the label here of each number in the grouping.
    """

    assignment: Scope
    shape: Shape
    error: ErrorTables
    limits: Limits
    accelerators: np.ndarray
    beaten_by: np.ndarray
    latency: np.ndarray
    energy: np.ndarray
    factors: np.ndarray
    zero: np.ndarray
    values: np.ndarray
    labels: tuple[np.ndarray, ...]
    label_of: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        return len(self.accelerators)

    def weighing(self, form: Form, area_mm2: np.ndarray) -> Cases:
        """Return the same fields where the costs weigh as in another form of the same resources and limits."""
        return replace(self, factors=_factors(form, area_mm2[self.accelerators]))


def cases_under(form: Form, area_mm2: np.ndarray, grouping: Grouping, assignment: Scope) -> Cases:
    """Return the fields under one assignment of the outer choices."""
    everything = Shape.of(grouping.label_counts)
    names = list(form.resources)
    kept, beaten_by = _unbeaten(form, area_mm2, grouping, assignment, everything)
    zero, values = _resources(form, grouping, assignment, kept)
    area = area_mm2[kept]
    error = restrict(form.error, grouping, assignment)
    labels, label_of = _different_labels(error, values, everything)
    shape = Shape.of([len(each) for each in labels])
    flat = np.concatenate([start + each for start, each in zip(everything.start[:-1], labels, strict=True)])
    return Cases(
        assignment=assignment,
        shape=shape,
        error=_error_tables(form, error, shape, labels, flat),
        limits=Limits(
            np.array([names.index(name) for name in form.limits], dtype=np.int64),
            np.array(list(form.limits.values()), dtype=np.float64),
        ),
        accelerators=kept,
        beaten_by=beaten_by,
        latency=np.array([names.index(term.latency) for term in form.terms]),
        energy=np.array([names.index(term.energy) for term in form.terms]),
        factors=_factors(form, area),
        zero=np.ascontiguousarray(zero),
        values=np.ascontiguousarray(values[:, :, flat]),
        labels=labels,
        label_of=label_of,
    )


def _unbeaten(
    form: Form, area_mm2: np.ndarray, grouping: Grouping, assignment: Scope, shape: Shape
) -> tuple[np.ndarray, np.ndarray]:
    """Return the accelerators that none beats, ascending, and `Cases.beaten_by`.

    Chunks are compared within themselves first, and what is left with each other, so that the tables of few accelerators
    are in memory at a time.
    """
    allowed = np.flatnonzero(area_mm2 <= form.area_limit * (1.0 + 1e-11))
    beaten_by = np.full(len(area_mm2), TOO_LARGE, dtype=np.int64)
    beaten_by[allowed] = UNBEATEN
    kept = allowed
    for step in (_CHUNK, len(allowed)):
        if len(kept) == 0:
            break
        survivors = []
        for first in range(0, len(kept), step):
            chunk = kept[first : first + step]
            zero, values = _resources(form, grouping, assignment, chunk)
            chosen, by = undominated(zero, values, area_mm2[chunk], shape)
            beaten_by[chunk[by >= 0]] = chunk[by[by >= 0]]
            survivors.append(chunk[chosen])
        kept = np.concatenate(survivors)
        if len(survivors) == 1:
            break
    beaten = beaten_by >= 0
    while (beaten_by[beaten_by[beaten]] >= 0).any():  # who beats it may be beaten by another chunk's
        onwards = beaten_by[beaten_by[beaten]]
        beaten_by[beaten] = np.where(onwards >= 0, onwards, beaten_by[beaten])
    return kept, beaten_by


def _resources(
    form: Form, grouping: Grouping, assignment: Scope, accelerators: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what networks and labels take on some accelerators, `(C, R)` and `(C, R, N)`."""
    parts = [restrict(sums, grouping, assignment, columns=accelerators) for sums in form.resources.values()]
    zero = np.stack([part.zero for part in parts], axis=1)
    values = np.ascontiguousarray(np.stack([part.unary.T for part in parts], axis=1))
    values[~np.isfinite(values)] = UNMAPPABLE
    zero[~np.isfinite(zero)] = UNMAPPABLE
    return zero, values


def _factors(form: Form, area_mm2: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.stack([term.factors(area_mm2) for term in form.terms], axis=1))


def _error_tables(
    form: Form, error: Restricted, shape: Shape, labels: tuple[np.ndarray, ...], flat: np.ndarray
) -> ErrorTables:
    pair = np.zeros(int(shape.pair_start[-1]))
    for q, (left, right) in enumerate(zip(shape.left.tolist(), shape.right.tolist(), strict=True)):
        if (left, right) in error.pair:
            table = error.pair[left, right][:, :, 0][np.ix_(labels[left], labels[right])]
            pair[shape.pair_start[q] : shape.pair_start[q + 1]] = table.ravel()
    return ErrorTables(form.error_weight, float(error.zero[0]), error.unary[flat, 0], pair, form.error_limit)


def _different_labels(
    error: Restricted, values: np.ndarray, shape: Shape
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Return the labels of each group, of equal ones (same error, same resources everywhere) only the first, and the inverse.

    A layer that the outer choices leave out has equal labels; as ties they would multiply the search.
    """
    found, inverse = [], []
    for group, (first, last) in enumerate(zip(shape.start[:-1], shape.start[1:], strict=True)):
        columns = [error.unary[first:last], values[:, :, first:last].reshape(-1, last - first).T]
        for (left, right), table in error.pair.items():
            if left == group:
                columns.append(table[:, :, 0])
            elif right == group:
                columns.append(table[:, :, 0].T)
        rows = np.ascontiguousarray(np.concatenate(columns, axis=1))
        different: dict[bytes, int] = {}
        places = [different.setdefault(row.tobytes(), label) for label, row in enumerate(rows)]
        found.append(np.array(list(different.values()), dtype=np.int64))
        inverse.append(np.searchsorted(found[-1], places))
    return tuple(found), tuple(inverse)
