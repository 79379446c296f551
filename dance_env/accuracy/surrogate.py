"""The fitted surrogate of NAS-Bench-Macro that ships with the package: real CIFAR-10 behavior, no download.

An ensemble of small perceptrons (24 one-hot inputs, two hidden layers, ReLU), fitted by `dance_env.accuracy.fit`, which
also wrote the figures beside the weights. It is evaluated once, into the tensor of all 3^8 designs; designs that are
the same network get the same accuracy.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from dance_env.accuracy.nas_bench_macro import KEYS, NUM_BLOCKS, NUM_OPERATORS, same_network
from dance_env.accuracy.tensor import TensorAccuracy

WEIGHTS_FILE = Path(__file__).parent / "data" / "nas_bench_macro_surrogate.npz"
REPORT_FILE = WEIGHTS_FILE.with_suffix(".json")


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Weights of `M` perceptrons of width `W`, float32; their mean is the eighth root of the error in percent.

    The root evens out the scale (errors are 7 to 55 percent, most of them near 9) as a logarithm would, and its inverse
    is three squarings, which every machine rounds alike.

    Attributes:
        w1: (M, 24, W). b1: (M, W). w2: (M, W, W). b2: (M, W). w3: (M, W). b3: (M,).
    """

    w1: np.ndarray
    b1: np.ndarray
    w2: np.ndarray
    b2: np.ndarray
    w3: np.ndarray
    b3: np.ndarray

    def __post_init__(self) -> None:
        members, width = self.b1.shape
        inputs = NUM_BLOCKS * NUM_OPERATORS
        shapes = {
            **{"w1": (members, inputs, width), "b1": (members, width), "w2": (members, width, width)},
            **{"b2": (members, width), "w3": (members, width), "b3": (members,)},
        }
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != np.float32 or not np.isfinite(array).all():
                raise ValueError(
                    f"surrogate weights {name} must be finite float32 of shape {shape}; got {array.dtype} {array.shape}"
                )

    def accuracy_pct(self) -> np.ndarray:
        """Predicted accuracy, percent, of all 3^8 designs in C order, shape (6561,) float64.

        Written as elementwise sums in a fixed order, not as matrix products: the order of a BLAS sum differs between
        machines, and the last bit of these accuracies would with it.
        """
        distinct = sorted({same_network(key) for key in KEYS})
        digits = np.array([[int(digit) for digit in key] for key in distinct])
        inputs = digits + NUM_OPERATORS * np.arange(NUM_BLOCKS)
        total = np.zeros(len(distinct))
        for member in range(len(self.b1)):
            w1, w2, w3 = (getattr(self, name)[member].astype(np.float64) for name in ("w1", "w2", "w3"))
            first = np.zeros((w1.shape[1], len(distinct))) + self.b1[member].astype(np.float64)[:, None]
            for block in range(NUM_BLOCKS):
                first += w1.T[:, inputs[:, block]]
            np.maximum(first, 0.0, out=first)
            output = np.full(len(distinct), float(self.b3[member]))
            for unit in range(w2.shape[1]):
                hidden = np.full(len(distinct), float(self.b2[member, unit]))
                for source in range(w2.shape[0]):
                    hidden += w2[source, unit] * first[source]
                output += w3[unit] * np.maximum(hidden, 0.0)
            total += output
        root = total / len(self.b1)
        error = root * root
        error = error * error
        error = error * error
        row = {key: i for i, key in enumerate(distinct)}
        return (100.0 - error)[[row[same_network(key)] for key in KEYS]]


@cache
def load_surrogate() -> TensorAccuracy:
    """Return the shipped surrogate's accuracies of all networks, shape (3,) * 8; the same bits on every machine.

    Raises:
        FileNotFoundError: If the package's weights are missing; reinstall it.
        ValueError: If they are damaged; reinstall it.
    """
    return TensorAccuracy(load_ensemble().accuracy_pct().reshape((NUM_OPERATORS,) * NUM_BLOCKS) / 100.0)


def load_ensemble(path: Path = WEIGHTS_FILE) -> Ensemble:
    """Return the weights in a file that `dance_env.accuracy.fit` wrote (no pickle is read)."""
    with np.load(path, allow_pickle=False) as arrays:
        missing = {"w1", "b1", "w2", "b2", "w3", "b3"} - set(arrays.files)
        if missing:
            raise ValueError(
                f"surrogate weights {path} lack {sorted(missing)}; reinstall the package or fit them again"
            )
        return Ensemble(**{name: arrays[name] for name in ("w1", "b1", "w2", "b2", "w3", "b3")})


def surrogate_report() -> dict[str, Any]:
    """Return what was measured when the shipped weights were fitted: held-out error, rank correlation, seed noise; and how."""
    report: dict[str, Any] = json.loads(REPORT_FILE.read_text(encoding="utf-8"))
    return report
