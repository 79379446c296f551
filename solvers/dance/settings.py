"""How an evaluator is built and trained; every value that the paper does not state is a setting here."""

from __future__ import annotations

from dataclasses import dataclass, field

from solvers.dance.sampling import SamplingSettings


@dataclass(frozen=True)
class TrainingLoop:
    """One network's training: AdamW, linear warm-up over the first twentieth of the steps, then cosine to zero.

    Attributes:
        epochs: passes over the training set.
        batch: samples per step.
        learning_rate: at the top.
        weight_decay: decoupled.
    """

    epochs: int
    batch: int = 512
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4


@dataclass(frozen=True)
class EvaluatorSettings:
    """An evaluator: its sizes, its training sets, its training.

    Attributes:
        networks: training networks, each labelled with its best accelerator.
        pairs: training (network, accelerator) pairs, each labelled with its latency, energy and area.
        generator, estimator: the two training loops.
        generator_width, estimator_width, layers: sizes (128, 256 and 5; the widths are recalled from the paper).
        feature_forwarding: whether the estimator sees the accelerator.
        sampling: the distribution of the training networks.
        seed: of samples and weights. Fixed by default: an evaluator is trained once and serves every run.
    """

    networks: int = 12_000
    pairs: int = 200_000
    generator: TrainingLoop = field(default_factory=lambda: TrainingLoop(epochs=20))
    estimator: TrainingLoop = field(default_factory=lambda: TrainingLoop(epochs=3))
    generator_width: int = 128
    estimator_width: int = 128
    layers: int = 5
    feature_forwarding: bool = True
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("networks", "pairs"):
            if getattr(self, name) < 2:
                raise ValueError(f"an evaluator needs at least two {name} to train on; got {getattr(self, name)}")
