"""The cost table as a solver sees it: each look-up is on the meter."""

from __future__ import annotations

import numpy as np

from dance_env.cost import Cost
from dance_env.problem import Problem
from solvers.contract.meter import Meter


class MeteredCosts:
    """The cost table's look-ups, each on the meter; costs only, so not bounded by the budget."""

    def __init__(self, problem: Problem, meter: Meter) -> None:
        self._problem = problem
        self._meter = meter

    @property
    def area_mm2(self) -> np.ndarray:
        """(hardware,) each accelerator's area, which no network changes; free, and a copy."""
        return np.array(self._problem.costs.area_mm2)

    def lookup(self, networks: np.ndarray, hardware: np.ndarray) -> Cost:
        """Return the cost (batch,) of each network on the accelerator of the same row."""
        with self._meter.oracle():
            cost = self._problem.costs.lookup(networks, hardware)
        self._meter.bill_costs(networks, hardware)
        return cost

    def on_all_hardware(self, networks: np.ndarray) -> Cost:
        """Return the cost (batch, hardware) of each network on every accelerator."""
        with self._meter.oracle():
            cost = self._problem.costs.on_all_hardware(networks)
        self._meter.bill_costs(networks)
        return cost
