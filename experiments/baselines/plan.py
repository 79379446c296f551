"""What is run: tasks, solvers and the budget."""

from __future__ import annotations

from solvers.catalog import solver_names

TASKS = (
    "tiny/balanced",
    "tiny/edap",
    "macro-cifar10/accuracy-lean",
    "macro-cifar10/balanced",
    "macro-cifar10/cost-lean",
    "macro-cifar10/latency-limited",
    "macro-cifar10/sram-65nm",
    "macro-cifar10/edap",
    "macro-cifar10/linear",
    "accel-nasbench/accuracy-lean",
    "accel-nasbench/balanced",
    "accel-nasbench/cost-lean",
    "accel-nasbench/latency-limited",
    "accel-nasbench/edap",
    "accel-nasbench/linear",
    "accel-nasbench/noisy",
    "gpt-s/edap",
    "gpt-s/interactive",
)
"""Each has an optimum that is enumerated or proved."""

BUDGET = "100networks,300"
"""Of a run: trained networks, and evaluations plus gradient queries, whichever ends first."""

SEEDS = 10

WITHOUT_A_TASK = ("cmd", "dance-images")
"""A solver that needs a program of the user's, and one that needs images."""

_SHIPPED = ("macro-cifar10/balanced", "accel-nasbench/edap")

TRAINED = {"dance": _SHIPPED, "dance-front": _SHIPPED}
"""The tasks of solvers that train an evaluator for minutes on each: those that the evaluator of `dance` ships for."""


def solvers() -> tuple[str, ...]:
    """Return the solvers that run on every task that they suit, in the catalog's order."""
    return tuple(name for name in solver_names() if name not in (*WITHOUT_A_TASK, *TRAINED))
