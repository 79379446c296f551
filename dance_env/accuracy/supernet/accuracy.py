"""Accuracies of a whole network space from one trained supernet: no network is trained on its own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from dance_env.accuracy.supernet.checkpoint import check_identity, read_checkpoint, write_checkpoint
from dance_env.accuracy.supernet.image_data import ImageData
from dance_env.accuracy.supernet.network import Candidates, Supernet, build_supernet
from dance_env.graph import NetworkSpace
from dance_env.space import DesignSpace

_PREFIX = "supernet/"


@dataclass(frozen=True, eq=False)
class SupernetAccuracy:
    """An `AccuracyModel`: each network runs with the supernet's shared weights on held-out images.

    Shared batch-norm averages mix what all paths saw, and would make most networks look far worse than they are. So
    every network gets its own: they are measured anew on some training images, layer by layer, before it is judged.
    Networks that start alike share that work: a batch is walked as a tree of options, and what two networks have in
    common up to some block is computed once. An accuracy does not depend on the batch it was asked in, to the bit, and
    is remembered.

    Attributes:
        space: the networks.
        supernet: trained weights; the model resets its batch-norm averages, so hand over a supernet of its own.
        data: calibration images come from its weights split, judging ones from its choices split. The test split is
            not touched: solvers may ask as often as they like.
        calibration_images: how many images batch norm is measured on.
        judging_images: how many held-out images an accuracy is a share of; None takes the whole split.
        chunk: images that run at once.
        device: where they run.
    """

    space: NetworkSpace
    supernet: Supernet
    data: ImageData
    calibration_images: int = 256
    judging_images: int | None = None
    chunk: int = 256
    device: str = "cpu"
    _known: dict[tuple[int, ...], float] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        channels, rows, _ = self.space.image_shape
        self.data.check_fits(num_classes=self.space.num_classes, channels=channels, image_size=rows)
        counts = tuple(len(choice.options) for choice in self.space.choices())
        if self.supernet.counts != counts:
            raise ValueError(f"the supernet has {self.supernet.counts} options, the network space {counts}")
        available = len(self.data.weights), len(self.data.choices)
        if not 2 <= self.calibration_images <= available[0]:
            raise ValueError(f"calibration_images must be in 2..{available[0]}, got {self.calibration_images}")
        if self.judging_images is not None and not 1 <= self.judging_images <= available[1]:
            raise ValueError(f"judging_images must be in 1..{available[1]}, got {self.judging_images}")
        self.supernet.to(self.device).requires_grad_(False)

    @property
    def option_counts(self) -> tuple[int, ...]:
        """Options of each choice."""
        return self.supernet.counts

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        """Accuracy, a fraction, shape `(B,)`, of networks `(B, N)`."""
        rows = [tuple(map(int, row)) for row in DesignSpace(self.space.choices()).check(networks)]
        missing = sorted({row for row in rows if row not in self._known})
        if missing:
            with torch.inference_mode():
                calibration, judging, labels = self._images()
                self._walk(0, 0, missing, calibration=calibration, judging=judging, labels=labels)
        return np.array([self._known[row] for row in rows])

    def fingerprint(self) -> str:
        """A digest of weights, images and sizes."""
        digest = hashlib.sha256(repr((self.space, self.calibration_images, self.judging_images)).encode())
        digest.update(self.data.fingerprint().encode())
        for name, weight in sorted(self.supernet.named_parameters()):
            digest.update(name.encode())
            digest.update(weight.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def save(self, path: str | Path) -> None:
        """Write the supernet's weights, and what they belong to, as one safetensors file.

        Raises:
            OSError: the file cannot be written.
        """
        save_supernet(Path(path), self.supernet, space=self.space, data=self.data)

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        space: NetworkSpace,
        data: ImageData,
        calibration_images: int = 256,
        judging_images: int | None = None,
        device: str = "cpu",
    ) -> SupernetAccuracy:
        """The model from a file that `save` or an image search wrote.

        Raises:
            FileNotFoundError: no such file.
            CheckpointError: the file is damaged, or of another network space or data set.
        """
        supernet = load_supernet(Path(path), space=space, data=data)
        return cls(
            space, supernet, data, calibration_images=calibration_images, judging_images=judging_images, device=device
        )

    # ------------------------------------------------------------------------------------------------------- private
    def _images(self) -> tuple[list[torch.Tensor], list[torch.Tensor], torch.Tensor]:
        """Calibration and judging images in chunks, and the judging images' labels."""
        spread = torch.linspace(0, len(self.data.weights) - 1, self.calibration_images).round().to(torch.int64)
        calibration = self.data.normalisation(self.data.weights.read(spread)[0]).to(self.device)
        count = len(self.data.choices) if self.judging_images is None else self.judging_images
        spread = torch.linspace(0, len(self.data.choices) - 1, count).round().to(torch.int64)
        images, labels = self.data.choices.read(spread)
        judging = self.data.normalisation(images).to(self.device)
        return list(calibration.split(self.chunk)), list(judging.split(self.chunk)), labels.to(self.device)

    def _walk(
        self,
        level: int,
        place: int,
        networks: Sequence[tuple[int, ...]],
        *,
        calibration: list[torch.Tensor],
        judging: list[torch.Tensor],
        labels: torch.Tensor,
    ) -> None:
        """Carry activations through module number `level`, once for each option of choice `place` that is asked for."""
        if level == len(self.supernet.sequence):
            right = (torch.cat(judging).argmax(1) == labels).sum()
            self._known[networks[0]] = int(right) / len(labels)
            return
        module = self.supernet.sequence[level]
        if not isinstance(module, Candidates):
            now, then = _pass(module, calibration, judging)
            self._walk(level + 1, place, networks, calibration=now, judging=then, labels=labels)
            return
        for option in sorted({network[place] for network in networks}):
            now, then = _pass(module.options[option], calibration, judging)
            following = [network for network in networks if network[place] == option]
            self._walk(level + 1, place + 1, following, calibration=now, judging=then, labels=labels)


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


def save_supernet(path: Path, supernet: Supernet, *, space: NetworkSpace, data: ImageData) -> None:
    """Write a supernet's weights, and which space and images they belong to."""
    tensors = {f"{_PREFIX}{name}": weight for name, weight in supernet.named_parameters()}
    write_checkpoint(path, tensors, {"identity": _identity(space, data)}, keep=False)


def load_supernet(path: Path, *, space: NetworkSpace, data: ImageData) -> Supernet:
    """Read what `save_supernet` wrote; refuse weights of another space or data set."""
    tensors, state = read_checkpoint(path)
    check_identity(state.get("identity", {}), _identity(space, data), where=path)
    supernet = build_supernet(space, seed=0)
    weights = {name.removeprefix(_PREFIX): value for name, value in tensors.items()}
    with torch.no_grad():
        for name, weight in supernet.named_parameters():
            weight.copy_(weights[name])
    return supernet


def _identity(space: NetworkSpace, data: ImageData) -> dict[str, str]:
    return {
        "kind": "supernet",
        "network_space": hashlib.sha256(repr(space).encode()).hexdigest(),
        "images": data.fingerprint(),
    }
