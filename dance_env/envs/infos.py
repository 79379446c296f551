"""Info dictionaries: the numbers of an evaluation in Gymnasium's vector form (arrays, each with a mask beside it)."""

from __future__ import annotations

from typing import Any

import numpy as np

from dance_env.envs.episode import State
from dance_env.envs.metrics import METRIC_UNITS, metrics

INFO_UNITS = {**METRIC_UNITS, "design": "(D,) option indices"}
"""Info keys of an evaluated design, and their units."""


def state_info(state: State) -> dict[str, Any]:
    """Return the keys of `INFO_UNITS` as arrays `(B, ...)` of fresh memory with masks `_key`; empty if not evaluated."""
    if state.evaluation is None:
        return {}
    return with_masks({**metrics(state.evaluation), "design": state.designs.copy()})


def final_info(observations: np.ndarray, info: dict[str, Any]) -> dict[str, Any]:
    """Return `final_obs` and `final_info` of a batch whose episodes all ended, as Gymnasium's `SyncVectorEnv` does.

    Args:
        observations: `(B, size)`, of the last states.
        info: of the last states, with masks.
    """
    # An object array of rows, as Gymnasium has it: its wrappers put observations of other shapes in their place.
    return with_masks(
        {"final_obs": np.fromiter(observations, dtype=object, count=len(observations)), "final_info": info}
    )


def with_masks(info: dict[str, Any]) -> dict[str, Any]:
    """Return each key beside `_key`, a mask `(B,)`. The environments of a batch step together, so all are True."""
    batch = next(len(value) for value in info.values() if not isinstance(value, dict))
    masked: dict[str, Any] = {}
    for key, value in info.items():
        masked[key] = value
        masked[f"_{key}"] = np.ones(batch, dtype=np.bool_)
    return masked


def first_row(info: dict[str, Any]) -> dict[str, Any]:
    """Return the info of a single environment, given that of a batch of one: Python floats, the design as an array."""
    return {
        key: value[0].copy() if value.ndim > 1 else value[0].item()
        for key, value in info.items()
        if not key.startswith("_")
    }
