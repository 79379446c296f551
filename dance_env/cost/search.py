"""The best mapping of a layer on every accelerator at once: exhaustive over what the dataflows allow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dance_env.cost.mapspace import loop_dims, subspaces
from dance_env.cost.technology import Technology

OBJECTIVES = ("edp", "energy", "latency")


@dataclass(frozen=True, eq=False)
class LayerOptimum:
    """Cost of a layer's best mapping on every array up to X columns x Y rows, for each register file size.

    Attributes:
        energy_pj: (n_rf, X, Y) float64, inf where nothing can be mapped.
        cycles: (n_rf, X, Y) float64, inf where nothing can be mapped.
        evaluated: mappings costed.
    """

    energy_pj: np.ndarray
    cycles: np.ndarray
    evaluated: int


def search_layer(
    row: np.ndarray, dataflow: str, *, rf_words: np.ndarray, max_x: int, max_y: int, technology: Technology,
    objective: str = "edp",
) -> LayerOptimum:
    """Search all mappings of one layer under one dataflow.

    Args:
        row: (8,) integers K, C, P, Q, R, S, groups, stride.
        dataflow: "WS", "OS" or "RS".
        rf_words: (n_rf,) register file sizes.
        max_x, max_y: largest array.
        technology: energies, capacities, bandwidths.
        objective: what the best mapping minimises: "edp", "energy" or "latency".

    Returns:
        The optimum of every register file and array size. Entry [r, x, y] is for (x + 1) columns and (y + 1) rows.
    """
    from dance_env.cost import kernel  # numba: only when something is searched

    if objective not in OBJECTIVES:
        raise ValueError(f"objective: expected one of {', '.join(OBJECTIVES)}, got {objective!r}.")
    dims, stride = loop_dims(row)
    sizes = np.asarray(rf_words, dtype=np.int64)
    file = technology.register_file(sizes)
    shape = (len(sizes), max_x, max_y)
    value, energy, cycles = (np.full(shape, np.inf) for _ in range(3))
    chosen = np.zeros(shape, dtype=np.int64)
    constants = (
        technology.mac_pj, technology.glb_read_pj, technology.glb_write_pj, technology.dram_read_pj,
        technology.dram_write_pj, float(technology.glb_words), technology.glb_read_words_per_cycle,
        technology.glb_write_words_per_cycle, technology.dram_words_per_cycle,
    )
    evaluated = 0
    for box in subspaces(dims, dataflow, max_x=max_x, max_y=max_y, max_rf=int(sizes.max())):
        inner = kernel.enumerate_inner(box.triples, box.offsets, max_x, max_y, int(sizes.max()), stride)
        evaluated += kernel.search_box(
            inner, box.triples, dims, stride, box.glb, box.dram, box.reduction_innermost, box.glb_order, sizes,
            file.read_pj, file.write_pj, box.min_rf_words, box.max_rf_words, constants, OBJECTIVES.index(objective),
            value, energy, cycles, chosen, False,
        )
    return LayerOptimum(energy, cycles, evaluated)
