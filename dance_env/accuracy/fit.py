"""Fits the surrogate of NAS-Bench-Macro: `python -m dance_env.accuracy.fit --table FILE`.

The shipped weights are those whose held-out error is reported: they have never seen the held-out networks. Networks are
held out, not designs: the 6,561 designs of the benchmark are 3,969 networks, and a split of the designs would train on
the labels it tests on. Seeded, one thread, half a minute; the same command on the same torch build gives the
same weights.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from dance_env.accuracy.nas_bench_macro import KEYS, NUM_BLOCKS, NUM_OPERATORS, read_trainings, same_network
from dance_env.accuracy.surrogate import WEIGHTS_FILE, Ensemble


@dataclass(frozen=True)
class Settings:
    """How the surrogate is fitted.

    Attributes:
        members: perceptrons in the ensemble, trained side by side from different starts and shuffles.
        width: units in each of the two hidden layers.
        epochs, batch_size, learning_rate, weight_decay: AdamW on the mean absolute error, one-cycle schedule.
        held_out: fraction of the networks that no member is trained on.
        seed: of the split, the starts and the shuffles.
    """

    members: int = 10
    width: int = 48
    epochs: int = 150
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 0.1
    held_out: float = 0.2
    seed: int = 1


def split(*, held_out: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Networks to train on and networks held out, a uniform random split of the 3,969; indices into `KEYS`."""
    networks = np.array([i for i, key in enumerate(KEYS) if same_network(key) == key])
    order = np.random.default_rng(seed).permutation(len(networks))
    cut = round(held_out * len(networks))
    return np.sort(networks[order[cut:]]), np.sort(networks[order[:cut]])


def fit(accuracy_pct: np.ndarray, settings: Settings, *, progress: Callable[[int], None] = lambda _: None) -> Ensemble:
    """Fits the ensemble to the accuracies (6561,), percent, of the networks that `split` gives for training.

    Args:
        accuracy_pct: of all designs in C order.
        settings: how.
        progress: called with the number of finished epochs.
    """
    train, _ = split(held_out=settings.held_out, seed=settings.seed)
    digits = np.array([[int(digit) for digit in key] for key in KEYS])
    one_hot = np.eye(NUM_OPERATORS, dtype=np.float32)[digits].reshape(len(KEYS), -1)
    root = (100.0 - accuracy_pct[train]) ** 0.125
    mean, scale = float(root.mean()), float(root.std())
    inputs = torch.from_numpy(one_hot[train])
    targets = torch.from_numpy(((root - mean) / scale).astype(np.float32))
    generator = torch.Generator().manual_seed(settings.seed)
    weights = _start(settings, generator)
    optimizer = torch.optim.AdamW(weights.values(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    steps = len(train) // settings.batch_size
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.epochs * steps
    )
    for epoch in range(settings.epochs):
        order = torch.stack([torch.randperm(len(train), generator=generator) for _ in range(settings.members)])
        for step in range(steps):
            rows = order[:, step * settings.batch_size : (step + 1) * settings.batch_size]
            # Each member has its own loss; their sum trains them independently.
            loss = (_forward(weights, inputs[rows]) - targets[rows]).abs().mean(dim=1).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        progress(epoch + 1)
    arrays = {name: weight.detach().numpy() for name, weight in weights.items()}
    arrays["w3"] = (arrays["w3"] * scale).astype(np.float32)
    arrays["b3"] = (arrays["b3"] * scale + mean).astype(np.float32)
    return Ensemble(**arrays)


def report(ensemble: Ensemble, trainings_pct: np.ndarray, settings: Settings) -> dict[str, float]:
    """Held-out error and rank correlation of the ensemble, and the noise of the table it was fitted to.

    Args:
        ensemble: the fitted weights.
        trainings_pct: (6561, 3) test accuracies of the single trainings, percent.
        settings: those the ensemble was fitted with, for the split.
    """
    mean_pct = trainings_pct.mean(axis=1)
    train, held_out = split(held_out=settings.held_out, seed=settings.seed)
    predicted = ensemble.accuracy_pct()
    error = np.abs(predicted - mean_pct)
    networks = np.concatenate([train, held_out])
    noise = trainings_pct[networks].std(axis=1, ddof=1)
    best = np.argsort(mean_pct[held_out])[-len(held_out) // 10 :]
    return {
        "networks_train": len(train),
        "networks_held_out": len(held_out),
        "held_out_mean_absolute_error_pct": float(error[held_out].mean()),
        "held_out_median_absolute_error_pct": float(np.median(error[held_out])),
        "held_out_root_mean_square_error_pct": float(np.sqrt((error[held_out] ** 2).mean())),
        "held_out_max_absolute_error_pct": float(error[held_out].max()),
        "held_out_kendall_tau": kendall_tau(predicted[held_out], mean_pct[held_out]),
        "held_out_best_tenth_mean_absolute_error_pct": float(error[held_out][best].mean()),
        "held_out_best_tenth_kendall_tau": kendall_tau(predicted[held_out][best], mean_pct[held_out][best]),
        "train_mean_absolute_error_pct": float(error[train].mean()),
        "seed_noise_median_std_pct": float(np.median(trainings_pct[networks].std(axis=1))),
        "seed_noise_median_sample_std_pct": float(np.median(noise)),
        "seed_noise_rms_sample_std_pct": float(np.sqrt((noise**2).mean())),
        "seed_noise_mean_standard_error_of_three_pct": float(noise.mean() / np.sqrt(3.0)),
        "seed_noise_kendall_tau_one_training_to_another": float(
            np.mean([kendall_tau(*trainings_pct[networks][:, pair].T) for pair in ([0, 1], [0, 2], [1, 2])])
        ),
    }


def kendall_tau(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation of two vectors (n,), Kendall's tau-b (ties count for neither side), by comparing all pairs."""
    concordance = untied_a = untied_b = 0
    for i in range(len(a) - 1):
        sign_a, sign_b = np.sign(a[i + 1 :] - a[i]), np.sign(b[i + 1 :] - b[i])
        concordance += int(sign_a @ sign_b)
        untied_a += int(np.count_nonzero(sign_a))
        untied_b += int(np.count_nonzero(sign_b))
    return float(concordance / np.sqrt(untied_a * untied_b))


def main(argv: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--table", help="nas-bench-macro_cifar10.json (default: environment variable or download)")
    parser.add_argument("--out", type=Path, default=WEIGHTS_FILE, help="weights file to write (.npz)")
    for name, value in asdict(Settings()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    options = vars(parser.parse_args(argv))
    table, out = options.pop("table"), options.pop("out")
    settings = Settings(**options)
    torch.set_num_threads(1)

    from rich.console import Console
    from rich.progress import Progress

    trainings = read_trainings(table)
    with Progress() as bar:
        task = bar.add_task("fitting", total=settings.epochs)
        ensemble = fit(trainings.mean(axis=1), settings, progress=lambda done: bar.update(task, completed=done))
    measured = report(ensemble, trainings, settings)
    _save(out, ensemble, settings, measured, trainings)
    Console().print_json(json.dumps(measured))


def _save(out: Path, ensemble: Ensemble, settings: Settings, measured: dict[str, float], trainings: np.ndarray) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("wb") as file:
        np.savez(file, **{name: getattr(ensemble, name) for name in ("w1", "b1", "w2", "b2", "w3", "b3")})
    record = {
        "source": "NAS-Bench-Macro, CIFAR-10 (Su et al., CVPR 2021), mean of three trainings of each network",
        "trainings_sha256": hashlib.sha256(trainings.astype("<f8").tobytes()).hexdigest(),
        "torch": torch.__version__,
        "settings": asdict(settings),
        "measured": measured,
    }
    out.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _start(settings: Settings, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Starting weights as torch's `nn.Linear` draws them: uniform within 1 / sqrt(inputs)."""
    members, width, inputs = settings.members, settings.width, NUM_BLOCKS * NUM_OPERATORS

    def uniform(*shape: int, fan_in: int) -> torch.Tensor:
        return ((torch.rand(shape, generator=generator) * 2 - 1) / fan_in**0.5).requires_grad_()

    return {
        "w1": uniform(members, inputs, width, fan_in=inputs),
        "b1": uniform(members, width, fan_in=inputs),
        "w2": uniform(members, width, width, fan_in=width),
        "b2": uniform(members, width, fan_in=width),
        "w3": uniform(members, width, fan_in=width),
        "b3": uniform(members, fan_in=width),
    }


def _forward(weights: dict[str, torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
    """Outputs (M, batch) of each member for its own inputs (M, batch, 24)."""
    hidden = torch.relu(torch.baddbmm(weights["b1"][:, None], inputs, weights["w1"]))
    hidden = torch.relu(torch.baddbmm(weights["b2"][:, None], hidden, weights["w2"]))
    return (hidden * weights["w3"][:, None]).sum(dim=2) + weights["b3"][:, None]


if __name__ == "__main__":
    main()
