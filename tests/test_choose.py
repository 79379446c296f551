"""The best design under limits: `exact.least` against a look at every design, and the command that asks it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dance_env.analysis.exact import least, optimum
from dance_env.commands.choose import main
from dance_env.commands.limits import parse_limit
from dance_env.testing import synthetic_problem


def _all_designs(problem):
    return problem.space.unrank(np.arange(problem.space.size))


@pytest.mark.parametrize("metric", ["energy_j", "latency_s", "area_mm2", "edap_js_mm2", "error_pct"])
@pytest.mark.parametrize("seed", [0, 1])
def test_least_is_the_least_of_all_feasible_designs(metric, seed, tmp_path):
    problem = synthetic_problem(seed, unmappable=20)
    limits = {"latency_s": 0.006, "area_mm2": 3.0, "error_pct": 20.0}
    found = least(problem, metric, limits=limits, cache_dir=tmp_path)
    every = problem.evaluate(_all_designs(problem))
    meets = (every.cost.latency_s <= 0.006) & (every.cost.area_mm2 <= 3.0) & (every.error_pct <= 20.0)
    values = every.error_pct if metric == "error_pct" else getattr(every.cost, metric)
    ours = found.evaluation.error_pct if metric == "error_pct" else getattr(found.evaluation.cost, metric)
    assert 0 < meets.sum() < len(meets)
    assert found.feasible
    assert ours[0] == values[meets].min()


def test_without_limits_of_its_own_the_problem_keeps_its(tmp_path):
    problem = synthetic_problem(0).limited({"latency_s": 0.006})
    assert least(problem, "energy_j", cache_dir=tmp_path).evaluation.cost.latency_s[0] <= 0.006
    free = least(problem, "energy_j", limits={}, cache_dir=tmp_path)
    assert free.evaluation.cost.energy_j[0] == problem.evaluate(_all_designs(problem)).cost.energy_j.min()


def test_where_nothing_meets_the_limits_the_nearest_is_named(tmp_path):
    problem = synthetic_problem(0)
    found = least(problem, "energy_j", limits={"latency_s": 1e-6}, cache_dir=tmp_path)
    assert not found.feasible
    assert found.evaluation.cost.latency_s[0] == problem.evaluate(_all_designs(problem)).cost.latency_s.min()


def test_limited_replaces_every_limit_and_nothing_else():
    problem = synthetic_problem(0).limited({"latency_s": 0.006})
    other = problem.limited({"area_mm2": 2.0})
    assert [limit.metric for limit in other.objective.constraints] == ["area_mm2"]
    assert other.objective.cost_function == problem.objective.cost_function
    assert other.fingerprint() != problem.fingerprint()
    with pytest.raises(ValueError, match="a constraint limits one of"):
        problem.limited({"speed": 1.0})
    with pytest.raises(TypeError, match=r"limits must map metrics to values, such as .*; got None"):
        problem.limited(None)


def test_the_command_prints_the_design_and_the_limits_that_it_kept_to(capsys):
    assert main(["tiny", "--least", "energy_j", "--limit", "latency_s=0.4ms", "area_mm2=2"]) == 0
    printed = capsys.readouterr().out
    head, tail = printed.split("Within these limits, in place of the task's own (latency <= 500 µs):\n")
    assert "The best design, of 374,544 (least energy_j):" in head
    lines = dict(line.split(maxsplit=1) for line in head.splitlines()[1:])
    assert {"block2", "pe_x", "dataflow", "latency", "energy", "objective"} <= set(lines)
    assert lines["energy"].endswith("µJ")
    assert [line.split("used to")[0].strip() for line in tail.splitlines()] == ["latency <= 400 µs", "area <= 2 mm²"]
    assert all(0 < float(line.split("used to")[1].rstrip("%")) <= 100 for line in tail.splitlines())


def test_the_command_without_limits_gives_the_tasks_optimum(capsys):
    from dance_env.tasks import make_problem

    assert main(["tiny/balanced"]) == 0
    printed = capsys.readouterr().out
    assert f"objective  {optimum(make_problem('tiny/balanced')).objective:.4f}" in printed
    assert "Within the task's own limits:\n  latency <= 500 µs" in printed
    assert main(["tiny/edap"]) == 0
    assert capsys.readouterr().out.endswith("The task has no limits.\n")


def _chosen(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    main(["tiny", "--json", *arguments])
    return json.loads(capsys.readouterr().out)


def test_a_repeated_limit_adds(capsys):
    """Once only the last one was kept to, and the answer broke the others without a word."""
    once = _chosen(capsys, "--limit", "latency_s=0.0004", "area_mm2=1.5")
    again = _chosen(capsys, "--limit", "latency_s=0.0004", "--limit", "area_mm2=1.5")
    assert once == again
    assert again["limits"] == {"latency_s": 0.0004, "area_mm2": 1.5}
    assert again["limits_replaced"] == {"latency_s": 0.0005}
    assert again["feasible"]
    assert again["latency_s"] <= 0.0004
    assert again["area_mm2"] <= 1.5


@pytest.mark.parametrize("arguments", [["a", "b"], ["a", "--limit", "b"]], ids=["one option", "two options"])
def test_two_limits_on_one_metric_are_refused(arguments):
    texts = {"a": "latency_s=1", "b": "latency_s=2ms"}
    with pytest.raises(ValueError, match=r"latency_s is limited twice, to 1 and to 0.002: give one limit"):
        main(["--limit", *(texts.get(each, each) for each in arguments)])


def test_the_command_says_by_how_much_limits_are_missed(capsys):
    assert main(["tiny", "--least", "energy_j", "--limit", "latency_s=1e-6"]) == 1
    assert "No design meets these limits. The nearest one exceeds latency_s by " in capsys.readouterr().out
    found = _chosen(capsys, "--limit", "latency_s=1us")
    assert not found["feasible"]
    assert found["exceeded"]["latency_s"] > 1


@pytest.mark.parametrize(
    ("text", "metric", "limit"),
    [
        ("latency_s=0.0004", "latency_s", 4e-4),
        ("latency_s=.4ms", "latency_s", 4e-4),
        ("latency_s = 400 µs", "latency_s", 4e-4),
        ("latency_s=4e2us", "latency_s", 4e-4),
        ("energy_j=0.5mJ", "energy_j", 5e-4),
        ("area_mm2=2mm2", "area_mm2", 2.0),
        ("error_pct=8%", "error_pct", 8.0),
    ],
)
def test_limits_may_have_units(text, metric, limit):
    found = parse_limit(text)
    assert (found.metric, found.limit) == (metric, pytest.approx(limit, rel=1e-12))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("latency=0.5", "there is no metric 'latency' to limit. Did you mean 'latency_s'"),
        ("latency_s", "give METRIC=VALUE, such as latency_s=0.0004 or latency_s=0.4ms, not 'latency_s'"),
        (
            "latency_s=fast",
            "give latency_s a number, without a unit or with one of 's', 'ms', 'us', 'µs', 'ns', such as",
        ),
        ("latency_s=2mJ", "give latency_s a number, without a unit or with one of"),
        ("area_mm2=2m2", "with one of 'mm2', 'mm²', such as 2 or 2mm2; not '2m2'"),
        ("latency_s=-1ms", "the limit on latency_s must be a positive finite number; got -0.001"),
        ("latency_s=1e999", "must be a positive finite number; got inf"),
        ("latency_s=nan", "give latency_s a number"),
    ],
)
def test_what_is_no_limit_is_refused(text, message, capsys):
    with pytest.raises(SystemExit):
        main(["--limit", text])
    assert message in " ".join(capsys.readouterr().err.split())


def test_the_command_refuses_a_task_of_too_many_designs():
    with pytest.raises(ValueError, match=r"has 352,517,816,448 designs; .* dance compare dance-mnist/edap"):
        main(["dance-mnist"])


def test_the_command_takes_a_problem_in_a_file(capsys):
    example = Path(__file__).resolve().parents[1] / "examples" / "own_problem.py"
    assert main([f"{example}:own_problem", "--least", "latency_s", "--limit", "area_mm2=2"]) == 0
    assert "The best design, of 51,200 (least latency_s):" in capsys.readouterr().out
