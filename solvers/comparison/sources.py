"""Where the tasks of a comparison take their accuracies from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from dance_env.problem import Problem
from dance_env.progress import Progress
from dance_env.tasks import UNTRAINED, make_problem


@dataclass(frozen=True)
class Sources:
    """What a task takes its accuracies from, besides what ships; arguments of `dance_env.make_problem`.

    Attributes:
        accuracy_table: File with the NAS-Bench-Macro table, in place of the surrogate fitted to it.
        supernet: A trained supernet's file, for tasks of images; or `dance_env.tasks.UNTRAINED`.
        images: Where their images are: a folder, or another name on the hub.
        fidelity: The training schedule of the accuracies, for tasks that have several.
        noise_seed: Of one training for each network, for tasks that know the noise between trainings.
        device: Where a supernet runs.
    """

    accuracy_table: Path | None = None
    supernet: Path | None = None
    images: str | None = None
    device: str = "cpu"
    fidelity: str | None = None
    noise_seed: int | None = None

    def problem(self, task: str | Problem, *, progress: Progress | None = None) -> Problem:
        """Return the problem of a task; `progress` as for `make_problem`."""
        if not isinstance(task, str):
            return task
        return make_problem(
            task,
            accuracy_table=self.accuracy_table,
            supernet=self.supernet,
            images=self.images,
            device=self.device,
            fidelity=self.fidelity,
            noise_seed=self.noise_seed,
            progress=progress,
        )

    def resolved(self) -> Sources:
        """Return the same with absolute paths, so that it holds in any working folder."""
        images = self.images
        if images is not None and Path(images).exists():
            images = str(Path(images).resolve())
        supernet = self.supernet if self.supernet == Path(UNTRAINED) else _absolute(self.supernet)
        table = _absolute(self.accuracy_table)
        return dataclasses.replace(self, accuracy_table=table, supernet=supernet, images=images)


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else Path(path).resolve()
