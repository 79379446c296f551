"""What can be chosen: one mixed-discrete space of network and hardware choices.

- `choice`: `Choice`, a name and its options.
- `design_space`: `DesignSpace`, the designs that choices span, as indices, one-hots, distributions, names and ranks.
- `accelerator`: `Hardware`, accelerators as arrays; `AcceleratorSpace`, a grid of them.
"""

from dance_env.space.accelerator import DATAFLOWS, AcceleratorSpace, Hardware, dance_accelerators
from dance_env.space.choice import Choice
from dance_env.space.design_space import DesignSpace

__all__ = ["DATAFLOWS", "AcceleratorSpace", "Choice", "DesignSpace", "Hardware", "dance_accelerators"]
