"""One design, out to files that other tools read.

- `design_file`: the value (`DesignFile`): networks, accelerator, technology, costs, provenance; as JSON.
- `design_parts`: what it is made of, and what it costs.
- `plain_data`: its parts as plain data, checked as they are read.
- `formats`: what a design is exported to, by name; `files`: how the files of an export are named and written.
- `timeloop/`, `zigzag/`, `accelforge/`: the accelerator, and each of its `different_layers` with its mapping
  (`mapped_layers`); as text by `yaml_text`.
- `checking/`: the tools asked what the exported layers cost.
- `network/`: the network alone, as ONNX and as a PyTorch module.
"""

from dance_env.exporting.design_file import DesignFile
from dance_env.exporting.design_parts import DesignCosts, DesignWorkload, Provenance

__all__ = ["DesignCosts", "DesignFile", "DesignWorkload", "Provenance"]
