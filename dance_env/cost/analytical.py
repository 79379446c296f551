"""The analytical cost model: the best mapping of every layer on every accelerator, found exhaustively."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from dance_env.cost.mapping.dataflow import Dataflow, dataflow_at
from dance_env.cost.mapping.loops import DIMS
from dance_env.cost.mapping.mapping import Mapping
from dance_env.cost.mapping.nest import OVERLAPS, NestCost
from dance_env.cost.mapping.nest import evaluate as evaluate_mapping
from dance_env.cost.memory import by_memory
from dance_env.cost.model import LayerCost
from dance_env.cost.search.mapspace import check_layer, check_rows
from dance_env.cost.search.search import FACTORS, best_mapping, search_memories
from dance_env.cost.search.search_data import OBJECTIVES
from dance_env.cost.technology import TIMELOOP_45NM, Technology
from dance_env.graph import Layer, layer_row
from dance_env.source_digest import source_digest
from dance_env.space import Hardware


@dataclass(frozen=True)
class AnalyticalCostModel:
    """Loop-nest analysis with an exhaustive mapping search, counting as Timeloop does.

    Attributes:
        technology: energies, capacities, bandwidths, clock.
        objective: what each layer's mapping minimizes: "edp", "energy" or "latency".
        factors: "perfect": loop factors divide their dimension; "ceil": dimensions may also be padded up to a multiple
            of the columns or rows that they spread over.
        overlap: how overlapping input windows are counted; "timeloop": as in the reference; "physical": as in an array.

    Raises:
        TypeError: where `technology` is no `Technology`, its name for example.
        ValueError: for an unknown objective, factor or overlap mode.
    """

    technology: Technology = TIMELOOP_45NM
    objective: str = "edp"
    factors: str = "perfect"
    overlap: str = "timeloop"

    def __post_init__(self) -> None:
        if not isinstance(self.technology, Technology):
            raise TypeError(
                f"technology: expected a Technology, got {self.technology!r}; get_technology(name) gives one by its name."
            )
        for name, known in (("objective", OBJECTIVES), ("factors", FACTORS), ("overlap", OVERLAPS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name}: expected one of {', '.join(known)}, got {getattr(self, name)!r}.")

    def fingerprint(self) -> str:
        """Hex digest of the settings and of the code that the figures depend on."""
        parts = (self.technology.fingerprint(), self.objective, self.factors, self.overlap, source_digest(__name__))
        return hashlib.sha256("|".join(parts).encode()).hexdigest()

    def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
        """Cost of single layers.

        Args:
            rows: (U, 8) integers, columns K, C, P, Q, R, S, groups, stride.
            hardware: H accelerators.

        Returns:
            Seconds and joules, (U, H); inf where the dataflow cannot map the layer on the array.

        Raises:
            TypeError, ValueError, OverflowError: If the rows are not layers (see `mapspace.check_layer`).
            ValueError: a register file or a global buffer that the technology does not know.
        """
        rows = check_rows(rows)
        latency = np.full((len(rows), len(hardware)), np.inf)
        energy = np.full_like(latency, np.inf)
        technologies, memory = self._memories(hardware)
        for flow in np.unique(hardware.dataflow):
            on = np.flatnonzero(hardware.dataflow == flow)
            pe_x, x = np.unique(hardware.pe_x[on], return_inverse=True)
            pe_y, y = np.unique(hardware.pe_y[on], return_inverse=True)
            rf_words, r = np.unique(hardware.rf_words[on], return_inverse=True)
            here, m = np.unique(memory[on], return_inverse=True)
            for u, row in enumerate(rows):
                optima = search_memories(
                    row, dataflow_at(int(flow)), rf_words=rf_words, pe_x=pe_x, pe_y=pe_y,
                    technologies=[technologies[n] for n in here], objective=self.objective, factors=self.factors,
                    overlap=self.overlap,
                )  # fmt: skip
                cycles, pj = (np.stack([getattr(each, name) for each in optima]) for name in ("cycles", "energy_pj"))
                latency[u, on] = cycles[m, x, y, r] / self.technology.clock_hz
                energy[u, on] = pj[m, x, y, r] * 1e-12
        return LayerCost(latency, energy)

    @property
    def clock_hz(self) -> float:
        """The accelerators' clock."""
        return self.technology.clock_hz

    def area_mm2(self, hardware: Hardware) -> np.ndarray:
        """Return the area `(H,)` of the accelerators, mm2; with the DRAM interface where its bandwidth is a choice."""
        area = np.empty(len(hardware))
        for technology, on in by_memory(self.technology, hardware):
            # In float64: int64 wraps round at 2^63 PEs.
            pes = hardware.pe_x[on].astype(np.float64) * hardware.pe_y[on]
            area[on] = technology.area_mm2(pes, hardware.rf_words[on])
        if hardware.dram_words_per_cycle is not None:
            area += hardware.dram_words_per_cycle * self.technology.dram_interface_um2 * 1e-6
        return area

    def _memories(self, hardware: Hardware) -> tuple[list[Technology], np.ndarray]:
        """Return a technology for each different memory of the accelerators, and which of them each has, `(H,)`."""
        technologies: list[Technology] = []
        memory = np.empty(len(hardware), dtype=np.int64)
        for technology, here in by_memory(self.technology, hardware):
            memory[here] = len(technologies)
            technologies.append(technology)
        return technologies, memory

    def mapping(self, layer: Layer | np.ndarray, hardware: Hardware) -> Mapping:
        """The best mapping of a layer on one accelerator.

        Args:
            layer: a layer, or its row of 8 integers.
            hardware: one accelerator (a batch of one).

        Returns:
            The mapping; with ``factors="ceil"`` its dimensions may be larger than the layer's.

        Raises:
            ValueError: If no mapping fits (with the reason), or more than one accelerator is given.
        """
        row, dataflow, pe_x, pe_y, rf_words = _one(layer, hardware)
        found = best_mapping(
            row, dataflow, rf_words=rf_words, pe_x=pe_x, pe_y=pe_y, technology=self.technology_of(hardware),
            objective=self.objective, factors=self.factors, overlap=self.overlap,
        )  # fmt: skip
        if found is None:
            raise ValueError(f"no mapping: {self.why_unmappable(row, hardware)}")
        return found

    def breakdown(self, layer: Layer | np.ndarray, hardware: Hardware) -> NestCost:
        """What a layer's best mapping on one accelerator costs, level by level. Arguments and errors as `mapping`."""
        _, _, pe_x, pe_y, rf_words = _one(layer, hardware)
        return evaluate_mapping(
            self.mapping(layer, hardware), pe_x=pe_x, pe_y=pe_y, rf_words=rf_words,
            technology=self.technology_of(hardware), overlap=self.overlap,
        )  # fmt: skip

    def why_unmappable(self, layer: Layer | np.ndarray, hardware: Hardware) -> str | None:
        """Why a layer has no mapping on one accelerator, as a sentence; None when it has one."""
        row, dataflow, pe_x, pe_y, rf_words = _one(layer, hardware)
        latency = self.evaluate_layers(row[None], hardware).latency_s[0, 0]
        if np.isfinite(latency):
            return None
        k, c, p, q, r, s, groups, stride = check_layer(row)
        sizes = dict(zip(DIMS, (c // groups, k // groups, groups, r, s, p, q), strict=True))
        array = dataflow.why_unmappable(sizes, stride, pe_x=pe_x, pe_y=pe_y, rf_words=rf_words)
        return array or (
            f"the smallest tile that {dataflow.name} allows does not fit the global buffer of "
            f"{self.technology_of(hardware).glb_words} words."
        )

    def technology_of(self, hardware: Hardware) -> Technology:
        """Return the technology of one accelerator: with the global buffer and the bandwidth that it chooses.

        Raises:
            ValueError: If more than one accelerator is given, or the technology does not know the global buffer.
        """
        if len(hardware) != 1:
            raise ValueError(
                f"hardware: expected one accelerator, got {len(hardware)}; take one with hardware.take([i])."
            )
        return next(by_memory(self.technology, hardware))[0]


def _one(layer: Layer | np.ndarray, hardware: Hardware) -> tuple[np.ndarray, Dataflow, int, int, int]:
    """A layer's row; dataflow, columns, rows and register words of the one accelerator."""
    if len(hardware) != 1:
        raise ValueError(f"hardware: expected one accelerator, got {len(hardware)}; take one with hardware.take([i]).")
    row = np.array(layer_row(layer)) if isinstance(layer, Layer) else np.asarray(layer)
    check_layer(row)
    pe_x, pe_y, rf_words = (int(each[0]) for each in (hardware.pe_x, hardware.pe_y, hardware.rf_words))
    return row, dataflow_at(int(hardware.dataflow[0])), pe_x, pe_y, rf_words
