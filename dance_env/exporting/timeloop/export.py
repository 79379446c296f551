"""All files of a design for Timeloop."""

from __future__ import annotations

import json

from dance_env.exporting.design_file import DesignFile
from dance_env.exporting.files import Files
from dance_env.exporting.mapped_layers import mapped_layers
from dance_env.exporting.timeloop import architecture as hardware
from dance_env.exporting.timeloop import nest
from dance_env.exporting.yaml_text import yaml_text

COMMAND = "timeloop-model arch.yaml ERT.yaml ART.yaml layers/LAYER/problem.yaml layers/LAYER/mapping.yaml"


def timeloop_files(design: DesignFile) -> Files:
    """Return the files of a design for `timeloop-model`.

    ``arch.yaml``, ``ERT.yaml`` and ``ART.yaml`` are the accelerator; ``layers/*/problem.yaml`` and ``mapping.yaml`` each
    different layer with its best mapping; ``layers.json`` says which layer of the network is which, how often each
    runs, and what it costs by our count: what Timeloop should say.
    """
    technology = design.technology
    pe_x, pe_y = hardware.array_of(design.hardware)
    head = f"Design {design.name!r}. Run: {COMMAND}"
    files: dict[str, str] = {
        "arch.yaml": yaml_text(hardware.architecture(technology, design.hardware), comment=head),
        "ERT.yaml": yaml_text(hardware.energy_table(technology, design.hardware), comment="pJ an action"),
        "ART.yaml": yaml_text(hardware.area_table(technology, design.hardware), comment="um2 an instance"),
    }
    layers = mapped_layers(design)
    for each in layers:
        folder = f"layers/{each.layer.folder}"
        files[f"{folder}/problem.yaml"] = yaml_text(
            nest.problem(each.mapping), comment=f"Layer {each.layer.first.name}"
        )
        files[f"{folder}/mapping.yaml"] = yaml_text(
            nest.directives(each.mapping, pe_x=pe_x, pe_y=pe_y), comment=each.mapping.loop_nest()
        )
    listed = [each.to_dict() for each in layers]
    files["layers.json"] = json.dumps({"command": COMMAND, "layers": listed}, indent=1) + "\n"
    return files
