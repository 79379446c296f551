"""The single environment: a batch-of-one view of the vector environment, and the specification of both."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode

from dance_env.envs.infos import first_row
from dance_env.envs.vector_env import RENDER_FPS, RENDER_MODES, CoDesignVectorEnv

if TYPE_CHECKING:
    from dance_env.envs.episode import Episode
    from dance_env.problem import Problem
    from dance_env.problem.evaluation import Evaluation
    from dance_env.problem.relaxed import RelaxedProblem
    from dance_env.space import DesignSpace


class CoDesignEnv(gymnasium.Env[np.ndarray, Any]):
    """Choose a neural network and the accelerator that runs it, together.

    ## Description
    A *design* makes `D` choices: what stands in each block of a network, and the array size, register file and dataflow
    of an accelerator. A *problem* judges a design: how well the network classifies, how long one inference takes on
    the accelerator, how much energy it takes, how much silicon the accelerator is; and from these an *objective*
    (error plus weighted cost, in percentage points, minimised) and a *violation* of hard limits (0 = feasible). The
    problem is that of DANCE (Choi et al., DAC 2021, arXiv 2009.06237). Below, `O` counts the options of all choices.

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

    In sequential, for a choice of `n` options, action `a` means option `a mod n`. In refine, an option that stands
    already may be set again; the design is then evaluated again.

    `action_masks()` marks the meaningful actions as sb3-contrib's `MaskablePPO` expects: `(O,)` all True for one-shot
    and refine; `(M,)` for sequential, True for the options of the choice at hand. Actions that are no integers raise
    `TypeError`, those of a wrong shape or outside the space `ValueError`; the episode then stands as it did before.

    ## Observation Space
    A flat float32 `Box`.

    | style | shape | content |
    |---|---|---|
    | one-shot | `(O,)` | zeros at the start, the one-hot design at the end |
    | sequential | `(O + D,)` | one-hot options chosen so far; one-hot choice at hand (zeros at the end) |
    | refine | `(O + 4,)` | one-hot design; progress; error; objective; violation |

    All values lie in [0, 1], but the objective's in [-1, 1]. In refine, progress is step / horizon, the error is in
    units of 100 points, the objective `J` is shown as `J / (|J| + 10)` and the violation `v` as `v / (v + 1)`; the last
    three are 0 until the first evaluation.

    ## Rewards
    The return of an episode is the negated objective of its last design: in one-shot and sequential to the bit, since
    one reward alone differs from zero; in refine the first reward is `-J_1` and each later one `J_(t-1) - J_t`, which
    telescope to `-J_T`. The violation is not in the reward: `dance_env.envs.ConstraintPenalty` puts it there. A design
    with a layer that no mapping fits has an infinite objective; refine refuses it with a `ValueError`, since its
    rewards are differences.

    ## Starting State
    one-shot and sequential: no choice made. refine: a uniformly random design drawn from `env.np_random`, not
    evaluated, or that given by `reset(options={"design": ...})`, shape `(D,)`.

    ## Episode End
    one-shot terminates after one step, sequential after `D` steps; refine is truncated after `horizon` steps.

    ## Information
    `reset` returns an empty info, `step` one with these keys if it evaluated a design (always in one-shot and refine,
    at the last step in sequential), else an empty one:

    | key | unit |
    |---|---|
    | `objective` | percentage points, minimised |
    | `error_pct` | percentage points |
    | `latency_s` | seconds per inference |
    | `energy_j` | joules per inference |
    | `area_mm2` | square millimetres |
    | `edap_js_mm2` | joule seconds square millimetres: energy x latency x area |
    | `violation` | sum of relative excesses over the limits; 0 = feasible |
    | `design` | `(D,)` int64 option indices; `env.space.decode(design[None])` names them |

    ## Arguments
    | argument | default | meaning |
    |---|---|---|
    | `task` | `"macro-cifar10/balanced"` | name of a task, see `dance_env.task_names()` |
    | `problem` | None | a `Problem`, in place of a task |
    | `supernet` | None | a trained supernet's file, for tasks of images (or in the environment variable `DANCE_SUPERNET`) |
    | `episode` | `"one-shot"` | the style: `"one-shot"`, `"sequential"`, `"refine"` |
    | `horizon` | None | steps of a refine episode; None means `2 D` |
    | `render_mode` | None | `"rgb_array"` (a dashboard, 560 x 1000 x 3, needs matplotlib) or `"ansi"` (a text card) |

    ```python
    env = gymnasium.make("dance_env/CoDesign-v0", task="macro-cifar10/balanced", episode="sequential")
    envs = gymnasium.make_vec("dance_env/CoDesign-v0", num_envs=4096, vectorization_mode="vector_entry_point")
    ```

    ## Version History
    - v0: first version.
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
        """See Arguments in the class docstring.

        Raises:
            ValueError: an unknown task, style or render mode; a horizon that does not fit; no supernet, or another one
                than the task's.
            FileNotFoundError: no such supernet.
            TypeError: a horizon that is no integer, a problem that is none, or both a task and a problem.
        """
        self._batch = CoDesignVectorEnv(
            problem,
            task=task,
            supernet=supernet,
            num_envs=1,
            episode=episode,
            horizon=horizon,
            render_mode=render_mode,
            autoreset_mode=AutoresetMode.DISABLED,
        )
        self.render_mode = render_mode
        self.action_space = self._batch.single_action_space
        self.observation_space = self._batch.single_observation_space

    @property
    def problem(self) -> Problem:
        """What is optimised."""
        return self._batch.problem

    @property
    def space(self) -> DesignSpace:
        """The choices of a design."""
        return self._batch.space

    @property
    def episode(self) -> Episode:
        """The episode style."""
        return self._batch.episode

    def evaluate(self, designs: Any) -> Evaluation:
        """The problem's own `evaluate`, for solvers that ask for designs directly: `(B, D)` to leaves `(B,)`."""
        return self._batch.evaluate(designs)

    def relax(self, *, device: str = "cpu", dtype: str = "float64") -> RelaxedProblem:
        """The problem's differentiable view (torch)."""
        return self._batch.relax(device=device, dtype=dtype)

    def vector(self, num_envs: int, *, episode: str | None = None) -> CoDesignVectorEnv:
        """A vector environment over the same problem, of this style (and horizon) or another."""
        same = episode is None or episode == self.episode.name
        return CoDesignVectorEnv(
            self.problem,
            num_envs=num_envs,
            episode=self.episode.name if episode is None else episode,
            horizon=self.episode.horizon if same and self.episode.truncates else None,
            render_mode=self.render_mode,
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode; `options={"design": (D,)}` gives a refine episode its starting design."""
        super().reset(seed=seed)
        self._batch.np_random = self.np_random
        observations, info = self._batch.reset(options=options)
        return observations[0], first_row(info)

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Take one action.

        Raises:
            TypeError, ValueError: an action of a wrong type or shape, or out of range; the state is left as it was.
            gymnasium.error.ResetNeeded: before the first `reset`, or after the end.
        """
        observations, rewards, terminated, truncated, info = self._batch.step(np.asarray(action)[None])
        return observations[0], float(rewards[0]), bool(terminated[0]), bool(truncated[0]), first_row(info)

    def action_masks(self) -> np.ndarray:
        """Which actions are meaningful now: `(O,)` (one-shot, refine) or `(max options,)` (sequential), bool."""
        return self._batch.action_masks()[0]

    def render(self) -> Any:
        """The design at hand: a `(560, 1000, 3)` uint8 array ("rgb_array"), a text ("ansi"), or None without a mode."""
        frames = self._batch.render()
        return None if frames is None else frames[0]
