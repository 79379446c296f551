"""Rewards that telescope: over an episode they sum to minus the last value of some metrics."""

from __future__ import annotations

from typing import Any

import numpy as np


class Telescope:
    """Turns metrics that infos report, step by step, into the fall of those metrics, counting zero before the first.

    This is the reward rule of the environments themselves, applied to other metrics than the objective.

    Attributes:
        keys: info keys of the metrics.
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        """Metrics by their info keys; call `reset` before the first step."""
        self.keys = keys
        self._before = np.zeros((0, len(keys)))

    def reset(self, batch: int) -> None:
        """Episodes of all `batch` environments start."""
        self._before = np.zeros((batch, len(self.keys)))

    def falls(self, infos: dict[str, Any], ended: np.ndarray) -> np.ndarray:
        """The metrics before minus the metrics now, `(batch, keys)`; zero for an environment that evaluated nothing.

        Args:
            infos: of a vector environment's step, in Gymnasium's form with masks; `final_info` is looked up first.
            ended: `(batch,)` bool, where an episode ended with this step.
        """
        now = self._before.copy()
        for column, key in enumerate(self.keys):
            for source in (infos, infos.get("final_info", {})):
                if key in source:
                    reported = source.get(f"_{key}", slice(None))
                    now[reported, column] = source[key][reported]
        falls = self._before - now
        self._before = np.where(ended[:, None], 0.0, now)
        return falls


def as_batch(info: dict[str, Any]) -> dict[str, Any]:
    """The info of a single environment as that of a batch of one, for numbers."""
    return {key: np.array([value]) for key, value in info.items() if isinstance(value, (int, float))}
