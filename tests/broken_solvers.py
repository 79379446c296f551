"""Solvers that each break one line of the contract; `test_solver_contract` sees every check catch one."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from solvers import Solver
from solvers.contract.capabilities import Capabilities
from solvers.contract.metered_problem import MeteredProblem


@dataclass(frozen=True)
class _Broken(Solver):
    name: ClassVar[str] = "broken"

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        while True:
            problem.evaluate(problem.space.sample(rng, 16))


@dataclass(frozen=True)
class FunctionAsSetting(_Broken):
    """A setting that no record can hold."""

    choose: Callable[..., Any] = field(default=min)


@dataclass(frozen=True)
class BehindTheMeter(_Broken):
    """Asks the problem itself, past its budget."""

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        problem: Any = problem
        problem.unmetered.evaluate(problem.space.sample(rng, 1000))
        super().search(problem, rng)


@dataclass(frozen=True)
class LeavesTheRest(_Broken):
    """Evaluates whole batches only, and leaves what is left of the budget."""

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        meter = problem.meter
        while meter.left >= 10:
            problem.evaluate(problem.space.sample(rng, 10))


@dataclass(frozen=True)
class OrderOfASet(_Broken):
    """Takes designs out of a set, in the order of their hashes."""

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        while True:
            drawn = {design.tobytes() for design in problem.space.sample(rng, 16)}
            problem.evaluate(np.array([np.frombuffer(each, dtype=np.int64) for each in drawn]))


@dataclass(frozen=True)
class CannotBePickled(_Broken):
    """Holds what no other process can be given."""

    lock: Any = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class OwnRandomness(_Broken):
    """Draws from a generator that nobody seeded."""

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        super().search(problem, np.random.default_rng())


@dataclass(frozen=True)
class GlobalRandomness(_Broken):
    """Draws from a global generator that somebody else seeds."""

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        super().search(problem, np.random.default_rng(random.getrandbits(32)))


@dataclass(frozen=True)
class IgnoresSeed(_Broken):
    """Always the same."""

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        super().search(problem, np.random.default_rng(7))


@dataclass(frozen=True)
class DeclaredDeterministic(_Broken):
    """Declares what it is not."""

    capabilities: ClassVar[Capabilities] = Capabilities(deterministic=True)


@dataclass(frozen=True)
class SlowestFirst(_Broken):
    """Tries the accelerators of one processing element array, the smallest, whatever the limits are."""

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        while True:
            designs = problem.space.sample(rng, 16)
            designs[:, problem.space.hardware] = 0
            designs[:, problem.space.network] = designs[:1, problem.space.network]
            problem.evaluate(designs)


@dataclass(frozen=True)
class SeedsNumpy(_Broken):
    """Seeds NumPy's global generator for a library's sake, and leaves it seeded."""

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        np.random.seed(int(rng.integers(2**31)))  # noqa: NPY002
        super().search(problem, rng)


@dataclass(frozen=True)
class CapsTorchThreads(_Broken):
    """Changes torch's threads for everybody."""

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        import torch

        torch.set_num_threads(torch.get_num_threads() + 1)
        super().search(problem, rng)


@dataclass(frozen=True)
class CooksTheBooks(_Broken):
    """Writes better objectives into the record."""

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        try:
            super().search(problem, rng)
        finally:
            writer = problem.meter._writer
            writer._arrays["objective"][:] -= 1.0


@dataclass(frozen=True)
class NeedsTwoOptions(_Broken):
    """Moves every choice to another option."""

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        while True:
            problem.evaluate(1 + rng.integers(problem.space.option_counts - 1, size=(8, problem.space.num_choices)))


@dataclass(frozen=True)
class NeedsFeasible(_Broken):
    """Takes the best of the feasible designs, as if there always were one."""

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        while True:
            evaluation = problem.evaluate(problem.space.sample(rng, 64))
            evaluation.objective[evaluation.feasible].min()


@dataclass(frozen=True)
class RefusesInfeasible(_Broken):
    """Takes a violation for an error."""

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        while True:
            if (problem.evaluate(problem.space.sample(rng, 16)).violation > 0).any():
                raise ValueError("infeasible")


@dataclass(frozen=True)
class NeedsFiniteCost(_Broken):
    """Fits something to the objectives."""

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        while True:
            designs = problem.space.sample(rng, 16)
            objective = problem.evaluate(designs).objective
            with np.errstate(invalid="ignore"):  # an option of number 0 times an infinite cost
                np.linalg.svd(objective[:, None] * designs)


@dataclass(frozen=True)
class CannotBeInterrupted(_Broken):
    """Swallows the interrupt."""

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        try:
            super().search(problem, rng)
        except KeyboardInterrupt:
            return


@dataclass(frozen=True)
class NeedsOneShot(_Broken):
    """Takes the env's own steps for whole designs."""

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        env = problem.env()
        while True:
            env.reset(seed=int(rng.integers(2**31)))
            env.step(problem.space.sample(rng, 1)[0])


@dataclass(frozen=True)
class UnwritableSetting(_Broken):
    """A setting that changes on its way through a record."""

    weights: dict[int, float] = field(default_factory=lambda: {1: 0.5})


@dataclass(frozen=True)
class NotANumber(_Broken):
    """A setting that equals nothing, not even itself."""

    rate: float = float("nan")


@dataclass
class NotFrozen(Solver):
    """Settings that can change between runs."""

    name: ClassVar[str] = "not-frozen"

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        problem.evaluate(problem.space.sample(rng, 1))


CAUGHT_BY: dict[str, tuple[type[Solver], ...]] = {
    "settings-are-recorded": (FunctionAsSetting, UnwritableSetting, NotFrozen),
    "budget-is-never-exceeded": (BehindTheMeter,),
    "budget-is-spent": (LeavesTheRest,),
    "same-seed-same-trace": (OwnRandomness, GlobalRandomness),
    "another-process-same-trace": (OrderOfASet, OwnRandomness, CannotBePickled),
    "seeds-decide-as-declared": (IgnoresSeed, DeclaredDeterministic),
    "access-is-as-declared": (BehindTheMeter,),
    "global-state-is-untouched": (SeedsNumpy, GlobalRandomness, CapsTorchThreads),
    "objectives-re-evaluate": (CooksTheBooks,),
    "one-option-choices": (NeedsTwoOptions,),
    "nothing-feasible-is-a-status": (NeedsFeasible,),
    "infinite-costs": (NeedsFiniteCost,),
    "constraints-are-no-trouble": (RefusesInfeasible, SlowestFirst),
    "interrupt-keeps-what-was-found": (CannotBeInterrupted,),
    "any-episode-style": (NeedsOneShot,),
    "record-survives": (NotANumber,),
}
"""Which broken solvers each check has to catch."""
