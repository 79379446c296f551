"""The fitted accuracies of accel-nasbench that ship with the package: real ImageNet behavior, no download.

Sums over all pairs of choices, fitted by `dance_env.accuracy.fit_accel_nasbench` to networks that the authors of
Accel-NASBench (DAC 2024, arXiv 2404.08005) trained on ImageNet; the script also wrote the figures beside the values.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from dance_env.accuracy.factors import FactorAccuracy
from dance_env.graph.networks import accel_nasbench
from dance_env.space import DesignSpace, Factor, FactorSum
from dance_env.suggest import nearest

VALUES_FILE = Path(__file__).parent / "data" / "accel_nasbench.npz"
REPORT_FILE = VALUES_FILE.with_suffix(".json")

ARRAYS = (
    *(f"{of}_{part}" for of in ("accuracy", "hours") for part in ("constant", "mains", "pairs")),
    "known_ranks",
    "known_hours",
    "noise_pct",
    "longer",
)
"""What the file holds; `fit_accel_nasbench` documents each array."""


@dataclass(frozen=True, eq=False)
class TrainingHours:
    """GPU-hours (RTX 3090) of the proxy training of each network: recorded where it was trained, else a fitted sum.

    Attributes:
        model: of width 1: the fitted hours.
        known_ranks: `(n,)` int64, ascending: the networks with a recorded time, as ranks in the design space.
        known_hours: `(n,)` their times.
    """

    model: FactorSum
    known_ranks: np.ndarray
    known_hours: np.ndarray

    def __call__(self, networks: np.ndarray) -> np.ndarray:
        """Return the hours `(B,)` of networks `(B, N)`; raises as `dance_env.space.check_indices` does."""
        networks = self.model.check(networks)
        hours = self.model.evaluate(networks)[:, 0]
        ranks = DesignSpace(accel_nasbench().choices()).rank(networks)
        place = np.minimum(np.searchsorted(self.known_ranks, ranks), len(self.known_ranks) - 1)
        return np.where(self.known_ranks[place] == ranks, self.known_hours[place], hours)


@dataclass(frozen=True, eq=False, kw_only=True)
class AccelNasbenchAccuracy(FactorAccuracy):
    """Top-1 accuracy on ImageNet's validation images, with the noise between trainings, training times and two schedules.

    Attributes:
        sums: as `FactorAccuracy`.
        fidelity: the training schedule.
        training_noise: standard deviation between trainings, a fraction.
        hours: of a proxy training.
        hours_scale: of a training with this schedule, in proxy trainings.
    """

    fidelity: str
    training_noise: float
    hours: TrainingHours
    hours_scale: float

    @property
    def fidelities(self) -> tuple[str, ...]:
        """The training schedules, the cheapest first."""
        return tuple(_fidelities())

    def at_fidelity(self, name: str) -> AccelNasbenchAccuracy:
        """Return the accuracies after training with another schedule.

        Raises:
            ValueError: If there is none of this name.
        """
        return load_accel_nasbench(name)

    def training_gpu_hours(self, networks: np.ndarray) -> np.ndarray:
        """Return the GPU-hours (B,), on RTX 3090, of one training of each network (B, N).

        Raises:
            TypeError, ValueError: As `dance_env.space.check_indices`.
        """
        return self.hours_scale * self.hours(networks)


def load_accel_nasbench(fidelity: str = "proxy") -> AccelNasbenchAccuracy:
    """Return the shipped accuracies.

    Args:
        fidelity: "proxy", the 16-epoch schedule of all recorded trainings; or "longer", a line through 117 networks that
            were trained with both schedules: every network keeps its place, at 5.6 times the GPU-hours.

    Raises:
        ValueError: If there is no such fidelity, or the package's file is damaged; reinstall it.
        FileNotFoundError: If the package's file is missing; reinstall it.
    """
    known = _fidelities()
    if fidelity not in known:
        raise ValueError(f"accel-nasbench has no fidelity {fidelity!r}. {nearest(str(fidelity), known)}")
    return known[fidelity]


def accel_nasbench_report() -> dict[str, Any]:
    """Return what was measured when the shipped values were fitted: held-out errors, rank correlations; and how."""
    report: dict[str, Any] = json.loads(REPORT_FILE.read_text(encoding="utf-8"))
    return report


def pairs(choices: int) -> list[tuple[int, int]]:
    """Return all pairs of choices, in the order of the file."""
    return list(itertools.combinations(range(choices), 2))


def factor_sum(
    option_counts: Sequence[int], constant: float, mains: np.ndarray, joint: np.ndarray, *, scale: float = 1.0
) -> FactorSum:
    """Return a sum over single options and pairs of options.

    Args:
        option_counts: of the choices.
        constant: of every network.
        mains: `(O,)`: each option's own effect, the choices side by side.
        joint: the tables of all `pairs`, one behind the other, in C order.
        scale: what all of these are multiplied by.
    """
    factors: list[Factor] = []
    ends = np.cumsum(option_counts)
    for choice, block in enumerate(np.split(mains, ends[:-1])):
        factors.append(Factor((choice,), scale * block[:, None]))
    start = 0
    for scope in pairs(len(option_counts)):
        size = option_counts[scope[0]] * option_counts[scope[1]]
        factors.append(Factor(scope, scale * joint[start : start + size, None]))
        start += size
    return FactorSum(option_counts, [scale * constant], factors)


@cache
def _fidelities() -> dict[str, AccelNasbenchAccuracy]:
    """The accuracies of both schedules, by name."""
    counts = [len(choice) for choice in accel_nasbench().choices()]
    arrays = _read()
    accuracy = [arrays[f"accuracy_{part}"] for part in ("constant", "mains", "pairs")]
    hours = [arrays[f"hours_{part}"] for part in ("constant", "mains", "pairs")]
    times = TrainingHours(
        factor_sum(counts, float(hours[0]), *hours[1:]), arrays["known_ranks"].astype(np.int64), arrays["known_hours"]
    )
    noise = (arrays["noise_pct"] / 100.0).tolist()
    intercept, slope, hours_scale = arrays["longer"].tolist()
    proxy = factor_sum(counts, float(accuracy[0]), *accuracy[1:], scale=0.01)
    line = [intercept + slope * float(accuracy[0]), *(slope * values for values in accuracy[1:])]
    longer = factor_sum(counts, line[0], *line[1:], scale=0.01)
    return {
        "proxy": AccelNasbenchAccuracy(
            sums=proxy, fidelity="proxy", training_noise=noise[0], hours=times, hours_scale=1.0
        ),
        "longer": AccelNasbenchAccuracy(
            sums=longer, fidelity="longer", training_noise=noise[1], hours=times, hours_scale=hours_scale
        ),
    }


def _read() -> dict[str, np.ndarray]:
    with np.load(VALUES_FILE, allow_pickle=False) as arrays:
        missing = set(ARRAYS) - set(arrays.files)
        if missing:
            raise ValueError(f"the accuracies {VALUES_FILE} lack {sorted(missing)}; reinstall the package")
        return {name: arrays[name].astype(np.float64) for name in ARRAYS}
