"""Accelerators grouped by the memory that they choose."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dance_env.cost.technology import Technology
from dance_env.space import Hardware


def by_memory(technology: Technology, hardware: Hardware) -> Iterator[tuple[Technology, np.ndarray]]:
    """Yield each different memory of the accelerators as a technology, with where they stand `(n,)`, ascending.

    Raises:
        ValueError: If the technology does not know a capacity.
    """
    if hardware.glb_words is None and hardware.dram_words_per_cycle is None:
        yield technology, np.arange(len(hardware))
        return
    nothing = np.zeros(len(hardware))
    columns = [hardware.glb_words, hardware.dram_words_per_cycle]
    pairs = np.stack([nothing if column is None else column.astype(np.float64) for column in columns], axis=1)
    different, which = np.unique(pairs, axis=0, return_inverse=True)
    for number, (words, rate) in enumerate(different.tolist()):
        memory = technology.with_memory(
            glb_words=None if hardware.glb_words is None else int(words),
            dram_words_per_cycle=None if hardware.dram_words_per_cycle is None else rate,
        )
        yield memory, np.flatnonzero(which.ravel() == number)
