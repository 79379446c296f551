"""Network spaces: graphs and arrays say the same, and the counts are those that were published."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dance_env.graph import (
    NETWORKS,
    BlockSpace,
    NetworkSpace,
    Slot,
    dance_cifar10,
    dance_cifar10_lite,
    dance_imagenet,
    dance_mnist,
    layer_row,
    macro_cifar10,
    network_space,
    tiny,
)
from dance_env.graph.operators import MBConv, Place
from dance_env.space import DesignSpace

SPACES = st.sampled_from(sorted(NETWORKS)).map(network_space)
BLOCKS = st.sampled_from([name for name in sorted(NETWORKS) if isinstance(network_space(name), BlockSpace)]).map(
    network_space
)
SEEDS = st.integers(0, 2**32 - 1)

# (network, params, flops) as NAS-Bench-Macro's table has them
MACRO_GOLDEN = [
    ("00000000", 387_882, 7_713_280),
    ("11111111", 1_588_874, 53_246_464),
    ("22212202", 1_985_514, 85_164_544),  # the most accurate network, 93.13 %
    ("02012100", 890_666, 47_327_744),
    ("00011110", 1_118_378, 31_390_208),
]


def sample(space: BlockSpace, seed: int, batch: int) -> np.ndarray:
    return DesignSpace(space.choices()).sample(np.random.default_rng(seed), batch)


@cache
def macro_rows() -> list[list[tuple[tuple[int, ...], ...]]]:
    """Of each fragment of macro-cifar10, of each option: the rows of its layers."""
    return [[tuple(map(layer_row, graph.layers())) for graph in graphs] for graphs in macro_cifar10().fragments()]


def layers_of(network: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """The rows of a macro-cifar10 network's layers, in order of execution."""
    chosen = iter(network)
    return tuple(row for options in macro_rows() for row in options[next(chosen) if len(options) > 1 else 0])


def digits(network: str) -> list[int]:
    return [int(digit) for digit in network]


# -------------------------------------------------------------------------------------------------------- properties
@given(SPACES, SEEDS)
def test_graph_and_arrays_say_the_same(space: BlockSpace, seed: int) -> None:
    networks = sample(space, seed, 3)
    assert isinstance(space, NetworkSpace)
    for row, network in enumerate(networks):
        graph = space.graph(network)
        assert space.macs(networks)[row] == graph.macs == sum(layer.macs for layer in graph.layers())
        assert space.parameters(networks)[row] == graph.parameters


@given(SPACES, SEEDS)
def test_fixed_and_chosen_layers_make_up_the_network(space: BlockSpace, seed: int) -> None:
    network = sample(space, seed, 1)[0]
    parts = list(space.fixed_layers())
    for part in space.parts():
        counts = [len(space.choices()[choice]) for choice in part.scope]
        parts += part.layers[int(np.ravel_multi_index(network[list(part.scope)].tolist(), counts))]
    assert Counter(parts) == Counter(space.graph(network).layers())


@given(SPACES, SEEDS)
def test_a_batch_equals_batches_of_one(space: BlockSpace, seed: int) -> None:
    networks = sample(space, seed, 4)
    for count in (space.macs, space.parameters):
        np.testing.assert_array_equal(count(networks), np.concatenate([count(network[None]) for network in networks]))
        assert count(networks).dtype == np.int64


@given(BLOCKS, SEEDS)
def test_every_block_of_a_graph_carries_the_operator_that_was_chosen(space: BlockSpace, seed: int) -> None:
    network = sample(space, seed, 1)[0]
    graph = space.graph(network)
    found = dict(graph.block(name) for name in graph.nodes)
    chosen = dict(zip((slot.name for slot in space.searchable), network.tolist(), strict=True))
    for slot in space.slots:
        assert found[slot.name] == slot.options[chosen.get(slot.name, 0)]


@given(BLOCKS, SEEDS)
def test_the_fragments_in_a_row_are_the_network(space: BlockSpace, seed: int) -> None:
    network = iter(sample(space, seed, 1)[0].tolist())
    picked = [graphs[next(network)] if len(graphs) > 1 else graphs[0] for graphs in space.fragments()]
    whole = space.graph(sample(space, seed, 1)[0])
    assert [layer for graph in picked for layer in graph.layers()] == list(whole.layers())
    assert sum(graph.parameters for graph in picked) == whole.parameters


# ------------------------------------------------------------------------------------------------------------ golden
@pytest.mark.parametrize(("network", "params", "flops"), MACRO_GOLDEN)
def test_macro_counts_are_the_published_ones(network: str, params: int, flops: int) -> None:
    space = macro_cifar10()
    assert space.parameters([digits(network)]).tolist() == [params]
    assert space.macs([digits(network)]).tolist() == [flops], "the table's flops are multiply-accumulates, fc included"


def test_the_smallest_macro_network_by_hand() -> None:
    convolutions = [(32, 3, 9, 32), (64, 32, 1, 16), (128, 64, 1, 8), (256, 128, 1, 4), (1280, 256, 1, 4)]
    macs = sum(k * c * taps * rows**2 for k, c, taps, rows in convolutions) + 1280 * 10
    parameters = sum(k * c * taps + 2 * k for k, c, taps, _ in convolutions) + 1280 * 10 + 10
    space = macro_cifar10()
    assert (space.macs([[0] * 8])[0], space.parameters([[0] * 8])[0]) == (macs, parameters) == (7_713_280, 387_882)


def test_macro_counts_are_the_published_ones_for_all_6561_networks(shared_dir: Path) -> None:
    table = json.loads((shared_dir / "data" / "nas-bench-macro_cifar10.json").read_text())
    networks = np.array([digits(key) for key in table])
    assert len(networks) == macro_cifar10().size == 6561
    np.testing.assert_array_equal(macro_cifar10().parameters(networks), [each["params"] for each in table.values()])
    np.testing.assert_array_equal(macro_cifar10().macs(networks), [each["flops"] for each in table.values()])


def test_macro_holds_3969_different_networks() -> None:
    # Where in a stage a block does nothing makes no difference: 3 first blocks x the sequences of the others.
    networks = list(itertools.product(range(3), repeat=8))
    different = {layers_of(network) for network in networks}
    assert len(different) == (3 * (1 + 2)) * (3 * (1 + 2 + 4)) ** 2 == 3969


def test_networks_that_are_the_same_share_their_accuracies_in_the_table(shared_dir: Path) -> None:
    table = json.loads((shared_dir / "data" / "nas-bench-macro_cifar10.json").read_text())
    accuracies: dict[object, set[tuple[float, ...]]] = {}
    for key, entry in table.items():
        accuracies.setdefault(layers_of(digits(key)), set()).add(tuple(entry["test_acc"]))
    assert {len(each) for each in accuracies.values()} == {1}


def test_sizes_of_the_spaces_are_those_of_the_papers() -> None:
    assert macro_cifar10().size == 3**8
    assert tiny().size == 27
    assert dance_cifar10().size == dance_mnist().size == 6**3 * 7**6 == 25_412_184
    assert dance_imagenet().size == 6**6 * 7**15
    assert len(dance_imagenet().choices()) == 21


def test_dance_cifar10_spans_the_multiply_accumulates_that_the_paper_states() -> None:
    space = dance_cifar10()
    smallest = [len(choice) - 1 if "zero" in choice.options else 0 for choice in space.choices()]  # zero, else mb3_k3
    largest = [choice.options.index("mb6_k7") for choice in space.choices()]
    low, high = (space.macs([network])[0] / 1e6 for network in (smallest, largest))
    assert (round(low, 1), round(high, 1)) == (24.8, 153.4)
    every = [[sum(layer.macs for layer in layers) for layers in part.layers] for part in space.parts()]
    assert [int(np.argmin(each)) for each in every] == smallest
    assert [int(np.argmax(each)) for each in every] == largest


def test_shapes_along_dance_cifar10() -> None:
    graph = dance_cifar10().graph([0] * 9)
    assert graph.shape("stem") == (32, 32, 32)
    assert graph.shape("first.project") == (16, 32, 32)
    shapes = [graph.shape(f"block{block}.project") for block in range(1, 10)]
    assert shapes == [(32, 32, 32)] * 3 + [(64, 16, 16)] * 3 + [(128, 8, 8)] * 3
    assert (graph.shape("head"), graph.shape("pool"), graph.shape("fc")) == ((1280, 8, 8), (1280,), (10,))


def test_shapes_along_dance_imagenet() -> None:
    graph = dance_imagenet().graph([0] * 21)
    assert (graph.shape("stem"), graph.shape("first.project")) == ((32, 112, 112), (16, 112, 112))
    ends = [graph.shape(f"block{block}.project") for block in (4, 8, 12, 16, 20, 21)]
    assert ends == [(24, 56, 56), (40, 28, 28), (80, 14, 14), (96, 14, 14), (192, 7, 7), (320, 7, 7)]
    assert graph.shape("fc") == (1000,)


def test_dance_cifar10_lite_is_small() -> None:
    space = dance_cifar10_lite()
    assert space.size == 6**3 * 7**3
    networks = DesignSpace(space.choices()).unrank(np.arange(space.size))
    macs = space.macs(networks)
    assert (macs.min(), macs.max()) == (840_576, 3_409_536)
    assert space.slots[0].in_size == 16


def test_dance_mnist_is_dance_cifar10_at_a_quarter_of_every_width() -> None:
    wide, narrow = dance_cifar10(), dance_mnist()
    assert narrow.choices() == wide.choices()
    assert narrow.image_shape == (1, 28, 28)
    for ours, theirs in zip(narrow.slots, wide.slots, strict=True):
        assert (4 * ours.in_channels, 4 * ours.out_channels, ours.stride) == (
            theirs.in_channels,
            theirs.out_channels,
            theirs.stride,
        )
    assert [slot.out_shape[1] for slot in narrow.searchable] == [28] * 3 + [14] * 3 + [7] * 3


def test_kinds_of_layers_at_the_ends_of_a_network() -> None:
    assert [layer.kind for layer in macro_cifar10().fixed_layers()] == ["conv", "pointwise", "fc"]
    kinds = [layer.kind for layer in dance_mnist().fixed_layers()]  # whose stem has one input channel: not depthwise
    assert kinds == ["conv", "depthwise", "pointwise", "pointwise", "fc"]


def test_zero_is_offered_exactly_where_the_shape_is_kept() -> None:
    for space in (dance_cifar10(), dance_mnist(), dance_imagenet()):
        for slot in space.searchable:
            assert ("zero" in slot.options) == (slot.in_shape == slot.out_shape)


# -------------------------------------------------------------------------------------------------------------- tiny
def test_tiny_is_a_slice_of_macro() -> None:
    networks = np.array(list(itertools.product(range(3), repeat=3)))
    embedded = tiny().embed(networks, into=macro_cifar10())
    expected = np.tile([1, 0, 1, 0, 0, 1, 0, 0], (27, 1))
    expected[:, [1, 3, 6]] = networks
    np.testing.assert_array_equal(embedded, expected)
    np.testing.assert_array_equal(tiny().macs(networks), macro_cifar10().macs(embedded))
    np.testing.assert_array_equal(tiny().parameters(networks), macro_cifar10().parameters(embedded))
    assert tiny().graph([1, 2, 0]).layers() == macro_cifar10().graph([1, 1, 1, 2, 0, 1, 0, 0]).layers()


def test_a_space_embeds_into_itself_unchanged_and_into_no_other() -> None:
    networks = sample(macro_cifar10(), 0, 5)
    np.testing.assert_array_equal(macro_cifar10().embed(networks, into=macro_cifar10()), networks)
    with pytest.raises(
        ValueError, match="'macro-cifar10' has another stem, head, style or blocks than 'dance-cifar10'"
    ):
        macro_cifar10().embed(networks, into=dance_cifar10())
    with pytest.raises(ValueError, match="space 'tiny', slot 'block1': there is no operator 'identity'"):
        macro_cifar10().embed(networks, into=tiny())


# --------------------------------------------------------------------------------------------------------- bad input
def test_unknown_spaces_are_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"no network space 'macro-cifr10'\. Did you mean 'macro-cifar10'"):
        network_space("macro-cifr10")


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_the_catalog_gives_spaces_under_their_own_names(name: str) -> None:
    assert network_space(name).name == name


def test_networks_that_do_not_exist() -> None:
    space = macro_cifar10()
    with pytest.raises(ValueError, match=r"column 7 \('block8'\): option index must be in 0..2, got 3"):
        space.macs([[0] * 7 + [3]])
    with pytest.raises(ValueError, match=r"shape \(batch, 8\)"):
        space.graph([0] * 7)
    with pytest.raises(TypeError, match="networks must be whole numbers"):
        space.macs([[0.5] * 8])


def slot(**change: object) -> Slot:
    arguments: dict = {"name": "a", "operators": ("zero", "mb3_k3"), "in_channels": 8, "out_channels": 8, "stride": 1}
    return Slot(**(arguments | {"in_size": 16} | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"stride": 2},
            r"slot 'a': operator 'zero' may not stand here \(stride 2, 8 -> 8 channels\): it needs stride 1 and equal widths",
        ),
        ({"out_channels": 9}, r"\(stride 1, 8 -> 9 channels\): it needs stride 1 and equal widths"),
        ({"operators": ()}, "one or more different operators"),
        ({"operators": ("zero", "zero")}, "one or more different operators"),
        ({"operators": ("mbconv",)}, "no operator 'mbconv'"),
    ],
)
def test_slots_that_make_no_sense(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        slot(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"slots": (slot(), slot())}, "slot names must differ"),
        ({"slots": (slot(name="stem"),)}, "slot names must differ"),
        ({"slots": (slot(operators=("zero",)),)}, "nothing can be chosen"),
        ({"stem_channels": 9}, r"slot 'a': expected input shape \(9, 16, 16\), found \(8, 16, 16\)"),
        ({"stem_stride": 2}, r"slot 'a': expected input shape \(8, 8, 8\), found \(8, 16, 16\)"),
        ({"slots": (slot(), slot(name="b", in_size=8))}, r"slot 'b': expected input shape \(8, 16, 16\)"),
        ({"image_shape": (1, 16, 8)}, "images must be square"),
    ],
)
def test_network_spaces_that_make_no_sense(change: dict, message: str) -> None:
    arguments: dict = {"name": "x", "image_shape": (1, 16, 16), "num_classes": 2, "stem_channels": 8, "stem_stride": 1}
    with pytest.raises(ValueError, match=message):
        BlockSpace(**(arguments | {"slots": (slot(),), "head_channels": 4} | change))


class Picky(MBConv):
    """An operator of one's own that refuses some places, for its own reason."""

    def why_not(self, place: Place) -> str | None:
        return "it is made for 64 channels" if place.in_channels != 64 else None


def test_a_refusal_says_the_operators_own_reason() -> None:
    with pytest.raises(ValueError, match=r"operator 'mb3_k3' may not stand here .*: it is made for 64 channels"):
        slot(operators=("zero", Picky(3, 3)))
    assert slot(operators=("zero", Picky(3, 3)), in_channels=64, out_channels=64).options == ("zero", "mb3_k3")
