"""Search over networks, each with its best accelerator: what is evaluated, what it finds, when it ends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dance_env.analysis.exact import optimum
from dance_env.objective import Constraint
from dance_env.tasks import make_problem
from dance_env.testing import synthetic_problem
from solvers import Progress, Result, Solver, Status, make_solver
from solvers.contract.meter import Meter
from solvers.contract.metered_problem import MeteredProblem
from solvers.methods.networks.evolution import NetworkEvolution
from solvers.methods.networks.known import KnownNetworks
from solvers.methods.networks.local_search import NetworkLocalSearch

SOLVERS = [NetworkEvolution(), NetworkLocalSearch()]
by_name = pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: solver.name)


def networks(result: Result) -> np.ndarray:
    return result.trace.designs[:, :4]


@by_name
def test_each_network_is_evaluated_once_with_its_best_accelerator(solver: Solver) -> None:
    problem = synthetic_problem(3, constraints=(Constraint("latency_s", 0.006),))
    result = solver.solve(problem, budget=30, seed=0)
    assert len(np.unique(networks(result), axis=0)) == len(result.trace) == 30
    best = problem.accelerator_space.index(result.trace.designs[:, problem.space.hardware])
    np.testing.assert_array_equal(best, problem.best_hardware(networks(result)))
    ledger = result.ledger
    assert (ledger.access, ledger.gradient_queries, ledger.networks) == ("values", 0, 30)


@by_name
@pytest.mark.parametrize("counts", [(3, 3, 2, 3), (1, 2, 1, 1), (1, 1)])
def test_a_space_whose_networks_are_all_known_ends_the_run_at_the_optimum(
    solver: Solver, counts: tuple[int, ...]
) -> None:
    problem = synthetic_problem(1, option_counts=counts)
    result = solver.solve(problem, budget=500, seed=0)
    assert len(result.trace) == np.prod(counts)
    assert result.status is Status.STOPPED_EARLY
    assert result.best_objective == optimum(problem).objective


def test_local_search_expands_the_best_network_first() -> None:
    problem = synthetic_problem(0)
    result = NetworkLocalSearch(starts=1).solve(problem, budget=8, seed=0)
    first = networks(result)[0]
    differences = (networks(result)[1:] != first).sum(axis=1)
    assert differences.tolist() == [1] * 7, "the 7 neighbors of 3, 3, 2 and 3 options"
    further = networks(NetworkLocalSearch(starts=1).solve(problem, budget=12, seed=0))
    best = further[result.trace.best() or 0]
    assert ((further[8:] != best).sum(axis=1) == 1).all()


def test_feasible_networks_come_before_better_infeasible_ones() -> None:
    problem = synthetic_problem(0, constraints=(Constraint("error_pct", 17.0), Constraint("latency_s", 0.005)))
    meter = Meter(54, problem)
    known = KnownNetworks(MeteredProblem(problem, meter))
    every = [np.array(each) for each in np.ndindex(3, 3, 2, 3)]
    merits = known.evaluate(every)
    trace = meter.trace()
    assert merits == list(zip(trace.violation.tolist(), trace.objective.tolist(), strict=True))
    assert min(range(54), key=merits.__getitem__) == trace.best()
    assert known.random(np.random.default_rng(0), 3) == []
    assert known.neighbors(every[0]) == []


def test_networks_drawn_are_new_and_differ() -> None:
    problem = synthetic_problem(0)
    known = KnownNetworks(MeteredProblem(problem, Meter(54, problem)))
    rng = np.random.default_rng(0)
    for _ in range(5):
        drawn = known.random(rng, 10)
        assert len({each.tobytes() for each in drawn}) == 10
        known.evaluate(drawn)


@pytest.mark.parametrize(
    ("solver", "settings", "message"),
    [
        ("network-evolution", {"starts": 0}, "starts is at least 1"),
        ("network-evolution", {"pressure": 1.0}, "pressure is a probability above 0 and below 1, not 1.0"),
        ("network-evolution", {"crossover": -0.1}, "crossover is a probability"),
        ("network-local-search", {"starts": 0}, "starts is at least 1"),
    ],
)
def test_wrong_settings_are_refused(solver: str, settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_solver(solver, **settings)


@by_name
@pytest.mark.parametrize("variant", ["balanced", "latency-limited", "edap"])
def test_the_optimum_of_macro_cifar10_is_found_within_250_queries(solver: Solver, variant: str) -> None:
    problem = make_problem(f"macro-cifar10/{variant}")
    best = optimum(problem).objective

    def stop(progress: Progress) -> None:
        if progress.best_objective == best:
            raise KeyboardInterrupt

    runs = (solver.solve(problem, budget=250, seed=seed, callback=stop) for seed in range(5))
    found = [run.best_objective == best for run in runs]
    assert sum(found) >= 4, "of five seeds; 96 % or more of 100 simulated runs do"


def test_a_run_is_decided_by_its_seed() -> None:
    for solver in SOLVERS:
        traces = [solver.solve(synthetic_problem(0), budget=20, seed=seed).trace for seed in (0, 0, 1)]
        assert traces[0].same_search(traces[1])
        assert not traces[0].same_search(traces[2])


def test_infinite_costs_are_no_trouble() -> None:
    problem = synthetic_problem(0, unmappable=11 * 54)
    for solver in SOLVERS:
        result = solver.solve(replace(problem), budget=20, seed=0)
        assert len(result.trace) == 20
