"""The check of what a cost model answers."""

from __future__ import annotations

from typing import Any

import numpy as np


def checked_costs(answer: Any, accelerators: int, *, who: str) -> np.ndarray:
    """Return one layer's costs on each of H accelerators as float64, (1, H).

    Args:
        answer: What the model returned.
        accelerators: H.
        who: The model and the quantity, for messages.

    Raises:
        TypeError: If the answer holds no real numbers.
        ValueError: If it has another shape, or a cost is NaN or negative.
    """
    costs = np.asarray(answer)
    if costs.dtype.kind not in "fiu":
        raise TypeError(f"{who}: expected real numbers, got {type(answer).__name__} ({costs.dtype}).")
    if costs.shape != (1, accelerators):
        raise ValueError(f"{who}: expected costs of shape {(1, accelerators)}, got {costs.shape}.")
    bad = ~(costs >= 0.0)  # a NaN is not
    if bad.any():
        first = int(bad[0].argmax())
        raise ValueError(
            f"{who}: expected costs >= 0, and inf for an unmappable layer; {int(bad.sum())} of {accelerators} are not, "
            f"the first is {costs[0, first]} on accelerator {first}."
        )
    return costs.astype(np.float64, copy=False)
