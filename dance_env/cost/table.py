"""The cost table: every option of a network space on every accelerator, so that any design's cost is a sum of rows."""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from dance_env.cache import ArrayCache, content_key
from dance_env.cost.checked import checked_costs
from dance_env.cost.cost import Cost
from dance_env.cost.model import ClockedCostModel, CostModel
from dance_env.graph import NetworkSpace, different_layers, layer_row, layer_sum
from dance_env.progress import Progress, reporter
from dance_env.source_digest import own_code
from dance_env.space import AcceleratorSpace, Hardware


@dataclass(frozen=True, eq=False)
class CostTable:
    """Costs of the parts of a network on each of H accelerators. An unmappable layer costs inf. Its arrays are read-only.

    Attributes:
        option_latency_s, option_energy_j: (O_net, H) float64, the layers of each option of each network choice.
        fixed_latency_s, fixed_energy_j: (H,) float64, the layers that every network has.
        area_mm2: (H,) float64.
        offsets: (N,) int64, the first row of each network choice.
        clock_hz: of the accelerators, to read cycles off a latency; None where the costs come from no clocked model.
    """

    option_latency_s: np.ndarray
    option_energy_j: np.ndarray
    fixed_latency_s: np.ndarray
    fixed_energy_j: np.ndarray
    area_mm2: np.ndarray
    offsets: np.ndarray
    clock_hz: float | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, np.ndarray):  # everyone looks at these; nobody can change what the others see
                shown = value.view()
                shown.flags.writeable = False
                object.__setattr__(self, each.name, shown)

    def lookup(self, networks: np.ndarray, hardware: np.ndarray) -> Cost:
        """Cost of designs: networks on accelerators, pairwise.

        Args:
            networks: (B, N) integer option indices.
            hardware: (B,) integer accelerator indices.

        Returns:
            Cost with leaves (B,), the same bits however the designs are batched.

        Raises:
            TypeError, ValueError: for arrays of another shape or kind.
            IndexError: for an index out of range.
        """
        networks = self._checked(networks)
        hardware = np.asarray(hardware)
        if hardware.shape != networks.shape[:1] or hardware.dtype.kind not in "iu":
            raise ValueError(
                f"hardware: expected {len(networks)} integers, got {hardware.dtype} of shape {hardware.shape}."
            )
        if len(hardware) and not 0 <= hardware.min() <= hardware.max() < len(self.area_mm2):
            raise IndexError(f"hardware: expected indices in 0..{len(self.area_mm2) - 1}, got {hardware}.")
        flat, rows = self._by_hardware
        start = hardware.astype(np.int64) * rows
        total = flat.take(start)
        for column, offset in zip(networks.T, self.offsets, strict=True):
            total += flat.take(start + (column + (offset + 1)))
        return Cost(total.real.copy(), total.imag.copy(), self.area_mm2.take(hardware))

    def on_all_hardware(self, networks: np.ndarray) -> Cost:
        """Cost of networks (B, N) on every accelerator, leaves (B, H): the same bits as `lookup`."""
        rows = self._checked(networks) + self.offsets
        latency = np.empty((len(rows), len(self.area_mm2)))
        energy = np.empty_like(latency)
        for network, (seconds, joules) in enumerate(zip(latency, energy, strict=True)):
            seconds[:] = self.fixed_latency_s
            joules[:] = self.fixed_energy_j
            for row in rows[network]:
                seconds += self.option_latency_s[row]
                joules += self.option_energy_j[row]
        return Cost(latency, energy, np.broadcast_to(self.area_mm2, latency.shape))

    def _checked(self, networks: np.ndarray) -> np.ndarray:
        networks = np.asarray(networks)
        if networks.ndim != 2 or networks.shape[1] != len(self.offsets) or networks.dtype.kind not in "iu":
            raise ValueError(
                f"networks: expected integers of shape (batch, {len(self.offsets)}), got {networks.dtype} of shape "
                f"{networks.shape}."
            )
        if len(networks) and ((networks < 0) | (networks >= self._option_counts)).any():
            raise IndexError(f"networks: expected options below {self._option_counts.tolist()}, got one out of range.")
        return networks

    @cached_property
    def _option_counts(self) -> np.ndarray:
        return np.diff(self.offsets, append=len(self.option_latency_s))

    @cached_property
    def _by_hardware(self) -> tuple[np.ndarray, int]:
        """Seconds + 1j * joules, accelerator by accelerator (fixed part first, then the options), flat; row length.

        One complex number per look-up fetches both metrics from one place; adding complex numbers adds each part as a
        float64 of its own.
        """
        fixed = np.stack([self.fixed_latency_s, self.fixed_energy_j], axis=-1)[:, None]
        options = np.stack([self.option_latency_s.T, self.option_energy_j.T], axis=-1)
        both = np.ascontiguousarray(np.concatenate([fixed, options], axis=1))
        return both.view(np.complex128).ravel(), both.shape[1]

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

        Each layer is cached by the content of all that its cost depends on, as soon as it is done: an interrupted
        build continues where it stopped, and other spaces with the same layers find them.

        Args:
            network_space: Whose layers are costed.
            accelerator_space: H accelerators.
            model: what a layer costs.
            cache_dir: folder of the cache; None for the default (see `dance_env.cache`).
            progress: True for a progress bar, or a function called with (layers done, layers in all).
            workers: threads; None for one per core. The table does not depend on it.

        Raises:
            OSError: when the cache folder given cannot be written.
        """
        rows = different_layers(network_space)
        hardware = accelerator_space.hardware()
        single = layer_costs(
            rows, hardware, model=model, cache=ArrayCache.open(cache_dir), progress=progress, workers=workers
        )
        latency = layer_sum(network_space, lambda layer: single[layer_row(layer)][0], width=len(hardware))
        energy = layer_sum(network_space, lambda layer: single[layer_row(layer)][1], width=len(hardware))
        offsets = np.array([0, *np.cumsum(latency.option_counts)[:-1]], dtype=np.int64)
        return cls(
            latency.rows, energy.rows, latency.constant, energy.constant, model.area_mm2(hardware), offsets,
            model.clock_hz if isinstance(model, ClockedCostModel) else None,
        )  # fmt: skip


def layer_costs(
    rows: list[tuple[int, ...]],
    hardware: Hardware,
    *,
    model: CostModel,
    cache: ArrayCache,
    progress: Progress | bool | None = None,
    workers: int | None = None,
) -> dict[tuple[int, ...], np.ndarray]:
    """Latency and energy (2, H) of each layer row, from the cache or the model, in parallel."""
    where = np.stack([hardware.pe_x, hardware.pe_y, hardware.rf_words, hardware.dataflow])
    mark, code = model.fingerprint(), own_code(model)
    keys: dict[tuple[int, ...], str] = {}  # empty for a model without a fingerprint, whose costs are not cached
    if mark is not None and code is not None:
        context = content_key("layer", f"{mark} {code}".rstrip(), where.astype("<i8").tobytes())
        keys = {row: content_key(context, repr(row)) for row in rows}
    found = {row: cache.load(key) for row, key in keys.items()}
    done = {row: array for row, array in found.items() if array is not None and array.shape == (2, len(hardware))}
    missing = [row for row in rows if row not in done]

    def cost(row: tuple[int, ...]) -> np.ndarray:
        result = model.evaluate_layers(np.array([row], dtype=np.int64), hardware)
        who = f"cost model {type(model).__name__}, layer {row}"
        array = np.stack([checked_costs(result.latency_s, len(hardware), who=f"{who}, latency_s")[0],
                          checked_costs(result.energy_j, len(hardware), who=f"{who}, energy_j")[0]])  # fmt: skip
        if row in keys:
            cache.store(keys[row], array)
        return array

    with reporter(progress, "Mapping layers on every accelerator") as report:
        report(len(done), len(rows))
        with ThreadPoolExecutor(max_workers=workers or _cores()) as pool:
            pending: dict[Future[np.ndarray], tuple[int, ...]] = {pool.submit(cost, row): row for row in missing}
            try:
                while pending:
                    finished, _ = wait(pending, return_when=FIRST_COMPLETED)
                    for future in finished:
                        done[pending.pop(future)] = future.result()
                        report(len(done), len(rows))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return done


def _cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1
