"""The cost table: what every network of a space costs on every accelerator, as a sum over the network's parts."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dance_env.cache import ArrayCache
from dance_env.cost.cost import Cost
from dance_env.cost.layer_costs import layer_costs
from dance_env.cost.model import ClockedCostModel, CostModel
from dance_env.graph import NetworkSpace, different_layers, layer_row, layer_sum
from dance_env.progress import Progress
from dance_env.space import AcceleratorSpace, FactorSum

if TYPE_CHECKING:
    import torch

    from dance_env.cost.relaxed_table import RelaxedCosts

_SMALLEST_COST = 1e-12  # seconds or joules: what counts as the largest where no value is finite


@dataclass(frozen=True, eq=False)
class CostTable:
    """What networks cost on each of H accelerators. An unmappable layer costs inf.

    Shapes: B networks of N choices.

    Attributes:
        latency_s: Seconds, as a sum with one value for each accelerator.
        energy_j: Joules, as a sum over the same parts.
        area_mm2: `(H,)` float64, read-only.
        clock_hz: Of the accelerators, to read cycles off a latency; None where the costs come from no clocked model.

    Raises:
        TypeError: If the areas are not real numbers.
        ValueError: If the parts do not fit each other, or a cost is negative or NaN.
    """

    latency_s: FactorSum
    energy_j: FactorSum
    area_mm2: np.ndarray
    clock_hz: float | None = None

    def __post_init__(self) -> None:
        area = np.asarray(self.area_mm2)
        if area.dtype.kind not in "fiu":
            raise TypeError(f"cost table: area_mm2 must hold real numbers, got {area.dtype}")
        area = np.array(area, dtype=np.float64)
        if area.shape != (self.latency_s.width,) or self.energy_j.width != self.latency_s.width:
            raise ValueError(
                f"cost table: latency, energy and area must be of the same accelerators; got {self.latency_s.width}, "
                f"{self.energy_j.width} and {area.shape}"
            )
        parts = [(sums.option_counts, [factor.scope for factor in sums.factors]) for sums in self._sums]
        if parts[0] != parts[1]:
            raise ValueError(f"cost table: latency and energy must be sums over the same parts; got {parts}")
        for name, values in (
            ("latency_s", self.latency_s.rows),
            ("latency_s, constant", self.latency_s.constant),
            ("energy_j", self.energy_j.rows),
            ("energy_j, constant", self.energy_j.constant),
            ("area_mm2", area),
        ):
            wrong = ~(values >= 0.0)  # NaN is not >= 0 either
            if wrong.any():
                raise ValueError(
                    f"cost table: {name} holds {int(wrong.sum())} values that are negative or NaN, the first is "
                    f"{values[wrong][0]}; a cost is >= 0, and inf where a layer cannot be mapped"
                )
        area.setflags(write=False)
        object.__setattr__(self, "area_mm2", area)

    @property
    def shape(self) -> tuple[int, ...]:
        """Options of each network choice, then H."""
        return (*self.latency_s.option_counts, len(self.area_mm2))

    # ------------------------------------------------------------------------------------------------------- questions
    def lookup(self, networks: np.ndarray, hardware: np.ndarray, *, trusted: bool = False) -> Cost:
        """Return the cost of designs: networks on accelerators, pairwise.

        Args:
            networks: `(B, N)` option indices.
            hardware: `(B,)` accelerator indices.
            trusted: Whether both are int64 arrays that have been checked already.

        Returns:
            Cost with leaves `(B,)`, the same bits however the designs are batched.

        Raises:
            TypeError: If indices are not whole numbers.
            ValueError: If shapes do not fit, or an index is out of range.
        """
        chosen = networks if trusted else self.latency_s.check(networks)
        where = hardware if trusted else self._check_hardware(hardware, len(chosen))
        flat, stride = self._by_hardware
        start = where * stride
        total = flat.take(start)
        start += 1
        for positions in self.latency_s.positions(chosen):
            total += flat.take(start + positions)
        return Cost(total.real.copy(), total.imag.copy(), self.area_mm2.take(where))

    def on_all_hardware(self, networks: np.ndarray, *, trusted: bool = False) -> Cost:
        """Return the cost of networks `(B, N)` on every accelerator, leaves `(B, H)`: the same bits as `lookup`.

        Arguments and errors as `lookup`.
        """
        chosen = networks if trusted else self.latency_s.check(networks)
        positions = self.latency_s.positions(chosen)
        latency, energy = self.latency_s.add_rows(positions), self.energy_j.add_rows(positions)
        return Cost(latency, energy, np.broadcast_to(self.area_mm2, latency.shape))

    def bounds(self, partial: np.ndarray, *, finite_only: bool = False) -> tuple[Cost, Cost]:
        """Return the least and the most, leaves `(B, H)`, that partly made networks can cost on each accelerator.

        Arguments and errors as `FactorSum.bounds`. Each metric is bounded by itself; a product of bounds bounds a product.
        """
        latency, energy = (sums.bounds(partial, finite_only=finite_only) for sums in self._sums)
        area = np.broadcast_to(self.area_mm2, latency[0].shape)
        return Cost(latency[0], energy[0], area), Cost(latency[1], energy[1], area)

    def latency_by_part(self, networks: np.ndarray, hardware: np.ndarray) -> dict[tuple[int, ...], np.ndarray]:
        """Return the seconds `(B,)` of each part of the networks, by its scope. Arguments and errors as `lookup`."""
        chosen = self.latency_s.check(networks)
        where = self._check_hardware(hardware, len(chosen))
        found: dict[tuple[int, ...], np.ndarray] = {}
        for factor, positions in zip(self.latency_s.factors, self.latency_s.positions(chosen), strict=True):
            seconds = self.latency_s.rows[positions, where]
            found[factor.scope] = found[factor.scope] + seconds if factor.scope in found else seconds
        return found

    def relax(
        self,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
        hardware: np.ndarray | None = None,
    ) -> RelaxedCosts:
        """Return the expected cost under probabilities of the options, differentiable (torch).

        Args:
            device: Where the tensors live.
            dtype: Their type; None for float64.
            hardware: Indices of (or a mask over) the accelerators to keep; None keeps all.

        Raises:
            ValueError: If some option has no mapping on some of these accelerators (0 x inf has no meaning).
        """
        from dance_env.cost.relaxed_table import RelaxedCosts

        if hardware is None:
            return RelaxedCosts(self.latency_s, self.energy_j, self.area_mm2, device=device, dtype=dtype)
        latency, energy = (sums.select(hardware) for sums in self._sums)
        return RelaxedCosts(latency, energy, self.area_mm2[hardware], device=device, dtype=dtype)

    @cached_property
    def mappable(self) -> np.ndarray:
        """`(H,)` bool: the accelerators on which every option of every part has a mapping."""
        finite = [np.isfinite(sums.rows).all(axis=0) & np.isfinite(sums.constant) for sums in self._sums]
        return np.logical_and(*finite)

    @property
    def unmappable_pairs(self) -> int:
        """How many (option of a part, accelerator) pairs have no mapping."""
        return self.latency_s.infinite

    def replace_unmappable(self, factor: float) -> CostTable:
        """Return the table with `factor` times the largest finite value in place of every infinite latency and energy.

        An expectation then has a meaning, and something that learns from costs has a target.
        """
        latency, energy = (
            sums.replace_infinite(factor * max(sums.largest_finite, _SMALLEST_COST)) for sums in self._sums
        )
        return CostTable(latency, energy, self.area_mm2, self.clock_hz)

    def fingerprint(self) -> str:
        """Return a sha256 in hexadecimal over all costs: the same in every process."""
        digest = hashlib.sha256()
        for sums in self._sums:
            digest.update(sums.fingerprint().encode() + b"\0")
        digest.update(self.area_mm2.astype("<f8").tobytes())
        return digest.hexdigest()

    # -------------------------------------------------------------------------------------------------------- building
    @classmethod
    def build(
        cls,
        network_space: NetworkSpace,
        accelerator_space: AcceleratorSpace,
        *,
        model: CostModel,
        cache_dir: str | os.PathLike[str] | None = None,
        progress: Progress | bool | None = None,
        workers: int | None = None,
    ) -> CostTable:
        """Cost every layer of a network space on every accelerator.

        Layers are cached as soon as they are done (see `layer_costs`): an interrupted build continues where it stopped.

        Args:
            network_space: Whose layers are costed.
            accelerator_space: H accelerators.
            model: What a layer costs.
            cache_dir: Folder of the cache; None for the default (see `dance_env.cache`).
            progress: True for a progress bar, or a function called with (layers done, layers in all).
            workers: Threads; None for one per core. The table does not depend on it.

        Raises:
            OSError: If the cache folder given cannot be written.
        """
        hardware = accelerator_space.hardware()
        single = layer_costs(
            different_layers(network_space),
            hardware,
            model=model,
            cache=ArrayCache.open(cache_dir),
            progress=progress,
            workers=workers,
        )
        return cls(
            latency_s=layer_sum(network_space, lambda layer: single[layer_row(layer)][0], width=len(hardware)),
            energy_j=layer_sum(network_space, lambda layer: single[layer_row(layer)][1], width=len(hardware)),
            area_mm2=model.area_mm2(hardware),
            clock_hz=model.clock_hz if isinstance(model, ClockedCostModel) else None,
        )

    # --------------------------------------------------------------------------------------------------------- private
    @property
    def _sums(self) -> tuple[FactorSum, FactorSum]:
        return self.latency_s, self.energy_j

    def _check_hardware(self, hardware: np.ndarray, count: int) -> np.ndarray:
        given = np.asarray(hardware)
        if given.dtype.kind not in "iu":
            raise TypeError(f"hardware must be whole numbers (accelerator indices), got dtype {given.dtype}")
        if given.shape != (count,):
            raise ValueError(
                f"hardware must have shape ({count},), one accelerator for each network; got {given.shape}"
            )
        outside = (given < 0) | (given >= len(self.area_mm2))
        if outside.any():
            raise ValueError(
                f"hardware: accelerator indices must be in 0..{len(self.area_mm2) - 1}, got {given[outside][0]}"
            )
        return given.astype(np.int64, copy=False)

    @cached_property
    def _by_hardware(self) -> tuple[np.ndarray, int]:
        """Seconds + 1j * joules, accelerator by accelerator (constant first, then the rows), flat; row length.

        One complex number per look-up fetches both metrics from one place: 2.6 times faster than two look-ups. Adding
        complex numbers adds each part as a float64 of its own.
        """
        both = np.empty((len(self.area_mm2), 1 + len(self.latency_s.rows)), dtype=np.complex128)
        both.real[:, 0], both.imag[:, 0] = self.latency_s.constant, self.energy_j.constant
        both.real[:, 1:], both.imag[:, 1:] = self.latency_s.rows.T, self.energy_j.rows.T
        return both.ravel(), both.shape[1]
