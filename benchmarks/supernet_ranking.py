"""Does the supernet rank networks as training each from scratch does?

    python benchmarks/supernet_ranking.py runs/ranking [--networks 36] [--seeds 2] [--workers 2]

Trains a supernet of dance-mnist on uniform paths, draws networks of all sizes, trains each from scratch on the same
images as the supernet, and prints Kendall's and Spearman's rank correlation of the two accuracies, with a bootstrap
interval. Networks drawn uniformly all have much the same size and accuracy, so there is nothing to rank: these are one
from each of `--networks` equal steps of log multiply-accumulates, from the smallest network of the space to the largest
(`--draw uniform` for the others). With several seeds per network, the correlation between seeds says how far the
from-scratch ranking agrees with itself: no predictor can be expected to do much better. Killed and started again, it
goes on where it stopped.
"""

from __future__ import annotations

import argparse
import io
import json
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from rich.progress import track
from scipy import stats

from dance_env.accuracy.supernet.accuracy import SupernetAccuracy, load_supernet
from dance_env.accuracy.supernet.catalog import load_images
from dance_env.accuracy.supernet.image_data import plain_batches
from dance_env.accuracy.supernet.network import build_network
from dance_env.atomic import write_whole
from dance_env.graph.networks import network_space
from dance_env.progress import reporter
from dance_env.space import DesignSpace
from solvers.methods.dance.images.settings import ChoiceSettings, ImageSettings
from solvers.methods.dance.images.supernet_training import train_supernet, trainable_supernet
from solvers.methods.dance.images.training.weights import Execution, WeightSettings, accuracy, train_from_scratch

TASK = "dance-mnist"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--networks", type=int, default=36)
    parser.add_argument("--draw", choices=("sizes", "uniform"), default="sizes", help="how networks are drawn")
    parser.add_argument("--seeds", type=int, default=2, help="trainings from scratch of each network")
    parser.add_argument("--supernet-epochs", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=5, help="of each training from scratch")
    parser.add_argument("--workers", type=int, default=2, help="processes, one thread each")
    return parser.parse_args()


def weights(epochs: int) -> WeightSettings:
    """How both the supernet and the single networks are trained."""
    return WeightSettings(epochs=epochs, batch_size=32, learning_rate=0.05, label_smoothing=0.0)


def supernet_accuracy(folder: Path, epochs: int) -> SupernetAccuracy:
    """The trained supernet, now or from an earlier run."""
    trainable, path = trainable_supernet(TASK), folder / "supernet.safetensors"
    if not path.exists():
        choice = ChoiceSettings(warmup_epochs=epochs, grown_epochs=min(4, epochs))
        settings = ImageSettings(weights(epochs), choice, weights(1))
        with reporter(True, "Training steps") as report:
            train_supernet(trainable, path, settings=settings, progress=report)
    supernet = load_supernet(path, space=trainable.space, data=trainable.data)
    return SupernetAccuracy(trainable.space, supernet, trainable.data)


def spread_over_sizes(model: SupernetAccuracy, count: int, rng: np.random.Generator) -> np.ndarray:
    """`(count, N)` networks, one from each of `count` equal steps between the least and the most log operations.

    Each candidate has a favorite option, and a share of its choices that follow it, so that networks of mostly Zero
    and of mostly large options occur; within a step the candidates are equally likely.
    """
    counts, candidates = np.array(model.option_counts), 100_000
    drawn = rng.integers(counts, size=(candidates, len(counts)))
    favorite = rng.integers(counts.max(), size=(candidates, 1)) % counts
    drawn = np.where(rng.random(drawn.shape) < rng.random((candidates, 1)), favorite, drawn)
    macs = np.log(model.space.macs(drawn).astype(float))
    edges = np.linspace(macs.min(), macs.max(), count + 1)[1:-1]
    step = np.digitize(macs, edges)
    return np.stack([drawn[rng.choice(np.flatnonzero(step == each))] for each in range(count)])


def from_scratch(network: list[int], epochs: int, seed: int) -> float:
    """Accuracy of one network on the choices and test splits together: 2,000 images that it was not trained on."""
    torch.set_num_threads(1)
    data, space = load_images(TASK), network_space(TASK)
    module = build_network(space, network, seed=seed)
    settings, execution = weights(epochs), Execution()
    tested = train_from_scratch(module, data, settings, split=data.weights, seed=seed, execution=execution)
    held_out = accuracy(
        module, plain_batches(data.choices, data, batch_size=500), precision="float32", execution=execution
    )
    return (tested * len(data.test) + held_out * len(data.choices)) / (len(data.test) + len(data.choices))


def train_all(folder: Path, networks: np.ndarray, *, epochs: int, seeds: int, workers: int) -> np.ndarray:
    """`(networks, seeds)` accuracies; each is written as soon as it is known."""
    path = folder / "from_scratch.json"
    known: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}
    keys = {
        f"{epochs} epochs, seed {seed}: {network.tolist()}": (network.tolist(), epochs, seed)
        for seed in range(seeds)
        for network in networks
    }
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(from_scratch, *job): key for key, job in keys.items() if key not in known}
        for done in track(as_completed(running), "from scratch", total=len(running)):
            known[running[done]] = done.result()
            write_whole(path, (json.dumps(known, indent=0) + "\n").encode())
    return np.array([known[key] for key in keys]).reshape(seeds, len(networks)).T


def correlation(one: np.ndarray, other: np.ndarray, *, resamples: int = 2000) -> dict[str, Any]:
    """Rank correlations, and a 95 % bootstrap interval of Kendall's."""
    rng = np.random.default_rng(0)
    rows = rng.integers(len(one), size=(resamples, len(one)))
    taus = [stats.kendalltau(one[row], other[row]).statistic for row in rows]
    kendall, spearman = stats.kendalltau(one, other), stats.spearmanr(one, other)
    return {
        "kendall": float(kendall.statistic),
        "kendall_p": float(kendall.pvalue),
        "kendall_95pct": [float(value) for value in np.nanpercentile(taus, [2.5, 97.5])],
        "spearman": float(spearman.statistic),
        "spearman_p": float(spearman.pvalue),
        "pearson": float(stats.pearsonr(one, other).statistic),
    }


def plot(report: dict[str, Any], macs: np.ndarray, path: Path) -> None:
    """Accuracy from the supernet against accuracy from scratch, colored by size."""
    scratch, predicted = 100.0 * np.array([[mean, shared] for shared, mean in report["pairs"]]).T
    figure = Figure(figsize=(5.6, 4.4), layout="constrained")
    axes = figure.subplots()
    points = axes.scatter(scratch, predicted, c=macs / 1e6, cmap="viridis", edgecolors="black", linewidths=0.4)
    figure.colorbar(points, label="million multiply-accumulates")
    found = report["supernet_vs_from_scratch"]
    axes.set(
        xlabel=f"trained from scratch, {report['epochs']} epochs: accuracy, %",
        ylabel="shared weights of the supernet: accuracy, %",
        title=f"{len(scratch)} networks of {TASK}: Kendall's tau {found['kendall']:.2f}",
    )
    axes.grid(alpha=0.3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    write_whole(path, buffer.getvalue())


def main() -> None:
    """Measure and write `ranking.json` and `ranking.png`."""
    asked = arguments()
    model = supernet_accuracy(asked.folder, asked.supernet_epochs)
    space = DesignSpace(model.space.choices())
    rng = np.random.default_rng(0)
    uniform = asked.draw == "uniform"
    networks = space.sample(rng, asked.networks) if uniform else spread_over_sizes(model, asked.networks, rng)
    predicted = model.evaluate(networks)
    trained = train_all(asked.folder, networks, epochs=asked.epochs, seeds=asked.seeds, workers=asked.workers)
    mean = trained.mean(axis=1)
    report: dict[str, Any] = {
        "networks": asked.networks,
        "draw": asked.draw,
        "seeds": asked.seeds,
        "supernet_epochs": asked.supernet_epochs,
        "epochs": asked.epochs,
        "from_scratch_pct": [round(100 * float(value), 3) for value in (mean.min(), mean.mean(), mean.max())],
        "supernet_pct": [
            round(100 * float(value), 3) for value in (predicted.min(), predicted.mean(), predicted.max())
        ],
        "supernet_vs_from_scratch": correlation(predicted, mean),
        "macs_vs_from_scratch": correlation(model.space.macs(networks).astype(float), mean),
        "macs_vs_supernet": correlation(model.space.macs(networks).astype(float), predicted),
        "pairs": np.stack([predicted, mean], 1).round(6).tolist(),
        "designs": networks.tolist(),
    }
    if asked.seeds > 1:
        report["between_two_seeds"] = correlation(trained[:, 0], trained[:, 1])
    write_whole(asked.folder / "ranking.json", (json.dumps(report, indent=1) + "\n").encode())
    plot(report, model.space.macs(networks), asked.folder / "ranking.png")
    for name in ("from_scratch_pct", "supernet_pct"):
        print(f"{name}: min, mean, max {report[name]}")
    for name in ("supernet_vs_from_scratch", "macs_vs_from_scratch", "between_two_seeds"):
        if name in report:
            print(f"{name}: {report[name]}")


if __name__ == "__main__":
    main()
