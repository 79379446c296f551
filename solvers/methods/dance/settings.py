"""How an evaluator is built and trained; every value that the paper does not state is a setting here."""

from __future__ import annotations

from dataclasses import dataclass, field

from solvers.methods.dance.sampling import SamplingSettings


@dataclass(frozen=True)
class TrainingLoop:
    """One network's training: linear warm-up over the first twentieth of the steps, then cosine to zero.

    The paper names no optimiser. With Muon on the layers' matrices 200 K pairs made a better estimator than 1.8 M did
    with AdamW alone.

    Attributes:
        epochs: passes over the training set.
        batch: samples per step.
        learning_rate: of AdamW, at the top.
        weight_decay: decoupled, of the layers' matrices (without Muon: of everything).
        matrix_rate: learning rate of Muon, which trains the layers' matrices; 0: AdamW trains them too.
        settled: share of the steps, at the end, with batch norms fixed at the statistics that they will be used with.
    """

    epochs: int
    batch: int = 512
    learning_rate: float = 1e-2
    weight_decay: float = 0.0
    matrix_rate: float = 0.05
    settled: float = 0.3

    def __post_init__(self) -> None:
        for name in ("epochs", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")
        if not (self.learning_rate > 0 and self.matrix_rate >= 0 and self.weight_decay >= 0):
            raise ValueError(
                "learning_rate must be above 0, matrix_rate and weight_decay at least 0; got "
                f"{self.learning_rate}, {self.matrix_rate} and {self.weight_decay}"
            )
        if not 0 <= self.settled <= 1:
            raise ValueError(f"settled is a share of the steps, between 0 and 1; got {self.settled}")


@dataclass(frozen=True)
class EvaluatorSettings:
    """An evaluator: its sizes, its training sets, its training.

    Attributes:
        networks: training networks, each labelled with its best accelerator.
        pairs: training (network, accelerator) pairs, each labelled with its latency, energy and area.
        generator, estimator: the two training loops.
        generator_width, estimator_width, layers: sizes (128, 256 and 5; the widths are recalled from the paper).
        feature_forwarding: whether the estimator sees the accelerator. One that does not learns the costs on the best
            accelerator, one label a network, in as many steps.
        sampling: the distribution of the training networks.
        margin: share by which limits are tightened where the generator's labels are chosen, so that an accelerator that it
            gets slightly wrong still meets the real limit. A network that nothing serves within the tightened limits is
            labelled by the real ones.
        seed: of samples and weights. Fixed by default: an evaluator is trained once and serves every run.
    """

    networks: int = 12_000
    pairs: int = 200_000
    generator: TrainingLoop = field(default_factory=lambda: TrainingLoop(epochs=10, weight_decay=0.5))
    estimator: TrainingLoop = field(default_factory=lambda: TrainingLoop(epochs=2))
    generator_width: int = 128
    estimator_width: int = 128
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
            raise ValueError(f"margin is a share of the limits, in [0, 1); got {self.margin}")
