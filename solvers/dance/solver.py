"""DANCE: gradient descent on architecture parameters through a learned evaluator of the accelerator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from solvers.dance.descent import DescentSettings, Prediction, cooled
from solvers.dance.finish import Finalists
from solvers.dance.generator import gumbel_noise
from solvers.dance.hdx import HdxSettings
from solvers.dance.options import metered, network_option_counts, one_hot
from solvers.dance.rounds import IDLE_ROUNDS, check_lambdas, search_round
from solvers.dance.settings import EvaluatorSettings
from solvers.dance.shortlist import Shortlist
from solvers.dance.store import load_or_train
from solvers.dance.threads import torch_threads
from solvers.solver import Solver

if TYPE_CHECKING:
    from dance_env.envs import CoDesignEnv
    from solvers.dance.evaluator import Evaluator
    from solvers.metered_problem import MeteredProblem


@dataclass(frozen=True)
class Dance(Solver):
    """Differentiable accelerator/network co-exploration (arXiv 2009.06237), on a problem whose accuracy is known in expectation.

    Before the search the evaluator is trained on the cost table, or read from the cache; its samples, queries and
    seconds are billed either way. The search descends `error + lambda2 x cost` by Adam on architecture parameters: the
    error is the problem's exact expectation (where the paper has a supernet's cross-entropy), the cost is the
    evaluator's. The networks that come out, each with its generated accelerator, are evaluated exactly; what is left of
    the evaluations goes to further accelerators that the evaluator ranks best for the best networks. Rounds of this
    repeat until the budget is spent.

    Attributes:
        evaluator: how the evaluator is built and trained.
        descent: how architecture parameters are searched.
        hdx: how hard constraints are enforced during the search, on tasks that have some; None: not at all, as published.
        evaluations: the most exact evaluations of one round.
        gumbel: whether generated accelerators are sampled (Gumbel noise) or the most probable ones.
        straight_through: whether the estimator is forwarded one-hot accelerators, as in its training, or soft ones.
        lambdas: factors on lambda2, searched side by side; more than one gives an approximate Pareto front.
        device: of torch.
    """

    name: ClassVar[str] = "dance"
    evaluator: EvaluatorSettings = field(default_factory=EvaluatorSettings)
    descent: DescentSettings = field(default_factory=DescentSettings)
    hdx: HdxSettings | None = field(default_factory=HdxSettings)
    evaluations: int = 128
    gumbel: bool = True
    needs_gradients: ClassVar[bool] = True
    straight_through: bool = True
    lambdas: tuple[float, ...] = (1.0,)
    device: str = "cpu"

    def __post_init__(self) -> None:
        check_lambdas(self.lambdas)
        if self.evaluations < 1:
            raise ValueError(f"a round needs at least 1 exact evaluation, not {self.evaluations}")

    def search(self, env: CoDesignEnv, rng: np.random.Generator) -> None:
        """Train or load the evaluator, then descend, decode and evaluate in rounds until the budget is spent."""
        problem = metered(env)
        with torch_threads(self.descent.threads):
            evaluator = self._evaluator(problem)
            relaxed = env.relax(device=self.device)
            shortlist = Shortlist(problem, evaluator)
            noise = torch.Generator().manual_seed(int(rng.integers(2**62)))

            def predict(probs: torch.Tensor, weights: torch.Tensor, done: float) -> Prediction:
                error_pct = 100.0 * (1.0 - relaxed.accuracy(probs))
                shape = (len(probs), sum(evaluator.hardware_counts))
                cost, _ = evaluator(
                    probs.float(),
                    temperature=cooled(self.descent.hardware_temperature, done),
                    noise=gumbel_noise(shape, noise).to(self.device) if self.gumbel else None,
                    hard=self.straight_through,
                )
                return Prediction(error_pct, cost, problem.objective.cost_function(cost))

            finalists = Finalists(env, self.lambdas)
            generate = _generation(problem, evaluator)
            idle = 0
            while problem.meter.left and idle < IDLE_ROUNDS:
                before = problem.meter.spent
                allowed = search_round(
                    env,
                    predict,
                    lambda networks, most: finalists.evaluate(generate(networks), most=most),
                    rng,
                    settings=self.descent,
                    hdx=self.hdx,
                    lambdas=self.lambdas,
                    evaluations=self.evaluations,
                    device=self.device,
                )
                shortlist.spend(finalists, allowed)
                idle = idle + 1 if problem.meter.spent == before else 0

    def _evaluator(self, problem: MeteredProblem) -> Evaluator:
        meter = problem.meter
        with meter.surrogate_training():
            evaluator, bill, cached = load_or_train(problem.unmetered, self.evaluator, device=self.device)
        meter.bill_surrogate(bill.samples, cached_seconds=bill.seconds if cached else 0.0)
        meter.bill_costs(bill.cost_model_queries)
        return evaluator


def _generation(problem: MeteredProblem, evaluator: Evaluator) -> Callable[[np.ndarray], np.ndarray]:
    """From networks (B, N) to designs (B, D): each with the accelerator that the evaluator generates for it."""
    counts = network_option_counts(problem)
    device = next(evaluator.parameters()).device

    def generate(networks: np.ndarray) -> np.ndarray:
        probs = torch.tensor(one_hot(networks, counts), dtype=torch.float32, device=device)
        with torch.no_grad():
            hardware = evaluator.generator.generate(probs)
        return np.concatenate([networks, hardware.cpu().numpy()], axis=1)

    return generate
