"""All files of a design for AccelForge."""

from __future__ import annotations

import json
from collections.abc import Sequence

from dance_env.cost.backends import accelforge_description as description
from dance_env.exporting.accelforge.architecture import Node, architecture
from dance_env.exporting.accelforge.nest import RENAMES, nest, workload
from dance_env.exporting.design_file import DesignFile
from dance_env.exporting.files import Files
from dance_env.exporting.mapped_layers import MappedLayer, mapped_layers
from dance_env.exporting.yaml_text import comment_lines
from dance_env.graph import layer_row
from dance_env.space import DATAFLOWS

COMMAND = "accelforge.Spec.from_yaml('layers/LAYER/mapping.yaml').evaluate_mapping()"
SEARCH_COMMAND = "accelforge.Spec.from_yaml('layers/LAYER/search.yaml').map_workload_to_arch()"


def accelforge_files(design: DesignFile) -> Files:
    """Return the files of a design for AccelForge.

    ``layers/*/mapping.yaml`` hold workload, architecture and our mapping of each different layer, for AccelForge to cost;
    ``layers/*/search.yaml`` workload and architecture for a search of its own, in the terms of the back end `accelforge`.
    ``layers.json`` says which layer of the network is which, how often each runs, and what it costs by our count.
    """
    hardware = design.hardware
    files: dict[str, str] = {}
    layers = mapped_layers(design)
    for each in layers:
        folder = f"layers/{each.layer.folder}"
        files[f"{folder}/mapping.yaml"] = _mapped(design, each)
        files[f"{folder}/search.yaml"] = description.spec(
            layer_row(each.layer.first),
            design.technology,
            DATAFLOWS[int(hardware.dataflow[0])],
            pe_x=int(hardware.pe_x[0]),
            pe_y=int(hardware.pe_y[0]),
            rf_words=int(hardware.rf_words[0]),
        )
    listed = [each.to_dict() for each in layers]
    content = {"command": COMMAND, "search_command": SEARCH_COMMAND, "layers": listed}
    files["layers.json"] = json.dumps(content, indent=1) + "\n"
    return files


def _mapped(design: DesignFile, each: MappedLayer) -> str:
    """Return one layer with its mapping as AccelForge's specification."""
    mapping, cost, technology = each.mapping, each.cost, design.technology
    nodes, glb_words, exact, linked, apart = nest(mapping)
    title = [f"Layer {each.layer.first.name}: {cost.cycles:.10g} cycles, {cost.energy_pj:.10g} pJ by our count"]
    if glb_words > technology.glb_words:
        title.append(
            f"GLB has {technology.glb_words} words; here as many as AccelForge counts in it, see docs/export.md"
        )
    if not exact:
        title.append("Not our mapping in full: a register file is refilled more often here, see docs/export.md")
    return "\n".join(
        [
            *comment_lines("\n".join([*title, mapping.loop_nest()])),
            f"workload: {_flow(workload(mapping))}",
            f"renames: {_flow(RENAMES)}",
            *_tagged(
                "arch", architecture(technology, design.hardware, glb_words=glb_words, linked=linked, apart=apart)
            ),
            *_tagged("mapping", nodes),
            "",
        ]
    )


def _tagged(name: str, nodes: Sequence[Node]) -> list[str]:
    return [f"{name}:", "  nodes:", *(f"  - !{tag} {_flow(fields)}" for tag, fields in nodes)]


def _flow(value: object) -> str:
    """Return JSON, which is YAML too; YAML's infinity in the place of JSON's."""
    return json.dumps(value).replace("Infinity", "inf")
