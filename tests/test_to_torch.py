"""Torch modules built from layer graphs: counted with hooks, they agree with the graph to the digit."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from dance_env.graph import (
    NETWORKS,
    BlockSpace,
    LayerGraph,
    TransformerSpace,
    dance_cifar10,
    dance_mnist,
    graph_from_dict,
    graph_to_dict,
    macro_cifar10,
    network_space,
)
from dance_env.graph.nodes import BatchNorm, Conv, Input
from dance_env.graph.to_torch import build
from dance_env.space import DesignSpace

IMAGES = [name for name in sorted(NETWORKS) if not isinstance(network_space(name), TransformerSpace)]
"""The spaces of networks on images; `test_transformer_space` has the others."""
SPACES = st.sampled_from(IMAGES).map(network_space)
SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(autouse=True)
def _own_random_state() -> object:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def sample(space: BlockSpace, seed: int) -> np.ndarray:
    return DesignSpace(space.choices()).sample(np.random.default_rng(seed), 1)[0]


def counted_macs(module: nn.Module, images: Tensor) -> int:
    """Multiply-accumulates an image, from what passes through every convolution and fully connected module."""
    counts: list[int] = []

    def hook(layer: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        taps = layer.weight[0].numel()  # input channels a group x kernel, or input features
        counts.append(output[0].numel() * taps)

    handles = [each.register_forward_hook(hook) for each in module.modules() if isinstance(each, nn.Conv2d | nn.Linear)]
    with torch.no_grad():
        module(images)
    for handle in handles:
        handle.remove()
    return sum(counts)


@settings(max_examples=25)
@given(SPACES, SEEDS)
def test_macs_and_parameters_equal_torch_to_the_digit(space: BlockSpace, seed: int) -> None:
    network = sample(space, seed)
    graph = space.graph(network)
    with torch.device("meta"):  # real shapes and hooks, no arithmetic
        module = build(graph)
        macs = counted_macs(module, torch.empty(2, *graph.shape("input")))
    assert macs == graph.macs == space.macs(network[None])[0]
    assert sum(each.numel() for each in module.parameters()) == graph.parameters == space.parameters(network[None])[0]


@pytest.mark.parametrize("name", IMAGES)
def test_a_network_of_each_space_runs_forward_and_learns(name: str) -> None:
    space = network_space(name)
    graph = space.graph(sample(space, 1))
    module = build(graph)
    output = module(torch.randn(2, *graph.shape("input")))
    assert output.shape == (2, *graph.shape(graph.output))
    assert torch.isfinite(output).all()
    output.square().sum().backward()
    assert all(each.grad is not None and torch.isfinite(each.grad).all() for each in module.parameters())


@settings(max_examples=10)
@given(SEEDS)
def test_every_node_of_a_running_module_has_the_shape_that_the_graph_says(seed: int) -> None:
    graph = dance_mnist().graph(sample(dance_mnist(), seed))
    module = build(graph).eval()
    seen: dict[str, tuple[int, ...]] = {}
    for name, layer in module.layers.items():
        layer.register_forward_hook(lambda _m, _i, output, name=name: seen.update({name: tuple(output.shape[1:])}))
    with torch.no_grad():
        module(torch.randn(3, 1, 28, 28))
    assert seen == {name.replace(".", "/"): graph.shape(name) for name in graph.nodes if name != "input"}


class HandWritten(nn.Module):
    """The macro network 2 0 0 0 0 0 0 1, written out after NAS-Bench-Macro's description."""

    def __init__(self) -> None:
        super().__init__()

        def conv(before: int, after: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
            weights = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
            return nn.Sequential(weights, nn.BatchNorm2d(after))

        self.stem = conv(3, 32, 3)
        self.block1 = nn.ModuleList([conv(32, 192, 1), conv(192, 192, 5, 2, 192), conv(192, 64, 1)])
        self.block3, self.block6 = conv(64, 128, 1, 2), conv(128, 256, 1, 2)
        self.block8 = nn.ModuleList([conv(256, 768, 1), conv(768, 768, 3, 1, 768), conv(768, 256, 1)])
        self.head, self.fc = conv(256, 1280, 1), nn.Linear(1280, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).relu()
        expand, depthwise, project = self.block1
        x = project(depthwise(expand(x).relu()).relu())
        x = self.block6(self.block3(x))
        expand, depthwise, project = self.block8
        x = x + project(depthwise(expand(x).relu()).relu())
        return self.fc(self.head(x).relu().mean(dim=(2, 3)))


def test_a_built_network_computes_what_a_hand_written_one_does() -> None:
    built, written = build(macro_cifar10().graph([2, 0, 0, 0, 0, 0, 0, 1])), HandWritten()
    values = list(written.state_dict().values())
    built.load_state_dict(dict(zip(built.state_dict(), values, strict=True)))
    images = torch.randn(4, 3, 32, 32)
    torch.testing.assert_close(built(images), written(images), rtol=0, atol=0)
    torch.testing.assert_close(built.eval()(images), written.eval()(images), rtol=0, atol=0)


def test_proxyless_style_reaches_the_modules() -> None:
    module = build(dance_cifar10().graph([0] * 9))
    assert not [each for each in module.modules() if isinstance(each, nn.ReLU)]
    assert {each.eps for each in module.modules() if isinstance(each, nn.BatchNorm2d)} == {1e-3}


def test_the_module_of_a_graph_from_a_file_is_the_same() -> None:
    graph = macro_cifar10().graph([1, 2, 0, 1, 0, 2, 1, 0])
    first, second = build(graph), build(graph_from_dict(graph_to_dict(graph)))
    second.load_state_dict(first.state_dict())
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(first.eval()(images), second.eval()(images))


def test_images_of_the_wrong_shape() -> None:
    with pytest.raises(ValueError, match=r"expected images of shape \('batch', 3, 32, 32\), got \(2, 3, 28, 28\)"):
        build(macro_cifar10().graph([0] * 8))(torch.zeros(2, 3, 28, 28))


def test_graphs_that_are_no_network() -> None:
    graph = LayerGraph("two")
    with pytest.raises(ValueError, match=r"expected one input node .* found \[\]"):
        build(graph)
    graph.add("image", Input(1, 4, 4))
    graph.add("a.b", Conv(2, 3), inputs=["image"])
    graph.add("a/b", BatchNorm(), inputs=["a.b"])
    with pytest.raises(ValueError, match="node names must differ in more than"):
        build(graph)
    graph.add("c", Conv(2, 3), inputs=["image"])
    with pytest.raises(ValueError, match=r"expected one output node, found \['a/b', 'c'\]"):
        build(graph)


@pytest.mark.parametrize("name", ["values", "forward", "training", "keys", "register_buffer"])
def test_a_node_may_be_called_as_a_member_of_torchs_modules(name: str) -> None:
    from dance_env.exporting.network.onnx_model import onnx_bytes
    from dance_env.exporting.network.torch_source import torch_source, torch_state

    graph = LayerGraph("g")
    graph.add(name, Conv(4, 3), inputs=[graph.add("images", Input(3, 8, 8))])
    module = build(graph)
    assert module(torch.zeros(2, 3, 8, 8)).shape == (2, 4, 8, 8)
    assert list(module.state_dict()) == [f"layers.{name}_.weight"]
    ((own, weight),) = torch_state(graph, module.state_dict()).items()
    assert torch.equal(weight, module.state_dict()[f"layers.{name}_.weight"])
    assert f"self.{own.removesuffix('.weight')} = nn.Conv2d" in torch_source(graph)
    if importlib.util.find_spec("onnx"):
        assert f"{name}_.weight".encode() in onnx_bytes(graph, state=module.state_dict())


def test_an_imported_network_is_refused_with_what_to_do() -> None:
    from dance_env.graph.general_nodes import Elementwise
    from dance_env.graph.general_nodes import Tensor as Imported

    tensors, images = LayerGraph("tensors"), LayerGraph("images")
    tensors.add("cos", Elementwise("cos"), inputs=[tensors.add("x", Imported((4, 8)))])
    images.add("cos", Elementwise("cos"), inputs=[images.add("x", Input(3, 8, 8))])
    for graph, message in ((tensors, r"expected one input node .* found \[\]"), (images, "no torch module is known")):
        with pytest.raises(ValueError, match=rf"{message}.* use the module or the file that it was imported from"):
            build(graph)
