"""DANCE (arXiv 2009.06237, DAC 2021), as the paper describes it. Read from top to bottom beside the paper's figure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch

from dance_env.problem import Problem
from solvers.contract.capabilities import Capabilities
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.metered_relaxed import MeteredRelaxedProblem
from solvers.contract.solver import Solver
from solvers.methods.dance.evaluator import (
    LAPTOP,
    Evaluator,
    EvaluatorSettings,
    gumbel_noise,
    metered_evaluator,
    unprepared,
)
from solvers.methods.gradient.descent import geometric, softmax_blocks
from solvers.methods.gradient.options import most_probable, network_option_counts, one_hot
from solvers.methods.gradient.threads import torch_threads

_MOST_TOGETHER = 32
"""The most searches side by side."""


@dataclass(frozen=True)
class Dance(Solver):
    """DANCE: differentiable accelerator/network co-exploration by gradient descent through a learned evaluator.

    1. *Evaluator* (`solvers.methods.dance.evaluator`). Two networks are trained on the cost model and then frozen. The
       hardware generation network maps a network's probabilities to its best accelerator, through a Gumbel softmax. The
       cost estimation network maps the same probabilities and the generated accelerator (feature forwarding) to latency,
       energy and area.
    2. *Search*. Adam on the architecture parameters minimizes `error + lambda2 x cost(evaluator)`. lambda2 rises from 0
       during a warm-up.
    3. *Decode*. The most probable network, and the accelerator that the generator gives it, are evaluated exactly.

    The paper ends after one search. Here the rest of the budget goes to further searches of the same kind from other
    starts: the first alone, later ones side by side in one batch, which changes the time that they take and not the
    queries. A step costs one gradient query and a decoded design one evaluation; a budget that is too small for all
    the steps of a search shortens it.

    On images, where accuracies have to be trained for, `DanceImages` ("dance-images") runs in its place with the same
    evaluator: there the error is the cross-entropy of a supernet on sampled paths, as in the paper.

    Deviations from the paper, with the reasons:

    - The error is the accuracy model's exact expectation over the architecture distribution, where the paper has the
      cross-entropy of a supernet on sampled paths: these tasks have a table of accuracies and no supernet.
    - The initial parameters are spread (`init_std`), where ProxylessNAS draws N(0, 1e-3), so that restarts differ.
    - The learning rate is far above ProxylessNAS's 1e-3, since a search has tens of steps in place of thousands.

    The paper does not state the evaluator's optimizer (here AdamW), its epochs, any learning rate, the Gumbel softmax's
    temperature or the length of the warm-up. The evaluator's sample sizes are the paper's; `Dance.laptop()` has a
    smaller evaluator, which takes seconds in place of minutes to train.

    Attributes:
        evaluator: how the evaluator is built and trained.
        fresh_evaluator: whether the evaluator's seed is drawn from the run's seed, so that every run trains its own.
        steps: updates of one search.
        learning_rate: of Adam.
        betas: of Adam, as in ProxylessNAS.
        init_std: standard deviation of the initial architecture parameters.
        warm_up: share of the steps over which lambda2 rises linearly from 0 to the objective's weight.
        temperature: of the Gumbel softmax over accelerators, from the first to the last step, geometric.
        straight_through: whether the estimator is forwarded one-hot accelerators, as in its training, or soft ones.
        device: of torch.
    """

    name: ClassVar[str] = "dance"
    capabilities: ClassVar[Capabilities] = Capabilities(
        access="white box", needs_gradients=True, handles_workloads=False
    )
    evaluator: EvaluatorSettings = field(default_factory=EvaluatorSettings)
    fresh_evaluator: bool = False
    steps: int = 24
    learning_rate: float = 0.5
    betas: tuple[float, float] = (0.0, 0.999)
    init_std: float = 1.5
    warm_up: float = 0.25
    temperature: tuple[float, float] = (10.0, 0.5)
    straight_through: bool = True
    device: str = "cpu"

    @classmethod
    def laptop(cls, **settings: Any) -> Dance:
        """Return DANCE with the evaluator `LAPTOP`, which is smaller than the paper's."""
        return cls(evaluator=LAPTOP, **settings)

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1; got {self.steps}")
        if not (self.learning_rate > 0 and self.init_std >= 0):
            raise ValueError(
                f"learning_rate must be above 0 and init_std at least 0; got {self.learning_rate} and {self.init_std}"
            )
        if not 0 <= self.warm_up <= 1:
            raise ValueError(f"warm_up must be a share of the steps, between 0 and 1; got {self.warm_up}")
        if not min(self.temperature) > 0:
            raise ValueError(f"temperature must be two numbers above 0; got {self.temperature}")

    def unprepared(self, problem: Problem) -> str:
        """Return that the evaluator has to be trained first, in a sentence; empty where it ships with the package."""
        return unprepared(problem, self.evaluator, solver=self.name)

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Train or load the evaluator, then search, decode and evaluate until the budget is spent."""
        if not problem.offers_expectation:  # accuracies have to be trained for
            # Imported here, since it loads matplotlib.
            from solvers.methods.dance.images.solver import DanceImages, Execution

            on = Execution(device=self.device)
            images = DanceImages(evaluator=self.evaluator, fresh_evaluator=self.fresh_evaluator, execution=on)
            return images.search(problem, rng)
        with torch_threads(1):  # the tensors are small: more threads only wait for each other
            evaluator = metered_evaluator(problem, self.evaluator, rng, fresh=self.fresh_evaluator, device=self.device)
            relaxed = problem.relax(device=self.device)
            together = 1  # the first search is alone, as in the paper; later ones run side by side, which is faster
            while problem.meter.left:
                number = min(together, affordable_searches(self, problem))
                lambda2 = np.full(number, problem.objective.weight)
                problem.evaluate(search(self, problem, evaluator, relaxed, rng, lambda2=lambda2))
                together = min(2 * together, _MOST_TOGETHER)


def affordable_searches(settings: Dance, problem: MeteredProblem) -> int:
    """Return how many whole searches, with the evaluation of their designs, the budget allows; at least 1."""
    meter = problem.meter
    return max(1, min(meter.left // (settings.steps + 1), meter.evaluations_left))


def search(
    settings: Dance,
    problem: MeteredProblem,
    evaluator: Evaluator,
    relaxed: MeteredRelaxedProblem,
    rng: np.random.Generator,
    *,
    lambda2: np.ndarray,
) -> np.ndarray:
    """Run R independent searches side by side, and leave one query for the evaluation of each.

    Args:
        settings: of the search.
        problem: the metered problem.
        evaluator: predicts the costs.
        relaxed: gives the expected accuracy, one gradient query a row.
        rng: draws the starts and the Gumbel noise.
        lambda2: weight of the cost in each search (R,).

    Returns:
        The designs (R, D) that the searches end with.
    """
    counts, rows = network_option_counts(problem), len(lambda2)
    noise = torch.Generator().manual_seed(int(rng.integers(2**62)))
    alpha = torch.tensor(rng.normal(0.0, settings.init_std, (rows, sum(counts))), device=settings.device)
    alpha.requires_grad_(True)
    weight = torch.tensor(lambda2, device=settings.device)
    adam = torch.optim.Adam([alpha], lr=settings.learning_rate, betas=settings.betas)
    steps = min(settings.steps, problem.meter.left // rows - 1)
    for step in range(steps):
        probs = softmax_blocks(alpha, counts)
        error_pct = 100.0 * (1.0 - relaxed.accuracy(probs))
        cost, _ = evaluator(
            probs.float(),
            temperature=geometric(settings.temperature, step / settings.steps),
            noise=gumbel_noise((rows, sum(evaluator.hardware_counts)), noise).to(settings.device),
            hard=settings.straight_through,
        )
        loss = error_pct + warm_up(step, settings) * weight * problem.objective.cost_function(cost)
        adam.zero_grad()
        loss.sum().backward()
        adam.step()
    return decode(evaluator, alpha.detach(), counts)


def warm_up(step: int, settings: Dance) -> float:
    """Return the share of lambda2 at a step: 0 at first, rising linearly to 1, so that a search does not start small."""
    warm_up_steps = settings.warm_up * settings.steps
    return min(1.0, step / warm_up_steps) if warm_up_steps else 1.0


def decode(evaluator: Evaluator, alpha: torch.Tensor, counts: tuple[int, ...]) -> np.ndarray:
    """Return the most probable networks, with the accelerators that are generated for them: designs (B, D)."""
    networks = most_probable(alpha.cpu().numpy(), counts)
    probs = torch.tensor(one_hot(networks, counts), dtype=torch.float32, device=alpha.device)
    with torch.no_grad():
        hardware = evaluator.generator.generate(probs)
    return np.concatenate([networks, hardware.cpu().numpy()], axis=1)
