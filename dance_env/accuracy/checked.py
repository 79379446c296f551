"""The check of what an accuracy model answers."""

from __future__ import annotations

from typing import Any

import numpy as np


def checked_accuracies(answer: Any, count: int, *, who: str) -> np.ndarray:
    """Return the accuracies of `count` networks as float64 of shape (count,).

    Args:
        answer: What the model or function returned.
        count: The number of networks that it was asked about.
        who: The model, for messages: "accuracy model MyModel".

    Raises:
        TypeError: If the answer holds no real numbers.
        ValueError: If it has another shape, or an accuracy is NaN or outside 0 to 1.
    """
    accuracies = np.asarray(answer)
    if accuracies.dtype.kind not in "fiu":
        raise TypeError(
            f"{who} must return real numbers, one per network; got {type(answer).__name__} ({accuracies.dtype})"
        )
    if accuracies.shape != (count,):
        raise ValueError(
            f"{who} was asked about {count} networks at once, as an array (batch, choices), and must return an "
            f"array of shape ({count},); got shape {accuracies.shape}"
        )
    if count and not (accuracies.min() >= 0.0 and accuracies.max() <= 1.0):  # a NaN is neither
        bad = ~((accuracies >= 0.0) & (accuracies <= 1.0))
        first = int(bad.argmax())
        raise ValueError(
            f"{who} must return fractions between 0 and 1; {int(bad.sum())} of {count} are not, the first is "
            f"{accuracies[first]} for network {first} of the batch. Divide percentages by 100."
        )
    return accuracies.astype(np.float64, copy=False)
