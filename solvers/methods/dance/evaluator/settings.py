"""How an evaluator is built and trained; every value that the paper does not state is a setting here."""

from __future__ import annotations

from dataclasses import dataclass, field

from solvers.methods.dance.evaluator.sampling import SamplingSettings


@dataclass(frozen=True)
class TrainingLoop:
    """The training of one network: linear warm-up over the first twentieth of the steps, then cosine to zero.

    The paper names no optimizer, learning rate or number of epochs.

    Attributes:
        epochs: passes over the training set.
        batch: samples per step.
        learning_rate: of AdamW, at its maximum.
        weight_decay: decoupled; of the layers' matrices with Muon, else of everything.
        matrix_rate: learning rate of Muon, which then trains the layers' matrices; 0: AdamW trains them too.
        frozen_norms: share of the steps, at the end, during which batch norms use the statistics that they will have
            after training.
    """

    epochs: int
    batch: int = 512
    learning_rate: float = 3e-3
    weight_decay: float = 0.0
    matrix_rate: float = 0.0
    frozen_norms: float = 0.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")
        if not (self.learning_rate > 0 and self.matrix_rate >= 0 and self.weight_decay >= 0):
            raise ValueError(
                "learning_rate must be above 0, matrix_rate and weight_decay at least 0; got "
                f"{self.learning_rate}, {self.matrix_rate} and {self.weight_decay}"
            )
        if not 0 <= self.frozen_norms <= 1:
            raise ValueError(f"frozen_norms must be a share of the steps, between 0 and 1; got {self.frozen_norms}")


@dataclass(frozen=True)
class EvaluatorSettings:
    """An evaluator: its sizes, its training sets, its training. The sizes and numbers of samples are the paper's.

    Attributes:
        networks: training networks, each labeled with its best accelerator.
        pairs: training (network, accelerator) pairs, each labeled with its latency, energy and area.
        generator, estimator: the two training loops.
        generator_width, estimator_width, layers: sizes (the widths are recalled from the paper).
        feature_forwarding: whether the estimator sees the accelerator. An estimator without it learns the costs on the best
            accelerator, one label a network, in as many steps.
        sampling: the distribution of the training networks.
        margin: share by which limits are tightened when the generator's labels are chosen, so that a generated
            accelerator that is slightly wrong still meets the real limit. If no accelerator meets the tightened limits,
            the original limits are used for that network's label.
        seed: of samples and weights. It does not depend on a run's seed: an evaluator is trained once and serves every
            run, unless a solver's `fresh_evaluator` is set.
    """

    networks: int = 50_000
    pairs: int = 1_800_000
    generator: TrainingLoop = field(default_factory=lambda: TrainingLoop(epochs=20, weight_decay=0.01))
    estimator: TrainingLoop = field(default_factory=lambda: TrainingLoop(epochs=2, batch=1024))
    generator_width: int = 128
    estimator_width: int = 256
    layers: int = 5
    feature_forwarding: bool = True
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    margin: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("networks", "pairs"):
            if getattr(self, name) < 2:
                raise ValueError(f"an evaluator needs at least two {name} to train on; got {getattr(self, name)}")
        if not 0 <= self.margin < 1:
            raise ValueError(f"margin must be a share of the limits, in [0, 1); got {self.margin}")


PAPER = EvaluatorSettings()
"""The paper's sizes and samples: two minutes of one core."""

LAPTOP = EvaluatorSettings(networks=12_000, pairs=200_000, estimator=TrainingLoop(epochs=4), estimator_width=128)
"""A quarter of the paper's networks, a ninth of its pairs, a narrower estimator: some 15 seconds of one core."""

MUON = EvaluatorSettings(
    networks=12_000,
    pairs=200_000,
    generator=TrainingLoop(epochs=10, learning_rate=1e-2, weight_decay=0.5, matrix_rate=0.05, frozen_norms=0.3),
    estimator=TrainingLoop(epochs=2, learning_rate=1e-2, matrix_rate=0.05, frozen_norms=0.3),
    estimator_width=128,
)
"""As small, and trained with Muon: a better estimator than `PAPER` in a tenth of the time. What `dance-refined` uses."""
