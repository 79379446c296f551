"""The check of probabilities that a relaxed problem is asked for (torch)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

_TOLERANCE = 1e-5  # above the rounding of float32, and above the steps of a check by finite differences (1e-6)


def checked_probabilities(probs: Any, counts: Sequence[int], *, dtype: torch.dtype, name: str) -> torch.Tensor:
    """Return the probabilities of choices' options, which must be as they should.

    Args:
        probs: (B, O), the options of the choices side by side.
        counts: The number of options of each choice; O is their sum.
        dtype: The expected type.
        name: What to call them in a message.

    Raises:
        TypeError: If they are not a tensor, or of another type.
        ValueError: If the shape is wrong, there is no row, or a choice's probabilities are not finite, negative or do
            not sum to 1.
    """
    if not isinstance(probs, torch.Tensor):
        raise TypeError(f"{name} must be a torch tensor of shape (batch, {sum(counts)}); got {type(probs).__name__}")
    if probs.ndim != 2 or probs.shape[1] != sum(counts):
        raise ValueError(
            f"{name} must have shape (batch, {sum(counts)}): one probability per option; got {tuple(probs.shape)}"
        )
    if len(probs) == 0:
        raise ValueError(f"{name} must have at least one row; got shape {tuple(probs.shape)}")
    if probs.dtype != dtype:
        raise TypeError(f"{name} must be {dtype} as this view was built; got {probs.dtype}")
    if not probs.is_meta:  # a tensor that has a shape and no numbers
        _check_values(probs.detach(), counts, name)
    return probs


def _check_values(probs: torch.Tensor, counts: Sequence[int], name: str) -> None:
    off = torch.stack([block.sum(dim=1) for block in probs.split(list(counts), dim=1)], dim=1).sub_(1.0).abs_()
    # Written so that a NaN fails: it is in the sum of its choice, and no comparison with it holds.
    if bool((off.amax() <= _TOLERANCE) & (probs.amin() >= 0.0)):
        return
    negative = (probs < 0.0).nonzero()
    if len(negative):
        row, column = (int(index) for index in negative[0])
        raise ValueError(f"{name} must be >= 0; got {float(probs[row, column]):.6g} in row {row}, option {column}")
    row, choice = (int(index) for index in (~(off <= _TOLERANCE)).nonzero()[0])
    first = sum(counts[:choice])
    block = probs[row, first : first + counts[choice]].tolist()
    raise ValueError(
        f"{name} must sum to 1 over the options of each choice; choice {choice} of row {row} has "
        f"{[round(each, 6) for each in block]}. Use softmax, or divide by the sum."
    )
