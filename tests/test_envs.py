"""The environments' contract, on synthetic problems: returns, observations, masks, seeds, bad input."""

from __future__ import annotations

import inspect
import re
import time
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.env_checker import check_env as sb3_check_env

from dance_env.envs import EPISODE_NAMES, CoDesignEnv, CoDesignVectorEnv
from dance_env.envs.infos import INFO_UNITS
from dance_env.objective import Constraint
from dance_env.problem import Problem
from dance_env.testing import synthetic_problem

STYLES = pytest.mark.parametrize("episode", EPISODE_NAMES)
PROBLEM = synthetic_problem(0)
LIMITED = synthetic_problem(1, constraints=(Constraint("latency_s", 0.004), Constraint("area_mm2", 1.5)))
ONE_OPTION = synthetic_problem(2, option_counts=(3, 1, 2))


def play(env: CoDesignVectorEnv, rng: np.random.Generator, *, seed: int | None = None) -> dict[str, Any]:
    """One masked random episode in every sub-environment: rewards (steps, num_envs) and the last step's five values."""
    env.reset(seed=seed)
    rewards = []
    while True:
        step = env.step(random_actions(env, rng))
        rewards.append(step[1])
        if (step[2] | step[3]).all():
            return {"rewards": np.array(rewards), "final_info": step[4]["final_info"], "step": step}


def random_actions(env: CoDesignVectorEnv, rng: np.random.Generator) -> np.ndarray:
    """Uniform over the meaningful actions."""
    if env.episode.name == "one-shot":
        return env.space.sample(rng, env.num_envs)
    masks = env.action_masks()
    return np.where(masks, rng.random(masks.shape), -1.0).argmax(axis=1)


# ------------------------------------------------------------------------------------------------------------- returns
@pytest.mark.parametrize("problem", [PROBLEM, LIMITED, ONE_OPTION], ids=["free", "limited", "one-option"])
@pytest.mark.parametrize("episode", ["one-shot", "sequential"])
def test_the_return_is_the_negated_objective_to_the_bit_for_every_design(problem: Problem, episode: str) -> None:
    designs = problem.space.unrank(np.arange(problem.space.size))
    env = CoDesignVectorEnv(problem, num_envs=len(designs), episode=episode)
    env.reset(seed=0)
    actions = [designs] if episode == "one-shot" else list(designs.T)
    steps = [env.step(each) for each in actions]
    returns = np.sum([rewards for _, rewards, *_ in steps], axis=0)
    np.testing.assert_array_equal(returns, -problem.evaluate(designs).objective)
    np.testing.assert_array_equal(steps[-1][4]["final_info"]["design"], designs)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), horizon=st.integers(1, 60))
def test_rewards_of_refine_telescope_to_the_negated_objective(seed: int, horizon: int) -> None:
    env = CoDesignVectorEnv(LIMITED, num_envs=16, episode="refine", horizon=horizon)
    played = play(env, np.random.default_rng(seed), seed=seed)
    assert len(played["rewards"]) == horizon
    expected = -LIMITED.evaluate(played["final_info"]["design"]).objective
    np.testing.assert_allclose(played["rewards"].sum(axis=0), expected, rtol=0, atol=1e-9)


@STYLES
def test_every_evaluation_is_paid_once(episode: str) -> None:
    asked: list[int] = []

    class Counting:
        """A problem that notes how many designs it is asked for."""

        name, space, objective = PROBLEM.name, PROBLEM.space, PROBLEM.objective

        def evaluate(self, designs: np.ndarray) -> Any:
            asked.append(len(designs))
            return PROBLEM.evaluate(designs)

    env = CoDesignVectorEnv(Counting(), num_envs=5, episode=episode)  # type: ignore[arg-type]
    played = play(env, np.random.default_rng(0), seed=0)
    assert asked == [5] * (len(played["rewards"]) if episode == "refine" else 1)


# -------------------------------------------------------------------------------------------- Gymnasium's and SB3's API
@STYLES
@pytest.mark.parametrize("problem", [PROBLEM, LIMITED, ONE_OPTION], ids=["free", "limited", "one-option"])
def test_both_checkers_pass_without_a_warning(problem: Problem, episode: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(CoDesignEnv(problem=problem, episode=episode), skip_render_check=True)  # no spec, no other modes
        sb3_check_env(CoDesignEnv(problem=problem, episode=episode))


@STYLES
def test_vector_steps_are_in_the_spaces_and_fresh(episode: str) -> None:
    env = CoDesignVectorEnv(PROBLEM, num_envs=7, episode=episode)
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert env.action_space.shape == (7, *env.single_action_space.shape)
    observations, _ = env.reset(seed=3)
    kept = [observations]
    env.action_space.seed(3)
    for _ in range(2 * env.episode.horizon + 1):
        observations, rewards, terminated, truncated, _ = env.step(env.action_space.sample())
        assert observations in env.observation_space
        assert (rewards.dtype, rewards.shape) == (np.float64, (7,))
        assert (terminated.dtype, truncated.dtype, terminated.shape) == (np.bool_, np.bool_, (7,))
        assert not any(np.shares_memory(observations, earlier) for earlier in kept)
        kept.append(observations)


@STYLES
def test_the_vector_env_equals_gymnasiums_own_over_single_envs(episode: str) -> None:
    """SyncVectorEnv is the reference for autoreset and infos; episodes start from the same designs."""
    ours = CoDesignVectorEnv(LIMITED, num_envs=3, episode=episode)
    theirs = SyncVectorEnv(
        [lambda: CoDesignEnv(problem=LIMITED, episode=episode)] * 3, autoreset_mode=AutoresetMode.SAME_STEP
    )
    start = {"design": LIMITED.space.sample(np.random.default_rng(5), 1)[0]} if episode == "refine" else {}
    (first, info), (other, other_info) = ours.reset(seed=1, options=start), theirs.reset(seed=1, options=start)
    np.testing.assert_array_equal(first, other)
    assert info == other_info == {}
    ours.action_space.seed(1)
    for number in range(ours.episode.horizon):
        actions = ours.action_space.sample()
        mine, reference = ours.step(actions), theirs.step(actions)
        last = number == ours.episode.horizon - 1
        for index in range(1 if last and episode == "refine" else 0, 4):  # the next starting designs are random
            np.testing.assert_array_equal(mine[index], reference[index])
            assert mine[index].dtype == reference[index].dtype
        assert_equal_infos(mine[4], reference[4])


def assert_equal_infos(mine: dict[str, Any], reference: dict[str, Any]) -> None:
    assert set(mine) == set(reference)
    for key, value in reference.items():
        if isinstance(value, dict):
            assert_equal_infos(mine[key], value)
        elif value.dtype == object:
            assert mine[key].dtype == object
            for one, other in zip(mine[key], value, strict=True):
                np.testing.assert_array_equal(one, other)
        else:
            np.testing.assert_array_equal(mine[key], value)
            assert mine[key].dtype == value.dtype, key


def one_episode(env: gymnasium.vector.VectorEnv) -> Any:
    """The infos of the last step."""
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(env.unwrapped.episode.horizon):  # type: ignore[attr-defined]
        infos = env.step(env.action_space.sample())[4]
    return infos


@STYLES
def test_gymnasiums_vector_wrappers_work(episode: str) -> None:
    env = CoDesignVectorEnv(PROBLEM, num_envs=4, episode=episode)
    infos = one_episode(gymnasium.wrappers.vector.RecordEpisodeStatistics(env))
    np.testing.assert_allclose(infos["episode"]["r"], -infos["final_info"]["objective"], rtol=0, atol=1e-9)
    listed = one_episode(gymnasium.wrappers.vector.DictInfoToList(env))
    for row, info in enumerate(listed):
        assert info["final_info"]["objective"] == infos["final_info"]["objective"][row]
        np.testing.assert_array_equal(info["final_obs"], infos["final_obs"][row])


# -------------------------------------------------------------------------------------------------------- observations
def test_observations_of_one_shot_and_sequential_are_the_choices_made() -> None:
    design = PROBLEM.space.sample(np.random.default_rng(0), 1)
    one_hot = PROBLEM.space.one_hot(design)[0]
    env = CoDesignEnv(problem=PROBLEM)
    assert not env.reset(seed=0)[0].any()
    np.testing.assert_array_equal(env.step(design[0])[0], one_hot)

    env = CoDesignEnv(problem=PROBLEM, episode="sequential")
    observation, _ = env.reset(seed=0)
    options, choices = PROBLEM.space.num_options, PROBLEM.space.num_choices
    for made, option in enumerate(design[0]):
        np.testing.assert_array_equal(observation[options:], np.eye(choices)[made])
        assert observation[:options].sum() == made
        observation = env.step(option)[0]
    np.testing.assert_array_equal(observation[:options], one_hot)
    assert not observation[options:].any()


def test_observations_of_refine_tell_design_progress_and_verdict() -> None:
    env = CoDesignEnv(problem=LIMITED, episode="refine", horizon=4)
    start = LIMITED.space.sample(np.random.default_rng(0), 1)
    observation, _ = env.reset(options={"design": start[0]})
    options = LIMITED.space.num_options
    np.testing.assert_array_equal(observation[:options], LIMITED.space.one_hot(start)[0])
    assert not observation[options:].any()
    observation, _, _, _, info = env.step(int(start[0, 0]))  # sets what stands already
    np.testing.assert_array_equal(info["design"], start[0])
    objective, violation = info["objective"], info["violation"]
    assert violation > 0
    expected = [1 / 4, info["error_pct"] / 100, objective / (objective + 10), violation / (violation + 1)]
    np.testing.assert_allclose(observation[options:], expected, rtol=1e-6)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1))
def test_refine_sets_the_option_of_the_flat_index(seed: int) -> None:
    rng = np.random.default_rng(seed)
    space = PROBLEM.space
    design = space.sample(rng, 1)[0]
    env = CoDesignEnv(problem=PROBLEM, episode="refine", horizon=10)
    env.reset(options={"design": design})
    for _ in range(10):
        choice = int(rng.integers(space.num_choices))
        option = int(rng.integers(space.option_counts[choice]))
        design[choice] = option
        np.testing.assert_array_equal(env.step(int(space.offsets[choice]) + option)[4]["design"], design)


@STYLES
def test_info_has_the_documented_keys_and_the_evaluations_values(episode: str) -> None:
    env = CoDesignEnv(problem=LIMITED, episode=episode)
    env.reset(seed=0)
    env.action_space.seed(0)
    terminated = truncated = False
    while not (terminated or truncated):
        _, _, terminated, truncated, info = env.step(env.action_space.sample())
        assert set(info) == (set(INFO_UNITS) if episode != "sequential" or terminated else set())
    assert terminated  # refine too: its horizon is part of the task
    assert not truncated
    evaluation = LIMITED.evaluate(info["design"][None])
    for key in ("objective", "error_pct", "violation"):
        assert type(info[key]) is float
        assert info[key] == getattr(evaluation, key)[0]
    for key in ("latency_s", "energy_j", "area_mm2", "edap_js_mm2"):
        assert info[key] == getattr(evaluation.cost, key)[0]


def test_the_docstring_is_the_specification() -> None:
    text = inspect.cleandoc(CoDesignEnv.__doc__ or "")  # since Python 3.13 the compiler takes the indentation off
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert headings == [
        "Description", "Action Space", "Observation Space", "Rewards", "Starting State", "Episode End", "Information",
        "Arguments", "Version History",
    ]  # fmt: skip
    for name in (*INFO_UNITS, *EPISODE_NAMES):
        assert f"`{name}`" in text


# --------------------------------------------------------------------------------------------------------------- masks
def test_masks_of_sequential_are_the_options_of_the_choice_at_hand() -> None:
    env = CoDesignVectorEnv(ONE_OPTION, num_envs=3, episode="sequential")
    env.reset(seed=0)
    for count in ONE_OPTION.space.option_counts:
        masks = env.action_masks()
        assert (masks.shape, masks.dtype) == ((3, int(env.single_action_space.n)), np.bool_)
        np.testing.assert_array_equal(masks.sum(axis=1), count)
        assert masks[:, :count].all()
        env.step(np.zeros(3, dtype=np.int64))


@pytest.mark.parametrize("episode", ["one-shot", "refine"])
def test_masks_of_the_other_styles_are_all_true(episode: str) -> None:
    env = CoDesignEnv(problem=PROBLEM, episode=episode)
    env.reset(seed=0)
    assert (env.action_masks().shape, env.action_masks().all()) == ((PROBLEM.space.num_options,), True)


def test_an_action_beyond_the_options_wraps_modulo_in_sequential() -> None:
    space = ONE_OPTION.space
    most = int(space.option_counts.max())
    env = CoDesignEnv(problem=ONE_OPTION, episode="sequential")
    for action in range(most):
        env.reset(seed=0)
        for _ in range(space.num_choices):
            info = env.step(action)[4]
        np.testing.assert_array_equal(info["design"], action % space.option_counts)


# --------------------------------------------------------------------------------------------------------------- seeds
@STYLES
def test_same_seed_same_trace_and_global_generators_untouched(episode: str) -> None:
    def trace(seed: int) -> list[Any]:
        env = CoDesignVectorEnv(PROBLEM, num_envs=3, episode=episode)
        steps = [env.reset(seed=seed)[0]]
        env.action_space.seed(seed)
        for _ in range(2 * env.episode.horizon):
            steps += env.step(env.action_space.sample())[:2]
        return steps

    np.random.seed(11)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first, second, other = trace(4), trace(4), trace(5)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, two)
    assert any(not np.array_equal(one, two) for one, two in zip(first, other, strict=True))


def test_masked_uniform_actions_of_sequential_are_uniform_over_designs() -> None:
    """Unmasked ones are not: an action beyond a choice's options wraps around."""
    space = ONE_OPTION.space
    env = CoDesignVectorEnv(ONE_OPTION, num_envs=6000, episode="sequential")
    rng = np.random.default_rng(0)
    designs = play(env, rng, seed=0)["final_info"]["design"]
    for column, count in enumerate(space.option_counts):
        shares = np.bincount(designs[:, column], minlength=count) / len(designs)
        np.testing.assert_allclose(shares, 1 / count, atol=0.03)


def test_a_single_env_starts_as_a_vector_of_one() -> None:
    single = CoDesignEnv(problem=PROBLEM, episode="refine")
    vector = single.vector(1)
    for _ in range(3):
        np.testing.assert_array_equal(single.reset(seed=9)[0], vector.reset(seed=9)[0][0])
        np.testing.assert_array_equal(single.reset()[0], vector.reset()[0][0])


# -------------------------------------------------------------------------------------------------------------- handle
def test_a_solver_finds_space_evaluate_relax_and_vector_on_the_env() -> None:
    env = CoDesignEnv(problem=PROBLEM, episode="refine", horizon=5)
    designs = env.space.sample(np.random.default_rng(0), 4)
    np.testing.assert_array_equal(env.evaluate(designs).objective, PROBLEM.evaluate(designs).objective)
    vector = env.vector(3)
    assert (vector.problem, vector.episode.horizon, vector.num_envs) == (PROBLEM, 5, 3)
    assert env.vector(2, episode="one-shot").episode.name == "one-shot"
    assert env.relax(dtype="float32") is not None


@pytest.mark.parametrize("make", [CoDesignEnv, CoDesignVectorEnv])
def test_both_environments_take_the_same_first_argument(make: Any) -> None:
    assert make(PROBLEM).problem is make(problem=PROBLEM).problem is PROBLEM
    assert make("tiny").problem.name == make(problem="tiny").problem.name == make(task="tiny").problem.name


def test_the_vector_env_steps_a_hundred_thousand_designs_a_second() -> None:
    env = CoDesignVectorEnv(PROBLEM, num_envs=4096)
    env.reset(seed=0)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(8)]
    rates = []
    for _ in range(5):
        start = time.process_time()  # what else runs on the machine is not our speed
        for each in actions:
            env.step(each)
        rates.append(len(actions) * env.num_envs / (time.process_time() - start))
    assert max(rates) > 100_000
