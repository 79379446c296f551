"""The supernet's benchmarks: what they draw and compute, with training left out."""

from __future__ import annotations

import argparse
import importlib.util
import json
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from dance_env.graph.networks import network_space

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def load(name: str) -> ModuleType:
    """A benchmark as a module."""
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def ranking() -> ModuleType:
    return load("supernet_ranking")


def test_ranked_networks_are_one_of_each_size(ranking: ModuleType) -> None:
    space = network_space("dance-mnist")
    model = SimpleNamespace(option_counts=tuple(len(choice.options) for choice in space.choices()), space=space)
    networks = ranking.spread_over_sizes(model, 30, np.random.default_rng(0))
    macs = space.macs(networks).astype(float)
    smallest, largest = 1_355_600, 13_451_936  # all Zero where allowed, else mb3_k3; all mb6_k7
    edges = np.geomspace(smallest, largest, 31)
    assert ((macs >= edges[:-1] * (1 - 1e-9)) & (macs <= edges[1:] * (1 + 1e-9))).all()
    again = ranking.spread_over_sizes(model, 30, np.random.default_rng(0))
    assert (networks == again).all()


def test_rank_correlation_is_that_of_the_textbook(ranking: ModuleType) -> None:
    one, other = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.0])  # 5 pairs agree, 1 does not
    found = ranking.correlation(one, other)
    assert found["kendall"] == pytest.approx(4 / 6)
    assert found["kendall_p"] == pytest.approx(1 / 3)  # 4 or more of 24 orders either way: 8 / 24
    assert found["spearman"] == pytest.approx(0.8)
    low, high = found["kendall_95pct"]
    assert low <= 4 / 6 <= high


def test_trainings_are_kept_and_not_run_again(
    ranking: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = np.array([[0, 1], [2, 3]])
    known = {
        f"5 epochs, seed {seed}: {network.tolist()}": seed + network[0] / 10 for seed in (0, 1) for network in networks
    }
    (tmp_path / "from_scratch.json").write_text(json.dumps(known))
    monkeypatch.setattr(ranking, "from_scratch", None)
    trained = ranking.train_all(tmp_path, networks, epochs=5, seeds=2, workers=1)
    np.testing.assert_allclose(trained, [[0.0, 1.0], [0.2, 1.2]])


@pytest.mark.parametrize("sampling", ["two-path", "mixture"])
def test_speed_and_memory_are_measured(sampling: str) -> None:
    asked = argparse.Namespace(
        task="dance-mnist",
        device="cpu",
        precision="float32",
        batch_size=4,
        steps=1,
        every=2,
        threads=torch.get_num_threads(),
        clock="processor",
        sampling=sampling,
    )
    figures = load("supernet").measure(asked)
    assert figures["sampling"] == sampling
    step = figures["weight_step_s"] + figures["choice_step_s"] / 2
    assert figures["images_per_s"] == pytest.approx(4 / step)
    assert figures["peak_mib"] >= 0
