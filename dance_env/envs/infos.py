"""Info dictionaries: what an evaluation says, in Gymnasium's vector form (arrays, each with a mask beside it)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dance_env.envs.episode import State

if TYPE_CHECKING:
    from dance_env.problem.evaluation import Evaluation

#: Info keys of an evaluated design, and their units.
INFO_UNITS = {
    "objective": "percentage points, minimised",
    "error_pct": "percentage points",
    "latency_s": "seconds per inference",
    "energy_j": "joules per inference",
    "area_mm2": "square millimetres",
    "edap_js_mm2": "joule seconds square millimetres",
    "violation": "sum of relative excesses over the limits, 0 = feasible",
    "design": "(D,) option indices",
}


def state_info(state: State) -> dict[str, Any]:
    """The keys of `INFO_UNITS` as arrays `(B, ...)` of fresh memory, with masks `_key`; empty without an evaluation."""
    if state.evaluation is None:
        return {}
    return with_masks({**metrics(state.evaluation), "design": state.designs.copy()})


def metrics(evaluation: Evaluation) -> dict[str, np.ndarray]:
    """The numbers of an evaluation by their info key, `(B,)` float64 each, fresh memory."""
    cost = evaluation.cost
    return {
        "objective": np.array(evaluation.objective),
        "error_pct": np.array(evaluation.error_pct),
        "latency_s": np.array(cost.latency_s),
        "energy_j": np.array(cost.energy_j),
        "area_mm2": np.array(cost.area_mm2),
        "edap_js_mm2": np.array(cost.edap_js_mm2),
        "violation": np.array(evaluation.violation),
    }


def final_info(observations: np.ndarray, info: dict[str, Any]) -> dict[str, Any]:
    """`final_obs` and `final_info` of a batch whose episodes all ended, in the form of Gymnasium's `SyncVectorEnv`.

    Args:
        observations: `(B, size)`, of the last states.
        info: of the last states, with masks.
    """
    # An object array of rows, as Gymnasium has it: its wrappers put observations of other shapes in their place.
    return with_masks(
        {"final_obs": np.fromiter(observations, dtype=object, count=len(observations)), "final_info": info}
    )


def with_masks(info: dict[str, Any]) -> dict[str, Any]:
    """Each key beside `_key`, a mask `(B,)` that is all True: in a batch in step, all have an info or none."""
    batch = next(len(value) for value in info.values() if not isinstance(value, dict))
    masked: dict[str, Any] = {}
    for key, value in info.items():
        masked[key] = value
        masked[f"_{key}"] = np.ones(batch, dtype=np.bool_)
    return masked


def first_row(info: dict[str, Any]) -> dict[str, Any]:
    """The info of a single environment, from that of a batch of one: Python floats, and the design as an array."""
    return {
        key: value[0].copy() if value.ndim > 1 else value[0].item()
        for key, value in info.items()
        if not key.startswith("_")
    }
