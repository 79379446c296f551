"""The reward as a vector, for multi-objective reinforcement learning (MO-Gymnasium)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper

from dance_env.envs.single_env import CoDesignEnv
from dance_env.envs.telescope import Telescope, as_batch
from dance_env.envs.vector_env import RENDER_FPS, RENDER_MODES

if TYPE_CHECKING:
    from dance_env.problem import Problem
    from dance_env.space import DesignSpace

#: Components of the vector reward, each the negated metric of this name and unit.
REWARD_METRICS = ("error_pct", "latency_s", "energy_j", "area_mm2")


class MultiObjectiveCoDesignEnv(gymnasium.Env[np.ndarray, Any]):
    """`CoDesignEnv` with the reward `(-error_pct, -latency_s, -energy_j, -area_mm2)`, as MO-Gymnasium expects it.

    The return of an episode is the negated metrics of its last design, shape (4,), float64; in refine the rewards
    telescope to them. All else, infos with the scalar objective among them, is as `CoDesignEnv` specifies. The
    components keep their units and differ by orders of magnitude: scale them, for example by
    `mo_gymnasium.wrappers.MONormalizeReward`.

    An environment and no wrapper, since MO-Gymnasium looks for `reward_space` on `env.unwrapped`.

    Attributes:
        reward_space: Box of shape (4,), float64.
        reward_dim: 4.
    """

    metadata: dict[str, Any] = {"render_modes": RENDER_MODES, "render_fps": RENDER_FPS}  # noqa: RUF012

    def __init__(
        self,
        task: str | None = None,
        *,
        problem: Problem | None = None,
        supernet: str | os.PathLike[str] | None = None,
        episode: str = "one-shot",
        horizon: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        """Arguments and errors as for `CoDesignEnv`."""
        self._env = CoDesignEnv(
            task, problem=problem, supernet=supernet, episode=episode, horizon=horizon, render_mode=render_mode
        )
        self.render_mode = render_mode
        self.action_space = self._env.action_space
        self.observation_space = self._env.observation_space
        self.reward_space = _reward_space(self._env)
        self.reward_dim = len(REWARD_METRICS)
        self._telescope = Telescope(REWARD_METRICS)

    @property
    def problem(self) -> Problem:
        """What is optimised."""
        return self._env.problem

    @property
    def space(self) -> DesignSpace:
        """The choices of a design."""
        return self._env.space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """As `CoDesignEnv.reset`."""
        super().reset(seed=seed)
        self._env.np_random = self.np_random
        observation, info = self._env.reset(options=options)
        self._telescope.reset(1)
        return observation, info

    def step(self, action: Any) -> tuple[np.ndarray, np.ndarray, bool, bool, dict[str, Any]]:
        """As `CoDesignEnv.step`, with the reward a vector (4,)."""
        observation, _, terminated, truncated, info = self._env.step(action)
        falls = self._telescope.falls(as_batch(info), np.array([terminated or truncated]))
        return observation, falls[0], terminated, truncated, info

    def action_masks(self) -> np.ndarray:
        """As `CoDesignEnv.action_masks`."""
        return self._env.action_masks()

    def render(self) -> Any:
        """As `CoDesignEnv.render`."""
        return self._env.render()


class VectorMultiObjective(VectorWrapper):
    """A `CoDesignVectorEnv` with rewards `(num_envs, 4)`: `-error_pct, -latency_s, -energy_j, -area_mm2`.

    Attributes:
        reward_space: Box of shape (4,), float64.
        reward_dim: 4.
    """

    def __init__(self, env: VectorEnv[np.ndarray, np.ndarray, np.ndarray]) -> None:
        """Wrap a `CoDesignVectorEnv`."""
        super().__init__(env)
        self.reward_space = _reward_space(env.unwrapped)
        self.reward_dim = len(REWARD_METRICS)
        self._telescope = Telescope(REWARD_METRICS)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """As the environment does."""
        self._telescope.reset(self.num_envs)
        return self.env.reset(seed=seed, options=options)  # type: ignore[arg-type]

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """As the environment does, with rewards `(num_envs, 4)`."""
        observations, _, terminated, truncated, infos = self.env.step(actions)
        return observations, self._telescope.falls(infos, terminated | truncated), terminated, truncated, infos

    def action_masks(self) -> np.ndarray:
        """The environment's masks, `(num_envs, actions)`."""
        masks: np.ndarray = self.env.action_masks()  # type: ignore[attr-defined]
        return masks


def _reward_space(env: Any) -> gymnasium.spaces.Box:
    """Metrics are never negative, so only a style of several evaluations an episode has rewards above zero."""
    highest = np.inf if env.episode.differences else 0.0
    return gymnasium.spaces.Box(-np.inf, highest, (len(REWARD_METRICS),), np.float64)
