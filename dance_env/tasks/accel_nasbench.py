"""The tasks `accel-nasbench/...`: 1.04e11 ImageNet networks, which cannot be enumerated."""

from __future__ import annotations

from dance_env.accuracy.accel_nasbench import load_accel_nasbench
from dance_env.objective import EDAP, Linear, Objective
from dance_env.tasks.family import Family, Loaded, Sources, Task, Variant

# Provisional. Over random networks, each on the accelerator that is best for it, the median EDAP is some 1e-5 J s mm2.
VARIANTS: dict[str, Variant] = {
    "edap": Variant(Objective(EDAP(reference_js_mm2=1e-5), weight=1.0)),
    "linear": Variant(Objective(Linear(latency_s=330.0, energy_j=200.0, area_mm2=0.5), weight=1.0)),
}


def _load(task: Task, sources: Sources) -> Loaded:
    return Loaded(load_accel_nasbench())


ACCEL_NASBENCH = Family(
    variants={"accel-nasbench": VARIANTS},
    default="edap",
    load=_load,
    source="values that ship, fitted to ImageNet trainings",
)
