"""The check of option indices: one for designs, networks and whatever else is a batch of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike


def check_indices(
    values: ArrayLike, option_counts: np.ndarray, *, what: str, names: Sequence[str] | None = None
) -> np.ndarray:
    """Return the option indices as `(B, D)` int64, if they are legal; not copied where they already are that.

    Args:
        values: `(B, D)` option indices.
        option_counts: `(D,)` int64, the number of options of each choice.
        what: What a row is, for messages: `"design"` or `"network"`.
        names: The choices' names, for messages; optional.

    Raises:
        TypeError: If the values are not whole-number typed (floats are refused, even 1.0; so are booleans).
        ValueError: If the shape is not `(B, D)`, or an index is outside its choice's options.
    """
    given = as_array(values, f"{what}s")
    if given.dtype == object and any(isinstance(each, Mapping) for each in given.ravel()):
        raise TypeError(f"{what}s must be option indices, got named {what}s; turn them with space.encode([...]) first")
    if given.ndim != 2 or given.shape[1] != len(option_counts):
        hint = f"; a single {what} is a batch of one: pass {what}[None]" if given.ndim == 1 else ""
        raise ValueError(f"{what}s must have shape (batch, {len(option_counts)}), got {given.shape}{hint}")
    if given.dtype.kind not in "iu":
        raise TypeError(
            f"{what}s must be whole numbers (option indices), got dtype {given.dtype}; cast on purpose, "
            "for example with astype(np.int64), if the values are meant as indices"
        )
    checked = np.ascontiguousarray(given, dtype=np.int64)
    # As unsigned, a negative index is a huge one: one comparison finds both ends.
    outside = checked.view(np.uint64) >= option_counts.astype(np.uint64)
    if outside.any():
        row, column = (int(each) for each in np.argwhere(outside)[0])
        name = f" ({names[column]!r})" if names is not None else ""
        raise ValueError(
            f"{what} {row}, column {column}{name}: option index must be in 0..{int(option_counts[column]) - 1}, "
            f"got {given[row, column]}"
        )
    return checked


def as_array(values: ArrayLike, what: str) -> np.ndarray:
    """Return the values as an array.

    Raises:
        ValueError: If rows have different lengths.
    """
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{what} must be a rectangular array of shape (batch, columns): {error}") from None
