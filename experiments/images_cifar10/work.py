"""The work: one search with the training of its network, one training of the ranking; each leaves a record."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dance_env.accuracy.supernet.accuracy import SupernetAccuracy, load_supernet
from dance_env.accuracy.supernet.trainable import TrainableSupernet
from dance_env.atomic import write_whole
from dance_env.problem import Problem
from dance_env.tasks import UNTRAINED, make_problem
from experiments.images_cifar10.plan import SHORT, SUPERNET_EPOCHS, TASK, Ranked, Search
from solvers.contract.result import Status
from solvers.methods.dance.evaluator import LAPTOP
from solvers.methods.dance.images.solver import DanceImages
from solvers.methods.dance.images.supernet_training import train_supernet
from solvers.methods.dance.images.training.final import ScratchAccuracy

Show = Callable[[int, int], None]


@dataclass(frozen=True)
class Workshop:
    """The folder that everything is kept in, and the images.

    Attributes:
        folder: Records under `records/`, checkpoints beside them.
        images: A folder of the images, or a name on the hub; None for the usual one.
    """

    folder: Path
    images: str | None

    @cached_property
    def problem(self) -> Problem:
        """The task, without a trained supernet."""
        return make_problem(TASK, supernet=UNTRAINED, images=self.images)

    @cached_property
    def trainable(self) -> TrainableSupernet:
        """Its networks and images."""
        trainable: TrainableSupernet = self.problem.accuracy.trainable()  # type: ignore[union-attr]  # a supernet's
        return trainable

    def record(self, piece: Search | Ranked) -> Path:
        """Return where the record of a piece is, or will be."""
        return self.folder / "records" / f"{piece.name}.json"

    def run(self, piece: Search | Ranked, show: Show) -> dict[str, Any]:
        """Run a piece to its end, from where an interrupted run left it, and write its record.

        Raises:
            KeyboardInterrupt: If it was interrupted; nothing that has been computed is lost but the last minute.
        """
        found = self._search(piece, show) if isinstance(piece, Search) else self._ranked(piece, show)
        write_whole(self.record(piece), json.dumps(found) + "\n", sync=True)
        return found

    def _scratch(self, seed: int, show: Show) -> ScratchAccuracy:
        return ScratchAccuracy(self.trainable, SHORT.final, seed=seed, folder=self.folder / "scratch", progress=show)

    def _search(self, piece: Search, show: Show) -> dict[str, Any]:
        scratch = self._scratch(piece.seed, show)
        judged = replace(self.problem, accuracy=scratch)
        solver = DanceImages(
            training=SHORT,
            lambda2=piece.lambda2,
            hardware=piece.term,
            evaluator=LAPTOP,
            folder=str(self.folder / "searches"),
            training_seed=piece.seed,
        )
        budget = solver.whole_budget(judged)
        result = solver.solve(
            judged, budget=budget, seed=piece.seed, callback=lambda now: show(now.gradient_queries, budget)
        )
        if result.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        best, trace, design = result.best, result.trace, result.best_design
        assert best is not None, "every search evaluates its network"
        assert design is not None
        network = design[: len(self.trainable.space.choices())]
        wrong = np.flatnonzero(~scratch.right(network[None])[0])
        return {
            "seed": piece.seed,
            "term": piece.term,
            "lambda2": piece.lambda2,
            "network": network.tolist(),
            "macs": int(self.trainable.space.macs(network[None])[0]),
            "error_pct": float(trace.error_pct[best]),
            "edap_js_mm2": float(trace.edap_js_mm2[best]),
            "objective": float(trace.objective[best]),
            "design": result.best_named,
            "test_images": len(self.trainable.data.test),
            "wrong": wrong.tolist(),
            "search_seconds": result.ledger.training_seconds,
            "final_seconds": result.ledger.oracle_seconds,
        }

    def _ranked(self, piece: Ranked, show: Show) -> dict[str, Any]:
        network = np.array([piece.network])
        supernet = self._supernet(show).evaluate(network)[0]
        scratch = self._scratch(0, show).evaluate(network)[0]
        return {
            "network": list(piece.network),
            "macs": int(self.trainable.space.macs(network)[0]),
            "supernet_accuracy": float(supernet),
            "scratch_accuracy": float(scratch),
        }

    def _supernet(self, show: Show) -> SupernetAccuracy:
        """The supernet whose ranking is tested, trained on uniform paths when it is first asked for."""
        path = self.folder / "supernet.safetensors"
        if not path.exists():
            train_supernet(self.trainable, path, settings=SHORT.uniform(epochs=SUPERNET_EPOCHS), progress=show)
        space, data = self.trainable.space, self.trainable.data
        return SupernetAccuracy(space, load_supernet(path, space=space, data=data), data, judging_images=2_000)
