"""Claim: DANCE's search costs far less than reinforcement learning and evolution at equal quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dance_env.graph import NetworkSpace, canonical_networks
from dance_env.problem import Problem
from experiments.claims.claim import Cell, Claim, Finding, Picture, Series, Table, Verdict
from experiments.claims.compared_cost import judged_runs, load_runs, runs_headline, runs_table
from experiments.claims.cost_criterion import MEASURES, Needed, judged_costs
from experiments.claims.problems import by_name, least_objective, problem_of
from experiments.claims.recorded_cost import judged_record, record_headline, record_tables
from experiments.claims.runs import run_solvers
from experiments.claims.scale import Scale, SearchCostScale
from experiments.claims.work import Work
from experiments.search_cost.measure import load
from solvers.catalog import make_solver
from solvers.comparison.run import Comparison
from solvers.comparison.table import long_table
from solvers.contract.result import Result
from solvers.contract.solver import Solver
from solvers.methods.dance.dance import Dance
from solvers.report.summary import SolverRow, summarize

NAME = "search_cost"
RECORDED = "accel-nasbench/edap"
"""The task of the record that is read."""
COMPARED = "macro-cifar10/balanced"
"""The task of the comparison on record that DANCE's price is read from."""


@dataclass(frozen=True)
class Price:
    """What one run had spent when it first came close to the optimum; infinite where it never did.

    Attributes:
        candidates: distinct networks evaluated.
        trained: these, and the trainings that a supernet is billed as.
        gpu_hours: of all these trainings; NaN on a task without training times.
        gradients: gradient queries.
        seconds: of search and oracle, on tables where an evaluation is a look-up: shown, and no verdict's.
        final_regret_pct: of the whole run.
    """

    candidates: float
    trained: float
    gpu_hours: float
    gradients: float
    seconds: float
    final_regret_pct: float

    @property
    def reached(self) -> bool:
        """Whether the run came close at all."""
        return bool(np.isfinite(self.candidates))


def measure(scale: Scale, work: Work) -> Claim:
    """Run every solver, and read off what each had spent when it came close; read the record of another task."""
    wanted = scale.search_cost
    findings: list[Finding] = []
    rows: list[tuple[Cell, ...]] = []
    tables: list[Table] = []
    pictures: list[Picture] = []
    headlines: list[str] = []
    for number, task in enumerate(wanted.tasks):
        problem = problem_of(task, scale, work)
        best = least_objective(problem, work)
        compared = _compared(problem, scale, work)
        results = compared.tasks[0].by_solver()
        prices = {
            name: [
                price(run, best, wanted.close_pct, network=problem.space.network, of=problem.network_space)
                for run in runs
            ]
            for name, runs in results.items()
        }
        sampling = [name for name, runs in results.items() if runs[0].ledger.access == "values"]
        findings += judged(problem.name, prices, sampling)
        summaries = {row.solver: row for row in summarize(long_table(compared))}
        rows += [_row(summaries[name], runs) for name, runs in prices.items()]
        pictures.append(_picture(problem.name, results, best, f"regret_{number + 1}"))
        headlines.append(_headline(problem.name, prices))
    if wanted.comparison is not None:
        runs = load_runs(wanted.comparison, COMPARED)
        findings += judged_runs(COMPARED, runs)
        tables.append(runs_table(COMPARED, runs))
        headlines.append(runs_headline(COMPARED, runs))
    if wanted.record is not None:
        readings = [each for each in load(wanted.record) if each.task == RECORDED]
        findings += judged_record(readings, close_pct=wanted.close_pct)
        tables += record_tables(readings, close_pct=wanted.close_pct)
        headlines.append(record_headline(readings, close_pct=wanted.close_pct))
    failed = [finding.what for finding in findings if finding.verdict is Verdict.DOES_NOT_HOLD]
    return Claim(
        name=NAME,
        statement="DANCE searches at a fraction of the cost of reinforcement learning and evolution, at equal quality.",
        paper="3 GPU hours, 1 trained candidate; earlier co-exploration 3.5 to 2300 hours, 160 to 2300 candidates",
        ours="; ".join(headlines),
        sentence=(
            "DANCE needs less than the best of the others by every measure, on every task."
            if not failed
            else f"{len(findings) - len(failed)} of {len(findings)} parts hold; not: " + "; ".join(failed) + "."
        ),
        findings=tuple(findings),
        tables=(*([_table(wanted, rows)] if rows else []), *tables),
        pictures=tuple(pictures),
    )


def _table(wanted: SearchCostScale, rows: list[tuple[Cell, ...]]) -> Table:
    return Table(
        f"Median over {len(wanted.seeds)} seeds of what a run had spent when its regret was first at most "
        f"{wanted.close_pct:g} % of the optimum (inf: fewer than half of the runs got there within {wanted.budget:,} "
        "evaluations and gradient queries). Access: what a solver asks for. Seconds: on tables, where an evaluation is a "
        "look-up. Cost pairs: distinct (layer, accelerator) pairs whose cost the whole run asked for; the budget does not "
        "limit them",
        (
            "task",
            "solver",
            "access",
            "reached",
            "candidates",
            "trained, supernet included",
            "GPU-hours",
            "gradients",
            "cost pairs",
            "search s",
            "final regret, median %",
        ),
        tuple(rows),
    )


def price(run: Result, best: float, close_pct: float, *, network: slice, of: NetworkSpace | None = None) -> Price:
    """When a run first came within `close_pct` per cent of the optimum, and what it had spent by then.

    Args:
        run: its trace is read.
        best: the optimum's objective.
        close_pct: per cent of it.
        network: the network's columns of a design.
        of: the network space, which says which designs are the same network; None where no two are.
    """
    so_far = run.trace.best_so_far()
    close = np.flatnonzero(so_far <= best + abs(best) * close_pct / 100.0)
    regret = 100.0 * (run.best_objective - best) / abs(best)
    if not close.size:
        hours = (
            np.nan if np.isnan(run.trace.gpu_hours).any() else np.inf
        )  # where it is not known, never is not known either
        return Price(np.inf, np.inf, hours, np.inf, np.inf, regret)
    row = int(close[0])
    networks = run.trace.designs[: row + 1, network]
    return Price(
        candidates=float(len(np.unique(networks if of is None else canonical_networks(of, networks), axis=0))),
        trained=float(run.trace.trained_networks[row]),
        gpu_hours=float(run.trace.gpu_hours[row]),
        gradients=float(run.trace.gradient_queries[row]),
        seconds=float(run.trace.seconds[row]),
        final_regret_pct=regret,
    )


def judged(task: str, prices: dict[str, list[Price]], sampling: Sequence[str]) -> list[Finding]:
    """DANCE against the best of the solvers that sample networks, by the median over seeds."""
    return judged_costs(task, needed(prices[Dance.name]), {name: needed(prices[name]) for name in sampling})


def needed(prices: Sequence[Price]) -> dict[str, Needed]:
    """What a solver needs until it is close, by measure: medians over runs."""
    return {name: Needed.exactly(median(prices, name)) for name in MEASURES}


def median(prices: Sequence[Price], name: str) -> float:
    """Median of a measure over runs; those that never came close count as infinite. NaN where it is not known."""
    values = [getattr(each, name) for each in prices]
    if any(np.isnan(value) for value in values):
        return float("nan")
    return float(np.quantile(values, 0.5, method="higher"))


def _compared(problem: Problem, scale: Scale, work: Work) -> Comparison:
    wanted = scale.search_cost
    solvers: dict[str, Solver] = {Dance.name: Dance(evaluator=scale.search_evaluator, device=scale.device)}
    solvers |= {name: make_solver(name) for name in wanted.solvers}
    return run_solvers([by_name(problem, scale)], solvers, seeds=wanted.seeds, budget=wanted.budget, work=work)


def _row(summary: SolverRow, prices: list[Price]) -> tuple[Cell, ...]:
    reached = sum(each.reached for each in prices)
    return (
        summary.task,
        summary.solver,
        summary.access,
        f"{reached}/{len(prices)}",
        *(median(prices, each) for each in ("candidates", "trained", "gpu_hours", "gradients")),
        summary["cost_pairs"].median,
        median(prices, "seconds"),
        float(np.median([each.final_regret_pct for each in prices])),
    )


def _headline(task: str, prices: dict[str, list[Price]]) -> str:
    timed = not any(np.isnan(median(runs, "gpu_hours")) for runs in prices.values())

    def one(runs: list[Price]) -> str:
        hours = f", {median(runs, 'gpu_hours'):.3g} GPU-hours" if timed else ""
        return f"{median(runs, 'candidates'):.3g} candidates{hours}"

    return f"{task}: " + ", ".join(f"{name} {one(runs)}" for name, runs in prices.items() if name != "random")


def _picture(task: str, results: dict[str, list[Result]], best: float, name: str) -> Picture:
    series = []
    for solver, runs in results.items():
        for number, run in enumerate(runs):
            regret = 100.0 * (run.trace.best_so_far() - best) / abs(best)
            with np.errstate(invalid="ignore"):
                steps = np.flatnonzero(np.diff(regret, prepend=np.inf) < 0)  # inf - inf is NaN, and no step
            x = run.trace.trained_networks[steps]
            series.append(Series.of(solver if number == 0 else "", x, np.maximum(regret[steps], 1e-3), style="step"))
    return Picture(
        name=name,
        title=f"{task}: regret against trained networks (a supernet counted as its price)",
        x_label="trained networks",
        y_label="regret (% of the optimum; 0.001 stands for none)",
        series=tuple(series),
        log_x=True,
        log_y=True,
    )
