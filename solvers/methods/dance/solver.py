"""DANCE: gradient descent on architecture parameters through a learned evaluator of the accelerator."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from solvers.contract.solver import Solver
from solvers.methods.dance.corners import Appraisal, Appraise, Corners
from solvers.methods.dance.descent import DescentSettings, Plan, Prediction, cooled
from solvers.methods.dance.finish import Finalists
from solvers.methods.dance.generator import gumbel_noise
from solvers.methods.dance.hdx import HdxSettings
from solvers.methods.dance.options import hardware_option_counts, network_option_counts, one_hot
from solvers.methods.dance.rounds import RoundSettings, check_lambdas, search_in_rounds
from solvers.methods.dance.settings import EvaluatorSettings
from solvers.methods.dance.shortlist import Shortlist
from solvers.methods.dance.store import load_or_train
from solvers.methods.dance.threads import torch_threads

if TYPE_CHECKING:
    from solvers.contract.metered_problem import MeteredProblem
    from solvers.methods.dance.evaluator import Evaluator


@dataclass(frozen=True)
class Dance(Solver):
    """Differentiable accelerator/network co-exploration (arXiv 2009.06237), on a problem whose accuracy is known in expectation.

    Before the search the evaluator is trained on the cost table, or read from the cache; its samples, queries and
    seconds are billed either way. The search descends `error + lambda2 x cost` by Adam on architecture parameters: the
    error is the problem's exact expectation (where the paper has a supernet's cross-entropy), the cost is the
    evaluator's. The networks that come out are refined by gradients at the corners of the relaxed space (`Corners`). The
    best that are foreseen, each with its generated accelerator, are evaluated exactly, and then, for the best networks,
    further accelerators that the evaluator ranks high. Rounds of this repeat until the budget is spent.

    Attributes:
        evaluator: how the evaluator is built and trained.
        descent: how architecture parameters are searched.
        hdx: how hard constraints are enforced during the search, on tasks that have some; None: not at all, as published.
        rounds: how a run is cut into rounds, how much of each is refinement and how much exact evaluation.
        gumbel: whether generated accelerators are sampled (Gumbel noise) or the most probable ones.
        straight_through: whether the estimator is forwarded one-hot accelerators, as in its training, or soft ones.
        accelerators: how many of the likeliest accelerators of a network the estimator compares before any is evaluated;
            1: the generated one is taken, as published.
        tolerances: a predicted violation this small may well be none; designs that the evaluator prefers when it is
            overlooked are evaluated too, in turns.
        lambdas: factors on lambda2, searched side by side; more than one gives an approximate Pareto front.
        device: of torch.
    """

    name: ClassVar[str] = "dance"
    needs_gradients: ClassVar[bool] = True
    evaluator: EvaluatorSettings = field(default_factory=EvaluatorSettings)
    descent: DescentSettings = field(default_factory=DescentSettings)
    hdx: HdxSettings | None = field(default_factory=HdxSettings)
    rounds: RoundSettings = field(default_factory=RoundSettings)
    gumbel: bool = True
    straight_through: bool = True
    accelerators: int = 16
    tolerances: tuple[float, ...] = (0.0, 0.01, 0.03)
    lambdas: tuple[float, ...] = (1.0,)
    device: str = "cpu"

    def __post_init__(self) -> None:
        check_lambdas(self.lambdas)
        if self.accelerators < 1:
            raise ValueError(
                f"accelerators is how many are compared for a network, at least 1, not {self.accelerators}"
            )
        if not self.tolerances or not all(0.0 <= each < math.inf for each in self.tolerances):
            raise ValueError(f"tolerances are one or more relative violations >= 0; got {self.tolerances}")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Train or load the evaluator, then descend, decode and evaluate in rounds until the budget is spent."""
        with torch_threads(self.descent.threads):
            evaluator = self._evaluator(problem)
            relaxed = problem.relax(device=self.device)
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

            finalists = Finalists(problem, self.lambdas)
            tolerances = self.tolerances if problem.objective.constraints else (0.0,)
            appraise = likely_accelerators(problem, evaluator, tolerances=tolerances, most=self.accelerators)
            shortlist = Shortlist(problem, evaluator, tolerances=tolerances)
            corners = Corners(
                problem, relaxed, appraise, lambdas=self.lambdas, tolerances=len(tolerances), device=self.device
            )

            def judge(networks: np.ndarray, plan: Plan) -> None:
                corners.refine(networks, visits=plan.visits, width=self.rounds.width)
                designs = corners.with_decoded(networks, first=self.rounds.decoded)
                left = plan.evaluations
                left -= finalists.evaluate(designs, most=left - left // 4)
                shortlist.spend(finalists, left)

            search_in_rounds(
                problem,
                predict,
                judge,
                rng,
                descent=self.descent,
                rounds=self.rounds,
                hdx=self.hdx,
                lambdas=self.lambdas,
                device=self.device,
            )

    def _evaluator(self, problem: MeteredProblem) -> Evaluator:
        meter = problem.meter
        with meter.surrogate_training():
            evaluator, bill, cached = load_or_train(problem.unmetered, self.evaluator, device=self.device)
        meter.bill_surrogate(bill.samples, cached_seconds=bill.seconds if cached else 0.0)
        meter.bill_costs(bill.cost_model_queries)
        return evaluator


_PER_HEAD = 3
"""Options of each head that its likeliest accelerators are combined from."""


def likely_accelerators(
    problem: MeteredProblem, evaluator: Evaluator, *, tolerances: tuple[float, ...], most: int
) -> Appraise:
    """Each network with the best, by the estimator, of the accelerators that the generator finds likeliest for it.

    The generator's heads answer each for itself, so that its accelerator may just miss a limit, or mix two good ones.
    The estimator judges a few combinations as a whole. No question is put to the problem.
    """
    counts, hardware_counts = network_option_counts(problem), hardware_option_counts(problem)
    device = next(evaluator.parameters()).device
    kept = [min(_PER_HEAD, count) for count in hardware_counts]
    combinations = torch.cartesian_prod(*(torch.arange(count) for count in kept)).to(device)

    def likely(probs: torch.Tensor) -> torch.Tensor:
        """Options (B, most, C) of the accelerators likeliest together, the generated one first."""
        heads = evaluator.generator.split(evaluator.generator(probs))
        tops = [torch.log_softmax(head, dim=1).topk(count, dim=1) for head, count in zip(heads, kept, strict=True)]
        parts = [top.values[:, combinations[:, choice]] for choice, top in enumerate(tops)]
        options = torch.stack([top.indices[:, combinations[:, choice]] for choice, top in enumerate(tops)], dim=2)
        rows = torch.arange(len(probs), device=device)[:, None]
        return options[rows, torch.stack(parts).sum(dim=0).topk(min(most, len(combinations)), dim=1).indices]

    def appraise(networks: np.ndarray, error_pct: np.ndarray) -> Appraisal:
        probs = torch.tensor(one_hot(networks, counts), dtype=torch.float32, device=device)
        with torch.no_grad():
            options = likely(probs)
            features = [torch.nn.functional.one_hot(options[..., i], count) for i, count in enumerate(hardware_counts)]
            forwarded = torch.cat(features, dim=2).flatten(0, 1).float()
            repeated = probs.repeat_interleave(options.shape[1], dim=0)
            cost = evaluator.estimator.cost(repeated, forwarded if evaluator.feature_forwarding else None)
        errors = torch.tensor(error_pct, device=device).repeat_interleave(options.shape[1])
        shape = options.shape[:2]
        value = problem.objective.cost_function(cost).reshape(shape).cpu().numpy()
        violation = problem.objective.violation(errors, cost).reshape(shape).cpu().numpy()
        return _chosen(networks, options.cpu().numpy(), value, violation, tolerances)

    return appraise


def _chosen(
    networks: np.ndarray, options: np.ndarray, value: np.ndarray, violation: np.ndarray, tolerances: tuple[float, ...]
) -> Appraisal:
    """For each tolerance the accelerator with the least violation beyond it, then the least cost, of several (B, A)."""
    beyond = np.maximum(violation - np.array(tolerances)[:, None, None], 0.0)  # (T, B, A)
    least = beyond == beyond.min(axis=2, keepdims=True)
    best = np.where(least, value, np.inf).argmin(axis=2)  # (T, B)
    rows = np.arange(len(networks))
    designs = np.stack([np.concatenate([networks, options[rows, each]], axis=1) for each in best])
    return Appraisal(designs, value[rows, best], np.take_along_axis(beyond, best[:, :, None], axis=2)[:, :, 0])
