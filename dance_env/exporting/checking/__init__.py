"""Tools asked about what was exported to them: each layer with our mapping, their counts beside ours.

- `check`: asks a tool, and holds its answers beside our costs.
- `reasons`: the rules of a tool that make its counts others than ours.
- `accelforge_worker`, `zigzag_worker`: run where the tool is, and read the exported files.
"""

from dance_env.exporting.checking.check import TOOLS, LayerCheck, ToolCheck, check_files

__all__ = ["TOOLS", "LayerCheck", "ToolCheck", "check_files"]
