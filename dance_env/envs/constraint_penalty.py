"""Hard limits in the reward: the one place where a reward is shaped."""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper

from dance_env.envs.telescope import Telescope, as_batch


class ConstraintPenalty(gymnasium.Wrapper[np.ndarray, Any, np.ndarray, Any], gymnasium.utils.RecordConstructorArgs):
    """Subtracts `weight x violation` from the return of every episode of a `CoDesignEnv`.

    In one-shot and sequential episodes that is `reward - weight x violation` at the evaluated step. In refine the
    penalty telescopes as the objective does, so that the return is `-(J_T + weight x violation_T)`, whatever was
    passed through on the way.

    Attributes:
        weight: percentage points of objective for a violation of 1, that is for one limit exceeded by 100 %.
    """

    def __init__(self, env: gymnasium.Env[np.ndarray, Any], *, weight: float) -> None:
        """Wrap an environment.

        Raises:
            ValueError: a weight that is negative or not finite.
        """
        gymnasium.utils.RecordConstructorArgs.__init__(self, weight=weight)
        gymnasium.Wrapper.__init__(self, env)
        self.weight = _check_weight(weight)
        self._telescope = Telescope(("violation",))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """As the environment does."""
        self._telescope.reset(1)
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """As the environment does, the reward lowered by the rise of the weighted violation."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        falls = self._telescope.falls(as_batch(info), np.array([terminated or truncated]))
        return observation, float(reward) + self.weight * float(falls[0, 0]), terminated, truncated, info

    def action_masks(self) -> np.ndarray:
        """The environment's masks."""
        masks: np.ndarray = self.env.get_wrapper_attr("action_masks")()
        return masks


class VectorConstraintPenalty(VectorWrapper):
    """`ConstraintPenalty` for a vector environment, `CoDesignVectorEnv` or Gymnasium's own over `CoDesignEnv`.

    Attributes:
        weight: percentage points of objective for a violation of 1.
    """

    def __init__(self, env: VectorEnv[np.ndarray, np.ndarray, np.ndarray], *, weight: float) -> None:
        """Wrap a vector environment.

        Raises:
            ValueError: a weight that is negative or not finite.
        """
        super().__init__(env)
        self.weight = _check_weight(weight)
        self._telescope = Telescope(("violation",))

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """As the environment does."""
        self._telescope.reset(self.num_envs)
        return self.env.reset(seed=seed, options=options)  # type: ignore[arg-type]

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """As the environment does, the rewards lowered by the rise of the weighted violations."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        falls = self._telescope.falls(infos, terminated | truncated)
        return observations, rewards + self.weight * falls[:, 0], terminated, truncated, infos

    def action_masks(self) -> np.ndarray:
        """The environment's masks, `(num_envs, actions)`."""
        masks: np.ndarray = self.env.action_masks()  # type: ignore[attr-defined]
        return masks


def _check_weight(weight: float) -> float:
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not math.isfinite(weight) or weight < 0:
        raise ValueError(f"weight must be a finite number >= 0, percentage points for a violation of 1; got {weight!r}")
    return float(weight)
