"""DANCE where accuracies have to be trained for: one supernet, trained while its network is chosen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from dance_env.accuracy import SampledAccuracy
from dance_env.accuracy.supernet.image_data import steps_per_epoch
from dance_env.accuracy.supernet.trainable import TrainableSupernet
from dance_env.graph import BlockSpace
from dance_env.problem import Problem
from dance_env.progress import Progress
from dance_env.suggest import nearest
from solvers.contract.capabilities import Capabilities
from solvers.contract.meter import Meter
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.methods.dance.evaluator import EvaluatorSettings, metered_evaluator
from solvers.methods.dance.images.folder import RunFolder, identity_digest
from solvers.methods.dance.images.hardware import (
    HARDWARE_TERMS,
    EvaluatorCost,
    ExpectedMacs,
    HardwareName,
    HardwareTerm,
    NoHardware,
    TableCost,
)
from solvers.methods.dance.images.search import SearchStage
from solvers.methods.dance.images.settings import ImageSettings, preset
from solvers.methods.dance.images.training.drive import drive
from solvers.methods.dance.images.training.weights import Execution
from solvers.methods.dance.images.warm_up import WarmUp


@dataclass(frozen=True)
class DanceImages(Solver):
    """DANCE on images (arXiv 2009.06237): weights and network choice trained in turns, the choice paying for hardware.

    `Loss = CE + lambda1 ||w|| + lambda2 Cost_HW`. Weight steps and choice steps run sampled paths of one supernet, on
    separate splits of the images. At the end the most probable network is decoded, and evaluated once with its exactly
    best accelerator, as the paper does. The problem's accuracy model judges it: a trained supernet's file, training
    from scratch (`ScratchAccuracy`), or the search's own supernet where the problem has none (`UntrainedSupernet`).

    On the bill: a choice step is one gradient query, the evaluation at the end is one evaluation. Weight steps are not
    bounded by the budget; their number, images and seconds are on the ledger. A budget that cannot pay for all choice
    steps of the settings gets fewer, spread over the search; what a larger one leaves over is not spent.

    Attributes:
        training: Of the supernet and the choice; None takes the preset of the problem's network space.
        lambda2: In place of the training's own; None keeps that.
        hardware: What the choice pays: "evaluator" (the paper), "table" (exact costs), "macs" (operations), "none".
        evaluator: How the learned evaluator is built and trained, for `hardware="evaluator"`.
        fresh_evaluator: Whether the evaluator's seed is drawn from the run's, so that every run trains its own.
        execution: Device, threads and ranks. On the CPU the trace follows from seed and threads to the bit.
        folder: Keeps checkpoints, histories and plots, so that an interrupted search goes on; None keeps nothing.
        training_seed: Of all that the training draws; None draws it from the run's own randomness.
    """

    name: ClassVar[str] = "dance-images"
    capabilities: ClassVar[Capabilities] = Capabilities(
        access="white box", needs_sampled_gradient=True, handles_constraints=False
    )
    training: ImageSettings | None = None
    lambda2: float | None = None
    hardware: HardwareName = "evaluator"
    evaluator: EvaluatorSettings = field(default_factory=EvaluatorSettings)
    fresh_evaluator: bool = False
    execution: Execution = field(default_factory=Execution)
    folder: str | None = None
    training_seed: int | None = None

    def __post_init__(self) -> None:
        if self.hardware not in HARDWARE_TERMS:
            raise ValueError(f"unknown hardware term {self.hardware!r}. {nearest(self.hardware, HARDWARE_TERMS)}")

    def training_on(self, network_space: str) -> ImageSettings:
        """Return the training's settings on the networks of this name.

        Raises:
            ValueError: If no settings were given and there is no preset for them.
        """
        training = preset(network_space) if self.training is None else self.training
        if self.lambda2 is None:
            return training
        return replace(training, choice=replace(training.choice, lambda2=self.lambda2))

    def whole_budget(self, problem: Problem) -> int:
        """Return the budget that a whole search takes: all choice steps of the settings, and one evaluation.

        Raises:
            TypeError: If the problem's accuracy model does not declare what can be trained.
        """
        if not isinstance(problem.accuracy, SampledAccuracy):
            raise TypeError(f"{problem.name}: {type(problem.accuracy).__name__} has no `trainable` (SampledAccuracy)")
        training = self.training_on(problem.network_space.name)
        return training.choice_steps(steps_per_epoch=_steps(training, problem.accuracy.trainable())) + 1

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Train the supernet and the choice, decode the network, and evaluate it with its best accelerator."""
        trainable: TrainableSupernet = problem.trainable()
        training = self.training_on(problem.network_space.name)
        training = training.with_choice_steps(
            problem.meter.left - 1, steps_per_epoch=_steps(training, trainable)
        )  # one evaluation is kept for the end
        seed = int(rng.integers(2**31)) if self.training_seed is None else self.training_seed
        with self.execution.threads_capped():
            term = self._hardware_term(problem, trainable.space, rng)
            about = {"problem": problem.fingerprint()}
            stage = SearchStage(trainable, training, seed=seed, term=term, execution=self.execution, about=about)
            self._train(stage, problem.meter)
            judged = problem.judged_by(stage.supernet)
            judged.evaluate_networks(np.array([stage.network()]))

    def _hardware_term(self, problem: MeteredProblem, space: BlockSpace, rng: np.random.Generator) -> HardwareTerm:
        if self.hardware == "none":
            return NoHardware()
        if self.hardware == "macs":
            return ExpectedMacs.of(space)
        if self.hardware == "table":
            return TableCost(problem.objective, problem.unmetered_costs.costs)
        evaluator = metered_evaluator(
            problem, self.evaluator, rng, fresh=self.fresh_evaluator, device=self.execution.device
        )
        return EvaluatorCost(evaluator, problem.objective, tuple(len(choice.options) for choice in space.choices()))

    def _train(self, stage: SearchStage, meter: Meter) -> None:
        """Run the search to its end, every step on the bill; the steps of an earlier, interrupted part included."""
        bill = _Billing(stage, meter)
        world = self.execution.world
        if self.folder is None:
            bill.timed(lambda progress: drive(stage, None, world=world, progress=progress))
            return
        if stage.about["problem"] is None:
            raise ValueError(
                "folder: the problem has no fingerprint (its cost function or accuracy model gives none), so what is kept "
                "could be taken for another problem's; run it without a folder"
            )
        folder, identity = Path(self.folder), stage.identity()
        place = f"{self.hardware}-lambda{stage.settings.choice.lambda2:g}-seed{stage.seed}-{identity_digest(identity)}"
        run, spent = RunFolder(folder / place), 0.0
        if world.leads:
            run.claim(identity, self.execution)
        world.wait()
        warm = WarmUp(stage)
        if warm.steps and not run.started:
            path = folder / f"warm-up-seed{stage.seed}-{identity_digest(warm.identity())}.safetensors"
            spent = bill.timed(lambda progress: drive(warm, path, world=world, progress=progress))
        bill.timed(
            lambda progress: drive(
                stage,
                run.checkpoint,
                world=world,
                progress=progress,
                after_epoch=lambda: run.write("search", stage.history),
                spent=spent,
            ),
            already=spent,
        )
        if world.leads:
            run.keep(stage)


class _Billing:
    """Puts a stage's steps and seconds on the meter, once each."""

    def __init__(self, stage: SearchStage, meter: Meter) -> None:
        self.stage, self.meter = stage, meter
        self.steps = self.choices = 0

    def timed(self, run: Callable[[Progress], float], *, already: float = 0.0) -> float:
        """Run a part of the training, billed step by step; return the seconds that it has taken in all.

        Args:
            run: Takes a progress callback and returns the seconds of all its interrupted parts.
            already: How many of those seconds are on the bill.
        """
        start = time.monotonic()
        with self.meter.charge("training"):
            seconds = run(self._steps)
        now = time.monotonic() - start
        self.meter.clock.add("training", max(0.0, seconds - already - now))
        return seconds

    def _steps(self, done: int, total: int) -> None:
        stage, batch = self.stage, self.stage.settings.search.batch_size
        steps, choices = stage.step - self.steps, stage.choice_steps - self.choices
        self.steps, self.choices = stage.step, stage.choice_steps
        self.meter.bill_training(steps=steps, images=steps * batch)
        if choices:
            self.meter.bill_gradients(choices)


def _steps(training: ImageSettings, trainable: TrainableSupernet) -> int:
    """Return the weight steps of one epoch."""
    return steps_per_epoch(trainable.data.weights, training.search.batch_size)
