"""A problem with free widths: what a layer costs depends on two neighboring choices.

    python examples/free_widths.py     # a few seconds

A convolution between two free widths has as many input channels as one choice says and as many output channels as the
next one. Its cost is a table over both choices. Expectations, and so gradients, stay exact, and so does the optimum.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from dance_env import AcceleratorSpace, Constraint, Layer, LayerSpace, Linear, Objective, Problem
from dance_env.analysis.exact import optimum
from solvers import make_solver

WIDTHS, SIZES = (8, 16, 24, 32), {"width1": 16, "width2": 16, "width3": 8, "width4": 8}  # channels; rows of each output


def conv(name: str, c: int, k: int, size: int, kernel: int = 3) -> Layer:
    """A square convolution of `c` into `k` channels with `size` rows of output."""
    kind = "conv" if kernel > 1 else "pointwise"
    return Layer(name, kind, k=k, c=c, p=size, q=size, r=kernel, s=kernel)


def free_widths() -> Problem:
    """Four convolutions on 16 x 16 RGB images, each with one of four widths: 256 networks on 24 accelerators."""
    names = list(SIZES)
    networks = LayerSpace(
        "free widths",
        fixed=(),
        options={  # what depends on one width alone: the first layer on the first width, the last on the last
            **{name: dict.fromkeys(WIDTHS, ()) for name in names},
            names[0]: {width: (conv("stem", 3, width, SIZES[names[0]]),) for width in WIDTHS},
            names[-1]: {width: (conv("head", width, 64, SIZES[names[-1]], kernel=1),) for width in WIDTHS},
        },
        joint={  # what depends on two: a function of their options
            (before, after): lambda c, k, name=after: (conv(name, c, k, SIZES[name]),)
            for before, after in pairwise(names)
        },
    )
    return Problem.build(
        "free widths",
        network_space=networks,
        accelerator_space=AcceleratorSpace(pe_x=(8, 16), pe_y=(8, 16), rf_words=(8, 32), dataflow=("WS", "OS", "RS")),
        accuracy=lambda chosen: 0.95 - 0.4 * np.exp(-networks.macs(chosen) / 2e6),  # made up
        objective=Objective(Linear(energy_j=1e5), weight=1.0, constraints=(Constraint("latency_s", 10e-6),)),
    )


def expectation_error(problem: Problem) -> float:
    """Return by how much an expected latency is off the mean over all networks, relative; rounding alone."""
    import torch

    probs = problem.space.sample_relaxed(np.random.default_rng(0), 1)[:, problem.space.network_options]
    counts = problem.space.option_counts[problem.space.network]
    networks = np.stack(np.unravel_index(np.arange(np.prod(counts)), counts), axis=1)
    chances = probs[0][networks + problem.space.offsets[problem.space.network]].prod(axis=1)
    mean = chances @ problem.costs.on_all_hardware(networks).latency_s
    expected = problem.relax().on_all_hardware(torch.tensor(probs)).latency_s[0].numpy()
    return float(np.abs(expected / mean - 1).max())


def main(argv: Sequence[str] | None = None) -> None:
    """State it, check its expectation, search it, and find its exact optimum."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--budget", type=int, default=300, help="evaluations + gradients of a search")
    arguments = parser.parse_args(argv)
    problem = free_widths()
    print(f"{problem.space.size:,} designs; minimize {problem.objective}")
    print(f"expected latency against the mean over all networks: {expectation_error(problem):.0e} off")
    for name in ("random", "evolution", "edd"):
        result = make_solver(name).solve(problem, budget=arguments.budget, seed=0)
        print(f"{name:<12} {result.best_objective:.4f}  {result.best_named}")
    best = optimum(problem)
    print(f"{'exact':<12} {best.objective:.4f}  {problem.space.decode(best.design[None])[0]}")


if __name__ == "__main__":
    main()
