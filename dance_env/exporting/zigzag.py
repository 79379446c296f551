"""A design as ZigZag reads it: accelerator, workload and mapping, in the terms of the back end `zigzag`."""

from __future__ import annotations

import json

from dance_env.cost.backends import zigzag_description as description
from dance_env.exporting.design_file import DesignFile
from dance_env.exporting.different_layers import different_layers
from dance_env.exporting.files import Files
from dance_env.exporting.yaml_text import yaml_text
from dance_env.graph import layer_row
from dance_env.space import DATAFLOWS

COMMAND = (
    "zigzag.api.get_hardware_performance_zigzag(workload='workload.yaml', accelerator='accelerator.yaml', "
    "mapping='mapping.yaml', opt='EDP')"
)


def zigzag_files(design: DesignFile) -> Files:
    """Return the files of a design for ZigZag.

    ``workload.yaml`` holds each different layer once, each for itself: inputs and weights come from DRAM. ``mapping.yaml``
    gives the unrolling of each layer by its name; ZigZag searches the order of the loops. ``layers.json`` says which layer
    of the network is which, and how often each runs.
    """
    hardware = design.hardware
    dataflow = DATAFLOWS[int(hardware.dataflow[0])]
    array = {"pe_x": int(hardware.pe_x[0]), "pe_y": int(hardware.pe_y[0])}
    layers = different_layers(design)
    workload, mappings = [], []
    for number, layer in enumerate(layers):
        row = layer_row(layer.first)
        workload.append(description.layer(row, number=number, name=layer.folder))
        spatial = description.unrolling(row, dataflow, **array)
        mappings += description.mapping(spatial, name=layer.folder)
    mappings += description.mapping(description.unrolling(layer_row(layers[0].first), dataflow, **array))
    accelerator = description.accelerator(design.technology, dataflow, rf_words=int(hardware.rf_words[0]), **array)
    listed = [layer.to_dict() for layer in layers]
    return {
        "accelerator.yaml": yaml_text(accelerator, comment=f"Design {design.name!r}; pJ an access, bits"),
        "workload.yaml": yaml_text(workload, comment="Each different layer once, see layers.json"),
        "mapping.yaml": yaml_text(mappings, comment="Unrolling of each layer, by its name; ZigZag wants a default too"),
        "layers.json": json.dumps({"command": COMMAND, "layers": listed}, indent=1) + "\n",
    }
