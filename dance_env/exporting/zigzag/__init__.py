"""A design as ZigZag reads it: the whole network for a search of ZigZag's own, and each layer with our mapping.

- `nest`: the layer, the accelerator and one of our mappings as ZigZag reads them.
- `export`: all files of a design.
"""

from dance_env.exporting.zigzag.export import zigzag_files

__all__ = ["zigzag_files"]
