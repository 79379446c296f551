"""The batched co-design env as a stable-baselines3 VecEnv."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv
from stable_baselines3.common.vec_env import VecEnv

from solvers.methods.rl.return_scale import ReturnScale


class CoDesignVecEnv(VecEnv):
    """One native batch in place of stable-baselines3's list of environments.

    The batch resets itself in the step that ends its episodes, as stable-baselines3 expects; the last observation moves
    from `final_obs` to `terminal_observation`.

    Rewards are standardized (`ReturnScale`), so that neither the scale nor the offset of the objective matters to the
    learner: they are divided by the spread of returns, and the center is subtracted once an episode, at its first
    evaluation.

    Attributes:
        scale: the scale of rewards.
        feasible_share: share of feasible designs in the last step that evaluated any.

    Args:
        env: a `CoDesignVectorEnv` with a scalar reward, or a vector wrapper around one.
        seed: of the env's own draws (starting designs of refine episodes).
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], *, seed: int) -> None:
        self._env = env
        self._seed: int | None = seed
        self._actions: np.ndarray | None = None
        self.scale = ReturnScale()
        self.feasible_share = 1.0
        self._evaluated = False  # whether the episodes at hand have been, at any step so far
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    def reset(self) -> np.ndarray:
        """Start all episodes and return observations, (num_envs, size) float32."""
        observations, _ = self._env.reset(seed=self._seed)
        self._seed = None  # stable-baselines3 may reset again: the draws then go on
        self._evaluated = False
        return observations

    def step_async(self, actions: np.ndarray) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Take the actions and return observations, standardized rewards, ends, infos: one entry per environment."""
        observations, rewards, terminated, truncated, info = self._env.step(self._actions)
        dones = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for index in np.flatnonzero(dones):
            infos[index]["terminal_observation"] = info["final_obs"][index]
        evaluation = info.get("final_info", info)
        if "violation" in evaluation:
            self.feasible_share = float((evaluation["violation"] <= 0).mean())
        rewards = self._standardized(rewards, evaluated="violation" in evaluation)
        self._evaluated = self._evaluated and not dones.any()  # the episodes of a batch end together
        return observations, rewards, dones, infos

    def _standardized(self, rewards: np.ndarray, *, evaluated: bool) -> np.ndarray:
        first = evaluated and not self._evaluated
        if first:
            self.scale.update(rewards)
        self._evaluated = self._evaluated or evaluated
        return self.scale.standardize(rewards, offset=first)

    def close(self) -> None:
        """Close the environment."""
        self._env.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return the batch's attribute, once for each environment asked for."""
        return [getattr(self._env, attr_name)] * len(self._indices(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refuse: the environments of a batch share their attributes.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(
            f"cannot set {attr_name!r}: the environments of a batch share their attributes; set it on the batch itself"
        )

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Return the rows of what a method of the batch returns; it must return one row for each environment."""
        rows = getattr(self._env, method_name)(*args, **kwargs)
        return [rows[index] for index in self._indices(indices)]

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """Return False for each environment: a batch holds no single environments, wrapped or not."""
        return [False] * len(self._indices(indices))

    def _indices(self, indices: Any) -> Sequence[int]:
        return list(range(self.num_envs)) if indices is None else ([indices] if isinstance(indices, int) else indices)
