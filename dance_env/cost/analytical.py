"""The analytical cost model: the best mapping of every layer on every accelerator, found exhaustively."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dance_env.cost.cost import Cost
from dance_env.cost.model import LayerCost
from dance_env.cost.search import OBJECTIVES, search_layer
from dance_env.cost.sources import FIGURES, source_digest
from dance_env.cost.technology import TIMELOOP_45NM, Technology

if TYPE_CHECKING:
    from dance_env.graph import LayerTable
    from dance_env.space import Hardware


@dataclass(frozen=True)
class AnalyticalCostModel:
    """Loop-nest analysis with an exhaustive mapping search, as Timeloop counts.

    Attributes:
        technology: energies, capacities, bandwidths, clock.
        objective: what each layer's mapping minimises: "edp", "energy" or "latency".
        factors: "perfect": loop factors divide their dimension.
        overlap: "timeloop": how overlapping input windows are counted.

    Raises:
        ValueError: for an unknown objective, factor or overlap mode.
    """

    technology: Technology = TIMELOOP_45NM
    objective: str = "edp"
    factors: str = "perfect"
    overlap: str = "timeloop"

    def __post_init__(self) -> None:
        for name, known in (("objective", OBJECTIVES), ("factors", ("perfect",)), ("overlap", ("timeloop",))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name}: expected one of {', '.join(known)}, got {getattr(self, name)!r}.")

    def fingerprint(self) -> str:
        """Hex digest of the settings and of the code that the figures depend on."""
        parts = (self.technology.fingerprint(), self.objective, self.factors, self.overlap, source_digest(FIGURES))
        return hashlib.sha256("|".join(parts).encode()).hexdigest()

    def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
        """Cost of single layers.

        Args:
            rows: (U, 8) int64, columns K, C, P, Q, R, S, groups, stride.
            hardware: H accelerators.

        Returns:
            Seconds and joules, (U, H); inf where the dataflow cannot map the layer on the array.

        Raises:
            TypeError, ValueError, OverflowError: rows that are no layers (see `mapspace.loop_dims`).
        """
        from dance_env.space import DATAFLOWS

        rows = np.asarray(rows)
        if rows.ndim != 2 or rows.shape[1] != 8:
            raise ValueError(f"rows: expected shape (layers, 8), got {rows.shape}.")
        latency = np.full((len(rows), len(hardware)), np.inf)
        energy = np.full_like(latency, np.inf)
        for flow in np.unique(hardware.dataflow):
            on = np.flatnonzero(hardware.dataflow == flow)
            pe_x, x = np.unique(hardware.pe_x[on], return_inverse=True)
            pe_y, y = np.unique(hardware.pe_y[on], return_inverse=True)
            rf_words, r = np.unique(hardware.rf_words[on], return_inverse=True)
            for u, row in enumerate(rows):
                best = search_layer(
                    row,
                    DATAFLOWS[flow],
                    rf_words=rf_words,
                    pe_x=pe_x,
                    pe_y=pe_y,
                    technology=self.technology,
                    objective=self.objective,
                )
                latency[u, on] = best.cycles[x, y, r] / self.technology.clock_hz
                energy[u, on] = best.energy_pj[x, y, r] * 1e-12
        return LayerCost(latency, energy)

    def evaluate(self, layers: LayerTable, hardware: Hardware) -> Cost:
        """Cost (B, H) of whole networks: the sum of their layers, in order."""
        rows, inverse = layers.unique()
        single = self.evaluate_layers(rows, hardware)
        latency = np.zeros((len(inverse), len(hardware)))
        energy = np.zeros_like(latency)
        for column in inverse.T:
            here = column >= 0
            latency[here] += single.latency_s[column[here]]
            energy[here] += single.energy_j[column[here]]
        area = np.broadcast_to(self.area_mm2(hardware), latency.shape)
        return Cost(latency, energy, area)

    def area_mm2(self, hardware: Hardware) -> np.ndarray:
        """Area (H,) of the accelerators, mm2."""
        return self.technology.area_mm2(hardware.pe_x * hardware.pe_y, hardware.rf_words)
