"""What is run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from dance_env.perturbations import Perturbation, perturbed
from dance_env.problem import Problem
from dance_env.tasks import make_problem
from solvers.contract.budget import Budget
from solvers.contract.solver import Solver
from solvers.methods.dance.conditional import DanceConditional
from solvers.methods.dance.dance import Dance
from solvers.methods.dance.evaluator import MUON
from solvers.methods.dance.front import DanceFront
from solvers.methods.evolution.genetic import NSGA2

CONDITIONAL, PLAIN, SWEEP, NSGA = "dance-conditional", "dance-conditional, no screening", "dance-front", "nsga2"
SOLVERS = (CONDITIONAL, PLAIN, SWEEP, NSGA)

BUDGETS = {
    "macro-cifar10/edap": ("10networks", "30networks", "1gpuh"),
    "accel-nasbench/edap": ("10networks", "30networks", "50gpuh"),
}
"""Of one run, the supernet included: 4 trainings of the largest network, 0.35 and 23.5 GPU-hours."""

PLAIN_BUDGETS = {"macro-cifar10/edap": ("10networks", "30networks"), "accel-nasbench/edap": ("10networks",)}
"""At which the generator is measured without screening as well."""

LIMITED = "macro-cifar10/latency-limited"
DEADLINES = (0.7, 1.0, 1.5)
"""Factors on the task's deadline, 1/3000 s, whose fronts are wanted."""
LIMITED_BUDGETS = ("46networks",)
"""Of all three fronts together."""

IMPERFECT_TASK, IMPERFECT_BUDGET = "accel-nasbench/edap", "30networks"
IMPERFECT = (0.9, 0.7)
"""Kendall's tau between the supernet's accuracies and the true ones over random networks."""

PARTS = ("front", "deadlines", "supernet")


@dataclass(frozen=True)
class Cell:
    """What one seed of one solver does with one budget, in one run or in several.

    Attributes:
        part: "front", "deadlines" or "supernet".
        task: The task's name.
        solver: A label out of `SOLVERS`.
        budget: Of all its runs together.
        tau: Of the supernet; 1.0 is the exact expectation.
    """

    part: str
    task: str
    solver: str
    budget: str
    tau: float = 1.0

    @property
    def deadlines(self) -> tuple[float, ...]:
        """The factors on the deadline whose fronts are wanted."""
        return DEADLINES if self.part == "deadlines" else (1.0,)

    def runs(self) -> Iterator[tuple[str, Problem, Solver, Budget]]:
        """Yield a name, the problem, the solver and the budget of each run.

        The conditional generator serves all deadlines in one run. The others run once for each deadline, with equal shares
        of the budget; a supernet is trained once for all of them.
        """
        problem, budget = problem_of(self.task, self.tau), Budget.parse(self.budget)
        together = self.solver in (CONDITIONAL, PLAIN)
        solver = solver_of(self.solver, self.deadlines)
        name = "_".join([self.task.replace("/", "-"), self.solver.replace(", ", "-").replace(" ", "-"), self.budget])
        if self.tau < 1.0:
            name += f"_tau{self.tau:g}"
        if together or len(self.deadlines) == 1:
            yield f"{self.part}_{name}", problem, solver, budget
            return
        for factor in self.deadlines:
            yield f"{self.part}_{name}_{factor:g}", at_deadline(problem, factor), solver, self._share(problem, budget)

    def _share(self, problem: Problem, budget: Budget) -> Budget:
        fixed = self.solver == SWEEP
        if budget.networks is not None:
            supernet = problem.supernet_trainings if fixed else 0.0
            return Budget(networks=int(supernet + (budget.networks - supernet) / len(self.deadlines)))
        assert budget.gpu_hours is not None
        hours = (problem.supernet_gpu_hours or 0.0) if fixed else 0.0
        return Budget(gpu_hours=hours + (budget.gpu_hours - hours) / len(self.deadlines))


def cells(parts: tuple[str, ...] = PARTS, tasks: tuple[str, ...] | None = None) -> Iterator[Cell]:
    """Yield what is run, the most telling first."""
    wanted = tasks or (*BUDGETS, LIMITED)
    if "front" in parts:
        for task in (each for each in BUDGETS if each in wanted):
            for budget in BUDGETS[task]:
                solvers = (each for each in SOLVERS if each != PLAIN or budget in PLAIN_BUDGETS[task])
                yield from (Cell("front", task, solver, budget) for solver in solvers)
    if "deadlines" in parts and LIMITED in wanted:
        yield from (Cell("deadlines", LIMITED, solver, budget) for budget in LIMITED_BUDGETS for solver in SOLVERS)
    if "supernet" in parts and IMPERFECT_TASK in wanted:
        for tau in IMPERFECT:
            yield from (
                Cell("supernet", IMPERFECT_TASK, solver, IMPERFECT_BUDGET, tau)
                for solver in (CONDITIONAL, PLAIN, SWEEP)
            )


def solver_of(label: str, deadlines: tuple[float, ...]) -> Solver:
    """Return the solver of a label, with its defaults but for what the experiment needs."""
    if label in (CONDITIONAL, PLAIN):
        return DanceConditional(screening=label == CONDITIONAL, wanted_deadlines=deadlines)
    if label == SWEEP:
        return DanceFront(dance=Dance(evaluator=MUON))
    return NSGA2()


@cache
def problem_of(task: str, tau: float = 1.0) -> Problem:
    """Return a task's problem, its supernet as good as `tau` says."""
    problem = make_problem(task)
    return problem if tau == 1.0 else perturbed(problem, Perturbation(gradient_tau=tau))


def at_deadline(problem: Problem, factor: float) -> Problem:
    """Return the problem with its limit of latency multiplied."""
    if factor == 1.0:
        return problem
    (limit,) = problem.objective.constraints
    objective = replace(problem.objective, constraints=(replace(limit, limit=limit.limit * factor),))
    return replace(problem, name=f"{problem.name} (deadline x {factor:g})", objective=objective)
