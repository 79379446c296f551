"""Fits the accuracies and training times of accel-nasbench.

    python -m dance_env.accuracy.fit_accel_nasbench --table networks.csv.gz --two-fidelities two_fidelities.csv.gz

Both are polynomials over all choices and all pairs of choices, by a ridge regression whose penalties maximize the
marginal likelihood (`dance_env.accuracy.pair_ridge`). The error that is reported is that of a ten-fold cross-validation:
every network is predicted by a fit, penalties included, that has not seen it, from values rounded as they ship. What
ships is fitted to all networks. Deterministic; some minutes on one core.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from scipy.stats import kendalltau

from dance_env.accuracy.accel_nasbench import VALUES_FILE, factor_sum
from dance_env.accuracy.accel_nasbench_tables import TrainedNetworks, read_networks
from dance_env.accuracy.pair_ridge import PairRidge, Scales
from dance_env.graph.networks import accel_nasbench
from dance_env.graph.stage_space import AXES
from dance_env.space import DesignSpace

FOLDS = 10
STALL_GPU_HOURS = 6_000 * 4 / 3_600
"""Trainings that took longer (6,000 s on four GPUs) had stalled: their times are left out."""

LEAST_PAIRS = 300
"""How many rows the table of two fidelities must have at least."""


@dataclass(frozen=True, eq=False)
class Polynomial:
    """A fitted sum as it ships, rounded.

    Attributes:
        constant: float32.
        mains: `(O,)` float32, of the options.
        pairs: `(P,)` float16, of the pairs of options.
    """

    constant: np.float32
    mains: np.ndarray
    pairs: np.ndarray

    def __call__(self, networks: np.ndarray) -> np.ndarray:
        """Return the values `(B,)`."""
        arrays = (values.astype(np.float64) for values in (self.mains, self.pairs))
        return factor_sum(ridge().option_counts, float(self.constant), *arrays).evaluate(networks)[:, 0]


def ridge() -> PairRidge:
    """Return the regression on the choices of accel-nasbench."""
    return PairRidge(tuple(len(choice) for choice in accel_nasbench().choices()), len(AXES))


def fit(features: np.ndarray, target: np.ndarray, *, start: Scales | None = None) -> tuple[Polynomial, Scales]:
    """Return the polynomial for targets `(B,)`, and the scales of its coefficients."""
    mean = float(target.mean())
    scales = ridge().learn_scales(features, target - mean, start=start)
    constant, mains, pairs = ridge().tables(ridge().solve(features, target - mean, scales))
    return Polynomial(np.float32(constant + mean), mains.astype(np.float32), pairs.astype(np.float16)), scales


def cross_validate(networks: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return a prediction `(B,)` of each network by a fit that has not seen it, nor a repetition of it."""
    features = ridge().features(networks)
    predicted = np.empty(len(target))
    for train, test in folds(networks):
        predicted[test] = fit(features[train], target[train])[0](networks[test])
    return predicted


def folds(networks: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows to train on and rows to test on; a network that the table holds twice is in one fold."""
    _, group = np.unique(networks, axis=0, return_inverse=True)
    order = np.random.default_rng(0).permutation(group.max() + 1)
    for fold in range(FOLDS):
        held_out = np.isin(group, order[fold::FOLDS])
        yield np.flatnonzero(~held_out), np.flatnonzero(held_out)


def quality(truth: np.ndarray, predicted: np.ndarray, *, unit: str) -> dict[str, float]:
    """Return R2, mean absolute error and Kendall's tau."""
    residual = truth - predicted
    return {
        "r2": float(1.0 - (residual**2).sum() / ((truth - truth.mean()) ** 2).sum()),
        f"mean_absolute_error_{unit}": float(np.abs(residual).mean()),
        "kendall_tau": float(kendalltau(truth, predicted).statistic),
    }


def held_out(networks: np.ndarray, target: np.ndarray, *, unit: str) -> dict[str, Any]:
    """Return the quality of the cross-validation: over all networks, and its spread over the folds."""
    predicted = cross_validate(networks, target)
    each = [quality(target[test], predicted[test], unit=unit) for _, test in folds(networks)]
    return {
        "networks": len(target),
        **quality(target, predicted, unit=unit),
        "standard_deviation_over_folds": {key: float(np.std([one[key] for one in each], ddof=1)) for key in each[0]},
    }


def two_fidelities(path: Path) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Return the noise of both schedules (2,), percent; intercept, slope and cost (3,) of the longer one; and a report.

    Raises:
        ValueError: If the file is not such a table, or a network was not trained with both schedules and three seeds.
    """
    table = read_networks(path, further=("fidelity", "training_seed"), least=LEAST_PAIRS)
    fidelity = np.array(table.columns["fidelity"])
    accuracy, hours = (_by_schedule(path, table, fidelity, values) for values in (table.top1_pct, table.gpu_hours))
    proxy, longer = (accuracy[name].mean(axis=1) for name in ("proxy", "longer"))
    slope, intercept = np.polyfit(proxy, longer, 1)
    residual = longer - intercept - slope * proxy
    cost = float(hours["longer"].sum() / hours["proxy"].sum())
    deviations = {name: accuracy[name].std(axis=1, ddof=1) for name in accuracy}
    noise = np.array([np.sqrt((deviations[name] ** 2).mean()) for name in ("proxy", "longer")])
    report = {
        "networks": len(proxy),
        "trainings_of_each": accuracy["proxy"].shape[1],
        "noise_pct": dict(zip(("proxy", "longer"), noise.tolist(), strict=True)),
        "noise_median_pct": {name: float(np.median(each)) for name, each in deviations.items()},
        "longer": {
            "intercept_pct": float(intercept),
            "slope": float(slope),
            "residual_pct": float(residual.std(ddof=2)),
            "kendall_tau": float(kendalltau(proxy, longer).statistic),
            "cost_in_proxy_trainings": cost,
        },
    }
    return noise, np.array([intercept, slope, cost]), report


def _by_schedule(path: Path, table: TrainedNetworks, fidelity: np.ndarray, values: np.ndarray) -> dict[str, np.ndarray]:
    """Return, by schedule, values `(networks, trainings)`, networks in the same order."""
    _, group = np.unique(table.networks, axis=0, return_inverse=True)
    found = {}
    for name in ("proxy", "longer"):
        rows = fidelity == name
        trainings = np.bincount(group[rows], minlength=group.max() + 1)
        if len(set(trainings.tolist())) != 1 or trainings[0] < 2:
            raise ValueError(f"{path}: every network needs equally many trainings, two or more, of fidelity {name!r}")
        order = np.argsort(group[rows], kind="stable")
        found[name] = values[rows][order].reshape(len(trainings), -1)
    return found


def recorded_hours(table: TrainedNetworks) -> tuple[np.ndarray, np.ndarray]:
    """Return ranks (n,), ascending, and GPU-hours (n,) of the networks whose training did not stall; means of repetitions."""
    kept = table.gpu_hours <= STALL_GPU_HOURS
    ranks = DesignSpace(accel_nasbench().choices()).rank(table.networks[kept])
    known, place = np.unique(ranks, return_inverse=True)
    return known, np.bincount(place, weights=table.gpu_hours[kept]) / np.bincount(place)


def main(argv: list[str] | None = None) -> None:
    """Fit, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True, help="Accel-NASBench's networks, CSV or CSV.gz")
    parser.add_argument("--two-fidelities", type=Path, required=True, help="its networks trained with two schedules")
    parser.add_argument(
        "--out", type=Path, default=VALUES_FILE, help="file to write; a report of the same name beside it"
    )
    asked = parser.parse_args(argv)
    table = read_networks(asked.table)
    noise, longer, of_pairs = two_fidelities(asked.two_fidelities)
    kept = table.gpu_hours <= STALL_GPU_HOURS
    targets = {"accuracy": (table.networks, table.top1_pct), "hours": (table.networks[kept], table.gpu_hours[kept])}
    arrays: dict[str, Any] = {}
    for name, (networks, target) in targets.items():
        fitted, _ = fit(ridge().features(networks), target)
        arrays |= {f"{name}_constant": fitted.constant, f"{name}_mains": fitted.mains, f"{name}_pairs": fitted.pairs}
    ranks, hours = recorded_hours(table)
    arrays |= {"known_ranks": ranks, "known_hours": hours.astype(np.float32), "noise_pct": noise, "longer": longer}
    report = {
        "source": "Accel-NASBench (DAC 2024, arXiv 2404.08005; Apache-2.0), ImageNet top-1 after 16 epochs; GPU: RTX 3090",
        "table_sha256": hashlib.sha256(asked.table.read_bytes()).hexdigest(),
        "two_fidelities_sha256": hashlib.sha256(asked.two_fidelities.read_bytes()).hexdigest(),
        "folds": FOLDS,
        "accuracy": held_out(*targets["accuracy"], unit="pct"),
        "training_time": {
            **held_out(*targets["hours"], unit="gpu_hours"),
            "stalls_left_out": int((~kept).sum()),
            "recorded": len(ranks),
        },
        "two_fidelities": of_pairs,
    }
    np.savez_compressed(asked.out, **arrays)
    asked.out.with_suffix(".json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    Console().print_json(json.dumps(report))


if __name__ == "__main__":
    main()
