"""Tuning: equal budgets, seeds apart, billed, resumable, and nothing tuned that was given."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from inline import Inline
from report_pages import write_page

from dance_env.testing import synthetic_problem
from solvers import Solver, SolverSpec, load_solver, solver_names
from solvers.comparison.archive.folder import RunFolder
from solvers.comparison.archive.merging import merged
from solvers.comparison.archive.problems import Problems
from solvers.comparison.compare import compare
from solvers.comparison.settings import Settings
from solvers.comparison.table import long_table
from solvers.comparison.trial_files import read_tuning, tuning_page, write_tuning
from solvers.comparison.trials import Trial
from solvers.comparison.tuning.search import TUNING_SEEDS, tune, tuned_specs
from solvers.comparison.tuning.space import values_in, with_settings
from solvers.contract.record.file import RecordError
from solvers.contract.tunable import TunableRange, TunableValues
from solvers.report.summary import summarize

pytest.importorskip("optuna")

PROBLEM = dataclasses.replace(synthetic_problem(0), name="made")


@dataclass(frozen=True)
class Share(Solver):
    """Looks at the first `share` designs of the space in a random order; more is better."""

    name: ClassVar[str] = "share"
    tunable: ClassVar = {"share": TunableRange(1, 40), "how": TunableValues(("up", "down"))}
    share: int = 4
    how: str = "up"

    def search(self, problem, rng):
        problem.evaluate(problem.space.sample(rng, self.share))


def settings(out, **changes):
    values = {"tasks": PROBLEM, "solvers": [Share(), "random"], "seeds": (0, 1, 2), "budget": 40, "out": out}
    return Settings(**(values | changes))


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    given = settings(tmp_path_factory.mktemp("tuned"))
    return given, tune(given, 8 * 2 * 40, executor=Inline())


def test_each_solver_has_the_trials_that_the_budget_pays_for(tuned):
    share, random = tuned[1].solvers
    assert len(share.trials) == 8
    assert share.trials[0].settings == {}
    assert share.trials[0].score == pytest.approx(1.0)  # its own unit
    assert all(1 <= trial.settings["share"] <= 40 for trial in share.trials[1:])
    assert share.best.score == min(trial.score for trial in share.trials) < 1.0
    assert share.best.settings["share"] > 4
    assert share.spread[0] <= share.spread[1] <= share.spread[2]
    assert (random.reason, random.trials) == ("random declares no settings to tune", ())


def test_scores_are_those_of_the_tuning_seeds(tuned):
    share = tuned[1].solvers[0]
    means = [
        np.mean([dataclasses.replace(Share(), **each.settings).solve(PROBLEM, budget=40, seed=seed).best_objective
                 for seed in TUNING_SEEDS])
        for each in share.trials
    ]  # fmt: skip
    assert [trial.score for trial in share.trials] == pytest.approx([mean / abs(means[0]) for mean in means])


def test_tuning_is_billed_to_the_tuned_solver_alone(tuned, tmp_path):
    given, tuning = tuned
    bill = tuning.solvers[0].bill["made"]
    spent = sum(2 * trial.settings.get("share", 4) for trial in tuning.solvers[0].trials)
    assert (bill["tuning_runs"], bill["tuning_queries"]) == (16, spent)
    specs = tuned_specs(given, tuning)
    found = compare(settings(tmp_path, solvers=specs), executor=Inline())
    by_label = {run.label: run.result for run in found.runs}
    assert list(by_label) == ["share", "share (tuned)", "random"]
    assert by_label["share (tuned)"].ledger.tuning_queries == spent
    assert by_label["share (tuned)"].settings["share"] == tuning.solvers[0].best.settings["share"]
    assert by_label["share"].ledger.tuning_queries == by_label["random"].ledger.tuning_runs == 0
    assert not set(found.settings.seeds) & set(TUNING_SEEDS)
    again = compare(settings(tmp_path, solvers=specs), executor=None)  # all on record: nothing is run
    assert [run.result.ledger for run in again.runs] == [run.result.ledger for run in found.runs]


def test_gpu_hours_of_tuning_are_a_fixed_cost():
    from solvers import Ledger

    ledger = Ledger(training_gpu_hours=3.0, supernet_gpu_hours=2.0, final_training_gpu_hours=1.0, tuning_gpu_hours=10.0)
    assert ledger.gpu_hours == 5.0  # what a budget bounds
    assert (ledger.fixed_gpu_hours, ledger.all_in_gpu_hours) == (12.0, 16.0)
    assert dataclasses.replace(ledger, supernet_gpu_hours=None).all_in_gpu_hours is None


def test_stopped_tuning_goes_on_from_its_records(tuned, tmp_path):
    class Broken(Inline):
        left = 5

        def submit(self, *arguments, **named):
            Broken.left -= 1
            if Broken.left < 0:
                raise KeyboardInterrupt
            return super().submit(*arguments, **named)

    given = settings(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        tune(given, 640, executor=Broken())
    assert (
        len(list((tmp_path / "tuning" / "records").iterdir())) == 4
    )  # two rounds; of the third, both runs are asked for at once
    counted = []

    class Counting(Inline):
        def submit(self, *arguments, **named):
            counted.append(1)
            return super().submit(*arguments, **named)

    again = tune(given, 640, executor=Counting())
    assert len(counted) == 16 - 4
    assert again.solvers[0].trials == tuned[1].solvers[0].trials


def test_settings_that_were_given_are_not_tuned(tmp_path):
    specs = [SolverSpec("regularized-evolution", {"population": 20, "tournament": 5}, label="re")]
    tuning = tune(settings(tmp_path, solvers=specs), 160, executor=Inline())
    (trial,) = tuning.solvers[0].trials[1:]
    assert trial.settings
    assert not {"population", "tournament"} & set(trial.settings)


def test_a_run_that_fails_makes_its_trial_the_worst(tmp_path):
    @dataclass(frozen=True)
    class Fragile(Share):
        name: ClassVar[str] = "fragile"
        tunable: ClassVar = {"share": TunableRange(10, 20)}

        def search(self, problem, rng):
            if self.share > 4:
                raise RuntimeError("it broke")
            super().search(problem, rng)

    found = tune(settings(tmp_path, solvers=[Fragile()]), 240, executor=Inline()).solvers[0]
    assert [trial.score for trial in found.trials] == [pytest.approx(1.0), math.inf, math.inf]
    assert found.best is found.trials[0]


@pytest.mark.parametrize(
    ("changes", "budget", "message"),
    [
        ({}, 100, "pays for 1 trials of 2 runs of 40; give at least 160"),
        ({}, "300networks", "has the unit of a run's budget"),
        ({"seeds": (0, TUNING_SEEDS[0])}, 640, "are those of tuning"),
        ({"solvers": None}, 640, "needs the solvers by name"),
    ],
)
def test_what_cannot_be_tuned_is_told(tmp_path, changes, budget, message):
    with pytest.raises(ValueError, match=message):
        tune(settings(tmp_path, **changes), budget, executor=Inline())


def test_pages_say_what_was_tried(tuned, tmp_path):
    page = tuning_page(tuned[1])
    assert f"{tuned[1].solvers[0].best.score:.4f}" in page
    assert "Not tuned: random declares no settings to tune." in page
    write_tuning(tuned[1], tmp_path)
    content = json.loads((tmp_path / "tuning.json").read_text(encoding="utf-8"))
    assert len(content["solvers"][0]["trials"]) == 8
    assert content["budget"] == "640"


def test_tuning_is_read_again_as_it_was_written(tuned, tmp_path):
    broken = dataclasses.replace(
        tuned[1],
        solvers=(dataclasses.replace(tuned[1].solvers[0], trials=(*tuned[1].solvers[0].trials, Trial({}, math.inf))),),
    )
    write_tuning(broken, tmp_path)
    assert read_tuning(tmp_path, ["share", "share (tuned)"]) == broken
    assert read_tuning(tmp_path, ["share"]) is None  # a later comparison, without tuning
    assert read_tuning(tmp_path / "none", ["share (tuned)"]) is None
    written = (tmp_path / "tuning.json").read_text(encoding="utf-8")
    no_bill = json.loads(written)
    no_bill["solvers"][0]["bill"] = {"made": 3}
    for damaged in ('{"budget": 3}', "[]", written[:99], json.dumps(no_bill)):
        (tmp_path / "tuning.json").write_text(damaged, encoding="utf-8")
        with pytest.raises(RecordError, match=r"tuning\.json is damaged"):
            read_tuning(tmp_path, ["share (tuned)"])


def test_the_report_shows_every_trial_and_what_both_reach(tuned, tmp_path):
    given, tuning = tuned
    out = tmp_path / "run"
    comparison = compare(dataclasses.replace(given, solvers=tuned_specs(given, tuning), out=out), executor=Inline())
    write_tuning(tuning, out)
    folder = RunFolder.open(out)
    again = merged([folder], Problems(given={PROBLEM.name: PROBLEM}), out=out)
    assert again.tunings == (tuning,)
    shown = dataclasses.replace(comparison, tunings=(tuning,))
    page = write_page(shown, out).read_text(encoding="utf-8")
    section = page[page.index('<section id="tuning"') : page.index('<section id="solvers"')]
    share = tuning.solvers[0]
    assert section.count('class="dot"') == len(share.trials)
    assert f"{share.best.score:.4f}" in section
    assert f"share={share.best.settings['share']}" in section
    assert "Not tuned: random declares no settings to tune." in section
    medians = [row["regret_pct"].median for row in summarize(long_table(comparison)) if row.solver.startswith("share")]
    assert sorted(medians)[0] < sorted(medians)[1]  # tuning helps here
    assert f"{max(medians):.3g} → {min(medians):.3g}" in section
    assert 'id="tuning"' not in write_page(comparison, out).read_text(encoding="utf-8")


def tunable_solvers():
    for name in solver_names():
        try:
            kind = load_solver(name)
        except ImportError:  # an extra that is not installed
            continue
        if kind.tunable:
            yield name, kind


def test_what_solvers_declare_are_settings_of_theirs():
    for name, kind in tunable_solvers():
        for setting, value in values_in(kind.tunable, kind()).items():
            assert kind.tunable[setting].holds(value), f"{setting} of {name}: the default lies outside"


def test_every_corner_of_a_space_is_a_solver():
    """Settings that exclude each other would make trials fail."""
    for name, kind in tunable_solvers():
        ends = {
            setting: (each.low, each.high) if isinstance(each, TunableRange) else each.values
            for setting, each in kind.tunable.items()
        }
        lows, highs = ({setting: values[side] for setting, values in ends.items()} for side in (0, -1))
        corners = [lows, highs]
        corners += [base | {setting: value} for base in (lows, highs) for setting in ends for value in ends[setting]]
        for corner in corners:
            made = with_settings(kind(), corner)
            assert values_in(kind.tunable, made) == corner, name
            assert SolverSpec(name, corner).make() == made


def test_a_nested_setting_is_tuned_by_its_dotted_name(tmp_path):
    @dataclass(frozen=True)
    class Part:
        share: int = 4
        other: int = 7

    @dataclass(frozen=True)
    class Nested(Share):
        name: ClassVar[str] = "nested"
        tunable: ClassVar = {"part.share": TunableRange(1, 40)}
        part: Part = Part(other=9)

        def search(self, problem, rng):
            assert self.part.other == 9
            problem.evaluate(problem.space.sample(rng, self.part.share))

    found = tune(settings(tmp_path, solvers=[Nested()]), 640, executor=Inline()).solvers[0]
    assert {tuple(trial.settings) for trial in found.trials[1:]} == {("part.share",)}
    assert found.best.score < 1


def test_ranges_that_hold_nothing_are_refused():
    with pytest.raises(ValueError, match="lower to a higher"):
        TunableRange(3, 3)
    with pytest.raises(ValueError, match="above 0 on a log scale"):
        TunableRange(0.0, 1.0, log=True)
    with pytest.raises(ValueError, match="at least two values"):
        TunableValues(("one",))
    assert not TunableRange(1, 5).holds(2.5)
    assert TunableRange(1.0, 5.0).holds(2)
