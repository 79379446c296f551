"""A cost model of your own: a roofline.

python examples/custom_cost_model.py     # holds it against the contract, then lets it choose an accelerator
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dance_env import make_problem
from dance_env.analysis.exact import optimum
from dance_env.cost import EDGE_LPDDR4, CostTable, LayerCost, Technology
from dance_env.cost.search.mapspace import check_rows
from dance_env.space import Hardware
from dance_env.testing.cost_model import check_cost_model


@dataclass(frozen=True)
class Roofline:
    """Every PE busy, or DRAM the limit; every word moved once (Williams et al., CACM 2009): a bound, not a prediction."""

    technology: Technology = EDGE_LPDDR4

    def fingerprint(self) -> str:
        """Under which costs are cached: say a new number whenever the figures change."""
        return f"roofline 1, {self.technology.fingerprint()}"

    def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
        """Seconds and joules (U, H) of layers (U, 8) on H accelerators."""
        rows = check_rows(rows)  # refuses what is not a layer
        k, c, p, q, r, s, groups, stride = (column[:, None].astype(np.float64) for column in rows.T)
        macs = k * c / groups * p * q * r * s
        words = k * c / groups * r * s + c * ((p - 1) * stride + r) * ((q - 1) * stride + s) + k * p * q
        cycles = np.maximum(macs / (hardware.pe_x * hardware.pe_y), words / self.technology.dram_words_per_cycle)
        picojoules = macs * self.technology.mac_pj + words * self.technology.dram_read_pj
        return LayerCost(cycles / self.technology.clock_hz, np.broadcast_to(picojoules * 1e-12, cycles.shape))

    def area_mm2(self, hardware: Hardware) -> np.ndarray:
        """Area (H,) of the accelerators."""
        return self.technology.area_mm2(hardware.pe_x * hardware.pe_y, hardware.rf_words)


def main() -> None:
    """Check the model, and compare the designs that are best under it and under the mapping search."""
    report = check_cost_model(Roofline())
    print(report)
    report.raise_if_failed()
    problem = make_problem("tiny/balanced")
    table = CostTable.build(problem.network_space, problem.accelerator_space, model=Roofline())
    bound = replace(problem, name="tiny/balanced, roofline", costs=table)
    for each in (problem, bound):
        best = optimum(each)
        print(f"{each.name}: objective {best.objective:.4f}, {each.space.decode(best.design[None])[0]}")


if __name__ == "__main__":
    main()
