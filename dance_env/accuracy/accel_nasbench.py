"""The fitted accuracies of accel-nasbench that ship with the package: real ImageNet behavior, no download.

A sum over all pairs of choices, fitted by `dance_env.accuracy.fit_accel_nasbench` to networks that the authors of
Accel-NASBench (DAC 2024, arXiv 2404.08005) trained on ImageNet; the script also wrote the figures beside the values.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from dance_env.accuracy.factors import FactorAccuracy
from dance_env.graph.networks import accel_nasbench
from dance_env.space import Factor, FactorSum

VALUES_FILE = Path(__file__).parent / "data" / "accel_nasbench.npz"
REPORT_FILE = VALUES_FILE.with_suffix(".json")


def pairs(choices: int) -> list[tuple[int, int]]:
    """Return all pairs of choices, in the order of the file."""
    return list(itertools.combinations(range(choices), 2))


def factor_sum(option_counts: Sequence[int], constant: float, mains: np.ndarray, joint: np.ndarray) -> FactorSum:
    """Return the accuracy as a sum of factors, fractions.

    Args:
        option_counts: Of the choices.
        constant: Percent.
        mains: (O,) percent: each option's own effect, the choices side by side.
        joint: Percent: the tables of all `pairs`, one behind the other, in C order.
    """
    tables: list[Factor] = []
    ends = np.cumsum(option_counts)
    for choice, block in enumerate(np.split(mains, ends[:-1])):
        tables.append(Factor((choice,), block[:, None] / 100.0))
    start = 0
    for scope in pairs(len(option_counts)):
        size = option_counts[scope[0]] * option_counts[scope[1]]
        tables.append(Factor(scope, joint[start : start + size, None] / 100.0))
        start += size
    return FactorSum(option_counts, [constant / 100.0], tables)


@cache
def load_accel_nasbench() -> FactorAccuracy:
    """Return the shipped accuracies, top-1 on ImageNet's validation images after the 16-epoch proxy schedule.

    Raises:
        FileNotFoundError: If the package's file is missing; reinstall it.
        ValueError: If it is damaged; reinstall it.
    """
    counts = [len(choice) for choice in accel_nasbench().choices()]
    with np.load(VALUES_FILE, allow_pickle=False) as arrays:
        missing = {"constant", "mains", "pairs"} - set(arrays.files)
        if missing:
            raise ValueError(f"the accuracies {VALUES_FILE} lack {sorted(missing)}; reinstall the package")
        constant, mains, joint = (arrays[name].astype(np.float64) for name in ("constant", "mains", "pairs"))
    return FactorAccuracy(factor_sum(counts, float(constant), mains, joint))


def accel_nasbench_report() -> dict[str, Any]:
    """Return what was measured when the shipped values were fitted: held-out errors, rank correlations; and how."""
    report: dict[str, Any] = json.loads(REPORT_FILE.read_text(encoding="utf-8"))
    return report
