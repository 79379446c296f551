"""Prices one layer on one accelerator with ZigZag: `worker` runs this file as a script.

Nothing of dance_env is imported here: any interpreter that has ``zigzag-dse`` can run it. The request holds what ZigZag
itself reads (`dance_env.cost.backends.zigzag` writes it): ``workload``, ``accelerator``, ``mapping``, ``objective``,
``lpf_limit``, ``pins_hold_data``. The answer holds ``cycles`` (with stalls, first load and last drain), ``energy_pj``
and a few figures behind them; or ``unmappable``, the reason.
"""

from __future__ import annotations

from typing import Any


def price(request: dict[str, Any]) -> dict[str, Any]:
    """Search the temporal mappings of one layer with LOMA, and cost the best."""
    from zigzag.mapping.temporal_mapping import TemporalMappingType
    from zigzag.opt.loma.engine import NoValidLoopOrderingFoundException
    from zigzag.parser.accelerator_factory import AcceleratorFactory
    from zigzag.parser.accelerator_validator import AcceleratorValidator
    from zigzag.parser.mapping_validator import MappingValidator
    from zigzag.parser.workload_factory import WorkloadFactory
    from zigzag.parser.workload_validator import WorkloadValidator
    from zigzag.stages.evaluation.cost_model_evaluation import CostModelStage
    from zigzag.stages.main import MainStage
    from zigzag.stages.mapping.spatial_mapping_generation import SpatialMappingGeneratorStage
    from zigzag.stages.mapping.temporal_mapping_generator_stage import TemporalMappingGeneratorStage
    from zigzag.stages.results.reduce_stages import MinimalEDPStage, MinimalEnergyStage, MinimalLatencyStage
    from zigzag.stages.workload_iterator import WorkloadStage

    checked = {}
    parts = (("accelerator", AcceleratorValidator), ("workload", WorkloadValidator), ("mapping", MappingValidator))
    for part, validator_class in parts:
        validator = validator_class(request[part])
        if not validator.validate():
            raise ValueError(f"ZigZag refuses the {part}: {validator.validator.errors}")
        checked[part] = validator.normalized_data
    best = {"edp": MinimalEDPStage, "energy": MinimalEnergyStage, "latency": MinimalLatencyStage}[request["objective"]]
    stages = [WorkloadStage, best, SpatialMappingGeneratorStage, best, TemporalMappingGeneratorStage, CostModelStage]
    search = MainStage(
        stages,
        accelerator=AcceleratorFactory(checked["accelerator"]).create(),
        workload=WorkloadFactory(checked["workload"], checked["mapping"]).create(),
        loma_lpf_limit=request["lpf_limit"],
        loma_show_progress_bar=False,
        temporal_mapping_type=TemporalMappingType("uneven"),
        access_same_data_considered_as_no_access=request["pins_hold_data"],
    )
    try:
        found = search.run()[0][0]
    except NoValidLoopOrderingFoundException:
        return {"unmappable": "LOMA found no loop order whose tiles fit the memories"}
    return {
        "cycles": float(found.latency_total2),
        "energy_pj": float(found.energy_total),
        "cycles_no_load": float(found.latency_total0),
        "compute_cycles": float(found.ideal_temporal_cycle),
        "mac_pj": float(found.mac_energy),
        "macs": int(found.layer.total_mac_count),
    }
