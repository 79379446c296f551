"""The options of `reset`: which they are, and whether they fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dance_env.envs.episode import Episode

_KNOWN = {"design", "reset_mask"}


def start_designs(options: Mapping[str, Any], *, episode: Episode, num_envs: int) -> np.ndarray | None:
    """Check the options of a reset, and return the starting designs that they give, `(num_envs, D)`; None if none.

    Args:
        options: `{"design": (D,), (1, D) or (num_envs, D)}` for styles that take a start; `{"reset_mask": (num_envs,)}`,
            as Gymnasium's vector wrappers pass it.
        episode: the style.
        num_envs: how many sub-environments are reset.

    Raises:
        TypeError: If the designs are not whole numbers.
        ValueError: If an option is unknown or does not fit.
    """
    unknown = sorted(set(options) - _KNOWN)
    if unknown:
        raise ValueError(f"unknown reset options {unknown}: expected 'design' (refine) or 'reset_mask'")
    _check_reset_mask(options.get("reset_mask"), num_envs)
    given = options.get("design")
    if given is None:
        return None
    if not episode.takes_start:
        raise ValueError(f"reset option 'design' is for refine episodes; {episode.name} starts without choices")
    array = np.asarray(given)
    array = array[None] if array.ndim == 1 else array
    if array.ndim != 2 or array.shape[0] not in (1, num_envs):
        raise ValueError(
            f"reset option 'design': expected shape ({episode.space.num_choices},), or 1 or {num_envs} such designs in "
            f"rows; got shape {np.shape(given)}"
        )
    return np.repeat(episode.space.check(array), num_envs // array.shape[0], axis=0)


def _check_reset_mask(mask: Any, num_envs: int) -> None:
    if mask is None:
        return
    array = np.asarray(mask)
    if array.shape != (num_envs,) or array.dtype != np.bool_ or not array.all():
        raise ValueError(
            f"reset option 'reset_mask' must be {num_envs} times True: the sub-environments step, and are reset, "
            f"together; got {array.dtype} of shape {array.shape}, {int(np.count_nonzero(array))} of them true"
        )
