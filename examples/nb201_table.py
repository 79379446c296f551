"""The accuracies of NAS-Bench-201 on CIFAR-10 as the table that the tasks nb201-cifar10 take.

    pip install nats_bench
    python examples/nb201_table.py NATS-tss-v1_0-3ffb9-simple nb201.csv      # minutes: 15,625 files
    dance optimum nb201-cifar10/edap --accuracy-table nb201.csv

The folder is the topology benchmark of NATS-Bench, whose authors publish it. Its files are pickles, which can run any code
when they are loaded: take them from a source that you trust. The table that is written is text.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

EDGES = ("edge01", "edge02", "edge12", "edge03", "edge13", "edge23")
"""From node, to node, in the order in which the benchmark writes a cell's operators."""


def rows(api: Any) -> Iterator[tuple[str | float, ...]]:
    """Yield the operators of each network, its test accuracy in percent and the GPU-hours of one training.

    Both are means over the benchmark's trainings of 200 epochs on the training and validation images.

    Args:
        api: What `nats_bench.create(..., "tss")` returns.
    """
    for index in range(len(api)):
        found = api.get_more_info(index, "cifar10", hp="200", is_random=False)
        operators = re.findall(r"([a-z0-9_]+)~", api.arch(index))
        if len(operators) != len(EDGES):
            raise ValueError(f"network {index}: expected {len(EDGES)} operators, got {api.arch(index)!r}")
        yield (*operators, found["test-accuracy"], found["train-all-time"] / 3600.0)


def main(argv: Sequence[str] | None = None) -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="NATS-tss-v1_0-3ffb9-simple, unpacked")
    parser.add_argument("table", type=Path, help="the CSV file to write")
    asked = parser.parse_args(argv)
    if not (asked.folder / "meta.pickle.pbz2").is_file():
        parser.error(f"{asked.folder} holds no meta.pickle.pbz2: give the folder of NATS-Bench's topology benchmark")
    try:
        from nats_bench import create
    except ImportError:
        parser.error("the benchmark is read by a package of its authors: pip install nats_bench")
    api = create(str(asked.folder), "tss", fast_mode=True, verbose=False)
    with open(asked.table, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow([*EDGES, "accuracy_pct", "training_gpu_hours"])
        table.writerows(rows(api))
    print(f"{asked.table}: {len(api):,} networks")


if __name__ == "__main__":
    main()
