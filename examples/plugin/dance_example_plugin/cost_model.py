"""The cost model `roofline`: a bound, not a prediction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dance_env.cost import EDGE_LPDDR4, LayerCost, Technology
from dance_env.cost.search.mapspace import check_rows
from dance_env.space import Hardware


@dataclass(frozen=True)
class Roofline:
    """Every PE busy, or DRAM the limit; every word moved once (Williams et al., CACM 2009).

    Attributes:
        technology: the constants.
    """

    technology: Technology = EDGE_LPDDR4

    def fingerprint(self) -> str:
        """Return what costs are cached under: another number whenever the figures change."""
        return f"example roofline 1, {self.technology.fingerprint()}"

    def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
        """Return seconds and joules (U, H) of layers (U, 8) on H accelerators."""
        rows = check_rows(rows)  # refuses what is not a layer
        k, c, p, q, r, s, groups, stride = (column[:, None].astype(np.float64) for column in rows.T)
        macs = k * c / groups * p * q * r * s
        words = k * c / groups * r * s + c * ((p - 1) * stride + r) * ((q - 1) * stride + s) + k * p * q
        cycles = np.maximum(macs / (hardware.pe_x * hardware.pe_y), words / self.technology.dram_words_per_cycle)
        picojoules = macs * self.technology.mac_pj + words * self.technology.dram_read_pj
        return LayerCost(cycles / self.technology.clock_hz, np.broadcast_to(picojoules * 1e-12, cycles.shape))

    def area_mm2(self, hardware: Hardware) -> np.ndarray:
        """Return the area (H,) of the accelerators."""
        return self.technology.area_mm2(hardware.pe_x * hardware.pe_y, hardware.rf_words)
