"""Perplexities: the perceptron as HW-GPT-Bench computes it, the shipped factors against it, files that are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

from dance_env.accuracy import FactoredAccuracy, NamedError, RelaxableAccuracy
from dance_env.accuracy.fit_hw_gpt_bench import Settings, draw, fit
from dance_env.accuracy.hw_gpt_bench import MOST_LAYERS, Perceptron, load_factors, perplexity_report
from dance_env.graph.gpt_networks import gpt_l, gpt_m, gpt_s

SPACES = {"gpt-s": gpt_s, "gpt-m": gpt_m, "gpt-l": gpt_l}


def random_networks(name: str, count: int, seed: int = 0) -> np.ndarray:
    choices = SPACES[name]().choices()
    return np.random.default_rng(seed).integers([len(each) for each in choices], size=(count, len(choices)))


@pytest.fixture
def weights_file(tmp_path: Path) -> Path:
    """A perceptron of gpt-s with random weights."""
    rng = np.random.default_rng(3)
    sizes = [80, 128, 128, 128, 128, 1]
    arrays: dict[str, Any] = {}
    for layer in range(1, 6):
        shape = (sizes[layer], sizes[layer - 1])
        arrays[f"fc{layer}.weight"] = rng.normal(size=shape).astype(np.float32) / shape[1] ** 0.5
        arrays[f"fc{layer}.bias"] = rng.normal(size=shape[0]).astype(np.float32)
    path = tmp_path / "perplexity_s.npz"
    np.savez(path, **arrays)
    return path


def by_matrix_products(path: Path, networks: np.ndarray) -> np.ndarray:
    """The perceptron written down a second time: one-hot input in the order of HW-GPT-Bench, four hidden layers."""
    space = gpt_s()
    inputs = []
    for network in networks:
        chosen = {c.name: c.options[o] for c, o in zip(space.choices(), network, strict=True)}
        bits = [chosen["embedding"] == width for width in (192, 384, 768)]
        bits += [chosen["depth"] == depth for depth in (10, 11, 12)]
        for name, options in (("mlp", (2, 3, 4)), ("heads", (4, 8, 12))):
            for layer in range(1, 13):
                bits += [layer <= chosen["depth"] and chosen[f"{name}{layer}"] == option for option in options]
        inputs.append([*bits, chosen["bias"] == "yes", chosen["bias"] == "no"])
    values = np.array(inputs, dtype=np.float64)
    with np.load(path) as arrays:
        for layer in range(1, 6):
            values = values @ arrays[f"fc{layer}.weight"].T.astype(np.float64) + arrays[f"fc{layer}.bias"]
            if layer < 5:
                values = np.maximum(values, 0.0)
    return values[:, 0]


def test_the_perceptron_is_computed_as_hw_gpt_bench_does(weights_file: Path) -> None:
    networks = random_networks("gpt-s", 40)
    perceptron = Perceptron.load(weights_file, "gpt-s")
    np.testing.assert_allclose(perceptron.perplexity(networks), by_matrix_products(weights_file, networks), rtol=1e-12)
    np.testing.assert_array_equal(perceptron.evaluate(networks), 1.0 - perceptron.perplexity(networks) / 100.0)


def test_a_perplexity_does_not_depend_on_the_batch_or_on_layers_that_are_not_there(weights_file: Path) -> None:
    perceptron, networks = Perceptron.load(weights_file, "gpt-s"), random_networks("gpt-s", 33)
    together = perceptron.perplexity(networks)
    alone = [perceptron.perplexity(network[None])[0] for network in networks]
    assert together.tolist() == alone
    assert together.tolist() == perceptron.perplexity(gpt_s().same_network(networks)).tolist()


def test_a_perceptron_has_no_expectation(weights_file: Path) -> None:
    perceptron = Perceptron.load(weights_file, "gpt-s")
    assert isinstance(perceptron, NamedError)
    assert not isinstance(perceptron, RelaxableAccuracy | FactoredAccuracy)


@pytest.mark.parametrize("name", SPACES)
def test_shipped_factors_are_close_to_the_perceptron_on_networks_that_the_fit_has_not_seen(
    name: str, shared_dir: Path
) -> None:
    perceptron = Perceptron.load(shared_dir / "data" / "hw-gpt-bench" / f"perplexity_{name[-1]}.npz", name)
    networks = random_networks(name, 2000, seed=11)
    truth, ours = perceptron.perplexity(networks), 100.0 * (1.0 - load_factors(name).accuracy.evaluate(networks))
    assert 1 - np.var(ours - truth) / np.var(truth) > 0.9999
    assert np.abs(ours - truth).mean() < 0.06
    assert kendalltau(ours, truth)[0] > 0.98


@pytest.mark.parametrize("name", SPACES)
def test_shipped_factors_fit_their_space_and_the_report_says_how_well(name: str) -> None:
    networks, factors = random_networks(name, 500), load_factors(name).accuracy
    assert factors.option_counts == tuple(len(choice) for choice in SPACES[name]().choices())
    perplexity = 100.0 * (1.0 - factors.evaluate(networks))
    measured = perplexity_report()["measured"][name]
    assert measured["perplexity_least"] - 1 < perplexity.min() < perplexity.max() < measured["perplexity_most"] + 1
    assert measured["uniform_r2"] > 0.9999
    assert measured["uniform_kendall_tau"] > 0.985
    np.testing.assert_array_equal(factors.evaluate(SPACES[name]().same_network(networks)), factors.evaluate(networks))


def test_shipped_factors_are_the_same_bits_everywhere() -> None:
    networks = np.array([[0] * 27, [2] * 2 + [1] + [2] * 24])
    perplexity = 100.0 * (1.0 - load_factors("gpt-s").accuracy.evaluate(networks))
    np.testing.assert_allclose(perplexity, [43.0, 21.3], atol=0.5)


def test_the_fit_finds_a_perceptron_that_is_a_sum(weights_file: Path) -> None:
    """A large first bias and positive weights behind it cut off no hidden unit: the perceptron is linear."""
    with np.load(weights_file) as arrays:
        linear = {key: array if key == "fc1.weight" else np.abs(array) for key, array in arrays.items()}
    linear["fc1.bias"] += 100.0
    np.savez(weights_file, **linear)  # type: ignore[arg-type]
    settings = Settings(networks=200, held_out=50, ridge=1e-6)
    perceptron = Perceptron.load(weights_file, "gpt-s")
    factors, measured = fit(perceptron, settings)
    assert measured["r2"] > 1 - 1e-6
    assert measured["held_out_networks"] == 18 * 50
    assert not factors.layers[:, 0, :, 10:].any()  # ten layers: the other two add nothing


def test_half_of_the_networks_drawn_have_much_the_same_option_everywhere() -> None:
    networks = draw(12, 2000, concentration=0.3, rng=np.random.default_rng(0))
    most_common = np.stack([(networks[:, 3::2] == option).sum(axis=1) for option in range(3)]).max(axis=0)
    assert most_common[:1000].mean() < 7
    assert most_common[1000:].mean() > 8
    assert networks[:, 3:].min() == 0
    assert networks[:, 3:].max() == 2


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda arrays: arrays.pop("fc3.bias"),
            r"expected fc3.bias of shape \(128,\), finite, for 'gpt-s'; found nothing",
        ),
        (
            lambda arrays: arrays.update({"fc1.weight": np.zeros((128, 152))}),
            r"shape \(128, 80\).*is this the one of 'gpt-s'\?",
        ),
        (lambda arrays: arrays.update({"fc5.bias": np.array([np.nan])}), "expected fc5.bias .* finite"),
    ],
)
def test_a_wrong_file_is_refused(weights_file: Path, damage: Any, message: str) -> None:
    with np.load(weights_file) as loaded:
        arrays = dict(loaded)
    damage(arrays)
    np.savez(weights_file, **arrays)
    with pytest.raises(ValueError, match=message):
        Perceptron.load(weights_file, "gpt-s")


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, weights_file: Path) -> None:
    path = tmp_path / "text.npz"
    path.write_text("no arrays")
    with pytest.raises(ValueError, match=r"expected a file of numpy arrays \(.npz\)"):
        Perceptron.load(path, "gpt-s")
    path.write_bytes(weights_file.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"expected a file of numpy arrays \(.npz\)"):
        Perceptron.load(path, "gpt-s")


def test_every_space_has_its_layers() -> None:
    assert {name: make().depths[-1] for name, make in SPACES.items()} == MOST_LAYERS
