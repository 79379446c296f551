"""All files of a design for ZigZag."""

from __future__ import annotations

import json

from dance_env.cost.backends import zigzag_description as description
from dance_env.exporting.design_file import DesignFile
from dance_env.exporting.files import Files
from dance_env.exporting.mapped_layers import MappedLayer, mapped_layers
from dance_env.exporting.yaml_text import yaml_text
from dance_env.exporting.zigzag import nest
from dance_env.graph import layer_row
from dance_env.space import DATAFLOWS

_CALL = "zigzag.api.get_hardware_performance_zigzag(workload='{0}workload.yaml', accelerator='{0}accelerator.yaml', "
COMMAND = _CALL.format("layers/LAYER/") + "mapping='layers/LAYER/mapping.yaml', temporal_mapping_type='even')"
SEARCH_COMMAND = _CALL.format("") + "mapping='mapping.yaml', opt='EDP')"


def zigzag_files(design: DesignFile) -> Files:
    """Return the files of a design for ZigZag.

    ``layers/*/`` hold each different layer with our mapping, for ZigZag to cost. The files beside that folder are for a
    search of its own, in the terms of the back end `zigzag`: ``workload.yaml`` holds each different layer once, each for
    itself: inputs and weights come from DRAM; ``mapping.yaml`` gives the unrolling of each layer by its name, and ZigZag
    searches the order of the loops. ``layers.json`` says which layer of the network is which, how often each runs, and
    what it costs by our count.
    """
    layers = mapped_layers(design)
    content = {"command": COMMAND, "search_command": SEARCH_COMMAND, "layers": [each.to_dict() for each in layers]}
    files: dict[str, str | bytes] = {**_searched(design, layers), "layers.json": json.dumps(content, indent=1) + "\n"}
    for each in layers:
        folder, mapping = f"layers/{each.layer.folder}", each.mapping
        accelerator = nest.accelerator(mapping, design.technology, design.hardware)
        workload = nest.workload(mapping, name=each.layer.folder)
        said = "pJ an access, bits; rf and glb are as large as the tiles of this layer's mapping"
        files[f"{folder}/accelerator.yaml"] = yaml_text(accelerator, comment=f"Design {design.name!r}; {said}")
        files[f"{folder}/workload.yaml"] = yaml_text(workload, comment=f"Layer {each.layer.first.name}")
        files[f"{folder}/mapping.yaml"] = yaml_text(nest.directives(mapping), comment=mapping.loop_nest())
    return files


def _searched(design: DesignFile, mapped: list[MappedLayer]) -> Files:
    """Return the network as ZigZag's search reads it."""
    hardware = design.hardware
    dataflow = DATAFLOWS[int(hardware.dataflow[0])]
    array = {"pe_x": int(hardware.pe_x[0]), "pe_y": int(hardware.pe_y[0])}
    layers = [each.layer for each in mapped]
    workload, mappings = [], []
    for number, layer in enumerate(layers):
        row = layer_row(layer.first)
        workload.append(description.layer(row, number=number, name=layer.folder))
        spatial = description.unrolling(row, dataflow, **array)
        mappings += description.mapping(spatial, name=layer.folder)
    mappings += description.mapping(description.unrolling(layer_row(layers[0].first), dataflow, **array))
    accelerator = description.accelerator(design.technology, dataflow, rf_words=int(hardware.rf_words[0]), **array)
    return {
        "accelerator.yaml": yaml_text(accelerator, comment=f"Design {design.name!r}; pJ an access, bits"),
        "workload.yaml": yaml_text(workload, comment="Each different layer once, see layers.json"),
        "mapping.yaml": yaml_text(mappings, comment="Unrolling of each layer, by its name; ZigZag wants a default too"),
    }
