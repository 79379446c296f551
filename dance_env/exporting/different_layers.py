"""The different layers of a design: equal ones are exported once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dance_env.exporting.design_file import DesignFile
from dance_env.exporting.files import numbered
from dance_env.graph import LAYER_COLUMNS, Layer, layer_row


@dataclass(frozen=True)
class DifferentLayer:
    """A layer, and all that are equal to it.

    Attributes:
        folder: A safe name that no other layer of the design has.
        first: The layer.
        names: Of all equal layers, in order; behind the workload's name and a slash where the design has several.
        runs: How often they are run together, by the weights of their workloads.
    """

    folder: str
    first: Layer
    names: tuple[str, ...]
    runs: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        row = dict(zip(LAYER_COLUMNS, layer_row(self.first), strict=True))
        return {"folder": self.folder, "kind": self.first.kind, **row, "names": list(self.names), "runs": self.runs}


def different_layers(design: DesignFile) -> list[DifferentLayer]:
    """Return the different layers of a design, in order of their first run."""
    groups: dict[tuple[int, ...], list[tuple[Layer, str, float]]] = {}
    for workload in design.workloads:
        prefix = f"{workload.name}/" if workload.name else ""
        for layer in workload.layers:
            groups.setdefault(layer_row(layer), []).append((layer, f"{prefix}{layer.name}", workload.weight))
    folders = numbered([group[0][0].name for group in groups.values()])
    return [
        DifferentLayer(folder, group[0][0], tuple(name for _, name, _ in group), sum(weight for _, _, weight in group))
        for folder, group in zip(folders, groups.values(), strict=True)
    ]
