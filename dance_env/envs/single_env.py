"""The single environment: a batch-of-one view of the vector environment, and the specification of both."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode

from dance_env.envs.episode import Episode
from dance_env.envs.infos import first_row
from dance_env.envs.reward import Reward
from dance_env.envs.vector_env import RENDER_FPS, RENDER_MODES, CoDesignVectorEnv
from dance_env.problem import Evaluation, Problem
from dance_env.space import DesignSpace

if TYPE_CHECKING:
    from dance_env.problem.relaxed import RelaxedProblem  # torch


class CoDesignEnv(gymnasium.Env[np.ndarray, Any]):
    """Choose a neural network and the accelerator that runs it, together.

    ## Description
    A *design* makes `D` choices: the operator of each block of a network, and the array size, register file and dataflow
    of an accelerator. A *problem* evaluates a design: the network's classification error, the latency and energy of one
    inference on the accelerator, the accelerator's area; and from these an *objective* (error plus weighted cost, in
    percentage points, minimized) and a *violation* of hard limits (0 = feasible). The problem is that of DANCE (Choi et
    al., DAC 2021, arXiv 2009.06237). Below, `O` counts the options of all choices.

    An episode produces one design, in one of three styles:

    - `one-shot`: one action is the whole design.
    - `sequential`: one action makes one choice, in the order of `env.space.choices`.
    - `refine`: an episode starts at a random design; an action changes one option, and every step is evaluated.

    ## Action Space
    | style | space | meaning |
    |---|---|---|
    | one-shot | `MultiDiscrete(option_counts)`, shape `(D,)` | the option of each choice |
    | sequential | `Discrete(M)`, `M` = the largest option count | the option of the choice at hand |
    | refine | `Discrete(O)` | the option to set, as flat index: `env.space.offsets[choice] + option` |

    In sequential, for a choice of `n` options, action `a` means option `a mod n`, so every action is valid. Uniform
    actions are then not uniform over designs (17 actions on 3 options: 6, 6, 5); actions drawn under the mask are. In
    refine, an option that is set already may be set again; the design is then evaluated again.

    `action_masks()` marks the meaningful actions as sb3-contrib's `MaskablePPO` expects: `(O,)` all True for one-shot
    and refine; `(M,)` for sequential, True for the options of the choice at hand. Actions that are not integers raise
    `TypeError`, those of a wrong shape or outside the space `ValueError`; the episode is then left as it was.

    ## Observation Space
    A flat float32 `Box`.

    | style | shape | content |
    |---|---|---|
    | one-shot | `(O,)` | zeros at the start, the one-hot design at the end |
    | sequential | `(O + D,)` | one-hot options chosen so far; one-hot choice at hand (zeros at the end) |
    | refine | `(O + 4,)` | one-hot design; progress; error; objective; violation |

    All values lie in [0, 1], but the objective's in [-1, 1]. In refine, progress is step / horizon, the error is in
    units of 100 points, the objective `J` is shown as `J / (|J| + 10)` and the violation `v` as `v / (v + 1)`; the last
    three are 0 until the first evaluation, and 1 where `J` or `v` is infinite. No observation is ever NaN.

    ## Rewards
    The return of an episode is the worth `w` of its last design, by the argument `reward`:

    | reward | worth of a design |
    |---|---|
    | `"objective"`, `ObjectiveReward()` | `-objective`; the violation does not count |
    | `"penalized"`, `PenalizedReward(weight=10.0)` | `-(objective + weight x violation)` |
    | `"metrics"`, `MetricsReward(metrics=...)` | the vector `(-error_pct, -latency_s, -energy_j, -area_mm2)`, or those named |

    In one-shot and sequential the last reward is `w` to the bit, and all others are zero. In refine the first reward is
    `w_1` and each later one `w_t - w_(t-1)`, which add up to `w_T`. `env.unwrapped.reward` can be set during a run. A
    vector reward, shape `(reward_dim,)` float64, comes with `reward_space` and `reward_dim` as MO-Gymnasium expects
    them; since Gymnasium's checker warns of it, `"dance_env/MultiObjectiveCoDesign-v0"` is registered without checker.

    A design with a layer that no mapping fits has an infinite objective and a reward of `-inf`; refine refuses it with
    a `ValueError`, since its rewards are differences. An evaluation that holds NaN is a `ValueError` in every style.

    ## Starting State
    one-shot and sequential: no choice made. refine: a uniformly random design drawn from `env.np_random`, not
    evaluated, or that given by `reset(options={"design": ...})`, shape `(D,)`.

    ## Episode End
    one-shot terminates after one step, sequential after `D` steps, refine after `horizon` steps. No episode is truncated:
    refine's horizon is part of the task (the last design alone counts) and is observed, so there is no value beyond it.

    ## Information
    `reset` returns an empty info, `step` one with these keys if it evaluated a design (always in one-shot and refine,
    at the last step in sequential), else an empty one:

    | key | unit |
    |---|---|
    | `objective` | percentage points, minimized |
    | `error_pct` | percentage points |
    | `latency_s` | seconds per inference |
    | `energy_j` | joules per inference |
    | `area_mm2` | square millimeters |
    | `edap_js_mm2` | joule seconds square millimeters: energy x latency x area |
    | `violation` | sum of relative excesses over the limits; 0 = feasible |
    | `design` | `(D,)` int64 option indices; `env.space.decode(design[None])` names them |

    ## Arguments
    | argument | default | meaning |
    |---|---|---|
    | `problem` | `"macro-cifar10/balanced"` | a `Problem`, or the name of a task, see `dance_env.task_names()` |
    | `task` | None | the name of a task, in place of `problem` |
    | `supernet` | None | a trained supernet's file, for tasks of images (or in the environment variable `DANCE_SUPERNET`) |
    | `episode` | `"one-shot"` | the style: `"one-shot"`, `"sequential"`, `"refine"` |
    | `horizon` | None | steps of a refine episode; None means `2 D` |
    | `reward` | `"objective"` | what the return is: `"objective"`, `"penalized"`, `"metrics"` or a `dance_env.Reward` |
    | `render_mode` | None | `"rgb_array"` (a dashboard, 560 x 1000 x 3, needs matplotlib) or `"ansi"` (a text card) |

    ```python
    env = gymnasium.make("dance_env/CoDesign-v0", task="macro-cifar10/balanced", episode="sequential")
    env = gymnasium.make("dance_env/CoDesign-v0", task="tiny", reward=dance_env.PenalizedReward(weight=5.0))
    envs = gymnasium.make_vec("dance_env/CoDesign-v0", num_envs=4096, vectorization_mode="vector_entry_point")
    ```

    ## Version History
    - v0: first version. (Until its first release, refine truncated where it now terminates, and wrappers did what the
      argument `reward` does.)
    """

    metadata: dict[str, Any] = {"render_modes": RENDER_MODES, "render_fps": RENDER_FPS}  # noqa: RUF012
    reward_space: gymnasium.spaces.Box
    reward_dim: int

    def __init__(
        self,
        problem: Problem | str | None = None,
        *,
        task: str | None = None,
        supernet: str | os.PathLike[str] | None = None,
        episode: str = "one-shot",
        horizon: int | None = None,
        reward: Reward | str = "objective",
        render_mode: str | None = None,
    ) -> None:
        """Make an environment; see Arguments in the class docstring.

        Raises:
            ValueError: If the task, style, reward or render mode is unknown, the horizon does not fit, or the supernet
                is missing or of another task.
            FileNotFoundError: If there is no such supernet.
            TypeError: If the horizon is not an integer, the problem is not a problem or given together with a task, or
                the reward is not a reward.
        """
        self._batch = CoDesignVectorEnv(
            problem,
            task=task,
            supernet=supernet,
            num_envs=1,
            episode=episode,
            horizon=horizon,
            reward=reward,
            render_mode=render_mode,
            autoreset_mode=AutoresetMode.DISABLED,
        )
        self.render_mode = render_mode
        self.action_space = self._batch.single_action_space
        self.observation_space = self._batch.single_observation_space
        if self.reward.dim is not None:
            self.reward_space, self.reward_dim = self._batch.reward_space, self._batch.reward_dim

    @property
    def problem(self) -> Problem:
        """What is optimized."""
        return self._batch.problem

    @property
    def space(self) -> DesignSpace:
        """The choices of a design."""
        return self._batch.space

    @property
    def episode(self) -> Episode:
        """The episode style."""
        return self._batch.episode

    @property
    def reward(self) -> Reward:
        """What the return of an episode is; it can be set, as for `CoDesignVectorEnv`."""
        return self._batch.reward

    @reward.setter
    def reward(self, reward: Reward | str) -> None:
        self._batch.reward = reward

    def evaluate(self, designs: Any) -> Evaluation:
        """Evaluate designs `(B, D)` outside of any episode, as `Problem.evaluate` does: leaves `(B,)`."""
        return self._batch.evaluate(designs)

    def relax(self, *, device: str = "cpu", dtype: str = "float64") -> RelaxedProblem:
        """Return the problem's differentiable view (torch)."""
        return self._batch.relax(device=device, dtype=dtype)

    def vector(self, num_envs: int, *, episode: str | None = None) -> CoDesignVectorEnv:
        """Return a vector environment over the same problem and reward, of this style (and horizon) or another."""
        same = episode is None or episode == self.episode.name
        return CoDesignVectorEnv(
            self.problem,
            num_envs=num_envs,
            episode=self.episode.name if episode is None else episode,
            horizon=self.episode.horizon if same and self.episode.takes_horizon else None,
            reward=self.reward,
            render_mode=self.render_mode,
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode; `options={"design": (D,)}` gives a refine episode its starting design."""
        super().reset(seed=seed)
        self._batch.np_random = self.np_random
        observations, info = self._batch.restart(seeded=seed is not None, options=options)
        return observations[0], first_row(info)

    def step(self, action: Any) -> tuple[np.ndarray, Any, bool, bool, dict[str, Any]]:
        """Take one action. The reward is a float, or `(reward_dim,)` float64 for a vector reward.

        Raises:
            TypeError: If the action is not an integer, or integers; the state is left as it was.
            ValueError: If the action has a wrong shape or is out of range, or the reward would be NaN (or infinite, in
                refine); the state is left as it was.
            gymnasium.error.ResetNeeded: If `reset` was not called, or the episode is over.
        """
        observations, rewards, terminated, truncated, info = self._batch.step(np.asarray(action)[None])
        reward = float(rewards[0]) if rewards.ndim == 1 else rewards[0]
        return observations[0], reward, bool(terminated[0]), bool(truncated[0]), first_row(info)

    def action_masks(self) -> np.ndarray:
        """Return which actions are meaningful now: `(O,)` (one-shot, refine) or `(max options,)` (sequential), bool."""
        return self._batch.action_masks()[0]

    def render(self) -> Any:
        """Draw the design at hand: a `(560, 1000, 3)` uint8 array ("rgb_array"), a text ("ansi"), or None without a mode."""
        frames = self._batch.render()
        return None if frames is None else frames[0]
