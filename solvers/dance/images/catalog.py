"""Image tasks and hardware terms by name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dance_env.accuracy.supernet.catalog import load_images
from dance_env.cost import EDGE_LPDDR4, AnalyticalCostModel, CostTable, Technology
from dance_env.graph import NetworkSpace
from dance_env.graph.networks import network_space
from dance_env.objective import EDAP, Objective
from dance_env.progress import Progress
from dance_env.space import dance_accelerators
from dance_env.suggest import nearest
from solvers.dance.images.hardware import EvaluatorCost, ExpectedMacs, HardwareTerm, NoHardware, TableCost
from solvers.dance.images.task import ImageTask

HARDWARE_TERMS = ("table", "evaluator", "macs", "none")
"""What a search can pay for hardware: exact costs, the learned evaluator's, operations, nothing."""

REFERENCES_JS_MM2 = {"dance-mnist": 1e-8, "dance-cifar10": 1e-6, "dance-imagenet": 1e-4}
"""The EDAP that is worth one percentage point of error, by network space."""


def image_task(
    name: str = "dance-mnist",
    *,
    objective: Objective | None = None,
    location: str | Path | None = None,
    technology: Technology = EDGE_LPDDR4,
    split_seed: int = 0,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Progress | bool | None = None,
) -> ImageTask:
    """An image task of the catalog: DANCE's accelerators, the analytical cost model, the images of the same name.

    Args:
        name: "dance-mnist", "dance-cifar10" or "dance-imagenet".
        objective: error in percentage points plus EDAP over `REFERENCES_JS_MM2`, if None.
        location: a local folder of the images, or another name on the hub.
        technology: of the accelerators.
        split_seed: of the cut into weights, choices and test.
        cache_dir: of the cost table; its own default if None.
        progress: of the cost table's first build (about 15 s on one core for dance-mnist).

    Raises:
        ValueError: unknown name, with the nearest ones.
        ImportError: a package of the extra "images" is missing.
        ImageDataError: the images are missing, damaged or do not fit.
    """
    if name not in REFERENCES_JS_MM2:
        raise ValueError(f"there is no image task {name!r}. {nearest(name, REFERENCES_JS_MM2)}")
    space, accelerators = network_space(name), dance_accelerators()
    data = load_images(name, location=location, seed=split_seed)
    costs = CostTable.build(
        space, accelerators, model=AnalyticalCostModel(technology=technology), cache_dir=cache_dir, progress=progress
    )
    wanted = objective or Objective(EDAP(REFERENCES_JS_MM2[name]), weight=1.0)
    return ImageTask(name, space, accelerators, costs, wanted, data)


def hardware_term(name: str, task: ImageTask, *, device: str = "cpu") -> HardwareTerm:
    """A hardware term of `HARDWARE_TERMS`; "evaluator" is trained now unless it was before.

    Raises:
        ValueError: unknown name, with the nearest ones.
    """
    if name == "table":
        return TableCost(task.objective, task.costs)
    if name == "macs":
        return ExpectedMacs.of(task.network_space)
    if name == "none":
        return NoHardware()
    if name == "evaluator":
        from solvers.dance.settings import EvaluatorSettings
        from solvers.dance.store import load_or_train

        problem = task.problem(_NotTrained(task.network_space))
        evaluator, _, _ = load_or_train(problem, EvaluatorSettings(), device=device)
        counts = tuple(len(choice.options) for choice in task.network_space.choices())
        return EvaluatorCost(evaluator, task.objective, counts)
    raise ValueError(f"unknown hardware term {name!r}. {nearest(name, HARDWARE_TERMS)}")


@dataclass(frozen=True)
class _NotTrained:
    """Stands where a problem wants accuracies and nothing asks for them: the evaluator's training sees costs only."""

    space: NetworkSpace

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        """There is nothing to say."""
        raise RuntimeError(f"no network of {self.space.name} is trained yet: its accuracy is not known")

    def fingerprint(self) -> str:
        """Of an accuracy that is not known."""
        return "not trained"
