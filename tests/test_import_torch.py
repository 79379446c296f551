"""PyTorch modules as layer graphs: counts equal to published ones and to torch's own, operator by operator."""

from __future__ import annotations

import json
import re
from pathlib import Path

import imported_networks as networks
import pytest
import torch
from imported_networks import cache, image, macs_of, parameters_of, tokens
from torch import nn

from dance_env.drawing.graph import draw_graph
from dance_env.drawing.graph_cards import rows_of_cards
from dance_env.graph import LayerGraph, graph_from_dict, graph_to_dict, layer_row
from dance_env.graph.importing import import_torch, load_network
from dance_env.graph.nodes import Conv, Input

EXAMPLE = Path(__file__).resolve().parents[1] / "examples/import_network.py"

PUBLISHED = {  # parameters, and multiply-accumulates for one image of 224 x 224, as torchvision publishes them
    "resnet18": (11_689_512, 1.814e9),
    "resnet50": (25_557_032, 4.089e9),
    "mobilenet_v2": (3_504_872, 0.301e9),
    "mobilenet_v3_large": (5_483_032, 0.217e9),
    "efficientnet_b0": (5_288_548, 0.386e9),
}

OTHERS = {
    "vit": (networks.ViT, (image(),)),
    "gpt": (networks.GPT, (tokens(16),)),
    "gpt with a cache": (networks.GPT, (tokens(1), cache(15), cache(15))),
    "unet": (networks.UNet, (image(64),)),
}


def on_meta(build, inputs):
    with torch.device("meta"):
        module = build()
    return module, tuple(each.to("meta") for each in inputs)


@pytest.mark.parametrize("name", PUBLISHED)
def test_image_networks_have_their_published_counts(name):
    module, inputs = on_meta(getattr(networks, name), (image(),))
    network = import_torch(module, inputs, name=name)
    parameters, macs = PUBLISHED[name]
    assert network.parameters == parameters_of(module) == parameters
    assert network.macs == network.priced_macs == macs_of(module, *inputs) == pytest.approx(macs, abs=5e5)
    assert (network.approximated, network.unsupported, network.notes) == ((), (), ())
    assert graph_from_dict(json.loads(json.dumps(graph_to_dict(network.graph)))) == network.graph


@pytest.mark.parametrize("name", OTHERS)
def test_other_networks_have_the_counts_of_torch(name):
    module, inputs = on_meta(*OTHERS[name])
    network = import_torch(module, inputs)
    assert network.parameters == parameters_of(module)
    assert network.macs == network.priced_macs == macs_of(module, *inputs)
    assert (network.approximated, network.unsupported, network.notes) == ((), (), ())
    assert graph_from_dict(json.loads(json.dumps(graph_to_dict(network.graph)))) == network.graph


def test_a_batch_of_more_than_one_is_refused():
    with pytest.raises(ValueError, match=r"one example at a time: .* got shape \(8, 3\)\. Give one example"):
        import_torch(nn.Linear(3, 2), torch.zeros(8, 3))


def test_a_module_is_left_in_its_mode():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4).eval(), nn.Dropout(0.5))
    LayerGraph.from_torch(module, torch.zeros(1, 3, 8, 8))
    assert [part.training for part in module.modules()] == [True, True, False, True]


def test_a_function_in_a_file_gives_a_network(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import torch\ndef net():\n    return torch.nn.Linear(3, 2), torch.zeros(1, 3)\ndef word():\n    return 'x'\n"
    )
    network = load_network(f"{file}:net")
    assert (network.macs, network.parameters) == (6, 8)
    with pytest.raises(ValueError, match="returned str"):
        load_network(f"{file}:word")
    with pytest.raises(ValueError, match="expected a network as"):
        load_network("network.pt")


# ---------------------------------------------------------------------------------------------- operators, one by one
class Applied(nn.Module):
    """A function of an input, with weights that it may use."""

    def __init__(self, function, *parts: nn.Module, **tensors) -> None:
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(parts)
        self.tensors = nn.ParameterDict(tensors)

    def forward(self, *inputs):
        return self.function(self, *inputs)


def rows_of(module, *inputs):
    network = import_torch(module, inputs)
    assert network.parameters == parameters_of(module)
    assert not network.unsupported
    return network, [layer_row(layer) for layer in network.layers]


EXACT = {  # the module, the shape of its input, its one row: K, C, P, Q, R, S, groups, stride
    "grouped": (nn.Conv2d(6, 4, 3, groups=2), (6, 9, 7), (4, 6, 7, 5, 3, 3, 2, 1)),
    "depthwise": (nn.Conv2d(6, 12, 5, 2, 2, groups=6), (6, 9, 9), (12, 6, 5, 5, 5, 5, 6, 2)),
    "rectangular": (nn.Conv2d(3, 4, (1, 5), padding=(0, 2)), (3, 8, 6), (4, 3, 8, 6, 1, 5, 1, 1)),
    "same": (nn.Conv2d(3, 4, 4, padding="same"), (3, 8, 8), (4, 3, 8, 8, 4, 4, 1, 1)),
    "padded unevenly": (nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(3, 4, 3, 2)), (3, 8, 8), (4, 3, 4, 4, 3, 3, 1, 2)),
    "signal": (nn.Conv1d(3, 4, 5, 2), (3, 21), (4, 3, 9, 1, 5, 1, 1, 2)),
    "dilated 1x1": (nn.Conv2d(3, 4, 1, dilation=2), (3, 8, 8), (4, 3, 8, 8, 1, 1, 1, 1)),
    "linear on an image": (nn.Linear(6, 5), (3, 4, 6), (5, 6, 4, 3, 1, 1, 1, 1)),
    "linear": (nn.Linear(6, 5, bias=False), (6,), (5, 6, 1, 1, 1, 1, 1, 1)),
    "transposed, kernel 2, stride 2": (nn.ConvTranspose2d(3, 4, 2, 2), (3, 5, 5), (16, 3, 5, 5, 1, 1, 1, 1)),
    "weights from the left": (
        Applied(lambda own, x: own.tensors["w"] @ x, w=torch.zeros(5, 6)), (6, 4), (5, 6, 2, 2, 1, 1, 1, 1)),
    "a product for each head": (
        Applied(lambda own, x: x @ own.tensors["w"], w=torch.zeros(1, 3, 6, 5)), (3, 4, 6), (15, 18, 2, 2, 1, 1, 3, 1)),
    "einsum with weights": (
        Applied(lambda own, x: torch.einsum("bchw,kc->bkhw", x, own.tensors["w"]), w=torch.zeros(5, 6)),
        (6, 4, 2), (5, 6, 4, 2, 1, 1, 1, 1)),
    "einsum of activations": (
        Applied(lambda own, x: torch.einsum("bhqd,bhkd->bhqk", x, 2 * x)), (3, 4, 6), (12, 18, 2, 2, 1, 1, 3, 1)),
    "gram matrix": (Applied(lambda own, x: x @ x.transpose(-1, -2)), (4, 6), (4, 6, 2, 2, 1, 1, 1, 1)),
    "weight norm": (nn.utils.parametrizations.weight_norm(nn.Linear(6, 5)), (6,), (5, 6, 1, 1, 1, 1, 1, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_operators_that_a_layer_expresses_exactly(name):
    module, shape, row = EXACT[name]
    x = torch.zeros(1, *shape)
    network, rows = rows_of(module, x)
    assert rows == [row]
    assert network.macs == network.priced_macs == macs_of(module, x)
    assert network.approximated == ()


def test_a_product_with_a_vector_is_one_with_a_single_column():
    module = Applied(lambda own, x: x @ own.tensors["w"], w=torch.zeros(6))
    network, rows = rows_of(module, torch.zeros(1, 4, 6))
    assert rows == [(1, 6, 2, 2, 1, 1, 1, 1)]
    assert network.macs == 4 * 6  # torch's counter has no formula for it


APPROXIMATED = {  # the module, the shape of its input, its row, what the account says
    "dilated": (
        nn.Conv2d(3, 4, 3, padding=2, dilation=2), (3, 8, 8), (4, 3, 8, 8, 3, 3, 1, 1),
        r"without its dilation \(2, 2\): MACs, weights and outputs are the same; 300 words of input for 432"),
    "strides that differ": (
        nn.Conv2d(3, 4, 3, (2, 1)), (3, 9, 8), (4, 3, 4, 6, 3, 3, 1, 2), r"stride 2 for \(2, 1\): .* 351 words of input for 216"),
    "several images": (
        Applied(lambda own, x: own.parts[0](x[0]), nn.Conv2d(3, 4, 3)), (5, 3, 8, 8), (4, 3, 30, 6, 3, 3, 1, 1),
        "5 images as one with the rows of all"),
    "transposed, kernel 4, stride 2": (
        nn.ConvTranspose2d(3, 4, 4, 2, 1), (3, 5, 5), (16, 3, 5, 5, 2, 2, 1, 1), "sub-pixel form .* the same MACs"),
    "transposed, kernel 3, stride 2": (
        nn.ConvTranspose2d(3, 4, 3, 2, 1, 1), (3, 5, 5), (16, 3, 5, 5, 2, 2, 1, 1), "1.78 times its MACs"),
    "transposed signal": (nn.ConvTranspose1d(4, 4, 4, 2, groups=2), (4, 5), (8, 4, 6, 1, 2, 1, 2, 1), "1.2 times its MACs"),
}  # fmt: skip


@pytest.mark.parametrize("name", APPROXIMATED)
def test_operators_that_a_layer_approximates_are_listed(name):
    module, shape, row, reason = APPROXIMATED[name]
    x = torch.zeros(1, *shape)
    network, rows = rows_of(module, x)
    assert rows == [row]
    (finding,) = network.approximated
    assert finding.macs == network.macs == macs_of(module, x)  # as the network computes it, whatever is priced
    assert network.share(network.approximated) == 1.0
    assert re.search(reason, finding.reason)
    assert "approximated: 1 operations, 100.00 % of the MACs" in network.as_text()
    with pytest.warns(UserWarning, match="approximated"):
        assert LayerGraph.from_torch(module, x) == network.graph


def test_what_no_layer_covers_is_listed_with_its_share():
    conv3d = nn.Conv3d(2, 3, 3)
    module = nn.Sequential(conv3d, nn.Flatten(), nn.Linear(3 * 27, 4))
    x = torch.zeros(1, 2, 5, 5, 5)
    network = import_torch(module, x)
    (finding,) = network.unsupported
    assert finding.macs == macs_of(conv3d, x) == 3 * 2 * 27 * 27
    assert network.macs == macs_of(module, x)
    assert network.priced_macs == 4 * 81
    assert network.share(network.unsupported) == pytest.approx(4374 / 4698)
    assert "unsupported, not priced: 1 operations, 93.10 % of the MACs" in network.as_text()
    with pytest.raises(ValueError, match=r"aten\.conv3d.*93\.10 %(.|\n)*import_torch"):
        LayerGraph.from_torch(module, x)


def test_recurrent_layers_are_unsupported_with_their_own_count():
    module = Applied(lambda own, x: own.parts[0](x)[0], nn.LSTM(6, 5, num_layers=2, batch_first=True))
    (finding,) = import_torch(module, torch.zeros(1, 7, 6)).unsupported
    assert finding.macs == 7 * 4 * 5 * ((6 + 5) + (5 + 5))


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (Applied(lambda own, x: own.parts[0](x)[0], nn.LSTM(6, 5, 2, batch_first=True, bidirectional=True)), (1, 7, 6)),
        (Applied(lambda own, x: own.parts[0](x)[0], nn.GRU(6, 5, batch_first=True)), (1, 7, 6)),
        (nn.Conv3d(2, 3, 3), (1, 2, 5, 5, 5)),
        (nn.ConvTranspose3d(2, 3, 3), (1, 2, 5, 5, 5)),
        (Applied(lambda own, x: own.parts[0](x, x), nn.Bilinear(6, 6, 1)), (1, 6)),
    ],
)
def test_parameters_of_unsupported_operations_are_counted(module, shape):
    network = import_torch(module, torch.zeros(shape))
    assert len(network.unsupported) == 1
    assert network.parameters == sum(each.numel() for each in module.parameters())
    assert network.notes == ()


def test_an_operator_that_nobody_knows_has_an_unknown_share():
    network = import_torch(Applied(lambda own, x: torch.cdist(x, 2 * x)), torch.zeros(1, 4, 6))
    (finding,) = network.unsupported
    assert (finding.operation, finding.macs, network.share(network.unsupported)) == ("aten.cdist", None, None)
    assert "an unknown share" in network.as_text()


def test_dynamic_weights_of_a_convolution_are_unsupported():
    module = Applied(lambda own, x: nn.functional.conv2d(x, 2 * x[:, :, :3, :3]))
    (finding,) = import_torch(module, torch.zeros(1, 3, 8, 8)).unsupported
    assert finding.macs == 3 * 36 * 9
    assert "weights are computed from the input" in finding.reason


# ------------------------------------------------------------------------------------------------- attention, in numbers
def test_decode_attends_to_the_whole_cache_and_heads_share_keys():
    module, inputs = on_meta(*OTHERS["gpt with a cache"])
    layers = {layer.name: layer for layer in import_torch(module, inputs).layers}
    scores, values = (layers[f"scaled_dot_product_attention.{each}"] for each in ("scores", "values"))
    assert layer_row(scores) == (2 * 16, 2 * 16, 2, 1, 1, 1, 2, 1)  # 2 groups of keys, 2 heads each, 16 entries of 16
    assert layer_row(values) == (2 * 16, 2 * 16, 2, 1, 1, 1, 2, 1)
    assert scores.kind == values.kind == "attention"


def test_a_cache_that_is_written_in_place_is_attended_to():
    def step(own, x, position):
        own.keys[:, :, position] = x
        return nn.functional.scaled_dot_product_attention(x, own.keys, own.keys)

    module = Applied(step)
    module.register_buffer("keys", torch.zeros(1, 2, 32, 8))
    network, rows = rows_of(module, torch.zeros(1, 2, 1, 8), torch.tensor([3]))
    assert rows == [(64, 16, 1, 1, 1, 1, 2, 1), (16, 64, 1, 1, 1, 1, 2, 1)]
    scores = network.graph.inputs("scaled_dot_product_attention.scores")
    assert network.graph.node(scores[1]).kind == "free"  # the cache as it was written, not as it was before
    assert network.parameters == 0


def test_a_learned_bias_of_the_scores_is_counted():
    def forward(own, x):
        return nn.functional.scaled_dot_product_attention(x, x, x, attn_mask=own.tensors["bias"].expand(1, 2, 5, 5))

    _, rows = rows_of(Applied(forward, bias=torch.zeros(2, 1, 5)), torch.zeros(1, 2, 5, 8))
    assert rows == [(10, 16, 5, 1, 1, 1, 2, 1), (16, 10, 5, 1, 1, 1, 2, 1)]


def test_multi_head_attention_of_torch():
    module = Applied(
        lambda own, x: own.parts[0](x, x, x, need_weights=False)[0], nn.MultiheadAttention(12, 3, batch_first=True)
    )
    x = torch.zeros(1, 8, 12)
    network, rows = rows_of(module, x)
    heads = [(24, 12, 4, 2, 1, 1, 3, 1), (12, 24, 4, 2, 1, 1, 3, 1)]
    assert rows == [(36, 12, 4, 2, 1, 1, 1, 1), *heads, (12, 12, 4, 2, 1, 1, 1, 1)]
    assert network.macs == macs_of(module, x)


# ---------------------------------------------------------------------------------------------------------------- traces
def branching():
    def forward(own, x):
        own.count += 1
        return own.parts[0](x) if float(x.sum()) >= 0 else own.parts[1](x)

    module = Applied(forward, nn.Linear(4, 2), nn.Linear(4, 3))
    module.register_buffer("count", torch.zeros(()))
    return module


def test_a_module_whose_path_depends_on_its_input_is_run_once(capfd):
    module = branching()
    network = import_torch(module, torch.ones(1, 4))
    assert [layer.k for layer in network.layers] == [2]
    assert network.layers[0].name == "parts.0"
    assert "other inputs may take another path" in network.notes[0]
    assert (
        network.notes[1] == "15 parameters are used by no operation and are not counted: parts.1.bias, parts.1.weight"
    )
    assert module.count == 0  # what the run wrote is undone
    assert capfd.readouterr() == ("", "")


def test_a_module_that_fails_says_why():
    with pytest.raises(
        ValueError, match=r"cannot be traced\. torch\.export: .*run on the example inputs: RuntimeError: mat1"
    ):
        import_torch(nn.Linear(3, 2), torch.zeros(1, 4))


@pytest.mark.parametrize(
    ("module", "inputs", "message"),
    [
        ("net", torch.zeros(1, 3), r"expected a torch\.nn\.Module, got str"),
        (nn.Linear(3, 2), 3, "must be a tensor, a tuple of the arguments"),
        (nn.Linear(3, 2), (), "at least one tensor"),
    ],
)
def test_arguments_that_make_no_sense(module, inputs, message):
    with pytest.raises(ValueError, match=message):
        import_torch(module, inputs)


def test_parts_that_run_with_automatic_casts_are_imported():
    def forward(own, x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            x = own.parts[0](x)
        return own.parts[1](x.float())

    network, rows = rows_of(Applied(forward, nn.Linear(4, 6), nn.Linear(6, 2)), torch.zeros(1, 4))
    assert rows == [(6, 4, 1, 1, 1, 1, 1, 1), (2, 6, 1, 1, 1, 1, 1, 1)]
    assert [layer.name for layer in network.layers] == ["parts.0", "parts.1"]


def test_named_arguments_and_shared_weights():
    shared = nn.Linear(4, 4)
    module = Applied(lambda own, x, *, scale: own.parts[0](own.parts[0](x)) * scale, shared)
    module.forward = lambda x, scale: shared(shared(x)) * scale
    network = import_torch(module, {"x": torch.zeros(1, 4), "scale": torch.ones(1, 4)})
    assert network.macs == 32
    assert network.parameters == 20  # of both uses together


def test_the_example_imports_its_block():
    network = load_network(f"{EXAMPLE}:network")
    assert [layer.kind for layer in network.layers] == ["gemm", "attention", "attention", "gemm", "gemm", "gemm"]
    assert network.macs == 12 * 128**2 + 2 * 128 * 128  # weights of attention and MLP, and 128 entries of each head
    assert (network.approximated, network.unsupported) == ((), ())


# -------------------------------------------------------------------------------------------------------------- drawing
def test_imported_networks_can_be_drawn(tmp_path):
    for build, inputs in OTHERS.values():
        module, inputs = on_meta(build, inputs)
        draw_graph(import_torch(module, inputs).graph, tmp_path / "network.svg")
        assert "MACs" in (tmp_path / "network.svg").read_text()


def test_a_card_of_many_layers_says_how_many_more():
    module, inputs = on_meta(networks.UNet, (image(16),))
    graph = import_torch(nn.Sequential(nn.Identity(), module), inputs).graph
    cards = [card for row in rows_of_cards(graph) for card in row]
    assert sum(card.macs for card in cards) == graph.macs
    assert max(len(card.lines) for card in cards) <= 4
    tall = LayerGraph("tall")
    last = tall.add("x", Input(3, 8, 8))
    for index in range(6):
        last = tall.add(f"conv{index}", Conv(4, 3), inputs=[last], block="all")
    (_, card) = rows_of_cards(tall)[0]
    assert card.lines == ("3×3 4", "3×3 4", "3×3 4", "and 3 more")
