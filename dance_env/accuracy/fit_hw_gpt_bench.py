"""Fits perplexity as a sum of factors: `python -m dance_env.accuracy.fit_hw_gpt_bench --folder FOLDER`.

The folder holds HW-GPT-Bench's perceptrons as `perplexity_s.npz`, `perplexity_m.npz` and `perplexity_l.npz`. For each
embedding, depth and bias a least-squares fit over one-hot MLP ratios and heads; no pairs of layers: what they add is in
the report. Half of the networks are drawn uniformly, the other half with option probabilities of their own
(Dirichlet), so that networks with much the same option everywhere, where optima lie, are among them. Other networks of
both kinds are held out. Seeded; a minute and a half on one core.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kendalltau

from dance_env.accuracy.hw_gpt_bench import (
    FACTORS_FILE,
    MOST_LAYERS,
    Perceptron,
    PerplexityFactors,
)

CONDITIONS = (3, 3, 2)
"""Options of embedding, depth and bias."""


@dataclass(frozen=True)
class Settings:
    """How the factors are fitted.

    Attributes:
        networks: To fit to, for each embedding, depth and bias.
        held_out: As many for which errors are measured.
        concentration: Of the Dirichlet distribution that half of the networks draw their option probabilities from.
        ridge: On the squared terms, beside the sum of squared errors.
        seed: Of the draws.
    """

    networks: int = 4_000
    held_out: int = 1_000
    concentration: float = 0.3
    ridge: float = 0.1
    seed: int = 0


def draw(most_layers: int, count: int, *, concentration: float, rng: np.random.Generator) -> np.ndarray:
    """Return `(count, 3 + 2 most_layers)` networks; the last half with option probabilities of their own."""
    uniform = count // 2
    even = rng.integers(3, size=(uniform, 2 * most_layers))
    probabilities = rng.dirichlet([concentration] * 3, size=(count - uniform, 2))  # of MLP ratios and of heads
    edges = probabilities.cumsum(axis=2)[:, :, :2].repeat(most_layers, axis=0).reshape(-1, most_layers, 2, 2)
    skewed = (rng.random((count - uniform, most_layers, 2, 1)) > edges).sum(axis=3).reshape(count - uniform, -1)
    layers = np.concatenate([even, skewed])
    return np.concatenate([np.zeros((count, 3), dtype=np.int64), layers], axis=1)


def fit(perceptron: Perceptron, settings: Settings) -> tuple[PerplexityFactors, dict[str, float]]:
    """Return the factors of one space and what was measured on networks held out."""
    most = MOST_LAYERS[perceptron.name]
    rng = np.random.default_rng(settings.seed)
    constant, layers = np.zeros(CONDITIONS), np.zeros((*CONDITIONS, most, 2, 3))
    held_out, neighbors, uniform = [], [], []
    for condition in np.ndindex(*CONDITIONS):
        depth = most - 2 + condition[1]
        networks = draw(most, settings.networks + settings.held_out, concentration=settings.concentration, rng=rng)
        networks[:, :3] = condition
        truth = perceptron.perplexity(networks)
        order = rng.permutation(len(networks))
        train, test = order[: settings.networks], order[settings.networks :]
        one_hot = np.eye(3)[networks[:, 3 : 3 + 2 * depth]][:, :, 1:].reshape(len(networks), -1)
        weights = _least_squares(one_hot[train], truth[train], settings.ridge)
        constant[condition] = weights[0]
        layers[condition][:depth, :, 1:] = weights[1:].reshape(depth, 2, 2)
        held_out.append((networks[test], truth[test]))
        uniform.append(test < len(networks) // 2)
        pairs = _with_neighbors(one_hot)
        neighbors.append(
            _predict(pairs[test], _least_squares(pairs[train], truth[train], settings.ridge)) - truth[test]
        )
    factors = PerplexityFactors(constant.astype(np.float32), layers.astype(np.float32))
    return factors, measure(factors, held_out, uniform=np.concatenate(uniform), neighbors=np.concatenate(neighbors))


def measure(
    factors: PerplexityFactors,
    held_out: list[tuple[np.ndarray, np.ndarray]],
    *,
    uniform: np.ndarray,
    neighbors: np.ndarray,
) -> dict[str, float]:
    """Return errors and rank correlations on held-out networks.

    Args:
        factors: Fitted.
        held_out: Networks and their perplexities, for each embedding, depth and bias.
        uniform: Which of them are drawn uniformly, one after the other.
        neighbors: Errors of a fit that has pairs of neighboring layers as well, on the same networks.
    """
    truth = np.concatenate([perplexity for _, perplexity in held_out])
    predicted = [100.0 * (1.0 - factors.accuracy.evaluate(networks)) for networks, _ in held_out]
    ours = np.concatenate(predicted)
    error = ours - truth
    within = [
        (1.0 - np.var(one - theirs) / np.var(theirs), float(kendalltau(one, theirs)[0]))
        for one, (_, theirs) in zip(predicted, held_out, strict=True)
    ]
    return {
        "held_out_networks": len(truth),
        "perplexity_least": float(truth.min()),
        "perplexity_most": float(truth.max()),
        "r2": float(1.0 - np.var(error) / np.var(truth)),
        "mean_absolute_error": float(np.abs(error).mean()),
        "max_absolute_error": float(np.abs(error).max()),
        "kendall_tau": float(kendalltau(ours, truth)[0]),
        "uniform_r2": float(1.0 - np.var(error[uniform]) / np.var(truth[uniform])),
        "uniform_mean_absolute_error": float(np.abs(error[uniform]).mean()),
        "uniform_kendall_tau": float(kendalltau(ours[uniform], truth[uniform])[0]),
        "r2_of_one_embedding_depth_bias_least": float(min(r2 for r2, _ in within)),
        "kendall_tau_of_one_embedding_depth_bias_least": min(tau for _, tau in within),
        "with_pairs_of_neighbors_mean_absolute_error": float(np.abs(neighbors).mean()),
    }


def main(argv: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--folder", type=Path, required=True, help="of perplexity_s.npz, perplexity_m.npz, perplexity_l.npz"
    )
    parser.add_argument("--out", type=Path, default=FACTORS_FILE, help="file to write (.npz)")
    for name, value in asdict(Settings()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    options = vars(parser.parse_args(argv))
    folder, out = options.pop("folder"), options.pop("out")
    settings = Settings(**options)
    arrays: dict[str, np.ndarray] = {}
    report: dict[str, dict[str, Any]] = {}
    for name in MOST_LAYERS:
        file = folder / f"perplexity_{name[-1]}.npz"
        factors, measured = fit(Perceptron.load(file, name), settings)
        arrays |= {f"{name}.constant": factors.constant, f"{name}.layers": factors.layers}
        report[name] = {"perceptron_sha256": hashlib.sha256(file.read_bytes()).hexdigest(), **measured}
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("wb") as written:
        np.savez(written, **arrays)  # type: ignore[arg-type]  # numpy types the flag beside the arrays
    record = {
        "source": "HW-GPT-Bench (Sukthanker et al., 2024): perceptrons that predict a supernet's OpenWebText perplexity",
        "settings": asdict(settings),
        "measured": report,
    }
    text = json.dumps(record, indent=2) + "\n"
    out.with_suffix(".json").write_text(text, encoding="utf-8")

    from rich.console import Console

    Console().print_json(text)


def _least_squares(inputs: np.ndarray, targets: np.ndarray, ridge: float) -> np.ndarray:
    """Return the constant and a weight for each input; the constant carries no penalty."""
    full = np.concatenate([np.ones((len(inputs), 1)), inputs], axis=1)
    penalty = ridge * np.eye(full.shape[1])
    penalty[0, 0] = 0.0
    return np.linalg.solve(full.T @ full + penalty, full.T @ targets)


def _predict(inputs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return weights[0] + inputs @ weights[1:]


def _with_neighbors(one_hot: np.ndarray) -> np.ndarray:
    """Return the inputs and the products of neighboring layers' MLP ratios, and of their heads."""
    by_layer = one_hot.reshape(len(one_hot), -1, 2, 2)
    pairs = by_layer[:, :-1, :, :, None] * by_layer[:, 1:, :, None, :]
    return np.concatenate([one_hot, pairs.reshape(len(one_hot), -1)], axis=1)


if __name__ == "__main__":
    main()
