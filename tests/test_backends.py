"""Back ends: every way in which a foreign tool can fail, the mapping of our hardware to theirs, agreement reports."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import importlib.util
import json
import math
import os
import runpy
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from waiting import PATIENCE_S, alive, numbers_in, within

from dance_env.cost import EDGE_LPDDR4, HWCOMPONENTS_65NM, TIMELOOP_45NM, AnalyticalCostModel, CostTable, Technology
from dance_env.cost.audit import command
from dance_env.cost.audit.agreement import ALL, Points, correlations
from dance_env.cost.audit.agreement_report import Agreement, summary_table
from dance_env.cost.audit.disagreement import TOGETHER, overlaps, together, worst
from dance_env.cost.audit.ranks import spearman
from dance_env.cost.backends import BackEndFailure, Running, Status, cost_model_names, make_cost_model, settings_of
from dance_env.cost.backends import zigzag_description as zigzag
from dance_env.cost.backends.accelforge import ENVIRONMENT, AccelForgeCostModel
from dance_env.cost.backends.external import SCRIPT, ExternalCostModel, tool_version
from dance_env.cost.backends.process import ask
from dance_env.cost.backends.running import Accelerator, Question, Row
from dance_env.cost.backends.zigzag import ADVICE, ZigZagCostModel
from dance_env.graph import LAYER_COLUMNS, Layer, LayerSpace
from dance_env.space import DATAFLOWS, AcceleratorSpace, Hardware
from dance_env.testing.cost_model import check_cost_model

ROWS = np.array([[8, 4, 4, 4, 1, 1, 1, 1], [16, 16, 4, 4, 3, 3, 16, 1]], dtype=np.int64)
HARDWARE = Hardware(
    pe_x=np.array([8, 16]), pe_y=np.array([8, 8]), rf_words=np.array([4, 64]), dataflow=np.array([0, 2])
)
WORKER = """
import json, sys, time
request = json.load(sys.stdin)
k, c, p, q, r, s, groups, stride = request["row"]
macs = k * (c // groups) * p * q * r * s
{misbehave}
json.dump({{"cycles": macs / request["pes"] + 1, "energy_pj": 10.0 * macs}}, sys.stdout)
"""
DEPTHWISE = "if groups > 1: "
"""Prefix of a misbehavior that only one of `ROWS` meets."""


@dataclass(frozen=True)
class FakeTool(ExternalCostModel):
    """A back end whose worker is a script of the test."""

    script: Path = Path()

    def fingerprint(self) -> str:
        return "fake tool 1"

    def request(self, row: Row, accelerator: Accelerator) -> Mapping[str, Any]:
        return {"row": row, "pes": accelerator.pe_x * accelerator.pe_y}

    def question(self, row: Row, accelerator: Accelerator) -> Question:
        return (self.python, "-I", "-S", str(self.script)), self.request(row, accelerator)


@pytest.fixture
def fake(tmp_path: Path):
    """Makes fake tools: `fake(misbehave, **running)`."""

    def make(misbehave: str = "", **running: Any) -> FakeTool:
        script = tmp_path / f"worker_{len(list(tmp_path.glob('worker_*')))}.py"
        script.write_text(WORKER.format(misbehave=misbehave))
        return FakeTool(script=script, running=Running(**{"timeout_s": PATIENCE_S, **running}))

    return make


# One question


@pytest.mark.parametrize(
    ("misbehave", "status", "reason"),
    [
        ("", Status.PRICED, ""),
        ("print('chatter', file=sys.stderr)", Status.PRICED, ""),
        ("print(json.dumps({'unmappable': 'too small'})); sys.exit(0)", Status.UNMAPPABLE, "too small"),
        ("raise RuntimeError('no license')", Status.FAILED, "exit status 1: RuntimeError: no license"),
        ("sys.exit(3)", Status.FAILED, "exit status 3: it said nothing"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", Status.FAILED, "exit status -9"),
        ("print('42 cycles'); sys.exit(0)", Status.GARBLED, "42 cycles"),
        ("sys.exit(0)", Status.GARBLED, "expected JSON"),
        ("print('[1, 2]'); sys.exit(0)", Status.GARBLED, "[1, 2]"),
        ("print(json.dumps({'cycles': 1.0})); sys.exit(0)", Status.GARBLED, "energy_pj"),
        ("print(json.dumps({'cycles': None, 'energy_pj': 1})); sys.exit(0)", Status.GARBLED, "None"),
        ('print(\'{"cycles": NaN, "energy_pj": 1}\'); sys.exit(0)', Status.NO_COST, "nan cycles"),
        ('print(\'{"cycles": 5, "energy_pj": Infinity}\'); sys.exit(0)', Status.NO_COST, "inf pJ"),
        ('print(\'{"cycles": 0, "energy_pj": 1}\'); sys.exit(0)', Status.NO_COST, "0.0 cycles"),
        ('print(\'{"cycles": 5, "energy_pj": -1}\'); sys.exit(0)', Status.NO_COST, "-1.0 pJ"),
    ],
)
def test_every_answer_becomes_a_status_with_its_reason(fake, misbehave: str, status: Status, reason: str) -> None:
    answer = fake(misbehave).answers(ROWS[:1], HARDWARE)[0][0]
    assert answer.status is status
    assert reason in answer.reason
    assert answer.priced is (status is Status.PRICED)
    expected = (8 * 4 * 16 / 64 + 1, 10.0 * 8 * 4 * 16) if answer.priced else (math.inf, math.inf)
    assert (answer.cycles, answer.energy_pj) == expected


def test_a_worker_that_hangs_is_ended_with_all_that_it_started(
    fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = tmp_path / "child"
    child = f"import os, time; print(os.getpid(), end=' ', file=open({str(note)!r}, 'a'), flush=True); time.sleep(3600)"
    hang = f"import subprocess; subprocess.run([sys.executable, '-I', '-S', '-c', {child!r}])"
    communicate, started = subprocess.Popen.communicate, []

    def hung(self: subprocess.Popen, request: str, timeout: float) -> Any:
        """The worker may take long to start; its time is up once it hangs."""
        started.append(timeout)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return communicate(self, request, timeout=0.1)
        assert within(lambda: len(numbers_in(note)) == len(started))
        return communicate(self, timeout=0.1)

    monkeypatch.setattr(subprocess.Popen, "communicate", hung)
    answer = fake(hang, timeout_s=3).answers(ROWS[:1], HARDWARE)[0][0]
    assert answer.status is Status.TIMED_OUT
    assert answer.reason == "no answer within 3 s"
    assert started == [3, 3]
    assert len(numbers_in(note)) == 2
    assert within(lambda: not any(map(alive, numbers_in(note))))


def test_an_interpreter_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    answer = ask([str(tmp_path / "python")], {}, timeout_s=5)
    assert answer.status is Status.FAILED
    assert "cannot start" in answer.reason


def test_a_worker_runs_in_an_empty_folder_that_is_removed(fake) -> None:
    leave = "import os; assert not os.listdir(); open('mapping.svg', 'w').close(); sys.exit(os.getcwd())"
    folder = fake(leave).answers(ROWS[:1], HARDWARE)[0][0].reason.split()[-1]
    assert "dance-backend-" in folder
    assert not Path(folder).exists()


# Costs


def test_costs_stand_where_their_layer_and_accelerator_do(fake) -> None:
    rows, hardware = ROWS[[1, 0, 1]], HARDWARE.take(np.array([1, 0, 1]))
    cost = fake().evaluate_layers(rows, hardware)
    macs = np.array([16 * 16 * 9, 8 * 4 * 16, 16 * 16 * 9])[:, None]
    expected = (macs / np.array([128, 64, 128]) + 1) / TIMELOOP_45NM.clock_hz
    np.testing.assert_allclose(cost.latency_s, expected, rtol=1e-12)
    np.testing.assert_allclose(cost.energy_j, np.broadcast_to(macs * 1e-11, (3, 3)), rtol=1e-12)


def test_failures_are_raised_and_keep_their_reason(fake) -> None:
    tool = fake(DEPTHWISE + "raise ValueError('depthwise is not supported')")
    with pytest.raises(BackEndFailure, match=r"2 of 4 pairs .* \(2 failed\).*depthwise is not supported"):
        tool.evaluate_layers(ROWS, HARDWARE)
    assert [answer.status for answer in tool.answers(ROWS, HARDWARE)[1]] == [Status.FAILED, Status.FAILED]


@pytest.mark.parametrize("pairs_kept", [False, True])
def test_a_failure_is_never_kept_as_a_price(fake, tmp_path: Path, pairs_kept: bool) -> None:
    """The tool is down for one layer at first. The table cache must not answer for it that it cannot be mapped."""
    note = tmp_path / "mended"
    down = f"import os\nif groups > 1 and not os.path.exists({str(note)!r}): sys.exit('no license')"
    tool = fake(down, cache_dir=tmp_path / "pairs" if pairs_kept else None)
    first, second = (
        Layer(kind, kind, *row) for kind, row in zip(("pointwise", "depthwise"), ROWS.tolist(), strict=True)
    )
    space = LayerSpace("two layers", fixed=[first], options={"second": {"depthwise": [second], "none": []}})
    accelerators = AcceleratorSpace((8, 16), (8,), (16,), ("OS",))
    build = {"model": tool, "workers": 1}
    with pytest.raises(BackEndFailure, match="no license"):
        CostTable.build(space, accelerators, cache_dir=tmp_path / "table", **build)
    note.touch()
    found = CostTable.build(space, accelerators, cache_dir=tmp_path / "table", **build)
    fresh = CostTable.build(space, accelerators, cache_dir=tmp_path / "fresh", **build)
    networks = np.array([[0], [1]])
    for name in ("latency_s", "energy_j"):
        leaf = getattr(found.on_all_hardware(networks), name)
        assert np.isfinite(leaf).all()
        assert np.array_equal(leaf, getattr(fresh.on_all_hardware(networks), name))


@pytest.mark.filterwarnings("error")
def test_what_cannot_be_mapped_costs_inf_without_a_warning(fake) -> None:
    tool = fake(DEPTHWISE + "print(json.dumps({'unmappable': 'no'})); sys.exit(0)")
    assert np.isinf(tool.evaluate_layers(ROWS, HARDWARE).energy_j).tolist() == [[False, False], [True, True]]


def test_the_contract_suite_holds_for_what_back_ends_share(fake, tmp_path: Path) -> None:
    check_cost_model(fake(cache_dir=tmp_path / "cache")).raise_if_failed()


def test_running_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="timeout_s"):
        Running(timeout_s=0)
    with pytest.raises(ValueError, match="workers"):
        Running(workers=0)


# What is kept


def test_priced_pairs_are_kept_and_failures_tried_again(fake, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    broken = fake(DEPTHWISE + "raise ValueError('not today')", cache_dir=cache)
    first = broken.answers(ROWS, HARDWARE)
    asked = []
    mended = fake(cache_dir=cache).answers(ROWS, HARDWARE, progress=lambda done, total: asked.append((done, total)))
    assert asked == [(2, 4), (3, 4), (4, 4)]
    assert mended[0] == first[0]
    assert all(answer.priced for answer in mended[1])
    unreachable = fake(cache_dir=cache, python=str(tmp_path / "none"))
    assert unreachable.answers(ROWS, HARDWARE) == mended  # nothing is started any more


def test_unmappable_pairs_are_kept_too(fake, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    fake("print(json.dumps({'unmappable': 'no'})); sys.exit(0)", cache_dir=cache).answers(ROWS, HARDWARE)
    again = fake(cache_dir=cache, python=str(tmp_path / "none")).answers(ROWS, HARDWARE)
    assert {answer.status for line in again for answer in line} == {Status.UNMAPPABLE}


def test_a_damaged_record_is_priced_again(fake, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    tool = fake(cache_dir=cache)
    first = tool.answers(ROWS, HARDWARE)
    for number, file in enumerate(sorted(cache.rglob("*.bin"))):
        file.write_bytes(file.read_bytes()[: 40 * number])
    again = tool.answers(ROWS, HARDWARE)
    assert [[(a.cycles, a.energy_pj) for a in line] for line in again] == [
        [(a.cycles, a.energy_pj) for a in line] for line in first
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupted_run_keeps_what_was_priced_and_goes_on_there(fake, tmp_path: Path, workers: int) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    cache = tmp_path / "cache"
    tool = fake(cache_dir=cache, workers=workers)
    with pytest.raises(KeyboardInterrupt):
        tool.answers(ROWS, HARDWARE, progress=interrupt)
    seen: list[int] = []
    resumed = tool.answers(ROWS, HARDWARE, progress=lambda done, total: seen.append(done))
    assert seen[0] == 2
    alone = fake().answers(ROWS, HARDWARE)
    assert [[(a.cycles, a.energy_pj) for a in line] for line in resumed] == [
        [(a.cycles, a.energy_pj) for a in line] for line in alone
    ]


def test_an_interrupt_ends_the_processes_that_run(fake, tmp_path: Path) -> None:
    note = tmp_path / "worker"
    slow = DEPTHWISE + f"import os; open({str(note)!r}, 'w').write(f'{{os.getpid()}} '); time.sleep(3600)"

    def interrupt(done: int, total: int) -> None:
        if done == 2:
            assert within(lambda: numbers_in(note))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # long before the worker or its time would end
        fake(slow, timeout_s=3600).answers(ROWS, HARDWARE, progress=interrupt)
    assert within(lambda: not any(map(alive, numbers_in(note))))


# By name


def test_cost_models_are_found_by_name() -> None:
    assert cost_model_names()[:3] == ("analytical", "zigzag", "accelforge")
    running = Running(timeout_s=7)
    assert make_cost_model("zigzag", running=running) == ZigZagCostModel(running=running)
    assert make_cost_model("analytical", objective="energy") == AnalyticalCostModel(objective="energy")
    assert make_cost_model("accelforge", technology=HWCOMPONENTS_65NM).technology is HWCOMPONENTS_65NM


def test_unknown_names_and_settings_are_answered_with_what_is_known() -> None:
    with pytest.raises(ValueError, match=r"no cost model 'zig-zag'\. Did you mean 'zigzag'"):
        make_cost_model("zig-zag")
    with pytest.raises(ValueError, match=r"'analytical' has no setting 'running'; it has .*objective"):
        make_cost_model("analytical", running=Running())
    with pytest.raises(ValueError, match="objective"):
        make_cost_model("zigzag", objective="area")


def test_a_missing_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImportError, match=r"does not have no-such-tool; install it with: pip .*dance-env\[zigzag\]"):
        tool_version(sys.executable, "no-such-tool", ADVICE)
    nowhere = str(tmp_path / "python")
    with pytest.raises(ImportError, match=r"cannot be started .*dance-env\[zigzag\]"):
        ZigZagCostModel(running=Running(python=nowhere)).evaluate_layers(ROWS, HARDWARE)
    monkeypatch.setenv(ENVIRONMENT, nowhere)
    assert AccelForgeCostModel().python == nowhere
    with pytest.raises(ImportError, match=f"cannot be started .*Python 3.12 or later.*{ENVIRONMENT}"):
        AccelForgeCostModel().evaluate_layers(ROWS, HARDWARE)


def test_a_worker_s_chatter_does_not_garble_its_answer(tmp_path: Path) -> None:
    tool = tmp_path / "tool_worker.py"
    tool.write_text(
        "def price(request):\n    print('loading')\n    return {'cycles': request['n'], 'energy_pj': 2.0}\n"
    )
    answer = ask([sys.executable, "-P", str(SCRIPT), str(tool)], {"n": 3}, timeout_s=PATIENCE_S)
    assert (answer.status, answer.cycles, answer.energy_pj) == (Status.PRICED, 3.0, 2.0)


# Our hardware in their terms


def _recorded(shared_dir: Path, name: str) -> list[dict[str, str]]:
    with open(shared_dir / "reference" / "other-tools" / name, newline="") as file:
        return list(csv.DictReader(file))


def _row(line: Mapping[str, str]) -> tuple[int, ...]:
    return tuple(int(line[column]) for column in LAYER_COLUMNS)


def _technology(line: Mapping[str, str]) -> Technology:
    glb = float(line["glb_bits_per_cycle"]) / 16
    return dataclasses.replace(
        HWCOMPONENTS_65NM, dram_words_per_cycle=float(line["dram_bits_per_cycle"]) / 16,
        glb_read_words_per_cycle=glb, glb_write_words_per_cycle=glb,
    )  # fmt: skip


def _hardware(line: Mapping[str, str]) -> Hardware:
    sizes = {name: np.array([int(line[name])]) for name in ("pe_x", "pe_y", "rf_words")}
    return Hardware(**sizes, dataflow=np.array([DATAFLOWS.index(line["dataflow"].upper())]))


def test_zigzag_gets_the_unrolling_on_record(shared_dir: Path) -> None:
    lines = _recorded(shared_dir, "zigzag.csv")
    for line in lines:
        found = zigzag.unrolling(_row(line), line["dataflow"].upper(), pe_x=int(line["pe_x"]), pe_y=int(line["pe_y"]))
        text = "; ".join(f"{a}: {{{'; '.join(f'{d}: {n}' for d, n in dims.items())}}}" for a, dims in found.items())
        assert f"{{{text}}}" == line["spatial_mapping"], line["layer"]
    assert len(lines) == 528


def test_zigzag_gets_our_constants() -> None:
    given = zigzag.accelerator(TIMELOOP_45NM, "OS", pe_x=9, pe_y=10, rf_words=16)
    rf, glb, dram = (given["memories"][name] for name in ("rf", "glb", "dram"))
    assert (rf["size"], rf["operands"], rf["r_cost"]) == (256, ["O"], 0.492707)
    assert (glb["size"], glb["ports"][0]["bandwidth_max"]) == (108 * 1024 * 8, 16 * 16)
    assert glb["r_cost"] == pytest.approx(16 * 29.5413 / 4)
    assert dram["ports"][0]["bandwidth_max"] == 2 * 16 * 16  # unlimited: all that the buffer's two ports take
    assert dram["w_cost"] == pytest.approx(2 * 16 * 128)
    assert given["operational_array"]["sizes"] == [9, 10]
    with pytest.raises(ValueError, match="dataflow"):
        zigzag.unrolling((8, 8, 4, 4, 1, 1, 1, 1), "XS", pe_x=8, pe_y=8)


def test_grouped_layers_keep_their_multiply_adds() -> None:
    row = (32, 16, 6, 6, 3, 3, 4, 2)
    sizes = zigzag.loop_sizes(row)
    assert math.prod(sizes.values()) == 32 * (16 // 4) * 36 * 9
    assert zigzag.workload(row)[0]["dimension_relations"] == ["ix=2*ox+1*fx", "iy=2*oy+1*fy"]


ZIGZAG_ROWS = [("fc_512_10", "ws"), ("fc_512_10", "os"), ("fc_512_10", "rs"), ("pw_144_40_8", "ws"), ("dw7_96_8", "rs")]


@pytest.mark.skipif(importlib.util.find_spec("zigzag") is None, reason="needs the extra 'zigzag' (zigzag-dse, six)")
@pytest.mark.parametrize(("layer", "dataflow"), ZIGZAG_ROWS)
def test_zigzag_gives_the_figures_on_record(shared_dir: Path, layer: str, dataflow: str) -> None:
    wanted = {"layer": layer, "dataflow": dataflow, "accelerator": "A24x8_8", "pins_hold_data": "0"}
    (line,) = (x for x in _recorded(shared_dir, "zigzag.csv") if wanted.items() <= x.items())
    model = ZigZagCostModel(technology=_technology(line), running=Running(timeout_s=PATIENCE_S))
    answer = model.answers(np.array([_row(line)]), _hardware(line))[0][0]
    assert answer.cycles == float(line["cycles"])
    assert answer.energy_pj == pytest.approx(float(line["energy_pj"]), abs=0.1)  # one digit is on record


@pytest.mark.skipif(not os.environ.get(ENVIRONMENT), reason=f"needs {ENVIRONMENT}, an interpreter with accelforge")
@pytest.mark.parametrize(("layer", "dataflow"), [("fc_512_10", "rs"), ("pw_144_40_8", "os")])
def test_accelforge_gives_the_figures_on_record(shared_dir: Path, layer: str, dataflow: str) -> None:
    wanted = {"layer": layer, "dataflow": dataflow, "accelerator": "A14x12_64", "imperfect_spatial": "0"}
    line = next(x for x in _recorded(shared_dir, "accelforge.csv") if wanted.items() <= x.items())
    model = AccelForgeCostModel(technology=_technology(line))
    answer = model.answers(np.array([_row(line)]), _hardware(line))[0][0]
    assert answer.cycles == pytest.approx(float(line["cycles"]), rel=1e-6)  # its latencies are in single precision
    assert answer.energy_pj == pytest.approx(float(line["energy_pj"]), rel=1e-6)


# Agreement


def test_spearman_by_hand() -> None:
    assert spearman([1, 2, 3, 4], [10, 20, 30, 1000]) == pytest.approx(1)
    assert spearman([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)
    # ranks 1 2 3 4 5 and 2 1 4 3 5: 1 - 6 * (1 + 1 + 1 + 1 + 0) / (5 * 24)
    assert spearman([1, 2, 3, 4, 5], [7, 5, 9, 8, 11]) == pytest.approx(0.8)
    # ties share ranks: 1.5 1.5 3 and 1 2 3, covariance 1.5 over sqrt(1.5 * 2)
    assert spearman([4, 4, 6], [1, 2, 3]) == pytest.approx(1.5 / math.sqrt(3))
    assert spearman([1, 2], [1, 2]) is None
    assert spearman([1, 1, 1], [1, 2, 3]) is None
    with pytest.raises(ValueError, match="finite"):
        spearman([1, 2, math.inf], [1, 2, 3])
    with pytest.raises(ValueError, match="one length"):
        spearman([1, 2, 3], [1, 2])


def _points() -> Points:
    """Two layers on four accelerators; the other tool fails on one pair."""
    ours = [[10, 1], [20, 2], [30, 3], [40, 4], [5, 8], [6, 8], [7, 8], [8, 8]]
    theirs = [[11, 4], [22, 3], [33, 2], [44, 1], [9, 1], [8, 2], [7, 3], [math.inf, math.inf]]
    return Points(
        layer=("a",) * 4 + ("b",) * 4,
        accelerator=("w1", "w2", "o1", "o2") * 2,
        dataflow=("WS", "WS", "OS", "OS") * 2,
        ours=np.array(ours, dtype=np.float64),
        theirs=np.array(theirs, dtype=np.float64),
        reason=("",) * 7 + ("TIMED_OUT: no answer within 9 s",),
    )


def test_correlations_by_hand() -> None:
    found = {(c.over, c.name, c.dataflow, c.metric): c for c in correlations(_points())}
    latency, energy = found["accelerators", "a", ALL, "latency"], found["accelerators", "a", ALL, "energy"]
    assert (latency.points, latency.rho, latency.loss) == (4, pytest.approx(1), 1)
    assert (energy.rho, energy.our_spread, energy.their_spread, energy.loss) == (pytest.approx(-1), 4, 4, 4)
    # ours 10 40 90 160, theirs 44 66 66 44: ranks 1 2 3 4 and 1.5 3.5 3.5 1.5
    assert found["accelerators", "a", ALL, "EDP"].rho == pytest.approx(0, abs=1e-12)
    without_the_failure = found["accelerators", "b", ALL, "latency"]
    assert (without_the_failure.points, without_the_failure.rho) == (3, pytest.approx(-1))
    assert ("accelerators", "b", ALL, "energy") not in found  # ours are all equal: there is nothing to rank
    assert not any(c.dataflow != ALL for c in found.values())  # two of each are too few


def test_the_summary_names_what_was_left_out() -> None:
    text = summary_table(_points(), correlations(_points()))
    assert "Pairs of layer and accelerator: 8, priced by both: 7." in text
    assert "Without a cost: b on o2: TIMED_OUT: no answer within 9 s" in text


def test_layers_together_are_summed_where_all_are_priced() -> None:
    found = together(_points())
    assert (found.layer, found.accelerator) == ((TOGETHER,) * 3, ("w1", "w2", "o1"))  # o2 lacks a price of layer b
    assert found.ours.tolist() == [[15, 9], [26, 10], [37, 11]]
    assert found.theirs.tolist() == [[20, 5], [30, 5], [40, 5]]


def test_overlaps_by_hand() -> None:
    found = {(each.name, each.metric): each for each in overlaps(_points(), 2)}
    assert (found["a", "latency"].share, found["a", "latency"].chance) == (1.0, 0.5)
    assert found["a", "energy"].share == 0.0  # ours w1 w2, theirs o1 o2
    assert found["b", "latency"].share == 0.5  # ours w1 w2, theirs o1 w2: o2 is not priced
    assert found[TOGETHER, "latency"].share == 1.0
    assert not overlaps(_points(), 4)  # all of four are the best four
    with pytest.raises(ValueError, match="at least 1 accelerator"):
        overlaps(_points(), 0)


def test_the_worst_disagreements_by_hand() -> None:
    # latency: theirs over ours 1.1 four times, 1.8, 1.33, 1: the median is 1.1, and 1.8 is farthest from it
    latency, second, *_, energy = worst(_points(), 2)
    assert (latency.layer, latency.accelerator, latency.metric) == ("b", "w1", "latency")
    assert (latency.ratio, latency.usual, latency.factor) == (1.8, pytest.approx(1.1), pytest.approx(1.8 / 1.1))
    assert (second.accelerator, second.layer) == ("w2", "b")
    assert energy.metric == "energy"
    assert len(worst(_points(), 2)) == 4
    assert not worst(together(_nothing()), 2)


def _nothing() -> Points:
    """Pairs of which the other tool prices none."""
    given = _points()
    return dataclasses.replace(given, theirs=np.full_like(given.theirs, np.inf), reason=("TIMED_OUT: slow",) * 8)


def test_a_report_tells_outcomes_and_is_empty_where_nothing_is_priced() -> None:
    report = Agreement.of("title", _points(), k=2, worst_pairs=1)
    assert report.content()["outcomes"] == {"PRICED": 7, "TIMED_OUT": 1}
    assert "| of the 2 best accelerators |" in report.as_text()
    assert "| 3 accelerators of all layers together | all | latency |" in report.as_text()
    empty = Agreement.of("title", _nothing(), k=2, worst_pairs=1)
    assert (empty.correlations, empty.overlaps, empty.disagreements) == ((), (), ())
    assert "priced by both: 0" in empty.as_text()


def test_our_model_agrees_with_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    arguments = ["--backend", "analytical", "--network", "tiny", "--n", "20"]
    assert command.main([*arguments, "--out", str(out)]) == 0
    with open(out / "correlations.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["over"] for row in rows} == {"accelerators", "layers"}
    assert TOGETHER in {row["name"] for row in rows}
    assert all(float(row["rho"]) == pytest.approx(1) and float(row["loss"]) == 1 for row in rows)
    said = capsys.readouterr().out
    assert "audit.md" in said
    assert "Pairs of layer and accelerator: 20, priced by both: 20." in said  # 4 x 5
    files = ["audit.md", "correlations.csv", "disagreements.csv", "overlaps.csv", "points.csv"]
    assert sorted(file.name for file in out.iterdir()) == files
    with open(out / "overlaps.csv", newline="") as file:
        assert {float(row["share"]) for row in csv.DictReader(file)} == {1.0}
    assert command.main([*arguments, "--out", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {each["factor"] for each in said["disagreements"]} == {1.0}
    assert said["outcomes"] == {"PRICED": 20}


def test_figures_on_record_are_compared(shared_dir: Path, tmp_path: Path) -> None:
    lines = [x for x in _recorded(shared_dir, "accelforge.csv") if x["layer"] == "fc_512_10"]
    file = tmp_path / "some.csv"
    with open(file, "w", newline="") as handle:
        writer = csv.DictWriter(handle, lines[0].keys())
        writer.writeheader()
        writer.writerows(lines)
    assert command.main(["--recorded", str(file), "--out", str(tmp_path / "out")]) == 0
    with open(tmp_path / "out" / "correlations.csv", newline="") as handle:
        rho = {(row["dataflow"], row["metric"]): float(row["rho"]) for row in csv.DictReader(handle)}
    assert rho["WS", "latency"] > 0.9


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    file.write_text("layer,cycles\nx,1\n")
    with pytest.raises(ValueError, match=r"expected the columns .*energy_pj.* missing"):
        command.main(["--recorded", str(file)])
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"other\.csv is no text in UTF-8"):
        command.main(["--recorded", str(file)])
    for given in (["--seed", "-1"], ["--worst", "-1"], ["--top", "0"], ["--timeout", "nan"]):
        with pytest.raises(SystemExit):
            command.main(["--backend", "analytical", *given])
    for given, message in (
        (["--layers", "0"], "at least one layer"),
        (["--n", "0"], "at least 1 pair"),
        (["--n", "9", "--layers", "3"], "not both"),
    ):
        with pytest.raises(ValueError, match=message):
            command.main(["--backend", "analytical", *given])
    with pytest.raises(SystemExit):
        command.main(["--network", "tiny"])  # against what?


def test_the_example_of_another_program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(__file__).resolve().parents[1] / "examples"
    example = runpy.run_path(str(folder / "external_cost_model.py"))
    rows = np.array([[32, 3, 32, 32, 3, 3, 1, 1], [8, 8, 4, 4, 1, 1, 8, 1]], dtype=np.int64)
    model = example["Systolic"](running=Running(workers=2))
    (stem,), (single,) = model.answers(rows, HARDWARE.take([0]))
    assert stem.cycles == 4 * 4 * (32 * 32 + 8 + 8)  # 27 products on 8 rows, 32 outputs on 8 columns
    assert (single.status, single.reason) == (
        Status.UNMAPPABLE,
        "this array needs more than one product for each output",
    )
    monkeypatch.setattr(sys, "argv", ["external_cost_model.py"])
    example["main"]()
    assert "least edp_js: {'network': 'the only one', 'pe_x': 16" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["Class", "make", "model"])
def test_a_cost_model_in_a_file_is_made(name: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\n"
        "@dataclass(frozen=True)\n"
        "class Class:\n"
        "    technology: object = None\n"
        "    def evaluate_layers(self, rows, hardware): ...\n"
        "    def area_mm2(self, hardware): ...\n"
        "    def fingerprint(self): ...\n"
        "def make(): return Class()\n"
        "model = Class()\n"
    )
    place = f"{tmp_path / 'mine.py'}:{name}"
    assert settings_of(place) == ({"technology"} if name == "Class" else set())
    assert type(make_cost_model(place)).__name__ == "Class"
    if name == "Class":
        assert make_cost_model(place, technology=EDGE_LPDDR4).technology is EDGE_LPDDR4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "class Mine: ...",
            "mine.py:Mine gives Mine, which is no cost model: it needs `evaluate_layers` and `area_mm2`",
        ),
        ("def Mine(): return 1 / 0", "line 1, in Mine: ZeroDivisionError"),
        ("Mien = 3", "there is no 'Mine' in .*mine.py"),
    ],
)
def test_what_is_no_cost_model_in_a_file_is_told(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(ValueError, match=message):
        make_cost_model(f"{tmp_path / 'mine.py'}:Mine")
