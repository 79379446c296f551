"""Seconds to the exact best accelerator of networks: with an empty cache of layer costs, and with a filled one.

    python benchmarks/optimise_hardware.py [--accelerators dance-buffers]

Kernels are compiled before the clock starts. "filled" is the median of five calls of `optimize_hardware` with a limit, and
the ranking, limits and the Pareto front of its answer; "processor" is the least processor time of the five, which other
jobs on the machine do not stretch.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time

import numpy as np

from dance_env.analysis.hardware import NetworkUse, optimize_hardware
from dance_env.graph import Decode, Layer, LayerGraph, gpt_s, layer_row, network_space
from dance_env.space import AcceleratorSpace, dance_accelerators, dance_buffers

_REPEATS = 5
_ACCELERATORS = {"dance": dance_accelerators, "dance-buffers": dance_buffers}


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accelerators", default="dance", choices=_ACCELERATORS)
    space = _ACCELERATORS[parser.parse_args().accelerators]()
    with tempfile.TemporaryDirectory() as folder:
        optimize_hardware(_warm_up(), accelerators=space, cache_dir=folder)
    print(f"{space.size:,} accelerators\n")
    print("| network | layers | different | empty cache, s | filled cache, s | processor, s | of which front, s |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, graph in _networks().items():
        print(f"| {name} | {_row(graph, space)} |", flush=True)


def _row(graph: LayerGraph, space: AcceleratorSpace) -> str:
    layers = graph.layers()
    with tempfile.TemporaryDirectory() as folder:
        empty, _, _ = _seconds(graph, space, folder)
        filled = [_seconds(graph, space, folder) for _ in range(_REPEATS)]
    totals, processor, fronts = zip(*filled, strict=True)
    different = len({layer_row(layer) for layer in layers})
    total, front = statistics.median(totals), statistics.median(fronts)
    return f"{len(layers)} | {different} | {empty:.2f} | {total:.3f} | {min(processor):.3f} | {front:.3f}"


def _seconds(graph: LayerGraph, space: AcceleratorSpace, folder: str) -> tuple[float, float, float]:
    """Return the seconds of one answer, its processor seconds, and the seconds of its front."""
    start, used = time.perf_counter(), time.process_time()
    answer = optimize_hardware(graph, limits={"area_mm2": 2.0}, accelerators=space, cache_dir=folder)
    answer.top(5), answer.limits, answer.unlimited
    before = time.perf_counter()
    assert len(answer.front)
    end = time.perf_counter()
    return end - start, time.process_time() - used, end - before


def _warm_up() -> NetworkUse:
    return NetworkUse("warm_up", (Layer("conv", "conv", 8, 8, 4, 4, 3, 3), Layer("fc", "fc", 8, 8, 1, 1, 1, 1)))


def _networks() -> dict[str, LayerGraph]:
    """Return a small, a middling and a large network: the last option of every choice."""
    spaces = {
        "macro-cifar10": network_space("macro-cifar10"),
        "accel-nasbench": network_space("accel-nasbench"),
        "gpt-s, one token after 128": gpt_s().under(Decode(context=128)),
    }
    return {
        name: space.graph(np.array([len(choice) - 1 for choice in space.choices()])) for name, space in spaces.items()
    }


if __name__ == "__main__":
    main()
