"""Random streams that need no memory: every draw of a training run has a name, and the name is its seed.

A run's shuffle of epoch 7, or the augmentation of step 1,234, is drawn from a generator seeded by `(seed, name,
number)`. So a resumed run draws exactly what the uninterrupted one drew, and a checkpoint holds no generator state.
"""

from __future__ import annotations

import hashlib

import torch


def stream(seed: int, name: str, *numbers: int) -> torch.Generator:
    """Return the CPU generator of one named stream; the same arguments give the same draws, everywhere."""
    key = "/".join([str(int(seed)), name, *(str(int(number)) for number in numbers)])
    generator = torch.Generator()
    generator.manual_seed(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 1)
    return generator
