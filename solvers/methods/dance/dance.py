"""DANCE (arXiv 2009.06237, DAC 2021), as the paper describes it. Read from top to bottom beside the paper's figure 3."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch

from solvers.contract.capabilities import Capabilities
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.metered_relaxed import MeteredRelaxedProblem
from solvers.contract.solver import Solver
from solvers.methods.dance.evaluator import LAPTOP, Evaluator, EvaluatorSettings, gumbel_noise, metered_evaluator
from solvers.methods.gradient.descent import geometric, softmax_blocks
from solvers.methods.gradient.options import most_probable, network_option_counts, one_hot
from solvers.methods.gradient.threads import torch_threads


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
    starts. A step costs one gradient query and a decoded design one evaluation; a budget that is too small for all the
    steps of a search shortens it.

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
    capabilities: ClassVar[Capabilities] = Capabilities(access="white box", needs_gradients=True)
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
            while problem.meter.left:
                design = one_search(self, problem, evaluator, relaxed, rng, lambda2=problem.objective.weight)
                problem.evaluate(design)


def one_search(
    settings: Dance,
    problem: MeteredProblem,
    evaluator: Evaluator,
    relaxed: MeteredRelaxedProblem,
    rng: np.random.Generator,
    *,
    lambda2: float,
) -> np.ndarray:
    """Return the design (1, D) that one search ends with, and leave at least one query for its evaluation."""
    counts = network_option_counts(problem)
    noise = torch.Generator().manual_seed(int(rng.integers(2**62)))
    start = rng.normal(0.0, settings.init_std, (1, sum(counts)))
    alpha = torch.tensor(start, device=settings.device).requires_grad_(True)
    adam = torch.optim.Adam([alpha], lr=settings.learning_rate, betas=settings.betas)
    steps = min(settings.steps, problem.meter.left - 1)
    for step in range(steps):
        probs = softmax_blocks(alpha, counts)
        error_pct = 100.0 * (1.0 - relaxed.accuracy(probs))
        cost, _ = evaluator(
            probs.float(),
            temperature=geometric(settings.temperature, step / settings.steps),
            noise=gumbel_noise((1, sum(evaluator.hardware_counts)), noise).to(settings.device),
            hard=settings.straight_through,
        )
        loss = error_pct + warmed_up(lambda2, step, settings) * problem.objective.cost_function(cost)
        adam.zero_grad()
        loss.sum().backward()
        adam.step()
    return decode(evaluator, alpha.detach(), counts)


def warmed_up(lambda2: float, step: int, settings: Dance) -> float:
    """Return lambda2 at a step: 0 at the first one, rising linearly, so that the search does not start with tiny networks."""
    warm_up_steps = settings.warm_up * settings.steps
    return lambda2 * min(1.0, step / warm_up_steps) if warm_up_steps else lambda2


def decode(evaluator: Evaluator, alpha: torch.Tensor, counts: tuple[int, ...]) -> np.ndarray:
    """Return the most probable networks, with the accelerators that are generated for them: designs (B, D)."""
    networks = most_probable(alpha.cpu().numpy(), counts)
    probs = torch.tensor(one_hot(networks, counts), dtype=torch.float32, device=alpha.device)
    with torch.no_grad():
        hardware = evaluator.generator.generate(probs)
    return np.concatenate([networks, hardware.cpu().numpy()], axis=1)
