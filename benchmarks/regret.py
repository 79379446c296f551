"""How close every solver comes to the exact optimum on every variant of a task, and how soon.

    python benchmarks/regret.py FOLDER [--solvers dance dance-refined evolution] [--seeds 10] [--budgets 20 250 4000]
        [--page docs/dance.md]

Every budget has runs of its own, since a solver may plan by its budget. One process runs one cell after the other, seed
by seed, so that whatever else the machine does affects all solvers alike. Each run is a record in FOLDER, and started
again the program runs only what is missing or was made by other code.

FOLDER/regret.csv has one row per variant, solver and budget. FOLDER/regret.md has two tables: the regret at each budget,
and, from the runs of the largest budget, how soon it was small. `--page` also writes the two into a page, between
"<!-- regret -->" and "<!-- /regret -->". Regret is the best feasible design's objective above the exact optimum's, in per
cent of it. "To x %" is what a run had spent when its regret was first that small: the median over all runs, where a run
that never got there counts as infinite, and in brackets how many did. Seconds are those of search and oracle on the
clock, without the training of an evaluator; "cpu s" are the processor's seconds of the same, which a busy machine
changes less: a run's share of its own clock, on average.
"""

from __future__ import annotations

import argparse
import csv
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dance_env.analysis.exact import optimum
from dance_env.problem import Problem
from dance_env.tasks import VARIANTS, make_problem
from solvers.catalog import make_solver, solver_names
from solvers.comparison.plan import Cell
from solvers.comparison.records import recorded
from solvers.comparison.sources import Sources
from solvers.comparison.spec import Contestant, SolverSpec
from solvers.contract.budget import Budget
from solvers.contract.record.file import record_path
from solvers.contract.result import Result, software_versions

CLOSE_PCT = (1.0, 0.1)
SOLVERS = (
    "dance", "dance-refined", "dance-exact", "network-evolution", "network-local-search", "evolution", "ppo", "random",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Run:
    """One run, and how many processor seconds it had per second on the clock."""

    result: Result
    cpu_share: float


@dataclass(frozen=True)
class Row:
    """One solver on one variant at one budget; medians over seeds.

    Attributes:
        variant, solver, budget: which.
        runs, feasible: runs, and those that ended with a feasible design.
        median_pct, worst_pct: regret; infinite without a feasible design.
        seconds, training_s: of search and oracle; of training an evaluator.
        cpu_s: of the processor, in search and oracle.
        queries: for each of `CLOSE_PCT`, evaluations and gradient queries until then.
        soon_cpu_s: for each of `CLOSE_PCT`, processor seconds of search and oracle until then.
        reached: for each of `CLOSE_PCT`, how many runs got there.
    """

    variant: str
    solver: str
    budget: int
    runs: int
    feasible: int
    median_pct: float
    worst_pct: float
    seconds: float
    cpu_s: float
    training_s: float
    queries: tuple[float, ...]
    soon_cpu_s: tuple[float, ...]
    reached: tuple[int, ...]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing, print the table and write it."""
    args = _parser().parse_args(arguments)
    rows: list[Row] = []
    for variant in args.variants:
        problem = make_problem(f"{args.network}/{variant}")
        best = optimum(problem).objective
        for budget in sorted(args.budgets):
            results = _results(problem, args, budget)
            rows += [summary(variant, name, budget, runs, best) for name, runs in results.items()]
            print("\n".join(f"budget {budget}: {_line(row)}" for row in rows[-len(results) :]), flush=True)
    args.folder.mkdir(parents=True, exist_ok=True)
    _write(rows, args.folder, [Path(sys.argv[0]).name, *(sys.argv[1:] if arguments is None else arguments)])
    if args.page is not None:
        write_into(args.page, "\n".join([*_at_budgets(rows), "", *_soon(rows)]))


def summary(variant: str, solver: str, budget: int, measured: Sequence[Run], best: float) -> Row:
    """Return one solver's row on one variant whose exact optimum is `best`."""
    runs = [each.result for each in measured]
    seconds = [run.ledger.solver_seconds + run.ledger.oracle_seconds for run in runs]
    regret = [100.0 * (run.best_objective - best) / abs(best) for run in runs]
    spent = [[_until(run, best, close) for close in CLOSE_PCT] for run in measured]
    return Row(
        variant=variant,
        solver=solver,
        budget=budget,
        runs=len(runs),
        feasible=int(np.isfinite(regret).sum()),
        median_pct=_median(regret),
        worst_pct=float(max(regret)),
        seconds=_median(seconds),
        cpu_s=_median([clock * each.cpu_share for clock, each in zip(seconds, measured, strict=True)]),
        training_s=_median([run.ledger.evaluator_seconds for run in runs]),
        queries=tuple(_median([each[i][0] for each in spent]) for i in range(len(CLOSE_PCT))),
        soon_cpu_s=tuple(_median([each[i][1] for each in spent]) for i in range(len(CLOSE_PCT))),
        reached=tuple(sum(np.isfinite(each[i][0]) for each in spent) for i in range(len(CLOSE_PCT))),
    )


def _until(run: Run, best: float, close_pct: float) -> tuple[float, float]:
    """Queries and processor seconds until a run came within `close_pct` per cent of the optimum; infinite where never."""
    trace = run.result.trace
    close = np.flatnonzero(trace.best_so_far() <= best + abs(best) * close_pct / 100.0)
    if not close.size:
        return np.inf, np.inf
    row = int(close[0])
    return row + 1.0 + float(trace.gradient_queries[row]), float(trace.seconds[row]) * run.cpu_share


def _median(values: Sequence[float]) -> float:
    """The upper median, which does not average an infinity with a number."""
    return float(np.quantile(values, 0.5, method="higher"))


def _results(problem: Problem, args: argparse.Namespace, budget: int) -> dict[str, list[Run]]:
    results: dict[str, list[Run]] = {name: [] for name in args.solvers}
    for seed in range(args.seeds):
        for name, runs in results.items():
            contestant = Contestant.of(SolverSpec(name))
            path = record_path(
                args.folder / "records",
                task=problem.name,
                solver=name,
                settings=contestant.settings_digest,
                budget=budget,
                seed=seed,
            )
            cell = Cell(problem.name, problem.name, contestant, seed, Budget(budget), Sources(), path)
            share = path.with_suffix(".cpu_share")
            found = recorded(cell, problem) if share.exists() else None
            if found is None:
                clock, cpu = time.perf_counter(), time.process_time()
                found = make_solver(name).solve(problem, budget=budget, seed=seed)
                clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
                found.save(path)
                share.write_text(f"{cpu / clock}\n")
            runs.append(Run(found, float(share.read_text())))
    return results


_HEADINGS = (
    "variant", "solver", "feasible", "regret %, median", "worst", "search s", "cpu s", "training s",
    *(f"{what} to {close:g} %" for close in CLOSE_PCT for what in ("queries", "cpu s")),
)  # fmt: skip


def _line(row: Row) -> str:
    soon = [
        text
        for queries, seconds, reached in zip(row.queries, row.soon_cpu_s, row.reached, strict=True)
        for text in (f"{queries:,.0f} ({reached}/{row.runs})", f"{seconds:.2f}")
    ]
    cells = [
        row.variant, row.solver, f"{row.feasible}/{row.runs}", f"{row.median_pct:.3f}", f"{row.worst_pct:.3f}",
        f"{row.seconds:.2f}", f"{row.cpu_s:.2f}", f"{row.training_s:.0f}" if row.training_s else "", *soon,
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _soon(rows: Sequence[Row]) -> list[str]:
    """Return the table of how soon the regret was small, from the largest budget."""
    most = max(row.budget for row in rows)
    return [
        f"Runs with a budget of {most:,}:",
        "",
        "| " + " | ".join(_HEADINGS) + " |",
        "| --- | --- |" + " ---: |" * (len(_HEADINGS) - 2),
        *(_line(row) for row in rows if row.budget == most),
    ]


def _at_budgets(rows: Sequence[Row]) -> list[str]:
    """Return the table of regret at each budget: median, and in brackets the runs that ended within 1 %."""
    budgets = sorted({row.budget for row in rows})
    found = {(row.variant, row.solver, row.budget): row for row in rows}
    lines = [
        "Regret at a budget, per cent of the exact optimum: median over seeds (inf: no feasible design in half of the runs), "
        f"and in brackets how many of the {rows[0].runs} runs ended within {CLOSE_PCT[0]:g} %.",
        "",
        "| variant | solver |" + "".join(f" {budget:,} |" for budget in budgets),
        "| --- | --- |" + " ---: |" * len(budgets),
    ]
    for variant, solver in dict.fromkeys((row.variant, row.solver) for row in rows):
        cells = [found[variant, solver, budget] for budget in budgets]
        lines.append(
            f"| {variant} | {solver} |" + "".join(f" {cell.median_pct:.2f} ({cell.reached[0]}) |" for cell in cells)
        )
    return lines


def write_into(page: Path, text: str) -> None:
    """Replace what stands between the page's two marks.

    Raises:
        ValueError: If the page lacks the marks.
    """
    start, end = "<!-- regret -->", "<!-- /regret -->"
    content = page.read_text(encoding="utf-8")
    if content.count(start) != 1 or content.count(end) != 1:
        raise ValueError(f"{page} must hold {start} and {end}, each once")
    before, rest = content.split(start)
    after = rest.split(end)[1]
    page.write_text(f"{before}{start}\n{text}\n{end}{after}", encoding="utf-8")


def _write(rows: Sequence[Row], folder: Path, command: Sequence[str]) -> None:
    versions = ", ".join(f"{name} {version}" for name, version in software_versions().items())
    lines = [f"`{' '.join(command)}`; {versions}; {platform.machine()}.", "", *_at_budgets(rows), "", *_soon(rows)]
    (folder / "regret.md").write_text("\n".join(lines) + "\n")
    with (folder / "regret.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            [
                "variant",
                "solver",
                "budget",
                "runs",
                "feasible",
                "median_pct",
                "worst_pct",
                "seconds",
                "cpu_s",
                "training_s",
            ]
            + [f"{what}_to_{close:g}_pct" for close in CLOSE_PCT for what in ("queries", "cpu_s", "reached")]
        )
        for row in rows:
            soon = [each for three in zip(row.queries, row.soon_cpu_s, row.reached, strict=True) for each in three]
            figures = [row.median_pct, row.worst_pct, row.seconds, row.cpu_s, row.training_s, *soon]
            writer.writerow(
                [row.variant, row.solver, row.budget, row.runs, row.feasible, *(f"{each:.6g}" for each in figures)]
            )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--network", default="macro-cifar10")
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS))
    parser.add_argument("--solvers", nargs="+", default=[name for name in SOLVERS if name in solver_names()])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budgets", type=int, nargs="+", default=[20, 40, 80, 160, 250, 1000, 4000])
    parser.add_argument("--page", type=Path, help="a page that gets both tables")
    return parser


if __name__ == "__main__":
    main()
