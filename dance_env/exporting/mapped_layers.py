"""The different layers of a design, each with its best mapping and what that costs by our count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dance_env.cost.mapping.mapping import Mapping
from dance_env.cost.mapping.nest import NestCost, evaluate
from dance_env.exporting.design_file import DesignFile
from dance_env.exporting.different_layers import DifferentLayer, different_layers


@dataclass(frozen=True, eq=False)
class MappedLayer:
    """A layer with its mapping.

    Attributes:
        layer: The layer, and all that are equal to it.
        mapping: The best one by the design's cost model.
        cost: Of the mapping.
    """

    layer: DifferentLayer
    mapping: Mapping
    cost: NestCost

    def to_dict(self) -> dict[str, Any]:
        """Return what ``layers.json`` says of it."""
        return self.layer.to_dict() | {"cycles": self.cost.cycles, "energy_pj": self.cost.energy_pj}


def mapped_layers(design: DesignFile) -> list[MappedLayer]:
    """Return the different layers of a design with their mappings, in order of their first run."""
    hardware, model = design.hardware, design.cost_model
    array = {name: int(getattr(hardware, name)[0]) for name in ("pe_x", "pe_y", "rf_words")}
    found = []
    for layer in different_layers(design):
        mapping = model.mapping(layer.first, hardware)
        cost = evaluate(mapping, technology=design.technology, overlap=model.overlap, **array)
        found.append(MappedLayer(layer, mapping, cost))
    return found
