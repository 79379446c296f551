"""What can be chosen: one mixed-discrete space of network and hardware choices.

- `choice`: `Choice`, a name and its options.
- `design_space`: `DesignSpace`, the designs that choices span, as indices, one-hots, distributions, names and ranks.
- `indices`: the check of option indices.
- `factors`: `FactorSum`, tables over a few choices each, added up: values, exact expectations, bounds; `factors_torch`,
  its differentiable twin (torch; never imported from here).
- `accelerator`: `Hardware`, accelerators as arrays; `AcceleratorSpace`, a grid of them.
"""

from dance_env.space.accelerator import DATAFLOWS, AcceleratorSpace, Hardware, dance_accelerators, dance_buffers
from dance_env.space.choice import Choice
from dance_env.space.design_space import DesignSpace
from dance_env.space.factors import FREE, Factor, FactorSum
from dance_env.space.indices import check_indices

__all__ = [
    "DATAFLOWS",
    "FREE",
    "AcceleratorSpace",
    "Choice",
    "DesignSpace",
    "Factor",
    "FactorSum",
    "Hardware",
    "check_indices",
    "dance_accelerators",
    "dance_buffers",
]
