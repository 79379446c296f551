"""How fast the cost model is: mapping search, cost tables, look-ups; beside the recorded seconds of other tools.

    python benchmarks/cost.py [--networks macro-cifar10 dance-cifar10] [--growth] [--out FOLDER] [--reference FOLDER]

An evaluation is one layer on one accelerator with its optimal mapping found. "Per core" counts CPU seconds of one
thread, all else is wall-clock time. The seconds of Timeloop, AccelForge and ZigZag are read from the recorded points in
the reference folder, they do not run here; without that folder their lines are left out. A ratio sets this run's figure
against those recorded ones.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median

import numpy as np

from dance_env.cost import EDGE_LPDDR4, TIMELOOP_45NM, AnalyticalCostModel, CostTable
from dance_env.cost.mapping.dataflow import get_dataflow
from dance_env.cost.search.search import search_layer
from dance_env.graph import different_layers, network_space
from dance_env.objective import EDAP
from dance_env.space import DATAFLOWS, dance_accelerators

REFERENCE = Path(__file__).resolve().parents[1].parent / "shared" / "reference"
SIZES, RF_WORDS = np.arange(8, 25), np.arange(4, 65, 4)
# K, C, P, Q, R, S, groups, stride: stem, expand, project, depthwise (three), head, classifier.
LAYERS = {
    "stem 3x3": (32, 3, 32, 32, 3, 3, 1, 1),
    "expand": (144, 24, 56, 56, 1, 1, 1, 1),
    "project": (64, 384, 14, 14, 1, 1, 1, 1),
    "depthwise 3x3": (144, 144, 56, 56, 3, 3, 144, 2),
    "depthwise 5x5": (192, 192, 28, 28, 5, 5, 192, 1),
    "depthwise 7x7": (288, 288, 14, 14, 7, 7, 288, 1),
    "convolution 3x3": (64, 64, 56, 56, 3, 3, 1, 1),
    "head": (1280, 320, 7, 7, 1, 1, 1, 1),
    "classifier": (1000, 1280, 1, 1, 1, 1, 1, 1),
}


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="*", default=["macro-cifar10"], help="tables to build")
    parser.add_argument("--layers", type=int, default=len(LAYERS), help="search only the first so many layers")
    parser.add_argument(
        "--growth", action="store_true", help="measure growth with layers, accelerators and array sizes"
    )
    parser.add_argument("--largest-array", type=int, default=256, help="where growth with array sizes ends")
    parser.add_argument("--compiling", action=argparse.BooleanOptionalAction, default=True, help="time the first use")
    parser.add_argument("--out", type=Path, help="folder for growth.png")
    parser.add_argument("--reference", type=Path, default=REFERENCE, help="folder of other tools' recorded points")
    asked = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    if asked.compiling:
        compiling()
    searched = searching(dict(list(LAYERS.items())[: asked.layers]))
    beside_others(searched, asked.reference)
    for name in asked.networks:
        building(name)
    if asked.growth:
        growing(asked.layers, asked.largest_array, asked.out)


def compiling() -> None:
    """First use on a machine, and first use in a process: until one layer is searched."""
    program = (
        "import time; start = time.perf_counter(); import numpy as np\n"
        "from dance_env.cost import TIMELOOP_45NM\nfrom dance_env.cost.search.search import search_layer\n"
        "from dance_env.cost.mapping.dataflow import get_dataflow\n"
        "one = {'rf_words': np.array([16]), 'pe_x': np.array([8]), 'pe_y': np.array([8])}\n"
        "row = np.array([8, 8, 2, 2, 3, 3, 1, 1])\n"
        "for flow in ('WS', 'OS', 'RS'): search_layer(row, get_dataflow(flow), technology=TIMELOOP_45NM, **one)\n"
        "print(time.perf_counter() - start, time.process_time())"
    )
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "DANCE_CACHE_DIR": folder}
        for when in ("first use, compiling", "later uses, from disk"):
            done = subprocess.run(
                [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
            )
            wall, cpu = (float(n) for n in done.stdout.split())
            print(f"import and first search, {when}: {wall:.2f} s ({cpu:.2f} CPU s)")


def searching(layers: dict[str, tuple[int, ...]]) -> float:
    """Each layer on all 13,872 accelerators, and on one; returns evaluations per second and core."""
    accelerators = len(SIZES) ** 2 * len(RF_WORDS)
    search(next(iter(layers.values())), "OS", SIZES, RF_WORDS)  # loads the machine code
    print(
        f"\n{'layer on 3 x 4,624 accelerators':34}" + "".join(f"{flow:>9}" for flow in DATAFLOWS) + "   one accelerator"
    )
    seconds, alone = [], []
    for name, row in layers.items():
        each = [cpu_seconds(lambda row=row, flow=flow: search(row, flow, SIZES, RF_WORDS)) for flow in DATAFLOWS]
        one = [
            cpu_seconds(lambda row=row, flow=flow: search(row, flow, SIZES[8:9], RF_WORDS[3:4])) for flow in DATAFLOWS
        ]
        seconds += each
        alone += one
        print(f"{name:34}" + "".join(f"{s * 1e3:6.0f} ms" for s in each) + f"   {mean(one) * 1e3:.1f} ms")
    rate = accelerators * len(seconds) / sum(seconds)
    print(f"evaluations per second per core: {rate:,.0f}; asked for one accelerator alone: {1 / mean(alone):,.0f}")
    return rate


def beside_others(rate: float, reference: Path) -> None:
    """Our evaluations per core beside the recorded seconds of other tools for one evaluation."""
    recorded = (
        ("Timeloop, one random search", reference / "timeloop" / "points.csv", "mapper_s"),
        ("Timeloop, all searches of a point", reference / "timeloop" / "points.csv", "mapper_total_s"),
        ("AccelForge", reference / "other-tools" / "accelforge.csv", "eval_seconds"),
        ("ZigZag", reference / "other-tools" / "zigzag.csv", "eval_seconds"),
    )
    print(f"\n{'one evaluation':36}{'mean':>12}{'median':>12}{'a second':>14}{'ours is':>14}")
    print(f"{'this model, of 13,872 at once':36}{1e6 / rate:9.2f} us{'':>12}{rate:14,.0f}")
    for name, path, column in recorded:
        if not path.is_file():
            print(f"{name}: no recorded points at {path}")
            continue
        with open(path, newline="") as file:
            values = [float(row[column]) for row in csv.DictReader(file) if row[column]]
        each = mean(values)
        print(f"{name:36}{each:10.3f} s{median(values):10.3f} s{1 / each:14,.2f}{rate * each:12,.0f} x")


def building(name: str) -> None:
    """A cost table from nothing and from the cache, and what it answers."""
    space, accelerators = network_space(name), dance_accelerators()
    model = AnalyticalCostModel(technology=EDGE_LPDDR4)
    with tempfile.TemporaryDirectory() as folder:
        layers = [0]

        def count(done: int, total: int) -> None:
            layers[0] = total

        start, cpu = time.perf_counter(), time.process_time()
        CostTable.build(space, accelerators, model=model, cache_dir=folder, progress=count)
        cold, cold_cpu = time.perf_counter() - start, time.process_time() - cpu
        start = time.perf_counter()
        table = CostTable.build(space, accelerators, model=model, cache_dir=folder)
        warm = time.perf_counter() - start
    print(f"\ntable of {name}: {layers[0]} layers x {accelerators.size:,} accelerators in {cold:.1f} s "
          f"({cold_cpu:.1f} CPU s), {layers[0] * accelerators.size / cold_cpu:,.0f} evaluations per second per core; "
          f"from the cache {warm:.2f} s")  # fmt: skip
    rng = np.random.default_rng(0)
    counts = np.array([len(choice.options) for choice in space.choices()])
    chosen, where = rng.integers(0, counts, (4096, len(counts))), rng.integers(0, accelerators.size, 4096)
    cost = EDAP(reference_js_mm2=1.0)
    timed = {
        "look-up of 4,096 designs": wall_seconds(lambda: table.lookup(chosen, where)),
        "one network on all accelerators": wall_seconds(lambda: table.on_all_hardware(chosen[:1])),
        "its best accelerator by EDAP": wall_seconds(lambda: np.argmin(cost(table.on_all_hardware(chosen[:1])))),
    }
    for what, seconds in timed.items():
        each = f", {4096 / seconds:,.0f} designs a second" if "4,096" in what else ""
        print(f"  {what}: {seconds * 1e3:.3f} ms{each}")


def growing(layers: int, largest: int, out: Path | None) -> None:
    """CPU seconds against layers, register file sizes and array sizes."""
    rows = different_layers(network_space("dance-cifar10"))
    shuffled = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))][: 6 * layers]
    spent = [sum(cpu_seconds(lambda row=row, flow=flow: search(row, flow, SIZES, RF_WORDS)) for flow in DATAFLOWS)
             for row in shuffled]  # fmt: skip
    total = np.cumsum(spent)
    half, end = total[len(total) // 2 - 1], total[-1]
    print(f"\nlayers: {len(total) // 2} take {half:.2f} s, {len(total)} take {end:.2f} s: {end / half:.2f} x")
    files = {n: over_layers(layers, SIZES, RF_WORDS[:: len(RF_WORDS) // n]) for n in (1, 2, 4, 8, 16)}
    print("register file sizes: " + ", ".join(f"{n}: {s:.2f} s" for n, s in files.items()))
    arrays = {}
    for size in (n for n in (8, 16, 24, 32, 64, 128, 256) if n <= largest):
        arrays[size] = over_layers(layers, np.arange(8, size + 1), RF_WORDS)
        accelerators = (size - 7) ** 2 * len(RF_WORDS) * 3
        each = arrays[size] / (accelerators * layers)
        print(f"arrays 8 x 8 to {size} x {size}, {accelerators:,} accelerators: {arrays[size]:.2f} s for "
              f"{layers} layers, {each * 1e6:.3f} us an evaluation")  # fmt: skip
    if out is not None:
        plot(layers, total, files, arrays, out)


def over_layers(layers: int, sizes: np.ndarray, rf_words: np.ndarray) -> float:
    """CPU seconds for the first of `LAYERS` under all dataflows."""
    return sum(
        cpu_seconds(lambda row=row, flow=flow: search(row, flow, sizes, rf_words))
        for row in list(LAYERS.values())[:layers]
        for flow in DATAFLOWS
    )


def plot(layers: int, total: np.ndarray, files: dict[int, float], arrays: dict[int, float], out: Path) -> None:
    """Draw the three curves to ``out/growth.png``."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(12, 3.5), layout="constrained")
    axes[0].plot(np.arange(1, len(total) + 1), total)
    axes[0].set(xlabel="unique layers", ylabel="CPU s", title="13,872 accelerators")
    axes[1].plot(list(files), list(files.values()), "o-")
    axes[1].set(
        xlabel="register file sizes", ylabel="CPU s", title=f"{layers} layers, 8 x 8 to 24 x 24", ylim=(0, None)
    )
    accelerators = [(size - 7) ** 2 * len(RF_WORDS) * 3 for size in arrays]
    axes[2].loglog(accelerators, list(arrays.values()), "o-", label="measured")
    axes[2].loglog(
        accelerators, np.array(accelerators) * next(iter(arrays.values())) / accelerators[0], ":", label="linear"
    )
    axes[2].set(
        xlabel="accelerators", ylabel="CPU s", title=f"{layers} layers, arrays to {max(arrays)} x {max(arrays)}"
    )
    axes[2].legend()
    out.mkdir(parents=True, exist_ok=True)
    figure.savefig(out / "growth.png", dpi=120)
    print(f"drawn to {out / 'growth.png'}")


def search(row: tuple[int, ...], flow: str, sizes: np.ndarray, rf_words: np.ndarray) -> None:
    """One layer under one dataflow, on the reference's technology."""
    search_layer(np.array(row), get_dataflow(flow), rf_words=rf_words, pe_x=sizes, pe_y=sizes, technology=TIMELOOP_45NM)


def cpu_seconds(call: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def wall_seconds(call: Callable[[], object], repeats: int = 20) -> float:
    """The best of some repeats, after one to warm up."""
    call()
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


if __name__ == "__main__":
    main()
