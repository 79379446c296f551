"""The landscape of problems: against brute force where every design can be looked at, and on random networks else."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dance_env.analysis.exact as exact
import dance_env.analysis.landscape.pricing as pricing
from dance_env.analysis.landscape import Descents, Standing, descend, measure
from dance_env.commands.landscape import main
from dance_env.commands.landscape_table import ends_of_ranges
from dance_env.objective import Constraint
from dance_env.problem import Problem
from dance_env.tasks import make_problem
from dance_env.testing import synthetic_problem
from solvers.cli import main as dance

COUNTS = (3, 3, 2)
FREE = synthetic_problem(0, option_counts=COUNTS)
TIGHT = synthetic_problem(1, option_counts=COUNTS, constraints=(Constraint("latency_s", 4e-3),))
IMPOSSIBLE = synthetic_problem(1, option_counts=COUNTS, constraints=(Constraint("latency_s", 1e-9),))


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    """No problem is small enough to enumerate."""
    monkeypatch.setattr(pricing, "MAX_DESIGNS", 0)


def order(violation: float, objective: float) -> tuple[float, float]:
    return (float(violation), float(objective))


def descent_by_hand(start: tuple[int, ...], counts: tuple[int, ...], value: dict[tuple[int, ...], Any]) -> Any:
    """End of a steepest descent, and its steps, by comparing tuples."""
    now, steps = start, 0
    while True:
        neighbors = [
            (*now[:column], option, *now[column + 1 :])
            for column, count in enumerate(counts)
            for option in range(count)
            if option != now[column]
        ]
        best = min(neighbors, key=lambda each: value[each])  # the first of equals
        if value[best] >= value[now]:
            return now, steps
        now, steps = best, steps + 1


@pytest.mark.parametrize("problem", [FREE, TIGHT], ids=["free", "limit"])
def test_descents_are_those_of_brute_force(problem: Problem, tmp_path: Path) -> None:
    found = measure(problem, starts=40, cache_dir=tmp_path)
    networks = np.array(list(np.ndindex(*COUNTS)))
    grid = problem.evaluate_networks(networks)
    by_network = {}
    for row, network in enumerate(networks):
        by_network[tuple(network.tolist())] = min(map(order, grid.violation[row], grid.objective[row]))
    for row, network in enumerate(networks):
        end, steps = descent_by_hand(tuple(network.tolist()), COUNTS, by_network)
        assert tuple(found.over_networks.ends[row].tolist()) == end
        assert found.over_networks.steps[row] == steps
    ends = {tuple(end) for end in found.over_networks.ends.tolist()}
    assert found.over_networks.different == len({by_network[end][1] for end in ends if by_network[end][0] == 0.0})

    designs = problem.space.unrank(np.arange(problem.space.size))
    evaluation = problem.evaluate(designs)
    by_design = dict(
        zip(map(tuple, designs.tolist()), map(order, evaluation.violation, evaluation.objective), strict=True)
    )
    counts = tuple(problem.space.option_counts.tolist())
    starts = problem.space.sample(np.random.default_rng([0, 1]), 40)
    for row, start in enumerate(starts):
        end, steps = descent_by_hand(tuple(start.tolist()), counts, by_design)
        assert tuple(found.over_designs.ends[row].tolist()) == end
        assert found.over_designs.steps[row] == steps


@pytest.mark.parametrize("problem", [FREE, TIGHT], ids=["free", "limit"])
def test_shares_and_single_accelerator_are_those_of_brute_force(problem: Problem, tmp_path: Path) -> None:
    found = measure(problem, starts=3, cache_dir=tmp_path)
    grid = problem.evaluate_networks(np.array(list(np.ndindex(*COUNTS))))
    cost = np.where(grid.feasible, problem.objective.cost_function(grid.cost), np.inf)
    able = np.isfinite(cost.min(axis=1))
    assert (found.networks, found.feasible_networks) == (18, able.sum())
    assert found.feasible_designs == pytest.approx(grid.feasible.mean(), abs=1e-15)
    assert found.best_accelerators == len(set(cost[able].argmin(axis=1).tolist()))
    runs = grid.feasible[able].sum(axis=0)
    excess = cost[able] / cost[able].min(axis=1, keepdims=True) - 1
    mean = [excess[np.isfinite(excess[:, h]), h].mean() if n == runs.max() else np.inf for h, n in enumerate(runs)]
    assert found.fixed is not None
    assert found.fixed.index == int(np.argmin(mean))
    assert found.fixed.excess_mean == pytest.approx(min(mean), abs=1e-12)
    least = np.where(grid.feasible, grid.objective, np.inf).min()
    assert (found.reference.kind, found.reference.objective) == ("optimum", least)
    assert found.over_networks.reached(least) >= 1


def test_samples_where_designs_cannot_be_enumerated(sampled: None) -> None:
    found = measure(TIGHT, networks=7, starts=5, seed=3)
    assert (found.enumerated, found.networks) == (False, 7)
    assert (len(found.over_networks), len(found.over_designs)) == (5, 5)
    assert found.reference.kind == "best found"
    # Each network on its best accelerator is what `best_hardware` says.
    again = measure(TIGHT, networks=7, starts=5, seed=3)
    ends = found.over_networks.ends
    own = TIGHT.evaluate(TIGHT.design(ends, TIGHT.best_hardware(ends)))
    assert found.over_networks.objective.tolist() == own.objective.tolist()
    assert again.over_networks.ends.tolist() == ends.tolist()
    assert again.over_designs.ends.tolist() == found.over_designs.ends.tolist()
    other = measure(TIGHT, networks=7, starts=5, seed=4)
    assert other.over_designs.steps.tolist() != found.over_designs.steps.tolist()


def test_ends_do_not_depend_on_the_batch(sampled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measure(FREE, networks=5, starts=9)
    monkeypatch.setattr("dance_env.analysis.landscape.descents._STARTS_AT_A_TIME", 2)
    parts = measure(FREE, networks=5, starts=9)
    assert whole.over_networks.ends.tolist() == parts.over_networks.ends.tolist()
    assert whole.over_designs.steps.tolist() == parts.over_designs.steps.tolist()


def test_a_problem_without_feasible_designs_is_described(capsys: Any, tmp_path: Path) -> None:
    found = measure(IMPOSSIBLE, starts=4, cache_dir=tmp_path)
    assert (found.feasible_networks, found.feasible_designs, found.best_accelerators) == (0, 0.0, 0)
    assert found.fixed is None
    assert found.reference.design is None
    assert not found.over_designs.feasible.any()
    assert found.over_designs.different == 0


def test_a_proved_optimum_is_the_reference(sampled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    best = exact.optimum(FREE)
    proof = dataclasses.make_dataclass("Proof", ["objective", "design", "gap"])
    monkeypatch.setattr(pricing, "shipped_optimum", lambda _: proof(best.objective, tuple(best.design.tolist()), 0.0))
    found = measure(FREE, networks=3, starts=6)
    assert (found.reference.kind, found.reference.objective) == ("proved", best.objective)
    assert (found.over_designs.regret(best.objective) >= 0.0).all()
    monkeypatch.setattr(pricing, "shipped_optimum", lambda _: proof(best.objective + 9.0, (0,) * 7, 0.0))
    with pytest.raises(RuntimeError, match=r"below .* which the record that ships calls proved"):
        measure(FREE, networks=3, starts=6)


def test_objectives_that_differ_by_rounding_are_one_end() -> None:
    ends = np.zeros((4, 1), dtype=np.int64)
    objective = np.array([30.0, 30.0 + 1e-12, 31.0, 29.0])
    descents = Descents(ends, np.array([0.0, 0.0, 0.0, 0.5]), objective, np.zeros(4, dtype=np.int64))
    assert (descents.different, descents.reached(30.0)) == (2, 2)
    assert descents.regret(30.0).tolist() == pytest.approx([0.0, 0.0, 1.0], abs=1e-11)


def test_equal_designs_end_a_descent() -> None:
    flat = descend(np.array([[1, 0], [0, 2]]), [2, 3], lambda rows: Standing(np.zeros(len(rows)), np.ones(len(rows))))
    assert flat.ends.tolist() == [[1, 0], [0, 2]]
    assert flat.steps.tolist() == [0, 0]


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    measure(FREE, starts=6, cache_dir=tmp_path, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (6, 6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"networks": 0}, "networks must be 1 or more, got 0"),
        ({"starts": 0}, "starts must be 1 or more, got 0"),
        ({"seed": -1}, "seed must be 0 or more, got -1"),
    ],
)
def test_counts_below_one_are_refused(settings: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure(FREE, **settings)


# ------------------------------------------------------------------------------------------------------------- command
def test_command_prints_a_table_or_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["tiny", "tiny/latency-limited", "--starts", "3"]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0] == "| | tiny | tiny/latency-limited |"
    assert all(line.count("|") == 4 for line in lines)
    assert "| networks looked at | all 27 | all 27 |" in lines
    assert main(["tiny", "--starts", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["tiny"]
    assert found["reference"]["kind"] == "optimum"
    assert found["reference"]["objective"] == exact.optimum(make_problem("tiny")).objective
    assert found["over_designs"]["starts"] == 3
    assert found["over_networks"]["starts"] == found["networks"] == 27


def test_sides_at_an_end_of_their_range_are_named() -> None:
    problem = make_problem("tiny")
    named = {"pe_x": 8, "pe_y": 24, "rf_words": 12, "dataflow": "WS"}
    accelerator = problem.space.decode(np.zeros((1, problem.space.num_choices), dtype=np.int64))[0] | named
    assert ends_of_ranges(problem, problem.space.encode([accelerator])[0]) == {"pe_x": "least", "pe_y": "most"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tiny", "--starts", "0"], "argument --starts: give a whole number of 1 or more, not '0'"),
        (["tiny", "--networks", "ten"], "argument --networks: give a whole number of 1 or more, not 'ten'"),
        (["tiny", "--seed", "-1"], "argument --seed: give a whole number of 0 or more, not '-1'"),
        ([], "the following arguments are required: TASK"),
    ],
)
def test_bad_arguments_are_refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capsys.readouterr().err


def test_an_unknown_task_is_refused_before_any_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dance_env.commands.landscape.make_problem", lambda *_, **__: pytest.fail("was measured"))
    with pytest.raises(ValueError, match=r"there is no task 'tiny/balancd'. Did you mean 'tiny/balanced'"):
        main(["tiny", "tiny/balancd"])


@pytest.mark.parametrize("command", ["landscape", "coupling"])
def test_perturbed_tasks_are_measured(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--starts", "2"] if command == "landscape" else []
    assert dance([command, "tiny", "tiny:permuted=1", "--json", *more]) == 0
    plain, permuted = json.loads(capsys.readouterr().out).values()
    if command == "landscape":
        for each in ("objective", "design"):  # the order of the options does not matter
            assert permuted["reference"][each] == plain["reference"][each]
    else:
        assert permuted["best"] == plain["best"]
    assert dance([command, "tiny:noise=0.3", *more]) == 0
    assert "tiny:noise=0.3" in capsys.readouterr().out
    assert dance([command, "tiny:nose=0.3"]) == 2
    assert "there is no perturbation 'nose'. Did you mean 'noise'" in capsys.readouterr().err
