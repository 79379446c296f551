"""Claim: DANCE's search costs far less than reinforcement learning and evolution at equal quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dance_env.analysis.exact import optimum
from dance_env.problem import Problem
from experiments.claims.claim import Cell, Claim, Finding, Picture, Series, Table, Verdict
from experiments.claims.problems import problem_of
from experiments.claims.runs import run_solvers
from experiments.claims.scale import Scale
from experiments.claims.work import Work
from solvers.catalog import make_solver
from solvers.comparison.run import Comparison
from solvers.comparison.table import long_table
from solvers.contract.result import Result
from solvers.contract.solver import Solver
from solvers.methods.dance.dance import Dance
from solvers.methods.dance.refined import DanceRefined
from solvers.report.summary import SolverRow, summarize

NAME = "search_cost"
MEASURES = {
    "evaluations": ("designs evaluated (the paper: candidates trained)", "1 against 160 to 2300", 10.0),
    "spent": ("evaluations + gradient queries", "no figure", 1.0),
    "seconds": ("seconds of search, evaluator training apart", "3 GPU hours against 3.5 to 2300", 1.0),
    "seconds_with_training": ("seconds of search, evaluator training included", "no figure", 1.0),
}
"""Measure -> words, the paper's figure, and how many times less than the better rival DANCE has to need."""


@dataclass(frozen=True)
class Price:
    """What one run had spent when it first came close to the optimum; infinite where it never did.

    Attributes:
        evaluations: designs evaluated.
        gradients: gradient queries.
        seconds: of search and oracle.
        training_seconds: of a surrogate, spent before.
        final_regret_pct: of the whole run.
    """

    evaluations: float
    gradients: float
    seconds: float
    training_seconds: float
    final_regret_pct: float

    @property
    def spent(self) -> float:
        """Evaluations and gradient queries."""
        return self.evaluations + self.gradients

    @property
    def seconds_with_training(self) -> float:
        """Seconds, with the surrogate's training charged in full."""
        return self.seconds + self.training_seconds

    @property
    def reached(self) -> bool:
        """Whether the run came close at all."""
        return bool(np.isfinite(self.evaluations))


def measure(scale: Scale, work: Work) -> Claim:
    """Run every solver, and read off what each had spent when it came close."""
    wanted = scale.search_cost
    findings: list[Finding] = []
    rows: list[tuple[Cell, ...]] = []
    regrets: list[Table] = []
    pictures: list[Picture] = []
    headline = ""
    for number, task in enumerate(wanted.tasks):
        problem = problem_of(task, scale, work)
        best = optimum(problem).objective
        compared = _compared(problem, scale, work)
        results = compared.tasks[0].by_solver()
        prices = {name: [price(run, best, wanted.close_pct) for run in runs] for name, runs in results.items()}
        findings += judged(problem.name, prices, wanted.rivals)
        summaries = {row.solver: row for row in summarize(long_table(compared))}
        rows += [_row(summaries[name], runs) for name, runs in prices.items()]
        regrets.append(_regret_table(problem.name, list(summaries.values()), len(wanted.seeds)))
        pictures.append(_picture(problem.name, results, best, f"regret_{number + 1}"))
        headline = headline or _headline(problem.name, prices)
    failed = [finding.what for finding in findings if finding.verdict is Verdict.DOES_NOT_HOLD]
    return Claim(
        name=NAME,
        statement="DANCE searches at a fraction of the cost of reinforcement learning and evolution, at equal quality.",
        paper="3 GPU hours, 1 trained candidate; earlier co-exploration 3.5 to 2300 hours, 160 to 2300 candidates",
        ours=headline,
        sentence=(
            "DANCE needs less than the better of the two by every measure, on every task."
            if not failed
            else f"{len(findings) - len(failed)} of {len(findings)} comparisons hold. Not less, or not by enough, in: "
            + "; ".join(failed)
            + "."
        ),
        findings=tuple(findings),
        tables=(
            Table(
                f"Median over {len(wanted.seeds)} seeds of what a run had spent when its regret was first at most "
                f"{wanted.close_pct:g} % of the optimum (inf: fewer than half of the runs got there within "
                f"{wanted.budget:,} queries). Access: what a solver asks for. Cost pairs: distinct (layer, accelerator) "
                "pairs whose cost the whole run asked for; the budget does not limit them",
                ("task", "solver", "access", "reached", "evaluations", "gradients", "both", "cost pairs", "search s",
                 "training s", "search + training s", "final regret, median %"),
                tuple(rows),
            ),
            *regrets,
        ),
        pictures=tuple(pictures),
    )  # fmt: skip


def price(run: Result, best: float, close_pct: float) -> Price:
    """When a run first came within `close_pct` per cent of the optimum, and what it had spent by then."""
    so_far = run.trace.best_so_far()
    training = run.ledger.evaluator_seconds
    close = np.flatnonzero(so_far <= best + abs(best) * close_pct / 100.0)
    regret = 100.0 * (run.best_objective - best) / abs(best)
    if not close.size:
        return Price(np.inf, np.inf, np.inf, training, regret)
    row = int(close[0])
    return Price(
        evaluations=row + 1.0,
        gradients=float(run.trace.gradient_queries[row]),
        seconds=float(run.trace.seconds[row]),
        training_seconds=training,
        final_regret_pct=regret,
    )


def judged(task: str, prices: dict[str, list[Price]], rivals: Sequence[str]) -> list[Finding]:
    """One part for each measure, against the better of the rivals."""
    found = []
    for name, (words, paper, least) in MEASURES.items():
        ours = median(prices[Dance.name], name)
        rival = min(rivals, key=lambda each: median(prices[each], name))
        theirs = median(prices[rival], name)
        if np.isinf(ours) and np.isinf(theirs):
            verdict, ratio = Verdict.NOT_TESTABLE, "neither got there"
        else:
            verdict = Verdict.of(theirs > least * ours)
            ratio = f"{theirs / ours:.3g} times less" if np.isfinite(ours) else "DANCE did not get there"
        found.append(
            Finding(
                what=f"{task}: {words}",
                paper=paper,
                ours=f"DANCE {ours:.3g}, {rival} {theirs:.3g} ({ratio})",
                verdict=verdict,
                rule=f"the better of {' and '.join(rivals)} needs more than {least:g} times as much",
            )
        )
    return found


def median(prices: Sequence[Price], name: str) -> float:
    """Median of a measure over runs; those that never came close count as infinite."""
    return float(np.quantile([getattr(each, name) for each in prices], 0.5, method="higher"))


def _compared(problem: Problem, scale: Scale, work: Work) -> Comparison:
    wanted = scale.search_cost
    solvers: dict[str, Solver] = {
        kind.name: kind(evaluator=scale.search_evaluator, device=scale.device) for kind in (Dance, DanceRefined)
    }
    solvers |= {name: make_solver(name) for name in (*wanted.rivals, *wanted.others)}
    return run_solvers([problem], solvers, seeds=wanted.seeds, budget=wanted.budget, work=work)


def _row(summary: SolverRow, prices: list[Price]) -> tuple[Cell, ...]:
    reached = sum(each.reached for each in prices)
    return (
        summary.task,
        summary.solver,
        summary.access,
        f"{reached}/{len(prices)}",
        *(median(prices, each) for each in ("evaluations", "gradients", "spent")),
        summary["cost_pairs"].median,
        *(median(prices, each) for each in ("seconds", "training_seconds", "seconds_with_training")),
        float(np.median([each.final_regret_pct for each in prices])),
    )


def _regret_table(task: str, summaries: list[SolverRow], seeds: int) -> Table:
    """Return the regret at growing numbers of queries: when a solver is good early, "to 1 %" hides it."""
    budgets = sorted(summaries[0].regret_pct_at)
    return Table(
        f"{task}: median regret (%) over {seeds} seeds after so many evaluations + gradient queries",
        ("solver", *(f"{at:,}" for at in budgets)),
        tuple((row.solver, *(row.regret_pct_at[at].median for at in budgets)) for row in summaries),
    )


def _headline(task: str, prices: dict[str, list[Price]]) -> str:
    return f"{task}: " + "; ".join(
        f"{name} {median(runs, 'evaluations'):.3g} evaluations + {median(runs, 'gradients'):.3g} gradients, "
        f"{median(runs, 'seconds'):.3g} s"
        + (f" + {median(runs, 'training_seconds'):.0f} s training" if median(runs, "training_seconds") else "")
        for name, runs in prices.items()
        if name != "random"
    )


def _picture(task: str, results: dict[str, list[Result]], best: float, name: str) -> Picture:
    series = []
    for solver, runs in results.items():
        for number, run in enumerate(runs):
            regret = 100.0 * (run.trace.best_so_far() - best) / abs(best)
            with np.errstate(invalid="ignore"):
                steps = np.flatnonzero(np.diff(regret, prepend=np.inf) < 0)  # inf - inf is NaN, and no step
            x = np.maximum(run.trace.seconds[steps], 1e-3)
            series.append(Series.of(solver if number == 0 else "", x, np.maximum(regret[steps], 1e-3), style="step"))
    return Picture(
        name=name,
        title=f"{task}: regret against seconds of search (evaluator training apart)",
        x_label="seconds of search and oracle",
        y_label="regret (% of the optimum; 0.001 stands for none)",
        series=tuple(series),
        log_x=True,
        log_y=True,
    )
