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
        beaten_by: `(H,)` int64: an accelerator that is never worse; -1 where there is none, -2 where the area is above
            the limit.
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
    parts = [restrict(form.resources[name], grouping, assignment) for name in names]
    zero = np.stack([part.zero for part in parts], axis=1)
    values = np.ascontiguousarray(np.stack([part.unary.T for part in parts], axis=1))
    values[~np.isfinite(values)] = UNMAPPABLE
    zero[~np.isfinite(zero)] = UNMAPPABLE
    allowed = np.flatnonzero(area_mm2 <= form.area_limit * (1.0 + 1e-11))
    kept, beaten_by = undominated(zero[allowed], values[allowed], area_mm2[allowed], everything)
    of_all = np.full(len(area_mm2), -2, dtype=np.int64)
    of_all[allowed] = np.where(beaten_by < 0, -1, allowed[beaten_by])
    kept = allowed[kept]
    area, zero, values = area_mm2[kept], zero[kept], values[kept]
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
        beaten_by=of_all,
        latency=np.array([names.index(term.latency) for term in form.terms]),
        energy=np.array([names.index(term.energy) for term in form.terms]),
        factors=_factors(form, area),
        zero=np.ascontiguousarray(zero),
        values=np.ascontiguousarray(values[:, :, flat]),
        labels=labels,
        label_of=label_of,
    )


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
