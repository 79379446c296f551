"""What different layers cost on accelerators: from the cache, or from a cost model, in parallel."""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import numpy as np

from dance_env.cache import ArrayCache, content_key
from dance_env.cost.checked import checked_costs
from dance_env.cost.model import CostModel
from dance_env.progress import Progress, reporter
from dance_env.source_digest import own_code
from dance_env.space import Hardware


def layer_costs(
    rows: list[tuple[int, ...]],
    hardware: Hardware,
    *,
    model: CostModel,
    cache: ArrayCache,
    progress: Progress | bool | None = None,
    workers: int | None = None,
) -> dict[tuple[int, ...], np.ndarray]:
    """Return latency and energy `(2, H)` of each layer row, from the cache or the model, in parallel.

    Each layer is cached by the content of all that its cost depends on, as soon as it is done: an interrupted call
    continues where it stopped, and other spaces with the same layers find them. A model without a fingerprint is not
    cached.

    Args:
        rows: Different layers, columns `dance_env.graph.LAYER_COLUMNS`.
        hardware: H accelerators.
        model: What a layer costs.
        cache: Where costs are kept.
        progress: True for a progress bar, or a function called with (layers done, layers in all).
        workers: Threads; None for one per core.

    Raises:
        TypeError, ValueError: If the model answers something other than costs (see `checked_costs`).
    """
    where = b"".join(
        column.astype("<i8" if column.dtype.kind == "i" else "<f8").tobytes() for column in hardware.columns().values()
    )
    if len(hardware.columns()) > 4:  # the choices of memory are told apart by name
        where = repr(tuple(hardware.columns())).encode() + where
    mark, code = model.fingerprint(), own_code(model)
    keys: dict[tuple[int, ...], str] = {}  # empty for a model without a fingerprint, whose costs are not cached
    if mark is not None and code is not None:
        context = content_key("layer", f"{mark} {code}".rstrip(), where)
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
        pool = ThreadPoolExecutor(max_workers=workers or _cores())
        try:
            pending: dict[Future[np.ndarray], tuple[int, ...]] = {pool.submit(cost, row): row for row in missing}
            while pending:
                finished, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in finished:
                    done[pending.pop(future)] = future.result()
                    report(len(done), len(rows))
        finally:
            # An interrupt or an error does not wait for the layers in flight, which may take minutes.
            pool.shutdown(wait=False, cancel_futures=True)
    return done


def _cores() -> int:
    """Return the number of cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1
