"""A design as JSON: written, read, and refused with a reason where something in it is wrong."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import replace

import numpy as np
import pytest

from dance_env.cost import EDGE_LPDDR4, HWCOMPONENTS_65NM, AnalyticalCostModel
from dance_env.exporting import DesignFile, DesignWorkload
from dance_env.graph import Layer, LayerSpace, Workload, gpt_s, tiny
from dance_env.graph.phase import Decode, Prefill
from dance_env.objective import EDAP, Objective
from dance_env.problem import Problem
from dance_env.space import AcceleratorSpace, Hardware
from dance_env.tasks import make_problem

SMALL = AcceleratorSpace((8, 16), (8,), (16, 32), ("WS", "OS", "RS"), (32 * 512, 55_296), (6.4, 12.8))
OBJECTIVE = Objective(EDAP(), weight=1.0)
LAYERS = {
    "stem": Layer("stem", "conv", k=16, c=3, p=16, q=16, r=3, s=3),
    "fc": Layer("fc", "fc", k=10, c=16, p=1, q=1, r=1, s=1),
    "wide": Layer("wide", "pointwise", k=32, c=16, p=16, q=16, r=1, s=1),
}


@pytest.fixture(scope="module")
def design() -> DesignFile:
    hardware = Hardware.one(16, 16, rf_words=16, dataflow="OS", glb_words=32 * 512, dram_words_per_cycle=12.8)
    return DesignFile.of_network(tiny().graph([1, 1, 1]), hardware, EDGE_LPDDR4)


@pytest.mark.parametrize("task", ["tiny/edap", "tiny/edap:permuted=1"])
def test_a_design_of_a_task_costs_what_the_task_says(task, tmp_path):
    problem = make_problem(task)
    index = problem.space.sample(np.random.default_rng(3), 1)
    design = DesignFile.of_design(problem, index[0])
    said = problem.evaluate(index)
    assert design.costs.latency_s == pytest.approx(said.cost.latency_s[0], rel=1e-12)
    assert design.costs.energy_j == pytest.approx(said.cost.energy_j[0], rel=1e-12)
    assert design.costs.area_mm2 == pytest.approx(said.cost.area_mm2[0], rel=1e-12)
    assert design.costs.error_pct == said.error_pct[0]
    assert design.provenance.fingerprint == problem.fingerprint()
    assert design.provenance.design == tuple(index[0])
    assert design.provenance.choices["dataflow"] == problem.space.decode(index)[0]["dataflow"]
    again = DesignFile.read(design.write(tmp_path / "d.json"), check_costs=True)
    assert again.to_dict() == design.to_dict()
    assert again.workloads[0].graph == design.workloads[0].graph


def test_several_workloads_are_kept_with_their_weights(tmp_path):
    networks = gpt_s()
    workloads = (Workload("prefill", networks.under(Prefill(16))), Workload("decode", networks.under(Decode(16)), 8.0))
    hardware = AcceleratorSpace((16,), (16,), (16,), ("OS",))
    problem = Problem.build("gpt", workloads=workloads, accelerator_space=hardware, accuracy=None, objective=OBJECTIVE)
    index = np.zeros((1, problem.space.num_choices), dtype=np.int64)
    design = DesignFile.of_design(problem, index[0])
    assert [(each.name, each.weight) for each in design.workloads] == [("prefill", 1.0), ("decode", 8.0)]
    said = problem.costs.lookup(index[:, problem.space.network], np.array([0]))
    assert design.costs.latency_s == pytest.approx(said.latency_s[0], rel=1e-12)
    assert design.costs.error_pct is None
    again = DesignFile.read(design.write(tmp_path / "d.json"), check_costs=True)
    assert again.to_dict() == design.to_dict()


def test_a_list_of_layers_has_no_graph_and_is_kept_as_layers(tmp_path):
    space = LayerSpace(
        "list", [LAYERS["stem"]], {"a": {"none": [], "wide": [LAYERS["wide"]]}, "b": {"fc": [LAYERS["fc"]]}}
    )
    problem = Problem.build("list", network_space=space, accelerator_space=SMALL, accuracy=None, objective=OBJECTIVE)
    index = np.array([[1, 0, 1, 0, 1, 2, 0, 1]])
    design = DesignFile.of_design(problem, index)
    assert [layer.name for layer in design.layers()] == ["stem", "wide", "fc"]
    assert design.technology.glb_words == 32 * 512
    assert design.technology.dram_words_per_cycle == 12.8
    said = problem.costs.lookup(index[:, :2], problem.accelerator_space.index(index[:, 2:]))
    assert design.costs.energy_j == pytest.approx(said.energy_j[0], rel=1e-12)
    assert design.costs.area_mm2 == said.area_mm2[0]
    again = DesignFile.read(design.write(tmp_path / "d.json"), check_costs=True)
    assert again.to_dict() == design.to_dict()
    assert again.workloads[0].graph is None


def test_a_technology_without_limits_comes_back_to_the_bit(tmp_path):
    hardware = Hardware.one(8, 8, rf_words=16, dataflow="WS")
    design = DesignFile.of_network(tiny().graph([0, 0, 0]), hardware, HWCOMPONENTS_65NM, objective="energy")
    again = DesignFile.read(design.write(tmp_path / "d.json"))
    assert again.cost_model == design.cost_model
    assert again.technology.dram_words_per_cycle == math.inf


def test_what_cannot_be_a_design_is_refused():
    big = DesignWorkload("", (Layer("big", "conv", k=4, c=4, p=8, q=8, r=11, s=11),))
    small = Hardware.one(8, 8, rf_words=16, dataflow="RS")
    with pytest.raises(ValueError, match="layer 'big' cannot be mapped: RS keeps all 11 filter rows"):
        DesignFile.of_network([big], small)
    problem = make_problem("tiny/edap")
    with pytest.raises(ValueError, match="cost model is not known; give cost_model="):
        DesignFile.of_design(replace(problem, cost_model=None), [0] * problem.space.num_choices)
    with pytest.raises(ValueError, match="expected one design"):
        DesignFile.of_design(problem, problem.space.sample(np.random.default_rng(0), 2))
    given = DesignFile.of_design(
        replace(problem, cost_model=None), [0] * problem.space.num_choices, cost_model=AnalyticalCostModel()
    )
    assert given.technology.name == "timeloop-45nm"


def test_costs_that_are_not_those_of_the_design_are_found(design, tmp_path):
    content = design.to_dict()
    content["costs"]["energy_j"] *= 1.001
    (tmp_path / "d.json").write_text(json.dumps(content))
    assert DesignFile.read(tmp_path / "d.json").name == design.name  # not asked
    with pytest.raises(ValueError, match=r"d\.json: the costs are not those of the design: energy_j .* computed again"):
        DesignFile.read(tmp_path / "d.json", check_costs=True)


def _set(content, path, value):
    *parents, last = path
    for each in parents:
        content = content[each]
    if value is KeyError:
        del content[last]
    else:
        content[last] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["format"], "dance_env.design/9", "expected a design of format 'dance_env.design/1', found 'dance_env.design/9'"),
        (["format"], KeyError, "found None"),
        (["nmae"], "x", "design: unknown 'nmae'"),
        (["name"], 3, "'name' must be a text, found 3"),
        (["workloads"], [], "at least one"),
        (["workloads"], {}, "'workloads' must be a list"),
        (["workloads", 0], 7, "workload 0: expected an object, found 7"),
        (["workloads", 0, "weight"], -1.0, "workload 0: 'weight' must be a finite number above 0, found -1.0"),
        (["workloads", 0, "weight"], float("nan"), "'weight' must be a finite number"),
        (["workloads", 0, "weight"], True, "'weight' must be a number, found True"),
        (["workloads", 0, "graph"], KeyError, "expected 'graph' or 'layers'"),
        (["workloads", 0, "layers"], [], "and not both"),
        (["workloads", 0, "graph", "nodes", 1, "kind"], "cnov", "there is no node kind 'cnov'. Did you mean 'conv'"),
        (["workloads", 0, "graph", "nodes", 1, "settings", "channels"], 7, "expected output shape"),
        (["accelerator", "dataflow"], "XS", "accelerator: there is no dataflow 'XS'"),
        (["accelerator", "pe_x"], 0, "accelerator: accelerator pe_x must be ascending sizes of at least 1"),
        (["accelerator", "pe_x"], 10**30, "accelerator: "),
        (["accelerator", "pe_x"], 8.5, "'pe_x' must be a whole number, found 8.5"),
        (["accelerator", "pez"], 8, "accelerator: unknown 'pez'"),
        (["cost_model", "objective"], "speed", "cost model: objective: expected one of"),
        (["cost_model", "technology", "mac_pj"], "a lot", "technology: Technology.mac_pj: expected a number, got 'a lot'"),
        (["cost_model", "technology", "mac_pj"], -1, "technology: Technology.mac_pj: expected a non-negative number"),
        (["cost_model", "technology", "rf_words"], [4, 3], "technology: "),
        (["cost_model", "technology", "glb_table"], [{"words": 1}], "technology: "),
        (["cost_model", "technology", "glb_table"], 5, "technology: "),
        (["cost_model", "technology", "clock_hz"], KeyError, "technology: 'clock_hz' is missing"),
        (["costs", "latency_s"], "inf", "'latency_s' must be a number"),
        (["costs", "latency_s"], 0, "'latency_s' must be a finite number above 0"),
        (["provenance", "design"], ["a"], "'design' must hold whole numbers"),
        (["provenance", "choices"], {"a": 1}, "'choices' must hold texts"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_refused_with_the_place(design, tmp_path, path, value, message):
    content = copy.deepcopy(design.to_dict())
    _set(content, path, value)
    (tmp_path / "d.json").write_text(json.dumps(content))
    with pytest.raises(ValueError) as raised:  # noqa: PT011
        DesignFile.read(tmp_path / "d.json")
    assert message in str(raised.value)
    assert "d.json" in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null", b"3", b'["a"]'])
def test_what_is_no_design_at_all_is_refused(tmp_path, content):
    (tmp_path / "d.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"d\.json: "):
        DesignFile.read(tmp_path / "d.json")
