"""Layers, layer tables and layer graphs: hand-worked counts, shapes that are checked, files and drawings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dance_env.drawing.graph import draw_graph
from dance_env.graph import (
    Layer,
    LayerGraph,
    dance_cifar10,
    graph_from_dict,
    graph_to_dict,
    load_graph,
    macro_cifar10,
    operator,
    save_graph,
)
from dance_env.graph.nodes import Activation, Add, BatchNorm, Conv, GlobalPool, Input, Linear, Skip
from dance_env.graph.operators import PLAIN, PROXYLESS, Place


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    """Convolutions of every kind: any groups, odd kernels, strides."""
    groups = draw(st.integers(1, 4))
    sizes = draw(st.tuples(*(st.integers(1, 5) for _ in range(4))))
    kernel = draw(st.sampled_from([1, 3, 5]))
    k, c, p, q = sizes[0] * groups, (sizes[1] + 1) * groups, sizes[2], sizes[3]
    return Layer("any", "conv", k=k, c=c, p=p, q=q, r=kernel, s=kernel, groups=groups, stride=draw(st.integers(1, 2)))


def small_graph() -> LayerGraph:
    """Two convolutions on a 5x5 image with a residual connection around the second, then a classifier."""
    graph = LayerGraph("small")
    graph.add("image", Input(3, 5, 5))
    graph.add("first", Conv(4, kernel=3, stride=2), inputs=["image"])
    graph.add("norm", BatchNorm(), inputs=["first"])
    graph.add("second", Conv(4, kernel=5, groups=2), inputs=["norm"])
    graph.add("sum", Add(), inputs=["norm", "second"])
    graph.add("act", Activation("relu6"), inputs=["sum"])
    graph.add("pool", GlobalPool(), inputs=["act"])
    graph.add("fc", Linear(2), inputs=["pool"])
    return graph


# ----------------------------------------------------------------------------------------------- layers, hand-worked
def test_a_strided_convolution_by_hand() -> None:
    layer = Layer("stem", "conv", k=32, c=3, p=16, q=16, r=3, s=3, stride=2)
    assert layer.macs == 32 * 3 * 16 * 16 * 9 == 221_184
    assert layer.weights == 32 * 3 * 9 == 864
    assert layer.outputs == 32 * 256
    assert layer.inputs == 3 * 33 * 33  # (16 - 1) * 2 + 3 = 33 rows: the padding that the loops touch is counted


def test_a_depthwise_convolution_by_hand() -> None:
    layer = Layer("dw", "depthwise", k=384, c=384, p=8, q=8, r=5, s=5, groups=384)
    assert layer.macs == 384 * 64 * 25
    assert layer.weights == 384 * 25
    assert layer.inputs == 384 * 12 * 12


def test_a_fully_connected_layer_by_hand() -> None:
    layer = Layer("fc", "fc", k=10, c=1280, p=1, q=1, r=1, s=1)
    assert (layer.macs, layer.weights, layer.inputs, layer.outputs) == (12_800, 12_800, 1280, 10)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"k": 0}, ValueError, "layer 'x': k must be at least 1, got 0"),
        ({"p": 2.0}, TypeError, "layer 'x': p must be an int, got 2.0"),
        ({"groups": 3}, ValueError, r"groups \(3\) must divide k \(4\) and c \(6\)"),
        ({"kind": "dense"}, ValueError, "kind must be one of"),
        ({"kind": "depthwise"}, ValueError, "do not fit kind 'depthwise'"),
        ({"kind": "pointwise"}, ValueError, "do not fit kind 'pointwise'"),
        ({"kind": "fc"}, ValueError, "do not fit kind 'fc'"),
    ],
)
def test_layers_that_make_no_sense(change: dict, error: type[Exception], message: str) -> None:
    settings: dict[str, Any] = {
        "name": "x",
        "kind": "conv",
        "k": 4,
        "c": 6,
        "p": 2,
        "q": 2,
        "r": 3,
        "s": 3,
        "groups": 2,
    }
    with pytest.raises(error, match=message):
        Layer(**(settings | change))


# ------------------------------------------------------------------------------------------------------ layer graphs
def test_a_small_graph_by_hand() -> None:
    graph = small_graph()
    shapes = {name: graph.shape(name) for name in graph.nodes}
    assert shapes == {
        "image": (3, 5, 5),
        "first": (4, 3, 3),  # ceil(5 / 2)
        "norm": (4, 3, 3),
        "second": (4, 3, 3),
        "sum": (4, 3, 3),
        "act": (4, 3, 3),
        "pool": (4,),
        "fc": (2,),
    }
    assert graph.macs == 4 * 3 * 9 * 9 + 4 * 2 * 9 * 25 + 2 * 4
    assert graph.parameters == 4 * 3 * 9 + 2 * 4 + 4 * 2 * 25 + (2 * 4 + 2)
    assert [(layer.name, layer.kind) for layer in graph.layers()] == [
        ("first", "conv"),
        ("second", "conv"),
        ("fc", "fc"),
    ]
    assert graph.output == "fc"
    assert graph.inputs("sum") == ("norm", "second")
    assert nx.is_directed_acyclic_graph(graph.networkx)


def test_the_order_of_addition_is_an_order_of_execution() -> None:
    graph = macro_cifar10().graph([1, 2, 0, 1, 2, 0, 1, 2])
    place = {name: index for index, name in enumerate(graph.nodes)}
    assert all(place[before] < place[after] for before, after in graph.networkx.edges)


@pytest.mark.parametrize(
    ("node", "inputs", "shape", "message"),
    [
        (
            Add(),
            ["image", "norm"],
            None,
            r"node 'new', fed by .*: expected inputs of one shape, \(3, 5, 5\) .*found \(4, 3, 3\)",
        ),
        (Add(), ["norm"], None, "an addition takes at least two inputs, got 1"),
        (Conv(6, 3, groups=3), ["norm"], None, "expected channels that 3 groups divide, found 4 in, 6 out"),
        (Linear(3), ["norm"], None, r"expected a vector \(features,\), found \(4, 3, 3\)"),
        (Conv(6, 3), ["pool"], None, r"expected an image \(channels, rows, columns\), found \(4,\)"),
        (Conv(6, 3), ["image", "norm"], None, "a conv node takes one input, got 2"),
        (Input(3, 5, 5), ["image"], None, "an input takes no inputs, got 1"),
        (Conv(6, 3), ["norm"], (6, 5, 5), r"node 'new': expected output shape \(6, 5, 5\), found \(6, 3, 3\)"),
        (Conv(6, 3), ["nrom"], None, "node 'new': there is no input 'nrom'. Did you mean 'norm'"),
        (Add(), ["norm", "norm"], None, "inputs must differ"),
    ],
)
def test_nodes_that_do_not_fit_are_named_with_both_shapes(node: Any, inputs: list, shape: Any, message: str) -> None:
    graph = small_graph()
    before = graph.nodes
    with pytest.raises(ValueError, match=message):
        graph.add("new", node, inputs=inputs, shape=shape)
    assert graph.nodes == before, "a refused node must leave the graph as it was"


def test_names_are_unique_and_unknown_ones_are_answered() -> None:
    graph = small_graph()
    with pytest.raises(ValueError, match="there is a node 'norm' already"):
        graph.add("norm", BatchNorm(), inputs=["first"])
    with pytest.raises(ValueError, match=r"there is no node 'frist'\. Did you mean 'first'"):
        graph.shape("frist")


def test_two_ends_are_no_output() -> None:
    graph = small_graph()
    graph.add("loose", Skip(), inputs=["norm"])
    with pytest.raises(ValueError, match=r"expected one output node, found \['fc', 'loose'\]"):
        _ = graph.output


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conv(4, kernel=4), "kernel must be odd"),
        (lambda: Conv(0, kernel=3), "a conv node's channels must be a whole number of at least 1, got 0"),
        (lambda: Conv(4, kernel=3, stride=1.5), "stride must be a whole number"),  # type: ignore[arg-type]
        (lambda: Input(3, 0, 5), "rows must be a whole number of at least 1"),
        (lambda: Linear(True), "features must be a whole number"),
        (lambda: BatchNorm(float("nan")), "eps must be a positive float"),
        (lambda: Activation("swish"), "an activation is .*, got 'swish'"),  # type: ignore[arg-type]
    ],
)
def test_nodes_that_make_no_sense(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


# --------------------------------------------------------------------------------------------------------- operators
@pytest.mark.parametrize("name", ["identity", "zero", "mb1_k3", "mb3_k5", "mb6_k7", "mb4_k9"])
def test_an_operator_is_called_what_it_was_asked_by(name: str) -> None:
    assert operator(name).name == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mb6_k8", "kernel must be odd, got 8"),
        ("mb6-k3", "no operator 'mb6-k3' .*Did you mean 'mb6_k3'"),
        ("skip", "no operator 'skip'"),
        ("mb0_k3", "no operator 'mb0_k3'"),
    ],
)
def test_unknown_operators(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        operator(name)


def test_an_mbconv_by_hand() -> None:
    graph = LayerGraph("block")
    graph.add("image", Input(32, 32, 32))
    place = Place("b", in_channels=32, out_channels=64, stride=2)
    last = operator("mb6_k5").extend(graph, "image", place=place, style=PROXYLESS)
    expand, depthwise, project = graph.layers()
    assert (expand.kind, expand.k, expand.c, expand.p, expand.stride) == ("pointwise", 192, 32, 32, 1)
    assert (depthwise.kind, depthwise.k, depthwise.groups, depthwise.p, depthwise.r, depthwise.stride) == (
        "depthwise",
        192,
        192,
        16,
        5,
        2,
    )
    assert (project.kind, project.k, project.c, project.p) == ("pointwise", 64, 192, 16)
    assert graph.macs == 192 * 32 * 32**2 + 192 * 25 * 16**2 + 64 * 192 * 16**2
    assert graph.parameters == 192 * 32 + 192 * 25 + 64 * 192 + 2 * (192 + 192 + 64)
    assert last == "b.project.norm", "no activation behind the projection, no residual where the shape changes"
    assert [graph.node(name) for name in graph.nodes if name.endswith(".act")] == [Activation("relu6")] * 2
    assert graph.node("b.project.norm") == BatchNorm(eps=1e-3)


def test_an_mbconv_that_keeps_its_shape_has_a_residual_connection() -> None:
    graph = LayerGraph("block")
    graph.add("image", Input(16, 8, 8))
    last = operator("mb1_k3").extend(graph, "image", place=Place("b", 16, 16, 1), style=PLAIN)
    assert graph.inputs(last) == ("image", "b.project.norm")
    assert [layer.name for layer in graph.layers()] == ["b.depthwise", "b.project"], "expansion 1 has no expand layer"


@pytest.mark.parametrize("name", ["identity", "zero"])
def test_doing_nothing_leaves_a_visible_node_and_no_layer(name: str) -> None:
    graph = LayerGraph("block")
    graph.add("image", Input(16, 8, 8))
    last = operator(name).extend(graph, "image", place=Place("b", 16, 16, 1), style=PLAIN)
    assert (graph.block(last), graph.node(last), graph.macs, graph.parameters) == (("b", name), Skip(), 0, 0)


def test_an_identity_that_changes_the_shape_is_a_strided_pointwise_convolution() -> None:
    graph = LayerGraph("block")
    graph.add("image", Input(16, 8, 8))
    operator("identity").extend(graph, "image", place=Place("b", 16, 32, 2), style=PLAIN)
    (layer,) = graph.layers()
    assert (layer.kind, layer.k, layer.c, layer.p, layer.stride, layer.macs) == (
        "pointwise",
        32,
        16,
        4,
        2,
        32 * 16 * 16,
    )
    assert graph.parameters == 32 * 16 + 2 * 32


# ------------------------------------------------------------------------------------------------------------- files
@given(st.lists(st.integers(0, 5), min_size=9, max_size=9))
def test_a_graph_survives_json(network: list[int]) -> None:
    graph = dance_cifar10().graph(network)
    read = graph_from_dict(json.loads(json.dumps(graph_to_dict(graph))))
    assert read == graph
    assert read.layers() == graph.layers()
    assert read.parameters == graph.parameters
    assert list(read.networkx.edges) == list(graph.networkx.edges)


def test_a_graph_survives_a_file(tmp_path: Path) -> None:
    graph = small_graph()
    save_graph(graph, tmp_path / "graph.json")
    assert load_graph(tmp_path / "graph.json") == graph
    assert load_graph(tmp_path / "graph.json") != macro_cifar10().graph([0] * 8)


def test_a_file_that_holds_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text(json.dumps(graph_to_dict(small_graph()))[:100])
    with pytest.raises(ValueError, match=r"broken\.json: "):
        load_graph(tmp_path / "broken.json")
    with pytest.raises(FileNotFoundError):
        load_graph(tmp_path / "none.json")
    (tmp_path / "deep.json").write_text("[" * 200_000)
    with pytest.raises(ValueError, match=r"deep\.json: .*nested too deeply"):
        load_graph(tmp_path / "deep.json")


def _without(content: dict, key: str) -> dict:
    return {name: value for name, value in content.items() if name != key}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: [], "expected a layer graph of format 'dance_env.layer_graph/1', found None"),
        (lambda content: content | {"format": "onnx"}, "found 'onnx'"),
        (lambda content: _without(content, "nodes"), "'nodes' is missing"),
        (lambda content: content | {"nodes": 3}, "'nodes' must be a list, found 3"),
        (lambda content: content | {"nodes": ["conv"]}, "node 0: expected an object, found 'conv'"),
        (lambda content: _node(content, kind="cnov"), "node 1: there is no node kind 'cnov'. Did you mean 'conv'"),
        (lambda content: _node(content, inputs=["nowhere"]), "node 'first': there is no input 'nowhere'"),
        (
            lambda content: _node(content, shape=[9, 9, 9]),
            r"node 'first': expected output shape \(9, 9, 9\), found \(4, 3, 3\)",
        ),
        (lambda content: _node(content, settings={"channels": 4}), "node 1: bad settings for a conv node: .*kernel"),
        (lambda content: _node(content, settings={"channels": -4, "kernel": 3}), "channels must be a whole number"),
        (lambda content: _node(content, settings={"channels": 4, "kernel": 3, "bias": 1}), "unexpected keyword .*bias"),
    ],
)
def test_files_that_do_not_hold_a_consistent_graph(change: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        graph_from_dict(change(graph_to_dict(small_graph())))


def _node(content: dict, **change: Any) -> dict:
    """The content, with its second node changed."""
    return content | {"nodes": [content["nodes"][0], content["nodes"][1] | change, *content["nodes"][2:]]}


# ----------------------------------------------------------------------------------------------------------- drawing
def test_a_drawing_shows_every_block_with_operator_and_shape() -> None:
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    draw_graph(macro_cifar10().graph([2, 0, 0, 1, 2, 2, 0, 2]), axes)
    texts = [text.get_text() for text in axes.texts]
    for block, operator_name, shape in [
        ("block1", "mb6_k5", "64×16×16"),
        ("block2", "identity", "64×16×16"),
        ("block3", "identity", "128×8×8"),
        ("block8", "mb6_k5", "256×4×4"),
    ]:
        assert f"{block}:  {shape}" in texts
        assert operator_name in texts
    assert {"5×5 dw /2 192", "1×1 /2 128", "1280 → 10", "16 × 16"} <= set(texts)


def test_a_drawing_is_written_into_a_file(tmp_path: Path) -> None:
    draw_graph(small_graph(), tmp_path / "small.png")
    draw_graph(
        dance_cifar10().graph([6 % len(choice) for choice in dance_cifar10().choices()]), str(tmp_path / "dance.svg")
    )
    assert (tmp_path / "small.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "dance.svg").read_text()


def test_an_empty_graph_cannot_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no nodes"):
        draw_graph(LayerGraph("empty"), tmp_path / "empty.png")


def test_the_rooms_load_neither_torch_nor_matplotlib() -> None:
    heavy = ("torch", "matplotlib", "numba", "stable_baselines3")
    code = f"import sys, dance_env.space, dance_env.graph; print([each for each in {heavy} if each in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert loaded == "[]"
