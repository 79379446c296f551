"""Which accelerator for which language model: reading a prompt (prefill) against writing tokens (decode).

    python examples/language_model.py --figure language_model.png     # half a minute

Three networks of gpt-s on DANCE's 13,872 accelerators. The accelerator with the least energy-delay-area product depends on
what is asked, hardly on the network: to read a prompt it has many PEs, to write tokens few. One token reads every weight and
every entry of the cache for a single use, so that the DRAM channel sets the pace, whatever the array. With a deadline on the
first token the accelerator depends on the network.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence

import numpy as np

from dance_env.accuracy.hw_gpt_bench import load_factors
from dance_env.cost import Cost
from dance_env.graph import TransformerSpace, Workload, gpt_s
from dance_env.objective import EDAP, Objective
from dance_env.problem import Problem
from dance_env.space import DATAFLOWS, Hardware, dance_accelerators

OPERATIONS = {"layer_norm": 6, "softmax": 5, "activation": 8, "add": 2, "scores": 1, "embedding": 1}
"""Operations for each output of a node that the cost model declares free: an assumption, for their share of all."""


def networks_of(space: TransformerSpace) -> np.ndarray:
    """Return a middling network of each embedding: 11 layers, MLP ratio 3, 8 heads, with biases."""
    middle = np.full((len(space.embeddings), len(space.choices())), 1)
    middle[:, 0] = np.arange(len(middle))
    return middle


def free_share(space: TransformerSpace, network: np.ndarray) -> float:
    """Return the share of operations in nodes without a layer; a multiply-accumulate counts as two operations."""
    graph = space.graph(network)
    free = sum(OPERATIONS.get(graph.node(name).kind, 0) * math.prod(graph.shape(name)) for name in graph.nodes)
    return free / (free + 2 * graph.macs)


def mixed(costs: Mapping[str, Cost], written: int) -> Cost:
    """Return the cost of reading the prompt once and writing so many tokens."""
    prefill, decode = costs["prefill"], costs["decode"]
    latency, energy = (getattr(prefill, name) + written * getattr(decode, name) for name in ("latency_s", "energy_j"))
    return Cost(latency, energy, prefill.area_mm2)


def accelerator(hardware: Hardware, index: int) -> str:
    """Return an accelerator in words."""
    size = f"{hardware.pe_x[index]} x {hardware.pe_y[index]}"
    return f"{size}, RF {hardware.rf_words[index]}, {DATAFLOWS[hardware.dataflow[index]]}"


def smallest(prefill: Cost, hardware: Hardware, deadline_s: float) -> str:
    """Return the smallest accelerator that reads the prompt of one network, leaves (accelerators,), in time."""
    fast = np.flatnonzero(prefill.latency_s <= deadline_s)
    if not len(fast):
        return "no accelerator reads it"
    found = int(fast[prefill.area_mm2[fast].argmin()])
    return f"the smallest that reads it is {accelerator(hardware, found)}, {prefill.area_mm2[found]:.2f} mm2"


def draw(
    path: str, labels: Sequence[str], costs: Mapping[str, Cost], hardware: Hardware, written: Sequence[int]
) -> None:
    """Draw times against the area that may be used, and the best accelerator's PEs against the tokens written."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    area, order = costs["prefill"].area_mm2[0], np.argsort(costs["prefill"].area_mm2[0])
    pes = hardware.pe_x * hardware.pe_y
    for index, label in enumerate(labels):
        for cost, style in ((costs["prefill"], "-"), (costs["decode"], "--")):
            fastest = np.minimum.accumulate(cost.latency_s[index][order])
            left.step(area[order], 1e3 * fastest, style, where="post", color=f"C{index}")
        best = [mixed(costs, count).edap_js_mm2[index].argmin() for count in written]
        width = 9 - 3.5 * index  # equal curves lie around each other
        right.plot(written, pes[best], "o-", color=f"C{index}", label=label, linewidth=width, markersize=width + 3)
    left.set(xlabel="area at most (mm²)", ylabel="time (ms)", yscale="log", title="fastest accelerator")
    left.plot([], [], "k-", label="time to first token, 512 tokens read")
    left.plot([], [], "k--", label="time per token written, cache of 512")
    left.legend(fontsize=8)
    right.set(xlabel="tokens written for each prompt of 512", ylabel="PEs", title="accelerator with the least EDAP")
    right.set_xscale("symlog", linthresh=1, base=2)
    right.legend(fontsize=8)
    figure.savefig(path, dpi=140)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
    """Cost three networks, print their best accelerators, draw the figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tokens", type=int, default=512, help="length of the prompt and entries of the cache")
    parser.add_argument("--deadline", type=float, default=0.1, help="seconds within which the prompt is to be read")
    parser.add_argument("--figure", help="image file to write")
    arguments = parser.parse_args(argv)

    space, accelerators = gpt_s(), dance_accelerators()
    hardware, networks = accelerators.hardware(), networks_of(space)
    prefill, decode = space.prefill(arguments.tokens), space.decode(arguments.tokens)
    problem = Problem.build(
        "language model",
        workloads=(Workload("prefill", prefill), Workload("decode", decode)),
        accelerator_space=accelerators,
        accuracy=load_factors(space.name).accuracy,
        objective=Objective(EDAP(reference_js_mm2=0.025), weight=1.0),
        progress=True,
    )
    costs = problem.costs.on_all_hardware(networks).workloads  # one cost for each workload, (networks, accelerators)
    perplexities = 100.0 * (1.0 - problem.accuracies(networks))
    labels = [f"embedding {width}, perplexity {p:.1f}" for width, p in zip(space.embeddings, perplexities, strict=True)]
    written = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256]
    for index, label in enumerate(labels):
        print(f"{label}: {space.parameters(networks)[index] / 1e6:.1f} M parameters")
        print(
            f"  multiply-accumulates: {prefill.macs(networks)[index] / 1e9:.2f} G to read, "
            f"{decode.macs(networks)[index] / 1e6:.1f} M to write a token; operations that cost nothing here: "
            f"{free_share(prefill, networks[index]):.2%} and {free_share(decode, networks[index]):.2%}"
        )
        for name, cost in (
            ("prefill", costs["prefill"]),
            ("decode", costs["decode"]),
            ("both, 16 written", mixed(costs, 16)),
        ):
            best = int(cost.edap_js_mm2[index].argmin())
            latency = cost.latency_s[index]
            print(
                f"  {name:<17} least EDAP: {accelerator(hardware, best):<20} {1e3 * latency[best]:8.2f} ms "
                f"{1e3 * cost.energy_j[index, best]:8.2f} mJ {cost.area_mm2[index, best]:6.2f} mm2; "
                f"slowest over fastest accelerator: {latency.max() / latency.min():.1f}"
            )
        print(
            f"  within {1e3 * arguments.deadline:.0f} ms: {smallest(costs['prefill'][index], hardware, arguments.deadline)}"
        )
    if arguments.figure:
        draw(arguments.figure, labels, costs, hardware, written)
        print(f"written: {arguments.figure}")


if __name__ == "__main__":
    main()
