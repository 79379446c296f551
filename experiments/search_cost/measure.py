"""The runs, and one row for each amount at which a run is read."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np

from dance_env.analysis.optimum import prove, shipped_optimum
from dance_env.graph import canonical_networks
from dance_env.problem import Problem
from dance_env.tasks import make_problem
from experiments.search_cost.plan import BAYESIAN, BLIND, GPU_HOURS, NETWORKS, Group
from experiments.solving import solve
from solvers.contract.result import Result


@dataclass(frozen=True)
class Reading:
    """What a run had found at an amount.

    Attributes:
        part, task, variant: As in `Group`.
        solver: Its name.
        access: What it made use of.
        seed: Of the run.
        unit: "networks" or "gpuh".
        amount: Of trained networks (a supernet counts as its price), or of GPU-hours.
        regret_pct: Above the proved optimum, %; infinite where nothing feasible was found.
        networks: Networks that the run had trained, the supernet apart.
        gpu_hours: Of these and of the supernet.
        supernet_gpu_hours: Of the supernet; 0 where no gradient was asked for.
        gradient_queries: So far.
        cost_pairs: Distinct (layer, accelerator) pairs whose cost the whole run asked for.
        seconds: Of the whole run, solver and oracle.
    """

    part: str
    task: str
    variant: str
    solver: str
    access: str
    seed: int
    unit: str
    amount: float
    regret_pct: float
    networks: int
    gpu_hours: float
    supernet_gpu_hours: float
    gradient_queries: int
    cost_pairs: int
    seconds: float


def measure(
    groups: Iterable[Group], *, seeds: tuple[int, ...], out: Path, tell: Callable[[str], object]
) -> list[Reading]:
    """Run every group; finished runs are on record in `out`, and are read.

    Raises:
        RuntimeError: If the optimum of a task is not proved.
        SolverFailed: If a run fails.
        KeyboardInterrupt: If interrupted.
    """
    readings: list[Reading] = []
    for group in groups:
        tell(f"{group.folder}: {', '.join(group.solvers)}")
        optimum = proved(group.task)
        for solver in group.solvers:
            for seed in seeds:
                result = solve(group.problem(), solver, budget=group.budget, seed=seed, out=out / group.folder)
                readings += read(group, result, optimum)
    return readings


@cache
def proved(task: str) -> float:
    """Return the objective of a task's proved optimum, proved here where no proof ships.

    Raises:
        RuntimeError: If a gap is left.
    """
    problem = make_problem(task)
    proof = shipped_optimum(problem) or prove(problem)
    if proof.gap > 0:
        raise RuntimeError(f"the optimum of {task} is not proved: dance optimum {task}")
    return proof.objective


def read(group: Group, result: Result, optimum: float) -> list[Reading]:
    """Return the readings of one run: at every amount where the solver does not look at the budget, else at the end."""
    long = result.solver in BLIND + BAYESIAN
    unit = "networks" if group.budget.endswith("networks") else "gpuh"
    end = float(group.budget.removesuffix(unit))
    trace = result.trace
    found = []
    for each, spent, amounts in (("networks", trace.trained_networks, NETWORKS), ("gpuh", trace.gpu_hours, GPU_HOURS)):
        last = float(spent[-1]) if len(spent) else 0.0
        chosen = [a for a in amounts if a <= last or (each == unit and a <= end)] if long else [end] * (each == unit)
        for amount in chosen:
            rows = int(np.searchsorted(spent, amount, side="right"))
            best = trace.best_so_far()[rows - 1] if rows else np.inf
            found.append(
                Reading(
                    group.part, group.task, group.variant, result.solver, result.ledger.access, result.seed, each, amount,
                    regret_pct=float(100.0 * (best - optimum) / optimum),
                    networks=_distinct_networks(group.problem(), trace.designs[:rows]),
                    gpu_hours=float(trace.gpu_hours[rows - 1]) if rows else 0.0,
                    supernet_gpu_hours=_supernet_hours(group.problem(), result, rows),
                    gradient_queries=int(trace.gradient_queries[rows - 1]) if rows else 0,
                    cost_pairs=result.ledger.cost_pairs,
                    seconds=round(result.ledger.solver_seconds + result.ledger.oracle_seconds, 3),
                )
            )  # fmt: skip
    return found


def _distinct_networks(problem: Problem, designs: np.ndarray) -> int:
    return len(np.unique(canonical_networks(problem.network_space, designs[:, problem.space.network]), axis=0))


def _supernet_hours(problem: Problem, result: Result, rows: int) -> float:
    asked = rows > 0 and bool(result.trace.gradient_queries[rows - 1] > 0)
    return float(problem.supernet_gpu_hours or 0.0) if asked else 0.0


def merged(old: Iterable[Reading], new: Iterable[Reading]) -> list[Reading]:
    """Return both; what is measured again replaces what was there."""
    return list({_key(each): each for each in (*old, *new)}.values())


def _key(reading: Reading) -> tuple[object, ...]:
    return tuple(getattr(reading, name) for name in ("part", "task", "variant", "solver", "seed", "unit", "amount"))


def save(readings: list[Reading], path: Path) -> None:
    """Write the readings as compressed CSV, the same bytes for the same readings."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Reading)], lineterminator="\n")
    writer.writeheader()
    for each in readings:
        writer.writerow({name: f"{v:.9g}" if isinstance(v, float) else v for name, v in asdict(each).items()})
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


def load(path: Path) -> list[Reading]:
    """Read what `save` wrote."""
    rows = csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode()))
    kinds = {"int": int, "float": float, "str": str}
    return [
        Reading(**{field.name: kinds[str(field.type)](row[field.name]) for field in fields(Reading)}) for row in rows
    ]
