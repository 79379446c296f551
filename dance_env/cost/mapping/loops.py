"""The vocabulary of a mapping: the loops of a layer, where they may run, and what they move.

Kernels index arrays with the numbers, people read the letters.
"""

from __future__ import annotations

import numpy as np

DIMS = "CMGRSPQ"
"""Input and output channels per group, groups, filter rows and columns, output rows and columns."""
C, M, G, R, S, P, Q = range(7)
DIM_NAMES = dict(
    zip(
        DIMS,
        (
            "input channels",
            "output channels",
            "groups",
            "filter rows",
            "filter columns",
            "output rows",
            "output columns",
        ),
        strict=True,
    )
)

LEVELS = ("dram", "glb", "cols", "rows", "rf")
"""Where a loop may run, outermost first: DRAM, global buffer, columns and rows of the array, register file."""
DRAM, GLB, X, Y, RF = range(5)

AXIS = np.array([1, -1, 0, 2, 3, 2, 3], dtype=np.int64)
"""Axis of the input tensor (G, C, H, W) that each loop moves along; -1 for M, which does not move it."""
H_AXIS = 2
"""Of `AXIS`: rows of the input."""

REDUCTION = "CRS"
"""Loops over which the products of one output are summed: they do not move it."""
