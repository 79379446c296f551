"""Our mappings in AccelForge's and ZigZag's terms: what the files say by these tools' rules, and what the tools say."""

from __future__ import annotations

import importlib.util
import json
import math
import os
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
import yaml

from dance_env.commands.check_text import check_text
from dance_env.commands.export import main
from dance_env.cost import EDGE_LPDDR4
from dance_env.cost.backends.accelforge import ENVIRONMENT, AccelForgeCostModel
from dance_env.exporting import DesignFile, DesignWorkload
from dance_env.exporting.accelforge.nest import TENSORS
from dance_env.exporting.checking import TOOLS, ToolCheck, check, check_files
from dance_env.exporting.formats import export_files
from dance_env.exporting.mapped_layers import mapped_layers
from dance_env.graph import Layer, matrix_product
from dance_env.space import DATAFLOWS, Hardware

NO_ZIGZAG = pytest.mark.skipif(
    importlib.util.find_spec("zigzag") is None, reason="needs the extra 'zigzag' (zigzag-dse, six)"
)
NO_ACCELFORGE = pytest.mark.skipif(
    not os.environ.get(ENVIRONMENT), reason=f"needs {ENVIRONMENT}, an interpreter with accelforge"
)
LAYERS = (
    Layer("conv", "conv", k=64, c=32, p=28, q=28, r=3, s=3),
    Layer("strided", "conv", k=32, c=3, p=16, q=16, r=3, s=3, stride=2),
    Layer("one_row", "conv", k=64, c=64, p=1, q=56, r=1, s=3),
    Layer("grouped", "conv", k=64, c=64, p=14, q=14, r=3, s=3, groups=4),
    Layer("depthwise", "depthwise", k=96, c=96, p=14, q=14, r=5, s=5, groups=96, stride=2),
    Layer("depthwise7", "depthwise", k=96, c=96, p=28, q=28, r=7, s=7, groups=96),
    Layer("pointwise", "pointwise", k=128, c=64, p=56, q=56, r=1, s=1),
    Layer("skipping", "pointwise", k=128, c=64, p=14, q=14, r=1, s=1, stride=2),
    matrix_product("mlp", rows=197, inner=384, columns=1536),
    matrix_product("scores", rows=16, inner=16, columns=16, products=2, kind="attention"),
    Layer("fc", "fc", k=1000, c=1280, p=1, q=1, r=1, s=1),
)
APART = {
    (8, 16, 8): (
        Layer("depthwise7", "depthwise", k=32, c=32, p=16, q=16, r=7, s=7, groups=32),
        Layer("small7", "depthwise", k=64, c=64, p=8, q=8, r=7, s=7, groups=64),
        Layer("tiny7", "depthwise", k=128, c=128, p=4, q=4, r=7, s=7, groups=128),
    ),
    (16, 14, 16): (
        Layer("grouped5", "conv", k=48, c=48, p=12, q=12, r=5, s=5, groups=4),
        Layer("grouped9", "conv", k=16, c=32, p=7, q=7, r=9, s=9, groups=2),
    ),
}
"""Layers by arrays on which, under OS, filter columns loop at DRAM, above filter rows whose inputs pass from PE to PE."""
ARRAYS = ((16, 8, 16), (12, 14, 64))
ACCELERATORS = [(dataflow, *array) for dataflow in DATAFLOWS for array in ARRAYS]


def a_design(dataflow: str, pe_x: int, pe_y: int, rf_words: int, layers: tuple[Layer, ...] = LAYERS) -> DesignFile:
    hardware = Hardware.one(pe_x, pe_y, rf_words=rf_words, dataflow=dataflow)
    return DesignFile.of_network([DesignWorkload("", layers)], hardware, EDGE_LPDDR4)


def links_between_pes(words: Any, mapping: Any) -> bool:
    """Whether inputs pass from PE to PE: more are then read from register files than there are multiply-adds."""
    return words["rf_I_rd"] > math.prod(mapping.dims.values())


# --- AccelForge: by its rules, from the file -------------------------------------------------------------------------


class Tagged(yaml.SafeLoader):
    """Reads AccelForge's tags as a member `tag`."""


Tagged.add_multi_constructor("!", lambda loader, tag, node: {"tag": tag, **loader.construct_mapping(node, deep=True)})

INDEXED = {"F": "gkcrs", "I": "gcpqrs", "O": "gkpq"}
"""The rank variables that move each tensor."""


def tile(tensor: str, shape: dict[str, int], stride: int) -> int:
    if tensor != "I":
        return math.prod(shape[rank] for rank in INDEXED[tensor])
    rows, columns = ((shape[a] - 1) * stride + shape[b] for a, b in ("pr", "qs"))
    return shape["g"] * shape["c"] * rows * columns


def counted(text: str) -> dict[str, float]:
    """Words moved by AccelForge's rules: a node is filled once in each step of all loops above it.

    Loops on the array between a memory and the next that do not move a tensor share what is read, and add up what is
    written. Outputs are filled only after their first step, and written once in each. What a LINK moves is free; an ACC
    holds outputs in the place of the register files.
    """
    content = yaml.load(text, Loader=Tagged)
    ranks = content["workload"]["rank_sizes"]
    inputs = content["workload"]["einsums"][0]["tensor_accesses"][0]["projection"]
    stride = int(inputs["H"].split(" * ")[0])
    nodes = content["mapping"]["nodes"]
    words: dict[str, float] = {}
    for ours, tensor in TENSORS.items():
        shape = {rank: ranks[rank.upper()] for rank in "gkcrspq"}
        steps = distinct = pes = sharing = 1
        below: list[tuple[str, float, float, float, float]] = []  # memory, fills, first fills, at the parent the same
        for node in nodes:
            if "rank_variable" in node:
                rank = node["rank_variable"]
                trips, rest = divmod(shape[rank], node["tile_shape"])
                assert rest == 0
                shape[rank] = node["tile_shape"]
                moved = rank in INDEXED[tensor]
                if node["tag"] == "Spatial":
                    pes, sharing = pes * trips, sharing * (1 if moved else trips)
                else:
                    steps, distinct = steps * trips, distinct * (trips if moved else 1)
            elif node["tag"] == "Compute" or (node["tag"] == "Storage" and tensor in node["tensors"]):
                size = tile(tensor, shape, stride)
                memory = "mac" if node["tag"] == "Compute" else node["component"].lower().replace("acc", "rf")
                fills, first = size * steps * pes, size * distinct * pes
                below.append((memory, fills, first, fills / sharing, first / sharing))
                sharing = 1
        assert set(shape.values()) == {1}
        for memory, fills, first, _, _ in below[1:-1]:
            words[f"{memory}_{ours}_wr"] = fills - first if tensor == "O" else fills
        for (memory, *_), (_, _, _, fills, first) in pairwise(below):
            words[f"{memory}_{ours}_rd"] = fills - first if tensor == "O" else fills
            if tensor == "O":
                words[f"{memory}_O_wr"] = words.get(f"{memory}_O_wr", 0.0) + fills
    words |= {"dram_W_wr": 0.0, "dram_I_wr": 0.0}
    return {name: count for name, count in words.items() if not name.startswith("link")}


@pytest.mark.parametrize("accelerator", ACCELERATORS, ids=lambda each: "-".join(map(str, each)))
def test_by_accelforges_rules_the_file_moves_the_words_of_our_mapping(accelerator: tuple) -> None:
    """All 18 counts; but where inputs pass from PE to PE, not those of the register files' inputs."""
    design = a_design(*accelerator)
    files, linked = export_files(design, "accelforge"), 0
    for each in mapped_layers(design):
        ours = {name: n for name, n in each.cost.columns().items() if name != "rf_cycles"}
        found = counted(files[f"layers/{each.layer.folder}/mapping.yaml"])
        if links_between_pes(ours, each.mapping):
            linked += 1
            assert found["rf_I_wr"] > ours["rf_I_wr"]
            for name in ("rf_I_rd", "rf_I_wr"):
                del found[name], ours[name]
        assert found == ours, each.layer.first.name
    assert linked == (3 if accelerator == ("OS", 12, 14, 64) else 0)


@pytest.mark.parametrize("accelerator", ACCELERATORS, ids=lambda each: "-".join(map(str, each)))
def test_accelforges_nodes_stand_in_the_order_of_its_hardware(accelerator: tuple) -> None:
    design = a_design(*accelerator)
    for name, text in export_files(design, "accelforge").items():
        if not name.endswith("mapping.yaml"):
            continue
        content = yaml.load(text, Loader=Tagged)
        nodes = content["mapping"]["nodes"]
        array = [i for i, node in enumerate(nodes) if node["tag"] == "Spatial"]
        stored = {"GLB": [], "RF": []}
        for i, node in enumerate(nodes):
            if node["tag"] == "Storage" and node["component"] in stored:
                stored[node["component"]] += [(i, tensor) for tensor in node["tensors"]]
        assert sorted(t for _, t in stored["GLB"]) == sorted(t for _, t in stored["RF"]) == ["F", "I", "O"]
        assert max(stored["GLB"])[0] < min(array) <= max(array) < min(stored["RF"])[0]
        hardware = {node["name"]: node for node in content["arch"]["nodes"]}
        axes = (axis for name in ("Column", "PE") for axis in hardware[name]["spatial"])
        fanout = {axis["name"]: axis["fanout"] for axis in axes}
        assert fanout == {"X": accelerator[1], "Y": accelerator[2]}
        assert hardware["RF"]["size"] == accelerator[3] * 16
        assert hardware["GLB"]["size"] >= EDGE_LPDDR4.glb_words * 16
        assert ("here as many as AccelForge counts" in text) == (hardware["GLB"]["size"] > EDGE_LPDDR4.glb_words * 16)


@pytest.mark.parametrize("array", APART, ids=str)
def test_outputs_stand_apart_where_inputs_pass_on_below_loops_that_fetch_others(array: tuple) -> None:
    """All counts but the register files' inputs are ours; what an ACC takes, each register file has less."""
    pe_x, pe_y, rf_words = array
    design = a_design("OS", *array, APART[array])
    files = export_files(design, "accelforge")
    for each in mapped_layers(design):
        assert each.mapping.at("dram", "S") > 1
        ours = {name: n for name, n in each.cost.columns().items() if name not in ("rf_cycles", "rf_I_rd", "rf_I_wr")}
        text = files[f"layers/{each.layer.folder}/mapping.yaml"]
        found = counted(text)
        assert found["rf_I_wr"] > each.cost.columns()["rf_I_wr"]
        assert {name: found[name] for name in ours} == ours, each.layer.first.name
        hardware = {node["name"]: node for node in yaml.load(text, Loader=Tagged)["arch"]["nodes"]}
        words = each.mapping.tile_words("rf")["O"]
        assert hardware["RF"]["size"] == (rf_words - words) * 16
        assert hardware["ACC"]["size"] == words * pe_x * pe_y * 16
        assert hardware["RF"]["tensors"]["keep"] == "I | F"


def test_a_mapping_that_accelforge_cannot_hold_in_full_says_so() -> None:
    """A buffer's node would have to pass a loop that slides the window of its inputs."""
    from dance_env.cost.mapping.mapping import Mapping
    from dance_env.exporting.accelforge.nest import nest

    levels = {"dram": {"P": 4, "Q": 4}, "glb": {}, "cols": {"M": 4}, "rows": {"C": 4}, "rf": {"R": 3, "S": 3}}
    fields = {"dataflow": "WS", "stride": 1, "dram_order_innermost_first": "PQCMGRS", "factors": levels}
    found = nest(Mapping.from_dict(fields))
    assert not found.exact
    point = {**fields, "factors": {**levels, "rf": {}}}  # 1 x 1: nothing slides
    assert nest(Mapping.from_dict(point)).exact


# --- ZigZag: from the files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accelerator", ACCELERATORS, ids=lambda each: "-".join(map(str, each)))
def test_zigzags_files_hold_the_mapping(accelerator: tuple) -> None:
    design = a_design(*accelerator)
    files = export_files(design, "zigzag")
    for each in mapped_layers(design):
        folder = f"layers/{each.layer.folder}"
        (layer,), (mapping,) = (yaml.safe_load(files[f"{folder}/{name}.yaml"]) for name in ("workload", "mapping"))
        memories = yaml.safe_load(files[f"{folder}/accelerator.yaml"])["memories"]
        sizes = dict(zip(layer["loop_dims"], layer["loop_sizes"], strict=True))
        spread = [entry.split(", ") for axis in mapping["spatial_mapping"].values() for entry in axis]
        for loop, trips in [*spread, *mapping["temporal_ordering"]]:
            sizes[loop] //= int(trips)
        assert set(sizes.values()) == {1}
        assert all(trips > 1 for _, trips in mapping["temporal_ordering"])
        inside = [
            n for level in ("rf", "glb") for n in each.mapping.factors[("dram", "glb", "", "", "rf").index(level)]
        ]
        start = sum(n > 1 for n in inside)
        outside = math.prod(trips for _, trips in mapping["temporal_ordering"][start:])
        assert outside == math.prod(each.mapping.factors[0])
        for level in ("rf", "glb"):
            assert memories[level]["size"] == 16 * sum(each.mapping.tile_words(level).values())


# --- the tools -------------------------------------------------------------------------------------------------------


@NO_ACCELFORGE
@pytest.mark.parametrize("accelerator", ACCELERATORS, ids=lambda each: "-".join(map(str, each)))
def test_accelforge_costs_our_mappings_as_we_do(accelerator: tuple) -> None:
    """All words equal, cycles but for their rounding, energy but for what idle PEs leak.

    Where PEs pass inputs on, the register files' inputs are counted in other ways, and energy is within 2 %.
    """
    design = a_design(*accelerator)
    found = check_files(design, "accelforge", export_files(design, "accelforge"))
    assert not found.failed
    assert len(found.layers) == len(LAYERS)
    for layer, each in zip(found.layers, mapped_layers(design), strict=True):
        linked = links_between_pes(each.cost.columns(), each.mapping)
        assert set(layer.words) == ({"rf_I_rd", "rf_I_wr"} if linked else set()), layer.name
        assert layer.cycles_ratio == pytest.approx(1.0, abs=1e-3)  # ours are whole
        assert layer.energy_ratio == pytest.approx(1.0, abs=2e-2 if linked else 1e-3)


@NO_ACCELFORGE
@pytest.mark.parametrize("array", APART, ids=str)
def test_accelforge_costs_outputs_that_stand_apart_as_we_do(array: tuple) -> None:
    design = a_design("OS", *array, APART[array])
    found = check_files(design, "accelforge", export_files(design, "accelforge"))
    assert not found.failed
    for layer in found.layers:
        assert set(layer.words) == {"rf_I_rd", "rf_I_wr"}, layer.name
        assert layer.cycles_ratio == pytest.approx(1.0, abs=1e-3)
        assert layer.energy_ratio == pytest.approx(1.0, abs=2e-2)
    assert len(found.reasons) == 1
    assert "pass from PE to PE" in found.reasons[0]


@NO_ZIGZAG
@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_zigzag_follows_our_mappings_and_differs_by_its_rules_alone(dataflow: str) -> None:
    """It reads outputs that leave and before their first sum, and keeps nothing of a window; all else is equal."""
    design = a_design(dataflow, 16, 8, 16)
    found = check_files(design, "zigzag", export_files(design, "zigzag"))
    assert not found.failed
    for layer, each in zip(found.layers, mapped_layers(design), strict=True):
        words, row = each.cost.columns(), each.layer.first
        expected = {"glb_O_rd", "rf_O_rd", "rf_O_wr", "glb_O_wr", "dram_O_rd"}
        if max(row.r, row.s, row.stride) > 1:
            expected |= {"dram_I_rd", "glb_I_wr", "glb_I_rd", "rf_I_wr", "rf_I_rd"}
        else:
            assert abs(layer.energy_ratio - 1.0) < 0.055, layer.name
        assert set(layer.words) <= expected, layer.name
        updates = math.prod(each.mapping.dims.values())
        leaving = words["glb_O_wr"] * math.prod(each.mapping.at("rows", d) * each.mapping.at("cols", d) for d in "CRS")
        assert layer.words["rf_O_rd"][1] == updates + leaving, layer.name
        assert layer.cycles_ratio > 0.99  # stalls, loads and drains come on top


class Conv(torch.nn.Module):
    """A network that stands nowhere else."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.mix = torch.nn.Conv2d(16, 24, 1)
        self.head = torch.nn.Linear(24, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.mix(torch.relu(self.stem(images)))).mean((2, 3)))


@NO_ZIGZAG
def test_from_onnx_to_a_tool_that_agrees(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnx", reason="needs the extra 'onnx'")
    from dance_env.commands import optimise_hardware

    torch.onnx.export(Conv().eval(), (torch.randn(1, 3, 16, 16),), tmp_path / "network.onnx", dynamo=True)
    tools = ["zigzag", *(["accelforge"] if os.environ.get(ENVIRONMENT) else [])]
    design = tmp_path / "design.json"
    assert optimise_hardware.main([str(tmp_path / "network.onnx"), "--out", str(design)]) == 0
    capsys.readouterr()
    out = ["--out", str(tmp_path / "tools"), "--json"]
    assert main([str(design), "--to", "timeloop", *tools, "--check", *out]) == 0
    said = json.loads(capsys.readouterr().out)
    assert set(said["checks"]) == set(tools)
    for found in said["checks"].values():
        layers = found["layers"]
        energy, cycles = (sum(each["runs"] * each[name] for each in layers) for name in ("energy_pj", "cycles"))
        assert (energy * 1e-12, cycles / 1e9) == pytest.approx((said["energy_j"], said["latency_s"]), rel=1e-9)
        assert all(not each["error"] for each in layers)
        assert found["energy_ratio"] == pytest.approx(1.0, abs=0.15)


# --- the command -----------------------------------------------------------------------------------------------------

FAKE = """
def price(request):
    answers = [{"cycles": 1e3, "energy_pj": 2e6, "words": {name: 7.0 for name in WORDS}} for _ in request["layers"]]
    return {"layers": [*answers[:-1], {"error": "ValueError: no\\n such layer"}]} if BAD else {"layers": answers}
"""


def fake_tool(folder: Path, *, bad: bool = False) -> check.Tool:
    words = [f"{memory}_{tensor}_{way}" for memory in ("dram", "glb", "rf") for tensor in "WIO" for way in ("rd", "wr")]
    worker = folder / "worker.py"
    worker.write_text(f"WORDS = {words!r}\nBAD = {bad}\n{FAKE}")

    class BackEnd(AccelForgeCostModel):
        DISTRIBUTION: ClassVar[str] = "numpy"
        PYTHON_VARIABLE: ClassVar[str] = ""

    return check.Tool("Fake", BackEnd, worker)


def small_design() -> DesignFile:
    return a_design("OS", 16, 8, 16, LAYERS[6:9])


def test_a_tool_is_held_beside_our_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOOLS, "accelforge", fake_tool(tmp_path))
    design = small_design()
    found = check_files(design, "accelforge", export_files(design, "accelforge"))
    ours = sum(each.cost.energy_pj for each in mapped_layers(design))
    assert found.energy_ratio == pytest.approx(3 * 2e6 / ours)
    assert found.layers[0].words["dram_W_rd"] == (mapped_layers(design)[0].cost.columns()["dram_W_rd"], 7.0)
    assert found.within(None)
    assert not found.within(5.0)
    assert "not within 5 % of ours" in check_text(found, 5.0)
    assert "equal in 0 of them" in check_text(found, None)
    assert len(found.reasons) == 2  # of the inputs of register files; of those of the buffer and DRAM
    assert "why, by the tool's rules:\n    inputs that pass from PE to PE" in check_text(found, None)


def test_a_layer_that_a_tool_refuses_is_a_negative_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(TOOLS, "accelforge", fake_tool(tmp_path, bad=True))
    design = str(small_design().write(tmp_path / "design.json"))
    assert main([design, "--to", "accelforge", "--check", "--out", str(tmp_path / "a")]) == 1
    said = capsys.readouterr().out
    assert "2_mlp: refused: ValueError: no such layer" in said
    assert "layers/*/mapping.yaml  (3 layers)" in said


def test_a_tool_that_breaks_down_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = fake_tool(tmp_path)
    tool.worker.write_text("def price(request):\n    raise SystemExit('out of paper')\n")
    monkeypatch.setitem(TOOLS, "accelforge", tool)
    design = small_design()
    with pytest.raises(RuntimeError, match="Fake ended with status 1: out of paper"):
        check_files(design, "accelforge", export_files(design, "accelforge"))


def test_a_missing_tool_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Missing(AccelForgeCostModel):
        DISTRIBUTION: ClassVar[str] = "no-such-package"
        PYTHON_VARIABLE: ClassVar[str] = ""

    monkeypatch.setitem(TOOLS, "accelforge", check.Tool("AccelForge", Missing, tmp_path))
    out = ["--out", str(tmp_path / "out")]
    with pytest.raises(ImportError, match=r"does not have no-such-package; AccelForge needs Python 3\.12"):
        main(["tiny/edap", "--to", "accelforge", "--check", *out])
    for wrong, message in (
        (["--to", "timeloop", "--check"], "--check asks the tools of the formats accelforge and zigzag"),
        (["--to", "zigzag", "--tolerance", "5"], "so it needs --check"),
        (["--to", "zigzag", "--check", "--tolerance", "-1"], "a percentage of at least 0, got -1"),
    ):
        with pytest.raises(SystemExit):
            main(["tiny/edap", *wrong, *out])
        assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_nothing_costed_is_no_agreement() -> None:
    failed = check.LayerCheck("0_a", "a", 1.0, 10.0, 20.0, None, None, {}, "no")
    found = ToolCheck("Fake", "1", (failed,))
    assert (found.energy_ratio, found.cycles_ratio, found.within(None)) == (1.0, 1.0, False)
    assert "refused: no" in check_text(found, None)
