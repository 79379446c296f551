"""What a cost model is: layers x accelerators in, seconds and joules out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from dance_env.space import Hardware


@dataclass(frozen=True, eq=False)
class LayerCost:
    """Cost of single layers on accelerators; both leaves (U, H) float64, inf where a layer cannot be mapped."""

    latency_s: np.ndarray
    energy_j: np.ndarray


@runtime_checkable
class CostModel(Protocol):
    """What layers cost on accelerators.

    A layer costs the same wherever it stands, and a network costs the sum of its layers. `CostTable.build` asks for one
    layer at a time, from several threads: a model that is not safe there is built with ``workers=1``.
    """

    def fingerprint(self) -> str | None:
        """Return a text that differs wherever the figures do: the key under which they are cached.

        None: the figures are not cached.
        """

    def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
        """Return the cost (U, H) of layers ``rows`` (U, 8) int64, columns `dance_env.graph.LAYER_COLUMNS`."""

    def area_mm2(self, hardware: Hardware) -> np.ndarray:
        """Return the area (H,) of the accelerators."""


@runtime_checkable
class ClockedCostModel(CostModel, Protocol):
    """A cost model of accelerators with a clock, so that cycles and utilization can be read off a latency."""

    @property
    def clock_hz(self) -> float:
        """The accelerators' clock."""
