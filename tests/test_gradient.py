"""What the gradient solvers share: the descent, hard constraints (HDX), the plan of a round, devices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dance_env.objective import EDAP, Constraint, Objective
from dance_env.testing import synthetic_problem
from solvers.contract.meter import Meter
from solvers.contract.metered_problem import MeteredProblem
from solvers.methods.dance.conditional import DanceConditional
from solvers.methods.dance.dance import Dance
from solvers.methods.dance.evaluator import MUON, EvaluatorSettings
from solvers.methods.dance.front import DanceFront
from solvers.methods.dance.refined import DanceExact, DanceRefined
from solvers.methods.edd import EDD
from solvers.methods.gradient.descent import DescentSettings, Prediction, descend, geometric, softmax_blocks
from solvers.methods.gradient.evaluated import EvaluatedDesigns
from solvers.methods.gradient.hdx import HardConstraints, HdxSettings
from solvers.methods.gradient.options import most_probable, one_hot
from solvers.methods.gradient.plan import plan_round
from solvers.methods.separate import Separate, SeparateFlops

COUNTS = (3, 2, 4)
ERRORS = torch.tensor([4.0, 1.0, 2.0, 0.0, 3.0, 5.0, 5.0, 0.5, 2.0], dtype=torch.float64)  # of each option
COSTS = torch.tensor([0.0, 9.0, 1.0, 5.0, 0.0, 0.0, 1.0, 9.0, 2.0], dtype=torch.float64)


def objective(*limits: Constraint, weight: float = 1.0) -> Objective:
    return Objective(EDAP(1.0), weight=weight, constraints=limits)


def additive(probs: torch.Tensor, _: float) -> Prediction:
    """Error and cost add up over the choices; the latency is the cost."""
    cost = SimpleNamespace(latency_s=probs @ COSTS, energy_j=probs @ COSTS, area_mm2=torch.ones(len(probs)))
    return Prediction(probs @ ERRORS, cost, probs @ COSTS)


def best_options(weight: float) -> list[int]:
    blocks = torch.split(ERRORS + weight * COSTS, list(COUNTS))
    return [int(block.argmin()) for block in blocks]


# The descent


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0, 10.0])
def test_the_descent_ends_at_the_optimum_of_an_additive_problem(weight):
    start = torch.tensor(np.random.default_rng(0).normal(0.0, 0.5, (20, sum(COUNTS))))
    before = start.clone()
    parameters = descend(
        additive,
        start,
        option_counts=COUNTS,
        objective=objective(weight=weight),
        steps=60,
        settings=DescentSettings(warm_up=0.0),
    )
    assert torch.equal(start, before)
    networks = most_probable(parameters.numpy(), COUNTS)
    assert (networks == best_options(weight)).all()


def test_searches_side_by_side_do_not_touch_each_other():
    start = torch.tensor(np.random.default_rng(0).normal(0.0, 2.0, (5, sum(COUNTS))))
    settings = {"option_counts": COUNTS, "objective": objective(), "steps": 7, "settings": DescentSettings()}
    together = descend(additive, start, **settings)
    alone = torch.cat([descend(additive, row, **settings) for row in start.split(1)])
    torch.testing.assert_close(together, alone)


def test_lambda2_rises_over_the_warm_up():
    """Adam's first step follows the sign of the gradient: nearly of the error alone, where the warm-up is long."""
    start = torch.zeros(1, 2, dtype=torch.float64)

    def opposed(probs: torch.Tensor, _: float) -> Prediction:
        return Prediction(probs[:, 0], None, 5.0 * probs[:, 1])

    moved = {
        warm_up: descend(
            opposed,
            start,
            option_counts=(2,),
            objective=objective(),
            steps=10,
            settings=DescentSettings(warm_up=warm_up),
        )[0]
        for warm_up in (0.0, 1.0)
    }
    assert moved[0.0][1] < moved[0.0][0]  # the cost's minimum
    steps: list[float] = []
    descend(
        opposed,
        start,
        option_counts=(2,),
        objective=objective(),
        steps=10,
        settings=DescentSettings(warm_up=1.0),
        each_step=lambda _, probs, __: steps.append(float(probs[0, 1])),
    )
    assert steps[1] > steps[0]  # away from option 0, which errs
    assert steps[-1] < max(steps)  # and back, once the cost counts in full


def test_softmax_and_temperature():
    logits = torch.randn(4, 9, generator=torch.Generator().manual_seed(0))
    blocks = softmax_blocks(logits, COUNTS).split(COUNTS, dim=1)
    for block, part in zip(blocks, logits.split(COUNTS, dim=1), strict=True):
        torch.testing.assert_close(block, torch.softmax(part, dim=1))
    assert geometric((4.0, 1.0), 0.0) == 4.0
    assert geometric((4.0, 1.0), 0.5) == pytest.approx(2.0)
    assert geometric((4.0, 1.0), 1.0) == pytest.approx(1.0)


# HDX


def corrected(
    gradient: torch.Tensor, metrics: list[torch.Tensor], limits: list[float], *, delta: float = 0.3, hard=None
) -> tuple[torch.Tensor, list[torch.Tensor], HardConstraints]:
    """A gradient after correction, and each limit's gradient: the metrics are linear in the logits (R, O)."""
    logits = torch.zeros_like(gradient).requires_grad_(True)
    values = [1.0 + logits @ slope for slope in metrics]
    cost = SimpleNamespace(latency_s=values[0], energy_j=values[-1])
    names = ("latency_s", "energy_j")[: len(metrics)]
    constraints = tuple(Constraint(name, limit) for name, limit in zip(names, limits, strict=True))
    settings = HdxSettings(delta=delta, growth=0.5, margin=(0.0, 0.0))
    hard = hard or HardConstraints(constraints, len(gradient), settings)
    found = hard.correct(gradient, logits, torch.zeros(len(gradient)), cost)
    slopes = [(slope / limit).expand_as(gradient) for slope, limit in zip(metrics, limits, strict=True)]
    return found, slopes, hard


def agreement(gradient: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
    return (gradient * slope).sum(dim=1)


def draw(rows: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return (
        torch.randn(rows, 6, generator=rng, dtype=torch.float64),
        torch.randn(6, generator=rng, dtype=torch.float64),
        torch.randn(6, generator=rng, dtype=torch.float64),
    )


def test_after_the_correction_the_gradient_agrees_with_the_violated_limit():
    gradient, slope, _ = draw(50, 0)
    found, (wanted,), _ = corrected(gradient, [slope], [0.5])
    delta = 0.3 * gradient.norm(dim=1) * wanted.norm(dim=1)
    before = agreement(gradient, wanted)
    assert (before < delta).any()
    assert (before >= delta).any()
    assert (agreement(found, wanted) >= delta - 1e-9).all()
    kept = before >= delta
    assert torch.equal(found[kept], gradient[kept])
    # The smallest m that does it: along the limit's gradient, and no longer than needed.
    torch.testing.assert_close(agreement(found, wanted)[~kept], delta[~kept])
    m = (found - gradient)[~kept]
    cosine = agreement(m, wanted[~kept]) / (m.norm(dim=1) * wanted[~kept].norm(dim=1))
    torch.testing.assert_close(cosine, torch.ones_like(cosine))


def test_a_limit_that_is_met_changes_nothing():
    gradient, slope, _ = draw(20, 1)
    found, _, _ = corrected(gradient, [slope], [1.5])
    assert torch.equal(found, gradient)


@pytest.mark.parametrize("limits", [(0.5, 0.8), (0.8, 0.5)])
def test_of_two_violated_limits_the_worse_is_satisfied_exactly(limits):
    gradient, first, second = draw(50, 2)
    found, slopes, _ = corrected(gradient, [first, second], list(limits))
    worse = int(np.argmin(limits))  # 1 / limit - 1 is the excess
    others, wanted = slopes[1 - worse], slopes[worse]
    step = (
        gradient
        + torch.clamp(
            (0.3 * gradient.norm(dim=1) * others.norm(dim=1) - agreement(gradient, others))
            / others.square().sum(dim=1),
            min=0.0,
        )[:, None]
        * others
    )
    delta = 0.3 * step.norm(dim=1) * wanted.norm(dim=1)
    assert (agreement(found, wanted) >= delta - 1e-9).all()
    assert (agreement(gradient, wanted) < delta).any()


def test_delta_grows_while_a_limit_is_violated_and_resets_when_it_is_met():
    gradient = torch.tensor([[-1.0, 0.0]], dtype=torch.float64)
    slope = torch.tensor([1.0, 0.0], dtype=torch.float64)
    reached = []
    hard = None
    for _ in range(3):
        found, (wanted,), hard = corrected(gradient, [slope], [0.5], delta=0.1, hard=hard)
        reached.append(float(agreement(found, wanted) / (gradient.norm() * wanted.norm())))
    assert reached == pytest.approx([0.1, 0.15, 0.225])
    logits = torch.zeros_like(gradient).requires_grad_(True)
    met = SimpleNamespace(latency_s=0.1 + logits @ slope, energy_j=None)
    hard.correct(gradient, logits, torch.zeros(1), met)
    found, (wanted,), _ = corrected(gradient, [slope], [0.5], delta=0.1, hard=hard)
    assert float(agreement(found, wanted) / (gradient.norm() * wanted.norm())) == pytest.approx(0.1)


def test_each_search_keeps_its_own_delta():
    gradient = torch.tensor([[-1.0, 0.0], [-1.0, 0.0]], dtype=torch.float64)
    slope = torch.tensor([1.0, 0.0], dtype=torch.float64)
    hard = HardConstraints((Constraint("latency_s", 0.5),), 2, HdxSettings(delta=0.1, growth=1.0, margin=(0.0, 0.0)))
    offsets = torch.tensor([1.0, 0.1], dtype=torch.float64)  # the second search meets the limit
    for _ in range(2):
        logits = torch.zeros_like(gradient).requires_grad_(True)
        cost = SimpleNamespace(latency_s=offsets + logits @ slope)
        found = hard.correct(gradient, logits, torch.zeros(2), cost)
    assert float(found[0, 0]) == pytest.approx(0.2)
    assert torch.equal(found[1], gradient[1])


def test_hard_constraints_keep_a_descent_within_a_limit():
    """Without them the best network of `additive` at this weight costs far more than the limit."""
    limit = Constraint("latency_s", 4.0)
    start = torch.zeros(1, sum(COUNTS), dtype=torch.float64)
    costs = {}
    for hdx in (None, HdxSettings(margin=(0.0, 0.0))):
        parameters = descend(
            additive,
            start,
            option_counts=COUNTS,
            objective=objective(limit, weight=0.0),
            steps=60,
            settings=DescentSettings(),
            hard=None if hdx is None else HardConstraints((limit,), 1, hdx),
        )
        network = one_hot(most_probable(parameters.numpy(), COUNTS), COUNTS)
        costs[hdx is not None] = float((network @ COSTS.numpy())[0])
    assert costs[False] > 20.0
    assert costs[True] <= 4.0


# The plan


@given(
    left=st.integers(1, 5000),
    steps=st.integers(1, 60),
    restarts=st.integers(1, 80),
    evaluations=st.integers(1, 200),
    queries=st.integers(1, 3),
    vertex_queries=st.integers(0, 100),
)
def test_a_round_never_plans_more_than_is_left(left, steps, restarts, evaluations, queries, vertex_queries):
    settings = DescentSettings(steps=steps, restarts=restarts)
    plan = plan_round(left, settings, evaluations=evaluations, queries=queries, vertex_queries=vertex_queries)
    spent = plan.restarts * plan.steps * queries + plan.vertex_queries + plan.evaluations
    assert 1 <= spent <= left
    assert 1 <= plan.evaluations <= evaluations
    assert 0 <= plan.vertex_queries <= vertex_queries
    assert 1 <= plan.restarts <= restarts
    assert 0 <= plan.steps <= steps


@given(left=st.integers(1, 20_000))
def test_rounds_spend_any_budget_to_the_last_query(left):
    """The sum over rounds: every plan spends something, the last rounds on evaluations alone."""
    rounds = 0
    while left:
        plan = plan_round(left, DescentSettings(), evaluations=64, vertex_queries=64)
        left -= plan.restarts * plan.steps + plan.vertex_queries + plan.evaluations
        rounds += 1
        assert left >= 0
    assert rounds < 200


# What was evaluated


def test_no_design_is_evaluated_twice_and_the_best_networks_come_first():
    problem = synthetic_problem(6)
    metered = MeteredProblem(problem, Meter(1000, problem))
    designs = problem.space.sample(np.random.default_rng(0), 40)
    evaluated = EvaluatedDesigns(metered)
    assert evaluated.evaluate(np.repeat(designs[:3], 2, axis=0), most=10) == 3
    assert evaluated.evaluate(designs[:5], most=10) == 2
    assert evaluated.evaluate(designs, most=10**6) == len(np.unique(designs, axis=0)) - 5
    order = np.argsort(problem.evaluate(designs).objective, kind="stable")
    networks = designs[order][:, problem.space.network]
    first = list(dict.fromkeys(tuple(each) for each in networks))[:4]
    assert [tuple(each) for each in evaluated.best_networks(4)] == first


# Devices


@pytest.fixture
def another_device(monkeypatch: pytest.MonkeyPatch) -> str:
    """A device that no tensor may share an operation with another device on: torch's "meta", which holds no values.

    Arrays that are read back from it are zeros; a number is one, and true.
    """
    on_meta = {
        "cpu": lambda it: torch.zeros(it.shape, dtype=it.dtype),
        "__bool__": lambda _: True,
        "item": lambda _: 1.0,
    }

    def replaced(name: str) -> Callable[[torch.Tensor], Any]:
        original = getattr(torch.Tensor, name)
        return lambda it: on_meta[name](it) if it.is_meta else original(it)

    for name in on_meta:
        monkeypatch.setattr(torch.Tensor, name, replaced(name))
    monkeypatch.setattr(torch.Tensor, "__float__", lambda it: float(it.item()))
    monkeypatch.setattr(torch.Tensor, "tolist", lambda it: it.cpu().numpy().tolist())
    return "meta"


def test_the_device_of_these_tests_refuses_tensors_of_the_cpu(another_device):
    with pytest.raises(RuntimeError, match="meta"):
        torch.zeros(3, device=another_device) + torch.zeros(3)


SMALL = EvaluatorSettings(
    networks=128,
    pairs=256,
    generator=replace(MUON.generator, batch=64, epochs=4),
    estimator=replace(MUON.estimator, batch=64),
    generator_width=16,
    estimator_width=16,
)


@pytest.mark.parametrize(
    "solver",
    [
        Dance(evaluator=SMALL, steps=5, device="meta"),
        DanceFront(dance=Dance(evaluator=SMALL, steps=5, device="meta"), lambdas=(0.5, 2.0)),
        DanceRefined(evaluator=SMALL, device="meta"),
        DanceRefined(evaluator=replace(SMALL, feature_forwarding=False), device="meta"),
        DanceExact(device="meta"),
        DanceConditional(device="meta"),
        EDD(device="meta"),
        Separate(device="meta"),
        SeparateFlops(device="meta"),
    ],
    ids=lambda solver: solver.name,
)
def test_every_gradient_solver_runs_on_another_device(solver, another_device, own_cache):
    problem = synthetic_problem(0)
    limits = (Constraint("latency_s", 1e-9), Constraint("area_mm2", 1e-9))  # HDX has something to do
    problem = replace(problem, objective=replace(problem.objective, constraints=limits))
    result = solver.solve(problem, budget=60, seed=0)
    assert result.ledger.gradient_queries > 0
    assert result.ledger.evaluations > 0
