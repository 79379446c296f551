"""ONNX files as layer graphs: layers equal to those of the PyTorch module, and files that are broken or mean harm."""

from __future__ import annotations

import math
import random
import sys
from pathlib import Path

import imported_networks as networks
import pytest
import torch

from dance_env.graph import LayerGraph, layer_row, load_graph, save_graph
from dance_env.graph.importing import import_onnx, import_torch, load_network

onnx = pytest.importorskip("onnx", reason="the package onnx is not installed (extra onnx)")
from onnx import TensorProto, helper  # noqa: E402

FLOAT = TensorProto.FLOAT
ROOT = Path(__file__).resolve().parents[1]


def model(path: Path, nodes, inputs, outputs, weights=(), *, functions=(), opset: int = 20) -> Path:
    """Write a model; inputs, outputs and weights are (name, shape). The weights hold no values: nothing reads them."""
    tensors = [weight if isinstance(weight, TensorProto) else empty(*weight) for weight in weights]
    infos = [[helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in each] for each in (inputs, outputs)]
    graph = helper.make_graph(list(nodes), "graph", *infos, tensors)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("mine", 1)]
    proto = helper.make_model(graph, opset_imports=opsets, functions=list(functions))
    path.write_bytes(proto.SerializeToString())
    return path


def empty(name: str, shape, location: str = "weights.bin") -> TensorProto:
    tensor = TensorProto(name=name, data_type=FLOAT, dims=list(shape), data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def numbers(name: str, values) -> TensorProto:
    return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)


def small(path: Path, *, batch: object = 1, size: object = 8, location: str = "weights.bin") -> Path:
    """A convolution, a ReLU, the mean of all pixels, a fully connected layer."""
    nodes = [
        helper.make_node("Conv", ["x", "block.0.conv.weight"], ["a"], pads=[1, 1, 1, 1], strides=[2, 2], name="/block/0/conv/Conv"),
        helper.make_node("Relu", ["a"], ["b"], name="../../etc/passwd"),
        helper.make_node("GlobalAveragePool", ["b"], ["c"]),
        helper.make_node("Flatten", ["c"], ["d"]),
        helper.make_node("Gemm", ["d", "fc.weight", "fc.bias"], ["y"], transB=1),
    ]  # fmt: skip
    weights = [empty("block.0.conv.weight", (4, 3, 3, 3), location), ("fc.weight", (5, 4)), ("fc.bias", (5,))]
    return model(path, nodes, [("x", [batch, 3, size, size])], [("y", [batch, 5])], weights)


# ---------------------------------------------------------------------------------------------------------- a small file
def test_a_small_model_by_hand(tmp_path):
    network = import_onnx(small(tmp_path / "small.onnx"))
    assert [layer_row(layer) for layer in network.layers] == [(4, 3, 4, 4, 3, 3, 1, 2), (5, 4, 1, 1, 1, 1, 1, 1)]
    assert network.macs == 4 * 3 * 16 * 9 + 20
    assert network.parameters == 4 * 27 + 25
    assert network.graph.name == "small"
    assert dict(network.free) == {"relu": 1, "mean_pool": 1, "reshape": 1}
    assert network.graph.nodes == ("x", "block.0.conv", "etc.passwd", "global_average_pool", "flatten", "fc")
    assert (
        load_network(str(tmp_path / "small.onnx")).graph
        == network.graph
        == LayerGraph.from_onnx(tmp_path / "small.onnx")
    )
    save_graph(network.graph, tmp_path / "small.json")
    assert load_graph(tmp_path / "small.json") == network.graph


# ---------------------------------------------------------------------------------------------------- operators by hand
def one(tmp_path, node, shape, out, weights, **settings):
    """Import a model of one operator."""
    path = model(tmp_path / "one.onnx", [node], [("x", (1, *shape))], [("y", out)], weights, **settings)
    return import_onnx(path)


def node(operator: str, *inputs: str, **attributes):
    return helper.make_node(operator, ["x", *inputs], ["y"], name="op", **attributes)


@pytest.mark.parametrize(
    ("operator", "shape", "out", "weights", "row"),
    [
        (node("Conv", "w", group=2, auto_pad="SAME_UPPER", strides=[2, 2]), (4, 7, 7), (1, 6, 4, 4), [("w", (6, 2, 3, 3))],
         (6, 4, 4, 4, 3, 3, 2, 2)),
        (node("Conv", "w", auto_pad="VALID"), (4, 7), (1, 6, 5), [("w", (6, 4, 3))], (6, 4, 5, 1, 3, 1, 1, 1)),
        (node("ConvTranspose", "w", strides=[2, 2]), (4, 5, 5), (1, 3, 10, 10), [("w", (4, 3, 2, 2))], (12, 4, 5, 5, 1, 1, 1, 1)),
        (node("ConvTranspose", "w", strides=[2, 2], output_shape=[10, 10]), (4, 5, 5), (1, 3, 10, 10), [("w", (4, 3, 4, 4))],
         (12, 4, 5, 5, 2, 2, 1, 1)),
        (node("Gemm", "w", "b"), (6,), (1, 5), [("w", (6, 5)), ("b", (5,))], (5, 6, 1, 1, 1, 1, 1, 1)),
        (node("MatMul", "w"), (8, 6), (1, 8, 5), [("w", (6, 5))], (5, 6, 4, 2, 1, 1, 1, 1)),
        (node("MatMul", "w"), (3, 8, 6), (1, 3, 8, 5), [("w", (3, 6, 5))], (15, 18, 4, 2, 1, 1, 3, 1)),
        (node("Einsum", "w", equation="bij,kj->bik"), (8, 6), (1, 8, 5), [("w", (5, 6))], (5, 6, 4, 2, 1, 1, 1, 1)),
    ],
    ids=lambda value: value.op_type if hasattr(value, "op_type") else "",
)  # fmt: skip
def test_operators_that_cost(tmp_path, operator, shape, out, weights, row):
    network = one(tmp_path, operator, shape, out, weights)
    assert [layer_row(layer) for layer in network.layers] == [row]
    elements = [size for _, size in weights]
    assert network.parameters == sum(_product(size) for size in elements)


def _product(sizes) -> int:
    total = 1
    for size in sizes:
        total *= size
    return total


def test_attention_with_a_cache_and_fewer_heads_of_keys(tmp_path):
    operator = helper.make_node(
        "Attention", ["x", "k", "v", "", "past_k", "past_v"], ["y", "new_k", "new_v"], q_num_heads=4, kv_num_heads=2
    )
    inputs = [
        ("x", (1, 1, 32)),
        ("k", (1, 1, 16)),
        ("v", (1, 1, 16)),
        ("past_k", (1, 2, 15, 8)),
        ("past_v", (1, 2, 15, 8)),
    ]
    outputs = [("y", (1, 1, 32)), ("new_k", (1, 2, 16, 8)), ("new_v", (1, 2, 16, 8))]
    path = model(tmp_path / "attention.onnx", [operator], inputs, outputs, opset=23)
    rows = [layer_row(layer) for layer in import_onnx(path).layers]
    assert rows == [(32, 16, 2, 1, 1, 1, 2, 1), (16, 32, 2, 1, 1, 1, 2, 1)]


@pytest.mark.parametrize(
    ("operator", "weights", "macs"),
    [
        (node("Conv", "w", pads=[0] * 6), [("w", (6, 4, 3, 3, 3))], 6 * 4 * 27 * 27),
        (node("DFT"), [], None),
    ],
    ids=["conv3d", "dft"],
)  # fmt: skip
def test_what_no_layer_covers_is_listed(tmp_path, operator, weights, macs):
    shape, out = ((4, 5, 5, 5), (1, 6, 3, 3, 3)) if weights else ((8, 1), (1, 8, 2))
    (finding,) = one(tmp_path, operator, shape, out, weights).unsupported
    assert (finding.macs, finding.operation) == (macs, operator.op_type)
    with pytest.raises(ValueError, match="unsupported, not priced"):
        LayerGraph.from_onnx(tmp_path / "one.onnx")


def test_parameters_of_what_no_layer_covers_are_counted(tmp_path):
    operator = node("LSTM", "w", "r", "b", hidden_size=5)
    weights = [("w", (1, 20, 6)), ("r", (1, 20, 5)), ("b", (1, 40))]
    network = one(tmp_path, operator, (1, 6), (1, 1, 1, 5), weights)
    assert (network.parameters, network.macs) == (20 * 6 + 20 * 5 + 40, 20 * 11)
    weights, operator = [("w", (6, 4, 3, 3, 3)), ("b", (6,))], node("Conv", "w", "b", pads=[0] * 6)
    deep = one(tmp_path, operator, (4, 5, 5, 5), (1, 6, 3, 3, 3), weights)
    assert deep.parameters == 6 * 4 * 27 + 6


def test_biases_of_quantized_layers_are_parameters(tmp_path):
    def whole(name, kind, *shape):
        return helper.make_tensor(name, kind, shape, [0] * math.prod(shape))

    scales = [helper.make_tensor("s", FLOAT, [], [0.5]), whole("z", TensorProto.INT8)]
    weights = [whole("w", TensorProto.INT8, 8, 3, 3, 3), whole("b", TensorProto.INT32, 8), *scales]
    dequantized = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["wf"]),
        helper.make_node("DequantizeLinear", ["b", "s"], ["bf"]),
        helper.make_node("Conv", ["x", "wf", "bf"], ["y"], pads=[1, 1, 1, 1]),
    ]
    quantized = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
        helper.make_node("QLinearConv", ["xq", "s", "z", "w", "s", "z", "s", "z", "b"], ["yq"], pads=[1, 1, 1, 1]),
        helper.make_node("DequantizeLinear", ["yq", "s", "z"], ["y"]),
    ]
    for nodes in (dequantized, quantized):
        path = model(tmp_path / "quantized.onnx", nodes, [("x", (1, 3, 8, 8))], [("y", (1, 8, 8, 8))], weights)
        network = import_onnx(path)
        assert (network.parameters, network.macs) == (8 * 27 + 8, 8 * 27 * 64)


def test_a_branch_on_a_constant_is_not_taken_for_one(tmp_path):
    info = helper.make_tensor_value_info("t", FLOAT, (1, 6, 4, 4))
    branch = helper.make_graph([helper.make_node("Conv", ["x", "w"], ["t"])], "branch", [], [info])
    always = helper.make_tensor("always", TensorProto.BOOL, (), [True])
    either = helper.make_node("If", ["always"], ["y"], name="op", then_branch=branch, else_branch=branch)
    (finding,) = one(tmp_path, either, (3, 6, 6), (1, 6, 4, 4), [("w", (6, 3, 3, 3)), always]).unsupported
    assert (finding.operation, finding.macs) == ("If", None)


def test_a_function_of_the_file_is_written_out(tmp_path):
    inner = [helper.make_node("MatMul", ["a", "w"], ["m"]), helper.make_node("Relu", ["m"], ["b"])]
    function = helper.make_function("mine", "Block", ["a", "w"], ["b"], inner, [helper.make_opsetid("", 20)])
    call = helper.make_node("Block", ["x", "w"], ["y"], domain="mine")
    network = one(tmp_path, call, (8, 6), (1, 8, 5), [("w", (6, 5))], functions=[function])
    assert network.macs == 8 * 6 * 5
    assert dict(network.free) == {"relu": 1}


# -------------------------------------------------------------------------------------------------------- against torch
@pytest.mark.filterwarnings(
    r"ignore:.isinstance\(treespec, LeafSpec\). is deprecated:FutureWarning"
)  # inside torch's exporter
def test_the_layers_are_those_of_the_torch_module(tmp_path):
    pytest.importorskip("onnxscript", reason="torch.onnx.export needs onnxscript")
    module, inputs = networks.Both().eval(), (networks.image(16),)
    for tensor in module.parameters():
        torch.nn.init.normal_(tensor)  # the exporter stores equal tensors once
    torch.onnx.export(module, inputs, tmp_path / "model.onnx", dynamo=True, verbose=False)
    _check_against(import_torch(module, inputs), tmp_path / "model.onnx")


def test_the_layers_of_a_decode_step_that_torch_exported():
    """The file is what `torch.onnx.export` (2.13, opset 20) wrote, without its weights."""
    inputs = (networks.tokens(1), networks.cache(15, groups=4), networks.cache(15, groups=4))
    ours = _check_against(import_torch(networks.GPT(groups=4), inputs), ROOT / "tests/golden/gpt_decode.onnx")
    assert {layer.kind for layer in ours.layers} == {"gemm", "attention"}


def _check_against(theirs, path: Path):
    ours = import_onnx(path)
    assert [layer_row(layer) for layer in ours.layers] == [layer_row(layer) for layer in theirs.layers]
    assert (ours.macs, ours.approximated, ours.unsupported) == (theirs.macs, (), ())
    return ours


# ------------------------------------------------------------------------------------------------------ dynamic shapes
def test_a_symbolic_batch_is_one_and_that_is_said(tmp_path):
    network = import_onnx(small(tmp_path / "small.onnx", batch="N"))
    assert network.notes == ("the batch of the input 'x' was set to 1",)
    assert network.graph == import_onnx(small(tmp_path / "small.onnx")).graph


def windows(path: Path, *, middle=()) -> Path:
    """Windows of 4 x 4 pixels of an image with a symbolic batch, as an exporter that follows the sizes writes them."""
    nodes = [
        helper.make_node("Conv", ["x", "conv.weight"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Shape", ["a"], ["batch"], start=0, end=1),
        helper.make_node("Shape", ["a"], ["sizes"]),
        helper.make_node("Gather", ["sizes", "two"], ["rows"], axis=0),
        helper.make_node("Div", ["rows", "four"], ["across"]),
        helper.make_node("Cast", ["across"], ["across64"], to=TensorProto.INT64),
        *middle,
        helper.make_node("Concat", ["batch", "eight", "across64", "four", "across64", "four"], ["target"], axis=0),
        helper.make_node("Reshape", ["a", "target"], ["b"]),
        helper.make_node("Transpose", ["b"], ["c"], perm=[0, 2, 4, 3, 5, 1]),
        helper.make_node("Reshape", ["c", "tokens"], ["d"]),
        helper.make_node("MatMul", ["d", "fc.weight"], ["y"]),
    ]
    constants = [numbers("two", [2]), numbers("four", [4]), numbers("eight", [8]), numbers("tokens", [-1, 16, 8])]
    weights = [("conv.weight", (8, 3, 3, 3)), ("fc.weight", (8, 6)), *constants]
    return model(path, nodes, [("x", ["N", 3, 16, 16])], [("y", ["M", 16, 6])], weights)


def test_shapes_that_are_computed_from_sizes_are_known_once_the_batch_is_one(tmp_path):
    network = import_onnx(windows(tmp_path / "windows.onnx"))
    assert network.macs == 8 * 3 * 9 * 256 + 256 * 8 * 6
    assert network.parameters == 8 * 3 * 9 + 8 * 6
    assert network.notes == ("the batch of the input 'x' was set to 1",)


@pytest.mark.parametrize(
    "middle",
    [
        [helper.make_node("ConstantOfShape", ["huge"], ["z"]), helper.make_node("Shape", ["z"], ["unused"])],
        [helper.make_node("Expand", ["four", "huge"], ["z"]), helper.make_node("Shape", ["z"], ["unused"])],
        [helper.make_node("Div", ["four", "zero"], ["z"])],
        [helper.make_node("Gather", ["four", "huge"], ["z"])],
        [helper.make_node("Nonsense", ["four"], ["z"])],
    ],
    ids=["ConstantOfShape", "Expand", "Div", "Gather", "Nonsense"],
)
def test_no_operator_on_constants_runs_away_or_ends_the_import(tmp_path, middle):
    path = windows(tmp_path / "windows.onnx", middle=middle)
    proto = onnx.load(path, load_external_data=False)
    proto.graph.initializer.extend([numbers("huge", [2**20, 2**19]), numbers("zero", [0])])
    path.write_bytes(proto.SerializeToString())
    assert import_onnx(path).macs == 8 * 3 * 9 * 256 + 256 * 8 * 6


def test_other_symbols_must_be_given(tmp_path):
    path = small(tmp_path / "small.onnx", batch="N", size="size")
    with pytest.raises(ValueError, match=r"small\.onnx: the shape of an input is not known: 'x' \(1, 3, size, size\)\. Set it: "
                       r"shapes=\{\"x\": \(1, 3, 224, 224\)\}, on the command line --shape x=1,3,224,224"):  # fmt: skip
        import_onnx(path)
    network = load_network(str(path), shapes={"x": (1, 3, 8, 8)})
    assert network.graph == import_onnx(small(tmp_path / "small.onnx")).graph


def test_a_batch_of_eight_is_refused_or_replaced(tmp_path):
    path = small(tmp_path / "small.onnx", batch=8)
    with pytest.raises(
        ValueError, match=r"one example at a time; the input 'x' has a batch of 8\. .*\"x\": \(1, 3, 8, 8\)"
    ):
        import_onnx(path)
    network = import_onnx(path, shapes={"x": (1, 3, 8, 8)})
    assert network.graph == import_onnx(small(tmp_path / "small.onnx")).graph


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"image": (1, 3, 8, 8)}, "there is no input 'image'; the inputs are 'x'"),
        ({"x": (1, 3, 8)}, r"the shape \(1, 3, 8\) given for the input 'x' does not fit \(N, 3, size, size\)"),
        ({"x": (1, 3, 8, "8")}, "does not fit"),
        ({"x": (1, 3, 2**30, 2**30)}, "no accelerator holds it"),
        ({"x": (1, 5, 8, 8)}, "the convolution 'block.0.conv' has weights for 3 channels"),
    ],
)
def test_shapes_that_do_not_fit(tmp_path, shapes, message):
    path = small(tmp_path / "small.onnx", batch="N", size="size")
    with pytest.raises(ValueError, match=message):
        import_onnx(path, shapes=shapes)


# -------------------------------------------------------------------------------------------- files that mean no good
@pytest.mark.parametrize("location", ["../weights.bin", "/etc/passwd", "a/../../b", "C:\\weights.bin", "..\\w", ""])
def test_external_data_that_leaves_the_folder_is_refused(tmp_path, location):
    with pytest.raises(
        ValueError, match=r"small\.onnx: the weights 'block\.0\.conv\.weight' are said to lie in .* outside"
    ):
        import_onnx(small(tmp_path / "small.onnx", location=location))


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04" + bytes(100), bytes(1000), b"\x08\x07"])
def test_files_that_are_no_models(tmp_path, content):
    (tmp_path / "bad.onnx").write_bytes(content)
    with pytest.raises(ValueError, match=r"bad\.onnx: not an ONNX model"):
        import_onnx(tmp_path / "bad.onnx")
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.onnx"):
        import_onnx(tmp_path / "none.onnx")


def test_a_cut_file_is_an_error_wherever_it_is_cut(tmp_path):
    whole = small(tmp_path / "small.onnx").read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / "cut.onnx").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut\.onnx: "):
            import_onnx(tmp_path / "cut.onnx")


def test_a_larger_file_than_protobuf_reads_is_refused_unread(tmp_path):
    with (tmp_path / "huge.onnx").open("wb") as file:
        file.truncate(2**31)  # sparse: no disk is used
    with pytest.raises(ValueError, match="larger than 2 GiB"):
        import_onnx(tmp_path / "huge.onnx")


def test_functions_that_multiply_are_refused_before_they_are_written_out(tmp_path):
    opset = [helper.make_opsetid("", 20), helper.make_opsetid("mine", 1)]
    functions = [helper.make_function("mine", "f0", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], opset)]
    for level in range(1, 40):
        calls = [
            helper.make_node(f"f{level - 1}", [source], [to], domain="mine") for source, to in (("a", "m"), ("m", "b"))
        ]
        functions.append(helper.make_function("mine", f"f{level}", ["a"], ["b"], calls, opset))
    call = helper.make_node("f39", ["x"], ["y"], domain="mine")
    with pytest.raises(ValueError, match=r"operators; an import reads at most 100,000"):
        one(tmp_path, call, (4,), (1, 4), [], functions=functions)
    loop = helper.make_function("mine", "f", ["a"], ["b"], [helper.make_node("f", ["a"], ["b"], domain="mine")], opset)
    with pytest.raises(ValueError, match="calls itself"):
        one(tmp_path, helper.make_node("f", ["x"], ["y"], domain="mine"), (4,), (1, 4), [], functions=[loop])


@pytest.mark.parametrize(
    ("operators", "message"),
    [
        ([node("Bar")], "of unknown axes|not known"),
        ([helper.make_node("Relu", ["nothing"], ["y"])], "reads 'nothing', which nothing before it gives"),
        (
            [helper.make_node("Add", ["x", "b"], ["a"]), helper.make_node("Relu", ["a"], ["b"])],
            "out of order or in a cycle",
        ),
        ([node("NonZero")], "not known: .*(depends on the values|onnx says)"),
        ([node("Conv")], "not known"),
        ([node("MatMul", "w")], "onnx says: .*MatMul"),
    ],
)
def test_graphs_that_are_not_consistent(tmp_path, operators, message):
    path = model(tmp_path / "bad.onnx", operators, [("x", (1, 4))], [("y", None)], [("w", (5, 6))])
    with pytest.raises(ValueError, match=message):
        import_onnx(path)


def test_tensors_that_no_accelerator_holds(tmp_path):
    with pytest.raises(ValueError, match="no accelerator holds it"):
        one(tmp_path, node("MatMul", "w"), (4,), None, [("w", (4, 2**50))])
    with pytest.raises(ValueError, match="no accelerator holds it"):
        one(tmp_path, node("MatMul", "w"), (2**50,), None, [("w", (2**50, 4))])


def test_without_the_package_the_message_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'dance-env\[onnx\]'"):
        import_onnx(small_bytes(tmp_path))


def small_bytes(folder: Path) -> Path:
    (folder / "any.onnx").write_bytes(b"any")
    return folder / "any.onnx"


def test_damaged_files_are_errors_and_nothing_else(tmp_path):
    whole = (ROOT / "tests/golden/gpt_decode.onnx").read_bytes()
    dice, file, broken = random.Random(0), tmp_path / "damaged.onnx", 0
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(dice.choice([1, 5, 20])):
            content[dice.randrange(len(content))] = dice.randrange(256)
        file.write_bytes(content)
        try:
            import_onnx(file)  # a change of a name or a number may leave a model
        except ValueError:
            broken += 1
    assert broken > 20


def test_shapes_that_are_computed_are_no_part_of_the_network(tmp_path):
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Slice", ["s", "zero", "one"], ["batch"]),
        helper.make_node("Concat", ["batch", "rest"], ["shape"], axis=0),
        helper.make_node("Reshape", ["x", "shape"], ["r"]),
        helper.make_node("MatMul", ["r", "w"], ["y"]),
    ]
    weights = [numbers("zero", [0]), numbers("one", [1]), numbers("rest", [-1]), ("w", (12, 5))]
    network = import_onnx(model(tmp_path / "m.onnx", nodes, [("x", ("N", 3, 4))], [("y", None)], weights))
    assert network.graph.nodes == ("x", "reshape", "mat_mul")
    assert network.macs == 60
