"""Networks merged by what they cost, against all networks of a small space of language models."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from dance_env.accuracy import FactorAccuracy
from dance_env.analysis.exact import non_dominated, pareto_front
from dance_env.analysis.optimum import (
    FrontProgress,
    ProvedFront,
    certified_front,
    load_front,
    merged_designs,
    merged_front,
    merging,
    most_accurate_networks,
    save_front,
    shipped_optimum,
    verify_front,
)
from dance_env.analysis.optimum.front import lower_hull
from dance_env.graph import Workload, macs_sum
from dance_env.graph.transformer_space import Prefill, TransformerSpace
from dance_env.objective import EDAP, Constraint, Objective
from dance_env.problem import Problem
from dance_env.space import AcceleratorSpace, DesignSpace, Factor, FactorSum
from dance_env.tasks import make_problem

SPACE = TransformerSpace(
    "small", embeddings=(64, 128), depths=(2, 3), heads=(1, 2), mlp_ratios=(2, 3), phase=Prefill(6), vocabulary=50
)
ACCELERATORS = AcceleratorSpace((8, 12), (8,), (8, 32), ("WS", "RS"))


def small_problem(*, coupled: bool = False, constraints: tuple[Constraint, ...] = ()) -> Problem:
    """A language model of up to three layers under two workloads, with random accuracies; `coupled` ties neighbors."""
    rng = np.random.default_rng(0)
    counts = tuple(len(choice) for choice in SPACE.choices())
    scopes = [(0, 1, 2)] + [(0, 1, 2, choice) for choice in range(3, len(counts))]
    scopes += [(choice, choice + 1) for choice in range(3, len(counts) - 1)] * coupled
    tables = [Factor(scope, rng.uniform(0, 0.02, (2 ** len(scope), 1))) for scope in scopes]
    return Problem.build(
        "small",
        workloads=(Workload("prefill", SPACE, 1.0), Workload("decode", SPACE.decode(5), 2.0)),
        accelerator_space=ACCELERATORS,
        accuracy=FactorAccuracy(FactorSum(counts, np.array([0.7]), tables)),
        objective=Objective(EDAP(1e-15), weight=1.0, constraints=constraints),
    )


def costs_of(problem: Problem, networks: np.ndarray) -> np.ndarray:
    """Latency and energy on every accelerator, and multiply-accumulates, side by side."""
    on_each = problem.costs.on_all_hardware(networks)
    macs = macs_sum(problem.network_space).evaluate(networks)
    return np.concatenate([on_each.latency_s, on_each.energy_j, macs], axis=1)


@pytest.mark.parametrize("coupled", [False, True])
def test_every_network_has_one_that_costs_the_same_and_is_no_less_accurate(coupled: bool) -> None:
    problem = small_problem(coupled=coupled)
    everything = DesignSpace(problem.network_space.choices())
    networks = everything.unrank(np.arange(everything.size))
    kept = most_accurate_networks(problem)
    ours, least = costs_of(problem, kept), 1.0 - problem.accuracies(kept)
    sets = []
    for cost, error in zip(costs_of(problem, networks), 1.0 - problem.accuracies(networks), strict=True):
        same = np.flatnonzero(np.isclose(ours, cost, rtol=1e-12, atol=0.0).all(axis=1))
        assert least[same].min() <= error + 1e-12
        sets.append(tuple(same))
    if not coupled:  # layers that can be told apart by their accuracy alone: each set is there once
        assert set(sets) == {(number,) for number in range(len(kept))}
        assert len(kept) == 2 * (4**2 + 3**2)  # two embeddings; multisets of 3 and of 2 layers out of 2 x 2 options


@pytest.mark.parametrize(("constraints", "size"), [((), 5), ((Constraint("latency_s", 1e-4),), 3)])
def test_the_front_is_among_them(constraints: tuple[Constraint, ...], size: int) -> None:
    problem = small_problem(constraints=constraints)
    exact = pareto_front(problem)
    assert len(exact) == size
    designs = merged_designs(problem)
    evaluation = problem.evaluate(designs)
    cost = np.where(evaluation.feasible, problem.objective.cost_function(evaluation.cost), np.inf)
    for error, least in zip(exact.error_pct, exact.cost, strict=True):
        assert cost[evaluation.error_pct <= error + 1e-9].min() == pytest.approx(least, rel=1e-12)
    best = problem.best_hardware(designs[:, problem.space.network])
    theirs = problem.evaluate(problem.design(designs[:, problem.space.network], best))
    np.testing.assert_allclose(evaluation.objective, theirs.objective, rtol=1e-12)
    np.testing.assert_allclose(evaluation.violation, theirs.violation, rtol=1e-12)


def test_too_many_sets_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 5 different costs"):
        most_accurate_networks(small_problem(), most=5)
    with pytest.raises(ValueError, match="do not fall apart into small groups"):
        most_accurate_networks(make_problem("accel-nasbench/edap"))


def test_a_language_models_proved_optimum_is_among_them() -> None:
    """Found by another method: branch and bound over all networks."""
    problem = make_problem("gpt-s/edap")
    proof = shipped_optimum(problem)
    assert proof is not None
    assert proof.design is not None
    networks = most_accurate_networks(problem)
    assert len(networks) == 3 * (
        91**2 + 78**2 + 66**2
    )  # three embeddings; multisets of 12, 11, 10 out of 3 x 3 options
    hardware = problem.accelerator_space.index(np.array([proof.design])[:, problem.space.hardware])
    found = problem.evaluate(problem.design(networks, np.repeat(hardware, len(networks))))
    assert found.objective.min() == pytest.approx(proof.objective, rel=1e-12)


@pytest.mark.parametrize("constraints", [(), (Constraint("latency_s", 1e-4),)])
def test_the_certified_front_is_the_enumerated_one(constraints: tuple[Constraint, ...], tmp_path: Path) -> None:
    problem = small_problem(constraints=constraints)
    exact, told = pareto_front(problem), []
    front = certified_front(problem, progress=told.append, checkpoint=tmp_path / "front.json")
    np.testing.assert_allclose(front.error, exact.error_pct, rtol=1e-12)
    np.testing.assert_allclose(front.cost, exact.cost, rtol=1e-12)
    assert (front.sets, front.missing, front.gap) == (50, 0.0, 0.0)
    assert (told[0].gap, told[-1].gap, told[-1].designs) == (1.0, 0.0, len(front))
    assert not (tmp_path / "front.json").exists()
    save_front(tmp_path / "front.npz", front)
    read = load_front(tmp_path / "front.npz")
    assert (read.sets, read.gap) == (50, 0.0)
    found = verify_front(problem, read, sample=12)
    assert (found.designs, found.searches) == (len(front), 12)


def test_an_interrupted_front_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem, path, asked = small_problem(), tmp_path / "front.json", []
    monkeypatch.setattr(merging, "_DESIGNS_AT_A_TIME", 16)

    def interrupt(state: FrontProgress) -> None:
        asked.append(state.step)
        if len(asked) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        certified_front(problem, progress=interrupt, checkpoint=path)
    done = len(json.loads(path.read_text())["accelerators"])
    assert 0 < done < 50
    resumed: list[FrontProgress] = []
    front = certified_front(problem, progress=resumed.append, checkpoint=path)
    assert int(resumed[0].step.split()[0]) > done
    whole = certified_front(problem)
    assert (front.designs == whole.designs).all()
    path.write_text(json.dumps({"key": "of other code", "accelerators": [0] * 50}))
    assert (certified_front(problem, checkpoint=path).designs == whole.designs).all()


def test_networks_that_cannot_be_merged_get_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merged_front, "most_accurate_networks", partial(most_accurate_networks, most=5))
    front = certified_front(small_problem())
    assert front.sets == 0
    assert len(front.weights) > 0
    assert front.gap <= 1e-3
    verify_front(small_problem(), front, sample=8)


def test_limits_that_nothing_meets_leave_no_front() -> None:
    with pytest.raises(ValueError, match="no design meets the limits, so that there is no front"):
        certified_front(small_problem(constraints=(Constraint("latency_s", 1e-9),)))


def test_a_front_that_is_wrong_is_told() -> None:
    problem = small_problem()
    front = certified_front(problem)
    hull = [float(cost) for cost, _ in lower_hull(front.cost, front.error)]
    lost = np.flatnonzero(front.cost == hull[1])[0]
    kept = np.arange(len(front)) != lost

    def changed(rows: np.ndarray, **values: object) -> ProvedFront:
        return replace(
            front, designs=front.designs[rows], error=front.error[rows], cost=front.cost[rows], **values
        )  # fmt: skip

    everything = np.arange(len(front))
    for wrong, said in (
        (changed(kept), "below the line"),
        (changed(everything[::-1]), "a design of the front dominates another one"),
        (replace(front, cost=front.cost * 1.01), "other errors or costs than the record says"),
        (changed(everything, fingerprint="other"), "the front is of another problem"),
    ):
        with pytest.raises(ValueError, match=said):
            verify_front(problem, wrong, sample=60)
    worst = problem.accelerator_space.size - 1
    designs = problem.design(front.designs[:, problem.space.network], np.full(len(front), worst))
    evaluation = problem.evaluate(designs)
    rows = non_dominated(evaluation.error_pct, problem.objective.cost_function(evaluation.cost))
    elsewhere = replace(
        front,
        designs=designs[rows],
        error=evaluation.error_pct[rows],
        cost=problem.objective.cost_function(evaluation.cost)[rows],
    )
    with pytest.raises(ValueError, match="are cheaper on another accelerator"):
        verify_front(problem, elsewhere)
