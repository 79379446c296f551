"""Data parallel training: every rank runs the same path on its own part of the batch, and gradients are averaged.

`torchrun --nproc-per-node 4 script.py` sets the variables that `World.from_environment` reads. The averaging is written
out instead of using `DistributedDataParallel`, whose buckets assume that the same parameters get a gradient each step;
here the sampled path decides.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import distributed


@dataclass(frozen=True)
class World:
    """This process among those that train together.

    Attributes:
        rank: its number among all; 0 leads, and writes the files.
        size: how many there are.
        local_rank: its number on this machine: which GPU is its own.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @classmethod
    def from_environment(cls) -> World:
        """Join the group that torchrun started, or be alone. NCCL where there is CUDA, else gloo."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        if not distributed.is_initialized():
            distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        return cls(int(os.environ["RANK"]), size, int(os.environ.get("LOCAL_RANK", "0")))

    @property
    def leads(self) -> bool:
        """Whether this rank writes files and shows progress."""
        return self.rank == 0

    def average(self, tensors: Iterable[torch.Tensor]) -> None:
        """Replace tensors by their mean over the ranks, in place, in one message per data type."""
        if self.size == 1:
            return
        by_type: dict[torch.dtype, list[torch.Tensor]] = {}
        for tensor in tensors:
            by_type.setdefault(tensor.dtype, []).append(tensor)
        for same in by_type.values():
            flat = torch.cat([tensor.flatten() for tensor in same])
            distributed.all_reduce(flat)
            flat /= self.size
            for tensor, part in zip(same, flat.split([tensor.numel() for tensor in same]), strict=True):
                tensor.copy_(part.view_as(tensor))

    def wait(self) -> None:
        """Wait until every rank is here."""
        if self.size > 1:
            distributed.barrier()

    def leave(self) -> None:
        """Leave the group, and end it."""
        if self.size > 1 and distributed.is_initialized():
            distributed.destroy_process_group()
