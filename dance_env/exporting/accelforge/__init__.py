"""A design as AccelForge reads it: one specification for each layer with our mapping, and one for a search of its own.

- `architecture`: the hardware in our counting rules.
- `nest`: the layer, and one of our mappings as AccelForge's nodes.
- `export`: all files of a design.
"""

from dance_env.exporting.accelforge.export import accelforge_files

__all__ = ["accelforge_files"]
