"""Accuracies of a whole network space from one trained supernet: no network is trained on its own."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import nn

from dance_env.accuracy.supernet.image_data import ImageData
from dance_env.accuracy.supernet.network import Candidates, Supernet
from dance_env.accuracy.supernet.trainable import TrainableSupernet
from dance_env.accuracy.supernet.weights_file import load_supernet, save_supernet, space_digest
from dance_env.device import usable_device
from dance_env.graph import BlockSpace
from dance_env.progress import Progress, reporter
from dance_env.source_digest import source_digest
from dance_env.space import DesignSpace

Network = tuple[int, ...]

_AT_A_TIME = 64  # networks walked together: what an interrupt loses
_WORTH_A_BAR = 16


class Memory(Protocol):
    """Keeps small float64 arrays by key, over processes: the disk cache (`dance_env.cache.ArrayCache`) is one."""

    def load(self, key: str) -> np.ndarray | None:
        """Return the array under `key`, or None."""
        ...

    def store(self, key: str, array: np.ndarray) -> None:
        """Keep it."""
        ...


@dataclass(frozen=True, eq=False)
class SupernetAccuracy:
    """An `AccuracyModel`: each network runs with the supernet's shared weights on held-out images.

    Shared batch-norm averages mix what all paths saw, and would make most networks look far worse than they are. So
    every network gets its own: they are measured anew on some training images, layer by layer, before it is judged.
    Networks that start alike share that work: a batch is walked as a tree of options, and what two networks have in
    common up to some block is computed once. An accuracy does not depend on the batch it was asked in, to the bit, and
    is remembered.

    Ask from one thread at a time: an evaluation resets and measures the batch norms of shared modules, and sets torch's
    number of threads for the whole process.

    Attributes:
        space: the networks.
        supernet: trained weights; the model resets its batch-norm averages, so hand over a supernet of its own.
        data: calibration images come from its weights split, judging ones from its choices split. The test split is
            not touched: solvers may ask as often as they like.
        calibration_images: how many images batch norm is measured on.
        judging_images: how many held-out images an accuracy is a share of; None takes the whole split.
        chunk: images that run at once; batch-norm averages are the mean over the calibration chunks.
        device: where they run.
        threads: torch's on the CPU while it runs; one, so that an accuracy does not depend on the machine's cores.
        memory: what was measured before, by any process; None remembers within this object only.
        progress: of an evaluation of many networks: True for a bar, or a function called with (networks done, in all).
    """

    space: BlockSpace
    supernet: Supernet
    data: ImageData
    calibration_images: int = 256
    judging_images: int | None = None
    chunk: int = 64
    device: str = "cpu"
    threads: int = 1
    memory: Memory | None = None
    progress: Progress | bool | None = None
    _known: dict[Network, float] = field(default_factory=dict, init=False, repr=False)
    _spared: list[float] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        self.trainable()  # images that do not fit are refused now
        counts = tuple(len(choice.options) for choice in self.space.choices())
        if self.supernet.counts != counts:
            raise ValueError(f"the supernet has {self.supernet.counts} options, the network space {counts}")
        available = len(self.data.weights), len(self.data.choices)
        if not 2 <= self.calibration_images <= available[0]:
            raise ValueError(f"calibration_images must be in 2..{available[0]}, got {self.calibration_images}")
        if self.judging_images is not None and not 1 <= self.judging_images <= available[1]:
            raise ValueError(f"judging_images must be in 1..{available[1]}, got {self.judging_images}")
        if self.chunk < 2 or self.threads < 1:
            raise ValueError(f"chunk >= 2 and threads >= 1 expected, got {self.chunk} and {self.threads}")
        self.supernet.to(usable_device(self.device)).requires_grad_(False)

    @property
    def option_counts(self) -> tuple[int, ...]:
        """Options of each choice."""
        return self.supernet.counts

    @property
    def spared_seconds(self) -> float:
        """Seconds that `memory` has spared so far: what the answers read from it took when they were measured.

        A solver's bill adds them, so that a run costs the same whether another has asked before it or not.
        """
        return sum(self._spared)

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        """Return accuracies, fractions `(B,)`, of networks `(B, N)`."""
        rows = [tuple(map(int, row)) for row in DesignSpace(self.space.choices()).check(networks)]
        missing = sorted({row for row in rows if row not in self._known})
        self._recall(missing)
        self._measure([row for row in missing if row not in self._known])
        return np.array([self._known[row] for row in rows])

    def trainable(self) -> TrainableSupernet:
        """Return the networks and images that a solver can train a supernet of its own on."""
        return TrainableSupernet(self.space, self.data)

    def fingerprint(self) -> str:
        """Return a digest of weights, images, sizes and kind of device.

        Code, torch's version and the processor are left out, so that a problem is the same problem on every machine;
        they decide the last bits of an activation, and so are part of the keys of `memory`.
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        kind = torch.device(self.device).type
        sizes = (self.calibration_images, self.judging_images, self.chunk)
        digest = hashlib.sha256(repr((space_digest(self.space), sizes, kind)).encode())
        digest.update(self.data.fingerprint().encode())
        for name, weight in sorted(self.supernet.named_parameters()):
            digest.update(name.encode())
            digest.update(weight.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def save(self, path: str | Path) -> None:
        """Write the supernet's weights, and what they belong to, as one safetensors file.

        Raises:
            OSError: If the file cannot be written.
        """
        save_supernet(Path(path), self.supernet, space=self.space, data=self.data)

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        space: BlockSpace,
        data: ImageData,
        calibration_images: int = 256,
        judging_images: int | None = None,
        chunk: int = 64,
        device: str = "cpu",
        memory: Memory | None = None,
        progress: Progress | bool | None = None,
    ) -> SupernetAccuracy:
        """Return the model of a file that `save`, `dance supernet` or an image search wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            CheckpointError: If the file is damaged, or of another network space or data set.
        """
        return cls(
            space,
            load_supernet(Path(path), space=space, data=data),
            data,
            calibration_images=calibration_images,
            judging_images=judging_images,
            chunk=chunk,
            device=device,
            memory=memory,
            progress=progress,
        )

    # ------------------------------------------------------------------------------------------------------- private
    def _recall(self, networks: Sequence[Network]) -> None:
        """Take over what the memory holds."""
        if self.memory is None or not networks:
            return
        for network in networks:
            held = self.memory.load(self._key(network))
            if held is not None and held.shape == (2,) and 0 <= held[0] <= 1:
                self._known[network] = float(held[0])
                self._spared.append(float(held[1]))

    def _measure(self, networks: Sequence[Network]) -> None:
        """Run networks, a group at a time, and keep what comes out."""
        if not networks:
            return
        wanted = self.progress if len(networks) >= _WORTH_A_BAR or callable(self.progress) else None
        with reporter(wanted, "Networks judged") as report, _threads(self.threads), torch.inference_mode():
            calibration, judging, labels = self._images
            found: dict[Network, float] = {}

            def judge(network: Network, outputs: list[torch.Tensor]) -> None:
                found[network] = int((torch.cat(outputs).argmax(1) == labels).sum()) / len(labels)
                report(len(found), len(networks))

            for start in range(0, len(networks), _AT_A_TIME):
                group, began = networks[start : start + _AT_A_TIME], time.perf_counter()
                self._walk(0, 0, group, calibration, judging, judge)
                seconds = (time.perf_counter() - began) / len(group)
                for network in group:
                    self._known[network] = found[network]
                    if self.memory is not None:
                        self.memory.store(self._key(network), np.array([found[network], seconds]))

    def _key(self, network: Network) -> str:
        """Return the key under which the memory keeps a network."""
        return hashlib.sha256(f"supernet accuracy {self._fingerprint} {self._machine} {network}".encode()).hexdigest()

    @cached_property
    def _machine(self) -> str:
        """What an accuracy depends on beside its inputs: the code and torch's version, and what rounds a convolution."""
        device = torch.device(self.device)
        unit = torch.cuda.get_device_name(device) if device.type == "cuda" else torch.backends.cpu.get_cpu_capability()
        return f"{source_digest(__name__)} on {unit}"

    @cached_property
    def _images(self) -> tuple[list[torch.Tensor], list[torch.Tensor], torch.Tensor]:
        """Calibration and judging images in chunks, and the judging images' labels."""
        spread = torch.linspace(0, len(self.data.weights) - 1, self.calibration_images).round().to(torch.int64)
        calibration = self.data.normalization(self.data.weights.read(spread)[0]).to(self.device)
        count = len(self.data.choices) if self.judging_images is None else self.judging_images
        spread = torch.linspace(0, len(self.data.choices) - 1, count).round().to(torch.int64)
        images, labels = self.data.choices.read(spread)
        judging = self.data.normalization(images).to(self.device)
        return list(calibration.split(self.chunk)), list(judging.split(self.chunk)), labels.to(self.device)

    def _walk(
        self,
        level: int,
        place: int,
        networks: Sequence[Network],
        calibration: list[torch.Tensor],
        judging: list[torch.Tensor],
        judge: Callable[[Network, list[torch.Tensor]], None],
    ) -> None:
        """Carry activations through module number `level`, once for each option of choice `place` that is asked for."""
        if level == len(self.supernet.sequence):
            judge(networks[0], judging)
            return
        module = self.supernet.sequence[level]
        if not isinstance(module, Candidates):
            now, then = _pass(module, calibration, judging)
            self._walk(level + 1, place, networks, now, then, judge)
            return
        for option in sorted({network[place] for network in networks}):
            now, then = _pass(module.options[option], calibration, judging)
            following = [network for network in networks if network[place] == option]
            self._walk(level + 1, place + 1, following, now, then, judge)


def _pass(
    module: nn.Module, calibration: list[torch.Tensor], judging: list[torch.Tensor]
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Measure the module's batch norms on the calibration chunks (their mean), then run it on the judging ones."""
    for each in module.modules():
        if isinstance(each, nn.BatchNorm2d):
            each.reset_running_stats()
            each.momentum = None  # a plain mean over the chunks
    module.train()
    calibrated = [module(chunk) for chunk in calibration]
    module.eval()
    return calibrated, [module(chunk) for chunk in judging]


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Run with `count` torch threads, then with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
