"""Fits the accuracies of accel-nasbench: `python -m dance_env.accuracy.fit_accel_nasbench --table networks.csv.gz`.

Ridge regression on the one-hot options and on all pairs of them. The error that is reported is that of a ten-fold
cross-validation: every network is predicted by a fit that has not seen it. What ships is fitted to all networks.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kendalltau

from dance_env.accuracy.accel_nasbench import REPORT_FILE, VALUES_FILE, pairs
from dance_env.graph.networks import accel_nasbench
from dance_env.graph.stage_space import AXES

MAIN_PENALTY, PAIR_PENALTY = 0.01, 6.0
"""Ridge penalties of single options and of pairs, chosen by cross-validation out of 0.01 to 6."""

FOLDS = 10
_COLUMNS = {"expansion": "e", "kernel": "k", "layers": "l", "se": "se"}


def read_table(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return networks (B, 28), option indices, and their top-1 accuracies (B,), percent.

    Raises:
        ValueError: If a column is missing, a row has no number, or an option is unknown.
    """
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    header, *lines = text.decode().splitlines()
    names = header.split(",")
    choices = accel_nasbench().choices()
    columns = [f"{_COLUMNS[axis]}{stage}" for stage in range(len(choices) // len(AXES)) for axis in AXES]
    lacking = [name for name in (*columns, "top1_pct") if name not in names]
    if lacking:
        raise ValueError(f"{path}: there is no column {lacking[0]!r}; found {names}")
    networks, accuracy = [], []
    for number, line in enumerate(lines, start=2):
        cells = dict(zip(names, line.split(","), strict=False))
        try:
            options = [int(float(cells[column])) for column in columns]
            networks.append([choice.options.index(each) for choice, each in zip(choices, options, strict=True)])
            accuracy.append(float(cells["top1_pct"]))
        except (KeyError, ValueError) as error:
            raise ValueError(f"{path}, line {number}: expected a network and its accuracy, {error}") from error
        if not 0.0 <= accuracy[-1] <= 100.0:
            raise ValueError(f"{path}, line {number}: top1_pct must be a percentage, got {accuracy[-1]}")
    if len(networks) < 100 * FOLDS:
        raise ValueError(f"{path}: a fit needs at least {100 * FOLDS} networks, got {len(networks)}")
    return np.array(networks), np.array(accuracy)


def features(networks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return one-hot options (B, O) and products of two of them, of all `pairs` (B, P)."""
    counts = [len(choice) for choice in accel_nasbench().choices()]
    hot = [np.eye(count, dtype=np.float32)[column] for count, column in zip(counts, networks.T, strict=True)]
    joint = [np.einsum("bi,bj->bij", hot[i], hot[j]).reshape(len(networks), -1) for i, j in pairs(len(hot))]
    return np.concatenate(hot, axis=1), np.concatenate(joint, axis=1)


def fit(mains: np.ndarray, joint: np.ndarray, accuracy: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Return constant, values of the options and values of the pairs, percent, rounded as they ship."""
    constant = float(np.float32(accuracy.mean()))
    # The dual form: there are fewer networks than pairs.
    kernel = mains @ mains.T / MAIN_PENALTY + joint @ joint.T / PAIR_PENALTY
    dual = np.linalg.solve(kernel.astype(np.float64) + np.eye(len(kernel)), accuracy - constant)
    main_values, pair_values = mains.T @ dual / MAIN_PENALTY, joint.T @ dual / PAIR_PENALTY
    return constant, main_values.astype(np.float32), pair_values.astype(np.float16)


def predict(fitted: tuple[float, np.ndarray, np.ndarray], mains: np.ndarray, joint: np.ndarray) -> np.ndarray:
    """Return predicted accuracies (B,), percent."""
    constant, main_values, pair_values = fitted
    return constant + mains @ main_values.astype(np.float64) + joint @ pair_values.astype(np.float64)


def quality(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Return R2, mean absolute error (points) and Kendall's tau."""
    residual = truth - predicted
    return {
        "r2": float(1.0 - (residual**2).sum() / ((truth - truth.mean()) ** 2).sum()),
        "mean_absolute_error_pct": float(np.abs(residual).mean()),
        "kendall_tau": float(kendalltau(truth, predicted).statistic),
    }


def main() -> None:
    """Fit, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True, help="Accel-NASBench's networks, CSV or CSV.gz")
    asked = parser.parse_args()
    networks, accuracy = read_table(asked.table)
    mains, joint = features(networks)
    order = np.random.default_rng(0).permutation(len(networks))
    predicted = np.empty(len(networks))
    for fold in range(FOLDS):
        test = order[fold::FOLDS]
        train = np.setdiff1d(order, test)
        predicted[test] = predict(fit(mains[train], joint[train], accuracy[train]), mains[test], joint[test])
    constant, main_values, pair_values = fit(mains, joint, accuracy)
    np.savez_compressed(VALUES_FILE, constant=np.float32(constant), mains=main_values, pairs=pair_values)
    report: dict[str, Any] = {
        "source": "Accel-NASBench (DAC 2024, arXiv 2404.08005), ImageNet top-1 after the 16-epoch proxy schedule",
        "table_sha256": hashlib.sha256(asked.table.read_bytes()).hexdigest(),
        "settings": {"main_penalty": MAIN_PENALTY, "pair_penalty": PAIR_PENALTY, "folds": FOLDS},
        "held_out": {"networks": len(networks), **quality(accuracy, predicted)},
    }
    REPORT_FILE.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
