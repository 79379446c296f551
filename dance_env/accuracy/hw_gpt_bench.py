"""Perplexities of language models: HW-GPT-Bench's perceptrons, and our sums of factors fitted to them, which ship.

HW-GPT-Bench (Sukthanker et al., 2024, github.com/automl/HW-GPT-Bench, Apache-2.0) predicts the OpenWebText perplexity of
networks that are parts of one trained supernet. So these are a supernet's perplexities, said by a predictor; no training
time comes with them. `fit_hw_gpt_bench` made the factors and measured what they miss.

Perplexity takes the place of the error in percent: accuracy = 1 - perplexity / 100, and the error of a problem is the
perplexity itself.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dance_env.accuracy.factors import FactorAccuracy
from dance_env.space import Factor, FactorSum

FACTORS_FILE = Path(__file__).parent / "data" / "hw_gpt_bench.npz"
REPORT_FILE = FACTORS_FILE.with_suffix(".json")

MOST_LAYERS = {"gpt-s": 12, "gpt-m": 24, "gpt-l": 36}
"""Layers of the deepest networks of each space; each offers three depths, down to two layers fewer."""

WIDTH = 128
_OPTIONS = 3  # of every choice but the bias
ERROR_NAME = "perplexity"


@dataclass(frozen=True, eq=False)
class Perceptron:
    """HW-GPT-Bench's perceptron for one space: perplexity from one-hot choices, four hidden layers, ReLU.

    It has no expectation over choices that are drawn: the perceptron of probabilities is not the mean of the
    perceptron. So solvers that need gradients cannot use it.

    Attributes:
        name: Of the space, `"gpt-s"`, `"gpt-m"` or `"gpt-l"`.
        weights: `(out, in)` float32 of each of the five layers.
        biases: `(out,)` float32.
    """

    name: str
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    error_name = ERROR_NAME

    @classmethod
    def load(cls, path: str | Path, name: str) -> Perceptron:
        """Read a file `perplexity_*.npz` with `fc1..fc5` weights and biases (no pickle is read).

        Args:
            path: The file.
            name: Of the space that it is for.

        Raises:
            OSError: If the file cannot be read.
            ValueError: If it is no such file, or is of another space.
        """
        inputs = 2 * _OPTIONS + 2 * _OPTIONS * MOST_LAYERS[name] + 2
        shapes = [(WIDTH, inputs), *[(WIDTH, WIDTH)] * 3, (1, WIDTH)]
        try:
            with np.load(path, allow_pickle=False) as arrays:
                found = {key: arrays[key] for key in arrays.files}
        except (ValueError, EOFError, zipfile.BadZipFile, KeyError) as error:
            raise ValueError(f"{path}: expected a file of numpy arrays (.npz): {error}") from None
        weights: list[np.ndarray] = []
        biases: list[np.ndarray] = []
        for layer, shape in enumerate(shapes, start=1):
            for key, expected, into in ((f"fc{layer}.weight", shape, weights), (f"fc{layer}.bias", shape[:1], biases)):
                array = found.get(key)
                if array is None or array.shape != expected or not np.isfinite(array).all():
                    is_there = "nothing" if array is None else f"shape {array.shape}"
                    raise ValueError(
                        f"{path}: expected {key} of shape {expected}, finite, for {name!r}; found {is_there}. HW-GPT-Bench's "
                        f"perceptrons are one file a space: is this the one of {name!r}?"
                    )
                into.append(array.astype(np.float32))
        return cls(name, tuple(weights), tuple(biases))

    def perplexity(self, networks: np.ndarray) -> np.ndarray:
        """Return the perplexity `(B,)` of networks `(B, 3 + 2 layers)`, the option indices of a `TransformerSpace`.

        Written as elementwise sums in a fixed order: a matrix product's last bits differ between machines and batches.
        """
        first = self.weights[0].T.astype(np.float64)
        hidden = np.repeat(self.biases[0].astype(np.float64)[None], len(networks), axis=0)
        for rows, there in self._inputs(networks):
            hidden += first[rows] * there[:, None]
        for weight, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            np.maximum(hidden, 0.0, out=hidden)
            sums = np.repeat(bias.astype(np.float64)[None], len(networks), axis=0)
            for source, column in enumerate(weight.T.astype(np.float64)):
                sums += hidden[:, source, None] * column
            hidden = sums
        return hidden[:, 0]

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        """Return the accuracy `(B,)`, 1 - perplexity / 100."""
        return 1.0 - self.perplexity(networks) / 100.0

    def fingerprint(self) -> str:
        """Return a sha256 in hexadecimal over the weights."""
        digest = hashlib.sha256(self.name.encode())
        for array in (*self.weights, *self.biases):
            digest.update(array.astype("<f4").tobytes())
        return digest.hexdigest()

    def _inputs(self, networks: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Which input each choice sets, `(B,)`, and whether it is set: layers beyond the depth set none."""
        layers = MOST_LAYERS[self.name]
        depth = layers - _OPTIONS + 1 + networks[:, 1]
        always = np.ones(len(networks))
        found = [(networks[:, 0], always), (_OPTIONS + networks[:, 1], always)]
        for half in range(2):  # MLP ratios of all layers, then heads of all layers
            for layer in range(layers):
                start = 2 * _OPTIONS + _OPTIONS * (half * layers + layer)
                found.append((start + networks[:, 3 + 2 * layer + half], (layer < depth).astype(np.float64)))
        yes_first = 2 * _OPTIONS + 2 * _OPTIONS * layers + 1 - networks[:, 2]  # their order is yes, no; ours no, yes
        return [*found, (yes_first, always)]


@dataclass(frozen=True, eq=False)
class PerplexityFactors:
    """Perplexity as a sum: a constant of embedding, depth and bias, and a term of each layer's MLP ratio and heads.

    The terms of a layer depend on embedding, depth and bias as well. Layers beyond the depth add nothing.

    Attributes:
        constant: `(3, 3, 2)`: embedding, depth, bias.
        layers: `(3, 3, 2, most layers, 2, 3)`: those, layer, MLP ratio or heads, option; 0 for option 0.
    """

    constant: np.ndarray
    layers: np.ndarray

    @cached_property
    def accuracy(self) -> FactorAccuracy:
        """1 - perplexity / 100, over the choices of a `TransformerSpace`."""
        most = self.layers.shape[3]
        counts = [_OPTIONS, _OPTIONS, 2, *[_OPTIONS] * (2 * most)]
        factors = [Factor((0, 1, 2), -self.constant.reshape(-1, 1).astype(np.float64) / 100.0)]
        for layer in range(most):
            for half in range(2):
                table = -self.layers[:, :, :, layer, half].reshape(-1, 1).astype(np.float64) / 100.0
                factors.append(Factor((0, 1, 2, 3 + 2 * layer + half), table))
        return FactorAccuracy(FactorSum(counts, [1.0], factors), error_name=ERROR_NAME)


@cache
def load_factors(name: str) -> PerplexityFactors:
    """Return the shipped factors of a space, `"gpt-s"`, `"gpt-m"` or `"gpt-l"`; the same bits on every machine."""
    with np.load(FACTORS_FILE, allow_pickle=False) as arrays:
        return PerplexityFactors(arrays[f"{name}.constant"], arrays[f"{name}.layers"])


def perplexity_report() -> dict[str, Any]:
    """Return what was measured when the shipped factors were fitted, by space: held-out errors and rank correlations."""
    report: dict[str, Any] = json.loads(REPORT_FILE.read_text(encoding="utf-8"))
    return report
