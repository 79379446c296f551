"""Prices one layer on one accelerator with AccelForge: `worker` runs this file as a script.

Nothing of dance_env is imported here: AccelForge needs Python 3.12, and may live in another environment than we do.
The request holds ``spec``, AccelForge's own YAML (`dance_env.cost.backends.accelforge_description` writes it),
``objective``, ``imperfect_spatial`` and ``clock_hz``. The answer holds ``cycles``, ``energy_pj`` and both by component;
or ``unmappable``, the reason.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def price(request: dict[str, Any]) -> dict[str, Any]:
    """Search the mappings of one layer with the Fast and Fusiest Mapper, and cost the best."""
    import accelforge

    accelforge.set_n_parallel_jobs(1)
    Path("spec.yaml").write_text(request["spec"], encoding="utf-8")
    spec = accelforge.Spec.from_yaml("spec.yaml")
    metrics = accelforge.Metrics
    objectives = {"edp": metrics.ENERGY_DELAY_PRODUCT, "energy": metrics.ENERGY, "latency": metrics.LATENCY}
    spec.mapper.metrics = objectives[request["objective"]]
    spec.mapper.explore_loop_orders = False
    spec.mapper.explore_imperfect_spatial_loops = request["imperfect_spatial"]
    found = spec.map_workload_to_arch(print_progress=False)
    if len(found.data) == 0:
        return {"unmappable": "the mapper found no mapping"}
    energy = {name: float(joules) * 1e12 for name, joules in found.energy(per_component=True).items()}
    cycles = {name: float(s) * request["clock_hz"] for name, s in found.latency(per_component=True).items()}
    return {
        "cycles": float(found.latency()) * request["clock_hz"],
        "energy_pj": sum(energy.values()),
        "component_cycles": cycles,
        "component_pj": energy,
        "mapping": str(found.mapping()),
    }
