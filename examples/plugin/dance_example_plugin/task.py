"""The task `keyword-spotting`: depthwise-separable networks on spectrograms, priced by the roofline of this package."""

from __future__ import annotations

import numpy as np

from dance_env import AcceleratorSpace, Constraint, Layer, LayerSpace, Linear, Objective, Problem
from dance_example_plugin.cost_model import Roofline

ROWS, COLUMNS = 25, 5
"""Of the feature maps: a spectrogram of 49 x 10 behind a stem of stride 2 (as in Zhang et al., arXiv 1711.07128)."""
CHANNELS, KERNELS, BLOCKS = 64, (3, 5, 7), ("block1", "block2", "block3", "block4")


def separable(kernel: int) -> tuple[Layer, ...]:
    """Return a depthwise convolution and the pointwise one behind it."""
    size = {"p": ROWS, "q": COLUMNS, "stride": 1}
    return (
        Layer(f"depthwise {kernel}", "depthwise", k=CHANNELS, c=CHANNELS, r=kernel, s=kernel, groups=CHANNELS, **size),
        Layer("pointwise", "pointwise", k=CHANNELS, c=CHANNELS, r=1, s=1, **size),
    )


def keyword_spotting() -> Problem:
    """Return the problem: 256 networks (each block a kernel size, or none) on 96 accelerators, within 2 mm2."""
    networks = LayerSpace(
        "keyword-spotting",
        fixed=(
            Layer("stem", "conv", k=CHANNELS, c=1, p=ROWS, q=COLUMNS, r=9, s=3, stride=2),
            Layer("classes", "fc", k=12, c=CHANNELS, p=1, q=1, r=1, s=1),
        ),
        options={block: {"none": (), **{f"k{size}": separable(size) for size in KERNELS}} for block in BLOCKS},
    )
    return Problem.build(
        "keyword-spotting",
        network_space=networks,
        accelerator_space=AcceleratorSpace(
            pe_x=(4, 8, 12, 16), pe_y=(4, 8, 12, 16), rf_words=(8, 16), dataflow=("WS", "OS", "RS")
        ),
        accuracy=lambda chosen: 0.96 - 0.3 * np.exp(-networks.macs(chosen) / 1e6),  # made up: put a table of yours here
        objective=Objective(
            Linear(energy_j=2e5, latency_s=1e4), weight=1.0, constraints=(Constraint("area_mm2", 2.0),)
        ),
        cost_model=Roofline(),
    )
