"""Claim: forwarding the generated accelerator to the cost estimator helps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dance_env.problem import Problem
from experiments.claims.claim import Cell, Claim, Finding, Table, Verdict
from experiments.claims.evaluator_accuracy import PAPER_WHOLE, SHORT, figures
from experiments.claims.evaluator_quality import quality, trained, with_forwarding
from experiments.claims.problems import by_name, knows_accuracy, least_objective, problem_of
from experiments.claims.runs import run_solvers
from experiments.claims.scale import Scale
from experiments.claims.work import Work
from solvers.methods.dance.dance import Dance
from solvers.methods.dance.evaluator.settings import EvaluatorSettings

NAME = "feature_forwarding"


CLEAR = 2.0
"""Differences of fewer standard errors than this decide nothing."""


@dataclass(frozen=True)
class Side:
    """With or without forwarding: how accurate the whole evaluator is, and what searches with it miss.

    Attributes:
        whole: accuracy by metric, per cent, of each of the evaluator's seeds.
        regret_pct: regret of each search, per cent of the optimum; empty where no design can be evaluated.
    """

    whole: dict[str, tuple[float, ...]]
    regret_pct: tuple[float, ...]

    @property
    def mean(self) -> dict[str, float]:
        """Mean accuracy over the seeds, by metric."""
        return {metric: float(np.mean(values)) for metric, values in self.whole.items()}


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
            (problem.name, "with" if forwarding else "without", *side.mean.values(), *_regrets(side))
            for forwarding, side in zip((True, False), sides, strict=True)
        ]
        first = first or (sides[0], sides[1])
    assert first is not None, "a scale names at least one task"
    worse = [finding.what for finding in findings if finding.verdict is Verdict.DOES_NOT_HOLD]
    return Claim(
        name=NAME,
        statement="Feature forwarding makes the evaluator more accurate.",
        paper=f"with forwarding: whole {figures(PAPER_WHOLE)} %; without: figure not known to us",
        ours=f"{scale.evaluator.tasks[0]}: with {figures(first[0].mean)} %; without {figures(first[1].mean)} %",
        sentence=(
            "The evaluator errs less with forwarding wherever the difference can be told from chance: "
            f"{sum(each.verdict is Verdict.HOLDS for each in findings)} of {len(findings)} parts."
            if not worse
            else "It errs more with forwarding in: " + "; ".join(worse) + "."
        ),
        findings=tuple(findings),
        tables=(
            Table(
                f"Whole evaluator on held-out mixed networks (accuracy, per cent, mean over {len(scale.evaluator.seeds)} seeds); "
                f"searches of `dance` with the first seed's, {len(searches)} of {scale.evaluator.search_budget:,} queries. "
                "Without forwarding the estimator learns the costs on the best accelerator, one label a network.",
                ("task", "forwarding", "latency", "energy", "area", "median regret, %", "worst regret, %"),
                tuple(rows),
            ),
        ),
    )


def judged(task: str, with_it: Side, without: Side) -> list[Finding]:
    """One part for each metric: it holds if the evaluator errs less with forwarding, by more than chance explains."""
    found = []
    for metric, values in with_it.whole.items():
        gained = np.array(values) - np.array(without.whole[metric])
        error = float(gained.std(ddof=1) / np.sqrt(len(gained))) if len(gained) > 1 else float("inf")
        mean = float(gained.mean())
        told = abs(mean) > CLEAR * error
        found.append(
            Finding(
                what=f"{task}: {SHORT[metric]}",
                paper=f"{PAPER_WHOLE[metric]} % with; without not known",
                ours=f"{with_it.mean[metric]:.2f} % with, {without.mean[metric]:.2f} % without "
                f"(difference {mean:+.2f}, standard error {error:.2f})",
                verdict=Verdict.of(mean > 0) if told else Verdict.NOT_TESTABLE,
                rule=f"higher with than without; a difference below {CLEAR:g} standard errors over the seeds decides nothing",
            )
        )
    return found


def _side(problem: Problem, scale: Scale, work: Work, *, forwarding: bool) -> Side:
    wanted = scale.evaluator
    accuracies = []
    for seed in wanted.seeds:
        settings = with_forwarding(wanted.forwarding, forwarding=forwarding, seed=seed)
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
    whole = {metric: tuple(each[metric] for each in accuracies) for metric in accuracies[0]}
    settings = with_forwarding(wanted.forwarding, forwarding=forwarding)
    return Side(whole, _searched(problem, settings, scale, work) if knows_accuracy(problem) else ())


def _searched(problem: Problem, settings: EvaluatorSettings, scale: Scale, work: Work) -> tuple[float, ...]:
    """Return regrets of the paper's search, which relies on its evaluator; refined searches correct its mistakes."""
    best = least_objective(problem, work)
    solver = Dance(evaluator=settings, device=scale.device)
    wanted = scale.evaluator
    label = f"{solver.name}, {'with' if settings.feature_forwarding else 'without'} forwarding"
    runs = run_solvers(
        [by_name(problem, scale)], {label: solver}, seeds=wanted.search_seeds, budget=wanted.search_budget, work=work
    ).results
    return tuple(100.0 * (run.best_objective / best - 1.0) for run in runs)


def _regrets(side: Side) -> tuple[Cell, Cell]:
    return (float(np.median(side.regret_pct)), max(side.regret_pct)) if side.regret_pct else (None, None)
