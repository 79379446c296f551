"""An image task: what is searched, on which images, and what hardware costs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dance_env.accuracy import AccuracyModel
from dance_env.accuracy.supernet.image_data import ImageData
from dance_env.accuracy.supernet.weights_file import space_digest
from dance_env.cost.cost import Cost
from dance_env.cost.table import CostTable
from dance_env.graph import BlockSpace
from dance_env.objective import Objective
from dance_env.problem import Problem
from dance_env.space import AcceleratorSpace


@dataclass(frozen=True, eq=False)
class ImageTask:
    """A co-design problem whose accuracy is not known but trained for.

    Attributes:
        name: what run folders call it.
        network_space: the networks to choose from.
        accelerator_space: the accelerators to choose from.
        costs: latency and energy of every network option on every accelerator.
        objective: what is minimised; its cost function prices hardware during the search.
        data: the images.

    Raises:
        ImageDataError: the images do not fit the networks' input or classes.
    """

    name: str
    network_space: BlockSpace
    accelerator_space: AcceleratorSpace
    costs: CostTable
    objective: Objective
    data: ImageData

    def __post_init__(self) -> None:
        channels, rows, _ = self.network_space.image_shape
        self.data.check_fits(num_classes=self.network_space.num_classes, channels=channels, image_size=rows)

    def problem(self, accuracy: AccuracyModel) -> Problem:
        """The same task with accuracies from a model, for every solver.

        Of a task of the catalog and a supernet's file, `dance_env.make_problem(name, supernet=FILE)` makes the same.
        """
        return Problem(self.name, self.network_space, self.accelerator_space, self.costs, accuracy, self.objective)

    def best_hardware(self, network: tuple[int, ...], *, accuracy: float) -> int:
        """Index of the accelerator of least objective; if none meets the limits, of least violation.

        Args:
            network: `(N,)` option indices.
            accuracy: of the network, a fraction.
        """
        cost = self.costs.on_all_hardware(np.asarray(network, np.int64)[None])
        error_pct = np.full(cost.latency_s.shape, 100.0 * (1.0 - accuracy))
        violation = self.objective.violation(error_pct, cost)[0]
        value = self.objective.value(error_pct, cost)[0]
        price = value if self.objective.weight else self.objective.cost_function(cost)[0]
        return int(np.lexsort((price, violation))[0])

    def describe(self, network: tuple[int, ...], hardware: int, *, accuracy: float) -> dict[str, Any]:
        """A design in words and figures, units in the names, ready for JSON."""
        space = self.network_space
        names = {choice.name: choice.options[index] for choice, index in zip(space.choices(), network, strict=True)}
        point = self.accelerator_space.unindex(np.array([hardware]))[0]
        choices = self.accelerator_space.choices()
        cost: Cost = self.costs.lookup(np.asarray(network, np.int64)[None], np.array([hardware]))
        error_pct = 100.0 * (1.0 - accuracy)
        return {
            "network": names,
            "accelerator": {choice.name: choice.options[index] for choice, index in zip(choices, point, strict=True)},
            "design": [*map(int, network), *map(int, point)],
            "error_pct": error_pct,
            "latency_s": float(cost.latency_s[0]),
            "energy_j": float(cost.energy_j[0]),
            "area_mm2": float(cost.area_mm2[0]),
            "edap_js_mm2": float(cost.edap_js_mm2[0]),
            "objective": float(self.objective.value(np.array([error_pct]), cost)[0]),
            "violation": float(self.objective.violation(np.array([error_pct]), cost)[0]),
            "macs": int(space.macs(np.asarray(network)[None])[0]),
            "parameters": int(space.parameters(np.asarray(network)[None])[0]),
        }

    @cached_property
    def fingerprint(self) -> str:
        """A digest of networks, accelerators, costs, objective and images."""
        digest = hashlib.sha256()
        digest.update(
            repr((space_digest(self.network_space), self.accelerator_space, self.objective.fingerprint())).encode()
        )
        for values in (
            self.costs.option_latency_s,
            self.costs.option_energy_j,
            self.costs.fixed_latency_s,
            self.costs.fixed_energy_j,
            self.costs.area_mm2,
        ):
            digest.update(np.ascontiguousarray(values).tobytes())
        digest.update(self.data.fingerprint().encode())
        return digest.hexdigest()
