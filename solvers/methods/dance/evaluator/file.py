"""One trained evaluator in one safetensors file, with its key, settings and bill, under one checksum."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from dance_env.atomic import write_whole
from solvers.methods.dance.evaluator.evaluator import Evaluator, EvaluatorShape
from solvers.methods.dance.evaluator.training import TrainingBill


class DamagedEvaluator(ValueError):
    """An evaluator's file cannot be read, or its content does not fit its checksum."""


@dataclass(frozen=True, eq=False)
class EvaluatorFile:
    """What an evaluator's file holds.

    Attributes:
        key: what the evaluator depends on, as a digest (`evaluator_key`).
        settings: the settings that it was trained with, as JSON.
        bill: what its training took.
        tensors: its state, weights in half precision.
    """

    key: str
    settings: str
    bill: TrainingBill
    tensors: dict[str, torch.Tensor]

    @classmethod
    def of(cls, evaluator: Evaluator, *, key: str, settings: str, bill: TrainingBill) -> EvaluatorFile:
        """Return the file's content for a trained evaluator, whose weights are rounded to half precision already."""
        weights = {name for name, _ in evaluator.named_parameters()}
        tensors = {
            name: (tensor.half() if name in weights else tensor).detach().cpu().contiguous()
            for name, tensor in evaluator.state_dict().items()
        }
        return cls(key=key, settings=settings, bill=bill, tensors=tensors)

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        metadata = self._described()
        write_whole(path, save(self.tensors, metadata=metadata | {"sha256": self._digest(metadata)}))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> EvaluatorFile:
        """Read a file.

        Raises:
            DamagedEvaluator: If it cannot be read, or its content does not fit its checksum.
        """
        try:
            with safe_open(path, framework="pt", device="cpu") as file:
                metadata = dict(file.metadata() or {})
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            expected = metadata.pop("sha256")
            content = cls(
                key=metadata["key"],
                settings=metadata["settings"],
                bill=TrainingBill(**json.loads(metadata["bill"])),
                tensors=tensors,
            )
        except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise DamagedEvaluator(f"{type(error).__name__}: {error}") from error
        if content._digest(metadata) != expected:
            raise DamagedEvaluator("its checksum does not fit its content")
        return content

    def evaluator(self, shape: EvaluatorShape, *, device: str = "cpu") -> Evaluator:
        """Return the evaluator, frozen.

        Raises:
            DamagedEvaluator: If the tensors do not fit the shape.
        """
        evaluator = Evaluator.untrained(shape, seed=0)
        try:
            evaluator.load_state_dict(self.tensors)  # copies into single precision
        except RuntimeError as error:
            raise DamagedEvaluator(f"its tensors do not fit the evaluator's shape: {error}") from error
        return evaluator.to(device).frozen()

    def _described(self) -> dict[str, str]:
        return {"key": self.key, "settings": self.settings, "bill": json.dumps(asdict(self.bill), sort_keys=True)}

    def _digest(self, metadata: dict[str, str]) -> str:
        """Return one SHA-256 over tensors, key, settings and bill."""
        digest = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
        for name in sorted(self.tensors):
            tensor = self.tensors[name]
            digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
            digest.update(tensor.numpy().tobytes())
        return digest.hexdigest()
