"""Exact optimum, exact front, coupling: against brute force through `Problem.evaluate`, over every design."""

from __future__ import annotations

import dataclasses
import importlib
import math
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dance_env.analysis.exact as exact
from dance_env.accuracy import AccuracyModel
from dance_env.analysis.coupling import measure
from dance_env.analysis.exact import non_dominated, optimum, pareto_front
from dance_env.cost import Cost
from dance_env.graph.networks import tiny
from dance_env.objective import EDAP, Constraint, CostFunction, Linear, Objective
from dance_env.problem import Evaluation, Problem
from dance_env.source_digest import forget
from dance_env.space import AcceleratorSpace, FactorSum
from dance_env.tasks import make_problem
from dance_env.testing import synthetic_problem
from solvers.contract.result import Status
from solvers.methods.exhaustive import Exhaustive
from solvers.testing import check_solver

TIGHT = (Constraint("latency_s", 6e-3), Constraint("error_pct", 16.0))
IMPOSSIBLE = (Constraint("latency_s", 1e-9),)
CASES = {
    "free": synthetic_problem(0),
    "limits": synthetic_problem(1, constraints=TIGHT),
    "unmappable": synthetic_problem(2, unmappable=300),
    "edap": dataclasses.replace(synthetic_problem(3), objective=Objective(EDAP(1e-5), 1.0)),
    "error only": dataclasses.replace(synthetic_problem(4), objective=Objective(EDAP(1e-5), 0.0)),
    "one option": synthetic_problem(5, option_counts=(1, 3, 1)),
}


def everything(problem: Problem) -> tuple[np.ndarray, Evaluation]:
    designs = problem.space.unrank(np.arange(problem.space.size))
    return designs, problem.evaluate(designs)


def front_by_brute_force(error: np.ndarray, cost: np.ndarray) -> set[tuple[float, float]]:
    """(error, cost) of the points that none dominates: no other is at most as bad in both and better in one."""
    points = np.unique(np.stack([error, cost], axis=1), axis=0)
    kept = [
        point
        for point in points
        if not ((points <= point).all(axis=1) & (points < point).any(axis=1)).any() and math.isfinite(point[1])
    ]
    return {(float(e), float(c)) for e, c in kept}


@pytest.mark.parametrize("problem", CASES.values(), ids=CASES)
def test_optimum_is_the_least_of_all_designs_to_the_bit(problem: Problem, tmp_path: Path) -> None:
    designs, evaluation = everything(problem)
    best = optimum(problem, cache_dir=tmp_path)
    assert best.feasible
    assert best.objective == evaluation.objective[evaluation.feasible].min()
    assert best.designs_compared == len(designs) == problem.space.size
    assert problem.evaluate(best.design[None]).objective[0] == best.objective


@pytest.mark.parametrize("problem", CASES.values(), ids=CASES)
@pytest.mark.parametrize("metric", ["cost", "edap_js_mm2", "latency_s"])
def test_front_is_that_of_all_feasible_designs(problem: Problem, metric: str, tmp_path: Path) -> None:
    _, evaluation = everything(problem)
    cost = problem.objective.cost_function(evaluation.cost) if metric == "cost" else getattr(evaluation.cost, metric)
    expected = front_by_brute_force(evaluation.error_pct[evaluation.feasible], cost[evaluation.feasible])
    front = pareto_front(problem, metric=metric, cache_dir=tmp_path)
    assert set(zip(front.error_pct.tolist(), front.cost.tolist(), strict=True)) == expected
    assert len(front) == len(expected) > 1
    assert (np.diff(front.cost) > 0).all()
    assert (np.diff(front.error_pct) < 0).all()
    again = problem.evaluate(front.designs)
    np.testing.assert_array_equal(again.objective, front.evaluation.objective)
    assert again.feasible.all()


def test_where_nothing_is_feasible_the_least_violation_wins_and_the_front_is_empty(tmp_path: Path) -> None:
    problem = synthetic_problem(1, constraints=IMPOSSIBLE)
    _, evaluation = everything(problem)
    best = optimum(problem, cache_dir=tmp_path)
    assert not best.feasible
    assert best.evaluation.violation[0] == evaluation.violation.min()
    assert len(pareto_front(problem, cache_dir=tmp_path)) == 0
    with pytest.raises(ValueError, match="'synthetic-1' has no design that meets its limits"):
        measure(problem, cache_dir=tmp_path)


def test_tiny_task_over_all_374544_designs(tmp_path: Path) -> None:
    problem = make_problem("tiny/balanced")
    assert problem.space.size == 374_544
    _, evaluation = everything(problem)
    best = optimum(problem, cache_dir=tmp_path)
    assert best.objective == evaluation.objective[evaluation.feasible].min()
    cost = problem.objective.cost_function(evaluation.cost)
    front = pareto_front(problem, cache_dir=tmp_path)
    assert front.error_pct[-1] == evaluation.error_pct[evaluation.feasible].min()
    # No design of all beats a front point, and every design is matched or beaten by one.
    for error, least in zip(front.error_pct, front.cost, strict=True):
        assert cost[evaluation.feasible & (evaluation.error_pct <= error)].min() == least


def test_equal_points_count_once_and_infinite_never() -> None:
    error = np.array([5.0, 5.0, 4.0, 4.0, 3.0])
    cost = np.array([1.0, 1.0, 2.0, 2.5, math.inf])
    assert non_dominated(error, cost).tolist() == [0, 2]
    assert non_dominated(np.array([6.0, 5.0, 5.0]), np.array([1.0, 1.0, 2.0])).tolist() == [1]


# -------------------------------------------------------------------------------------------------------------- cache
def count_passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    passes: list[int] = []
    search = exact.cheapest_hardware

    def counted(*arguments: object) -> np.ndarray:
        passes.append(1)
        return search(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(exact, "cheapest_hardware", counted)
    return passes


def test_the_pass_is_made_once_for_each_problem_and_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = count_passes(monkeypatch)
    problem = synthetic_problem(0)
    first = optimum(problem, cache_dir=tmp_path)
    assert len(passes) == 1
    again = optimum(dataclasses.replace(problem, name="other name"), cache_dir=tmp_path)
    np.testing.assert_array_equal(first.design, again.design)
    pareto_front(problem, cache_dir=tmp_path)
    assert len(passes) == 1
    pareto_front(problem, metric="energy_j", cache_dir=tmp_path)
    optimum(synthetic_problem(1), cache_dir=tmp_path)
    assert len(passes) == 3


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_a_damaged_cache_is_rebuilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes | None) -> None:
    problem = synthetic_problem(0)
    best = optimum(problem, cache_dir=tmp_path)
    (file,) = (each for each in tmp_path.rglob("*") if each.is_file())
    content = file.read_bytes()
    file.write_bytes(content[:-5] + b"\0\0\0\1\0" if damage is None else damage)
    passes = count_passes(monkeypatch)
    assert optimum(problem, cache_dir=tmp_path).objective == best.objective
    assert optimum(problem, cache_dir=tmp_path).objective == best.objective
    assert len(passes) == 1  # made once again, then kept


def test_a_cached_answer_that_is_no_hardware_is_rebuilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = synthetic_problem(0)
    key = exact._cache_key(problem, "cost")
    assert key is not None
    exact.ArrayCache.open(tmp_path).store(key, np.full(54, 54.0))  # one past the last accelerator
    passes = count_passes(monkeypatch)
    assert optimum(problem, cache_dir=tmp_path).feasible
    assert len(passes) == 1


def test_a_problem_without_fingerprint_is_never_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cost functions that look alike, of which the first one's pass must not answer for the second."""
    passes = count_passes(monkeypatch)
    for limit in (5e-3, 10e-3):  # in a closure, where neither name, `repr` nor byte code shows it
        problem = dataclasses.replace(synthetic_problem(0), objective=Objective(_late(limit), 1.0))
        assert optimum(problem, cache_dir=tmp_path).objective == everything(problem)[1].objective.min()
    assert len(passes) == 2
    assert not list(tmp_path.rglob("*.bin"))


def _late(limit: float) -> CostFunction:
    return lambda cost: cost.latency_s * 1e3 + 1e3 * (cost.latency_s > limit) / cost.area_mm2


def test_a_pass_does_not_outlive_an_edit_of_the_cost_function_or_its_helpers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cost function's own fingerprint says nothing of its code: the digest of its modules does."""
    (tmp_path / "helping_cost.py").write_text("def weigh(cost):\n    return cost.latency_s * 1e3\n")
    (tmp_path / "my_cost.py").write_text(
        "import helping_cost\nclass Mine:\n    def __call__(self, cost):\n        return helping_cost.weigh(cost)\n"
        "    def fingerprint(self):\n        return 'mine'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    found = []
    for edit in (str, lambda text: text.replace("latency_s * 1e3", "area_mm2")):
        helper = tmp_path / "helping_cost.py"
        helper.write_text(edit(helper.read_text()))
        for name in ("my_cost", "helping_cost"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.invalidate_caches()
        forget()
        problem = dataclasses.replace(
            synthetic_problem(0), objective=Objective(importlib.import_module("my_cost").Mine(), 1.0)
        )
        best = optimum(problem, cache_dir=tmp_path / "cache")
        assert best.objective == everything(problem)[1].objective.min()
        found.append(problem.fingerprint())
    assert None not in found
    assert found[0] != found[1]  # so that no record of the old code is reused either
    monkeypatch.undo()
    forget()


def test_code_that_stands_in_no_file_is_not_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine(Linear):
        pass

    monkeypatch.setattr(Mine, "__module__", "a_notebook")
    problem = dataclasses.replace(synthetic_problem(0), objective=Objective(Mine(latency_s=1.0), 1.0))
    assert problem.fingerprint() is None
    optimum(problem, cache_dir=tmp_path)
    assert not list(tmp_path.rglob("*.bin"))


# ------------------------------------------------------------------------------------------------------------ threads
class OneThread:
    """An accuracy model that notices a second thread, as one that runs a network cannot."""

    def __init__(self, model: AccuracyModel) -> None:
        self.model, self.threads = model, set()

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        self.threads.add(threading.get_ident())
        return self.model.evaluate(networks)

    def fingerprint(self) -> None:
        return None


@pytest.mark.parametrize("ask", [optimum, measure], ids=["optimum", "coupling"])
def test_accuracies_are_asked_from_one_thread(ask: Any, tmp_path: Path) -> None:
    problem = coupled_problem()
    watched = OneThread(problem.accuracy)
    found = ask(dataclasses.replace(problem, accuracy=watched), cache_dir=tmp_path)
    assert watched.threads == {threading.get_ident()}
    assert found.evaluation.objective == ask(problem, cache_dir=tmp_path).evaluation.objective


def test_too_many_designs_and_unknown_metrics_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"metric must be 'cost' or one of latency_s.*got 'power'"):
        pareto_front(synthetic_problem(), metric="power", cache_dir=tmp_path)
    monkeypatch.setattr(exact, "MAX_DESIGNS", 1000)
    with pytest.raises(ValueError, match=r"has 2,916 designs; .* practical up to 1,000. Use a smaller network"):
        optimum(synthetic_problem(), cache_dir=tmp_path)


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    optimum(synthetic_problem(0), cache_dir=tmp_path, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (54, 54)


# ----------------------------------------------------------------------------------------------------------- coupling
class _TinyCounts:
    """A network space of 27 networks that knows its multiply-accumulates, over random costs."""

    def __init__(self) -> None:
        self.choices, self.macs = tiny().choices, tiny().macs


def coupled_problem(constraints: tuple[Constraint, ...] = ()) -> Problem:
    problem = synthetic_problem(7, option_counts=(3, 3, 3), constraints=constraints)
    return dataclasses.replace(problem, network_space=_TinyCounts())  # type: ignore[arg-type]


@pytest.mark.parametrize("constraints", [(), (Constraint("latency_s", 5e-3),)])
def test_coupling_is_what_brute_force_says(constraints: tuple[Constraint, ...], tmp_path: Path) -> None:
    problem = coupled_problem(constraints)
    found = measure(problem, cache_dir=tmp_path)
    networks = problem.space.unrank(np.arange(problem.space.size))[::54, :3]
    grid = problem.evaluate_networks(networks)
    cost = problem.objective.cost_function(grid.cost)
    ok = grid.feasible
    inside = np.where(ok, cost, np.inf)
    own, hardware = inside.min(axis=1), inside.argmin(axis=1)
    runs = np.isfinite(own)
    objective = np.where(ok, grid.objective, np.inf)
    least = objective.min()
    error = grid.error_pct[:, 0]

    assert found.evaluation.objective[0] == least
    assert (found.networks, found.feasible_networks) == (27, runs.sum())
    assert found.best_accelerators == len(set(hardware[runs]))
    front = non_dominated(error, own)
    assert (found.front_designs, found.front_accelerators) == (len(front), len(set(hardware[front])))
    assert found.best_networks == len({int(objective[:, h].argmin()) for h in range(54) if ok[:, h].any()})

    for fixed, rows in ((found.fixed, np.flatnonzero(runs)), (found.fixed_front, front)):
        count = ok[rows].sum(axis=0)
        excess = [inside[rows[ok[rows, h]], h] / own[rows[ok[rows, h]]] - 1 for h in range(54)]
        mean = [each.mean() if n == count.max() else np.inf for each, n in zip(excess, count, strict=True)]
        assert fixed.index == int(np.argmin(mean))
        assert fixed.runs == count.max() / len(rows)
        assert fixed.excess_mean == pytest.approx(min(mean), abs=1e-12)
        assert fixed.excess_max == pytest.approx(excess[fixed.index].max(), abs=1e-12)

    regret = objective.min(axis=1) - least
    assert found.accurate_first == regret[error.argmin()]
    assert found.accurate_feasible_first == regret[np.where(runs, error, np.inf).argmin()]
    assert found.accelerator_first == objective[:, found.fixed_front.index].min() - least
    macs = tiny().macs(networks)
    hull = {int((error + weight * macs).argmin()) for weight in [0.0, *np.geomspace(1e-10, 1e-4, 601)]}
    assert found.macs_first == min(regret[list(hull)])
    best_network = int(objective.min(axis=1).argmin())
    assert found.macs_at_equal_error == regret[np.where(error <= error[best_network], macs, np.inf).argmin()]

    log_cost = np.log(cost)
    left = log_cost - log_cost.mean(axis=0) - log_cost.mean(axis=1, keepdims=True) + log_cost.mean()
    assert found.interaction == pytest.approx(left.var() / log_cost.var(), rel=1e-9)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("options", [(1,), (3, 2)], ids=["one design", "one accelerator"])
def test_a_single_accelerator_shows_no_coupling(options: tuple[int, ...], tmp_path: Path) -> None:
    accelerators = AcceleratorSpace((8,), (8,), (8,), ("WS",))
    problem = synthetic_problem(0, option_counts=options, accelerators=accelerators)
    assert measure(problem, cache_dir=tmp_path).interaction == pytest.approx(0.0, abs=1e-9)


def test_costs_that_factorize_show_no_coupling(tmp_path: Path) -> None:
    problem = coupled_problem()
    costs = problem.costs
    scale, work = costs.latency_s.constant, np.arange(1.0, 10.0)[:, None]
    counts = costs.shape[:-1]
    # Every network's latency and energy are its work times the accelerator's scale: the same order for all.
    costs = dataclasses.replace(
        costs,
        latency_s=FactorSum.per_choice(counts, 0 * scale, work * scale),
        energy_j=FactorSum.per_choice(counts, 0 * scale + 1e-3, 0 * work * scale),
    )
    problem = dataclasses.replace(problem, costs=costs, objective=Objective(_delay, 1.0))
    found = measure(problem, cache_dir=tmp_path)
    assert found.best_accelerators == found.front_accelerators == 1
    assert found.fixed.excess_max == pytest.approx(0.0, abs=1e-12)
    assert found.interaction == pytest.approx(0.0, abs=1e-9)
    assert found.accelerator_first == 0.0


def _delay(cost: Cost) -> np.ndarray:
    return np.asarray(cost.latency_s) * 1e3


# ------------------------------------------------------------------------------------------------------------- solver
@pytest.mark.usefixtures("own_cache")
def test_solver_finds_the_optimum_with_one_evaluation() -> None:
    problem = synthetic_problem(1, constraints=TIGHT)
    result = Exhaustive().solve(problem, budget=1, seed=0)
    assert result.best is not None
    assert result.trace.objective.tolist() == [optimum(problem).objective]
    assert result.status is Status.BUDGET_SPENT
    assert result.ledger.cost_pairs > 0
    assert result.ledger.tables_read


@pytest.mark.usefixtures("own_cache")
def test_solver_then_walks_the_front() -> None:
    problem = synthetic_problem(1)
    result = Exhaustive().solve(problem, budget=1000, seed=0)
    front = pareto_front(problem)
    assert {tuple(row) for row in front.designs.tolist()} <= {tuple(row) for row in result.trace.designs.tolist()}
    assert len(result.trace) <= len(front) + 1
    assert result.status.complete
    alone = Exhaustive(front=False).solve(problem, budget=1000, seed=0)
    assert len(alone.trace) == 1


@pytest.mark.usefixtures("own_cache")
def test_solver_says_when_nothing_is_feasible() -> None:
    result = Exhaustive().solve(synthetic_problem(1, constraints=IMPOSSIBLE), budget=10, seed=0)
    assert result.status is Status.NOTHING_FEASIBLE


@pytest.mark.usefixtures("own_cache")
def test_solver_keeps_the_contract() -> None:
    declared = {
        "budget-is-never-exceeded": "it looks at every design, outside the budget; the ledger says so",
    }
    report = check_solver(Exhaustive(), budget=24, expected_failures=declared)  # its runs are short
    report.raise_if_failed()


@pytest.mark.usefixtures("own_cache")
def test_the_pass_is_billed_from_the_cache_too():
    problem = synthetic_problem(0)
    found = optimum(problem)
    assert found.pass_seconds > 0
    assert optimum(problem).pass_seconds == found.pass_seconds
    first, second = (Exhaustive().solve(problem, budget=50, seed=0).ledger for _ in range(2))
    assert min(first.oracle_seconds, second.oracle_seconds) >= found.pass_seconds
