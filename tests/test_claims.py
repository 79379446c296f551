"""The paper's claims: verdicts seen to go both ways, resuming, the report; and every claim once, in miniature."""

from __future__ import annotations

import json
import math
import runpy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from dance_env.analysis.exact import optimum
from dance_env.cost import TECHNOLOGIES
from dance_env.objective import Linear, Objective
from dance_env.tasks import make_problem, task_names
from experiments import reproduce_dance
from experiments.claims import accelerators_by_objective as accelerators
from experiments.claims import (
    compared_cost,
    evaluator_accuracy,
    feature_forwarding,
    joint_beats_separate,
    joint_gain,
    joint_on_images,
    recorded_cost,
    search_cost,
)
from experiments.claims.catalog import PARTS, claim_names, load_claim, settings_of
from experiments.claims.claim import Claim, Finding, Picture, Series, Table, Verdict
from experiments.claims.cost_criterion import Needed
from experiments.claims.evaluator_quality import Quality
from experiments.claims.exact_ends import ALONE, JOINT, LIMITED, PENALIZED, Points, _proved, exact_ends, lower_hull
from experiments.claims.fronts import Fronts, Rival, gain, lower_median
from experiments.claims.page import cell_text, escape, page_text, write_report
from experiments.claims.problems import problem_of
from experiments.claims.run import Outcome, claim_key, run_claims
from experiments.claims.runs import run_solvers
from experiments.claims.scale import SCALES, ImageScale, Scale, on_device, on_tasks
from experiments.claims.work import Work
from experiments.search_cost.measure import Reading, load
from solvers.contract.ledger import Ledger
from solvers.contract.record.trace import COLUMNS, Trace
from solvers.contract.result import Result, Status
from solvers.contract.solver import Solver
from solvers.methods.dance.evaluator.settings import MUON, PAPER, EvaluatorSettings
from solvers.methods.random_search import RandomSearch

HOLDS, FAILS, UNKNOWN = Verdict.HOLDS, Verdict.DOES_NOT_HOLD, Verdict.NOT_TESTABLE
ROOT = Path(__file__).resolve().parents[1]
MACHINE = {"cores": 2}


def finding(verdict: Verdict = HOLDS) -> Finding:
    return Finding("a part", "1 to 2", "1.5", verdict, "above 1")


def small_claim(name: str = "search_cost", **changes: object) -> Claim:
    values = {
        "name": name,
        "statement": "It works.",
        "paper": "10",
        "ours": "11",
        "sentence": "So.",
        "findings": (finding(),),
    }
    return Claim(**(values | changes))  # type: ignore[arg-type]


# Verdicts


def test_a_claim_holds_only_if_no_part_fails():
    assert Verdict.of_all([HOLDS, HOLDS]) is HOLDS
    assert Verdict.of_all([HOLDS, UNKNOWN]) is HOLDS
    assert Verdict.of_all([HOLDS, FAILS, UNKNOWN]) is FAILS
    assert Verdict.of_all([UNKNOWN]) is UNKNOWN
    assert small_claim(findings=()).verdict is UNKNOWN
    assert small_claim(findings=(finding(), finding(FAILS))).verdict is FAILS


def test_two_seeds_that_contradict_each_other_are_no_win():
    """One seed in which only the rival has a design (0), one in which only DANCE has (inf)."""
    assert lower_median(np.array([[0.0], [math.inf]])).tolist() == [0.0]
    assert lower_median(np.array([[1.5, math.nan], [1.2, math.nan], [math.nan, math.nan]]))[0] == 1.2
    assert np.isnan(lower_median(np.array([[math.nan], [math.nan]]))).all()
    assert lower_median(np.array([[1.0], [math.inf], [math.inf]])).tolist() == [math.inf]


def test_gain_is_the_ratio_of_the_least_costs_at_most_an_error():
    joint = Points("joint", np.array([5.0, 6.0]), np.array([2.0, 1.0]))
    separate = Points("separate", np.array([5.0, 7.0]), np.array([6.0, 1.5]))
    assert gain(separate, joint, np.array([5.0, 6.0, 7.0])).tolist() == [3.0, 6.0, 1.5]
    nothing = Points("nothing", np.empty(0), np.empty(0))
    assert gain(nothing, joint, np.array([5.0])).tolist() == [math.inf]
    assert gain(separate, nothing, np.array([5.0])).tolist() == [0.0]
    assert np.isnan(gain(separate, joint, np.array([4.0]))).all()


def fronts(separate_cost: float, *, dance_cost: float = 1.0) -> Fronts:
    """Three errors; the joint front costs 1, DANCE and the separate searches as told."""
    levels = np.array([5.0, 5.2, 6.0])

    def at(label: str, cost: float) -> Points:
        return Points(label, levels, np.array([1.0, 0.9, 0.8]) * cost)

    rivals = tuple(
        Rival(name, (at(name, separate_cost),), in_paper=name != LIMITED) for name in (ALONE, PENALIZED, LIMITED)
    )
    return Fronts("task", levels, at("joint", 1.0), (at("seed 0", dance_cost),), rivals)


@pytest.mark.parametrize(
    ("separate", "dance", "verdict"),
    [(1.5, 1.0, HOLDS), (1.0, 1.0, FAILS), (1.5, 1.6, FAILS), (1.005, 1.0, FAILS), (math.inf, 1.0, HOLDS)],
)
def test_joint_beats_separate_goes_both_ways(separate, dance, verdict):
    found = joint_beats_separate.judged(fronts(separate, dance_cost=dance))
    assert [each.verdict for each in found if "DANCE" in each.what] == [verdict] * 2  # a rival of ours decides nothing
    exact = [each.verdict for each in found if "both exact" in each.what]
    assert exact == [HOLDS if separate > 1.01 else FAILS] * 2  # DANCE's own designs do not matter there


def test_a_searched_rival_is_compared_with_dance_alone():
    measured = fronts(1.5)
    edd = Rival("EDD, same loss", measured.rivals[0].by_seed, exact=False)
    found = joint_beats_separate.judged(replace(measured, rivals=(edd,)))
    assert [each.what for each in found] == ["task: DANCE against EDD, same loss"]


def test_one_bad_error_is_enough_to_lose_along_the_front():
    assert joint_beats_separate.wins(np.array([2.0, 2.0, 1.0]))
    assert not joint_beats_separate.wins(np.array([2.0, 2.0, 0.9]))
    assert not joint_beats_separate.wins(np.array([np.nan]))


def test_the_size_of_the_gain_goes_both_ways():
    assert [each.verdict for each in joint_gain.judged(fronts(7.5))] == [HOLDS] * 2
    assert [each.verdict for each in joint_gain.judged(fronts(3.5))] == [HOLDS, FAILS]
    assert [each.verdict for each in joint_gain.judged(fronts(1.2))] == [FAILS] * 2
    assert [each.verdict for each in joint_gain.judged(fronts(7.5, dance_cost=7.5))] == [
        HOLDS
    ] * 2  # exact fronts alone


def test_the_largest_gain_of_the_whole_front_is_shown_where_it_is():
    """At 30 %, beyond the errors compared, the separate search pays nine times as much; no verdict is read there."""
    joint = Points("joint", np.array([5.0, 6.0, 30.0]), np.array([3.0, 2.0, 0.1]))
    separate = Points("separate", np.array([5.0, 6.0]), np.array([3.0, 0.9]))
    measured = Fronts("task", np.array([5.0, 6.0]), joint, (), (Rival(PENALIZED, (separate,)),))
    assert joint_gain.largest_of_all(measured, measured.rivals[0]) == (pytest.approx(9.0), 30.0)
    found = joint_gain.judged(measured)
    assert [each.verdict for each in found] == [FAILS] * 2
    assert found[0].rule.endswith("at some of the 2 errors compared, up to 6")
    assert joint_beats_separate.judged(fronts(1.5))[0].ours.endswith("above 1.01 at 3 of 3 errors")


def judged_evaluator(worse: float = 0.0, regret: float = 0.5, settings: EvaluatorSettings = PAPER) -> list[Verdict]:
    """Verdicts on an evaluator whose energies err by so much more than the paper's, and whose accelerators cost more."""
    figures = {
        "heads": dict.fromkeys(evaluator_accuracy.PAPER_HEADS, 50.0),
        "commonest": dict.fromkeys(evaluator_accuracy.PAPER_HEADS, 50.0),
        "estimator": {**evaluator_accuracy.PAPER_ESTIMATOR, "energy_j": 99.7 - worse},
        "whole": {**evaluator_accuracy.PAPER_WHOLE, "energy_j": 98.3 - worse},
    }
    found = Quality(
        **figures, all_heads=50.0, labels=3, regret_mean=regret, regret_median=0.0, regret_p99=5.0, over_limit=0.0
    )
    return [each.verdict for each in evaluator_accuracy.judged("task", found, settings)]


def test_the_evaluator_is_judged_by_costs_and_by_what_its_accelerators_cost():
    assert judged_evaluator() == [HOLDS] * 3  # heads decide nothing
    assert judged_evaluator(worse=0.04) == [HOLDS] * 3
    assert judged_evaluator(worse=0.1, regret=1.1) == [FAILS] * 3
    assert judged_evaluator(worse=0.1, regret=1.1, settings=MUON) == [UNKNOWN] * 3  # a ninth of the paper's samples
    assert judged_evaluator(settings=MUON) == [HOLDS] * 3


@pytest.mark.parametrize(
    ("without", "verdict"),
    [((97.0, 97.1), HOLDS), ((98.5, 98.6), FAILS), ((97.0, 98.9), UNKNOWN), ((97.0,), UNKNOWN)],
)
def test_feature_forwarding_goes_both_ways_and_chance_decides_nothing(without, verdict):
    metrics = tuple(evaluator_accuracy.PAPER_WHOLE)
    with_it = (98.0, 98.05)[: len(without)]
    sides = [feature_forwarding.Side(dict.fromkeys(metrics, values), ()) for values in (with_it, without)]
    assert {each.verdict for each in feature_forwarding.judged("task", *sides)} == {verdict}


def price(candidates: float, hours: float = math.nan, supernet: float = 0.0) -> search_cost.Price:
    return search_cost.Price(candidates, candidates + supernet, hours, 0.0, 1.0, 0.5)


def test_search_cost_goes_both_ways_and_counts_the_supernet():
    names = ("ppo", "evolution")
    rivals = {"ppo": [price(4000, 40.0)] * 3, "evolution": [price(1000, 4.0)] * 3}
    cheap = search_cost.judged("task", {"dance": [price(50, 1.0, 4.0)] * 3, **rivals}, names)
    assert [each.verdict for each in cheap] == [HOLDS, HOLDS, HOLDS]
    supernet = search_cost.judged("task", {"dance": [price(50, 30.0, 2000.0)] * 3, **rivals}, names)
    assert [each.verdict for each in supernet] == [HOLDS, FAILS, FAILS]
    dear = search_cost.judged("task", {"dance": [price(500, 5.0)] * 3, **rivals}, names)
    assert [each.verdict for each in dear] == [FAILS, FAILS, FAILS]
    never = [price(math.inf, math.inf)] * 3
    lost = search_cost.judged("task", {"dance": never, **rivals}, names)
    assert {each.verdict for each in lost} == {FAILS}
    nobody = search_cost.judged("task", {"dance": never, "ppo": never, "evolution": never}, names)
    assert {each.verdict for each in nobody} == {UNKNOWN}
    untimed = search_cost.judged("task", {name: [price(50)] * 3 for name in ("dance", *names)}, names)
    assert untimed[-1].verdict is UNKNOWN


def recorded(amounts: dict[str, tuple[float, float]]) -> list[Finding]:
    """A record in which solvers come close at these amounts, just above the ones before: networks, GPU-hours."""
    readings = []
    for solver, (networks, hours) in amounts.items():
        supernet = 4 if solver == "dance" else 0
        for unit, amount in (("networks", networks), ("gpuh", hours)):
            readings += [
                reading(solver, at, regret, unit=unit, networks=int(at) - supernet)
                for at, regret in ((amount - 1e-9, 5.0), (amount, 0.5))
            ]
    return recorded_cost.judged_record(readings, close_pct=1.0)


def compared(path: Path, amounts: dict[str, tuple[float, float]]) -> list[Finding]:
    """A comparison in which solvers need these networks and GPU-hours."""
    rows = ["task,solver,access,networks_to_close,gpu_hours_to_close,supernet_trainings"]
    for solver, (networks, hours) in amounts.items():
        access, supernet = ("white box", 4) if solver == "dance" else ("values", 0)
        rows.append(f"t,{solver},{access},{networks},{hours},{supernet}")
    path.write_text("\n".join(rows) + "\n")
    return compared_cost.judged_runs("t", compared_cost.load_runs(path, "t"))


def test_runs_comparisons_and_records_are_judged_by_one_criterion(tmp_path):
    """A tenth of the networks is enough; as many GPU-hours are not fewer. Candidates leave the supernet out."""
    cases = {
        (100.0, 5.0): [HOLDS, HOLDS, FAILS],
        (99.0, 5.1): [HOLDS, FAILS, HOLDS],
        (59.0, 4.9): [FAILS, FAILS, FAILS],
    }
    for theirs, verdicts in cases.items():
        amounts = {"dance": (10.0, 5.0), "evolution": theirs}
        prices = {
            name: [price(networks - supernet, hours, supernet)]
            for (name, (networks, hours)), supernet in zip(amounts.items(), (4.0, 0.0), strict=True)
        }
        live = search_cost.judged("t", prices, ["evolution"])
        found = [live, compared(tmp_path / "runs.csv", amounts), recorded(amounts)]
        assert [each.verdict for each in live] == verdicts
        assert [[each.verdict for each in part] for part in found[:2]] == [verdicts] * 2
        for part in found:
            assert [(each.what, each.paper, each.rule) for each in part] == [
                (each.what, each.paper, each.rule) for each in live
            ]
    with pytest.raises(ValueError, match="no solver that samples networks was run on 't'"):
        search_cost.judged("t", prices, [])


def test_bounds_decide_only_what_they_show():
    """An amount above its lower bound is more than one at most as large; at most 300 may be 101."""
    between, at_most = Needed(100.0, 300.0), Needed(0.0, 10.0)
    assert between.is_shown_to_exceed(at_most, 10.0)
    assert not between.is_shown_to_exceed(Needed(0.0, 11.0), 10.0)
    assert between.is_shown_to_exceed(Needed(25.0, 100.0), None)
    assert not Needed.exactly(100.0).is_shown_to_exceed(Needed.exactly(100.0), None)
    assert not between.is_shown_to_exceed(Needed(100.0, math.inf), None)  # DANCE did not get there
    assert str(Needed(30.0, math.inf)) == "more than 30"
    assert str(Needed.exactly(math.inf)) == "never"


def test_runs_that_never_came_close_count_as_infinite_in_the_median():
    runs = [price(10, 1.0), price(math.inf, math.inf), price(math.inf, math.inf)]
    assert search_cost.median(runs, "candidates") == math.inf
    assert search_cost.median([price(10, 1.0), price(20, 2.0), runs[1]], "candidates") == 20


def test_a_task_without_training_times_has_no_gpu_hours_in_its_headline():
    never = [price(math.inf, math.inf)]
    assert (
        search_cost._headline("t", {"dance": [price(5)], "ppo": never}) == "t: dance 5 candidates, ppo inf candidates"
    )
    assert "ppo inf candidates, inf GPU-hours" in search_cost._headline("t", {"dance": [price(5, 1.0)], "ppo": never})


def reading(solver: str, amount: float, regret: float, **changes: object) -> Reading:
    access = "gradients" if solver.startswith("dance") else "values"
    values = {"part": "solvers", "task": "t", "variant": "", "solver": solver, "access": access, "seed": 0,
              "unit": "networks", "amount": amount, "regret_pct": regret, "networks": 1, "gpu_hours": 1.0,
              "supernet_gpu_hours": 0.0, "gradient_queries": 0, "cost_pairs": 1, "seconds": 1.0}  # fmt: skip
    return Reading(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(("slow", "verdict"), [(100, HOLDS), (30, FAILS)])
def test_a_record_of_search_costs_bounds_what_solvers_need(slow, verdict):
    readings = [
        reading("dance", 10, 0.0, networks=6),
        *(
            reading("evolution", amount, 5.0 if amount <= slow else 0.5, networks=amount)
            for amount in (10, 30, 100, 300)
        ),
        reading("dance", 100, 5.0, unit="gpuh"),
        reading("dance", 500, 0.0, unit="gpuh"),
        reading("evolution", 100, 5.0, unit="gpuh"),
        reading("evolution", 500, 0.0, unit="gpuh"),
        *(reading("dance-exact", 100, r, part="supernet", variant=f"tau {t}") for t, r in ((0.9, 1e-3), (0.7, 9.0))),
        reading("dance-exact", 30, 4.9, part="supernet", variant="tau 0.7"),
    ]
    found = recorded_cost.judged_record(readings, close_pct=1.0)
    # In GPU-hours both need between 100 and 500.
    assert [each.verdict for each in found] == [verdict, verdict, FAILS, HOLDS, HOLDS, FAILS]
    assert recorded_cost.needed({10.0: 5.0, 30.0: 2.0}, 1.0) == Needed(30.0, math.inf)


@pytest.mark.parametrize(("hours", "verdicts"), [(3.0, [HOLDS] * 3), (0.5, [HOLDS, HOLDS, FAILS])])
def test_a_comparison_on_record_is_read_by_medians(tmp_path, hours, verdicts):
    rows = ["task,solver,access,networks_to_close,gpu_hours_to_close,supernet_trainings"]
    rows += [f"t,dance,white box,{n},1.0,3" for n in (4, 5, 600)]
    rows += [f"t,ppo,values,{n},{hours},0" for n in (50, 60, "inf")]
    rows += ["t,dance-exact,gradients,1,0.1,0", "other,dance,white box,900,9,0"]
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(rows) + "\n")
    runs = compared_cost.load_runs(path, "t")
    assert [each.verdict for each in compared_cost.judged_runs("t", runs)] == verdicts
    ours = [each.ours for each in compared_cost.judged_runs("t", runs)]
    assert ours[:2] == ["DANCE 2, ppo 60 (30 times as much)", "DANCE 5, ppo 60 (12 times as much)"]
    with pytest.raises(ValueError, match="has no run of 'dance' on 'u'; it has none of the task"):
        compared_cost.load_runs(path, "u")


def test_the_report_on_record_is_of_the_records_that_it_reads():
    """A comparison or a record that is made again asks for the report again: docs/claims.md says how."""
    report = json.loads((ROOT / "docs" / "records" / "reproduce_dance_language" / "results.json").read_text())
    stored = next(Claim.from_json(each["claim"]) for each in report["claims"] if each["name"] == "search_cost")
    scale = SCALES["overnight"].search_cost
    runs = compared_cost.load_runs(scale.comparison, search_cost.COMPARED)
    readings = [each for each in load(scale.record) if each.task == search_cost.RECORDED]
    judged = compared_cost.judged_runs(search_cost.COMPARED, runs)
    judged += recorded_cost.judged_record(readings, close_pct=scale.close_pct)
    assert set(judged) <= set(stored.findings)
    assert "inf GPU-hours" not in stored.ours


def run_of(objective: list[float]) -> Result:
    """A run that evaluated these objectives, with two gradient queries and half a second before each."""
    rows = len(objective)
    columns = {name: np.zeros(rows, dtype) for name, dtype in COLUMNS.items()}
    columns["objective"] = np.array(objective)
    columns["trained_networks"] = 4.0 + np.arange(1, rows + 1)
    columns["gpu_hours"] = 10.0 * np.arange(1, rows + 1)
    columns["gradient_queries"] = 2 * np.arange(1, rows + 1)
    columns["solver_seconds"] = 0.5 * np.arange(1, rows + 1)
    trace = Trace(designs=np.arange(rows)[:, None] // 2, **columns)
    ledger = Ledger(evaluations=rows, evaluator_seconds=7.0)
    return Result("dance", {}, 0, rows, "task", "", Status.BUDGET_SPENT, "", ledger, trace, {})


def test_the_price_is_read_at_the_first_close_design():
    found = search_cost.price(run_of([12.0, 10.05, 10.0]), 10.0, 1.0, network=slice(0, 1))
    assert (found.candidates, found.trained, found.gpu_hours) == (1, 6, 20)  # both designs are of one network
    assert (found.gradients, found.seconds, found.final_regret_pct) == (4, 1.0, 0.0)
    never = search_cost.price(run_of([12.0, 11.0]), 10.0, 1.0, network=slice(0, 1))
    assert not never.reached
    assert never.gpu_hours == math.inf
    untimed = run_of([12.0, 11.0])
    untimed.trace.gpu_hours[:] = math.nan
    assert math.isnan(search_cost.price(untimed, 10.0, 1.0, network=slice(0, 1)).gpu_hours)


def test_accelerators_by_objective_goes_both_ways():
    large, small = accelerators.Chosen(16, 16, 16, "WS"), accelerators.Chosen(12, 8, 32, "RS")
    as_said = [accelerators.Pair(0.9, 0.1, 1.0, latency=large, energy=small)]
    assert {each.verdict for each in accelerators.judged("task", as_said)} == {HOLDS}
    other = [accelerators.Pair(0.9, 0.1, 1.0, latency=small, energy=large)]
    assert {each.verdict for each in accelerators.judged("task", other)} == {FAILS}
    same = [accelerators.Pair(0.9, 0.1, 1.0, latency=large, energy=large)]
    assert accelerators.judged("task", as_said + same)[0].verdict is FAILS  # half of them is not most of them


def image_result(term: str, seed: int, error_pct: float, edap: float) -> dict[str, object]:
    return {"term": term, "seed": seed, "lambda2": 0.1, "error_pct": error_pct, "edap_js_mm2": edap}


def test_images_are_judged_within_each_seed():
    wanted = ImageScale(seeds=(0, 1), separate=("none",))
    good = [image_result("table", seed, 2.0, 1e-9) for seed in (0, 1)]
    separate = [image_result("none", seed, 2.0, 3e-9) for seed in (0, 1)]
    claim = joint_on_images.judge([*good, *separate], wanted)
    assert claim.verdict is HOLDS
    assert "3.00" in claim.ours
    one_bad = [good[0], image_result("table", 1, 2.5, 1e-9)]  # cheaper, but not as accurate
    assert joint_on_images.judge([*one_bad, *separate], wanted).verdict is FAILS


def test_what_a_test_of_images_cannot_tell_apart_is_stated_and_decides_nothing():
    results = [image_result("table", 0, 2.1, 1e-9), image_result("none", 0, 1.9, 3e-9)]
    results = [{**each, "test_images": 1000} for each in results]
    assert joint_on_images.resolution_pct(results) == pytest.approx(100 * (2 * 0.02 * 0.98 / 1000) ** 0.5)
    claim = joint_on_images.judge(results, ImageScale(seeds=(0,), separate=("none",)))
    assert claim.verdict is FAILS
    assert "by seed 0.00 (errors within 0.63 points counted as equal: 3.00)" in claim.ours
    far = [{**results[0], "error_pct": 3.0}, results[1]]
    assert "counted as equal: 0.00)" in joint_on_images.judge(far, ImageScale(seeds=(0,), separate=("none",))).ours


def test_image_searches_are_run_and_read_again(tmp_path, monkeypatch):
    from micro_images import micro_problem, micro_settings

    from solvers.methods.dance.images import settings
    from solvers.methods.dance.images.search import SearchStage

    asked = []
    monkeypatch.setattr(joint_on_images, "make_problem", lambda name, **given: asked.append(name) or micro_problem())
    monkeypatch.setattr(settings, "preset", lambda name: micro_settings())
    wanted = ImageScale(tasks=("micro",), seeds=(0,), lambdas=(0.1,))
    told: list[str] = []
    work = Work(tmp_path, tell=lambda what, done, total: told.append(what))
    claim = joint_on_images.measure(replace(SCALES["laptop"], images=wanted), work)
    assert asked == ["micro"]
    assert {"micro: search", "micro: final"} <= set(told)
    assert [row[0] for row in claim.tables[0].rows] == ["table", "macs", "none"]
    assert claim.verdict in (HOLDS, FAILS)
    monkeypatch.setattr(SearchStage, "advance", None)  # nothing is trained again
    assert joint_on_images.measure(replace(SCALES["laptop"], images=wanted), work) == claim


def test_what_a_scale_leaves_out_is_not_testable_and_says_where_it_is():
    claim = joint_on_images.measure(SCALES["laptop"], Work(Path("unused")))
    assert claim.verdict is UNKNOWN
    assert "--scale gpu --claims joint_on_images" in claim.sentence


# What the claims compute with


def test_the_hull_is_what_some_penalty_finds():
    rng = np.random.default_rng(0)
    macs, error = rng.random(60), rng.random(60)
    by_weight = {int((error + weight * macs).argmin()) for weight in [0.0, *np.geomspace(1e-4, 1e4, 4000)]}
    assert by_weight <= set(lower_hull(macs, error).tolist())
    assert len(lower_hull(macs, error)) <= len(by_weight) + 1  # a corner may need a weight between two of the grid's


def test_optima_under_many_objectives_are_the_exact_ones():
    problem = make_problem("tiny/linear")
    scales = accelerators.median_costs(problem)
    wanted = replace(SCALES["laptop"].objectives, lean=(0.9,), area=(0.2,), weights=(1.0,))
    (pair,) = accelerators.pairs_of(problem, wanted, Work(Path("unused")))
    for latency, energy, chosen in ((0.9, 0.1, pair.latency), (0.1, 0.9, pair.energy)):
        function = Linear(latency / scales[0], energy / scales[1], 0.2 / scales[2])
        best = optimum(replace(problem, objective=Objective(function, weight=1.0)))
        named = problem.space.decode(best.design[None])[0]
        assert (named["pe_x"], named["pe_y"], named["rf_words"], named["dataflow"]) == (
            chosen.columns, chosen.rows, chosen.rf_words, chosen.dataflow,
        )  # fmt: skip


def test_proved_ends_are_the_enumerated_ones(tmp_path):
    """On a space that can be enumerated; the proof may lack a thousandth of the hypervolume, and nothing at a corner."""
    problem, work = make_problem("tiny/edap"), Work(tmp_path, workers=1)
    enumerated, proved = exact_ends(problem, work=work), _proved(problem, work)
    assert len(list(tmp_path.glob("fronts/*.npz"))) == 2
    levels = enumerated[JOINT].error_pct
    for label, points in enumerated.items():
        theirs, ours = points.least_cost(levels), proved[label].least_cost(levels)
        assert (ours >= theirs * (1 - 1e-9)).all(), label  # none is below an exact end
        np.testing.assert_allclose(np.sum(ours[np.isfinite(ours)]), np.sum(theirs[np.isfinite(theirs)]), rtol=0.02)
    assert 0 <= proved[JOINT].gap <= 1e-3
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("experiments.claims.exact_ends.prove_front", None)  # nothing is proved again
        np.testing.assert_array_equal(_proved(problem, work)[LIMITED].cost, proved[LIMITED].cost)


def test_ends_of_merged_networks_are_the_enumerated_ones(tmp_path, monkeypatch):
    problem, work = make_problem("tiny/edap"), Work(tmp_path, workers=1)
    enumerated = exact_ends(problem, work=work)
    monkeypatch.setattr("experiments.claims.exact_ends.MAX_DESIGNS", 0)
    monkeypatch.setattr("experiments.claims.exact_ends.prove_front", None)  # nothing is proved
    merged = exact_ends(problem, work=work)
    for label, points in enumerated.items():
        np.testing.assert_allclose(np.sort(merged[label].error_pct), np.sort(points.error_pct), rtol=1e-12)
        np.testing.assert_allclose(np.sort(merged[label].cost), np.sort(points.cost), rtol=1e-12)
        assert merged[label].gap == 0


def test_proved_optima_under_many_objectives_are_the_enumerated_ones(monkeypatch, tmp_path):
    wanted = replace(SCALES["laptop"].objectives, lean=(0.9,), area=(0.2,), weights=(1.0,))
    problem, work = make_problem("tiny/linear"), Work(tmp_path, workers=1)
    enumerated = accelerators.pairs_of(problem, wanted, work)
    monkeypatch.setattr(accelerators, "MAX_DESIGNS", 0)
    assert accelerators.pairs_of(problem, wanted, work) == enumerated
    monkeypatch.setattr(accelerators, "prove", None)  # nothing is proved again
    assert accelerators.pairs_of(problem, wanted, work) == enumerated


def test_an_unknown_task_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no task 'tiny/edap2'"):
        problem_of("tiny/edap2", SCALES["laptop"], Work(tmp_path))


def test_runs_are_kept_and_read_again(tmp_path, monkeypatch):
    problem, told = make_problem("tiny/edap"), []
    work = Work(tmp_path, tell=lambda what, done, total: told.append((what, done, total)))
    given = {"seeds": (0, 1), "budget": 30, "work": work}
    first = run_solvers([problem], {"r": RandomSearch()}, **given).results
    assert told[-1][1:] == (2, 2)
    monkeypatch.setattr("solvers.comparison.compare.run_cells", None)  # nothing runs again
    again = run_solvers([problem], {"r": RandomSearch()}, **given).results
    assert all(one.trace.same_search(other.trace) for one, other in zip(first, again, strict=True))


@dataclass(frozen=True)
class Failing(Solver):
    name: ClassVar[str] = "failing"

    def search(self, problem, rng):
        raise OSError("no luck")


def test_a_run_that_fails_fails_the_claim(tmp_path):
    with pytest.raises(RuntimeError, match=r"failing on tiny/edap, seed 0: The solver failed.*OSError: no luck"):
        run_solvers([make_problem("tiny/edap")], {"failing": Failing()}, seeds=(0,), budget=3, work=Work(tmp_path))


# Running and resuming


class Counted:
    """Stands for the claims: counts the calls, and raises where it is told to."""

    def __init__(self, **errors: BaseException) -> None:
        self.calls: list[str] = []
        self.errors = errors

    def __call__(self, name: str):
        def measure(scale: Scale, work: Work) -> Claim:
            self.calls.append(name)
            if name in self.errors:
                raise self.errors[name]
            return small_claim(name, tables=(Table("t", ("a", "b"), ((math.inf, 1.5),)),))

        return measure

    def run(self, folder: Path, *, scale: Scale = SCALES["laptop"], fingerprint: str = "problem") -> list[Outcome]:
        return run_claims(
            scale, Work(folder), names=NAMES, load=self, fingerprints=lambda *_: [fingerprint]
        )  # fmt: skip


NAMES = ["joint_gain", "search_cost", "feature_forwarding"]


def test_what_is_on_record_is_not_measured_again(tmp_path):
    claims = Counted()
    first = claims.run(tmp_path)
    again = claims.run(tmp_path)
    assert claims.calls == NAMES
    assert [each.read for each in again] == [True] * 3
    assert [page_of([each]) for each in again] == [page_of([each]) for each in first]


def test_other_settings_or_another_problem_are_measured(tmp_path):
    claims = Counted()
    claims.run(tmp_path)
    laptop = SCALES["laptop"]
    claims.run(tmp_path, scale=replace(laptop, search_cost=replace(laptop.search_cost, budget=7)))
    assert claims.calls[3:] == ["search_cost"]
    claims.run(tmp_path, scale=replace(laptop, search_cost=replace(laptop.search_cost, budget=7)), fingerprint="other")
    assert claims.calls[4:] == NAMES


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"key": 1}'])
def test_a_damaged_record_is_measured_again(tmp_path, damage):
    claims = Counted()
    claims.run(tmp_path)
    (tmp_path / "claims" / "search_cost.json").write_text(damage)
    assert all(each.claim is not None for each in claims.run(tmp_path))
    assert claims.calls[3:] == ["search_cost"]


def test_an_interrupt_keeps_what_had_finished(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        Counted(search_cost=KeyboardInterrupt()).run(tmp_path)
    claims = Counted()
    assert [each.read for each in claims.run(tmp_path)] == [True, False, False]
    assert claims.calls == NAMES[1:]


def test_a_claim_that_raises_does_not_keep_the_others_from_being_tested(tmp_path):
    tested = Counted(search_cost=RuntimeError("no | luck")).run(tmp_path)
    assert [each.claim is None for each in tested] == [False, True, False]
    assert tested[1].failure == "RuntimeError: no | luck"
    assert r"failed: RuntimeError: no \| luck" in page_of(tested)
    assert Counted().run(tmp_path)[1].claim is not None  # and it is tested again


def test_the_key_tells_settings_apart():
    laptop = SCALES["laptop"]
    other = replace(laptop, fronts=replace(laptop.fronts, budget=1))
    assert claim_key("joint_gain", laptop, []) != claim_key("joint_gain", other, [])
    assert claim_key("search_cost", laptop, []) == claim_key("search_cost", other, [])


def test_unknown_claims_are_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"there is no claim 'joint_gains'.*'joint_gain'"):
        run_claims(SCALES["laptop"], Work(Path("unused")), names=["joint_gains"])


# The report


def page_of(tested: list[Outcome]) -> str:
    scale = SCALES["laptop"]
    about = {"command": "c", "software": {"python": "3"}, "source": "0", "machine": MACHINE}
    return page_text(
        [replace(each, seconds=0.0) for each in tested], scale=scale, work=Work(Path("unused")), about=about
    )


def test_claims_survive_json():
    series = Series.of("s", [1.0, math.inf, 2.0], [1.0, 2.0, math.nan])
    assert series.x == (1.0,)
    claim = small_claim(
        tables=(Table("t", ("a", "b", "c"), ((1, "x", None),)),),
        pictures=(Picture("p", "t", "x", "y", (series,), True),),
    )
    assert Claim.from_json(json.loads(json.dumps(claim.to_json(), allow_nan=False))) == claim
    odd = small_claim(tables=(Table("t", ("a", "b"), ((math.inf, math.nan),)),))
    text = json.dumps(odd.to_json(), allow_nan=False)
    assert Claim.from_json(json.loads(text)).tables[0].rows == (("inf", None),)


def test_a_table_of_uneven_rows_is_refused():
    with pytest.raises(ValueError, match="2 columns, but a row of 1"):
        Table("t", ("a", "b"), ((1,),))


def test_the_report_cannot_be_broken_by_what_it_shows():
    nasty = "a|b\n| c | <script> [x](y) *z* \\"
    claim = small_claim(
        statement=nasty, paper=nasty, ours=nasty, sentence=nasty, tables=(Table(nasty, (nasty, "n"), ((nasty, 1.0),)),)
    )
    page = page_of([Outcome(claim.name, claim)])
    assert "<script>" not in page
    for line in page.splitlines():
        if line.startswith("|"):
            bars = line.replace("\\\\", "").replace("\\|", "").count("|")
            assert bars in (3, 6), line  # two or five columns, nothing in between
    assert escape(nasty) == r"a\|b \| c \| &lt;script&gt; \[x\](y) \*z\* " + "\\\\"


def test_cells_read_well():
    assert [cell_text(each) for each in (None, 1234567, 0.123456, math.inf, "x|y")] == [
        "–", "1,234,567", "0.1235", "inf", "x\\|y",
    ]  # fmt: skip


def test_the_report_is_written_whole(tmp_path):
    shown = Picture(
        "curve", "a $title", "x", "y", (Series.of("s", [1, 10], [1, 2], "step"), Series.of("", [1], [1])), True
    )
    claim = small_claim(pictures=(shown,))
    page = write_report(
        [Outcome(claim.name, claim, seconds=1.0)],
        scale=SCALES["laptop"], work=Work(tmp_path), command=["python", "x y"], machine=MACHINE,
    )  # fmt: skip
    assert (tmp_path / "search_cost_curve.png").read_bytes().startswith(b"\x89PNG")
    text = page.read_text()
    assert "![a $title](search_cost_curve.png)" in text
    assert "| joint_gain |  |  | not run |  |" in text
    stored = json.loads((tmp_path / "results.json").read_text())
    assert stored["command"] == "python 'x y'"
    assert Claim.from_json(stored["claims"][0]["claim"]) == claim


# Scales, and everything once


def test_scales_name_what_exists():
    for scale in SCALES.values():
        for name in claim_names():
            for part, settings in settings_of(name, scale).items():
                tasks = getattr(settings, "tasks", ())
                assert part in ("images", "search_evaluator", "search_cost") or tasks
                assert part == "images" or set(tasks) <= {*task_names(), "dance-cifar10"}
            assert callable(load_claim(name))
        assert {name for each in scale.objectives.technologies for name in each} <= set(TECHNOLOGIES)
        assert len(scale.fronts.spans) == len(scale.fronts.tasks)
        assert scale.larger in SCALES
    moved = on_device(SCALES["gpu"], "cpu")
    assert (moved.device, moved.images.device, moved.images.precision) == ("cpu", "cpu", "float32")
    assert list(PARTS) == claim_names()


def test_a_scale_is_narrowed_to_some_of_its_tasks():
    narrowed = on_tasks(SCALES["overnight"], ["gpt-s/edap", "accel-nasbench/linear"])
    assert narrowed.evaluator.tasks == ("gpt-s/edap",)
    assert (narrowed.fronts.tasks, narrowed.fronts.spans, narrowed.fronts.searched) == (
        ("gpt-s/edap",), (10.0,), ("gpt-s/edap",),
    )  # fmt: skip
    assert narrowed.objectives.tasks == ("accel-nasbench/linear",)
    assert narrowed.objectives.technologies == (("edge-lpddr4",),)
    assert on_tasks(SCALES["laptop"], SCALES["laptop"].evaluator.tasks).evaluator == SCALES["laptop"].evaluator
    with pytest.raises(ValueError, match=r"'overnight' has no task 'gpt-s/edp'. Did you mean 'gpt-s/edap'"):
        on_tasks(SCALES["overnight"], ["gpt-s/edp"])


def test_a_claim_that_is_left_without_a_task_is_refused(tmp_path, capsys):
    given = ["--claims", "accelerators_by_objective", "--tasks", "macro-cifar10/edap", "--out", str(tmp_path)]
    assert reproduce_dance.main(given) == 2
    assert "accelerators_by_objective is tested on: macro-cifar10/linear" in " ".join(capsys.readouterr().out.split())
    assert not list(tmp_path.iterdir())


def miniature() -> Scale:
    """Every claim on the tiny task, in seconds."""
    laptop = SCALES["laptop"]
    loop = replace(laptop.evaluator.settings.generator, epochs=2, batch=64)
    training = replace(
        laptop.evaluator.settings,
        networks=300,
        pairs=1000,
        generator=loop,
        estimator=loop,
        generator_width=16,
        estimator_width=16,
    )
    return Scale(
        "miniature",
        evaluator=replace(
            laptop.evaluator,
            tasks=("tiny/edap",),
            settings=training,
            forwarding=training,
            test_networks=50,
            test_pairs=100,
            seeds=(0, 1),
            search_seeds=(0,),
            search_budget=200,
        ),
        fronts=replace(
            laptop.fronts,
            tasks=("tiny/edap",),
            spans=(2.7,),
            searched=("tiny/edap",),
            budget=300,
            seeds=(0,),
            lambdas=(0.3, 1.0, 3.0),
            edd_lambdas=(1.0,),
        ),
        search_cost=replace(
            laptop.search_cost,
            tasks=("tiny/edap",),
            solvers=("random", "evolution", "dance-exact"),
            seeds=(0,),
            budget=200,
        ),
        objectives=replace(
            laptop.objectives,
            tasks=("tiny/linear",),
            technologies=(("edge-lpddr4",),),
            lean=(0.9,),
            area=(0.1,),
            weights=(1.0,),
        ),
        search_evaluator=training,
    )


@pytest.mark.usefixtures("runs_here")  # in processes of their own: test_runs_are_kept_and_read_again
def test_every_claim_once(tmp_path):
    scale, work = miniature(), Work(tmp_path)
    tested = run_claims(scale, work)
    assert [each.failure for each in tested] == [""] * len(PARTS)
    by_name = {each.name: each.claim for each in tested}
    assert by_name["joint_on_images"].verdict is UNKNOWN
    assert all(by_name[name].findings for name in PARTS if name != "joint_on_images")
    page = write_report(tested, scale=scale, work=work, command=["python"], machine=MACHINE)
    assert page.read_text().count("\n## ") == len(PARTS)
    again = run_claims(scale, work)
    assert all(each.read for each in again)
    assert page_of(again) == page_of(tested)
    front = by_name["joint_beats_separate"].tables[1]
    exact = front.columns.index("exact vs operations limited")
    assert all(row[exact] >= 1.0 - 1e-9 for row in front.rows)  # nothing beats the exact joint front


def test_the_example_writes_its_report(tmp_path, capsys):
    main = runpy.run_path(str(ROOT / "experiments" / "reproduce_dance.py"))["main"]
    assert main(["--claims", "joint_on_images", "--out", str(tmp_path)]) == 0
    assert "not testable here" in (tmp_path / "report.md").read_text()
    assert main(["--claims", "joint_on_images", "--tasks", "gpt-s/linear", "--out", str(tmp_path)]) == 0
    assert "--claims joint_on_images --tasks gpt-s/linear` (" in (tmp_path / "report.md").read_text()
    assert main(["--claims", "nonsense", "--out", str(tmp_path)]) == 2
    assert "there is no claim 'nonsense'" in capsys.readouterr().out.replace("\n", " ")
