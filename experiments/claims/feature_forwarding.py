"""Claim: forwarding the generated accelerator to the cost estimator helps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dance_env.analysis.exact import optimum
from dance_env.problem import Problem
from experiments.claims.claim import Cell, Claim, Finding, Table, Verdict
from experiments.claims.evaluator_accuracy import PAPER_WHOLE, SHORT, figures
from experiments.claims.evaluator_quality import quality, trained, with_forwarding
from experiments.claims.problems import knows_accuracy, problem_of
from experiments.claims.runs import run_solvers
from experiments.claims.scale import Scale
from experiments.claims.work import Work
from solvers.methods.dance.evaluator.settings import EvaluatorSettings
from solvers.methods.dance.refined import DanceRefined

NAME = "feature_forwarding"


@dataclass(frozen=True)
class Side:
    """With or without forwarding: how accurate the whole evaluator is, and what searches with it miss.

    Attributes:
        whole: accuracy by metric, per cent, mean over the evaluator's seeds.
        regret_pct: regret of each search, per cent of the optimum; empty where no design can be evaluated.
    """

    whole: dict[str, float]
    regret_pct: tuple[float, ...]


def measure(scale: Scale, work: Work) -> Claim:
    """Train both kinds of evaluator from the same samples, judge them, and search with them."""
    findings: list[Finding] = []
    rows: list[tuple[Cell, ...]] = []
    first: tuple[Side, Side] | None = None
    searches = scale.evaluator.search_seeds
    for task in scale.evaluator.tasks:
        problem = problem_of(task, scale, work)
        sides = tuple(_side(problem, scale, work, forwarding=forwarding) for forwarding in (True, False))
        findings += judged(problem.name, sides[0], sides[1])
        rows += [
            (problem.name, "with" if forwarding else "without", *side.whole.values(), *_regrets(side))
            for forwarding, side in zip((True, False), sides, strict=True)
        ]
        first = first or (sides[0], sides[1])
    assert first is not None, "a scale names at least one task"
    worse = [finding.what for finding in findings if finding.verdict is Verdict.DOES_NOT_HOLD]
    return Claim(
        name=NAME,
        statement="Feature forwarding makes the evaluator more accurate.",
        paper=f"with forwarding: whole {figures(PAPER_WHOLE)} %; without: figure not known to us",
        ours=f"{scale.evaluator.tasks[0]}: with {figures(first[0].whole)} %; without {figures(first[1].whole)} %",
        sentence=(
            "The evaluator errs less with forwarding in latency, energy and area on every task."
            if not worse
            else "It does not help in: " + "; ".join(worse) + "."
        ),
        findings=tuple(findings),
        tables=(
            Table(
                "Whole evaluator on held-out mixed networks (accuracy, per cent, mean over its seeds); DANCE's "
                f"searches with it, {len(searches)} seeds of {scale.evaluator.search_budget:,} queries. "
                "Without forwarding the estimator learns the costs on the best accelerator, one label a network.",
                ("task", "forwarding", "latency", "energy", "area", "median regret, %", "worst regret, %"),
                tuple(rows),
            ),
        ),
    )


def judged(task: str, with_it: Side, without: Side) -> list[Finding]:
    """One part for each metric: it holds if the evaluator errs less with forwarding."""
    return [
        Finding(
            what=f"{task}: {SHORT[metric]}",
            paper=f"{PAPER_WHOLE[metric]} % with; without not known",
            ours=f"{figure:.2f} % with, {without.whole[metric]:.2f} % without",
            verdict=Verdict.of(figure > without.whole[metric]),
            rule="higher with than without",
        )
        for metric, figure in with_it.whole.items()
    ]


def _side(problem: Problem, scale: Scale, work: Work, *, forwarding: bool) -> Side:
    wanted = scale.evaluator
    accuracies = []
    for seed in wanted.seeds:
        settings = with_forwarding(wanted.settings, forwarding=forwarding, seed=seed)
        evaluator, _, _ = trained(problem, settings, device=scale.device, work=work)
        found = quality(
            problem,
            evaluator,
            settings,
            networks=wanted.test_networks,
            pairs=2,  # the estimator on pairs is another claim's
            single=False,
            device=scale.device,
        )
        accuracies.append(found.whole)
    whole = {metric: float(np.mean([each[metric] for each in accuracies])) for metric in accuracies[0]}
    settings = with_forwarding(wanted.settings, forwarding=forwarding)
    return Side(whole, _searched(problem, settings, scale, work) if knows_accuracy(problem) else ())


def _searched(problem: Problem, settings: EvaluatorSettings, scale: Scale, work: Work) -> tuple[float, ...]:
    best = optimum(problem).objective
    solver = DanceRefined(evaluator=settings, device=scale.device)
    wanted = scale.evaluator
    label = f"{solver.name}, {'with' if settings.feature_forwarding else 'without'} forwarding"
    runs = run_solvers(
        [problem], {label: solver}, seeds=wanted.search_seeds, budget=wanted.search_budget, work=work
    ).results
    return tuple(100.0 * (run.best_objective / best - 1.0) for run in runs)


def _regrets(side: Side) -> tuple[Cell, Cell]:
    return (float(np.median(side.regret_pct)), max(side.regret_pct)) if side.regret_pct else (None, None)
