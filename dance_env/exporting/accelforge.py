"""A design as AccelForge reads it: one specification a layer, in the terms of the back end `accelforge`."""

from __future__ import annotations

import json

from dance_env.cost.backends import accelforge_description as description
from dance_env.exporting.design_file import DesignFile
from dance_env.exporting.different_layers import different_layers
from dance_env.exporting.files import Files
from dance_env.graph import layer_row
from dance_env.space import DATAFLOWS

COMMAND = "accelforge.Spec.from_yaml('layers/LAYER.yaml').map_workload_to_arch()"


def accelforge_files(design: DesignFile) -> Files:
    """Return the files of a design for AccelForge.

    ``layers/*.yaml`` hold workload and architecture of each different layer: which loops may be spread depends on the kind
    of layer, so the architecture does. AccelForge searches the mapping; ours keeps all three tensors in the register file,
    which this description does not (see `accelforge_description`). ``layers.json`` says which layer of the network is which.
    """
    hardware = design.hardware
    files: dict[str, str] = {}
    layers = different_layers(design)
    for layer in layers:
        files[f"layers/{layer.folder}.yaml"] = description.spec(
            layer_row(layer.first),
            design.technology,
            DATAFLOWS[int(hardware.dataflow[0])],
            pe_x=int(hardware.pe_x[0]),
            pe_y=int(hardware.pe_y[0]),
            rf_words=int(hardware.rf_words[0]),
        )
    listed = [layer.to_dict() for layer in layers]
    files["layers.json"] = json.dumps({"command": COMMAND, "layers": listed}, indent=1) + "\n"
    return files
