"""The command `dance optimum`."""

from __future__ import annotations

import json

import pytest

from dance_env.analysis.exact import optimum
from dance_env.commands.optimum import main
from dance_env.tasks import make_problem

TASK = "tiny/edap"


def test_json_has_objective_design_bound_and_gap(capsys):
    assert main([TASK, "--json", "--workers", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    best = optimum(make_problem(TASK))
    assert found["objective"] == found["lower_bound"] == pytest.approx(best.objective, rel=1e-12)
    assert found["gap"] == 0.0
    assert found["design"] == best.design.tolist()
    assert found["certificate"]["unfinished"] == 0


def test_text_names_the_design(capsys):
    assert main([TASK]) == 0
    text = capsys.readouterr().out
    assert "The best design, proved:" in text
    assert "cases beaten by another accelerator on every network" in text
    assert "dataflow" in text


def test_saved_record_is_verified(capsys, tmp_path):
    record = tmp_path / "tiny.json"
    assert main([TASK, "--save", str(record)]) == 0
    assert main([TASK, "--verify", "--record", str(record)]) == 0
    assert "have no design below the bound" in capsys.readouterr().out
    content = json.loads(record.read_text())
    content["lower_bound"] += 0.01
    record.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="below the record's lower bound"):
        main([TASK, "--verify", "--record", str(record)])


def test_front_is_printed_and_saved(capsys, tmp_path):
    assert main([TASK, "--front", "--json", "--save", str(tmp_path / "front.npz")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["gap"] <= 1e-3
    costs, errors = ([point[name] for point in found["front"]] for name in ("cost", "error"))
    assert costs == sorted(costs)
    assert errors == sorted(errors, reverse=True)
    assert main([TASK, "--front", "--verify", "--record", str(tmp_path / "front.npz")]) == 0
    assert "designs as recorded, each on the cheapest accelerator" in capsys.readouterr().out
    assert main([TASK, "--front"]) == 0
    assert "It is exact: " in capsys.readouterr().out
    with pytest.raises(ValueError, match="no front of 'tiny/edap', as it is now, ships"):
        main([TASK, "--front", "--verify"])


def test_records_that_ship_are_listed(capsys):
    assert main([]) == 0
    assert "| `accel-nasbench/edap` | " in capsys.readouterr().out


def test_bad_input_is_told():
    with pytest.raises(ValueError, match="no record of 'tiny/edap', as it is now, ships"):
        main([TASK, "--verify"])
    with pytest.raises(ValueError, match="--seconds must be 0 or more, got -1"):
        main([TASK, "--seconds", "-1"])
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        main([TASK, "--workers", "0"])
    with pytest.raises(ValueError, match="there is no task 'accel-nasbenc/edap'"):
        main(["accel-nasbenc/edap"])
