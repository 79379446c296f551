"""The tasks `macro-cifar10/...` and `tiny/...`: CIFAR-10 networks of NAS-Bench-Macro, small enough to enumerate."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from dance_env.accuracy import TensorAccuracy, load_surrogate, load_table
from dance_env.accuracy.nas_bench_macro import TABLE_VARIABLE, download_table
from dance_env.cost import HWCOMPONENTS_65NM
from dance_env.graph import BlockSpace
from dance_env.graph.networks import macro_cifar10
from dance_env.objective import EDAP, Linear, Objective
from dance_env.problem import MacsTrainingTime
from dance_env.space import DesignSpace
from dance_env.tasks.family import Family, Loaded, Sources, Task, Variant, deadline

# Percentage points of error per joule and per mm2. One inference takes 0.1 to 1.9 mJ, an accelerator 0.6 to 10.7 mm2,
# so that energy and area weigh about alike.
_ENERGY_AND_AREA = Linear(energy_j=500.0, area_mm2=1.0)

VARIANTS: dict[str, Variant] = {
    "accuracy-lean": Variant(Objective(_ENERGY_AND_AREA, weight=0.3, constraints=deadline(1 / 2000))),
    "balanced": Variant(Objective(_ENERGY_AND_AREA, weight=1.0, constraints=deadline(1 / 2000))),
    "cost-lean": Variant(Objective(_ENERGY_AND_AREA, weight=2.0, constraints=deadline(1 / 2000))),
    "latency-limited": Variant(Objective(_ENERGY_AND_AREA, weight=1.0, constraints=deadline(1 / 3000))),
    "sram-65nm": Variant(Objective(_ENERGY_AND_AREA, weight=1.5, constraints=deadline(1.5e-3)), HWCOMPONENTS_65NM),
    # The paper's two forms, without limits.
    "edap": Variant(Objective(EDAP(reference_js_mm2=1e-6), weight=2.0)),
    "linear": Variant(Objective(Linear(latency_s=3000.0, energy_j=500.0, area_mm2=0.5), weight=1.0)),
}
"""`dance coupling` measures what they make of these tasks."""


def macro_accuracy(networks: BlockSpace, table: str | Path | None) -> TensorAccuracy:
    """NAS-Bench-Macro's accuracies, measured or fitted, of a network space that is part of its own."""
    if table == "download":
        macro = load_table(download_table())
    elif _is_measured(table):
        macro = load_table(table)
    else:
        macro = load_surrogate()
    space = DesignSpace(networks.choices())
    everything = networks.embed(space.unrank(np.arange(space.size)), macro_cifar10())
    return TensorAccuracy(macro.evaluate(everything).reshape(tuple(space.option_counts)))


def _load(task: Task, sources: Sources) -> Loaded:
    networks = task.network_space
    assert isinstance(networks, BlockSpace)
    accuracy = macro_accuracy(networks, sources.accuracy_table)
    notes = ("measured accuracies",) if _is_measured(sources.accuracy_table) else ()
    # NAS-Bench-Macro's training script: 50 epochs over CIFAR-10's 50,000 training images.
    return Loaded(accuracy, notes, MacsTrainingTime(networks, images=50_000, epochs=50))


def _is_measured(table: str | Path | None) -> bool:
    """Return whether accuracies are NAS-Bench-Macro's own: a table is named here or by the environment variable."""
    return bool(table or os.environ.get(TABLE_VARIABLE))


MACRO = Family(
    variants={"macro-cifar10": VARIANTS, "tiny": VARIANTS},
    default="balanced",
    load=_load,
    source="a table that ships (or accuracy_table=...)",
    takes=("accuracy_table",),
    training_times="from multiply-accumulates: 50 epochs of CIFAR-10 on one RTX 3090 (`MacsTrainingTime`)",
)
