"""The settings of an image search and of the final training, with presets for the tasks of the catalog."""

from __future__ import annotations

from dataclasses import dataclass

from dance_env.suggest import nearest
from solvers.methods.dance.images.gates import SAMPLINGS, Sampling
from solvers.methods.dance.images.weight_training import WeightSettings


@dataclass(frozen=True)
class ChoiceSettings:
    """How the network choice is learnt; the defaults are ProxylessNAS's where the paper is silent.

    Attributes:
        warmup_epochs: epochs at the start that train weights only, on uniformly sampled paths; if that is all epochs,
            nothing is searched, and the outcome is a supernet that ranks networks without favour.
        grown_epochs: how many of them train the smallest option of each choice only, from which the others are then
            grown (`solvers.methods.dance.images.grow`). ProxylessNAS has none, and needs its 40 epochs; a short search
            on few images is not possible without.
        every: weight steps for each step of the choice.
        learning_rate: of Adam on the logits.
        betas: Adam's.
        initial_deviation: the logits start as N(0, this).
        sampling: how paths are sampled and differentiated; see `solvers.methods.dance.images.gates.draw`.
        temperature: of the Gumbel softmax in the first search epoch.
        temperature_decay: the temperature is multiplied by this each epoch.
        lambda2: nats of cross-entropy that one unit of the hardware term is worth.
        lambda2_warmup: share of the search epochs in which lambda2 rises from 0, linearly; else the cheap options win
            before the weights can tell them apart.
    """

    warmup_epochs: int = 40
    grown_epochs: int = 0
    every: int = 5
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.0, 0.999)
    initial_deviation: float = 1e-3
    sampling: Sampling = "binary"
    temperature: float = 5.0
    temperature_decay: float = 0.975
    lambda2: float = 0.1
    lambda2_warmup: float = 0.5

    def __post_init__(self) -> None:
        if self.warmup_epochs < 0 or self.every < 1:
            raise ValueError(f"warmup_epochs >= 0 and every >= 1 expected, got {self.warmup_epochs} and {self.every}")
        if not 0 <= self.grown_epochs <= self.warmup_epochs:
            raise ValueError(
                f"grown_epochs must be in 0..{self.warmup_epochs} (warmup_epochs), got {self.grown_epochs}"
            )
        if self.sampling not in SAMPLINGS:
            raise ValueError(f"unknown sampling {self.sampling!r}. {nearest(self.sampling, SAMPLINGS)}")
        if not (self.learning_rate > 0 and self.temperature > 0 and 0 < self.temperature_decay <= 1):
            raise ValueError("learning_rate and temperature must be positive, temperature_decay in (0, 1]")
        if self.lambda2 < 0 or not 0 <= self.lambda2_warmup <= 1:
            raise ValueError(f"lambda2 >= 0 and lambda2_warmup in [0, 1], got {self.lambda2}, {self.lambda2_warmup}")


@dataclass(frozen=True)
class ImageSearchSettings:
    """One whole run: search, derive, train from scratch.

    Attributes:
        search: weight training of the supernet; `search.epochs` counts warm-up and search epochs together.
        choice: training of the network choice.
        final: training of the derived network.
        seed: of everything that is drawn.
    """

    search: WeightSettings
    choice: ChoiceSettings
    final: WeightSettings
    seed: int = 0

    def __post_init__(self) -> None:
        if self.choice.warmup_epochs > self.search.epochs:
            raise ValueError(
                f"search.epochs counts the warm-up too: expected at least {self.choice.warmup_epochs}, "
                f"got {self.search.epochs}"
            )


_CIFAR = ImageSearchSettings(
    search=WeightSettings(epochs=160),
    choice=ChoiceSettings(warmup_epochs=40),
    final=WeightSettings(epochs=300, learning_rate=0.05),
)
PRESETS: dict[str, ImageSearchSettings] = {
    "dance-mnist": ImageSearchSettings(
        search=WeightSettings(epochs=18, batch_size=32, learning_rate=0.05, label_smoothing=0.0),
        choice=ChoiceSettings(warmup_epochs=6, grown_epochs=4, every=3, learning_rate=0.04, lambda2=0.1),
        final=WeightSettings(epochs=20, batch_size=32, learning_rate=0.05),
    ),
    "dance-cifar10": _CIFAR,
    "dance-cifar100": _CIFAR,
    "dance-imagenet": _CIFAR,
}


def preset(name: str) -> ImageSearchSettings:
    """The settings that suit a task of the catalog.

    Raises:
        ValueError: unknown name, with the nearest ones.
    """
    if name not in PRESETS:
        raise ValueError(f"no preset for the task {name!r}. {nearest(name, PRESETS)}")
    return PRESETS[name]
