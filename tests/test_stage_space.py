"""The networks of accel-nasbench: parts, counts, graphs, torch modules."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from dance_env.graph import Stage, StageSpace, accel_nasbench, different_layers
from dance_env.graph.ends import Ends
from dance_env.graph.to_torch import build

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
