"""Costs exported layers with ZigZag: `dance_env.cost.backends.worker` runs this file as a script.

Nothing of dance_env is imported here. The request holds ``layers``, each with its files by their names. The answer holds
``layers``, each with ``cycles`` (with stalls, first load and last drain), ``energy_pj`` and ``words`` by our names; or
``error``. Output pins do not hold data: every read counts, which ZigZag's own API cannot be told.
"""

from __future__ import annotations

from typing import Any

MEMORIES = ("rf", "glb", "dram")


def price(request: dict[str, Any]) -> dict[str, Any]:
    """Cost each layer with the mapping in its files."""
    return {"layers": [_guarded(each) for each in request["layers"]]}


def _guarded(files: dict[str, str]) -> dict[str, Any]:
    try:
        return _layer(files)
    except Exception as error:  # whatever a tool raises is its answer
        return {"error": f"{type(error).__name__}: {error}"}


def _layer(files: dict[str, str]) -> dict[str, Any]:
    import yaml
    from zigzag.mapping.temporal_mapping import TemporalMappingType
    from zigzag.parser.accelerator_factory import AcceleratorFactory
    from zigzag.parser.accelerator_validator import AcceleratorValidator
    from zigzag.parser.mapping_validator import MappingValidator
    from zigzag.parser.workload_factory import WorkloadFactory
    from zigzag.parser.workload_validator import WorkloadValidator
    from zigzag.stages.evaluation.cost_model_evaluation import CostModelStage
    from zigzag.stages.main import MainStage
    from zigzag.stages.mapping.spatial_mapping_generation import SpatialMappingGeneratorStage
    from zigzag.stages.mapping.temporal_mapping_generator_stage import TemporalMappingGeneratorStage
    from zigzag.stages.workload_iterator import WorkloadStage

    checked: Any = {}
    parts = (("accelerator", AcceleratorValidator), ("workload", WorkloadValidator), ("mapping", MappingValidator))
    for part, validator_class in parts:
        validator = validator_class(yaml.safe_load(files[f"{part}.yaml"]))
        if not validator.validate():
            raise ValueError(f"ZigZag refuses the {part}: {validator.validator.errors}")
        checked[part] = validator.normalized_data
    stages: Any = [WorkloadStage, SpatialMappingGeneratorStage, TemporalMappingGeneratorStage, CostModelStage]
    search = MainStage(
        stages,
        accelerator=AcceleratorFactory(checked["accelerator"]).create(),
        workload=WorkloadFactory(checked["workload"], checked["mapping"]).create(),
        loma_lpf_limit=6,
        loma_show_progress_bar=False,
        temporal_mapping_type=TemporalMappingType("even"),
        access_same_data_considered_as_no_access=False,
    )
    answers = search.run()
    if len(answers) != 1:
        raise ValueError(f"ZigZag found {len(answers)} mappings where one was given")
    found = answers[0][0]
    return {
        "cycles": float(found.latency_total2),
        "energy_pj": float(found.energy_total),
        "words": _words(found),
    }


def _words(found: Any) -> dict[str, float]:
    """Return words moved, summed over instances: all reads (down, and up where outputs leave), and all writes."""
    from zigzag.mapping.data_movement import DataDirection, DataMoveAttr

    ways = {
        "rd": (DataDirection.RD_OUT_TO_LOW, DataDirection.RD_OUT_TO_HIGH),
        "wr": (DataDirection.WR_IN_BY_HIGH, DataDirection.WR_IN_BY_LOW),
    }
    words = {}
    for tensor, levels in found.mapping.unit_mem_data_movement.items():
        for level, moved in enumerate(levels):
            amount = moved.get_attribute(DataMoveAttr.DATA_TRANS_AMOUNT_PER_PERIOD)
            periods = moved.get_attribute(DataMoveAttr.DATA_TRANS_PERIOD_COUNT)
            instances = found.mapping.spatial_mapping.unit_count[tensor][level + 1]
            for way, directions in ways.items():
                count = sum(amount.get(each) * periods.get(each) for each in directions)
                words[f"{MEMORIES[level]}_{tensor.name}_{way}"] = float(count * instances)
    return words
