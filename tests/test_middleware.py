"""Middleware: what each wrapper does to the bill and to the answers, around any solver, and how it is named."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from inline import Inline

from dance_env import make_problem
from dance_env.accuracy import OneTraining, RepeatableAccuracy
from dance_env.problem import Problem
from dance_env.testing import synthetic_problem
from solvers import MeteredProblem, Result, Solver, SolverFailed, SolverSpec, Status, make_solver
from solvers.catalog import load_solver, wrapper_names
from solvers.cli import main
from solvers.comparison.compare import compare
from solvers.comparison.settings import Settings
from solvers.comparison.spec import Contestant, parse_specs
from solvers.contract.meter import Meter
from solvers.contract.settings import json_settings
from solvers.methods.random_search import RandomSearch
from solvers.middleware import time_limit
from solvers.middleware.average import Average
from solvers.middleware.cache import Cache
from solvers.middleware.deduplicate import Deduplicate
from solvers.middleware.retry import Retry
from solvers.middleware.time_limit import TimeLimited
from solvers.testing import check_solver

SMALL = RandomSearch(batch=16)


class Counting:
    """An accuracy model that counts the networks it is asked for, and fails when it is told to."""

    def __init__(self, model: Any, failures: tuple[int, ...] = ()) -> None:
        self.model, self.failures, self.calls, self.asked = model, failures, 0, []

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        self.calls += 1
        if self.calls in self.failures:
            raise OSError("the back end is away")
        self.asked.extend(network.tobytes() for network in networks)
        return self.model.evaluate(networks)

    def fingerprint(self) -> None:
        return None


def counted(failures: tuple[int, ...] = ()) -> tuple[Problem, Counting]:
    problem = synthetic_problem(0)
    model = Counting(problem.accuracy, failures)
    return dataclasses.replace(problem, accuracy=model), model


@pytest.mark.usefixtures("forks_other_process")
@pytest.mark.parametrize("wrapper", [Cache, Deduplicate, Retry, Average, TimeLimited], ids=lambda kind: kind.name)
def test_every_wrapper_keeps_the_contract(wrapper) -> None:
    check_solver(wrapper(SMALL)).raise_if_failed()


def test_wrappers_around_wrappers_keep_the_contract() -> None:
    solver = SolverSpec.parse("cache(average:repeats=2(deduplicate(network-evolution)))").make()
    check_solver(
        solver, budget=16, checks=["budget-is-spent", "same-seed-same-trace", "infinite-costs"]
    ).raise_if_failed()


def test_a_cache_asks_once_and_changes_nothing() -> None:
    for solver in (SMALL, make_solver("network-local-search"), make_solver("annealing")):
        (plain, all_asked), (cached, asked) = counted(), counted()
        one, two = solver.solve(plain, budget=200, seed=0), Cache(solver).solve(cached, budget=200, seed=0)
        assert one.trace.same_search(two.trace)
        assert one.ledger.repeats == two.ledger.repeats
        assert len(set(asked.asked)) == len(asked.asked) <= len(all_asked.asked)
        assert len(asked.asked) == one.ledger.networks


def test_a_repeat_is_never_paid() -> None:
    plain = SMALL.solve(synthetic_problem(0), budget=400, seed=0)
    result = Deduplicate(SMALL).solve(synthetic_problem(0), budget=400, seed=0)
    assert plain.ledger.repeats > 0
    assert result.ledger.repeats == 0
    assert result.status is Status.BUDGET_SPENT
    kept = list(dict.fromkeys(map(tuple, plain.trace.designs.tolist())))
    assert result.trace.designs[: len(kept)].tolist() == [list(each) for each in kept]


@dataclass(frozen=True)
class Asks(Solver):
    """Asks what it is given, and notes the answers."""

    name: ClassVar[str] = "asks"
    answers: list[Any] = dataclasses.field(default_factory=list)

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        designs = problem.space.sample(np.random.default_rng(0), 6)
        network = problem.space.network
        self.answers.append(problem.evaluate(designs[[0, 1, 0]]))
        self.answers.append(problem.evaluate(designs[[1, 2, 2, 0]]))
        self.answers.append(problem.evaluate_networks(designs[[3, 3, 4], network]))
        self.answers.append(problem.evaluate_networks(designs[[4, 3], network]))


@pytest.mark.parametrize("constrained", [False, True])
def test_answers_from_memory_are_the_problems_own_to_the_bit(constrained: bool) -> None:
    problem = make_problem("macro-cifar10/latency-limited" if constrained else "tiny")
    plain, memory = Asks(), Asks()
    plain.solve(problem, budget=100, seed=0)
    result = Deduplicate(memory).solve(problem, budget=100, seed=0)
    assert result.ledger.evaluations == 3 + 2
    for one, two in zip(plain.answers, memory.answers, strict=True):
        for name in ("accuracy", "objective", "violation"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        np.testing.assert_array_equal(one.cost.latency_s, two.cost.latency_s)


@pytest.mark.parametrize("whole", [False, True], ids=["designs", "networks"])
def test_a_failed_evaluation_is_remembered_as_one(whole: bool) -> None:
    problem = make_problem("tiny:dropped=0.5")
    meter = Meter(100, problem)
    seen = Deduplicate(RandomSearch()).around(MeteredProblem(problem, meter))
    asked = problem.space.sample(np.random.default_rng(0), 12)
    ask = seen.evaluate
    if whole:
        asked, ask = asked[:, problem.space.network], seen.evaluate_networks
    first = ask(asked)
    again = ask(asked)
    assert {0.0} < set(first.accuracy.ravel().tolist())
    for name in ("accuracy", "objective", "violation"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
    assert not again.feasible[again.accuracy == 0].any()
    assert meter.evaluations == len(np.unique(asked, axis=0))


@pytest.mark.parametrize("task", ["tiny:dropped=0.5", "tiny:dropped=0.5,noise=1"])
def test_the_mean_is_of_the_evaluations_that_did_not_fail(task: str) -> None:
    problem = make_problem(task)
    means = Average(RandomSearch(), repeats=3).around(MeteredProblem(problem, Meter(400, problem)))
    asked = problem.space.sample(np.random.default_rng(1), 40)
    lost = problem.failures.which(0, 120).reshape(40, 3)
    model, networks = problem.accuracy, asked[:, problem.space.network]
    said = np.stack(
        [model.repeat(k).evaluate(networks) if "noise" in task else model.evaluate(networks) for k in range(3)], 1
    )
    found = means.evaluate(asked)
    for row in range(40):
        expected = said[row][~lost[row]].mean() if not lost[row].all() else 0.0
        assert found.accuracy[row] == pytest.approx(expected, abs=1e-12)
    assert 0 < lost.all(axis=1).sum() < 40
    assert not found.feasible[lost.all(axis=1)].any()
    of_networks = means.evaluate_networks(networks)
    assert (of_networks.accuracy[:, :1] == of_networks.accuracy).all()
    assert np.array_equal(
        (of_networks.accuracy == 0).all(axis=1), problem.failures.which(120, 120).reshape(40, 3).all(axis=1)
    )


def test_a_search_that_finds_nothing_new_ends() -> None:
    whole = Deduplicate(RandomSearch()).solve(synthetic_problem(0, option_counts=(2, 1)), budget=4000, seed=0)
    assert whole.status is Status.STOPPED_EARLY
    assert whole.ledger.evaluations == 2 * 54
    stuck = Deduplicate(Corner(), patience=50).solve(synthetic_problem(0), budget=100, seed=0)
    assert stuck.status is Status.STOPPED_EARLY
    assert stuck.ledger.evaluations == 1


@dataclass(frozen=True)
class Corner(Solver):
    """Always the same design; it catches what it can."""

    name: ClassVar[str] = "corner"

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        while True:
            try:
                problem.evaluate(np.zeros((1, problem.space.num_choices), dtype=np.int64))
            except ValueError:
                continue


def test_a_failing_back_end_is_asked_again_and_the_trace_is_the_same() -> None:
    plain = SMALL.solve(synthetic_problem(0), budget=100, seed=0)
    problem, _ = counted(failures=(2, 4, 5))
    result = Retry(SMALL, wait_s=0.0).solve(problem, budget=100, seed=0)
    assert result.trace.same_search(plain.trace)
    lines = result.attachments["retries.txt"].splitlines()
    assert lines == [
        "after 16 evaluations, attempt 1 of 3: OSError: the back end is away",
        "after 32 evaluations, attempt 1 of 3: OSError: the back end is away",
        "after 32 evaluations, attempt 2 of 3: OSError: the back end is away",
    ]


def test_a_back_end_that_stays_away_fails_the_run_with_its_own_error() -> None:
    problem, model = counted(failures=(2, 3, 4))
    with pytest.raises(SolverFailed, match="OSError: the back end is away") as caught:
        Retry(SMALL, wait_s=0.0).solve(problem, budget=100, seed=0)
    assert caught.value.result.ledger.evaluations == 16
    assert model.calls == 4


def test_retried_questions_within_trained_networks_lose_no_network() -> None:
    problem, _ = counted(failures=(2,))
    plain = SMALL.solve(synthetic_problem(0), budget="20networks", seed=0)
    result = Retry(SMALL, wait_s=0.0).solve(problem, budget="20networks", seed=0)
    assert result.trace.same_search(plain.trace)


def test_the_mean_is_over_trainings_and_all_of_them_are_billed() -> None:
    problem = make_problem("accel-nasbench/noisy")
    assert isinstance(problem.accuracy, RepeatableAccuracy)
    asks = Asks()
    result = Average(asks, repeats=4).solve(problem, budget=100, seed=0)
    designs = problem.space.sample(np.random.default_rng(0), 6)
    network = problem.space.network
    trainings = [problem.accuracy.repeat(number).evaluate(designs[:, network]) for number in range(4)]
    np.testing.assert_allclose(asks.answers[0].accuracy, np.mean(trainings, axis=0)[[0, 1, 0]], rtol=1e-12)
    np.testing.assert_allclose(asks.answers[2].accuracy[:, 7], np.mean(trainings, axis=0)[[3, 3, 4]], rtol=1e-12)
    assert result.ledger.evaluations == 4 * (3 + 4 + 3 + 2)
    np.testing.assert_array_equal(result.trace.accuracy, problem.evaluate(result.trace.designs).accuracy)
    hours = problem.training_gpu_hours(designs[:5, network]).sum()
    assert result.ledger.training_gpu_hours == pytest.approx(4 * hours)
    assert result.trace.trained_networks[-1] == 20


def test_budgets_in_trainings_pay_for_every_repeat() -> None:
    problem = make_problem("accel-nasbench/noisy")
    solver = RandomSearch(batch=1)
    result = Average(solver, repeats=4).solve(problem, budget="10networks", seed=0)
    assert result.ledger.networks == 2, "two networks, four trainings each"
    assert result.ledger.evaluations == 8
    hours = Average(solver, repeats=4).solve(problem, budget="300gpuh", seed=0)
    plain = solver.solve(problem, budget="300gpuh", seed=0)
    assert hours.ledger.gpu_hours <= 300
    assert 2 * hours.ledger.networks < plain.ledger.networks


def test_trainings_of_a_network_are_independent() -> None:
    noisy = make_problem("accel-nasbench/noisy").accuracy
    assert isinstance(noisy, OneTraining)
    networks = np.random.default_rng(0).integers(
        0, noisy.expected.option_counts, (4000, len(noisy.expected.option_counts))
    )
    residuals = [(noisy.repeat(k).evaluate(networks) - noisy.expected.evaluate(networks)) for k in range(4)]
    correlation = np.corrcoef(residuals) - np.eye(4)
    assert np.abs(correlation).max() < 0.06  # 4 standard errors of 4,000 pairs
    assert np.mean(residuals, axis=0).std() == pytest.approx(noisy.training_noise / 2, rel=0.05)
    assert noisy.repeat(0).seed == noisy.seed
    assert OneTraining(noisy.expected, 1).repeat(1).seed != noisy.repeat(1).seed
    with pytest.raises(ValueError, match="numbered from 0"):
        noisy.repeat(-1)


@dataclass(frozen=True)
class Slow(Solver):
    """Lets a tenth of a second pass after each design; it catches every error."""

    name: ClassVar[str] = "slow"
    clock: ClassVar[Any] = SimpleNamespace(now=100.0)

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        while True:
            try:
                problem.evaluate(problem.space.sample(rng, 1))
            except Exception:
                return
            self.clock.now += 0.1


def test_time_that_is_up_ends_the_search_and_keeps_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_limit, "time", SimpleNamespace(monotonic=lambda: Slow.clock.now))
    result = TimeLimited(Slow(), seconds=0.45).solve(synthetic_problem(0), budget=100, seed=0)
    assert result.status is Status.STOPPED_EARLY
    assert result.ledger.evaluations == 5, "the sixth question comes after 0.5 s"
    other = TimeLimited(Slow(), seconds=60).solve(synthetic_problem(0), budget=3, seed=0)
    assert other.status is Status.BUDGET_SPENT


def test_gradients_are_within_the_time_limit_too() -> None:
    solver = SolverSpec.parse("time-limit:seconds=0.001(dance-exact)").make()
    result = solver.solve("tiny", budget=4000, seed=0)
    assert result.status in (Status.STOPPED_EARLY, Status.NOTHING_FEASIBLE)
    assert result.ledger.spent < 4000


def test_capabilities_are_those_of_what_is_wrapped() -> None:
    solver = Deduplicate(make_solver("dance-exact"))
    assert solver.capabilities == make_solver("dance-exact").capabilities
    problem, _ = counted()
    assert "does not declare" in solver.unsuitable(problem)
    assert dataclasses.replace(solver, patience=5).capabilities == solver.capabilities


@pytest.mark.parametrize(
    ("text", "label", "settings"),
    [
        ("deduplicate(random)", "deduplicate(random)", {"solver": {"name": "random", "batch": 256}, "patience": 10_000}),
        (
            "average:repeats=5(random:batch=3)",
            "average:repeats=5(random:batch=3)",
            {"solver": {"name": "random", "batch": 3}, "repeats": 5},
        ),
        (
            "cache(retry:attempts=2,wait_s=0(random))",
            "cache(retry:attempts=2,wait_s=0(random))",
            {"solver": {"name": "retry", "solver": {"name": "random", "batch": 256}, "attempts": 2, "wait_s": 0.0}},
        ),
        ("deduplicate(cmd:sh -c 'a(b),c')", "deduplicate(cmd:sh -c 'a(b),c')", None),
    ],
)  # fmt: skip
def test_one_syntax_names_all_of_it(text, label, settings) -> None:
    (spec,) = parse_specs(text)
    contestant = Contestant.of(spec)
    assert contestant.label == label
    if settings is not None:
        assert json_settings(contestant.solver) == settings
    assert Contestant.of(SolverSpec.of(contestant.solver)).settings_digest == contestant.settings_digest


def test_several_in_one_argument() -> None:
    specs = parse_specs("random,average:repeats=2(evolution:population=8,offspring=4),deduplicate:patience=9(random)")
    assert [each.name for each in specs] == ["random", "average", "deduplicate"]
    assert specs[1].make().solver == make_solver("evolution", population=8, offspring=4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("average(random", "brackets of 'average.random' do not match"),
        ("dedupe(random)", r"there is no wrapper 'dedupe' .* Did you mean 'deduplicate'"),
        ("deduplicate", r"deduplicate wraps a solver: write deduplicate\(SOLVER\)"),
        ("deduplicate()", r"deduplicate wraps a solver"),
        ("deduplicate(radnom)", r"there is no solver 'radnom'. Did you mean 'random'"),
        ("average:repeat=2(random)", r"wrapper 'average' has no setting 'repeat'. Did you mean 'repeats'"),
        ("average:repeats=0(random)", r"repeats is at least 1, not 0"),
        ("average:repeats(random)", r"'repeats' in .* is not a setting"),
        ("time-limit:seconds=-1(random)", r"seconds is a number above 0, not -1"),
        ("retry:attempts=0(random)", r"attempts is at least 1"),
    ],
)
def test_a_mistake_is_told(text, message) -> None:
    with pytest.raises(ValueError, match=message):
        parse_specs(text)[0].make()


def test_a_wrapper_wraps_a_solver_and_nothing_else() -> None:
    with pytest.raises(TypeError, match="deduplicate wraps a Solver, not 'random'"):
        Deduplicate("random")  # type: ignore[arg-type]


MINE = """
from dataclasses import dataclass
from solvers import Solver

@dataclass(frozen=True)
class Mine(Solver):
    name = "mine"
    def search(self, problem, rng):
        while True:
            problem.evaluate(problem.space.sample(rng, 4))
"""


def test_wrappers_in_a_comparison_are_on_record_and_their_inner_code_counts(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    toml = tmp_path / "variants.toml"
    toml.write_text(
        '[[solver]]\nname = "average"\nlabel = "mean of two"\nsettings = { repeats = 2, solver = "random" }\n'
    )
    given = {
        "tasks": "tiny",
        "solvers": [f"deduplicate({file}:Mine)", Cache(SMALL), *parse_specs(str(toml))],
        "seeds": (0,),
        "budget": 30,
    }
    one = compare(Settings(**given, out=tmp_path / "1"), executor=Inline())
    two = compare(Settings(**given, out=tmp_path / "2", workers=2))
    assert [run.label for run in one.runs] == ["deduplicate(mine)", "cache(random:batch=16)", "mean of two"]
    for a, b in zip(one.results, two.results, strict=True):
        assert a.status is Status.BUDGET_SPENT
        assert a.trace.same_search(b.trace)
    from solvers.comparison.listener import Listener

    ran: list[Any] = []
    compare(Settings(**given, out=tmp_path / "1"), listener=Listener(on_start=ran.append))
    assert not ran
    file.write_text(MINE.replace("rng, 4", "rng, 5"))
    compare(Settings(**given, out=tmp_path / "1"), listener=Listener(on_start=ran.append))
    assert [cell.label for cell in ran] == ["deduplicate(mine)"]
    assert all(Result.load(path).status.complete for path in (tmp_path / "1" / "records").glob("*.npz"))


def test_wrappers_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solvers"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    told = "deduplicate(SOLVER) that of its solver - A design that the run has evaluated is never paid again"
    assert any(line.startswith(told) for line in lines)


def test_the_pages_python_runs_and_its_table_names_every_wrapper_and_setting() -> None:
    page = (Path(__file__).parents[1] / "docs" / "middleware.md").read_text()
    exec(compile(re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0], "middleware.md", "exec"), {})
    for name in wrapper_names():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        settings = [each.name for each in dataclasses.fields(load_solver(name)) if each.name != "solver"]
        assert all(f"`{each}`" in row for each in settings)


@pytest.mark.parametrize(
    "given", ["cache(deduplicate(dance))", Cache(Deduplicate(make_solver("dance")))], ids=["text", "value"]
)
def test_fresh_evaluators_reach_what_is_wrapped(given) -> None:
    contestant = Contestant.of(SolverSpec.of(given), fresh_evaluator=True)
    assert contestant.solver.solver.solver.fresh_evaluator
    assert contestant.label == "cache(deduplicate(dance))"
    assert contestant.spec.make() == contestant.solver
