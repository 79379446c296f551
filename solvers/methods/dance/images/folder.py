"""The folder of one search: what it writes, and where.

config.json               what was asked for, and on what it ran
search.safetensors        newest checkpoint, and search.previous.safetensors before it
search.json               history, one row an epoch, with all probabilities
supernet.safetensors      the shared weights, for `make_problem(..., supernet=FILE)`
network.json              the derived network as a layer graph
probabilities.png, training.png
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dance_env.accuracy.supernet.accuracy import save_supernet
from dance_env.accuracy.supernet.checkpoint import CheckpointError, check_identity, previous
from dance_env.atomic import write_whole
from dance_env.graph import graph_to_dict
from solvers.methods.dance.images.plots import plot_probabilities, plot_training
from solvers.methods.dance.images.search import SearchStage
from solvers.methods.dance.images.training.weights import Execution


def identity_digest(identity: Mapping[str, Any]) -> str:
    """Return 12 hex digits that tell a run's identity from others, for names of files and folders."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class RunFolder:
    """Paths of one search's files, and the reading and writing of the JSON ones."""

    path: Path

    @property
    def checkpoint(self) -> Path:
        """Newest checkpoint of the search."""
        return self.path / "search.safetensors"

    @property
    def started(self) -> bool:
        """Whether there is a checkpoint of the search to go on from."""
        return self.checkpoint.exists() or previous(self.checkpoint).exists()

    @property
    def supernet(self) -> Path:
        """The shared weights, for `make_problem(..., supernet=FILE)`."""
        return self.path / "supernet.safetensors"

    def claim(self, identity: Mapping[str, Any], execution: Execution) -> None:
        """Write `config.json`, or check that the folder already belongs to the same run.

        Args:
            identity: What tells the run from others.
            execution: What it runs on; written with the versions, and not compared.

        Raises:
            CheckpointError: If the folder holds another run, or a config that cannot be read.
            OSError: If the folder cannot be written.
        """
        config = self.path / "config.json"
        if config.exists():
            check_identity(self.read("config").get("identity", {}), identity, where=self.path)
        else:
            self.write("config", {"identity": identity, "about": _about(execution)})

    def keep(self, stage: SearchStage) -> None:
        """Write what a finished search has found: history, supernet, derived network, plots."""
        space = stage.trainable.space
        self.write("search", stage.history)
        save_supernet(self.supernet, stage.supernet, space=space, data=stage.trainable.data)
        self.write("network", graph_to_dict(space.graph(np.asarray(stage.network()))))
        plot_probabilities(stage.history, space, self.path / "probabilities.png")
        plot_training(stage.history, self.path / "training.png")

    def write(self, name: str, content: Mapping[str, Any] | Sequence[Any]) -> None:
        """Write `<name>.json` whole."""
        write_whole(self.path / f"{name}.json", json.dumps(content, indent=1) + "\n", sync=True)

    def read(self, name: str) -> Any:
        """Read `<name>.json`.

        Raises:
            CheckpointError: If it is not JSON.
        """
        path = self.path / f"{name}.json"
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise CheckpointError(f"{path} is damaged ({error}); restore it, or start in another folder") from error


def _about(execution: Execution) -> dict[str, Any]:
    """Return what the run runs on; results to the bit need the same."""
    return {
        "device": execution.device,
        "compiled": execution.compiled,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
