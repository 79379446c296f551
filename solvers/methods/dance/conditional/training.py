"""Training of the generator: descent on the relaxed objective over sampled conditions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from dance_env.objective import Objective
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.metered_relaxed import MeteredRelaxedProblem
from solvers.methods.dance.conditional.conditions import Conditions, Range, drawn, features, violation
from solvers.methods.dance.conditional.generator import Generator
from solvers.methods.gradient.descent import geometric


@dataclass(frozen=True)
class TrainingSettings:
    """How the generator is trained.

    Attributes:
        steps: updates; a small budget gets fewer.
        rows: conditions in a batch, one gradient query each; a small budget gets fewer.
        hidden: units of each hidden layer.
        learning_rate: of Adam at the first step; it falls to zero along a cosine.
        betas: of Adam.
        temperature: of the softmax over options, from the first to the last step, geometric.
        entropy: weight of the entropy (nats) of the probabilities at temperature 1, percentage points of error; it is
            subtracted from the loss. It falls with the temperature, so that the logits that minimize the loss stay the
            same: those of an option are minus the objective that it leads to, in units of this weight. Without it, all
            conditions commit to one design in the first steps.
        penalty: added to the loss where a limit is exceeded by 100 %, in percentage points of error.
    """

    steps: int = 128
    rows: int = 16
    hidden: tuple[int, ...] = (64, 64)
    learning_rate: float = 0.02
    betas: tuple[float, float] = (0.9, 0.999)
    temperature: tuple[float, float] = (1.0, 0.05)
    entropy: float = 1.0
    penalty: float = 50.0

    def __post_init__(self) -> None:
        for name in ("steps", "rows", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0; got {getattr(self, name)}")
        if not (self.hidden and min(self.hidden) > 0):
            raise ValueError(f"hidden must be the units of one or more layers; got {self.hidden}")
        if not min(self.temperature) > 0:
            raise ValueError(f"temperature must be two numbers above 0; got {self.temperature}")
        for name in ("entropy", "penalty"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0; got {getattr(self, name)}")

    def shape(self, queries: int) -> tuple[int, int]:
        """Return the steps and the rows of a batch that so many gradient queries pay for: both shrink together."""
        if queries >= self.steps * self.rows:
            return self.steps, self.rows
        rows = max(1, round(self.rows * (queries / (self.steps * self.rows)) ** 0.5))
        return queries // rows, rows


def train(
    generator: Generator,
    problem: MeteredProblem,
    relaxed: MeteredRelaxedProblem,
    rng: np.random.Generator,
    *,
    settings: TrainingSettings,
    queries: int,
    lambdas: Range,
    deadlines: Range,
    device: str = "cpu",
) -> None:
    """Update the generator's weights; each row of a batch is one gradient query.

    Args:
        generator: is changed.
        problem: whose objective is relaxed.
        relaxed: its differentiable view, in float32.
        rng: draws the conditions.
        settings: of the training.
        queries: the most gradient queries.
        lambdas: range of the factor on the objective's weight.
        deadlines: range of the factor on the limit of latency.
        device: of torch.
    """
    steps, rows = settings.shape(queries)
    adam = torch.optim.Adam(generator.parameters(), lr=settings.learning_rate, betas=settings.betas)
    for step in range(steps):
        done = step / steps
        adam.param_groups[0]["lr"] = settings.learning_rate * 0.5 * (1.0 + np.cos(np.pi * done))
        conditions = drawn(rows, lambdas, deadlines, rng)
        inputs = torch.tensor(features(conditions, lambdas, deadlines), device=device)
        temperature = geometric(settings.temperature, done)
        probs = generator.probabilities(inputs, temperature=temperature)
        values = loss(probs, problem, relaxed, conditions, penalty=settings.penalty)
        values = values - settings.entropy * temperature * entropy(probs)
        adam.zero_grad()
        values.mean().backward()
        adam.step()


def loss(
    probs: torch.Tensor,
    problem: MeteredProblem,
    relaxed: MeteredRelaxedProblem,
    conditions: Conditions,
    *,
    penalty: float,
) -> torch.Tensor:
    """Return the relaxed objective (B,) of each row's condition, and a penalty on what exceeds the limits.

    The objective `error + f x lambda2 x cost` is divided by `1 + f`, where f is the condition's factor, so that
    conditions with a large one do not outweigh the others in a batch. As in `RelaxedProblem`, the cost function and the
    limits are applied to the expected cost on each accelerator and averaged over accelerators.
    """
    objective: Objective = problem.objective
    networks = problem.space.network_options.stop
    asked = probs.float()
    joint = relaxed.joint(asked[:, networks:])
    accuracy, cost = relaxed.on_each_accelerator(asked[:, :networks])
    error_pct = 100.0 * (1.0 - accuracy)
    lambdas = torch.tensor(conditions.lambdas, device=probs.device)
    deadlines = torch.tensor(conditions.deadlines, device=probs.device)
    value = error_pct
    if objective.weight:
        cost_value = (joint * objective.cost_function(cost)).sum(dim=1)
        value = (error_pct + lambdas * objective.weight * cost_value) / (1.0 + lambdas)
    if not objective.constraints:
        return value
    beyond = violation(objective, error_pct[:, None], cost, deadlines[:, None])
    return value + penalty * (joint * beyond).sum(dim=1)


def entropy(probs: torch.Tensor) -> torch.Tensor:
    """Return the entropy (B,) of independent choices with these probabilities, nats."""
    return -(probs * probs.clamp_min(torch.finfo(probs.dtype).tiny).log()).sum(dim=1)
