"""The roofline of an accelerator: how many multiply-accumulates a cycle it can do, by how often it needs DRAM."""

from __future__ import annotations

from dataclasses import dataclass

from dance_env.cost import Technology
from dance_env.space import Hardware


@dataclass(frozen=True)
class Roofline:
    """Bounds of the multiply-accumulates a cycle (Williams, Waterman and Patterson, CACM 52:4, 2009).

    Attributes:
        peak: Multiply-accumulates a cycle of all processing elements.
        dram_words_per_cycle: Bandwidth of DRAM, both directions together; infinite where it is not limited.
    """

    peak: float
    dram_words_per_cycle: float

    @classmethod
    def of(cls, hardware: Hardware, technology: Technology) -> Roofline:
        """Return the roofline of one accelerator."""
        return cls(float(hardware.pe_x[0] * hardware.pe_y[0]), technology.dram_words_per_cycle)

    @property
    def ridge(self) -> float:
        """Multiply-accumulates for each DRAM word from which on the peak bounds, and no longer the bandwidth."""
        return self.peak / self.dram_words_per_cycle

    def at(self, macs_per_dram_word: float) -> float:
        """Return the most multiply-accumulates a cycle at an operational intensity."""
        return min(self.peak, macs_per_dram_word * self.dram_words_per_cycle)
