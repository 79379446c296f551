"""What a cost model is: layers x accelerators in, seconds and joules out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from dance_env.cost.cost import Cost
from dance_env.cost.technology import Technology

if TYPE_CHECKING:
    from dance_env.graph import LayerTable
    from dance_env.space import Hardware


@dataclass(frozen=True, eq=False)
class LayerCost:
    """Cost of single layers on accelerators; both leaves (U, H) float64, inf where a layer cannot be mapped."""

    latency_s: np.ndarray
    energy_j: np.ndarray


@runtime_checkable
class CostModel(Protocol):
    """Anything that says what layers cost on accelerators.

    A layer costs the same wherever it stands, and a network costs the sum of its layers. `CostTable.build` asks for one
    layer at a time, from several threads: a model that is not safe there is built with ``workers=1``.
    """

    @property
    def technology(self) -> Technology:
        """The constants behind the figures (clock, area)."""

    def fingerprint(self) -> str | None:
        """Text that differs wherever the figures do: the key under which they are cached. None: they are not cached."""

    def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
        """Cost (U, H) of layers ``rows`` (U, 8) int64, columns `dance_env.graph.LAYER_COLUMNS`, on ``hardware``."""

    def evaluate(self, layers: LayerTable, hardware: Hardware) -> Cost:
        """Cost (B, H) of whole networks; area broadcast to the same shape."""

    def area_mm2(self, hardware: Hardware) -> np.ndarray:
        """Area (H,) of the accelerators."""
