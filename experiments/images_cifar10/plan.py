"""What is run, in which order, and at which schedule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dance_env.graph.networks import network_space
from dance_env.space import DesignSpace
from dance_env.tasks import get_task
from solvers.methods.dance.images.hardware import HardwareName
from solvers.methods.dance.images.settings import ChoiceSettings, ImageSettings
from solvers.methods.dance.images.training.weights import WeightSettings

TASK = "dance-cifar10-lite/edap"
SEEDS = (0, 1, 2)
LAMBDAS = (0.05, 0.2, 1.0)
"""Nats per unit of the hardware term, which is 1 for uniform probabilities.

0.2 and 1 were fixed beforehand. 0.05 was added after seed 0 had run: a price of 1 ends at the smallest networks.
"""
JOINT: tuple[HardwareName, ...] = ("table", "evaluator")
SEPARATE: tuple[HardwareName, ...] = ("macs", "none")
RANKED = 30


def _weights(epochs: int) -> WeightSettings:
    return WeightSettings(epochs=epochs, batch_size=32, learning_rate=0.05, label_smoothing=0.0)


SHORT = ImageSettings(
    search=_weights(2),
    choice=ChoiceSettings(warmup_epochs=1, grown_epochs=1, every=4, learning_rate=0.04, lambda2_warmup=0.25),
    final=_weights(2),
)
"""Of every search and training: a fifth of the preset, since some 50 networks are trained."""
SUPERNET_EPOCHS = 4
"""On uniform paths, of the supernet whose ranking is tested."""


@dataclass(frozen=True)
class Search:
    """One search, and the training of the network that it finds."""

    seed: int
    term: HardwareName
    lambda2: float

    @property
    def name(self) -> str:
        """Of its record."""
        return f"search-seed{self.seed}-{self.term}-lambda{self.lambda2:g}"


@dataclass(frozen=True)
class Ranked:
    """One network that is trained from scratch for the rank correlation."""

    number: int
    network: tuple[int, ...]

    @property
    def name(self) -> str:
        """Of its record."""
        return f"ranked-{self.number:02d}"


def pieces() -> Iterator[Search | Ranked]:
    """Yield everything, seed by seed and within a seed by lambda2, so that what has run can be compared; then the ranking."""
    for seed in SEEDS:
        yield Search(seed, "none", 0.0)
        for lambda2 in LAMBDAS:
            for term in ("table", "macs", "evaluator"):
                yield Search(seed, term, lambda2)
    for number, network in enumerate(ranked_networks(RANKED)):
        yield Ranked(number, network)


def ranked_networks(count: int) -> list[tuple[int, ...]]:
    """Return networks of all sizes, in random order: one from each of `count` equal steps of log multiply-accumulates."""
    space = network_space(get_task(TASK).network)
    designs = DesignSpace(space.choices())
    networks = designs.unrank(np.arange(designs.size))
    size = np.log(space.macs(networks).astype(float))
    step = np.digitize(size, np.linspace(size.min(), size.max(), count + 1)[1:-1])
    rng = np.random.default_rng(0)
    chosen = [networks[rng.choice(np.flatnonzero(step == each))] for each in range(count)]
    return [tuple(map(int, chosen[each])) for each in rng.permutation(count)]
