"""What whole networks cost, from what their layers cost: for cost models that know layers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dance_env.cost.cost import Cost
from dance_env.cost.model import CostModel

if TYPE_CHECKING:
    from dance_env.graph import LayerTable
    from dance_env.space import Hardware


def network_cost(model: CostModel, layers: LayerTable, hardware: Hardware) -> Cost:
    """The sum of a network's layers: a `CostModel.evaluate` for whoever has `evaluate_layers` and `area_mm2`.

    Args:
        model: what a layer costs; asked once about the different layers of the batch.
        layers: of B networks.
        hardware: H accelerators.

    Returns:
        Leaves (B, H); seconds and joules summed in the order of the layers, the accelerators' area for every network.
    """
    rows, inverse = layers.unique()
    single = model.evaluate_layers(rows, hardware)
    latency = np.zeros((len(inverse), len(hardware)))
    energy = np.zeros_like(latency)
    for column in inverse.T:
        here = column >= 0
        latency[here] += single.latency_s[column[here]]
        energy[here] += single.energy_j[column[here]]
    return Cost(latency, energy, np.broadcast_to(model.area_mm2(hardware), latency.shape))
