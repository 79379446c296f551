"""The best design of a task under each memory, and what one network costs on the best accelerator with each memory."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from dance_env.analysis.exact import MAX_DESIGNS, optimum
from dance_env.analysis.landscape.descents import descend
from dance_env.analysis.landscape.pricing import Networks
from dance_env.atomic import write_whole
from dance_env.cost import CostTable, WorkloadTable
from dance_env.problem import Problem
from dance_env.space import AcceleratorSpace
from dance_env.tasks import get_task
from dance_env.tasks.family import Sources
from experiments.buffers.plan import DESCENTS, KIB, Study, studies

METRICS = ("edap_js_mm2", "edp_js", "energy_j", "latency_s")
"""What the accelerator of one network is chosen by."""
OBJECTIVE = "objective"
"""What network and accelerator are chosen by."""


@dataclass(frozen=True)
class Reading:
    """The least of something under one memory.

    Attributes:
        task: The task's name.
        workload: A language model's phase; "" for all that the task asks for.
        least_of: `OBJECTIVE` (of the task, network and accelerator chosen), or one of `METRICS` (the accelerator chosen
            for one network, the task's best).
        method: "enumeration" (exact), or "descents" (the best that they found).
        glb_kib: The global buffer.
        dram_words_per_cycle: The bandwidth.
        value: The least.
        error: Of the network.
        latency_s, energy_j, area_mm2: Of the design.
        accelerator: Columns x rows, register words, dataflow.
        network: Option indices.
    """

    task: str
    workload: str
    least_of: str
    method: str
    glb_kib: int
    dram_words_per_cycle: float
    value: float
    error: float
    latency_s: float
    energy_j: float
    area_mm2: float
    accelerator: str
    network: str


def measure(
    task: str, known: list[Reading], *, tell: Callable[[str], object], keep: Callable[[list[Reading]], object]
) -> list[Reading]:
    """Return all readings of a task: those that are known, and the missing ones, kept after each part of the study."""
    readings = list(known)
    for each in studies(task):
        if not _has(readings, each, OBJECTIVE):
            tell(f"{task}: designs with buffers of {_kib(each)} KiB")
            readings += [_best_design(part, readings) for part in parts(problem_of(each))]
            keep(readings)
    designs = [each for each in readings if each.least_of == OBJECTIVE]
    network = np.array([min(designs, key=lambda each: each.value).network.split()], dtype=np.int64)
    for each in studies(task):
        if not _has(readings, each, METRICS[0]):
            tell(f"{task}: one network with buffers of {_kib(each)} KiB")
            readings += [reading for part in parts(problem_of(each)) for reading in _one_network(part, network)]
            keep(readings)
    return readings


def problem_of(study: Study) -> Problem:
    """Return the task on the study's accelerators."""
    task = replace(get_task(study.task), accelerators=lambda: study.accelerators)
    loaded = task.family.load(task, Sources())
    return Problem.build(
        task.name,
        network_space=task.network_space,
        accelerator_space=task.accelerator_space,
        accuracy=loaded.accuracy,
        objective=task.variant.objective,
        cost_model=task.cost_model(),
    )


def parts(problem: Problem) -> Iterator[Problem]:
    """Yield the problem under each memory by itself."""
    space = problem.accelerator_space
    hardware = space.hardware()
    assert hardware.glb_words is not None
    assert hardware.dram_words_per_cycle is not None
    for words in space.glb_words or ():
        for rate in space.dram_words_per_cycle or ():
            here = np.flatnonzero((hardware.glb_words == words) & (hardware.dram_words_per_cycle == rate))
            one = replace(space, glb_words=(words,), dram_words_per_cycle=(rate,))
            yield replace(problem, accelerator_space=one, costs=_on(problem.costs, here))


def _on(costs: CostTable, where: np.ndarray) -> CostTable:
    """Return the table of some accelerators alone."""
    if isinstance(costs, WorkloadTable):
        return WorkloadTable.of({name: _on(table, where) for name, table in costs.tables.items()}, costs.weights)
    latency, energy = costs.latency_s.select(where), costs.energy_j.select(where)
    return CostTable(latency, energy, costs.area_mm2[where], costs.clock_hz)


def _best_design(problem: Problem, before: list[Reading]) -> Reading:
    if problem.space.size <= MAX_DESIGNS:
        design, method = optimum(problem).design[None], "enumeration"
    else:
        design, method = _best_of_descents(problem, before), "descents"
    objective = float(problem.evaluate(design).objective[0])
    return _reading(problem, design, workload="", least_of=OBJECTIVE, method=method, value=objective)


def _best_of_descents(problem: Problem, before: list[Reading]) -> np.ndarray:
    """Return the best design `(1, D)` of descents over networks, each on its best accelerator.

    They start from random networks, and from the best ones under other memories.
    """
    networks = Networks(problem, progress=None)
    starts = networks.space.sample(np.random.default_rng(0), DESCENTS)
    found = {each.network for each in before if each.task == problem.name and each.least_of == OBJECTIVE}
    others = np.array([each.split() for each in sorted(found)], dtype=np.int64).reshape(-1, starts.shape[1])
    ends = descend(np.concatenate([starts, others]), networks.space.option_counts.tolist(), networks.judge)
    best = int(np.lexsort((ends.objective, ends.violation))[0])
    return networks.designs(ends.ends[best : best + 1])


def _one_network(problem: Problem, network: np.ndarray) -> Iterator[Reading]:
    """Yield the least of every metric over the accelerators, of all workloads together and of each."""
    tables = {"": problem.costs}
    if isinstance(problem.costs, WorkloadTable):
        tables |= problem.costs.tables
    for workload, table in tables.items():
        cost = table.on_all_hardware(network)
        for metric in METRICS:
            values = np.broadcast_to(getattr(cost, metric), (1, problem.accelerator_space.size))[0]
            best = np.array([int(np.argmin(values))])
            design = problem.design(network, best)
            value = float(values[best[0]])
            yield _reading(problem, design, workload=workload, least_of=metric, method="enumeration", value=value)


def _reading(
    problem: Problem, design: np.ndarray, *, workload: str, least_of: str, method: str, value: float
) -> Reading:
    evaluation, network = problem.evaluate(design), design[:, problem.space.network]
    chosen = problem.space.decode(design)[0]
    cost = evaluation.cost
    if workload:
        assert isinstance(problem.costs, WorkloadTable)
        hardware = problem.accelerator_space.index(design[:, problem.space.hardware])
        cost = problem.costs.tables[workload].lookup(network, hardware)
    return Reading(
        task=problem.name,
        workload=workload,
        least_of=least_of,
        method=method,
        glb_kib=int(str(chosen["glb_words"])) // KIB,
        dram_words_per_cycle=float(chosen["dram_words_per_cycle"]),
        value=value,
        error=float(evaluation.error_pct[0]),
        latency_s=float(cost.latency_s[0]),
        energy_j=float(cost.energy_j[0]),
        area_mm2=float(cost.area_mm2[0]),
        accelerator=f"{chosen['pe_x']} x {chosen['pe_y']}, {chosen['rf_words']} words, {chosen['dataflow']}",
        network=" ".join(str(option) for option in network[0].tolist()),
    )


def _has(readings: list[Reading], study: Study, least_of: str) -> bool:
    space: AcceleratorSpace = study.accelerators
    wanted = {(w // KIB, rate) for w in space.glb_words or () for rate in space.dram_words_per_cycle or ()}
    return wanted <= {(e.glb_kib, e.dram_words_per_cycle) for e in readings if e.least_of == least_of}


def _kib(study: Study) -> str:
    return ", ".join(f"{words // KIB}" for words in study.accelerators.glb_words or ())


# -------------------------------------------------------------------------------------------------------------- record
def save(readings: list[Reading], path: Path) -> None:
    """Write the record: a row each, floats to the last bit."""
    lines = [",".join(each.name for each in fields(Reading))]
    lines += [",".join(_cell(value) for value in asdict(each).values()) for each in readings]
    write_whole(path, "\n".join([*lines, ""]))


def load(path: Path) -> list[Reading]:
    """Read a record.

    Raises:
        OSError: If there is none.
    """
    with open(path, newline="", encoding="utf-8") as file:
        return [Reading(**{each.name: _value(str(each.type), row[each.name]) for each in fields(Reading)})
                for row in csv.DictReader(file)]  # fmt: skip


def _cell(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _value(kind: str, text: str) -> Any:
    return {"int": int, "float": float}.get(kind, str)(text)
