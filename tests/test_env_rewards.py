"""The reward as one injected value: penalized and vector returns, how rewards add up, and the guard against NaN."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, replace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import dance_env
from dance_env.cost import Cost
from dance_env.envs import (
    EPISODE_NAMES,
    METRIC_UNITS,
    REWARD_METRICS,
    REWARD_NAMES,
    CoDesignEnv,
    CoDesignVectorEnv,
    MetricsReward,
    ObjectiveReward,
    PenalizedReward,
    Reward,
)
from dance_env.objective import Constraint, Linear, Objective
from dance_env.problem import Evaluation, Problem
from dance_env.testing import synthetic_problem

STYLES = pytest.mark.parametrize("episode", EPISODE_NAMES)
PROBLEM = synthetic_problem(1, constraints=(Constraint("latency_s", 0.008), Constraint("area_mm2", 3.0)))
WEIGHT = 7.0
ID, VECTOR_ID = "dance_env/CoDesign-v0", "dance_env/MultiObjectiveCoDesign-v0"


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


# ------------------------------------------------------------------------------------------------------------- returns
@STYLES
def test_the_penalized_return_is_objective_plus_weighted_violation(episode: str) -> None:
    env = CoDesignVectorEnv(PROBLEM, num_envs=64, episode=episode, reward=PenalizedReward(weight=WEIGHT))
    for returns, info in play_vector(env, episodes=3):
        assert (info["violation"] > 0).any()
        assert (info["violation"] == 0).any()
        expected = -(info["objective"] + WEIGHT * info["violation"])
        np.testing.assert_allclose(returns, expected, rtol=0, atol=1e-9)


@STYLES
def test_the_vector_return_is_the_negated_metrics(episode: str) -> None:
    env = CoDesignVectorEnv(PROBLEM, num_envs=16, episode=episode, reward="metrics")
    for returns, info in play_vector(env, episodes=3):
        expected = -np.stack([info[metric] for metric in REWARD_METRICS], axis=1)
        np.testing.assert_allclose(returns, expected, rtol=1e-12, atol=1e-12)


@STYLES
@pytest.mark.parametrize(
    "reward",
    ["objective", "penalized", "metrics", PenalizedReward(weight=2.5), MetricsReward(("edap_js_mm2", "violation"))],
    ids=str,
)
def test_the_return_is_what_the_reward_says_of_the_last_design(episode: str, reward: Reward | str) -> None:
    env = CoDesignEnv(PROBLEM, episode=episode, reward=reward)
    for _ in range(2):
        value, info = play_single(env)
        expected = env.reward.of(PROBLEM.evaluate(info["design"][None]))[0]
        np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-9)
        assert isinstance(value, np.ndarray) == (env.reward.dim is not None)


@STYLES
def test_gymnasiums_own_vector_env_takes_penalized_environments(episode: str) -> None:
    envs = SyncVectorEnv(
        [lambda: CoDesignEnv(PROBLEM, episode=episode, reward=PenalizedReward(WEIGHT))] * 8,
        autoreset_mode=AutoresetMode.SAME_STEP,
    )
    for returns, info in play_vector(envs, episodes=2):
        expected = -(info["objective"] + WEIGHT * info["violation"])
        np.testing.assert_allclose(returns, expected, rtol=0, atol=1e-9)
    envs.reset(seed=0)
    assert len(envs.call("action_masks")) == 8


def test_an_environment_that_is_not_reset_keeps_its_return() -> None:
    """A partial reset, which Gymnasium's own vector env allows, starts the rewards of the others anew and only those."""
    envs = SyncVectorEnv(
        [lambda: CoDesignEnv(PROBLEM, episode="refine", horizon=4, reward=PenalizedReward(WEIGHT))] * 2,
        autoreset_mode=AutoresetMode.DISABLED,
    )
    envs.reset(seed=0)
    envs.action_space.seed(0)
    total = np.zeros(2)
    for step in range(4):
        if step == 2:
            envs.reset(seed=1, options={"reset_mask": np.array([True, False])})
            total[0] = 0.0
        rewards, infos = envs.step(envs.action_space.sample())[1::3]
        total += rewards
    np.testing.assert_allclose(total, -(infos["objective"] + WEIGHT * infos["violation"]), rtol=0, atol=1e-9)


def test_a_seed_gives_every_reward_the_same_start() -> None:
    plain = CoDesignEnv(PROBLEM, episode="refine")
    vectorial = CoDesignEnv(PROBLEM, episode="refine", reward="metrics")
    for seed in (3, None, None):
        np.testing.assert_array_equal(plain.reset(seed=seed)[0], vectorial.reset(seed=seed)[0])


# -------------------------------------------------------------------------------------------------------- made by name
@STYLES
@pytest.mark.parametrize("env_id", [ID, VECTOR_ID])
@pytest.mark.parametrize("mode", [None, "vector_entry_point"])
def test_make_and_make_vec_work_for_every_registered_id(env_id: str, episode: str, mode: str | None) -> None:
    made: Any = gymnasium.make_vec(env_id, num_envs=3, vectorization_mode=mode, problem=PROBLEM, episode=episode)
    assert type(made) is CoDesignVectorEnv
    assert made.spec.id == env_id
    single: Any = gymnasium.make(env_id, problem=PROBLEM, episode=episode).unwrapped
    for env in (made, single):
        assert env.reward == (MetricsReward() if env_id == VECTOR_ID else ObjectiveReward())
        assert hasattr(env, "reward_space") == hasattr(env, "reward_dim") == (env_id == VECTOR_ID)
    returns, info = play_vector(made, episodes=1)[0]
    expected = made.reward.of(PROBLEM.evaluate(info["design"]))
    assert returns.shape == ((3, 4) if env_id == VECTOR_ID else (3,))
    np.testing.assert_allclose(returns, expected, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_make_vec_works_in_gymnasiums_own_modes(mode: str) -> None:
    made = gymnasium.make_vec(ID, num_envs=2, vectorization_mode=mode, task="tiny", reward="penalized")
    made.reset(seed=0)
    made.action_space.seed(0)
    rewards, infos = made.step(made.action_space.sample())[1::3]
    np.testing.assert_array_equal(rewards, -(infos["objective"] + 10.0 * infos["violation"]))
    made.close()


@STYLES
@pytest.mark.parametrize("reward", ["objective", "penalized"])
def test_gymnasiums_checkers_pass_without_a_warning(episode: str, reward: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = gymnasium.make(ID, task="tiny", episode=episode, reward=reward)  # in the passive checker
        play_single(made)
        check_env(made.unwrapped, skip_render_check=True)


@STYLES
def test_vector_rewards_lie_in_the_reward_space(episode: str) -> None:
    env = gymnasium.make(VECTOR_ID, problem=PROBLEM, episode=episode)
    base: Any = env.unwrapped
    assert base.reward_space.shape == (base.reward_dim,) == (4,)
    observation, _ = env.reset(seed=0)
    assert observation in env.observation_space
    env.action_space.seed(0)
    for _ in range(base.episode.horizon):
        observation, reward, *_ = env.step(env.action_space.sample())
        assert observation in env.observation_space
        assert reward in base.reward_space
    assert env.get_wrapper_attr("action_masks")().dtype == np.bool_


@STYLES
def test_mo_gymnasiums_wrappers_take_it(episode: str) -> None:
    wrappers = pytest.importorskip("mo_gymnasium.wrappers", reason="needs mo-gymnasium (and its pygame)")
    env: Any = gymnasium.make(VECTOR_ID, problem=PROBLEM, episode=episode)
    env = wrappers.LinearReward(wrappers.MORecordEpisodeStatistics(env), weight=np.array([1.0, 0.0, 0.0, 0.0]))
    value, info = play_single(env)
    assert value == pytest.approx(-info["error_pct"], rel=1e-6)
    assert info["episode"]["r"].shape == (4,)


# ------------------------------------------------------------------------------------------------- setting and checking
def test_a_reward_that_is_set_during_an_episode_counts_from_then_on() -> None:
    env = CoDesignVectorEnv(PROBLEM, num_envs=8, episode="refine", horizon=6)
    env.reset(seed=0)
    env.action_space.seed(0)
    returns = np.zeros(8)
    for step in range(6):
        if step == 3:
            env.reward = PenalizedReward(WEIGHT)
        rewards, infos = env.step(env.action_space.sample())[1::3]
        returns += rewards
    last = infos["final_info"]
    np.testing.assert_allclose(returns, -(last["objective"] + WEIGHT * last["violation"]), rtol=0, atol=1e-9)
    single = CoDesignEnv(PROBLEM)
    single.reward = "penalized"
    assert single.reward == single.vector(2).reward == PenalizedReward()
    with pytest.raises(ValueError, match=r"reward has dim None, MetricsReward.* has dim 4: make another environment"):
        env.reward = "metrics"
    assert env.reward == PenalizedReward(WEIGHT)


def test_a_weight_of_zero_is_the_plain_reward() -> None:
    evaluation = PROBLEM.evaluate(PROBLEM.space.sample(np.random.default_rng(0), 50))
    for weight in (0, np.float32(0)):
        np.testing.assert_array_equal(PenalizedReward(weight).of(evaluation), ObjectiveReward().of(evaluation))


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf"), "3", True, None])
def test_a_bad_weight_is_a_clear_error(weight: Any) -> None:
    with pytest.raises(ValueError, match="weight must be a finite number >= 0"):
        PenalizedReward(weight=weight)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("latency",), "there is no metric 'latency'. Did you mean 'latency_s'"),
        (("area_mm2", "area_mm2"), "one or more different names"),
        ((), "one or more different names; got ()"),
    ],
)
def test_bad_metrics_are_a_clear_error(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        MetricsReward(names)


@pytest.mark.parametrize(
    ("reward", "error", "message"),
    [
        ("penalised", ValueError, "there is no reward 'penalised'. Did you mean 'penalized'"),
        (5.0, TypeError, "reward must be a name .*got 5.0"),
        (PenalizedReward, TypeError, "such as PenalizedReward.weight=5.0."),
    ],
)
def test_an_unknown_reward_is_a_clear_error(reward: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        CoDesignEnv(PROBLEM, reward=reward)


def test_rewards_are_found_on_the_package() -> None:
    assert REWARD_NAMES == dance_env.REWARD_NAMES == ("objective", "penalized", "metrics")
    assert dance_env.PenalizedReward is PenalizedReward
    assert MetricsReward("latency_s").metrics == ("latency_s",)
    assert set(REWARD_METRICS) < set(METRIC_UNITS)


@dataclass(frozen=True)
class AreaReward(Reward):
    """A reward of a user's own; `shape` makes it give another shape than it says."""

    columns: int | None = None

    @property
    def dim(self) -> None:
        return None

    def of(self, evaluation: Evaluation) -> np.ndarray:
        area = -evaluation.cost.area_mm2
        return area if self.columns is None else np.tile(area[:, None], self.columns)


def test_a_reward_of_ones_own() -> None:
    for returns, info in play_vector(CoDesignVectorEnv(PROBLEM, num_envs=4, reward=AreaReward()), episodes=2):
        np.testing.assert_array_equal(returns, -info["area_mm2"])
    env = CoDesignVectorEnv(PROBLEM, num_envs=4, reward=AreaReward(columns=2))
    env.reset(seed=0)
    with pytest.raises(
        ValueError, match=r"AreaReward\(columns=2\) must give rewards of shape \(4,\) .*got shape \(4, 2\)"
    ):
        env.step(env.action_space.sample())


# ----------------------------------------------------------------------------------------------------------------- NaN
def unmappable_problem(*, weight: float = 1.0) -> Problem:
    """Many designs have no mapping, but the objective, of the area alone, is finite; the violation is infinite."""
    problem = synthetic_problem(0, unmappable=80, constraints=(Constraint("latency_s", 0.008),))
    return replace(problem, objective=replace(problem.objective, cost_function=Linear(area_mm2=1.0), weight=weight))


@STYLES
@pytest.mark.parametrize("weight", [0.0, 1.0])
@pytest.mark.parametrize("reward", [ObjectiveReward(), PenalizedReward(0.0), PenalizedReward(5.0), MetricsReward()])
def test_nan_never_leaves_the_environment(episode: str, weight: float, reward: Reward) -> None:
    """Where a reward is infinite, refine refuses the design; all else is a number, and observations are in the space."""
    problem = unmappable_problem(weight=weight)
    designs = problem.space.unrank(np.arange(problem.space.size))
    evaluation = problem.evaluate(designs)
    infinite = ~np.isfinite(reward.of(evaluation)).reshape(len(designs), -1).all(axis=1)
    finite_objective = isinstance(reward, ObjectiveReward) or reward == PenalizedReward(0.0)
    assert np.isinf(evaluation.violation).any()
    assert infinite.any() != finite_objective
    env = CoDesignVectorEnv(problem, num_envs=1, episode=episode, reward=reward)
    rng = np.random.default_rng(0)
    for row in rng.choice(len(designs), 60, replace=False):
        design = designs[[row]]
        env.reset(options={"design": design} if episode == "refine" else {})
        actions = {"one-shot": [design], "sequential": list(design.T), "refine": [design[:, 0]]}[episode]
        if episode == "refine" and infinite[row]:
            with pytest.raises(ValueError, match=r"refine: .* is infinite for design .*\(environment 0\), and rewards"):
                env.step(actions[0])
            continue
        for action in actions:
            observations, rewards, _, _, infos = env.step(action)
            assert not np.isnan(rewards).any()
            assert observations in env.observation_space
        for info in (infos, infos.get("final_info", {})):
            assert not any(np.isnan(info[name]).any() for name in METRIC_UNITS if name in info)


def test_an_infinite_violation_is_observed_as_one() -> None:
    problem = unmappable_problem()
    designs = problem.space.unrank(np.arange(problem.space.size))
    infinite = designs[np.isinf(problem.evaluate(designs).violation)]
    env = CoDesignEnv(problem, episode="refine")
    env.reset(options={"design": infinite[0]})
    observation, reward, *_ = env.step(int(infinite[0, 0]))
    assert np.isfinite(reward)
    assert observation[-1] == 1.0
    assert observation in env.observation_space


def _nan_accuracy(evaluation: Evaluation) -> Evaluation:
    return replace(evaluation, accuracy=np.full(len(evaluation), np.nan))


def _nan_objective(evaluation: Evaluation) -> Evaluation:
    return replace(evaluation, objective=np.where(np.arange(len(evaluation)) == 1, np.nan, evaluation.objective))


def _nan_energy(evaluation: Evaluation) -> Evaluation:
    cost = evaluation.cost
    return replace(evaluation, cost=Cost(cost.latency_s, np.full(len(evaluation), np.nan), cost.area_mm2))


@STYLES
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_nan_accuracy, r"error_pct is NaN for design \[.*\] \(environment 0\)"),
        (_nan_objective, r"objective is NaN for design \[.*\] \(environment 1\)"),
        (_nan_energy, r"energy_j is NaN for design .*look at the problem's cost table, accuracy and objective"),
    ],
)
def test_an_evaluation_of_nan_is_a_clear_error(episode: str, spoil: Any, message: str) -> None:
    class Spoiled:
        """A problem whose plug-in answers NaN."""

        name, space, objective = PROBLEM.name, PROBLEM.space, PROBLEM.objective

        def evaluate(self, designs: np.ndarray) -> Evaluation:
            return spoil(PROBLEM.evaluate(designs))

    env = CoDesignVectorEnv(Spoiled(), num_envs=2, episode=episode)  # type: ignore[arg-type]
    env.reset(seed=0)
    for _ in range(PROBLEM.space.num_choices - 1 if episode == "sequential" else 0):
        env.step(np.zeros(2, dtype=np.int64))
    action = np.zeros_like(env.action_space.sample())
    for _ in range(2):  # the episode is left as it was
        with pytest.raises(ValueError, match=f"{episode}: the evaluation's {message}"):
            env.step(action)


def test_an_objective_without_weight_ignores_infinite_costs() -> None:
    problem = replace(synthetic_problem(0, unmappable=80), objective=Objective(Linear(latency_s=1.0), weight=0.0))
    designs = problem.space.unrank(np.arange(problem.space.size))
    env = CoDesignVectorEnv(problem, num_envs=len(designs), reward="penalized")
    env.reset(seed=0)
    rewards, infos = env.step(designs)[1::3]
    assert np.isfinite(rewards).all()
    assert np.isinf(infos["final_info"]["latency_s"]).any()
