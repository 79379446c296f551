"""dance-conditional: one generator for every lambda2 and deadline, trained once, gives the whole front."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

import numpy as np
import torch

from solvers.contract.capabilities import Capabilities
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.metered_relaxed import MeteredRelaxedProblem
from solvers.contract.solver import Solver
from solvers.methods.dance.conditional.candidates import (
    Candidates,
    designs_in_turn,
    front_first,
    in_given_order,
    on_best_hardware,
    on_given_hardware,
)
from solvers.methods.dance.conditional.conditions import Range, deadline_of
from solvers.methods.dance.conditional.generator import Generator
from solvers.methods.dance.conditional.proposals import Proposals
from solvers.methods.dance.conditional.training import TrainingSettings, train
from solvers.methods.gradient.evaluated import EvaluatedDesigns
from solvers.methods.gradient.options import network_option_counts, one_hot
from solvers.methods.gradient.threads import torch_threads

Accelerators = Literal["best", "generated"]

_IDLE_ROUNDS = 20
"""Rounds without a new design to evaluate after which a run ends: the space is smaller than the budget."""
_MOST_SCREENED = 2048
"""Networks screened in one round."""
_SPACED = 256
"""Evenly spaced lambdas at which the most probable networks are screened."""
_FEATURES = 2


@dataclass(frozen=True)
class DanceConditional(Solver):
    """A generator of designs conditioned on lambda2 and on the deadline; trained once, it gives the whole front (ours).

    1. *Train.* A small perceptron maps a factor on lambda2, and one on the deadline where latency is limited, to the
       probabilities of every choice of network and accelerator. It is trained on sampled factors by the gradient of the
       relaxed objective. A condition in a batch costs one gradient query; the supernet's price is paid once.
    2. *Propose.* The most probable networks at evenly spaced lambdas, then samples at random ones.
    3. *Screen.* The relaxed view is asked for the accuracy of each proposed network, as a trained supernet is; this
       costs a gradient query and no training.
    4. *Evaluate* the designs of the predicted front, most unlike first, then those of the next layers. 2 to 4 repeat
       until the budget is spent.

    Costs are asked for on all accelerators, all of which the relaxed objective has on the bill.

    Attributes:
        training: of the generator.
        lambdas: range of the factors on the objective's weight.
        deadlines: range of the factors on the limit of latency in the training.
        wanted_deadlines: factors that designs are proposed and evaluated for; 1.0 is the task's own deadline.
        training_share: the most of the budget's queries that the training takes.
        screening: whether proposed networks are screened; if not, they are evaluated in the order of their lambdas.
        evaluation_share: of the queries after the training, the most that are evaluations; the others screen. A
            budget in trained networks or GPU-hours usually allows fewer evaluations than this.
        accelerators: "best" searches all accelerators for each network's; "generated" takes the generator's.
        device: of torch.
    """

    name: ClassVar[str] = "dance-conditional"
    capabilities: ClassVar[Capabilities] = Capabilities(access="gradients", needs_expectation=True)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    lambdas: Range = (1 / 32, 32.0)
    deadlines: Range = (0.5, 2.0)
    wanted_deadlines: tuple[float, ...] = (1.0,)
    training_share: float = 0.5
    screening: bool = True
    evaluation_share: float = 0.5
    accelerators: Accelerators = "best"
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("lambdas", "deadlines"):
            low, high = getattr(self, name)
            if not (0 < low <= high < np.inf):
                raise ValueError(f"{name} must be the least and the largest factor, above 0; got {(low, high)}")
        inside = all(self.deadlines[0] <= each <= self.deadlines[1] for each in self.wanted_deadlines)
        if not (self.wanted_deadlines and inside):
            raise ValueError(
                f"wanted_deadlines must be one or more factors within {self.deadlines}, the range of the training; got "
                f"{self.wanted_deadlines}"
            )
        if not 0 <= self.training_share < 1:
            raise ValueError(
                f"training_share must be a share of the budget, 0 or more and below 1; got {self.training_share}"
            )
        if not 0 < self.evaluation_share <= 1:
            raise ValueError(f"evaluation_share must be above 0 and at most 1; got {self.evaluation_share}")
        if self.accelerators not in get_args(Accelerators):
            raise ValueError(
                f"accelerators is one of {', '.join(map(repr, get_args(Accelerators)))}; got {self.accelerators!r}"
            )

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Train the generator, then propose, screen and evaluate until the budget is spent."""
        with torch_threads(1):  # sums come out with other bits on more
            # Costs on all accelerators are most of the work, and their gradients need no more digits.
            relaxed = problem.relax(device=self.device, dtype="float32")
            proposals = self._trained(problem, relaxed, rng)
            evaluated = EvaluatedDesigns(problem)
            pool: Candidates | None = None
            idle = 0
            while problem.meter.left and idle < _IDLE_ROUNDS:
                evaluations, screened = self._plan(problem)
                found = self._proposed(
                    problem,
                    relaxed,
                    proposals,
                    count=screened or evaluations,
                    spaced=0 if pool is not None else _SPACED if screened else -(-evaluations // len(proposals.wanted)),
                    screen=screened > 0,
                )
                pool = found if pool is None else pool.joined(found)
                order = front_first(pool) if self.screening else in_given_order(pool)
                designs = designs_in_turn(problem, pool, order, most=len(pool))
                idle = 0 if evaluated.evaluate(designs, most=evaluations) else idle + 1

    def _trained(self, problem: MeteredProblem, relaxed: MeteredRelaxedProblem, rng: np.random.Generator) -> Proposals:
        """Train the generator within its share of the budget."""
        limited = deadline_of(problem.objective) is not None
        deadlines, wanted = (self.deadlines, self.wanted_deadlines) if limited else ((1.0, 1.0), (1.0,))
        settings = self.training
        counts = [int(count) for count in problem.space.option_counts]
        generator = Generator(_FEATURES, counts, hidden=settings.hidden, rng=rng, device=self.device)
        train(
            generator,
            problem,
            relaxed,
            rng,
            settings=settings,
            queries=int(self.training_share * problem.meter.left),
            lambdas=self.lambdas,
            deadlines=deadlines,
            device=self.device,
        )
        return Proposals(
            generator,
            problem,
            lambdas=self.lambdas,
            deadlines=deadlines,
            wanted=wanted,
            temperature=settings.temperature[1],
            rng=rng,
            device=self.device,
        )

    def _plan(self, problem: MeteredProblem) -> tuple[int, int]:
        """Return how many designs are evaluated in a round, and how many networks are screened before."""
        left = problem.meter.left
        if not self.screening:
            return min(left, problem.meter.evaluations_left), 0
        evaluations = max(1, min(problem.meter.evaluations_left, int(self.evaluation_share * left)))
        return evaluations, min(_MOST_SCREENED, left // 2, left - evaluations)

    def _proposed(
        self,
        problem: MeteredProblem,
        relaxed: MeteredRelaxedProblem,
        proposals: Proposals,
        *,
        count: int,
        spaced: int,
        screen: bool,
    ) -> Candidates:
        """Return `count` new networks with their accelerators: the most probable ones at `spaced` lambdas first."""
        networks, hardware = (each[:count] for each in proposals.most_probable(spaced))
        more = proposals.sampled(count - len(networks))
        networks, hardware = np.concatenate([networks, more[0]]), np.concatenate([hardware, more[1]])
        error_pct = np.zeros(len(networks))
        if screen and len(networks):
            options = one_hot(networks, network_option_counts(problem))
            probs = torch.tensor(options, dtype=torch.float32, device=self.device)
            with torch.no_grad():
                error_pct = 100.0 * (1.0 - relaxed.accuracy(probs).cpu().numpy())
        if self.accelerators == "best":
            return on_best_hardware(problem, networks, error_pct, proposals.wanted)
        return on_given_hardware(problem, networks, error_pct, hardware, proposals.wanted)
