"""Random search, the moves, and evolution."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dance_env.objective import Constraint
from dance_env.space import AcceleratorSpace, Choice, DesignSpace
from dance_env.testing import synthetic_problem
from solvers import Solver, Status, make_solver
from solvers.methods.evolution.genetic import NSGA2, Evolution
from solvers.methods.moves import mutate
from solvers.methods.random_search import RandomSearch

LARGE = AcceleratorSpace(
    pe_x=tuple(range(8, 16)), pe_y=tuple(range(8, 16)), rf_words=(8, 16, 32), dataflow=("WS", "RS")
)


def test_random_search_draws_uniformly_and_alike_in_any_batches() -> None:
    problem = synthetic_problem(0)
    results = [RandomSearch(batch=batch).solve(problem, budget=2000, seed=0) for batch in (1, 256)]
    np.testing.assert_array_equal(results[0].trace.designs, results[1].trace.designs)
    for column, count in enumerate(problem.space.option_counts):
        share = np.bincount(results[0].trace.designs[:, column], minlength=count) / 2000
        np.testing.assert_allclose(share, 1 / count, atol=0.05)


# -------------------------------------------------------------------------------------------------------- the moves


def space_of(counts: list[int], kinds: list[str]) -> DesignSpace:
    return DesignSpace(
        tuple(
            Choice(f"c{i}", tuple(range(count)), "hardware", kind)  # type: ignore[arg-type]
            for i, (count, kind) in enumerate(zip(counts, kinds, strict=True))
        )
    )


@given(
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["nominal", "ordinal"])), min_size=1, max_size=5),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.integers(0, 2**32),
)
def test_mutants_are_designs_that_differ(choices: list[tuple[int, str]], rate: float, leap: float, seed: int) -> None:
    space = space_of([count for count, _ in choices], [kind for _, kind in choices])
    rng = np.random.default_rng(seed)
    designs = space.sample(rng, 20)
    before = designs.copy()
    mutants = mutate(space, designs, rng, rate=rate, leap=leap)
    np.testing.assert_array_equal(designs, before)
    space.check(mutants)
    different = (mutants != designs).any(axis=1)
    assert different.all() if space.size > 1 else not different.any()


def test_mutation_keeps_its_rate_and_its_reach() -> None:
    space = space_of([101, 101, 3], ["ordinal", "ordinal", "nominal"])
    designs = np.tile([50, 50, 0], (20_000, 1))
    mutants = mutate(space, designs, np.random.default_rng(0), rate=0.5, leap=0.0)
    share = (mutants != designs).mean(axis=0)
    np.testing.assert_allclose(share, 0.5 + 0.5**3 / 3, atol=0.02)  # a row that nothing was drawn for gets one of three
    steps = np.abs(mutants - designs)[:, 0]
    np.testing.assert_allclose(np.bincount(steps)[1:4] / (steps > 0).sum(), [0.5, 0.25, 0.125], atol=0.02)
    leaps = np.abs(mutate(space, designs, np.random.default_rng(0), rate=1.0, leap=1.0) - designs)[:, 0]
    np.testing.assert_allclose(leaps.mean(), 25.5, atol=0.5)  # uniform over the 100 others, at distances 1 to 50


# ---------------------------------------------------------------------------------------------------------- evolution


@pytest.mark.parametrize("solver", [Evolution(), NSGA2()])
def test_no_design_is_evaluated_twice(solver: Solver) -> None:
    result = solver.solve(synthetic_problem(0), budget=800, seed=0)
    assert len(np.unique(result.trace.designs, axis=0)) == 800


@pytest.mark.parametrize("solver", [Evolution(), NSGA2()])
def test_small_space_is_evaluated_whole_then_the_run_stops(solver: Solver) -> None:
    problem = synthetic_problem(0, option_counts=(3,), accelerators=replace(LARGE, pe_x=(8,), pe_y=(8, 9)))
    result = solver.solve(problem, budget=1000, seed=0)
    assert result.status is Status.STOPPED_EARLY
    assert len(result.trace) == problem.space.size == 36


def test_evolution_beats_random_search_at_the_same_budget() -> None:
    problem = synthetic_problem(1, option_counts=(3,) * 7, accelerators=LARGE)
    best = {
        name: [make_solver(name).solve(problem, budget=600, seed=seed).best_objective for seed in range(5)]
        for name in ("random", "evolution")
    }
    assert max(best["evolution"]) < min(best["random"])


def test_evolution_finds_the_optimum_of_a_small_problem() -> None:
    problem = synthetic_problem(2)
    every = problem.evaluate(problem.space.unrank(np.arange(problem.space.size)))
    found = [Evolution().solve(problem, budget=500, seed=seed).best_objective for seed in range(3)]
    assert found == [every.objective.min()] * 3


def test_evolution_finds_a_feasible_design_where_chance_does_not() -> None:
    limits = (Constraint("latency_s", 0.0075), Constraint("area_mm2", 1.5), Constraint("error_pct", 15.5))
    problem = synthetic_problem(3, option_counts=(3,) * 7, accelerators=LARGE, constraints=limits)
    random, evolved = (make_solver(name).solve(problem, budget=400, seed=0) for name in ("random", "evolution"))
    assert random.status is Status.NOTHING_FEASIBLE
    assert evolved.status is Status.BUDGET_SPENT
    assert evolved.trace.feasible.any()


def test_nsga2_covers_more_of_the_front_than_evolution() -> None:
    problem = synthetic_problem(1, option_counts=(3,) * 7, accelerators=LARGE)
    fronts = {}
    for name in ("evolution", "nsga2"):
        trace = make_solver(name).solve(problem, budget=1000, seed=0).trace
        fronts[name] = np.stack((trace.error_pct, trace.cost), axis=1)[trace.pareto()]
    worst = np.max([front.max(axis=0) for front in fronts.values()], axis=0)

    def covered(front: np.ndarray) -> float:
        width = np.diff(np.append(front[:, 0], worst[0]))
        return float((width * (worst[1] - front[:, 1])).sum())

    assert covered(fronts["nsga2"]) > covered(fronts["evolution"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"population": 1}, "population of at least 2, not 1"),
        ({"offspring": 0}, "at least 1 offspring, not 0"),
        ({"crossover": 1.5}, "crossover is a probability, not 1.5"),
        ({"leap": -0.1}, "leap is a probability"),
        ({"changes": 0.0}, "changes is above 0"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    for name in ("evolution", "nsga2"):
        with pytest.raises(ValueError, match=message):
            make_solver(name, **settings)
    with pytest.raises(ValueError, match="batch is at least 1"):
        RandomSearch(batch=0)
