"""The statistics of comparisons: failures rank last, seeds pair, one run stands for all of a deterministic solver."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math

import numpy as np
import pytest

from dance_env.analysis.exact import optimum, pareto_front
from dance_env.testing import synthetic_problem
from solvers.comparison.reference import Reference
from solvers.comparison.run import Comparison, Run, TaskRuns
from solvers.comparison.settings import Settings
from solvers.comparison.statistics import StatisticsSettings, statistics_of
from solvers.contract.result import Status
from solvers.methods.exhaustive import Exhaustive
from solvers.methods.random_search import RandomSearch
from solvers.report.statistics import overall_page, standings_table, task_section
from solvers.report.statistics_files import statistics_csv, statistics_json

SEEDS = (0, 1, 2, 3, 4)
QUICK = StatisticsSettings(resamples=200, points=30)


def searched(problem, budget, seeds=SEEDS):
    return [RandomSearch().solve(problem, budget=budget, seed=seed) for seed in seeds]


def failed(result):
    return dataclasses.replace(result, status=Status.FAILED, reason="it broke")


@pytest.fixture(scope="module")
def problems():
    return [dataclasses.replace(synthetic_problem(seed), name=f"task{seed}") for seed in (0, 1)]


@pytest.fixture(scope="module")
def references(problems, tmp_path_factory):
    return [Reference.of(optimum(each, cache_dir=tmp_path_factory.mktemp("cache"))) for each in problems]


@pytest.fixture(scope="module")
def comparison_of(problems, references, tmp_path_factory):
    def make(results):
        """A comparison of results: label -> results on the first task, then on the second."""
        tasks = []
        for number, (problem, reference) in enumerate(zip(problems, references, strict=True)):
            runs = [
                Run(problem.name, label, "digest", result)
                for label, each in results.items()
                if len(each) > number
                for result in each[number]
            ]
            tasks.append(TaskRuns(problem.name, problem, reference, tuple(runs)))
        out = tmp_path_factory.mktemp("out")
        return Comparison(Settings(tasks=problems, solvers=[RandomSearch()], out=out), tuple(tasks))

    return make


@pytest.fixture(scope="module")
def runs(problems):
    return {
        "few": [searched(problem, 5) for problem in problems],
        "many": [searched(problem, 200) for problem in problems],
        "all": [[Exhaustive().solve(problem, budget=100, seed=0)] for problem in problems],
    }


@pytest.fixture(scope="module")
def statistics(comparison_of, runs):
    return statistics_of(comparison_of(runs), settings=QUICK)


def test_regret_is_measured_to_the_optimum(statistics, runs, references):
    standings = statistics.tasks[0].standings
    assert standings.solvers == ("all", "many", "few")
    assert standings.unit == "%"
    best = np.array([result.best_objective for result in runs["many"][0]])
    regret = 100 * (best - references[0].objective) / abs(references[0].objective)
    assert standings.median[1].value == pytest.approx(np.median(regret))
    assert standings.median[1].low <= standings.median[1].value <= standings.median[1].high
    assert standings.median[0].value == standings.interquartile_mean[0].high == 0.0
    pooled = [
        100 * (result.best_objective - reference.objective) / abs(reference.objective)
        for results, reference in zip(runs["few"], references, strict=True)
        for result in results
    ]
    assert statistics.overall.interquartile_mean[2].value == pytest.approx(np.mean(np.sort(pooled)[2:-2]))


def test_one_run_of_a_deterministic_solver_stands_for_every_seed(statistics):
    standings = statistics.tasks[0].standings
    assert standings.runs.tolist() == [5, 5, 5]
    assert standings.seeds == {"task0": SEEDS}
    assert standings.ranks.blocks == 5
    assert (standings.pairs[0].test, standings.pairs[0].number) == ("Wilcoxon signed-rank", 5)
    assert statistics.overall.ranks.blocks == 10
    assert statistics.overall.ranks.block == "task and seed"


def test_two_deterministic_solvers_are_not_tested(comparison_of, runs):
    found = statistics_of(comparison_of({"one": runs["all"][:1], "two": runs["all"][:1]}), settings=QUICK)
    (pair,) = found.tasks[0].standings.pairs
    assert (pair.test, pair.median_difference) == ("none", 0.0)
    assert math.isnan(pair.p)


def test_failures_are_ranks_and_never_left_out(comparison_of, runs):
    broken = [failed(result) for result in runs["many"][0][:3]] + runs["many"][0][3:]
    found = statistics_of(comparison_of({"broken": [broken], "few": runs["few"][:1]}), settings=QUICK).tasks[0]
    standings = found.standings
    assert standings.solvers == ("few", "broken")  # though its two whole runs are better
    assert standings.failed.tolist() == [0, 3]
    assert standings.interquartile_mean[1].value == standings.median[1].value == math.inf
    assert standings.distribution[1, -1] == pytest.approx(0.4)
    assert standings.improvement[1, 0] == pytest.approx(0.4)
    assert found.front.hypervolume["broken"][:3].tolist() == [0.0] * 3
    assert np.isinf(found.front.igd_plus["broken"][:3]).all()
    assert found.reached["queries"].share[1, -1] <= 0.4
    twice = statistics_of(comparison_of({"a": [broken], "b": [broken]}), settings=QUICK).tasks[0].standings
    assert twice.ranks.average.tolist() == [1.5, 1.5]  # failures of both tie


def test_seeds_that_do_not_pair_are_compared_without_pairs(comparison_of, problems):
    groups = {
        "a": [searched(problems[0], 5, (0, 1, 2))],
        "b": [searched(problems[0], 300, (3, 4, 5, 6))],
    }
    standings = statistics_of(comparison_of(groups), settings=QUICK).tasks[0].standings
    assert standings.ranks is None
    (pair,) = standings.pairs
    assert (pair.test, pair.number) == ("Mann-Whitney U", 7)
    assert pair.first == "b"  # the better median


def test_solvers_of_some_tasks_are_named_and_not_ranked_over_all(comparison_of, runs):
    found = statistics_of(comparison_of({**runs, "once": runs["few"][:1]}), settings=QUICK)
    assert found.left_out == ("once",)
    assert "once" in found.tasks[0].standings.solvers
    assert "once" not in found.overall.solvers
    assert "once" in overall_page(found)


def test_tasks_are_the_blocks_where_there_are_enough(comparison_of, runs):
    settings = dataclasses.replace(QUICK, least_tasks=2)
    ranks = statistics_of(comparison_of(runs), settings=settings).overall.ranks
    assert (ranks.block, ranks.blocks) == ("task", 2)


def test_curves_and_run_lengths_are_those_of_the_traces(statistics, runs, references):
    task = statistics.tasks[0]
    assert set(task.anytime) == {"queries", "networks", "cost_pairs", "seconds"}  # no training times: no GPU-hours
    optimal = references[0].objective
    curve = task.anytime["queries"]
    row = task.standings.solvers.index("many")
    assert (curve.spent[0], curve.spent[-1], curve.end[row]) == (1.0, pytest.approx(200.0), 200.0)
    best = np.array([result.trace.best_so_far()[-1] for result in runs["many"][0]])
    assert curve.median[row, -1] == pytest.approx(np.median(100 * (best - optimal) / abs(optimal)))
    assert (np.diff(curve.median[row][np.isfinite(curve.median[row])]) <= 0).all()
    reached = task.reached["queries"]
    target = statistics.settings.targets_pct.index(10.0)
    first = [
        np.flatnonzero(result.trace.best_so_far() <= optimal + 0.1 * abs(optimal))[:1] + 1 for result in runs["few"][0]
    ]
    lengths = [int(each[0]) if len(each) else None for each in first]
    hits = sum(each is not None for each in lengths)
    expected = sum(each or 5 for each in lengths) / hits if hits else math.inf
    assert reached.expected[0, task.standings.solvers.index("few"), target] == expected


def test_the_front_is_measured_to_the_exact_one(statistics, problems, runs):
    front = statistics.tasks[0].front
    exact = pareto_front(problems[0])
    assert (front.reference, front.designs, front.missing) == ("exact", len(exact), 0.0)
    assert front.hypervolume["all"] == pytest.approx([1.0])
    assert front.igd_plus["all"] == pytest.approx([0.0], abs=1e-12)
    moocore = pytest.importorskip("moocore")
    scale = [np.ptp(exact.error_pct), np.ptp(exact.cost)]
    corner = np.array([exact.error_pct.min(), exact.cost.min()]) + 1.1 * np.array(scale)
    points = np.stack((exact.error_pct, exact.cost), axis=1)
    for number, result in enumerate(runs["many"][0]):
        trace = result.trace[result.trace.feasible]
        found = np.stack((trace.error_pct, trace.cost), axis=1)
        share = moocore.hypervolume(found, ref=corner) / moocore.hypervolume(points, ref=corner)
        assert front.hypervolume["many"][number] == pytest.approx(share)
        assert front.igd_plus["many"][number] == pytest.approx(moocore.igd_plus(found / scale, points / scale))


def test_designs_beyond_the_limits_add_no_hypervolume(problems, tmp_path):
    free = pareto_front(problems[0])
    limited = problems[0].limited({"latency_s": float(np.median(free.evaluation.cost.latency_s))})
    results = searched(limited, 60)
    reference = Reference.of(optimum(limited, cache_dir=tmp_path))
    task = TaskRuns("limited", limited, reference, tuple(Run("limited", "random", "d", each) for each in results))
    settings = Settings(tasks=limited, solvers=[RandomSearch()], out=tmp_path)
    front = statistics_of(Comparison(settings, (task,)), settings=QUICK).tasks[0].front
    assert front.designs == len(pareto_front(limited))
    assert not all(result.trace.feasible.all() for result in results)  # there is something to leave out
    assert (front.hypervolume["random"] <= 1 + 1e-12).all()


def test_the_same_runs_give_the_same_figures(comparison_of, runs, statistics):
    again = statistics_of(comparison_of(runs), settings=QUICK)
    assert statistics_json(again) == statistics_json(statistics)
    other = statistics_of(comparison_of(runs), settings=dataclasses.replace(QUICK, seed=1))
    assert statistics_json(other) != statistics_json(statistics)


def test_tables_and_files_say_what_the_statistics_say(statistics, comparison_of, runs):
    broken = statistics_of(comparison_of({**runs, "=a|b": [[failed(each) for each in runs["few"][0]]]}), settings=QUICK)
    rows = list(csv.DictReader(io.StringIO(statistics_csv(broken))))
    ranks = {
        row["solver"]: float(row["value"]) for row in rows if row["figure"] == "average_rank" and row["task"] == "task0"
    }
    assert ranks["'=a|b"] == 4.0
    better = [row for row in rows if row["figure"] == "probability_of_improvement" and row["task"] == "(all)"]
    assert {(row["solver"], row["other"]) for row in better} >= {("all", "few"), ("few", "all")}
    whole = json.loads(statistics_json(broken), parse_constant=pytest.fail)
    assert whole["tasks"][0]["standings"]["interquartile_mean"][3]["value"] == "inf"
    section = task_section(broken.tasks[0], broken)
    assert "=a\\|b" in section
    assert "5 / 5" in section
    assert standings_table(statistics.overall, None) in overall_page(statistics)


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="the profile's target is one of"):
        StatisticsSettings(targets_pct=(5.0,))
    with pytest.raises(ValueError, match="lie between 0 and 1"):
        StatisticsSettings(alpha=1.0)
    with pytest.raises(ValueError, match="at least one target"):
        StatisticsSettings(targets_pct=())
