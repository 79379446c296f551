"""Which accelerator for which language model: reading a prompt (prefill) against writing tokens (decode).

    python examples/language_model.py --figure language_model.png     # half a minute

Three networks of gpt-s on DANCE's 13,872 accelerators. The accelerator with the least energy-delay-area product
depends on what is asked: to read a prompt it has many PEs, to write tokens it has few, since one token reads every
weight and every entry of the cache for a single use: the DRAM channel sets the pace, whatever the array.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dance_env.accuracy.hw_gpt_bench import load_factors
from dance_env.cost import EDGE_LPDDR4, AnalyticalCostModel, Cost, CostTable
from dance_env.graph import TransformerSpace, gpt_s
from dance_env.space import DATAFLOWS, Hardware, dance_accelerators

OPERATIONS = {"layer_norm": 6, "softmax": 5, "activation": 8, "add": 2, "scores": 1, "embedding": 1}
"""Operations for each output of a node that the cost model declares free: an assumption, for their share of all."""


@dataclass(frozen=True)
class Workloads:
    """Costs of the networks on every accelerator, `(networks, accelerators)` each."""

    prefill: Cost
    decode: Cost

    def mixed(self, written: int) -> Cost:
        """Return the cost of reading the prompt once and writing so many tokens."""
        return Cost(
            self.prefill.latency_s + written * self.decode.latency_s,
            self.prefill.energy_j + written * self.decode.energy_j,
            self.prefill.area_mm2,
        )


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


def accelerator(hardware: Hardware, index: int) -> str:
    """Return an accelerator in words."""
    size = f"{hardware.pe_x[index]} x {hardware.pe_y[index]}"
    return f"{size}, RF {hardware.rf_words[index]}, {DATAFLOWS[hardware.dataflow[index]]}"


def draw(path: str, labels: Sequence[str], costs: Workloads, hardware: Hardware, written: Sequence[int]) -> None:
    """Draw times against the area that may be used, and the best accelerator's PEs against the tokens written."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    area, order = costs.prefill.area_mm2[0], np.argsort(costs.prefill.area_mm2[0])
    pes = hardware.pe_x * hardware.pe_y
    for index, label in enumerate(labels):
        for cost, style in ((costs.prefill, "-"), (costs.decode, "--")):
            fastest = np.minimum.accumulate(cost.latency_s[index][order])
            left.step(area[order], 1e3 * fastest, style, where="post", color=f"C{index}")
        best = [costs.mixed(count).edap_js_mm2[index].argmin() for count in written]
        right.plot(written, pes[best], "o-", color=f"C{index}", label=label, alpha=0.8)
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
    parser.add_argument("--figure", help="image file to write")
    arguments = parser.parse_args(argv)

    space, accelerators = gpt_s(), dance_accelerators()
    hardware, networks = accelerators.hardware(), networks_of(space)
    prefill, decode = space.prefill(arguments.tokens), space.decode(arguments.tokens)
    model = AnalyticalCostModel(technology=EDGE_LPDDR4)
    costs = Workloads(
        *(
            CostTable.build(each, accelerators, model=model, progress=True).on_all_hardware(networks)
            for each in (prefill, decode)
        )
    )
    perplexities = 100.0 * (1.0 - load_factors(space.name).accuracy.evaluate(networks))
    labels = [f"embedding {width}, perplexity {p:.1f}" for width, p in zip(space.embeddings, perplexities, strict=True)]
    written = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256]
    for index, label in enumerate(labels):
        print(f"{label}: {space.parameters(networks)[index] / 1e6:.1f} M parameters")
        print(
            f"  multiply-accumulates: {prefill.macs(networks)[index] / 1e9:.2f} G to read, "
            f"{decode.macs(networks)[index] / 1e6:.1f} M to write a token; operations that cost nothing here: "
            f"{free_share(prefill, networks[index]):.2%} and {free_share(decode, networks[index]):.2%}"
        )
        for name, cost in (("prefill", costs.prefill), ("decode", costs.decode), ("both, 16 written", costs.mixed(16))):
            best = int(cost.edap_js_mm2[index].argmin())
            latency = cost.latency_s[index]
            print(
                f"  {name:<17} least EDAP: {accelerator(hardware, best):<20} {1e3 * latency[best]:8.2f} ms "
                f"{1e3 * cost.energy_j[index, best]:8.2f} mJ {cost.area_mm2[index, best]:6.2f} mm2; "
                f"slowest over fastest accelerator: {latency.max() / latency.min():.1f}"
            )
    if arguments.figure:
        draw(arguments.figure, labels, costs, hardware, written)
        print(f"written: {arguments.figure}")


if __name__ == "__main__":
    main()
