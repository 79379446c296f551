"""The best design under limits: `exact.least` against a look at every design, and the command that asks it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dance_env.analysis.choose import main
from dance_env.analysis.exact import least, optimum
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


def test_the_command_prints_the_design(capsys):
    assert main(["--task", "tiny", "--least", "energy_j", "--limit", "latency_s=0.0004", "area_mm2=2"]) == 0
    printed = capsys.readouterr().out
    assert "The best design, of 374,544:" in printed
    lines = dict(line.split(maxsplit=1) for line in printed.splitlines()[1:])
    assert {"block2", "pe_x", "dataflow", "latency", "energy", "objective"} <= set(lines)
    assert lines["energy"].endswith("µJ")


def test_the_command_without_limits_gives_the_tasks_optimum(capsys):
    from dance_env.tasks import make_problem

    assert main(["--task", "tiny/balanced"]) == 0
    assert f"objective  {optimum(make_problem('tiny/balanced')).objective:.4f}" in capsys.readouterr().out


def test_the_command_says_by_how_much_limits_are_missed(capsys):
    assert main(["--task", "tiny", "--least", "energy_j", "--limit", "latency_s=1e-6"]) == 1
    assert "No design meets these limits. The nearest one exceeds latency_s by " in capsys.readouterr().out


def test_the_command_refuses_units(capsys):
    with pytest.raises(SystemExit):
        main(["--limit", "latency=0.4ms"])
    assert "give METRIC=VALUE, such as latency_s=0.0004, not 'latency=0.4ms'" in capsys.readouterr().err


def test_the_command_refuses_a_task_of_too_many_designs():
    with pytest.raises(ValueError, match=r"has 352,517,816,448 designs; .* dance compare --task dance-mnist/edap"):
        main(["--task", "dance-mnist"])


def test_the_command_takes_a_problem_in_a_file(capsys):
    example = Path(__file__).resolve().parents[1] / "examples" / "own_problem.py"
    assert main(["--task", f"{example}:own_problem", "--least", "latency_s", "--limit", "area_mm2=2"]) == 0
    assert "The best design, of 51,200:" in capsys.readouterr().out
