"""Sums of factors beside an earlier commit: the same results, and how fast, as ratios.

    python benchmarks/factors.py --before /path/to/another/checkout [--repeats 30]

Both checkouts are asked in turn, each in a process of its own, so that what else runs on the machine slows both. A ratio
above 1 means that this checkout is faster. Results are compared to the bit.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]

ASKED = r"""
import hashlib, json, sys, time
import numpy as np
import dance_env
problem = dance_env.make_problem("macro-cifar10/balanced")
rng = np.random.default_rng(0)
designs = [problem.space.sample(rng, 4096) for _ in range(16)]
networks = designs[0][:64, problem.space.network]
hardware = rng.integers(0, problem.accelerator_space.size, 4096)
many = designs[0][:, problem.space.network]
relaxed = problem.relax()
import torch
torch.set_num_threads(1)
uniform = np.repeat(1.0 / problem.space.option_counts, problem.space.option_counts)
probs = torch.tensor(np.repeat(uniform[None], 8, axis=0))[:, problem.space.network_options].contiguous()

def digest(*arrays):
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()

def expectation():
    x = probs.clone().requires_grad_()
    cost = relaxed.on_all_hardware(x)
    accuracy = relaxed.accuracy(x)
    (cost.latency_s.sum() + cost.energy_j.sum() + accuracy.sum()).backward()
    return cost.latency_s.detach(), cost.energy_j.detach(), accuracy.detach(), x.grad

def answers(evaluation):
    return evaluation.objective, evaluation.violation, evaluation.accuracy, evaluation.cost.latency_s

ASKS = {
    "problem.evaluate, 4,096 designs": lambda i: problem.evaluate(designs[i % 16]),
    "costs.lookup, 4,096 designs": lambda i: problem.costs.lookup(many, hardware),
    "accuracy.evaluate, 4,096 networks": lambda i: problem.accuracy.evaluate(many),
    "a network on 13,872 accelerators": lambda i: problem.costs.on_all_hardware(networks[i % 64][None]),
    "evaluate_networks, 16 networks": lambda i: problem.evaluate_networks(networks[:16]),
    "expectations and gradients, 8 rows": lambda i: expectation(),
}
all_cost = problem.costs.on_all_hardware(networks)
print(json.dumps({
    "evaluate": digest(*answers(problem.evaluate(designs[0]))),
    "evaluate_networks": digest(*answers(problem.evaluate_networks(networks))),
    "costs": digest(all_cost.latency_s, all_cost.energy_j, all_cost.area_mm2),
    "expectations": digest(*expectation()),
}), flush=True)
for line in sys.stdin:
    name = json.loads(line)
    ask = ASKS[name]
    ask(0)
    times = []
    for i in range(20):
        start = time.perf_counter()
        ask(i)
        times.append(time.perf_counter() - start)
    print(min(times), flush=True)
"""

NAMES = (
    "problem.evaluate, 4,096 designs",
    "costs.lookup, 4,096 designs",
    "accuracy.evaluate, 4,096 networks",
    "a network on 13,872 accelerators",
    "evaluate_networks, 16 networks",
    "expectations and gradients, 8 rows",
)


def start(checkout: Path) -> subprocess.Popen[str]:
    """Start a process that answers with the code of a checkout."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", ASKED],
        cwd=checkout,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def read(process: subprocess.Popen[str]) -> object:
    """Read one answer."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"a checkout's process ended with exit status {process.wait()}")
    return json.loads(line)


def ask(process: subprocess.Popen[str], name: str) -> float:
    """Return the seconds of one question, the best of twenty."""
    assert process.stdin is not None
    process.stdin.write(json.dumps(name) + "\n")
    process.stdin.flush()
    return float(str(read(process)))


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, required=True, help="a checkout of the commit to compare with")
    parser.add_argument("--repeats", type=int, default=30, help="turns of each checkout (default: %(default)s)")
    arguments = parser.parse_args()
    now, before = start(HERE), start(arguments.before.resolve())
    results = read(now), read(before)
    assert isinstance(results[0], dict)
    assert isinstance(results[1], dict)
    for name, digest in results[0].items():
        print(f"{name}: {'the same bits' if digest == results[1][name] else 'OTHER RESULTS'}")
    print(f"\n{'median of interleaved turns':<38}{'before':>12}{'now':>12}{'ratio':>8}")
    for name in NAMES:
        pairs = [(ask(before, name), ask(now, name)) for _ in range(arguments.repeats)]
        old, new = (statistics.median(each) for each in zip(*pairs, strict=True))
        print(f"{name:<38}{old * 1e6:>9.1f} us{new * 1e6:>9.1f} us{old / new:>8.2f}")
    for process in (now, before):
        process.terminate()


if __name__ == "__main__":
    main()
