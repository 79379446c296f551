"""What is run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from dance_env.perturbations import Perturbation, perturbed
from dance_env.problem import Problem
from dance_env.tasks import make_problem

TASKS = ("accel-nasbench/edap", "accel-nasbench/latency-limited", "accel-nasbench/linear")

NETWORKS = (10, 30, 100, 300, 1_000)
"""Trained networks at which regret is read."""

GPU_HOURS = (25, 100, 500, 2_500)
"""GPU-hours at which regret is read."""

BLIND = ("random", "evolution", "regularized-evolution", "network-evolution", "network-local-search")
"""Solvers that do not look at the budget: one long run is read at every amount."""
BLIND_BUDGET = "1200networks"

BAYESIAN = ("tpe", "network-tpe")
"""These do not look at it either; their models make 300 networks take as long as 10,000 of the others."""
BAYESIAN_BUDGET = "300networks"

PLANNING = ("ppo", "annealing", "separate", "separate-flops", "edd")
"""Solvers that plan with the budget: a run for each amount."""

DANCE = ("dance", "dance-refined", "dance-exact")
DANCE_NETWORKS, DANCE_GPU_HOURS = (10, 30, 100), (25, 100, 500)
"""They plan too; amounts at which they had found the optimum in every run that was tried are left out."""

FURTHER_NETWORKS, FURTHER_GPU_HOURS = (10, 30, 100, 300), (25, 100, 500)
LONG = {"edd": (100.0, 100.0), "dance-exact": (100.0, 100.0)}
"""Of tasks after the first: the most trained networks and GPU-hours, where these are less. More takes minutes for a seed."""

IMPERFECT = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
"""Kendall's tau between the supernet's accuracies and the true ones over random networks; 1.0 is the exact oracle."""
BIASED = (0.7, 0.9)
"""The same where the supernet errs towards networks with many multiply-accumulates."""
IMPERFECT_NETWORKS = (30, 100)

PRICES = (0.5, 1.0, 2.0, 4.0, 10.0)
"""Of a supernet, in trainings of the largest network."""


@dataclass(frozen=True)
class Group:
    """Runs that are one comparison.

    Attributes:
        part: "solvers", "supernet" or "price".
        task: The task's name.
        variant: What differs from the task: a rank correlation or a price; empty where nothing does.
        solvers: By name.
        budget: Of each run.
    """

    part: str
    task: str
    variant: str
    solvers: tuple[str, ...]
    budget: str

    @property
    def folder(self) -> str:
        """Where its runs are kept."""
        parts = (self.part, self.task.replace("/", "-"), self.variant, self.solvers[0], self.budget)
        return "_".join(each for each in parts if each)

    def problem(self) -> Problem:
        """Return what is solved."""
        return _problem(self.task, self.part, self.variant)


def groups(
    tasks: tuple[str, ...] = TASKS, *, solvers: tuple[str, ...] | None = None, budgets: tuple[str, ...] | None = None
) -> Iterator[Group]:
    """Yield all comparisons, the most telling first, so that a part of them is of use.

    Args:
        tasks: Names; the first of `TASKS` is measured in full.
        solvers: The comparisons of these alone; None for all.
        budgets: The comparisons with these budgets alone, such as "100networks"; None for all.
    """
    for group in _all_groups(tasks):
        if budgets is not None and group.budget not in budgets:
            continue
        kept = group.solvers if solvers is None else tuple(each for each in group.solvers if each in solvers)
        if kept:
            yield replace(group, solvers=kept)


def _all_groups(tasks: tuple[str, ...]) -> Iterator[Group]:
    first = TASKS[0]
    if first in tasks:
        yield from _of_solvers(first)
        for tau in IMPERFECT:
            yield from _of_supernet(first, f"tau {tau:g}")
        for tau in BIASED:
            yield from _of_supernet(first, f"biased, tau {tau:g}")
        for price in PRICES:
            for hours in DANCE_GPU_HOURS:
                yield Group("price", first, f"k {price:g}", ("dance-exact",), f"{hours}gpuh")
    for task in tasks:
        if task != first:
            yield from _of_a_further_task(task)


def _of_solvers(task: str) -> Iterator[Group]:
    yield Group("solvers", task, "", BLIND, BLIND_BUDGET)
    for amounts, dance, unit in ((NETWORKS, DANCE_NETWORKS, "networks"), (GPU_HOURS, DANCE_GPU_HOURS, "gpuh")):
        for amount in amounts:
            yield Group("solvers", task, "", PLANNING + (DANCE if amount in dance else ()), f"{amount}{unit}")
    yield Group("solvers", task, "", BAYESIAN, BAYESIAN_BUDGET)


def _of_a_further_task(task: str) -> Iterator[Group]:
    yield Group("solvers", task, "", BLIND, BLIND_BUDGET)
    for place, (amounts, unit) in enumerate(((FURTHER_NETWORKS, "networks"), (FURTHER_GPU_HOURS, "gpuh"))):
        for amount in amounts:
            fit = tuple(each for each in PLANNING + DANCE if each not in LONG or amount <= LONG[each][place])
            yield Group("solvers", task, "", fit, f"{amount}{unit}")
    yield Group("solvers", task, "", BAYESIAN, BAYESIAN_BUDGET)


def _of_supernet(task: str, variant: str) -> Iterator[Group]:
    for networks in IMPERFECT_NETWORKS:
        yield Group("supernet", task, variant, ("dance-exact",), f"{networks}networks")


@cache
def _problem(task: str, part: str, variant: str) -> Problem:
    problem = make_problem(task)
    if part == "price":
        return replace(problem, name=f"{task} ({variant})", supernet_trainings=float(variant.removeprefix("k ")))
    if part == "supernet":
        tau = float(variant.rpartition("tau ")[2])
        biased = "biased" in variant
        return perturbed(problem, Perturbation(gradient_bias=tau) if biased else Perturbation(gradient_tau=tau))
    return problem
