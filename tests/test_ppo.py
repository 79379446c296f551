"""PPO: the adapter between the batched env and stable-baselines3, the scale of rewards, and that it learns."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3.common.distributions import MultiCategoricalDistribution
from stable_baselines3.common.vec_env import VecEnv

from dance_env.envs import CoDesignEnv, CoDesignVectorEnv, PenalizedReward
from dance_env.objective import Constraint
from dance_env.problem import Problem
from dance_env.testing import synthetic_problem
from solvers import make_solver
from solvers.contract.isolation import isolated_global_state
from solvers.methods.rl.grouped_actions import GroupedCategoricals
from solvers.methods.rl.ppo import PPO
from solvers.methods.rl.return_scale import ReturnScale
from solvers.methods.rl.vec_env import CoDesignVecEnv


def with_weight(problem: Problem, weight: float) -> Problem:
    """The same problem, its cost weighing more or less."""
    return replace(problem, objective=replace(problem.objective, weight=weight))


def adapter(episode: str, num_envs: int = 3, **limits: float) -> CoDesignVecEnv:
    constraints = tuple(Constraint(metric, limit) for metric, limit in limits.items())  # type: ignore[arg-type]
    env: Any = CoDesignEnv(problem=synthetic_problem(0, constraints=constraints)).vector(num_envs, episode=episode)
    env.reward = PenalizedReward(weight=10.0) if limits else "objective"
    return CoDesignVecEnv(env, seed=0)


# ------------------------------------------------------------------------------------------------------- the adapter


@pytest.mark.parametrize("episode", ["one-shot", "sequential", "refine"])
def test_adapter_is_a_vec_env_that_resets_itself(episode: str) -> None:
    envs = adapter(episode)
    assert isinstance(envs, VecEnv)
    observations = envs.reset()
    space = CoDesignEnv(problem=synthetic_problem(0), episode=episode)
    rng = np.random.default_rng(0)
    for step in range(2 * space.episode.horizon):
        before = observations
        actions = rng.integers(2, size=(3, *envs.action_space.shape))  # type: ignore[misc]
        observations, rewards, dones, infos = envs.step(actions)
        assert observations.shape == (3, *envs.observation_space.shape)  # type: ignore[misc]
        assert (rewards.shape, rewards.dtype, len(infos)) == ((3,), np.float32, 3)
        last = (step + 1) % space.episode.horizon == 0
        assert dones.tolist() == [last] * 3
        for row, info in enumerate(infos):
            assert ("terminal_observation" in info) == last
            assert "TimeLimit.truncated" not in info
            if last:
                assert info["terminal_observation"].shape == envs.observation_space.shape
                assert not np.array_equal(info["terminal_observation"], before[row])
    envs.close()


def test_standardized_return_falls_with_the_objective() -> None:
    problem = synthetic_problem(0)
    envs = adapter("one-shot", num_envs=64)
    envs.reset()
    rng = np.random.default_rng(0)
    for _ in range(3):
        designs = problem.space.sample(rng, 64)
        _, rewards, _, _ = envs.step(designs)
        objective = problem.evaluate(designs).objective
        inside = np.abs(rewards) < 4.0
        order = np.argsort(objective[inside])
        assert (np.diff(rewards[inside][order]) <= 0).all()
        assert -1.0 < np.median(rewards) < 1.0


def test_refine_return_is_standardized_once_an_episode() -> None:
    """Rewards of refine telescope to -J_T; in units of the spread, less the center, they telescope as well."""
    problem = synthetic_problem(0)
    envs = adapter("refine", num_envs=8)
    envs.reset()
    horizon = 2 * problem.space.num_choices
    rng = np.random.default_rng(0)
    total = np.zeros(8)
    for step in range(horizon):
        actions = rng.integers(problem.space.num_options, size=8)
        _, rewards, _, infos = envs.step(actions)
        total += rewards
        if step == 0:
            first = envs.scale.center, envs.scale.spread
    last = np.array([info["terminal_observation"][: problem.space.num_options] for info in infos])
    designs = problem.space.nearest(last)
    expected = (-problem.evaluate(designs).objective - first[0]) / first[1]
    np.testing.assert_allclose(total, expected, atol=1e-4)


def test_penalty_lowers_the_reward_of_infeasible_designs() -> None:
    problem = synthetic_problem(0, constraints=(Constraint("latency_s", 0.005),))
    designs = problem.space.sample(np.random.default_rng(0), 200)
    evaluation = problem.evaluate(designs)
    envs = adapter("one-shot", num_envs=200, latency_s=0.005)
    envs.reset()
    _, rewards, _, _ = envs.step(designs)
    punished = evaluation.objective + 10.0 * evaluation.violation
    inside = np.abs(rewards) < 4.0
    order = np.argsort(punished[inside])
    assert (np.diff(rewards[inside][order]) <= 0).all()


def test_adapter_answers_stable_baselines3() -> None:
    envs = adapter("sequential")
    envs.reset()
    assert envs.get_attr("render_mode") == [None] * 3
    assert envs.get_attr("num_envs", indices=[0, 2]) == [3, 3]
    assert envs.env_is_wrapped(CoDesignVectorEnv) == [False] * 3
    masks = envs.env_method("action_masks", indices=1)
    assert len(masks) == 1
    assert masks[0].shape == (3,)
    with pytest.raises(NotImplementedError, match="cannot set 'render_mode'"):
        envs.set_attr("render_mode", None)


# ---------------------------------------------------------------------------------------------------------- the scale


def test_grouped_choices_are_those_of_stable_baselines3_to_the_bit() -> None:
    sizes, rows = [3, 2, 3, 5, 2, 1], 7
    given = torch.randn(rows, sum(sizes), generator=torch.Generator().manual_seed(0))
    outcomes = []
    for kind in (MultiCategoricalDistribution, GroupedCategoricals):
        logits = given.clone().requires_grad_()
        distribution = kind(sizes).proba_distribution(logits)
        with isolated_global_state(0):
            actions = distribution.sample()
        log_prob, entropy = distribution.log_prob(actions.float()), distribution.entropy()
        (log_prob.mean() + 0.1 * entropy.mean()).backward()
        outcomes.append((actions, distribution.mode(), log_prob.detach(), entropy.detach(), logits.grad))
    for theirs, ours in zip(*outcomes, strict=True):
        assert torch.equal(theirs, ours)


def test_scale_is_robust_against_a_few_enormous_returns() -> None:
    rng = np.random.default_rng(0)
    scale = ReturnScale()
    returns = rng.normal(-50.0, 2.0, 400)
    returns[::40], returns[1::40] = -1e9, -np.inf
    scale.update(returns)
    assert scale.center == pytest.approx(-50.0, abs=0.5)
    assert scale.spread == pytest.approx(2.0, abs=0.4)
    standard = scale.standardize(np.array([-50.0, -48.0, -np.inf]), offset=True)
    np.testing.assert_allclose(standard, [0.0, 1.0, -4.0], atol=0.4)


def test_scale_of_returns_that_do_not_vary_or_are_all_infinite() -> None:
    scale = ReturnScale()
    scale.update(np.full(5, -np.inf))
    assert (scale.center, scale.spread) == (0.0, 1.0)
    scale.update(np.full(5, 3.0))
    assert (scale.center, scale.spread) == (3.0, 1.0)
    scale.update(np.array([9.0]))
    assert scale.spread > 0


# --------------------------------------------------------------------------------------------------------- the solver


def test_ppo_learns() -> None:
    """The median of its second half is among the best tenth of its first designs, and it beats random search."""
    problem = synthetic_problem(1, option_counts=(3,) * 7)
    for seed in range(2):
        result = PPO(updates=50).solve(problem, budget=800, seed=seed)
        objective = result.trace.objective
        assert np.median(objective[400:]) < np.quantile(objective[:64], 0.1)
        chance = make_solver("random").solve(problem, budget=800, seed=seed)
        assert result.best_objective < chance.best_objective


@pytest.mark.parametrize(
    "settings",
    [{"episode": "sequential", "hidden": (32,), "learning_rate": 3e-3}, {"episode": "refine", "hidden": (32,)}],
)
def test_ppo_learns_in_the_other_styles(settings: dict[str, Any]) -> None:
    problem = synthetic_problem(1)
    solver = PPO(**({"learning_rate": 3e-3, "updates": 40, "epochs": 4} | settings))
    objective = solver.solve(problem, budget=1200, seed=0).trace.objective
    assert np.median(objective[-200:]) < np.median(objective[:200])


def test_scale_of_the_objective_is_no_matter() -> None:
    """Costs that weigh a thousand or a million times as much as error, which then hardly counts: the same search."""
    problem = synthetic_problem(1, option_counts=(3,) * 7)
    first, second = (
        PPO(updates=20).solve(with_weight(problem, weight), budget=300, seed=0).trace.designs for weight in (1e3, 1e6)
    )
    assert (first == second).all(axis=1).mean() > 0.9


def test_limits_are_learned() -> None:
    """Where a tenth of all designs meet the limit, more than half of those that the policy has come to propose do."""
    problem = synthetic_problem(3, option_counts=(3,) * 7, constraints=(Constraint("latency_s", 0.0055),))
    by_chance = problem.evaluate(problem.space.sample(np.random.default_rng(0), 5000)).feasible.mean()
    feasible = PPO(updates=60).solve(problem, budget=1000, seed=0).trace.feasible
    assert by_chance < 0.1
    assert feasible[-200:].mean() > 0.5


@pytest.mark.parametrize("budget", [1, 7, 33, 500])
@pytest.mark.parametrize("episode", ["one-shot", "sequential", "refine"])
def test_any_budget_is_spent_to_the_last_evaluation(episode: str, budget: int) -> None:
    result = PPO(episode=episode, hidden=(8,), epochs=1).solve(synthetic_problem(0), budget=budget, seed=0)
    assert len(result.trace) == result.ledger.spent == budget


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"episode": "oneshot"}, "there is no episode style 'oneshot'. Did you mean 'one-shot'"),
        ({"epochs": 0}, "epochs is at least 1, not 0"),
        ({"updates": 0}, "updates is at least 1"),
        ({"smallest_batch": 4, "minibatches": 3}, "a smallest batch of 4 cannot be split into 3"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PPO(**settings)


# ----------------------------------------------------------------------------------------------------- the isolation


def draw() -> tuple[float, float, float]:
    return random.random(), np.random.random(), torch.rand(()).item()  # noqa: NPY002


def test_isolation_seeds_inside_and_restores_outside_even_after_an_error() -> None:
    threads = torch.get_num_threads()
    with isolated_global_state(1):  # a known state, of this test only
        expected = draw(), draw()
    with isolated_global_state(1, threads=None):
        assert torch.get_num_threads() == threads
        assert draw() == expected[0]
        with isolated_global_state(5):
            inside = draw()
            assert torch.get_num_threads() == 1
        try:
            with isolated_global_state(5):
                assert draw() == inside
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        assert draw() == expected[1], "as if nothing had been drawn in between"
    assert torch.get_num_threads() == threads
