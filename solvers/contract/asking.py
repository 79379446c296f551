"""How a problem is asked: again where it fails, and once about each network where accuracies are remembered."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np

from dance_env.problem import Evaluation
from solvers.contract.failure import reason_of
from solvers.contract.meter import Meter


def answered(
    question: Callable[[], Evaluation],
    *,
    meter: Meter,
    judging: Callable[[], AbstractContextManager[None]],
    attempts: int,
    wait_s: float,
) -> Evaluation:
    """Return a problem's answer.

    Args:
        question: Asks it.
        meter: Keeps what failed, and charges the waiting.
        judging: What each attempt is made in.
        attempts: How often it is asked at most; an error of the last attempt is raised.
        wait_s: Seconds before the second attempt, twice as many before each further one.
    """
    for attempt in range(1, attempts):
        try:
            with judging():
                evaluation = question()
            if np.isnan(evaluation.objective).any():
                raise FloatingPointError("the objective is NaN")
            return evaluation
        except Exception as error:  # whatever a back end raises
            meter.note_retry(f"attempt {attempt} of {attempts}: {reason_of(error)}")
            with meter.charge("oracle"):
                time.sleep(wait_s * 2 ** (attempt - 1))
    with judging():
        return question()


def recalled(networks: np.ndarray, known: dict[bytes, float], ask: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return accuracies (batch,) of networks (batch, network choices).

    Args:
        networks: Option indices.
        known: Accuracies by network; what is asked is added.
        ask: From networks that are not known, each once, to their accuracies.
    """
    keys = [network.tobytes() for network in np.ascontiguousarray(networks, dtype=np.int64)]
    new = {key: row for row, key in enumerate(keys) if key not in known}
    if new:
        rows = sorted(new.values())
        known.update((keys[row], float(value)) for row, value in zip(rows, ask(networks[rows]), strict=True))
    return np.array([known[key] for key in keys])
