"""Settings of an image search and of the final training, with presets for the image tasks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dance_env.suggest import nearest
from solvers.methods.dance.images.gates import SAMPLINGS, Sampling
from solvers.methods.dance.images.training.weights import WeightSettings


@dataclass(frozen=True)
class ChoiceSettings:
    """How the network choice is trained; the defaults are ProxylessNAS's where the paper is silent.

    Attributes:
        warmup_epochs: Epochs at the start that train weights only, on uniformly sampled paths. If that is all epochs,
            nothing is searched, and the result is a supernet that favors no network.
        grown_epochs: How many of them train the smallest option of each choice only, from which the others are then
            grown (`grow`). ProxylessNAS has none, and needs its 40 epochs; a short search on few images does not work
            without.
        every: Weight steps for each step of the choice.
        learning_rate: Of Adam on the logits.
        betas: Adam's.
        initial_deviation: The logits start as N(0, this).
        sampling: How paths are sampled and differentiated; see `gates.draw`.
        temperature: Of the Gumbel softmax over paths in the first search epoch.
        temperature_decay: The temperature is multiplied by this each epoch.
        lambda2: Nats of cross-entropy that one unit of the hardware term is worth.
        lambda2_warmup: Share of the search epochs in which lambda2 rises linearly from 0; else the cheap options win
            before the weights can tell them apart.

    Raises:
        ValueError: If a setting is out of its range.
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
class ImageSettings:
    """How a supernet and its choice are trained, and how a network is trained from scratch.

    Attributes:
        search: Weight training of the supernet; `search.epochs` counts warm-up and search epochs together.
        choice: Training of the network choice.
        final: Training of one network from scratch.

    Raises:
        ValueError: If the warm-up has more epochs than the search in all.
    """

    search: WeightSettings
    choice: ChoiceSettings
    final: WeightSettings

    def __post_init__(self) -> None:
        if self.choice.warmup_epochs > self.search.epochs:
            raise ValueError(
                f"search.epochs counts the warm-up too: expected at least {self.choice.warmup_epochs}, "
                f"got {self.search.epochs}"
            )

    def choice_steps(self, *, steps_per_epoch: int) -> int:
        """Return how many choice steps a whole search takes, at so many weight steps an epoch."""
        return steps_per_epoch * (self.search.epochs - self.choice.warmup_epochs) // self.choice.every

    def with_choice_steps(self, most: int, *, steps_per_epoch: int) -> ImageSettings:
        """Return these settings with at most `most` choice steps, spread over the search epochs.

        Args:
            most: Choice steps that can be paid for, at least 0.
            steps_per_epoch: Weight steps an epoch.
        """
        if self.choice_steps(steps_per_epoch=steps_per_epoch) <= most:
            return self
        searching = steps_per_epoch * (self.search.epochs - self.choice.warmup_epochs)
        # The smallest `every` with searching // every <= most.
        return replace(self, choice=replace(self.choice, every=searching // (most + 1) + 1))

    def uniform(self, *, epochs: int | None = None) -> ImageSettings:
        """Return these settings with every epoch on uniformly drawn paths, so that nothing is searched.

        Args:
            epochs: Passes over the weights' images; as many as `search` has if None.

        Raises:
            ValueError: If there is less than one epoch.
        """
        search = self.search if epochs is None else replace(self.search, epochs=epochs)
        grown = min(self.choice.grown_epochs, search.epochs)
        return replace(
            self, search=search, choice=replace(self.choice, warmup_epochs=search.epochs, grown_epochs=grown)
        )


_CIFAR = ImageSettings(
    search=WeightSettings(epochs=160),
    choice=ChoiceSettings(warmup_epochs=40),
    final=WeightSettings(epochs=300, learning_rate=0.05),
)
PRESETS: dict[str, ImageSettings] = {
    "dance-mnist": ImageSettings(
        search=WeightSettings(epochs=18, batch_size=32, learning_rate=0.05, label_smoothing=0.0),
        choice=ChoiceSettings(warmup_epochs=6, grown_epochs=4, every=3, learning_rate=0.04, lambda2=0.1),
        final=WeightSettings(epochs=20, batch_size=32, learning_rate=0.05),
    ),
    "dance-cifar10": _CIFAR,
    # Made to fit 40 minutes of two cores, search and final training together.
    "dance-cifar10-lite": ImageSettings(
        search=WeightSettings(epochs=8, batch_size=32, learning_rate=0.05, label_smoothing=0.0),
        choice=ChoiceSettings(warmup_epochs=3, grown_epochs=1, every=4, learning_rate=0.02, lambda2=0.2),
        final=WeightSettings(epochs=10, batch_size=32, learning_rate=0.05, label_smoothing=0.0),
    ),
    "dance-cifar100": _CIFAR,
    "dance-imagenet": _CIFAR,
}


def preset(network_space: str) -> ImageSettings:
    """Return the settings that suit the networks of an image task.

    Args:
        network_space: Name of the network space, such as "dance-mnist".

    Raises:
        ValueError: If there is no preset; the nearest names are offered.
    """
    if network_space not in PRESETS:
        raise ValueError(
            f"there is no preset for the networks {network_space!r}; give settings of your own. "
            f"{nearest(network_space, PRESETS)}"
        )
    return PRESETS[network_space]
