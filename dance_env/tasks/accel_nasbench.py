"""The tasks `accel-nasbench/...`: 1.04e11 ImageNet networks, which cannot be enumerated."""

from __future__ import annotations

from dance_env.accuracy import AccuracyModel, OneTraining
from dance_env.accuracy.accel_nasbench import load_accel_nasbench
from dance_env.objective import EDAP, Linear, Objective
from dance_env.tasks.family import Family, Loaded, Sources, Task, Variant, deadline

# Percentage points of error per joule and per mm2. Over 600 random networks, each on the accelerator with its least EDAP,
# the medians are 5.2 mJ, 4.2 ms, 1.0 mm2 and an EDAP of 2.2e-5 J s mm2: energy and area weigh about alike.
_ENERGY_AND_AREA = Linear(energy_j=300.0, area_mm2=1.0)
_EDAP = Objective(EDAP(reference_js_mm2=1e-5), weight=1.0)


# 49 % of random designs meet the deadline of 4 ms, 14 % that of 2.5 ms; `dance landscape` measures what else the numbers
# make of these tasks (docs/tasks.md).
VARIANTS: dict[str, Variant] = {
    "accuracy-lean": Variant(Objective(_ENERGY_AND_AREA, weight=0.3, constraints=deadline(4e-3))),
    "balanced": Variant(Objective(_ENERGY_AND_AREA, weight=1.0, constraints=deadline(4e-3))),
    "cost-lean": Variant(Objective(_ENERGY_AND_AREA, weight=2.0, constraints=deadline(4e-3))),
    "latency-limited": Variant(Objective(_ENERGY_AND_AREA, weight=1.0, constraints=deadline(2.5e-3))),
    # The paper's two forms, without limits. With twice the area's weight the array of `linear` is 8 x 24, at the edge.
    "edap": Variant(_EDAP),
    "linear": Variant(Objective(Linear(latency_s=330.0, energy_j=200.0, area_mm2=0.2), weight=1.0)),
    "noisy": Variant(_EDAP, noise_seed=0),  # an evaluation is one training of the network
}


def _load(task: Task, sources: Sources) -> Loaded:
    expected = load_accel_nasbench("proxy" if sources.fidelity is None else sources.fidelity)
    notes = [] if sources.fidelity in (None, "proxy") else [f"{sources.fidelity} training"]
    seed = task.variant.noise_seed if sources.noise_seed is None else sources.noise_seed
    accuracy: AccuracyModel = expected if seed is None else OneTraining(expected, seed)
    if seed != task.variant.noise_seed:
        notes.append(f"noise seed {seed}")
    return Loaded(accuracy, tuple(notes))


ACCEL_NASBENCH = Family(
    variants={"accel-nasbench": VARIANTS},
    default="edap",
    load=_load,
    source="values that ship, fitted to ImageNet trainings",
    takes=("fidelity", "noise_seed"),
    training_times="fitted to the published times of the same trainings, on RTX 3090",
)
