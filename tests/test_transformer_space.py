"""Language models as a network space: layers and parameters against independent formulas, graphs, bad input."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dance_env.drawing.graph import draw_graph
from dance_env.drawing.graph_cards import rows_of_cards
from dance_env.graph import (
    Decode,
    NetworkSpace,
    Prefill,
    TransformerSpace,
    Workload,
    WorkloadSpace,
    canonical_networks,
    different_layers,
    gpt_l,
    gpt_m,
    gpt_s,
    graph_from_dict,
    graph_to_dict,
    layer_sum,
    matrix_product,
    token_grid,
)
from dance_env.graph.layer_graph import LayerGraph
from dance_env.graph.to_torch import build
from dance_env.graph.token_nodes import Embedding, Hidden, LayerNorm, Project, Scores, Softmax, Tokens, WeightedValues
from dance_env.space import DesignSpace

SMALL = TransformerSpace(
    "small", embeddings=(8, 16), depths=(1, 2), heads=(1, 2), mlp_ratios=(2, 3), phase=Prefill(6), head_size=4,
    vocabulary=50,
)  # fmt: skip


def random_networks(space: TransformerSpace, count: int, seed: int = 0) -> np.ndarray:
    choices = space.choices()
    return np.random.default_rng(seed).integers([len(each) for each in choices], size=(count, len(choices)))


def named(space: TransformerSpace, network: np.ndarray) -> dict[str, Any]:
    return {choice.name: choice.options[option] for choice, option in zip(space.choices(), network, strict=True)}


def macs_by_formula(space: TransformerSpace, network: np.ndarray, *, tokens: int, entries: int) -> int:
    chosen = named(space, network)
    width = chosen["embedding"]
    total = width * -(-space.vocabulary // 64) * 64  # the scores of one token, padded
    for layer in range(1, chosen["depth"] + 1):
        attention = chosen[f"heads{layer}"] * (space.head_size or width // chosen[f"heads{layer}"])
        total += tokens * width * 3 * attention + tokens * attention * width  # into and out of the heads
        total += 2 * tokens * entries * attention  # scores, weighted values
        total += 2 * tokens * width * chosen[f"mlp{layer}"] * width
    return total


def parameters_by_formula(space: TransformerSpace, network: np.ndarray) -> int:
    chosen = named(space, network)
    width, bias = chosen["embedding"], int(chosen["bias"] == "yes")
    total = space.vocabulary * width + 2 * width
    for layer in range(1, chosen["depth"] + 1):
        attention, inner = chosen[f"heads{layer}"] * space.head_size, chosen[f"mlp{layer}"] * width
        total += 4 * width + 4 * width * attention + 2 * width * inner
        total += bias * (3 * attention + width + inner + width)
    return total


@pytest.mark.parametrize("make", [gpt_s, gpt_m, gpt_l])
def test_macs_and_parameters_are_those_of_the_formulas(make: Any) -> None:
    space = make()
    networks = random_networks(space, 20)
    prefill, decode = space.prefill(256), space.decode(300)
    assert [macs_by_formula(space, n, tokens=256, entries=256) for n in networks] == prefill.macs(networks).tolist()
    assert [macs_by_formula(space, n, tokens=1, entries=300) for n in networks] == decode.macs(networks).tolist()
    assert [parameters_by_formula(space, n) for n in networks] == space.parameters(networks).tolist()


def test_the_largest_of_gpt_s_is_gpt_2_without_positions() -> None:
    largest = gpt_s().check([[2, 2, 1] + [2, 2] * 12])
    assert gpt_s().parameters(largest) == [124_439_808 - 1024 * 768]


@pytest.mark.parametrize(
    ("make", "different"),
    [
        (gpt_s, 6 * (9**10 + 9**11 + 9**12)),
        (gpt_m, 6 * (9**22 + 9**23 + 9**24)),
        (gpt_l, 6 * sum(9**d for d in (34, 35, 36))),
    ],
)
def test_sizes(make: Any, different: int) -> None:
    space = make()
    assert isinstance(space, NetworkSpace)
    assert space.size == np.prod([len(choice) for choice in space.choices()], dtype=object)
    assert space.different_networks == different


def test_networks_that_differ_beyond_the_depth_alone_are_the_same_network() -> None:
    every = np.array(list(itertools.product(*(range(len(choice)) for choice in SMALL.choices()))))
    canonical = SMALL.same_network(every)
    assert len(np.unique(canonical, axis=0)) == SMALL.different_networks
    np.testing.assert_array_equal(SMALL.macs(every), SMALL.macs(canonical))
    np.testing.assert_array_equal(SMALL.parameters(every), SMALL.parameters(canonical))


@pytest.mark.parametrize("space", [SMALL, SMALL.decode(5), replace(SMALL, head_size=None)])
def test_a_graph_has_the_layers_and_parameters_of_its_space(space: TransformerSpace) -> None:
    for network in random_networks(space, 8):
        graph = space.graph(network)
        chosen = list(space.fixed_layers())
        for part in space.parts():
            counts = [len(space.choices()[choice]) for choice in part.scope]
            chosen += part.layers[np.ravel_multi_index([network[choice] for choice in part.scope], counts)]
        assert sorted(map(str, graph.layers())) == sorted(map(str, chosen))
        assert graph.parameters == space.parameters(network[None])[0]
        assert graph_from_dict(graph_to_dict(graph)) == graph


def test_layers_depend_on_few_choices_and_many_layers_are_equal() -> None:
    space = gpt_s()
    assert [part.scope for part in space.parts()][:3] == [(0,), (0, 3), (0, 4)]
    assert [part.scope for part in space.parts()][-2:] == [(0, 1, 25), (0, 1, 26)]
    assert len(layer_sum(space, lambda layer: layer.macs).rows) == 3 + 10 * 2 * 9 + 2 * 2 * 27
    assert len(different_layers(space)) == 37
    assert len(different_layers(gpt_l())) == 42


def test_attention_reads_no_weights_and_its_heads_are_groups() -> None:
    space = gpt_s().decode(512)
    layers = {layer.name: layer for layer in space.graph([2, 2, 1] + [2, 2] * 12).layers()}
    scores, values, head = layers["layer1.scores"], layers["layer1.values"], layers["head"]
    assert (scores.kind, scores.groups, scores.c, scores.k, scores.p) == ("attention", 12, 768, 12 * 512, 1)
    assert (values.kind, values.groups, values.c, values.k) == ("attention", 12, 12 * 512, 768)
    assert scores.weights == values.weights == 0
    assert (head.kind, head.weights) == ("gemm", 50_304 * 768)


@pytest.mark.parametrize(
    ("rows", "grid"), [(1, (1, 1)), (128, (16, 8)), (196, (14, 14)), (197, (197, 1)), (512, (32, 16))]
)
def test_rows_of_a_product_become_the_most_nearly_square_image(rows: int, grid: tuple[int, int]) -> None:
    assert token_grid(rows) == grid
    layer = matrix_product("product", rows=rows, inner=3, columns=5, products=2, kind="attention")
    assert (layer.macs, layer.outputs, layer.inputs) == (rows * 3 * 5 * 2, rows * 10, rows * 6)


# ---------------------------------------------------------------------------------------------------------------- torch
def test_a_network_runs_in_torch_and_has_the_parameters_of_its_graph() -> None:
    for network in random_networks(SMALL, 6):
        graph = SMALL.graph(network)
        torch.manual_seed(0)
        module = build(graph)
        assert sum(each.numel() for each in module.parameters()) == graph.parameters
        tokens = torch.randint(50, (2, 6))
        scores = module(tokens)
        assert scores.shape == (2, 1, 50)
        assert torch.isfinite(scores).all()
        shuffled = tokens.clone()
        shuffled[:, [1, 2]] = tokens[:, [2, 1]]
        assert not torch.allclose(module(shuffled), scores)  # positions count


def test_attention_in_torch_is_causal_and_equals_torchs_own() -> None:
    graph = LayerGraph("attention")
    graph.add("hidden", Hidden(5, 24))
    graph.add("scores", Scores(2), inputs=("hidden",))
    graph.add("softmax", Softmax(), inputs=("scores",))
    graph.add("attended", WeightedValues(), inputs=("softmax", "hidden"))
    torch.manual_seed(1)
    qkv = torch.randn(3, 5, 24, dtype=torch.float64)
    from dance_env.graph.token_modules import rotate

    queries, keys, values = (each.reshape(3, 5, 2, 4).transpose(1, 2) for each in qkv.split(8, dim=2))
    expected = torch.nn.functional.scaled_dot_product_attention(rotate(queries), rotate(keys), values, is_causal=True)
    torch.testing.assert_close(build(graph)(qkv), expected.transpose(1, 2).flatten(2))


def test_rotated_products_depend_on_the_distance_alone() -> None:
    from dance_env.graph.token_modules import rotate

    torch.manual_seed(2)
    query, key = torch.randn(2, 8, dtype=torch.float64)
    scores = rotate(query.expand(6, 8)) @ rotate(key.expand(6, 8)).T
    torch.testing.assert_close(scores[:-1, :-1], scores[1:, 1:])
    assert not torch.allclose(scores[0], scores[0, 0])


def test_a_decode_step_is_not_built_in_torch() -> None:
    with pytest.raises(ValueError, match="a decode step reads a cache that a graph does not hold"):
        build(SMALL.decode(4).graph([0] * 7))


# ------------------------------------------------------------------------------------------------------------ bad input
@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: gpt_s().prefill(0), ValueError, "tokens must be at least 1, got 0"),
        (lambda: gpt_s().prefill(1.5), TypeError, "tokens must be an int, got 1.5"),
        (lambda: gpt_s().decode(0), ValueError, "context must be at least 1, got 0: .* no decode without a cache"),
        (lambda: Decode(True), TypeError, "context must be an int, got True"),
        (lambda: gpt_s().prefill(1025), ValueError, "prefill 1025 is longer than the 1024 tokens"),
        (lambda: gpt_s().decode(2000), ValueError, "decode 2000 is longer than the 1024 tokens"),
        (lambda: replace(gpt_m(), head_size=None), ValueError, "12 heads do not divide an embedding of 256"),
        (lambda: replace(gpt_s(), depths=(2, 1)), ValueError, "depths must be one or more ascending numbers"),
        (lambda: replace(gpt_s(), heads=()), ValueError, "heads must be one or more ascending numbers"),
        (lambda: replace(gpt_s(), mlp_ratios=(2.5,)), TypeError, "mlp_ratios must be whole numbers"),
        (lambda: gpt_s().check([[3] + [0] * 26]), ValueError, "embedding"),
    ],
)  # fmt: skip
def test_bad_spaces_are_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("node", "shapes", "message"),
    [
        (Tokens(4), ((4,),), "tokens take no inputs"),
        (Embedding(5, 2), ((4, 2),), r"expected token numbers \(tokens,\), found \(4, 2\)"),
        (LayerNorm(), ((3, 4, 4),), r"expected activations \(tokens, features\), found \(3, 4, 4\)"),
        (Project(4), ((4, 2), (4, 2)), "a project node takes one input, got 2"),
        (Scores(2), ((4, 8),), "expected queries, keys and values of 2 heads"),
        (Scores(2, cached=7), ((4, 12),), "expected one token beside a cache of keys, found 4"),
        (Softmax(), ((4, 8),), r"expected scores \(heads, tokens, entries\)"),
        (WeightedValues(), ((2, 4, 4), (5, 12)), r"expected \(4, a multiple of 6\)"),
    ],
)
def test_nodes_refuse_shapes_that_do_not_suit(node: Any, shapes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        node.infer(shapes)


# -------------------------------------------------------------------------------------------------------------- drawing
def test_a_language_model_is_drawn_as_one_card_a_layer(tmp_path: Path) -> None:
    graph = gpt_s().graph([2, 1, 0] + [0, 2] * 12)
    cards = [card for row in rows_of_cards(graph) for card in row]
    assert [card.name for card in cards] == ["tokens", "embedding", *(f"layer{i}" for i in range(1, 12)), "head"]
    assert (cards[2].operator, cards[2].lines, cards[2].residual) == ("h12 m2", ("12 × 64", "MLP 1536"), True)
    assert (cards[0].lines, cards[1].lines, cards[-1].lines) == (("numbers",), ("50,257 rows",), ("next token",))
    draw_graph(graph, tmp_path / "graph.png")
    assert (tmp_path / "graph.png").stat().st_size > 10_000


class NoCanonicalForm:
    """The members of a `NetworkSpace`, and no more, of another space."""

    def __init__(self, inner: NetworkSpace) -> None:
        for name in ("name", "size", "choices", "check", "fixed_layers", "parts", "macs"):
            setattr(self, name, getattr(inner, name))


def test_a_space_of_several_workloads_takes_the_canonical_form_that_all_of_them_declare() -> None:
    networks = DesignSpace(SMALL.choices()).sample(np.random.default_rng(0), 200)
    canonical = SMALL.same_network(networks)
    assert (canonical != networks).any()
    both = WorkloadSpace("both", (Workload("a", SMALL), Workload("b", SMALL.decode(8))))
    assert canonical_networks(both, networks).tolist() == canonical.tolist()
    assert both.different_networks == SMALL.different_networks
    plain = NoCanonicalForm(SMALL)
    mixed = WorkloadSpace("mixed", (Workload("a", SMALL), Workload("b", plain)))
    assert canonical_networks(mixed, networks).tolist() == networks.tolist()
    assert mixed.different_networks == SMALL.size
    assert canonical_networks(plain, networks).tolist() == networks.tolist()
