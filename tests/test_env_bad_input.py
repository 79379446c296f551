"""Bad input to the environments: each a clear error that leaves the episode as it was."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from dance_env.envs import EPISODE_NAMES, CoDesignEnv, CoDesignVectorEnv
from dance_env.testing import synthetic_problem

STYLES = pytest.mark.parametrize("episode", EPISODE_NAMES)
PROBLEM = synthetic_problem(0)

BAD_ACTIONS = [
    ("one-shot", [0, 0, 0], ValueError, r"shape \(2, 8\).*got shape \(3,\)"),
    ("one-shot", np.zeros((1, 8), np.int64), ValueError, r"shape \(2, 8\).*got shape \(1, 8\)"),
    ("one-shot", np.full((2, 8), 99), ValueError, "'block1'.*0..2, got 99"),
    ("one-shot", np.full((2, 8), -1), ValueError, "'block1'.*0..2, got -1"),
    ("one-shot", np.full((2, 8), np.nan), TypeError, "whole numbers.*float64"),
    (
        "sequential",
        [0, 3],
        ValueError,
        r"0..2 \(an option of choice 0, 'block1', which has 3\); got 3 for environment 1",
    ),
    ("sequential", [-1, 0], ValueError, "got -1 for environment 0"),
    ("sequential", [0.0, 1.0], TypeError, "integer actions.*float64"),
    ("sequential", [np.nan, 1.0], TypeError, "integer actions.*nan"),
    ("sequential", [True, False], TypeError, "integer actions.*bool"),
    ("sequential", [0, 1, 2], ValueError, r"shape \(2,\).*got shape \(3,\)"),
    ("sequential", 1, ValueError, r"shape \(2,\).*got shape \(\)"),
    ("refine", [0, 22], ValueError, "0..21 .flat index of the option to set.; got 22 for environment 1"),
    ("refine", ["a", "b"], TypeError, "integer actions"),
    ("refine", None, TypeError, "integer actions"),
]


@pytest.mark.parametrize(("episode", "actions", "error", "message"), BAD_ACTIONS)
def test_a_bad_action_is_a_clear_error_and_changes_nothing(
    episode: str, actions: Any, error: type[Exception], message: str
) -> None:
    env = CoDesignVectorEnv(PROBLEM, num_envs=2, episode=episode)
    env.reset(seed=0)
    twin = copy.deepcopy(env)
    with pytest.raises(error, match=message):
        env.step(actions)
    good = env.action_space.sample()
    for mine, other in zip(env.step(good)[:4], twin.step(good)[:4], strict=True):
        np.testing.assert_array_equal(mine, other)


def test_an_evaluation_that_fails_leaves_the_episode_as_it_was() -> None:
    class Failing:
        """A problem whose budget is spent."""

        name, space, objective = PROBLEM.name, PROBLEM.space, PROBLEM.objective

        def evaluate(self, designs: np.ndarray) -> Any:
            raise RuntimeError("spent")

    env = CoDesignVectorEnv(Failing(), num_envs=2, episode="sequential")  # type: ignore[arg-type]
    env.reset(seed=0)
    for _ in range(PROBLEM.space.num_choices - 1):
        env.step(np.zeros(2, dtype=np.int64))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="spent"):
            env.step(np.zeros(2, dtype=np.int64))


BAD_ARGUMENTS = [
    ({"episode": "oneshot"}, ValueError, "no episode style 'oneshot'. Did you mean 'one-shot'"),
    ({"horizon": 5}, ValueError, "horizon=5 is for refine"),
    ({"episode": "refine", "horizon": 0}, ValueError, "at least 1"),
    ({"episode": "refine", "horizon": 2.0}, TypeError, "integer number of steps; got 2.0"),
    ({"num_envs": 0}, ValueError, "at least 1; got 0"),
    ({"num_envs": "4"}, TypeError, "num_envs must be an integer; got '4'"),
    ({"render_mode": "human"}, ValueError, "render_mode must be one of None, rgb_array, ansi; got 'human'"),
    ({"autoreset_mode": AutoresetMode.NEXT_STEP}, ValueError, "autoreset_mode must be one of"),
    ({"task": "tiny"}, TypeError, "either a task or a problem"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), BAD_ARGUMENTS)
def test_a_bad_argument_is_a_clear_error(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        CoDesignVectorEnv(PROBLEM, **arguments)


def test_something_that_is_no_problem_is_a_clear_error() -> None:
    with pytest.raises(TypeError, match=r"a task's name or a problem .*; got int"):
        CoDesignVectorEnv(3)  # type: ignore[arg-type]


@STYLES
def test_stepping_without_a_running_episode_is_a_clear_error(episode: str) -> None:
    env = CoDesignEnv(problem=PROBLEM, episode=episode)
    action = env.action_space.sample()
    for use in (lambda: env.step(action), env.action_masks):
        with pytest.raises(gymnasium.error.ResetNeeded, match=r"call reset\(\) first"):
            use()
    env.reset(seed=0)
    for _ in range(env.episode.horizon):
        env.step(action)
    with pytest.raises(gymnasium.error.ResetNeeded, match="the episode is over"):
        env.step(action)


BAD_OPTIONS = [
    ("one-shot", {"desing": [0]}, "unknown reset options .'desing'."),
    ("one-shot", {"design": [0] * 8}, "for refine episodes"),
    (
        "refine",
        {"design": np.zeros((3, 8), np.int64)},
        r"shape \(8,\), or 1 or 2 such designs in rows; got shape \(3, 8\)",
    ),
    ("refine", {"design": [99] * 8}, "'block1'"),
    ("refine", {"design": 3}, r"expected shape \(8,\), .*got shape \(\)"),
    ("refine", {"design": np.zeros((1, 2, 8), np.int64)}, r"got shape \(1, 2, 8\)"),
    ("refine", {"reset_mask": np.array([True, False])}, "must be 2 times True"),
]


@pytest.mark.parametrize(("episode", "options", "message"), BAD_OPTIONS)
def test_bad_reset_options_are_clear_errors(episode: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CoDesignVectorEnv(PROBLEM, num_envs=2, episode=episode).reset(options=options)


def test_designs_without_a_mapping() -> None:
    problem = synthetic_problem(0, unmappable=80)
    designs = problem.space.unrank(np.arange(problem.space.size))
    unmappable = designs[np.isinf(problem.evaluate(designs).objective)]
    assert len(unmappable) > 2
    one_shot = CoDesignEnv(problem=problem)
    one_shot.reset(seed=0)
    _, reward, terminated, _, info = one_shot.step(unmappable[0])
    assert (reward, terminated, info["violation"] >= 1) == (-np.inf, True, True)
    refine = CoDesignEnv(problem=problem, episode="refine")
    refine.reset(options={"design": unmappable[0]})
    with pytest.raises(ValueError, match=r"infinite for design .* \(environment 0\), .* Use a style with one"):
        refine.step(int(unmappable[0, 0]))
