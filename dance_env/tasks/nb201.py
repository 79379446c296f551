"""The tasks `nb201-cifar10/...`: NAS-Bench-201's 15,625 cells for CIFAR-10. No accuracies ship: the user brings a table."""

from __future__ import annotations

from pathlib import Path

from dance_env.accuracy import read_accuracy_table
from dance_env.objective import EDAP, Linear, Objective
from dance_env.problem import MacsTrainingTime, TabulatedTrainingTime, TrainingTime
from dance_env.tasks.family import Family, Loaded, Sources, Task, Variant, deadline

# Percentage points of error per joule and per mm2. Over 400 random networks, each on the accelerator with its least EDAP,
# the medians are 0.43 mJ, 0.28 ms, 1.35 mm2 and an EDAP of 1.6e-7 J s mm2: energy and area weigh about alike.
_ENERGY_AND_AREA = Linear(energy_j=2500.0, area_mm2=1.0)

# On the fastest accelerator the median network takes 0.18 ms, three of four at most 0.28 ms.
VARIANTS: dict[str, Variant] = {
    "accuracy-lean": Variant(Objective(_ENERGY_AND_AREA, weight=0.3, constraints=deadline(0.25e-3))),
    "balanced": Variant(Objective(_ENERGY_AND_AREA, weight=1.0, constraints=deadline(0.25e-3))),
    "cost-lean": Variant(Objective(_ENERGY_AND_AREA, weight=2.0, constraints=deadline(0.25e-3))),
    "latency-limited": Variant(Objective(_ENERGY_AND_AREA, weight=1.0, constraints=deadline(0.15e-3))),
    # The paper's two forms, without limits.
    "edap": Variant(Objective(EDAP(reference_js_mm2=1e-7), weight=1.0)),
    "linear": Variant(Objective(Linear(latency_s=3500.0, energy_j=2500.0, area_mm2=0.5), weight=1.0)),
}


def _load(task: Task, sources: Sources) -> Loaded:
    if sources.accuracy_table is None:
        raise ValueError(
            f"the task {task.name!r} needs a table of accuracies, which does not ship with this library: give "
            "accuracy_table (--accuracy-table FILE). docs/tasks.md says how to make it from NATS-Bench"
        )
    networks = task.network_space
    table = read_accuracy_table(Path(sources.accuracy_table).expanduser(), networks.choices())
    hours: TrainingTime
    if table.training_gpu_hours is None:
        hours = MacsTrainingTime(networks, images=50_000, epochs=200)  # the benchmark's schedule
    else:
        hours = TabulatedTrainingTime(table.training_gpu_hours)
    return Loaded(table.accuracy(), training_time=hours)


NB201 = Family(
    variants={"nb201-cifar10": VARIANTS},
    default="balanced",
    load=_load,
    source="a table that the user brings (accuracy_table=...)",
    takes=("accuracy_table",),
    needs_table=True,
    training_times="from the table's column training_gpu_hours, else from multiply-accumulates, at 200 epochs",
)
