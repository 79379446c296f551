"""The best accelerator of given networks, against a look at every accelerator, layer by layer; and the command."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from dance_env.analysis.hardware import NetworkUse, SingleCost, accelerator_problem, optimize_hardware
from dance_env.analysis.hardware.front import non_dominated
from dance_env.commands.network_sources import given_network, parse_shape, split_weight
from dance_env.commands.optimise_hardware import main
from dance_env.cost import EDGE_LPDDR4, TIMELOOP_45NM, AnalyticalCostModel
from dance_env.graph import Layer, LayerGraph, layer_row, network_space, save_graph
from dance_env.graph.nodes import Conv, Input
from dance_env.objective import EDAP, Linear
from dance_env.space import AcceleratorSpace
from solvers.cli import main as dance

SMALL = AcceleratorSpace((8, 12, 16), (8, 14), (4, 16, 64), ("WS", "OS", "RS"))
FIRST = NetworkUse("first", (Layer("a", "conv", 32, 16, 14, 14, 3, 3), Layer("b", "pointwise", 64, 32, 14, 14, 1, 1)))
SECOND = NetworkUse(
    "second", (Layer("a", "depthwise", 32, 32, 28, 28, 5, 5, 32), Layer("b", "fc", 100, 64, 1, 1, 1, 1))
)
METRICS = ("latency_s", "energy_j", "area_mm2", "edp_js", "edap_js_mm2")


def brute_force(use, space=SMALL, model=None):
    """What a network costs on each accelerator, asked layer by layer: by metric, (H,)."""
    model = model or AnalyticalCostModel(EDGE_LPDDR4)
    hardware = space.hardware()
    latency = sum(model.evaluate_layers(np.array([layer_row(x)]), hardware).latency_s[0] for x in use.layers)
    energy = sum(model.evaluate_layers(np.array([layer_row(x)]), hardware).energy_j[0] for x in use.layers)
    area = model.area_mm2(hardware)
    return dict(zip(METRICS, (latency, energy, area, energy * latency, energy * latency * area), strict=True))


@pytest.mark.parametrize("least", METRICS)
def test_the_best_is_the_best_of_all_under_limits(least, tmp_path):
    costs = brute_force(FIRST)
    limits = {name: float(np.quantile(costs[name], 0.5)) for name in ("latency_s", "area_mm2")}
    allowed = np.all([costs[name] <= limit for name, limit in limits.items()], axis=0)
    assert 0 < allowed.sum() < SMALL.size
    answer = optimize_hardware(FIRST, least=least, limits=limits, accelerators=SMALL, cache_dir=tmp_path)
    assert answer.feasible
    assert answer.best.objective == pytest.approx(costs[least][allowed].min(), rel=1e-12)
    assert allowed[answer.best.index]
    assert {name: answer.best.costs[name] for name in METRICS} == pytest.approx(
        {name: costs[name][answer.best.index] for name in METRICS}, rel=1e-12
    )
    # the ranking is the order of all objectives, and `Problem.evaluate` says the same of the design
    ranked = [each.objective for each in answer.top(SMALL.size)]
    assert ranked == sorted(ranked)
    assert ranked == pytest.approx(np.sort(costs[least][allowed]), rel=1e-12)
    verdict = answer.problem.evaluate(answer.design[None], accuracies=np.ones(1))
    assert verdict.objective[0] == answer.best.objective


def test_the_ranking_begins_with_the_problems_own_best_hardware(tmp_path):
    from dataclasses import replace

    from dance_env.accuracy import TensorAccuracy

    answer = optimize_hardware(FIRST, limits={"area_mm2": 1.0}, accelerators=SMALL, cache_dir=tmp_path)
    problem = replace(answer.problem, accuracy=TensorAccuracy(np.ones(1)))
    assert problem.best_hardware(np.zeros((1, 1), dtype=np.int64))[0] == answer.best.index


def test_several_networks_are_a_weighted_sum(tmp_path):
    first, second = brute_force(FIRST), brute_force(SECOND)
    heavy = NetworkUse("second", SECOND.layers, 10.0)
    answer = optimize_hardware([FIRST, heavy], least="edp_js", accelerators=SMALL, cache_dir=tmp_path)
    latency, energy = (first[name] + 10.0 * second[name] for name in ("latency_s", "energy_j"))
    assert answer.best.objective == pytest.approx((latency * energy).min(), rel=1e-12)
    assert answer.best.by_network["second"]["latency_s"] == pytest.approx(second["latency_s"][answer.best.index])


def test_the_worst_network_counts_where_asked(tmp_path):
    first, second = brute_force(FIRST), brute_force(SECOND)
    worst = {name: np.maximum(first[name], second[name]) for name in METRICS}
    limit = float(np.quantile(worst["latency_s"], 0.4))
    answer = optimize_hardware(
        [FIRST, SECOND],
        least="edap_js_mm2",
        limits={"latency_s": limit},
        worst=True,
        accelerators=SMALL,
        cache_dir=tmp_path,
    )
    allowed = worst["latency_s"] <= limit
    assert answer.best.objective == pytest.approx(worst["edap_js_mm2"][allowed].min(), rel=1e-12)
    assert answer.best.costs["latency_s"] == pytest.approx(worst["latency_s"][answer.best.index])
    assert [report.limit.metric for report in answer.limits] == ["first.latency_s", "second.latency_s"]


def test_cost_functions_of_the_objective_room_and_other_models(tmp_path):
    model = AnalyticalCostModel(TIMELOOP_45NM, objective="latency")
    costs = brute_force(FIRST, model=model)
    least = Linear(latency_s=1000.0, area_mm2=0.1)
    answer = optimize_hardware(FIRST, least=least, accelerators=SMALL, cost_model=model, cache_dir=tmp_path)
    assert answer.best.objective == pytest.approx((1000 * costs["latency_s"] + 0.1 * costs["area_mm2"]).min())
    reference = optimize_hardware(FIRST, least=EDAP(2.0), accelerators=SMALL, cost_model=model, cache_dir=tmp_path)
    assert reference.best.objective == pytest.approx(costs["edap_js_mm2"].min() / 2.0)


def test_a_limit_binds_where_lifting_it_changes_the_choice(tmp_path):
    costs = brute_force(FIRST)
    free = int(costs["edap_js_mm2"].argmin())
    limits = {"latency_s": 0.8 * costs["latency_s"][free], "area_mm2": 2.0 * costs["area_mm2"].max()}
    answer = optimize_hardware(FIRST, limits=limits, accelerators=SMALL, cache_dir=tmp_path)
    latency, area = answer.limits
    assert (latency.binds, area.binds) == (True, False)
    assert latency.lifted_objective == pytest.approx(costs["edap_js_mm2"][free])
    relaxed = costs["edap_js_mm2"][costs["latency_s"] <= 1.1 * limits["latency_s"]].min()
    assert latency.relaxed_objective == pytest.approx(relaxed)
    assert relaxed <= answer.best.objective
    assert latency.used == pytest.approx(costs["latency_s"][answer.best.index] / limits["latency_s"])
    assert answer.unlimited.objective == pytest.approx(costs["edap_js_mm2"][free])


def test_where_nothing_keeps_the_limits_the_nearest_and_the_least_possible_are_said(tmp_path):
    costs = brute_force(FIRST)
    limits = {"latency_s": 0.5 * costs["latency_s"].min(), "area_mm2": float(np.median(costs["area_mm2"]))}
    answer = optimize_hardware(FIRST, limits=limits, accelerators=SMALL, cache_dir=tmp_path)
    assert not answer.feasible
    excess = sum(np.maximum(costs[name] / limit - 1, 0) for name, limit in limits.items())
    assert answer.best.violation == pytest.approx(excess.min())
    kept = costs["area_mm2"] <= limits["area_mm2"]
    assert answer.limits[0].least_possible == pytest.approx(costs["latency_s"][kept].min())
    assert len(answer.top(5)) == 1
    assert len(answer.front) == 0


@pytest.mark.parametrize("seed", range(4))
def test_the_front_holds_what_no_other_point_beats(seed):
    points = np.random.default_rng(seed).integers(0, 6, size=(200, 3)).astype(float)
    beaten = [any((other <= point).all() and (other < point).any() for other in points) for point in points]
    kept = non_dominated(points)
    expected = {tuple(point) for point, lost in zip(points.tolist(), beaten, strict=True) if not lost}
    assert {tuple(points[index]) for index in kept} == expected
    assert len(kept) == len(expected)


def test_the_front_of_accelerators_is_the_front_of_the_feasible(tmp_path):
    costs = brute_force(FIRST)
    limit = float(np.quantile(costs["area_mm2"], 0.7))
    answer = optimize_hardware(FIRST, limits={"area_mm2": limit}, accelerators=SMALL, cache_dir=tmp_path)
    values = np.stack([costs[name] for name in ("latency_s", "energy_j", "area_mm2")], axis=1)
    feasible = values[costs["area_mm2"] <= limit]
    on_front = {
        tuple(point)
        for point in feasible
        if not ((feasible <= point).all(axis=1) & (feasible < point).any(axis=1)).any()
    }
    front = answer.front
    found = np.stack([front.latency_s, front.energy_j, front.area_mm2], axis=1)
    assert found == pytest.approx(np.array(sorted(on_front)))
    assert (np.diff(front.latency_s) >= 0).all()


def test_what_is_given_is_checked(tmp_path):
    with pytest.raises(ValueError, match="no layer that costs multiply-accumulates"):
        NetworkUse("empty", ())
    with pytest.raises(ValueError, match="weight must be a positive finite number"):
        NetworkUse("first", FIRST.layers, -1)
    with pytest.raises(ValueError, match="give at least one network"):
        accelerator_problem([])
    with pytest.raises(TypeError, match="expected a LayerGraph or a NetworkUse, got str"):
        accelerator_problem(["first"])
    with pytest.raises(ValueError, match="there is no cost 'energy'"):
        SingleCost("energy")
    with pytest.raises(ValueError, match="error of given networks does not depend on the accelerator"):
        accelerator_problem(FIRST, limits={"error_pct": 5.0})
    with pytest.raises(ValueError, match="needs at least two networks"):
        accelerator_problem(FIRST, worst=True)
    with pytest.raises(ValueError, match="weights do not count"):
        accelerator_problem([FIRST, NetworkUse("b", SECOND.layers, 2.0)], worst=True)


def test_two_networks_of_one_name_get_names_that_differ(tmp_path):
    same = NetworkUse("my net-1", SECOND.layers)
    answer = optimize_hardware([NetworkUse("my net-1", FIRST.layers), same], accelerators=SMALL, cache_dir=tmp_path)
    assert list(answer.best.by_network) == ["my_net_1", "my_net_1_2"]


def test_weights_stand_behind_the_last_colon():
    assert split_weight("a.onnx:2") == ("a.onnx", 2.0)
    assert split_weight("a.onnx") == ("a.onnx", 1.0)
    assert split_weight("net.py:make") == ("net.py:make", 1.0)
    assert split_weight("net.py:make:0.5") == ("net.py:make", 0.5)
    assert split_weight("tiny:0,1,2") == ("tiny:0,1,2", 1.0)
    assert split_weight("tiny:0,1,2:3") == ("tiny:0,1,2", 3.0)
    with pytest.raises(ValueError, match="weight behind the last colon must be a positive"):
        split_weight("a.onnx:-1")
    with pytest.raises(ValueError, match="a space of 27 networks: name one by its option indices, such as tiny:0,0,0"):
        given_network("tiny")
    with pytest.raises(ValueError, match="tiny has 3 choices"):
        given_network("tiny:0")
    with pytest.raises(ValueError, match="option indices are whole numbers"):
        given_network("tiny:a,b,c")


def test_shapes_of_inputs_are_read():
    assert parse_shape("image=1,3,8,8") == ("image", (1, 3, 8, 8))
    for wrong in ("image", "image=", "=1,2", "image=1,0", "image=1,b"):
        with pytest.raises(argparse.ArgumentTypeError, match="give INPUT=SIZES, such as"):
            parse_shape(wrong)


def test_an_onnx_file_is_priced_with_the_account_of_its_import(tmp_path, capsys):
    onnx = pytest.importorskip("onnx", reason="needs the extra onnx")
    helper = onnx.helper
    sizes = {"image": ["n", 3, 16, 16], "out": ["n", 8, 16, 16]}
    image, out = (helper.make_tensor_value_info(name, 1, size) for name, size in sizes.items())
    weights = helper.make_tensor("w", 1, (8, 3, 3, 3), np.zeros(216, dtype=np.float32))
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["y"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["y"], ["out"]),
    ]
    graph = helper.make_graph(nodes, "small", [image], [out], [weights])
    path = tmp_path / "small.onnx"
    onnx.save(helper.make_model(graph), path)
    assert main([f"{path}:2", "--shape", "image=1,3,16,16", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    network = answer["networks"][0]
    assert (network["macs"], network["weight"]) == (8 * 27 * 256, 2.0)
    assert network["import"]["free"]
    assert main([str(path), "--shape", "image=1,3,16,16"]) == 0
    assert "55,296 MACs" in capsys.readouterr().out


# ---------------------------------------------------------------------------------------------------------- the command
def test_the_command_answers_in_text_and_json(tmp_path, capsys):
    graph = network_space("tiny").graph(np.array([0, 1, 2]))
    path = tmp_path / "graph.json"
    save_graph(graph, path)
    arguments = [str(path), "--least", "energy_j", "--limit", "latency_s=0.4ms", "area_mm2=2", "--front"]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "The best of 13,872 accelerators, least energy:" in text
    for words in ("latency <= 400 µs", "used to", "The next best:", "The Pareto front of latency, energy and area"):
        assert words in text
    assert main([*arguments, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    direct = optimize_hardware(graph, least="energy_j", limits={"latency_s": 0.4e-3, "area_mm2": 2.0})
    assert answer["best"]["index"] == direct.best.index
    assert answer["best"]["energy_j"] == direct.best.costs["energy_j"]
    assert len(answer["top"]) == 5
    assert len(answer["front"]) == len(direct.front)
    assert answer["limits"] == {"latency_s": 0.4e-3, "area_mm2": 2.0}
    assert answer["networks"][0]["macs"] == graph.macs


def test_the_command_says_that_no_accelerator_keeps_the_limits(capsys):
    assert main(["tiny:0,1,2", "--limit", "latency_s=1us"]) == 1
    text = capsys.readouterr().out
    assert "No accelerator keeps these limits. The nearest of 13,872 exceeds latency_s by" in text
    assert "the least possible:" in text


def test_the_command_refuses_what_it_does_not_know(tmp_path):
    with pytest.raises(ValueError, match=r"there are no accelerators 'dance-bufers'. Did you mean"):
        main(["tiny:0,1,2", "--accelerators", "dance-bufers"])
    with pytest.raises(ValueError, match="--top must be at least 1"):
        main(["tiny:0,1,2", "--top", "0"])
    with pytest.raises(ValueError, match="names a workload that does not exist"):
        main(["tiny:0,1,2", "--limit", "other.latency_s=1ms"])
    own = tmp_path / "mine.py"
    own.write_text("def wrong():\n    return 3\n")
    with pytest.raises(ValueError, match="gives int, not a dance_env"):
        main(["tiny:0,1,2", "--accelerators", f"{own}:wrong"])
    with pytest.raises(SystemExit):
        main(["tiny:0,1,2", "--least", "speed"])


def test_a_layer_that_no_accelerator_maps_is_named(tmp_path, capsys):
    space = tmp_path / "small.py"
    space.write_text(
        "from dance_env.space import AcceleratorSpace\n"
        "def small():\n    return AcceleratorSpace((8,), (8,), (4,), ('RS',))\n"
    )
    graph = LayerGraph("wide")
    graph.add("image", Input(3, 32, 32))
    graph.add("stem", Conv(8, 11), inputs=["image"])
    save_graph(graph, tmp_path / "wide.json")
    status = main([str(tmp_path / "wide.json"), "--accelerators", f"{space}:small"])
    assert status == 1
    text = capsys.readouterr().out
    assert "exceeds unmappable" in text
    assert "wide, stem: RS keeps" in text


def test_a_network_of_nothing_but_what_is_unsupported_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text("import torch\ndef network(): return torch.nn.LSTM(8, 8), torch.zeros(1, 1, 8)\n")
    assert dance(["optimise-hardware", f"{tmp_path / 'mine.py'}:network"]) == 2
    told = capsys.readouterr().err
    assert "no layer of this network can be priced" in told
    assert "lstm (aten.lstm), 100.00 %" in told


def test_what_no_cost_covers_stands_beside_the_costs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.py").write_text(
        "import torch\n"
        "class Mixed(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.recurrent, self.head = torch.nn.LSTM(8, 8), torch.nn.Linear(8, 4)\n"
        "    def forward(self, x):\n"
        "        return self.head(self.recurrent(x)[0])\n"
        "def network(): return Mixed(), torch.zeros(1, 1, 8)\n"
    )
    assert main([f"{tmp_path / 'mine.py'}:network"]) == 0
    _, _, told = capsys.readouterr().out.partition("For:\n")
    first, second, *_ = told.splitlines()
    assert "(1 layers, 32 MACs)" in first
    assert second.strip() == "1 unsupported operations, 94.12% of the MACs, are in none of these costs (see below)"


def test_a_layer_that_cannot_be_counted_is_a_mistake_and_named() -> None:
    huge = Layer("stem", "conv", k=4, c=4, p=2, q=2, r=3, s=3, stride=2**62)
    with pytest.raises(ValueError, match=r"network 'net', layer 'stem': .*not exact in float64"):
        NetworkUse("net", (huge,))
