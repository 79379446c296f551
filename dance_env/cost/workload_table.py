"""What networks cost under several workloads: the weighted sum, and each workload by itself."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dance_env.cost.cost import Cost, weighted_cost
from dance_env.cost.model import CostModel
from dance_env.cost.table import CostTable
from dance_env.graph import WorkloadSpace
from dance_env.progress import Progress
from dance_env.space import AcceleratorSpace, Factor, FactorSum

if TYPE_CHECKING:
    import torch

    from dance_env.cost.relaxed_table import RelaxedCosts


@dataclass(frozen=True, eq=False)
class WorkloadTable(CostTable):
    """A cost table whose costs are a weighted sum over workloads; `Cost.workloads` holds each of them, unweighted.

    Attributes:
        tables: The cost table of each workload, by name.
        weights: How many times each workload is run, by name.
    """

    tables: Mapping[str, CostTable] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, tables: Mapping[str, CostTable], weights: Mapping[str, float]) -> WorkloadTable:
        """Put the tables of workloads together.

        Args:
            tables: By workload, of the same choices and accelerators.
            weights: By workload.
        """
        first = next(iter(tables.values()))
        return cls(
            latency_s=_weighted({name: table.latency_s for name, table in tables.items()}, weights),
            energy_j=_weighted({name: table.energy_j for name, table in tables.items()}, weights),
            area_mm2=first.area_mm2,
            clock_hz=first.clock_hz,
            tables=dict(tables),
            weights=dict(weights),
        )

    @classmethod
    def build_workloads(
        cls,
        network_space: WorkloadSpace,
        accelerator_space: AcceleratorSpace,
        *,
        model: CostModel,
        cache_dir: str | os.PathLike[str] | None = None,
        progress: Progress | bool | None = None,
        workers: int | None = None,
    ) -> WorkloadTable:
        """Cost every layer of every workload on every accelerator; arguments and errors as `CostTable.build`."""
        tables = {
            each.name: CostTable.build(
                each.network_space,
                accelerator_space,
                model=model,
                cache_dir=cache_dir,
                progress=progress,
                workers=workers,
            )
            for each in network_space.workloads
        }
        return cls.of(tables, {each.name: each.weight for each in network_space.workloads})

    def lookup(self, networks: np.ndarray, hardware: np.ndarray, *, trusted: bool = False) -> Cost:
        """Return the cost of designs, as `CostTable.lookup`."""
        chosen = networks if trusted else self.latency_s.check(networks)
        where = hardware if trusted else self._check_hardware(hardware, len(chosen))
        return self._sum({name: table.lookup(chosen, where, trusted=True) for name, table in self.tables.items()})

    def on_all_hardware(self, networks: np.ndarray, *, trusted: bool = False) -> Cost:
        """Return the cost of networks on every accelerator, as `CostTable.on_all_hardware`."""
        chosen = networks if trusted else self.latency_s.check(networks)
        return self._sum({name: table.on_all_hardware(chosen, trusted=True) for name, table in self.tables.items()})

    def bounds(self, partial: np.ndarray, *, finite_only: bool = False) -> tuple[Cost, Cost]:
        """Return the least and the most that partly made networks can cost, as `CostTable.bounds`."""
        bounds = {name: table.bounds(partial, finite_only=finite_only) for name, table in self.tables.items()}
        least, most = ({name: pair[side] for name, pair in bounds.items()} for side in (0, 1))
        return self._sum(least), self._sum(most)

    def relax(
        self,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
        hardware: np.ndarray | None = None,
    ) -> RelaxedCosts:
        """Return the expected cost under probabilities of the options, as `CostTable.relax`."""
        from dance_env.cost.relaxed_table import RelaxedWorkloadCosts

        relaxed = {
            name: table.relax(device=device, dtype=dtype, hardware=hardware) for name, table in self.tables.items()
        }
        return RelaxedWorkloadCosts(relaxed, self.weights)

    def replace_unmappable(self, factor: float) -> WorkloadTable:
        """Return the table with finite values in place of infinite ones, as `CostTable.replace_unmappable`."""
        return WorkloadTable.of(
            {name: table.replace_unmappable(factor) for name, table in self.tables.items()}, self.weights
        )

    def fingerprint(self) -> str:
        """Return a sha256 in hexadecimal over all costs, names and weights: the same in every process."""
        digest = hashlib.sha256()
        for name, table in self.tables.items():
            digest.update(f"{name} {self.weights[name]!r} {table.fingerprint()}\0".encode())
        return digest.hexdigest()

    def _sum(self, costs: dict[str, Cost]) -> Cost:
        return weighted_cost(costs, self.weights)


def _weighted(sums: Mapping[str, FactorSum], weights: Mapping[str, float]) -> FactorSum:
    first = next(iter(sums.values()))
    factors = [
        Factor(factor.scope, weights[name] * factor.table) for name, each in sums.items() for factor in each.factors
    ]
    constant = sum(weights[name] * each.constant for name, each in sums.items())
    return FactorSum(first.option_counts, constant, factors)
