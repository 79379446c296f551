"""How far the cost model orders networks as real devices do.

    python -m experiments.devices --table networks.csv.gz [--json FILE]

Accel-NASBench's table (DAC 2024, arXiv 2404.08005) holds the latency or throughput of every network on two FPGAs, two
GPUs and two TPUs. This command prints the rank correlation (Kendall's tau, Spearman's rho) of each with our model's
latency, on the accelerator that is best for each network under EDAP, on the one that is fastest, and on one fixed array,
beside multiply-accumulates, parameters and the recorded training time, which know nothing of an accelerator.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau

from dance_env.accuracy.accel_nasbench_tables import read_networks
from dance_env.cost.audit.ranks import spearman
from dance_env.problem import Problem
from dance_env.tasks import make_problem

DEVICES = {
    "ZCU102 (FPGA), latency": "latency_zcu102",
    "VCK190 (FPGA), latency": "latency_vck190",
    "ZCU102, throughput": "throughput_zcu102",
    "VCK190, throughput": "throughput_vck190",
    "A100 (GPU), throughput": "throughput_a100",
    "RTX 3090 (GPU), throughput": "throughput_3090",
    "TPUv2, throughput": "throughput_tpuv2",
    "TPUv3, throughput": "throughput_tpuv3",
}
"""Columns of the table: milliseconds for one image, or images a second."""

ARRAY, RF_WORDS = 16, 16
"""The fixed accelerators: 16 x 16 PEs with 16 words each."""

_CHUNK = 256


def device_times(columns: Mapping[str, Sequence[str]]) -> dict[str, np.ndarray]:
    """Return the time of one image on each device, (B,), in a unit of its own; NaN where nothing was recorded.

    Raises:
        ValueError: If a cell holds no number above 0 and is not empty.
    """
    times = {}
    for device, name in DEVICES.items():
        values = np.array([float(cell) if cell else np.nan for cell in columns[name]])
        if (values <= 0).any():
            raise ValueError(f"{name} must hold numbers above 0, got {values[values <= 0][0]}")
        times[device] = 1.0 / values if name.startswith("throughput") else values
    return times


def predictions(problem: Problem, networks: np.ndarray) -> dict[str, np.ndarray]:
    """Return what is to order networks (B, N): our latency on several accelerators, and counts, (B,) each."""
    space = problem.accelerator_space
    found = {
        "best accelerator (EDAP)": problem.costs.lookup(networks, problem.best_hardware(networks)).latency_s,
        "fastest accelerator": np.concatenate(
            [
                problem.costs.on_all_hardware(networks[start : start + _CHUNK]).latency_s.min(axis=1)
                for start in range(0, len(networks), _CHUNK)
            ]
        ),
    }
    for dataflow in space.dataflow:
        design = [ARRAY, ARRAY, RF_WORDS, dataflow]
        options = [axis.options.index(value) for axis, value in zip(space.choices(), design, strict=True)]
        index = space.index(np.array([options]))
        fixed = problem.costs.lookup(networks, np.repeat(index, len(networks))).latency_s
        found[f"{ARRAY} x {ARRAY}, {RF_WORDS} words, {dataflow}"] = fixed
    found["multiply-accumulates"] = problem.network_space.macs(networks).astype(np.float64)
    found["parameters"] = problem.network_space.parameters(networks).astype(np.float64)  # type: ignore[attr-defined]  # the catalog's spaces count them
    return found


def correlations(
    predicted: Mapping[str, np.ndarray], times: Mapping[str, np.ndarray]
) -> dict[str, dict[str, list[float]]]:
    """Return Kendall's tau and Spearman's rho of every prediction with every device, over the networks that have both."""
    result: dict[str, dict[str, list[float]]] = {}
    for who, ours in predicted.items():
        result[who] = {}
        for device, theirs in times.items():
            both = np.isfinite(ours) & np.isfinite(theirs)
            rho = spearman(ours[both], theirs[both])
            tau = float(kendalltau(ours[both], theirs[both]).statistic)
            result[who][device] = [tau, np.nan if rho is None else rho]
    return result


def table(found: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Return the correlations as a Markdown table, "tau / rho" in each cell, devices as rows."""
    lines = ["| tau / rho | " + " | ".join(found) + " |", "|---|" + "---|" * len(found)]
    for device in DEVICES:
        cells = ["{:.2f} / {:.2f}".format(*each[device]) for each in found.values()]
        lines.append(f"| {device} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status, 2 for a table that cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True, help="Accel-NASBench's networks, CSV or CSV.gz")
    parser.add_argument("--json", type=Path, help="file for the correlations")
    asked = parser.parse_args(argv)
    try:
        rows = read_networks(asked.table, further=tuple(DEVICES.values()))
        times = device_times(rows.columns)
    except (ValueError, OSError) as error:
        print(f"devices: {error}", file=sys.stderr)
        return 2
    predicted = predictions(make_problem("accel-nasbench/edap"), rows.networks)
    predicted["training time"] = rows.gpu_hours
    found = correlations(predicted, times)
    print(f"{len(rows)} networks\n\n{table(found)}")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
