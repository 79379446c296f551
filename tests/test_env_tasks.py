"""Tasks in every episode style: both checkers without a warning, and returns that are the negated objective."""

from __future__ import annotations

import re
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.env_checker import check_env as sb3_check_env

import dance_env
from dance_env.drawing.design.tables import utilization
from dance_env.envs import EPISODE_NAMES, CoDesignVectorEnv
from dance_env.problem import Problem

STYLES = pytest.mark.parametrize("episode", EPISODE_NAMES)
NAMES = dance_env.task_names(needs_supernet=False)
TASKS = pytest.mark.parametrize("problem", NAMES, indirect=True)
LARGE = {"accel-nasbench/edap", "accel-nasbench/latency-limited", "gpt-s/interactive"}
"""Of networks whose checks take ten seconds each: an objective, one with a limit, one with limits on workloads."""
CHECKED = pytest.mark.parametrize(
    "task", [name for name in NAMES if name in LARGE or not name.startswith(("accel-nasbench/", "gpt-"))]
)
ID = "dance_env/CoDesign-v0"


@cache
def problem_of(task: str) -> Problem:
    return dance_env.make_problem(task)


@pytest.fixture(scope="module")
def problem(request: pytest.FixtureRequest) -> Problem:
    """Of one task after the other: the tests of a task follow each other, and tables of all together take gigabytes."""
    made = dance_env.make_problem(request.param)
    assert made.name == request.param
    return made


@STYLES
@CHECKED
def test_both_checkers_pass_without_a_warning(task: str, episode: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = gymnasium.make(ID, task=task, episode=episode)
        check_env(made.unwrapped)  # renders in every mode, since the env has a spec
        sb3_check_env(made.unwrapped)
        sb3_check_env(gymnasium.make(ID, task=task, episode=episode, render_mode="ansi"), skip_render_check=False)


@STYLES
@TASKS
def test_make_vec_gives_the_native_vector_env_without_a_warning(problem: Problem, episode: str) -> None:
    task = problem.name
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made: Any = gymnasium.make_vec(
            ID, num_envs=5, vectorization_mode="vector_entry_point", task=task, episode=episode
        )
    assert type(made) is CoDesignVectorEnv
    assert made.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert (made.num_envs, made.problem.name, made.spec.id) == (5, task, ID)
    made.reset(seed=0)
    made.action_space.seed(0)
    returns = np.zeros(5)
    for _ in range(made.episode.horizon):
        observations, rewards, _, _, infos = made.step(made.action_space.sample())
        assert observations in made.observation_space
        returns += rewards
    expected = -problem.evaluate(infos["final_info"]["design"]).objective
    np.testing.assert_allclose(returns, expected, rtol=0, atol=1e-9)
    made.close()


@pytest.mark.parametrize("episode", ["one-shot", "sequential"])
@pytest.mark.parametrize("variant", ["balanced", "latency-limited"])
def test_the_return_is_the_negated_objective_to_the_bit_for_every_design_of_tiny(variant: str, episode: str) -> None:
    problem = problem_of(f"tiny/{variant}")
    ranks = np.arange(problem.space.size)
    assert len(ranks) == 27 * 13_872
    for some in np.array_split(ranks, 27):
        designs = problem.space.unrank(some)
        env = CoDesignVectorEnv(problem, num_envs=len(designs), episode=episode)
        env.reset(seed=0)
        returns = np.zeros(len(designs))
        for actions in [designs] if episode == "one-shot" else designs.T:
            returns += env.step(actions)[1]
        np.testing.assert_array_equal(returns, -problem.evaluate(designs).objective)


def test_refine_telescopes_for_every_design_of_tiny() -> None:
    """From each design one edit on, to another design: both are last designs of an episode."""
    problem = problem_of("tiny/balanced")
    for some in np.array_split(np.arange(problem.space.size), 27):
        designs = problem.space.unrank(some)
        env = CoDesignVectorEnv(problem, num_envs=len(designs), episode="refine", horizon=2)
        env.reset(options={"design": designs})
        stay = env.step(designs[:, 0])[1]
        np.testing.assert_array_equal(stay, -problem.evaluate(designs).objective)
        _, moved, _, _, infos = env.step((designs[:, 0] + 1) % 3)
        expected = -problem.evaluate(infos["final_info"]["design"]).objective
        np.testing.assert_allclose(stay + moved, expected, rtol=0, atol=1e-9)


@STYLES
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_return_is_the_negated_objective_for_random_episodes_of_macro_cifar10(episode: str, seed: int) -> None:
    problem = problem_of("macro-cifar10/balanced")
    env = CoDesignVectorEnv(problem, num_envs=64, episode=episode)
    env.reset(seed=seed)
    env.action_space.seed(seed)
    returns = np.zeros(64)
    for _ in range(env.episode.horizon):
        _, rewards, _, _, infos = env.step(env.action_space.sample())
        returns += rewards
    expected = -problem.evaluate(infos["final_info"]["design"]).objective
    if episode == "refine":
        np.testing.assert_allclose(returns, expected, rtol=0, atol=1e-9)
    else:
        np.testing.assert_array_equal(returns, expected)


@TASKS
def test_utilization_is_a_share(problem: Problem) -> None:
    designs = problem.space.sample(np.random.default_rng(0), 200)
    latencies = problem.evaluate(designs).cost.latency_s
    shares = [utilization(problem, design, latency) for design, latency in zip(designs, latencies, strict=True)]
    assert all(share is not None and 0 < share <= 1 for share in shares)


def test_an_unknown_task_offers_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"no task 'macro-cifar/balanced'\. Did you mean 'macro-cifar10/balanced'"):
        gymnasium.make(ID, task="macro-cifar/balanced")


@pytest.mark.parametrize("number", range(3))
def test_the_examples_of_the_documentation_run(number: int) -> None:
    text = (Path(__file__).parents[1] / "docs" / "environment.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    assert len(examples) == 3
    exec(compile(examples[number], f"docs/environment.md, example {number + 1}", "exec"), {})
