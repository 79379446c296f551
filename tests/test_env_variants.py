"""Hard limits in the reward, and the reward as a vector."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from dance_env.envs import (
    EPISODE_NAMES,
    REWARD_METRICS,
    CoDesignEnv,
    CoDesignVectorEnv,
    ConstraintPenalty,
    MultiObjectiveCoDesignEnv,
    VectorConstraintPenalty,
    VectorMultiObjective,
)
from dance_env.objective import Constraint
from dance_env.testing import synthetic_problem

STYLES = pytest.mark.parametrize("episode", EPISODE_NAMES)
PROBLEM = synthetic_problem(1, constraints=(Constraint("latency_s", 0.008), Constraint("area_mm2", 3.0)))
WEIGHT = 7.0


def play_vector(env: Any, *, episodes: int) -> list[tuple[np.ndarray, dict[str, Any]]]:
    """(return of every sub-environment, final info) of each episode, actions drawn from the action space."""
    env.reset(seed=0)
    env.action_space.seed(0)
    finished, total = [], 0.0
    while len(finished) < episodes:
        _, rewards, terminated, truncated, infos = env.step(env.action_space.sample())
        total = total + rewards
        if (terminated | truncated).all():
            finished.append((total, infos["final_info"]))
            total = 0.0
    return finished


def play_single(env: Any) -> tuple[Any, dict[str, Any]]:
    """(return, last info) of one episode."""
    env.action_space.seed(0)
    env.reset(seed=0)
    total, over = 0.0, False
    while not over:
        _, reward, terminated, truncated, info = env.step(env.action_space.sample())
        total, over = total + reward, terminated or truncated
    return total, info


# ------------------------------------------------------------------------------------------------------------- penalty
@STYLES
def test_the_penalised_return_is_objective_plus_weighted_violation(episode: str) -> None:
    env = VectorConstraintPenalty(CoDesignVectorEnv(PROBLEM, num_envs=64, episode=episode), weight=WEIGHT)
    for returns, info in play_vector(env, episodes=3):
        assert (info["violation"] > 0).any()
        assert (info["violation"] == 0).any()
        expected = -(info["objective"] + WEIGHT * info["violation"])
        np.testing.assert_allclose(returns, expected, rtol=0, atol=1e-9)


@STYLES
def test_the_single_penalty_is_that_of_the_vector(episode: str) -> None:
    env = ConstraintPenalty(CoDesignEnv(problem=PROBLEM, episode=episode), weight=WEIGHT)
    for _ in range(3):
        value, info = play_single(env)
        assert value == pytest.approx(-(info["objective"] + WEIGHT * info["violation"]), abs=1e-9)
    assert env.action_masks().ndim == 1


@STYLES
def test_the_vector_penalty_serves_gymnasiums_own_vector_env(episode: str) -> None:
    envs = SyncVectorEnv(
        [lambda: CoDesignEnv(problem=PROBLEM, episode=episode)] * 8, autoreset_mode=AutoresetMode.SAME_STEP
    )
    for returns, info in play_vector(VectorConstraintPenalty(envs, weight=WEIGHT), episodes=2):
        expected = -(info["objective"] + WEIGHT * info["violation"])
        np.testing.assert_allclose(returns, expected, rtol=0, atol=1e-9)


def test_a_penalised_env_keeps_its_spec_and_can_be_made_from_it() -> None:
    env = gymnasium.make("dance_env/CoDesign-v0", problem=PROBLEM)
    wrapped = ConstraintPenalty(env, weight=2.5)
    assert wrapped.spec is not None
    assert wrapped.spec.additional_wrappers[-1].kwargs == {"weight": 2.5}


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf"), "3", True])
def test_a_bad_weight_is_a_clear_error(weight: Any) -> None:
    with pytest.raises(ValueError, match="weight must be a finite number >= 0"):
        ConstraintPenalty(CoDesignEnv(problem=PROBLEM), weight=weight)
    with pytest.raises(ValueError, match="weight must be a finite number >= 0"):
        VectorConstraintPenalty(CoDesignVectorEnv(PROBLEM), weight=weight)


# ------------------------------------------------------------------------------------------------------- vector reward
@STYLES
def test_the_vector_return_is_the_negated_metrics(episode: str) -> None:
    env = VectorMultiObjective(CoDesignVectorEnv(PROBLEM, num_envs=16, episode=episode))
    for returns, info in play_vector(env, episodes=3):
        expected = -np.stack([info[metric] for metric in REWARD_METRICS], axis=1)
        np.testing.assert_allclose(returns, expected, rtol=1e-12, atol=1e-12)
    assert env.action_masks().shape[0] == 16


@STYLES
def test_the_single_multi_objective_env_is_that_of_the_vector(episode: str) -> None:
    env = MultiObjectiveCoDesignEnv(problem=PROBLEM, episode=episode)
    for _ in range(2):
        value, info = play_single(env)
        np.testing.assert_allclose(value, [-info[metric] for metric in REWARD_METRICS], rtol=1e-12, atol=1e-12)


@STYLES
def test_vector_rewards_lie_in_the_reward_space(episode: str) -> None:
    env = gymnasium.make("dance_env/MultiObjectiveCoDesign-v0", problem=PROBLEM, episode=episode)
    base: Any = env.unwrapped
    assert base.reward_space.shape == (base.reward_dim,) == (4,)
    observation, _ = env.reset(seed=0)
    assert observation in env.observation_space
    env.action_space.seed(0)
    for _ in range(base.problem.space.num_choices if episode != "one-shot" else 1):
        observation, reward, *_ = env.step(env.action_space.sample())
        assert observation in env.observation_space
        assert reward in base.reward_space
    assert env.get_wrapper_attr("action_masks")().dtype == np.bool_


def test_a_seed_gives_the_multi_objective_env_the_same_start() -> None:
    plain = CoDesignEnv(problem=PROBLEM, episode="refine")
    vectorial = MultiObjectiveCoDesignEnv(problem=PROBLEM, episode="refine")
    for seed in (3, None, None):
        np.testing.assert_array_equal(plain.reset(seed=seed)[0], vectorial.reset(seed=seed)[0])


@STYLES
def test_mo_gymnasiums_wrappers_take_it(episode: str) -> None:
    wrappers = pytest.importorskip("mo_gymnasium.wrappers", reason="needs mo-gymnasium (and its pygame)")
    env: Any = gymnasium.make("dance_env/MultiObjectiveCoDesign-v0", problem=PROBLEM, episode=episode)
    env = wrappers.LinearReward(wrappers.MORecordEpisodeStatistics(env), weight=np.array([1.0, 0.0, 0.0, 0.0]))
    value, info = play_single(env)
    assert value == pytest.approx(-info["error_pct"], rel=1e-6)
    assert info["episode"]["r"].shape == (4,)
