"""When a search goes on without training anything new."""

from __future__ import annotations

from solvers.contract.meter import Meter

EVALUATIONS_PER_PLANNED = 10
"""Evaluations for each that the budget was planned to pay for, after which a sampler that has converged ends its run."""


def stalled(meter: Meter) -> bool:
    """Whether a run should end although its budget is not spent.

    A budget in trained networks or GPU-hours pays for a network once. A policy that has converged evaluates the networks
    it knows, again and again, which costs nothing but time. A budget in evaluations is spent before this is true.
    """
    return meter.spent >= EVALUATIONS_PER_PLANNED * meter.planned_evaluations
