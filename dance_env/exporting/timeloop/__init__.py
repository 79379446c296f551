"""A design as Timeloop reads it: architecture, energy and area tables, and a problem and a mapping for each layer.

- `architecture`: the hardware, and its tables of energy (ERT) and area (ART).
- `nest`: the problem of a layer, and one of our mappings as Timeloop's directives.
- `export`: all files of a design.
"""

from dance_env.exporting.timeloop.export import timeloop_files

__all__ = ["timeloop_files"]
