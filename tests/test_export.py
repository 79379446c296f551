"""Exports: what they cost by the files alone, in the form on record; names that cannot harm; nothing overwritten."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import timeloop_files as timeloop
import torch
import yaml
from reference_points import reference_parameters
from safetensors.torch import save_file
from waiting import PATIENCE_S

from dance_env.commands import design_sources
from dance_env.commands.export import main
from dance_env.cost import EDGE_LPDDR4, TIMELOOP_45NM, AnalyticalCostModel
from dance_env.cost.audit.audit import _recover_order
from dance_env.cost.audit.reference import ReferencePoint, read_points
from dance_env.cost.backends.accelforge import ENVIRONMENT
from dance_env.exporting import DesignFile, DesignWorkload
from dance_env.exporting.different_layers import different_layers
from dance_env.exporting.files import safe_name, write_files
from dance_env.exporting.formats import FORMATS, export_files
from dance_env.exporting.network.onnx_model import module_of, onnx_bytes
from dance_env.exporting.network.torch_source import torch_source, torch_state
from dance_env.exporting.timeloop import architecture as timeloop_hardware
from dance_env.exporting.timeloop import nest as timeloop_nest
from dance_env.exporting.timeloop import timeloop_files
from dance_env.exporting.yaml_text import yaml_text
from dance_env.graph import Layer, LayerGraph, gpt_s, matrix_product, tiny
from dance_env.graph.general_layers import Dense
from dance_env.graph.general_nodes import Elementwise, Tensor
from dance_env.graph.nodes import Activation, Add, BatchNorm, Conv, GlobalPool, Input, Linear, Scale, Skip
from dance_env.graph.phase import Decode
from dance_env.graph.token_nodes import (
    Embedding,
    LastToken,
    LayerNorm,
    Project,
    Scores,
    Softmax,
    Tokens,
    TokenScores,
    WeightedValues,
)
from dance_env.space import DATAFLOWS, Hardware
from dance_env.tasks import make_problem

HERE = Path(__file__).parent
LAYERS = (
    Layer("stem", "conv", k=32, c=3, p=16, q=16, r=3, s=3, stride=2),
    Layer("block.depthwise", "depthwise", k=32, c=32, p=16, q=16, r=3, s=3, groups=32),
    Layer("block.project", "pointwise", k=16, c=32, p=16, q=16, r=1, s=1),
    matrix_product("qkv", rows=16, inner=32, columns=96),
    matrix_product("scores", rows=16, inner=16, columns=16, products=2, kind="attention"),
    Layer("fc", "fc", k=10, c=32, p=1, q=1, r=1, s=1),
)
KINDS = ("conv", "depthwise", "pointwise", "gemm", "attention", "fc")


def kinds_design(dataflow: str = "OS", *, technology=EDGE_LPDDR4, **memory) -> DesignFile:
    hardware = Hardware.one(16, 8, rf_words=16, dataflow=dataflow, **memory)
    return DesignFile.of_network([DesignWorkload("", LAYERS)], hardware, technology, name="one of each kind")


# --- Timeloop: from the files alone ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_the_files_alone_cost_what_the_design_does(dataflow: str) -> None:
    design = kinds_design(dataflow)
    files = timeloop_files(design)
    listed = json.loads(files["layers.json"])["layers"]
    assert [each["kind"] for each in listed] == list(KINDS)
    for layer, said in zip(LAYERS, listed, strict=True):
        cost = design.cost_model.breakdown(layer, design.hardware)
        found = timeloop.evaluate(files, f"layers/{said['folder']}")
        assert found.words == pytest.approx({name: n for name, n in cost.columns().items() if name != "rf_cycles"})
        assert found.cycles == pytest.approx(cost.cycles, rel=0, abs=1)  # Timeloop's rounding, see `limited_cycles`
        assert (said["cycles"], said["energy_pj"]) == (cost.cycles, cost.energy_pj)
        assert found.energy_pj == pytest.approx(cost.energy_pj, rel=1e-9)
        assert found.area_um2 == pytest.approx(cost.area_mm2 * 1e6)
    total = sum(each["runs"] * each["energy_pj"] for each in listed)
    assert total * 1e-12 == pytest.approx(design.costs.energy_j, rel=1e-12)


def test_a_memory_that_the_accelerator_chooses_is_in_the_files() -> None:
    design = kinds_design(glb_words=32 * 512, dram_words_per_cycle=3.2)
    files = timeloop_files(design)
    parts = {
        p["name"].split("[")[0]: p for p in yaml.safe_load(files["arch.yaml"])["architecture"]["subtree"][0]["local"]
    }
    assert parts["GLB"]["attributes"]["depth"] * 4 == 32 * 512
    assert parts["DRAM"]["attributes"]["shared_bandwidth"] == 3.2
    found = [timeloop.evaluate(files, f"layers/{each.folder}") for each in different_layers(design)]
    assert sum(each.cycles for each in found) / 1e9 == pytest.approx(design.costs.latency_s, rel=1e-12)
    assert found[0].area_um2 == pytest.approx(design.costs.area_mm2 * 1e6)  # the DRAM interface included


def test_an_array_of_one_column_or_row_has_no_level_that_spreads_it() -> None:
    for pe_x, pe_y, levels in ((1, 8, {"inter_PE_spatial"}), (8, 1, {"inter_PE_column_spatial"}), (1, 1, set())):
        hardware = Hardware.one(pe_x, pe_y, rf_words=16, dataflow="WS")
        design = DesignFile.of_network([DesignWorkload("", LAYERS[2:4])], hardware)
        files = timeloop_files(design)
        local = yaml.safe_load(files["arch.yaml"])["architecture"]["subtree"][0]["local"]
        assert {p["name"].split("[")[0] for p in local} == {"DRAM", "GLB", "RF", "MAC"} | levels
        cycles = [timeloop.evaluate(files, f"layers/{each.folder}").cycles for each in different_layers(design)]
        assert sum(cycles) / 1e9 == pytest.approx(design.costs.latency_s, rel=1e-12)


GOLDEN_POINTS = [
    point
    for name in ("gemm_timeloop.csv", "buffers_timeloop.csv")
    for point in read_points(HERE / "golden" / name)[::8]
]


@pytest.mark.parametrize("point", GOLDEN_POINTS, ids=lambda point: f"{point.layer}-{point.where}")
def test_timeloops_own_mappings_exported_cost_what_timeloop_said(point: ReferencePoint) -> None:
    _check_point(point)


@pytest.mark.parametrize("point", reference_parameters()[::60])
def test_more_of_timeloops_own_mappings(point: ReferencePoint) -> None:
    _check_point(point)


def _check_point(point: ReferencePoint) -> None:
    mapping, _ = _recover_order(point, TIMELOOP_45NM)
    technology = point.technology(TIMELOOP_45NM)
    hardware = Hardware.one(point.pe_x, point.pe_y, rf_words=point.rf_words, dataflow=mapping.dataflow.name)
    files = {
        "arch.yaml": yaml_text(timeloop_hardware.architecture(technology, hardware)),
        "ERT.yaml": yaml_text(timeloop_hardware.energy_table(technology, hardware)),
        "ART.yaml": yaml_text(timeloop_hardware.area_table(technology, hardware)),
        "l/problem.yaml": yaml_text(timeloop_nest.problem(mapping)),
        "l/mapping.yaml": yaml_text(timeloop_nest.directives(mapping, pe_x=point.pe_x, pe_y=point.pe_y)),
    }
    found = timeloop.evaluate(files, "l")
    assert found.words == pytest.approx(point.counts, rel=1e-12)
    assert found.cycles == pytest.approx(point.cycles, rel=0, abs=1)  # its rounding, see `limited_cycles`
    assert found.energy_pj == pytest.approx(point.energy_pj, rel=5e-6)  # six digits are printed
    assert found.area_um2 == pytest.approx(point.area_um2, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_are_those_on_record(kind: str) -> None:
    files = timeloop_files(kinds_design())
    folder = next(e["folder"] for e in json.loads(files["layers.json"])["layers"] if e["kind"] == kind)
    for name in ("arch.yaml", "ERT.yaml", "ART.yaml", f"layers/{folder}/problem.yaml", f"layers/{folder}/mapping.yaml"):
        assert files[name] == (timeloop.GOLDEN / name.replace("/", ".")).read_text(), name


# --- ZigZag, AccelForge ----------------------------------------------------------------------------------------------


def test_zigzag_and_accelforge_get_what_their_back_ends_get() -> None:
    from dance_env.cost.backends import make_cost_model
    from dance_env.cost.backends.running import Accelerator
    from dance_env.graph import layer_row

    design, accelerator = kinds_design("WS"), Accelerator(16, 8, 16, "WS")
    zigzag, accelforge = export_files(design, "zigzag"), export_files(design, "accelforge")
    workload, mappings = (yaml.safe_load(zigzag[f"{name}.yaml"]) for name in ("workload", "mapping"))
    for number, layer in enumerate(different_layers(design)):
        asked = make_cost_model("zigzag", technology=EDGE_LPDDR4).request(layer_row(layer.first), accelerator)
        changed = {"id": number, "name": layer.folder, "operand_source": {"I": number, "W": number}}
        assert workload[number] == asked["workload"][0] | changed
        assert mappings[number] == asked["mapping"][0] | {"name": layer.folder}
        assert yaml.safe_load(zigzag["accelerator.yaml"]) == asked["accelerator"]
        asked = make_cost_model("accelforge", technology=EDGE_LPDDR4).request(layer_row(layer.first), accelerator)
        assert accelforge[f"layers/{layer.folder}/search.yaml"] == asked["spec"]
    assert mappings[-1]["name"] == "default"


@pytest.mark.skipif(importlib.util.find_spec("zigzag") is None, reason="needs the extra 'zigzag' (zigzag-dse, six)")
def test_zigzag_reads_the_export_and_prices_it_as_its_back_end_does(tmp_path: Path, monkeypatch) -> None:
    """Only the pins differ: ZigZag's own API counts no repeated read, see `ZigZagCostModel.pins_hold_data`."""
    from zigzag.api import get_hardware_performance_zigzag

    from dance_env.cost.backends.running import Running
    from dance_env.cost.backends.zigzag import ZigZagCostModel
    from dance_env.graph import layer_row

    monkeypatch.chdir(tmp_path)
    hardware = Hardware.one(16, 8, rf_words=16, dataflow="OS")
    design = DesignFile.of_network([DesignWorkload("", LAYERS[1:4])], hardware)
    write_files(tmp_path, export_files(design, "zigzag"))
    energy, cycles, *_ = get_hardware_performance_zigzag(
        workload="workload.yaml", accelerator="accelerator.yaml", mapping="mapping.yaml", opt="EDP",
        dump_folder=str(tmp_path / "out"), loma_show_progress_bar=False,
    )  # fmt: skip
    model = ZigZagCostModel(EDGE_LPDDR4, pins_hold_data=True, running=Running(timeout_s=PATIENCE_S, workers=2))
    rows = np.array([layer_row(layer) for layer in LAYERS[1:4]])
    answers = [line[0] for line in model.answers(rows, hardware)]
    assert all(answer.priced for answer in answers)
    assert energy == pytest.approx(sum(answer.energy_pj for answer in answers))
    assert cycles == pytest.approx(sum(answer.cycles for answer in answers))
    assert 0.2 < energy * 1e-12 / design.costs.energy_j < 5  # other rules of mapping, the same constants


@pytest.mark.skipif(not os.environ.get(ENVIRONMENT), reason=f"needs {ENVIRONMENT}, an interpreter with accelforge")
def test_accelforge_reads_the_export_and_prices_it_as_its_back_end_does(tmp_path: Path) -> None:
    """Read by AccelForge from the file itself."""
    from dance_env.cost.backends.accelforge import AccelForgeCostModel
    from dance_env.cost.backends.running import Running
    from dance_env.graph import layer_row

    hardware = Hardware.one(16, 8, rf_words=16, dataflow="WS")
    design = DesignFile.of_network([DesignWorkload("", LAYERS[2:3])], hardware)
    write_files(tmp_path, export_files(design, "accelforge"))
    program = (
        "import accelforge, json; accelforge.set_n_parallel_jobs(1)\n"
        "spec = accelforge.Spec.from_yaml('layers/0_block.project/search.yaml')\n"
        "spec.mapper.metrics = accelforge.Metrics.ENERGY_DELAY_PRODUCT\n"
        "spec.mapper.explore_loop_orders = False\n"
        "found = spec.map_workload_to_arch(print_progress=False)\n"
        "print('found', float(found.energy()) * 1e12, float(found.latency()) * 1e9)\n"
    )
    done = subprocess.run(
        [os.environ[ENVIRONMENT], "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=500, check=True
    )
    energy, cycles = map(float, done.stdout.splitlines()[-1].removeprefix("found").split())
    ((answer,),) = AccelForgeCostModel(EDGE_LPDDR4, running=Running(timeout_s=280)).answers(
        np.array([layer_row(LAYERS[2])]), hardware
    )
    assert energy == pytest.approx(answer.energy_pj, rel=1e-6)
    assert cycles == pytest.approx(answer.cycles, rel=1e-6)
    assert 0.2 < energy * 1e-12 / design.costs.energy_j < 5  # other rules of mapping, the same constants


# --- the network -----------------------------------------------------------------------------------------------------

STANDALONE = """
import importlib.util, sys
import torch
from safetensors.torch import load_file, save_file

folder, found = sys.argv[1], {}
for name in sys.argv[2:]:
    spec = importlib.util.spec_from_file_location(name, f"{folder}/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.Network().eval()
    network.load_state_dict(load_file(f"{folder}/{name}.safetensors"))
    found[name] = network(load_file(f"{folder}/{name}.input.safetensors")["input"])
    found[f"{name}.parameters"] = torch.tensor(sum(each.numel() for each in network.parameters()))
save_file(found, f"{folder}/outputs.safetensors")
assert not [each for each in sys.modules if each.startswith(("dance_env", "solvers"))]
"""


def _every_node() -> LayerGraph:
    """A network with every node on images, and names that are no identifiers."""
    graph = LayerGraph('every "node"\\ of """images')
    last = graph.add("input", Input(3, 9, 9))
    last = stem = graph.add(
        "self", Conv(8, 3, stride=2), inputs=[last], block="for", operator="x\n    raise SystemExit"
    )
    last = graph.add("Forward", BatchNorm(1e-3), inputs=[last])
    for function in ("relu", "relu6", "gelu", "hard_sigmoid"):
        last = graph.add(f"{function}-1 a", Activation(function), inputs=[last])
    last = graph.add("1st", Conv(8, 1), inputs=[last])
    last = graph.add("A.b", Conv(8, 5, groups=8), inputs=[last])
    pool = graph.add("a-b", GlobalPool(), inputs=[last])
    squeezed = graph.add("squeeze", Linear(8), inputs=[pool])
    last = graph.add("scale", Scale(), inputs=[last, squeezed])
    skip = graph.add("skip", Skip(), inputs=[last])
    last = graph.add("sum", Add(), inputs=[skip, stem, graph.add("third", Activation(), inputs=[stem])])
    graph.add("class", Linear(5), inputs=[graph.add("mean", GlobalPool(), inputs=[last])])
    return graph


def _every_token_node() -> LayerGraph:
    graph = LayerGraph("tokens")
    hidden = graph.add("table", Embedding(40, 24), inputs=[graph.add("tokens", Tokens(5))])
    qkv = graph.add("qkv", Project(96), inputs=[graph.add("norm", LayerNorm(1e-4), inputs=[hidden])])
    weights = graph.add("softmax", Softmax(), inputs=[graph.add("scores", Scores(4), inputs=[qkv])])
    values = graph.add("block.values", WeightedValues(), inputs=[weights, qkv])
    hidden = graph.add("sum", Add(), inputs=[hidden, graph.add("out", Project(24, bias=False), inputs=[values])])
    last = graph.add("last", LastToken(), inputs=[hidden])
    graph.add("words", TokenScores(40, 48), inputs=[last])
    return graph


def _networks() -> dict[str, tuple[LayerGraph, torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    return {
        "every": (_every_node(), torch.randn(2, 3, 9, 9, generator=generator)),
        "tiny": (tiny().graph([1, 2, 0]), torch.randn(2, 3, 32, 32, generator=generator)),
        "language": (_every_token_node(), torch.randint(0, 40, (2, 5), generator=generator)),
    }


def _trained(graph: LayerGraph) -> torch.nn.Module:
    """A module whose batch norms do not have the statistics they start with."""
    module = module_of(graph, seed=3)
    generator = torch.Generator().manual_seed(4)
    for name, buffer in module.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator))
    return module


def test_the_module_needs_torch_alone_and_computes_what_ours_does(tmp_path: Path) -> None:
    expected = {}
    for name, (graph, images) in _networks().items():
        module = _trained(graph)
        (tmp_path / f"{name}.py").write_text(torch_source(graph, comment='a """ comment'))
        save_file(torch_state(graph, module.state_dict()), tmp_path / f"{name}.safetensors")
        save_file({"input": images}, tmp_path / f"{name}.input.safetensors")
        expected[name] = (module(images), graph.parameters)
    (tmp_path / "run.py").write_text(STANDALONE)
    command = [sys.executable, "-I", "run.py", ".", *expected]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    from safetensors.torch import load_file

    found = load_file(tmp_path / "outputs.safetensors")
    for name, (output, parameters) in expected.items():
        torch.testing.assert_close(found[name], output, rtol=0, atol=0)
        assert found[f"{name}.parameters"] == parameters


@pytest.mark.parametrize("name", ["every", "tiny", "language"])
def test_onnx_computes_what_ours_does(name: str) -> None:
    onnx = pytest.importorskip("onnx", reason="needs the extra 'onnx'")
    from onnx.reference import ReferenceEvaluator

    graph, images = _networks()[name]
    module = _trained(graph)
    content = onnx_bytes(graph, state=module.state_dict())
    model = onnx.load_from_string(content)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    (found,) = ReferenceEvaluator(model).run(None, {model.graph.input[0].name: images.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), module(images), rtol=1e-4, atol=1e-4)
    assert onnx_bytes(graph, seed=1) == onnx_bytes(graph, seed=1) != onnx_bytes(graph, seed=2)


def test_random_weights_leave_torchs_generator_as_it_was() -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    module_of(tiny().graph([0, 0, 0]))
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_of_another_network_are_refused() -> None:
    graph = tiny().graph([0, 0, 0])
    with pytest.raises(ValueError, match="weights are of another network"):
        module_of(graph, state={"layers.stem.weight": torch.zeros(1)})
    with pytest.raises(ValueError, match=r"'other\.weight' are of another network"):
        torch_state(graph, {"other.weight": torch.zeros(1)})


def test_a_network_that_cannot_be_built_is_refused_with_the_reason() -> None:
    hardware = Hardware.one(16, 16, rf_words=16, dataflow="OS")
    language = gpt_s().under(Decode(16))
    decode = DesignWorkload.of_graph(language.graph([0] * len(language.choices())), name="decode")
    for form in ("torch", "onnx"):
        with pytest.raises(ValueError, match=r"a cache that (the|a) graph does not hold"):
            export_files(DesignFile.of_network([decode], hardware), form)
        with pytest.raises(ValueError, match="list of layers, without a graph"):
            export_files(kinds_design(), form)
        imported = LayerGraph("model")
        signal = imported.add("cos", Elementwise("cos"), inputs=[imported.add("x", Tensor((4, 8)))])
        imported.add("dense", Dense(8, False, 64), inputs=[signal])
        with pytest.raises(ValueError, match=r"'model' was imported: .* use the file that it was imported from"):
            export_files(DesignFile.of_network(imported, hardware), form)


def test_an_exported_network_comes_back_with_its_layers_and_goes_on_to_timeloop(tmp_path: Path) -> None:
    """Out as ONNX, in again, on an accelerator, out to Timeloop: the same layers, and so the same costs."""
    pytest.importorskip("onnx", reason="needs the extra 'onnx'")
    from dance_env.graph.importing import import_onnx

    graph, hardware = tiny().graph([1, 2, 0]), Hardware.one(16, 8, rf_words=16, dataflow="OS")
    (tmp_path / "network.onnx").write_bytes(onnx_bytes(graph))
    imported = import_onnx(tmp_path / "network.onnx").graph
    assert (imported.macs, imported.parameters) == (graph.macs, graph.parameters)
    own, other = (DesignFile.of_network(each, hardware) for each in (graph, imported))
    assert other.costs == own.costs
    again = DesignFile.read(other.write(tmp_path / "design.json"), check_costs=True)
    files, expected = timeloop_files(again), timeloop_files(own)
    mappings = [
        [text.partition("mapping:")[2] for name, text in each.items() if name.endswith("mapping.yaml")]
        for each in (files, expected)
    ]
    assert mappings[0] == mappings[1]
    module, images = _trained(graph), _networks()["tiny"][1]
    state = dict(zip(module_of(imported).state_dict(), module.state_dict().values(), strict=True))
    torch.testing.assert_close(module_of(imported, state=state)(images), module(images), rtol=1e-4, atol=1e-5)


# --- files and names -------------------------------------------------------------------------------------------------


def test_names_of_layers_cannot_leave_the_folder_or_collide(tmp_path: Path) -> None:
    names = ["../../etc/passwd", "..", "a/b", "a\\b", "a:b", "x" * 300, "", "ümläut", "a\nb", "a\x00\x07\x85b", "CON"]
    layers = tuple(Layer(name, "pointwise", k=4 * (i + 1), c=4, p=4, q=4, r=1, s=1) for i, name in enumerate(names))
    design = DesignFile.of_network([DesignWorkload("", layers)], Hardware.one(8, 8, rf_words=16, dataflow="WS"))
    for form in ("timeloop", "accelforge", "zigzag"):
        written = write_files(tmp_path / form, export_files(design, form))
        assert all(path.resolve().is_relative_to(tmp_path / form) for path in written)
        assert all(len(part) < 80 for path in written for part in path.parts)
        for path in written:
            if path.suffix == ".json" or form != "accelforge":  # AccelForge's YAML has tags
                assert (json.loads if path.suffix == ".json" else yaml.safe_load)(path.read_text())
    assert len({each.folder for each in different_layers(design)}) == len(names)
    with pytest.raises(ValueError, match="no path inside"):
        write_files(tmp_path, {"../x": ""})
    assert safe_name("../../") == "layer"


def test_equal_layers_are_written_once_and_counted() -> None:
    twice = DesignWorkload("a", (LAYERS[2], LAYERS[5]), None, 2.0), DesignWorkload("b", (LAYERS[2],), None, 3.0)
    design = DesignFile.of_network(twice, Hardware.one(8, 8, rf_words=16, dataflow="WS"))
    listed = json.loads(timeloop_files(design)["layers.json"])["layers"]
    assert [(each["names"], each["runs"]) for each in listed] == [
        (["a/block.project", "b/block.project"], 5.0),
        (["a/fc"], 2.0),
    ]
    assert sum(e["runs"] * e["cycles"] for e in listed) / 1e9 == pytest.approx(design.costs.latency_s, rel=1e-12)


def test_yaml_says_what_it_was_given() -> None:
    content = {
        "on": "yes", "a b": [], "c": {}, "d": [1e-9, 1.5, float("inf"), -2, True, None, "1e-9", "#", "ü\n'\""],
        "e": [{"f": [[["G"]], [["R"], ["P", "x"]]], "g": {"h": 1}}, [{"i": 2}, {"j": 3}], "k"], "n": 1e22,
    }  # fmt: skip
    assert yaml.safe_load(yaml_text(content, comment="first\nsecond")) == content
    with pytest.raises(TypeError, match="expected plain data, got set"):
        yaml_text({"a": {1, 2}})


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_exports_a_task_and_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["tiny/edap", "--to", "json", "torch", "--out", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["files"] == [str(out / "json" / "design.json"), str(out / "torch" / "network.py")]
    design = DesignFile.read(out / "json" / "design.json", check_costs=True)
    assert design.costs.error_pct == said["error_pct"]
    from dance_env.analysis.exact import optimum

    assert design.provenance.design == tuple(optimum(make_problem("tiny/edap")).design)
    with pytest.raises(FileExistsError, match=r"network\.py exist already: .* --force|design\.json and 1 more"):
        main(["tiny/edap", "--to", "json", "torch", "--out", str(out)])
    again = ["--to", "timeloop", "--out", str(tmp_path / "timeloop")]
    assert main([str(out / "json" / "design.json"), *again]) == 0
    assert "arch.yaml" in capsys.readouterr().out
    assert main([str(out / "json" / "design.json"), *again, "--force"]) == 0


def test_designs_are_named_by_indices_or_options(tmp_path: Path) -> None:
    problem = make_problem("tiny/edap")
    design = problem.space.sample(np.random.default_rng(0), 1)
    named = [f"{name}={option}" for name, option in problem.space.decode(design)[0].items()]
    for i, given in enumerate(([",".join(map(str, design[0]))], [str(n) for n in design[0]], named)):
        main(["tiny/edap", "--design", *given, "--to", "json", "--out", str(tmp_path / str(i))])
        assert DesignFile.read(tmp_path / str(i) / "design.json").provenance.design == tuple(design[0])
    for given, message in (
        (["x"], "expected best, option indices"),
        (["1,2"], r"an option index for each of 7 choices \(block2, .*got 2"),
        ([*named[:-1], "dataflow=XS"], "there is no option 'XS' of dataflow"),
        ([*named[:-1], "dtaaflow=WS"], "there is no choice 'dtaaflow'"),
    ):
        with pytest.raises(ValueError, match=message):
            main(["tiny/edap", "--design", *given, "--to", "json", "--out", str(tmp_path)])


def test_wrong_use_of_the_command_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"Did you mean"):
        main(["tyni", "--to", "json", "--out", str(tmp_path)])
    with pytest.raises(FileNotFoundError):
        main([str(tmp_path / "none.json"), "--to", "json", "--out", str(tmp_path)])
    monkeypatch.setattr(design_sources, "MAX_DESIGNS", 10)
    with pytest.raises(ValueError, match="best one is not on record"):
        main(["tiny/edap", "--to", "json", "--out", str(tmp_path)])
    with pytest.raises(ValueError, match=r"there is no format 'timelop'\. Did you mean 'timeloop'"):
        export_files(kinds_design(), "timelop")
    (tmp_path / "w.safetensors").write_bytes(b"\x80\x04")
    with pytest.raises(ValueError, match="expected weights as safetensors"):
        main(["tiny/edap", "--to", "torch", "--out", str(tmp_path / "o"), "--weights", str(tmp_path / "w.safetensors")])
    with pytest.raises(SystemExit):
        main(["tiny/edap", "--to", "verilog", "--out", str(tmp_path)])
    assert set(FORMATS) == {"timeloop", "accelforge", "zigzag", "onnx", "torch", "json"}


def test_a_mapping_that_pads_has_its_padded_problem() -> None:
    layer = Layer("odd", "pointwise", k=17, c=8, p=4, q=4, r=1, s=1)
    hardware = Hardware.one(16, 8, rf_words=16, dataflow="WS")
    design = DesignFile.of_network([DesignWorkload("", (layer,))], hardware, factors="ceil")
    files = timeloop_files(design)
    dims = AnalyticalCostModel(EDGE_LPDDR4, factors="ceil").mapping(layer, hardware).dims
    instance = yaml.safe_load(files["layers/0_odd/problem.yaml"])["problem"]["instance"]
    assert {d: instance[d] for d in dims} == dims
    assert timeloop.evaluate(files, "layers/0_odd").cycles / 1e9 == pytest.approx(design.costs.latency_s)
