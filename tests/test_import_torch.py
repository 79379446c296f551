"""PyTorch modules as layer graphs: counts equal to published ones and to torch's own, operator by operator."""

from __future__ import annotations

import json

import imported_networks as networks
import pytest
import torch
from imported_networks import cache, image, macs_of, parameters_of, tokens
from torch import nn

from dance_env.graph import LayerGraph, graph_from_dict, graph_to_dict
from dance_env.graph.importing import import_torch, load_network

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
