"""A co-design problem of your own: networks, accelerators, technology, accuracy and objective; then solvers on it.

    python examples/own_problem.py                           # a few seconds
    python examples/own_problem.py --accuracy accuracy.csv   # accuracies from a table of yours

Every part below stands for one that you would put there.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import gymnasium
import numpy as np

from dance_env import AcceleratorSpace, Problem
from dance_env.accuracy import TensorAccuracy
from dance_env.analysis.exact import optimum, pareto_front
from dance_env.cost import EDGE_LPDDR4, AnalyticalCostModel
from dance_env.graph import BlockSpace, LayerGraph, Place, Slot, Style, add_conv
from dance_env.graph.nodes import Conv
from dance_env.objective import Constraint, Linear, Objective
from solvers import make_solver


@dataclass(frozen=True)
class Separable:
    """An operator of your own: a depthwise convolution, then a pointwise one (MobileNetV1, arXiv 1704.04861)."""

    kernel: int

    @property
    def name(self) -> str:
        """What the option is called."""
        return f"sep_k{self.kernel}"

    def why_not(self, place: Place) -> str | None:
        """It may stand anywhere."""
        return None

    def extend(self, graph: LayerGraph, after: str, *, place: Place, style: Style) -> str:
        """Add its nodes behind `after`; return the last one's name."""
        depthwise = Conv(place.in_channels, self.kernel, place.stride, groups=place.in_channels)
        pointwise = Conv(place.out_channels, 1)
        for part, conv in (("depthwise", depthwise), ("pointwise", pointwise)):
            name = f"{place.block}.{part}"
            after = add_conv(graph, name, after=after, conv=conv, block=place.block, operator=self.name, style=style)
        return after


BLOCKS = ("mb3_k3", "mb6_k3", Separable(3), Separable(5))  # names of the catalog's operators, values of yours
NETWORKS = BlockSpace(
    name="mine",
    image_shape=(3, 64, 64),
    num_classes=20,
    stem_channels=16,
    stem_stride=2,
    slots=(
        Slot("block1", BLOCKS, in_channels=16, out_channels=32, stride=2, in_size=32),
        Slot("block2", (*BLOCKS, "identity"), in_channels=32, out_channels=32, stride=1, in_size=16),
        Slot("block3", BLOCKS, in_channels=32, out_channels=64, stride=2, in_size=16),
        Slot("block4", (*BLOCKS, "identity"), in_channels=64, out_channels=64, stride=1, in_size=8),
    ),
    head_channels=256,
)
ACCELERATORS = AcceleratorSpace(
    pe_x=(8, 16, 32, 64), pe_y=(8, 16, 32, 64), rf_words=tuple(range(8, 65, 8)), dataflow=("WS",)
)
TECHNOLOGY = replace(EDGE_LPDDR4, name="half the channel", dram_words_per_cycle=3.2)
OBJECTIVE = Objective(
    Linear(energy_j=20_000.0, area_mm2=0.5),  # percentage points of error per joule and per mm2
    weight=1.0,
    constraints=(Constraint("latency_s", 100e-6), Constraint("area_mm2", 4.0)),
)


def made_up_accuracy(networks: np.ndarray) -> np.ndarray:
    """Fractions (B,) of networks (B, N), option indices: more multiply-accumulates, more accuracy. Put yours here."""
    return 0.95 - 0.25 * np.exp(-NETWORKS.macs(networks) / 4e6)


def own_problem(accuracy_csv: Path | None = None) -> Problem:
    """The problem; with a file, accuracies from its columns block1, ..., block4, accuracy, a row for every network."""
    accuracy = made_up_accuracy
    if accuracy_csv is not None:
        with accuracy_csv.open(newline="", encoding="utf-8") as file:
            accuracy = TensorAccuracy.from_rows(NETWORKS.choices(), csv.DictReader(file))
    return Problem.build(
        "mine",
        network_space=NETWORKS,
        accelerator_space=ACCELERATORS,
        accuracy=accuracy,
        objective=OBJECTIVE,
        cost_model=AnalyticalCostModel(technology=TECHNOLOGY),
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Build it, step it, search it, and look at all of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--accuracy", type=Path, help="a CSV file with a row for every network")
    parser.add_argument("--budget", type=int, default=500, help="evaluations + gradients of a search")
    arguments = parser.parse_args(argv)

    problem = own_problem(arguments.accuracy)
    print(f"{problem.space.size:,} designs; minimize {problem.objective}")

    env = gymnasium.make("dance_env/CoDesign-v0", problem=problem)
    env.reset(seed=0)
    env.action_space.seed(0)
    _, reward, _, _, info = env.step(env.action_space.sample())
    print(f"a random design: return {reward:.3f}, violation {info['violation']:.2f}")

    for name in ("random", "evolution", "dance-exact"):
        result = make_solver(name).solve(problem, budget=arguments.budget, seed=0)
        print(f"{name:<12} {result.best_objective:.4f}  {result.best_named}")
    best = optimum(problem)
    print(f"{'exact':<12} {best.objective:.4f}  {problem.space.decode(best.design[None])[0]}")
    print(f"{len(pareto_front(problem))} designs on the front of error against cost")


if __name__ == "__main__":
    main()
