"""The vector environment: the implementation of all episode styles."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from dance_env.drawing.design import Scene, render_frame
from dance_env.envs.episode import State
from dance_env.envs.infos import final_info, state_info
from dance_env.envs.metrics import metrics
from dance_env.envs.reset_options import start_designs
from dance_env.envs.resolve import resolve_problem
from dance_env.envs.reward import Reward, make_reward
from dance_env.envs.styles import make_episode
from dance_env.problem import Evaluation, Problem
from dance_env.space import DesignSpace

if TYPE_CHECKING:
    from dance_env.problem.relaxed import RelaxedProblem  # torch

RENDER_MODES = ["rgb_array", "ansi"]
RENDER_FPS = 4
AUTORESET_MODES = (AutoresetMode.SAME_STEP, AutoresetMode.DISABLED)
_REMEMBERED = 200


class CoDesignVectorEnv(gymnasium.vector.VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """Many co-design episodes in one batch, evaluated together. `CoDesignEnv` specifies what each of them does.

    All sub-environments are at the same step, since all episodes of a style are equally long: they start together and
    end together. With `AutoresetMode.SAME_STEP` the step that ends them also starts the next ones; the last
    observations and infos are then found under `final_obs` and `final_info`, as in Gymnasium's `SyncVectorEnv`. With
    `AutoresetMode.DISABLED` the caller resets.

    Shapes: actions `(num_envs, D)` (one-shot) or `(num_envs,)`; observations `(num_envs, size)` float32; rewards
    `(num_envs,)`, or `(num_envs, reward_dim)` for a vector reward, float64; terminations, truncations `(num_envs,)`
    bool; infos a dict of arrays `(num_envs, ...)`.

    Attributes:
        problem: what is optimized.
        num_envs: how many sub-environments.
        episode: the episode style, a `dance_env.envs.episode.Episode`.
        render_mode: None, "rgb_array" or "ansi".
        reward_space: Box of shape `(reward_dim,)`, float64, for one sub-environment; only where the reward is a vector,
            as MO-Gymnasium expects it.
        reward_dim: components of the reward; likewise.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": RENDER_MODES,
        "render_fps": RENDER_FPS,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }
    reward_space: gymnasium.spaces.Box
    reward_dim: int

    def __init__(
        self,
        problem: Problem | str | None = None,
        *,
        task: str | None = None,
        supernet: str | os.PathLike[str] | None = None,
        num_envs: int = 1,
        episode: str = "one-shot",
        horizon: int | None = None,
        reward: Reward | str = "objective",
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        """Make a batch of environments over one problem.

        Args:
            problem: a problem, or the name of a task; the default task if neither this nor `task` is given.
            task: the name of a task (see `dance_env.task_names()`), in place of `problem`.
            supernet: a trained supernet's file, for tasks of images; without it, the environment variable
                DANCE_SUPERNET names one.
            num_envs: sub-environments, at least one.
            episode: "one-shot", "sequential" or "refine".
            horizon: steps of a refine episode, 2 D if not given; not for the other styles.
            reward: what the return of an episode is: "objective", "penalized", "metrics" or a `Reward`.
            render_mode: None, "rgb_array" or "ansi".
            autoreset_mode: SAME_STEP or DISABLED.

        Raises:
            ValueError: If the task, style, reward, render mode or autoreset mode is unknown, a number is below one, or
                the supernet is missing or of another task.
            FileNotFoundError: If there is no such supernet.
            TypeError: If a number is not an integer, the problem is not a problem or given together with a task, or the
                reward is not a reward.
        """
        self.problem: Problem = resolve_problem(problem, task, supernet)
        self.num_envs = _check_num_envs(num_envs)
        self.episode = make_episode(episode, self.problem.space, horizon=horizon)
        self._reward = make_reward(reward)
        if self._reward.dim is not None:
            # A metric is never negative: only a style of several evaluations an episode has rewards above zero.
            highest = np.inf if self.episode.differences else 0.0
            self.reward_dim = self._reward.dim
            self.reward_space = gymnasium.spaces.Box(-np.inf, highest, (self.reward_dim,), np.float64)
        self.render_mode = _check_member("render_mode", render_mode, (None, *RENDER_MODES))
        self._autoreset = _check_member("autoreset_mode", autoreset_mode, AUTORESET_MODES)
        self.metadata = {**type(self).metadata, "autoreset_mode": autoreset_mode}
        self.single_action_space = self.episode.action_space
        self.single_observation_space = self.episode.observation_space
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._state: State | None = None
        self._evaluated = 0  # designs so far, where some evaluations fail
        # For rendering only; kept up to date only if there is a render mode, since holding states costs memory and time.
        self._shown: State | None = None  # the last state, also after an autoreset
        self._scene: Scene | None = None
        self._history: deque[np.ndarray] = deque(maxlen=_REMEMBERED)  # (2, num_envs): objective, violation

    @property
    def space(self) -> DesignSpace:
        """The choices of a design."""
        return self.problem.space

    @property
    def reward(self) -> Reward:
        """What the return of an episode is. A learner may set another one, of the same `dim`.

        Set in the middle of an episode, it counts from the next evaluation on: rewards then add up to what the new
        reward says of the last design.

        Raises:
            ValueError: If the name is unknown, or the reward set has another `dim`.
            TypeError: If it is neither a name nor a `Reward`.
        """
        return self._reward

    @reward.setter
    def reward(self, reward: Reward | str) -> None:
        new = make_reward(reward)
        if new.dim != self._reward.dim:
            raise ValueError(
                f"this environment's reward has dim {self._reward.dim}, {new!r} has dim {new.dim}: make another "
                f"environment, with reward={new!r}"
            )
        self._reward = new

    def evaluate(self, designs: Any) -> Evaluation:
        """Evaluate designs `(B, D)` outside of any episode, as `Problem.evaluate` does: leaves `(B,)`."""
        return self.problem.evaluate(designs)

    def relax(self, *, device: str = "cpu", dtype: str = "float64") -> RelaxedProblem:
        """Return the problem's differentiable view (torch)."""
        return self.problem.relax(device=device, dtype=dtype)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode in every sub-environment.

        Args:
            seed: of the generator that draws the starting designs (refine); kept if not given.
            options: `{"design": (D,) or (num_envs, D)}` gives the starting designs (refine only); `"reset_mask"` is
                accepted where it is all True, as sub-environments end together.

        Returns:
            Observations `(num_envs, size)`, and an empty info: nothing was evaluated.

        Raises:
            TypeError: If the starting designs are not whole numbers.
            ValueError: If an option is unknown or does not fit.
        """
        super().reset(seed=seed)
        return self.restart(seeded=seed is not None, options=options)

    def restart(
        self, *, seeded: bool = False, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode in every sub-environment with the generator as it is: `reset` after it has been seeded.

        Args:
            seeded: whether the generator has just been seeded: evaluations that fail are then counted from here.
            options: as for `reset`, and with the same errors.

        Returns:
            As `reset`.
        """
        if seeded:
            self._evaluated = 0
        self._state = self._shown = self._start(options or {})
        return self.episode.observe(self._state), {}

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Take one action in every sub-environment.

        Args:
            actions: `(num_envs, D)` (one-shot) or `(num_envs,)`, integers.

        Returns:
            Observations, rewards, terminations, truncations, infos (shapes in the class docstring).

        Raises:
            TypeError: If the actions are not integers; the state is left as it was.
            ValueError: If the actions have a wrong shape or are out of range, or a reward would be NaN (or infinite, in
                refine); the state is left as it was.
            gymnasium.error.ResetNeeded: If `reset` was not called, or the episodes are over and autoreset is disabled.
        """
        self._state, rewards = self.episode.advance(
            self._running(), actions, evaluate=self._evaluate, reward=self._reward
        )
        observations, info = self.episode.observe(self._state), state_info(self._state)
        if self.render_mode is not None:
            self._shown = self._state
        if self.render_mode is not None and self._state.evaluation is not None:
            self._history.append(np.stack([self._state.evaluation.objective, self._state.evaluation.violation]))
        done = self.episode.done(self._state)
        if done and self._autoreset is AutoresetMode.SAME_STEP:
            info = final_info(observations, info)
            self._state = self._start({})
            observations = self.episode.observe(self._state)
        terminated = np.full(self.num_envs, done)
        truncated = np.zeros(self.num_envs, dtype=np.bool_)  # no style is cut short: a horizon is part of the task
        return observations, rewards, terminated, truncated, info

    def action_masks(self) -> np.ndarray:
        """Return which actions are meaningful now, bool, as sb3-contrib's MaskablePPO reads them.

        Returns:
            `(num_envs, O)` for one-shot (the options of all choices side by side) and refine, all True;
            `(num_envs, max options)` for sequential, True for the options of the choice at hand.

        Raises:
            gymnasium.error.ResetNeeded: If `reset` was not called.
        """
        if self._state is None:
            raise gymnasium.error.ResetNeeded("action_masks() needs a state: call reset() first")
        return self.episode.masks(self._state)

    def render(self) -> tuple[Any, ...] | None:
        """Draw a frame for each sub-environment: the design at hand, or after an autoreset the one just evaluated.

        Returns:
            `(height, width, 3)` uint8 arrays ("rgb_array") or texts ("ansi"); None, with a warning, without a render
            mode.

        Raises:
            gymnasium.error.ResetNeeded: If `reset` was not called.
        """
        if self.render_mode is None:
            gymnasium.logger.warn(
                "render() without a render mode: give render_mode='rgb_array' or 'ansi' when making the environment"
            )
            return None
        if self._shown is None:
            raise gymnasium.error.ResetNeeded("render() needs a state: call reset() first")
        if self._scene is None:
            self._scene = Scene(self.problem)
        shown = self._shown
        views = self._scene.snapshots(
            shown.designs,
            style=self.episode.name,
            step=shown.step,
            horizon=self.episode.horizon,
            metrics=None if shown.evaluation is None else metrics(shown.evaluation),
            history=np.array(self._history).reshape(len(self._history), 2, self.num_envs),
        )
        return tuple(render_frame(view, mode=self.render_mode) for view in views)

    def _evaluate(self, designs: np.ndarray) -> Evaluation:
        """Evaluate designs of an episode; those that fail (`Problem.failures`) are counted from the last seeded reset on."""
        evaluation = self.problem.evaluate(designs)
        failures = getattr(self.problem, "failures", None)  # a solver's metered problem has applied them already
        if failures is None:
            return evaluation
        which = failures.which(self._evaluated, len(evaluation))
        self._evaluated += len(evaluation)
        return self.problem.failed(evaluation, which)

    def _start(self, options: dict[str, Any]) -> State:
        designs = start_designs(options, episode=self.episode, num_envs=self.num_envs)
        state = self.episode.start(self.num_envs, self.np_random)
        return state if designs is None else State(designs, state.step)

    def _running(self) -> State:
        if self._state is None:
            raise gymnasium.error.ResetNeeded("step() needs a state: call reset() first")
        if self.episode.done(self._state):
            raise gymnasium.error.ResetNeeded(
                f"the episode is over after {self.episode.horizon} steps: call reset() before the next step()"
            )
        return self._state


def _check_num_envs(num_envs: int) -> int:
    if isinstance(num_envs, bool) or not isinstance(num_envs, (int, np.integer)):
        raise TypeError(f"num_envs must be an integer; got {num_envs!r}")
    if num_envs < 1:
        raise ValueError(f"num_envs must be at least 1; got {num_envs}")
    return int(num_envs)


def _check_member(name: str, value: Any, allowed: tuple[Any, ...]) -> Any:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}; got {value!r}")
    return value
