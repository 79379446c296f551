"""Explanations of designs: their sums are the evaluation, their bounds the cost model's, their neighbors the problem's."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from dance_env.analysis.exact import optimum
from dance_env.analysis.explanation import BOUNDS, ENERGY_LEVELS, Roofline, explain, grouped
from dance_env.analysis.hardware import NetworkUse, accelerator_problem, optimize_hardware
from dance_env.command_line import as_json
from dance_env.commands.design_sources import accelerators_around, design_of_file, design_of_task
from dance_env.commands.explain import main
from dance_env.commands.explanation_text import as_dict, as_text, mapping_line
from dance_env.cost import EDGE_LPDDR4, TIMELOOP_45NM, AnalyticalCostModel
from dance_env.exporting import DesignFile
from dance_env.graph import Layer, LayerSpace, Workload, network_space
from dance_env.objective import EDAP, Objective
from dance_env.problem import Problem
from dance_env.space import AcceleratorSpace, Hardware
from dance_env.tasks import make_problem
from dance_env.testing import synthetic_problem

SMALL = AcceleratorSpace((8, 12, 16), (8, 14), (4, 16, 64), ("WS", "OS", "RS"))
CONV = Layer("conv", "conv", 32, 16, 14, 14, 3, 3)
WIDE = Layer("wide", "conv", 8, 3, 32, 32, 11, 11)
DEPTHWISE = Layer("depthwise", "depthwise", 32, 32, 28, 28, 5, 5, 32)
FC = Layer("fc", "fc", 100, 64, 1, 1, 1, 1)


def free_problem(tmp_path, **settings):
    """Two choices, one of them of layers that both read, on a small space of accelerators."""
    space = LayerSpace(
        "free",
        (CONV, replace(CONV, name="again")),
        {"a": {"deep": (DEPTHWISE,), "none": ()}, "b": {8: (FC,), 16: (FC, FC)}},
        {("a", "b"): lambda a, b: (Layer("joint", "pointwise", b, 32, 14, 14, 1, 1),)},
    )
    settings = {"network_space": space, "objective": Objective(EDAP(1e-9), 1.0)} | settings
    return Problem.build(
        "free",
        accelerator_space=SMALL,
        accuracy=lambda networks: 0.5 + 0.1 * networks[:, 0],
        cache_dir=tmp_path,
        **settings,
    )


@pytest.fixture(scope="module")
def tiny():
    return make_problem("tiny/edap")


@pytest.fixture(scope="module")
def explained(tiny):
    return explain(tiny, optimum(tiny).design)


# ---------------------------------------------------------------------------------------------------------------- layers
def test_the_sums_over_layers_are_the_evaluation(explained):
    cost, sums = explained.evaluation.cost, explained.totals
    assert sums.latency_s == pytest.approx(cost.latency_s[0], rel=1e-14)
    assert sums.energy_j == pytest.approx(cost.energy_j[0], rel=1e-14)
    assert sum(sums.energy_by_level.values()) == pytest.approx(cost.energy_j[0], rel=1e-14)
    assert sum(sums.latency_by_bound.values()) == pytest.approx(cost.latency_s[0], rel=1e-14)
    assert sum(sums.layers_by_bound.values()) == len(explained.layers)
    macs = explained.problem.network_space.macs(explained.design[None, explained.problem.space.network])[0]
    assert sums.macs == macs
    pes = int(explained.options["pe_x"]) * int(explained.options["pe_y"])
    assert sums.utilization == pytest.approx(macs / (cost.latency_s[0] * EDGE_LPDDR4.clock_hz * pes))


@pytest.mark.parametrize("seed", range(3))
def test_the_sums_hold_for_any_design_of_free_layers(seed, tmp_path):
    problem = free_problem(tmp_path)
    design = problem.space.sample(np.random.default_rng(seed), 1)[0]
    found = explain(problem, design)
    assert found.totals.latency_s == pytest.approx(problem.evaluate(design[None]).cost.latency_s[0], rel=1e-14)
    assert found.totals.energy_j == pytest.approx(problem.evaluate(design[None]).cost.energy_j[0], rel=1e-14)


def test_workloads_count_by_their_weights(tmp_path):
    spaces = [LayerSpace(name, (layer,), {"x": {"only": ()}}) for name, layer in (("p", CONV), ("q", DEPTHWISE))]
    workloads = [Workload("p", spaces[0], 1.0), Workload("q", spaces[1], 7.0)]
    problem = Problem.build(
        "two",
        workloads=workloads,
        accelerator_space=SMALL,
        accuracy=None,
        objective=Objective(EDAP(), 1.0),
        cache_dir=tmp_path,
    )
    found = explain(problem, [0, 1, 1, 1, 1])
    alone = [each.latency_s for each in found.layers]
    assert [each.network for each in found.layers] == ["p", "q"]
    assert found.totals.latency_s == pytest.approx(alone[0] + 7.0 * alone[1])
    evaluation = problem.evaluate(np.array([[0, 1, 1, 1, 1]]), accuracies=np.ones(1))
    assert found.totals.latency_s == pytest.approx(evaluation.cost.latency_s[0], rel=1e-14)


def test_a_layer_is_bound_by_what_needs_most_cycles(explained):
    for each in explained.layers:
        assert max(each.cycles_of.values()) == each.cycles
        assert each.cycles_of[each.bound] == each.cycles
        assert tuple(each.cycles_of) == BOUNDS
        assert tuple(each.energy_by_level) == ENERGY_LEVELS
        assert 0 < each.utilization <= 1
        assert each.macs_per_cycle <= explained.roofline.at(each.macs_per_dram_word) * (1 + 1e-12)
    assert {each.bound for each in explained.layers} >= {"compute", "DRAM bandwidth"}


def test_bounds_follow_the_bandwidth(tmp_path):
    """A fully connected layer reads each weight once: behind a slow DRAM it waits, behind an unlimited one it does not."""
    problems = {
        technology.name: accelerator_problem(
            NetworkUse("net", (FC,)), accelerators=SMALL, cost_model=AnalyticalCostModel(technology), cache_dir=tmp_path
        )
        for technology in (EDGE_LPDDR4, TIMELOOP_45NM)
    }
    bounds = {name: explain(problem, [0, 0, 0, 0, 1]) for name, problem in problems.items()}
    slow, fast = bounds[EDGE_LPDDR4.name], bounds[TIMELOOP_45NM.name]
    assert slow.layers[0].bound == "DRAM bandwidth"
    assert slow.layers[0].cycles_of["DRAM bandwidth"] == np.ceil(slow.layers[0].dram_words / 6.4)
    assert fast.layers[0].bound != "DRAM bandwidth"
    assert fast.layers[0].cycles_of["DRAM bandwidth"] == 0
    assert fast.roofline.at(0.001) == 64.0


def test_equal_layers_stand_together(tmp_path):
    problem = free_problem(tmp_path)
    found = explain(problem, [1, 1, 0, 0, 0, 0])
    counts = {group.report.layer.name: group.count for group in grouped(found.layers)}
    assert counts == {"conv": 2, "fc": 2, "joint": 1}
    assert sum(group.count for group in grouped(found.layers)) == len(found.layers)


def test_the_roofline_is_the_lesser_of_peak_and_bandwidth():
    hardware = Hardware.one(8, 16, rf_words=8, dataflow="OS")
    roofline = Roofline.of(hardware, EDGE_LPDDR4)
    assert (roofline.peak, roofline.ridge) == (128.0, 20.0)
    assert [roofline.at(x) for x in (1.0, 20.0, 100.0)] == [6.4, 128.0, 128.0]


# --------------------------------------------------------------------------------------------------- neighbors, dataflows
def test_neighbors_are_what_the_problem_says_of_them(tiny, explained):
    own = explained.design
    by_name = {(each.choice, each.option): each for each in explained.neighbors}
    space = tiny.space
    expected = 0
    for position, choice in enumerate(space.choices):
        for option in range(len(choice)):
            near = abs(option - own[position]) == 1 if choice.kind == "ordinal" else option != own[position]
            if not near:
                continue
            changed = own.copy()
            changed[position] = option
            verdict = tiny.evaluate(changed[None])
            each = by_name[choice.name, choice.options[option]]
            assert (each.objective, each.energy_j) == (verdict.objective[0], verdict.cost.energy_j[0])
            assert each.error_pct == verdict.error_pct[0]
            expected += 1
    assert len(explained.neighbors) == expected
    assert explained.improving == ()  # the optimum has no better neighbor


def test_a_poor_design_has_better_neighbors(tiny, explained):
    worse = explained.design.copy()
    worse[-2] = 15
    found = explain(tiny, worse)
    best = found.improving[0]
    assert best.objective == min(each.objective for each in found.neighbors)
    assert best.objective < found.evaluation.objective[0]
    assert "single changes are better" in as_text(found)


def test_other_dataflows_are_the_best_of_all_accelerators(tiny, explained):
    networks = explained.design[None, tiny.space.network]
    everywhere = tiny.evaluate_networks(networks)[0]
    flows = tiny.accelerator_space.hardware().dataflow
    names = tiny.accelerator_space.dataflow
    assert {each.dataflow for each in explained.dataflows} == set(names) - {explained.options["dataflow"]}
    for each in explained.dataflows:
        members = flows == names.index(each.dataflow)
        assert each.best.objective[0] == everywhere.objective[members].min()
        same = explained.design.copy()
        same[-1] = names.index(each.dataflow)
        assert each.same_sizes.objective[0] == tiny.evaluate(same[None]).objective[0]
        loss = [lost.loss for lost in each.lost]
        assert loss == sorted(loss, reverse=True)
        theirs = explain(tiny, same)
        first = each.lost[0]
        index = [layer.layer.name for layer in explained.layers].index(first.ours.layer.name)
        assert theirs.layers[index].energy_j == first.theirs.energy_j


def test_a_dataflow_that_cannot_run_a_layer_is_said_to(tmp_path):
    use = NetworkUse("net", (WIDE,))
    problem = accelerator_problem(use, accelerators=SMALL, cache_dir=tmp_path)
    found = explain(problem, [0, 0, 0, 1, 1])  # 8 x 8, OS
    stationary = next(each for each in found.dataflows if each.dataflow == "RS")
    assert "RS keeps" in stationary.why_unmappable
    assert stationary.lost == ()
    assert "cannot run" in as_text(found)
    json.loads(as_json(as_dict(found)))


def test_what_cannot_be_explained_is_refused(tmp_path):
    problem = free_problem(tmp_path)
    other = AnalyticalCostModel(TIMELOOP_45NM)
    with pytest.raises(ValueError, match="its costs do not come from this cost model"):
        explain(problem, [0, 0, 0, 0, 0, 0], cost_model=other)
    with pytest.raises(ValueError, match="the model here is not known"):
        explain(synthetic_problem(0), np.zeros(8, dtype=np.int64))
    with pytest.raises(ValueError, match="expected one design"):
        explain(problem, [[0, 0, 0, 0, 0, 0]] * 2)
    wide = accelerator_problem(NetworkUse("net", (WIDE,)), accelerators=SMALL, cache_dir=tmp_path)
    with pytest.raises(ValueError, match="net, layer 'wide': no mapping: RS keeps"):
        explain(wide, [0, 0, 0, 1, 2])


# ------------------------------------------------------------------------------------------------------- sources of designs
def test_designs_of_a_task_by_index_by_name_and_the_best(tiny):
    best = optimum(tiny).design
    names = tiny.space.decode(best[None])[0]
    for text in (
        "best",
        ",".join(map(str, best)),
        ",".join(f"{name}={option}" for name, option in names.items()),
        ",".join(f"{name}={option}" for name, option in list(names.items())[:3]),  # with its best accelerator
        ",".join(map(str, best[:3])),
        " ".join(map(str, best)),
        " ".join(f"{name}={option}" for name, option in names.items()),
    ):
        problem, design = design_of_task("tiny/edap", text.split())
        assert problem.space.decode(design[None])[0] == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0,0", "expected an option index for each of 7 choices .* or of the first 3, the network's; got 2"),
        ("a,b,c", "expected best, option indices such as 0,2,1, or NAME=OPTION of every choice, such as block2="),
        ("block2=mb6_k5,0", "and not both"),
        ("blok2=mb6_k5", "there is no choice 'blok2'. Did you mean 'block2'"),
        ("block2=mb6_k7", "there is no option 'mb6_k7' of block2. Did you mean 'mb6_k5'"),
        ("block2=mb6_k5", "the design lacks block4, block7, pe_x"),
        ("block2=mb6_k5,block2=mb6_k5", "block2 is given twice"),
        ("0,0,9", "option index must be in 0..2, got 9"),
    ],
)
def test_wrong_designs_get_a_clear_message(text, message):
    with pytest.raises(ValueError, match=message):
        design_of_task("tiny/edap", [text])


def test_a_task_without_a_known_best_design_says_so(monkeypatch):
    monkeypatch.setattr("dance_env.commands.design_sources.shipped_optimum", lambda problem: None)
    monkeypatch.setattr("dance_env.commands.design_sources.MAX_DESIGNS", 10)
    with pytest.raises(ValueError, match="its best one is not on record"):
        design_of_task("tiny/edap")


def test_a_design_file_is_explained_among_all_accelerators(tmp_path):
    graph = network_space("tiny").graph(np.array([0, 1, 2]))
    hardware = Hardware.one(10, 40, rf_words=8, dataflow="RS")  # 40 rows: outside DANCE's sizes
    path = DesignFile.of_network(graph, hardware).write(tmp_path / "design.json")
    problem, design = design_of_file(path, least="energy_j")
    options = problem.space.decode(design[None])[0]
    assert {name: options[name] for name in ("pe_x", "pe_y", "rf_words", "dataflow")} == {
        "pe_x": 10, "pe_y": 40, "rf_words": 8, "dataflow": "RS"
    }  # fmt: skip
    found = explain(problem, design)
    assert found.totals.energy_j == pytest.approx(DesignFile.read(path).costs.energy_j, rel=1e-12)
    assert ("pe_y", 24) in {(each.choice, each.option) for each in found.neighbors}


def test_accelerators_around_one_hold_what_it_chooses():
    plain = accelerators_around(Hardware.one(9, 30, rf_words=6, dataflow="WS"), EDGE_LPDDR4)
    assert (30 in plain.pe_y, 6 in plain.rf_words, plain.glb_words) == (True, True, None)
    chosen = Hardware.one(9, 9, rf_words=8, dataflow="WS", glb_words=8192, dram_words_per_cycle=5.0)
    space = accelerators_around(chosen, EDGE_LPDDR4)
    assert 8192 in space.glb_words
    assert space.dram_words_per_cycle == (3.2, 5.0, 6.4, 12.8)
    few = replace(EDGE_LPDDR4, glb_table=(), rf_words=(8, 16), rf_read_pj=(1.0, 2.0), rf_write_pj=(1.0, 2.0),
                  rf_leak_pj_per_cycle=(0.0, 0.0), rf_area_um2=(1.0, 2.0))  # fmt: skip
    assert accelerators_around(Hardware.one(8, 8, rf_words=8, dataflow="WS"), few).rf_words == (8, 12, 16)


# ---------------------------------------------------------------------------------------------------------- the command
def test_the_command_explains_in_text_json_and_picture(explained, tmp_path, capsys):
    text = ",".join(map(str, explained.design))
    picture = tmp_path / "why.png"
    assert main(["tiny/edap", "--design", text, "--mappings", "--picture", str(picture)]) == 0
    printed = capsys.readouterr().out
    for words in (
        "What bounds the layers:", "Where the energy goes:", "DRAM bandwidth", "No single change is better.",
        "Other dataflows:", "The layers that lose most:", mapping_line(explained.layers[0].mapping),
    ):  # fmt: skip
        assert words in printed
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main(["tiny/edap", "--best", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["latency_s"] == explained.evaluation.cost.latency_s[0]
    assert sum(each["energy_j"] for each in content["layers"]) == pytest.approx(content["energy_j"], rel=1e-14)
    assert len(content["neighbors"]) == len(explained.neighbors)
    assert {each["dataflow"] for each in content["other_dataflows"]} == {"WS", "RS", "OS"} - {
        content["design"]["dataflow"]
    }


def test_optimise_hardware_reports_layers_and_writes_a_design(tmp_path, capsys):
    from dance_env.commands.optimise_hardware import main as optimise

    design, picture = tmp_path / "design.json", tmp_path / "layers.svg"
    options = ["--layers", "--out", str(design), "--picture", str(picture)]
    assert optimise(["tiny:0,1,2", "tiny:2,2,2:3", *options]) == 0
    printed = capsys.readouterr().out
    assert "What bounds the layers:" in printed
    assert "tiny, stem" in printed
    assert "<svg" in picture.read_text()
    found = DesignFile.read(design, check_costs=True)
    assert [(each.name, each.weight) for each in found.workloads] == [("tiny", 1.0), ("tiny_2", 3.0)]
    graphs = [network_space("tiny").graph(np.array(options)) for options in ([0, 1, 2], [2, 2, 2])]
    uses = [NetworkUse("tiny", graphs[0].layers()), NetworkUse("tiny", graphs[1].layers(), 3.0)]
    best = optimize_hardware(uses).best
    assert found.costs.energy_j == pytest.approx(best.costs["energy_j"], rel=1e-12)
    assert main([str(design)]) == 0
    assert "No single change is better." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["design.json", "--best"], "--design and --best choose a design of a task"),
        (["tiny", "--best", "--design", "0,0,0"], "give one of them"),
        (["tiny", "--best", "--least", "energy_j"], "--least is for design files"),
    ],
)
def test_the_command_says_what_is_missing(arguments, message):
    with pytest.raises(ValueError, match=message):
        main(arguments)


def test_a_wrong_ending_of_a_picture_is_told_before_any_work(explained, tmp_path, capsys):
    from dance_env.drawing.explanation import save_explanation

    with pytest.raises(SystemExit):
        main(["no such task", "--picture", "why.txt"])
    assert "a picture ends with one of .png, .svg, .pdf, not 'why.txt'" in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"a picture ends with one of \.png, \.svg, \.pdf, got '\.txt'"):
        save_explanation(explained.layers, explained.roofline, tmp_path / "why.txt", title="a")


def test_a_picture_is_the_same_bytes_each_time(explained, tmp_path):
    from dance_env.drawing.explanation import save_explanation

    files = [tmp_path / f"{number}.svg" for number in (1, 2)]
    for file in files:
        save_explanation(explained.layers, explained.roofline, file, title="a", subtitle="b")
    assert files[0].read_bytes() == files[1].read_bytes()
    assert all(f">{name}<" in files[0].read_text() for name in ("Roofline", "DRAM bandwidth", "stem", "block1.expand"))
