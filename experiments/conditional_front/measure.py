"""The runs, each kept on disk, and one row for each front that is wanted of them."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np
from pymoo.indicators.hv import HV

from dance_env.analysis.exact import MAX_DESIGNS, non_dominated, pareto_front
from dance_env.analysis.optimum import shipped_front
from dance_env.problem import Problem
from experiments.conditional_front.plan import Cell, at_deadline, problem_of
from solvers.contract.budget import Budget
from solvers.contract.record.file import RecordError
from solvers.contract.result import Result
from solvers.contract.solver import Solver


@dataclass(frozen=True)
class Reading:
    """What one seed of a cell found of one front.

    Attributes:
        part, task, solver, budget, tau: As in `Cell`.
        deadline: Factor on the task's deadline.
        seed: Of the runs.
        share: Hypervolume of the designs found, as a share of the true front's.
        networks: Distinct networks evaluated, of all runs of the cell.
        gpu_hours: Of these, and of one supernet where gradients were asked for.
        gradient_queries: Of all runs.
        seconds: Of solver and oracle, of all runs.
    """

    part: str
    task: str
    solver: str
    budget: str
    tau: float
    deadline: float
    seed: int
    share: float
    networks: int
    gpu_hours: float
    gradient_queries: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Points:
    """Designs on the plane of error and cost: `(n,)` each."""

    error_pct: np.ndarray
    cost: np.ndarray

    def front(self) -> Points:
        """Return those that no other one dominates."""
        rows = non_dominated(self.error_pct, self.cost)
        return Points(self.error_pct[rows], self.cost[rows])


Fronts = dict[tuple[str, float, str, str], Points]
"""By task, deadline, solver and budget; the true fronts have neither of the last."""


def measure(cell: Cell, seed: int, folder: Path) -> tuple[list[Reading], dict[float, Points]]:
    """Run a cell, or read what is in `folder`; return a reading and the front found for each deadline."""
    results = [
        run(solver, problem, budget, seed, path_of(name, seed, folder)) for name, problem, solver, budget in cell.runs()
    ]
    problem = problem_of(cell.task, cell.tau)
    traces = [each.trace for each in results]
    error_pct, cost = (np.concatenate([getattr(each, name) for each in traces]) for name in ("error_pct", "cost"))
    latency_s = np.concatenate([each.latency_s for each in traces])
    designs = np.concatenate([each.designs for each in traces])
    networks = np.unique(designs[:, problem.space.network], axis=0)
    supernet = max(each.ledger.supernet_gpu_hours or 0.0 for each in results)
    readings, fronts = [], {}
    for deadline in cell.deadlines:
        limits = at_deadline(problem, deadline).objective.constraints
        met = np.full(len(cost), True) if not limits else latency_s <= limits[0].limit
        fronts[deadline] = Points(error_pct[met], cost[met]).front()
        readings.append(
            Reading(
                **asdict(cell),
                deadline=deadline,
                seed=seed,
                share=share_of(fronts[deadline], true_front(cell.task, deadline)),
                networks=len(networks),
                gpu_hours=float(problem.training_gpu_hours(networks).sum()) + supernet,
                gradient_queries=sum(each.ledger.gradient_queries for each in results),
                seconds=round(sum(each.ledger.solver_seconds + each.ledger.oracle_seconds for each in results), 2),
            )
        )
    return readings, fronts


def path_of(name: str, seed: int, folder: Path) -> Path:
    """Return where a run is kept."""
    return folder / f"{name}_{seed}.npz"


def is_finished(cell: Cell, seeds: Sequence[int], folder: Path) -> bool:
    """Return whether all runs of a cell are on disk."""
    return all(path_of(name, seed, folder).is_file() for name, *_ in cell.runs() for seed in seeds)


def run(solver: Solver, problem: Problem, budget: Budget, seed: int, path: Path) -> Result:
    """Return the run that is on disk, or run it and keep it."""
    if path.is_file():
        try:
            return Result.load(path)
        except RecordError:
            path.unlink()
    result = solver.solve(problem, budget=budget, seed=seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    result.save(path)
    return result


@cache
def true_front(task: str, deadline: float = 1.0) -> Points:
    """Return the exact front where the designs can be enumerated, otherwise the certified one that ships.

    Raises:
        RuntimeError: If there is neither.
    """
    problem = at_deadline(problem_of(task), deadline)
    if problem.space.size <= MAX_DESIGNS:
        front = pareto_front(problem)
        return Points(front.error_pct, front.cost)
    certified = shipped_front(problem)
    if certified is None:
        raise RuntimeError(f"no front of {task} is certified: dance optimum {task} --front")
    return Points(certified.error, certified.cost)


def share_of(found: Points, front: Points) -> float:
    """Return the hypervolume of designs as a share of a front's, up to a tenth of its extent beyond its ends."""
    ends = np.stack([front.error_pct, front.cost], axis=1)
    low, extent = ends.min(axis=0), np.ptp(ends, axis=0)
    indicator = HV(ref_point=np.full(2, 1.1))
    points = (np.stack([found.error_pct, found.cost], axis=1) - low) / extent
    points = points[(points < 1.1).all(axis=1)]
    return float(indicator(points) / indicator((ends - low) / extent)) if len(points) else 0.0


def measure_all(
    cells: Sequence[Cell], seeds: Sequence[int], folder: Path, tell: Callable[[str], object]
) -> tuple[list[Reading], dict[tuple[Cell, float], Points]]:
    """Measure all cells; return the readings, and the fronts of the first seed."""
    readings: dict[tuple[int, int], list[Reading]] = {}
    fronts = {}
    for seed in seeds:  # seed by seed, so that an interrupted experiment has something of everything
        for number, cell in enumerate(cells):
            readings[number, seed], found = measure(cell, seed, folder)
            if seed == seeds[0]:
                fronts.update({(cell, deadline): points for deadline, points in found.items()})
            shares = ", ".join(f"{each.share:.3f}" for each in readings[number, seed])
            tell(f"seed {seed}, {cell.task}, {cell.solver}, {cell.budget}: {shares}")
    return [each for key in sorted(readings) for each in readings[key]], fronts


def save(readings: Sequence[Reading], path: Path) -> None:
    """Write readings as compressed CSV, the same bytes for the same readings."""
    _write([asdict(each) for each in readings], [each.name for each in fields(Reading)], path)


def load(path: Path) -> list[Reading]:
    """Read what `save` wrote."""
    kinds = {"int": int, "float": float, "str": str}
    return [
        Reading(**{each.name: kinds[str(each.type)](row[each.name]) for each in fields(Reading)}) for row in _rows(path)
    ]


def drawn_fronts(fronts: dict[tuple[Cell, float], Points]) -> Fronts:
    """Return the fronts that the first seed found with exact expectations, and the true ones, as `load_fronts` does."""
    found = {
        (cell.task, deadline, cell.solver, cell.budget): each
        for (cell, deadline), each in fronts.items()
        if cell.tau == 1.0
    }
    true = {(task, deadline, "", ""): true_front(task, deadline) for task, deadline, _, _ in sorted(found)}
    return {**true, **found}


def merged(old: Iterable[Reading], new: Iterable[Reading]) -> list[Reading]:
    """Return both; what is measured again replaces what was there."""
    return list({_key(each): each for each in (*old, *new)}.values())


def _key(reading: Reading) -> tuple[object, ...]:
    return tuple(getattr(reading, name) for name in ("part", "task", "solver", "budget", "tau", "deadline", "seed"))


def save_fronts(fronts: Fronts, path: Path) -> None:
    """Write fronts as compressed CSV, the true ones first."""
    rows = [
        {"task": task, "deadline": deadline, "solver": solver, "budget": budget, "error_pct": error, "cost": cost}
        for (task, deadline, solver, budget), points in sorted(fronts.items(), key=lambda each: each[0][2] != "")
        for error, cost in _pairs(points)
    ]
    _write(rows, list(rows[0]), path)


def load_fronts(path: Path) -> Fronts:
    """Read what `save_fronts` wrote, by task, deadline, solver and budget; the true fronts have neither of the last."""
    found: dict[tuple[str, float, str, str], list[tuple[float, float]]] = {}
    for row in _rows(path):
        key = (row["task"], float(row["deadline"]), row["solver"], row["budget"])
        found.setdefault(key, []).append((float(row["error_pct"]), float(row["cost"])))
    return {key: Points(*np.array(pairs).T) for key, pairs in found.items()}


def _pairs(points: Points) -> list[tuple[float, float]]:
    return list(zip(points.error_pct.tolist(), points.cost.tolist(), strict=True))


def _write(rows: Sequence[dict[str, object]], names: list[str], path: Path) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: f"{value:.9g}" if isinstance(value, float) else value for name, value in row.items()})
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


def _rows(path: Path) -> csv.DictReader[str]:
    return csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode()))
