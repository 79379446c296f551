"""The networks of accel-nasbench: parts, counts, graphs, torch modules."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from dance_env.drawing.design.scene import Scene
from dance_env.drawing.design.snapshot import BlockView
from dance_env.drawing.graph_cards import rows_of_cards
from dance_env.graph import Stage, StageSpace, accel_nasbench, different_layers
from dance_env.graph.ends import Ends
from dance_env.graph.to_torch import build
from dance_env.tasks import make_problem

SHARED = Path(__file__).parents[2] / "shared" / "data" / "accel-nasbench" / "networks.csv.gz"


def networks(count: int, seed: int = 0) -> np.ndarray:
    """Random networks."""
    counts = [len(choice) for choice in accel_nasbench().choices()]
    return np.random.default_rng(seed).integers(0, counts, (count, len(counts)))


def test_there_are_as_many_networks_as_published() -> None:
    space = accel_nasbench()
    assert space.size == 36**6 * 48
    assert len(different_layers(space)) == 179
    assert [part.scope for part in space.parts()] == [tuple(range(4 * i, 4 * i + 4)) for i in range(7)]


@pytest.mark.skipif(not SHARED.exists(), reason="needs the table of Accel-NASBench, which is not in this repository")
def test_parameter_counts_equal_the_published_ones_on_every_row() -> None:
    with gzip.open(SHARED, "rt") as file:
        rows = list(csv.DictReader(file))
    space = accel_nasbench()
    columns = [f"{axis}{stage}" for stage in range(7) for axis in ("e", "k", "l", "se")]
    given = np.array(
        [[choice.options.index(int(float(row[c]))) for choice, c in zip(space.choices(), columns, strict=True)]
         for row in rows]
    )  # fmt: skip
    published = np.array([round(1e6 * float(row["params_m"])) for row in rows])
    assert len(rows) > 4_000
    assert np.array_equal(space.parameters(given), published)


def test_parameter_counts_equal_published_ones() -> None:
    """20 networks of Accel-NASBench's table: digits in the order of the choices, and the published count."""
    space = accel_nasbench()
    with (Path(__file__).parent / "golden" / "accel_nasbench_parameters.csv").open() as file:
        rows = list(csv.DictReader(file))
    given = [
        [choice.options.index(int(digit)) for choice, digit in zip(space.choices(), row["network"], strict=True)]
        for row in rows
    ]
    assert space.parameters(np.array(given)).tolist() == [int(row["parameters"]) for row in rows]


def test_drawings_show_a_stage_as_one_block_and_its_layers_as_cards() -> None:
    problem = make_problem("accel-nasbench/edap")
    network = [2, 1, 2, 1] + [0, 0, 0, 0] * 6
    scene = Scene(problem)

    def blocks(design: list[int]) -> tuple[BlockView, ...]:
        given = np.array([design])
        return scene.snapshots(
            given, style="sequential", step=0, horizon=32, metrics=None, history=np.zeros((0, 2, 1))
        )[0].blocks

    first, *others = blocks([*network, 0, 0, 0, 0])
    assert (first.name, first.operator, first.rows, first.channels) == ("block0", "mb6_k5_se×3", 112, 16)
    assert first.look is not None
    assert first.look.lines == ("MB6 ×3", "5×5 SE")
    assert all(block.operator == "mb1_k3" and block.latency_s for block in others)
    assert [block.look is None for block in blocks(network[:7])] == [False] + [True] * 6
    cards = {card.name: card for row in rows_of_cards(accel_nasbench().graph(network)) for card in row}
    assert cards["block0/2"].lines == ("1×1 96", "5×5 dw 96", "SE 96 → 4", "1×1 16")
    assert "block1/2" not in cards


def test_parts_and_graph_have_the_same_layers_and_counts() -> None:
    space = accel_nasbench()
    for network in networks(5):
        graph = space.graph(network)
        assert graph.parameters == space.parameters(network[None])[0]
        assert graph.macs == space.macs(network[None])[0]


def test_a_network_runs_in_torch_and_has_as_many_parameters() -> None:
    torch = pytest.importorskip("torch")
    space = accel_nasbench()
    network = networks(1, seed=3)
    module = build(space.graph(network[0]))
    assert sum(each.numel() for each in module.parameters()) == space.parameters(network)[0]
    module.eval()
    with torch.no_grad():
        assert module(torch.zeros(1, 3, 224, 224)).shape == (1, 1000)


def test_a_stage_that_does_not_fit_is_refused() -> None:
    stage = Stage("block0", 32, 16, 1, 56, (1, 4), (3,), (1, 2))
    ends = Ends((3, 224, 224), num_classes=10, stem_channels=32, stem_stride=2, head_channels=64)
    with pytest.raises(
        ValueError, match=r"stage 'block0': expected input shape \(32, 112, 112\), found \(32, 56, 56\)"
    ):
        StageSpace("wrong", ends, (stage,))
