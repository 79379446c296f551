"""The run folder: what a run writes, and where.

config.json               what was asked for, and on what it ran
search.safetensors        newest checkpoint of the search, and search.previous.safetensors before it
search.json               history of the search, one row an epoch, with all probabilities
final.safetensors, final.json   the same of the final training
supernet.safetensors      the shared weights, for `SupernetAccuracy.load`
network.json              the derived network as a layer graph
result.json               chosen design, true costs, test accuracy, seconds
probabilities.png, training.png
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dance_env.accuracy.supernet.checkpoint import CheckpointError, check_identity
from dance_env.atomic import write_whole


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run's files, and the reading and writing of the JSON ones."""

    path: Path

    @property
    def search_checkpoint(self) -> Path:
        """Newest checkpoint of the search."""
        return self.path / "search.safetensors"

    @property
    def final_checkpoint(self) -> Path:
        """Newest checkpoint of the final training."""
        return self.path / "final.safetensors"

    @property
    def supernet(self) -> Path:
        """The shared weights, for `SupernetAccuracy.load`."""
        return self.path / "supernet.safetensors"

    def claim(self, identity: Mapping[str, Any], about: Mapping[str, Any]) -> None:
        """Write `config.json`, or check that the folder already belongs to the same run.

        Args:
            identity: what makes the run this run.
            about: everything else worth knowing (versions, device); written, not compared.

        Raises:
            CheckpointError: the folder holds another run, or a config that cannot be read.
            OSError: the folder cannot be written.
        """
        config = self.path / "config.json"
        if config.exists():
            check_identity(self.read("config").get("identity", {}), identity, where=self.path)
        else:
            self.write("config", {"identity": identity, "about": about})

    def write(self, name: str, content: Mapping[str, Any] | Sequence[Any]) -> None:
        """Write `<name>.json` whole."""
        write_whole(self.path / f"{name}.json", json.dumps(content, indent=1) + "\n", sync=True)

    def read(self, name: str) -> Any:
        """Read `<name>.json`.

        Raises:
            CheckpointError: it is no JSON.
        """
        path = self.path / f"{name}.json"
        try:
            return json.loads(path.read_text())
        except ValueError as error:
            raise CheckpointError(f"{path} is damaged ({error}); restore it, or start in another folder") from error
