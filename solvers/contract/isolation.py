"""A fence around libraries that draw from global random state."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def isolated_global_state(seed: int, *, threads: int | None = 1) -> Iterator[None]:
    """Seed the global generators of `random`, NumPy and torch inside, and leave them outside as they were.

    For libraries that cannot be handed a generator: stable-baselines3 seeds all three and samples from them, torch
    initializes weights from its own.

    Args:
        seed: what the generators are seeded with.
        threads: torch's threads inside; None leaves them. One by default, on purpose: networks of a few thousand
            weights run slower on many threads than on one, and sums over threads round differently.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    torch_threads = torch.get_num_threads()
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        torch.manual_seed(seed)
        if threads is not None:
            torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(torch_threads)
            random.setstate(python_state)
            np.random.set_state(numpy_state)  # noqa: NPY002
