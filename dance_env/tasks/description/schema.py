"""The tables and keys of a task's file. docs/own_task.md explains them; a key without a default here is needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from dance_env.problem.training_time import SUPERNET_TRAININGS

Option = int | str
Expr = int | str
"""A whole number, or an expression over choices (see `expressions`)."""

MOST_IN_A_ROW = 1000
"""Equal blocks or layers behind each other: more are a mistake, and would take long to build."""


@dataclass(frozen=True)
class Steps:
    """Whole numbers from `first` to `last` in steps."""

    first: int
    last: int
    step: int = 1

    def __post_init__(self) -> None:
        if self.step < 1 or self.last < self.first:
            raise ValueError(f"expected first <= last and a step of at least 1, got {self}")
        if (self.last - self.first) // self.step >= 100_000:
            raise ValueError(f"these are more than 100,000 numbers: {self}")


Sizes = tuple[int, ...] | Steps


# ------------------------------------------------------------------------------------------------------------ networks
@dataclass(frozen=True)
class Stem:
    """The first convolution, 3x3."""

    channels: int
    stride: int = 1


@dataclass(frozen=True)
class StyleTable:
    """What stands around each convolution."""

    activation: Literal["relu", "relu6"] = "relu"
    batch_norm_eps: float = 1e-5


@dataclass(frozen=True)
class SlotTable:
    """One block's place, or several in a row."""

    operators: tuple[str, ...]
    channels: int
    stride: int = 1
    repeat: int = 1
    name: str | None = None

    def __post_init__(self) -> None:
        _in_row("repeat", self.repeat)


@dataclass(frozen=True)
class Blocks:
    """Networks that are a row of blocks (`BlockSpace`)."""

    kind: Literal["blocks"]
    image: tuple[int, int, int]
    classes: int
    stem: Stem
    head_channels: int
    slots: tuple[SlotTable, ...]
    style: StyleTable = StyleTable()


@dataclass(frozen=True)
class StageTable:
    """One stage of inverted bottlenecks."""

    channels: int
    expansions: tuple[int, ...]
    kernels: tuple[int, ...]
    layers: tuple[int, ...]
    stride: int = 1
    name: str | None = None

    def __post_init__(self) -> None:
        _in_row("the most layers", max(self.layers, default=1))
        if len(self.expansions) * len(self.kernels) * len(self.layers) > MOST_IN_A_ROW:
            raise ValueError(f"a stage has at most {MOST_IN_A_ROW} combinations of expansion, kernel and layers")


@dataclass(frozen=True)
class Stages:
    """Networks that are a row of stages (`StageSpace`)."""

    kind: Literal["stages"]
    image: tuple[int, int, int]
    classes: int
    stem: Stem
    head_channels: int
    stages: tuple[StageTable, ...]
    style: StyleTable = StyleTable()


@dataclass(frozen=True)
class Transformer:
    """Language models (`TransformerSpace`)."""

    kind: Literal["transformer"]
    embeddings: tuple[int, ...]
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    mlp_ratios: tuple[int, ...]
    prefill: int | None = None
    decode: int | None = None
    head_size: int | Literal["embedding / heads"] = 64
    vocabulary: int = 50_257
    longest: int = 1024

    def __post_init__(self) -> None:
        _in_row("the largest depth", max(self.depths, default=1))


@dataclass(frozen=True)
class LayerTable:
    """One layer, or `repeat` equal ones: a convolution (k, c, p, q, r, s), or a matrix product (rows, inner, columns)."""

    name: str
    k: Expr | None = None
    c: Expr | None = None
    p: Expr | None = None
    q: Expr | None = None
    size: Expr | None = None
    r: Expr | None = None
    s: Expr | None = None
    kernel: Expr | None = None
    groups: Expr = 1
    stride: Expr = 1
    rows: Expr | None = None
    inner: Expr | None = None
    columns: Expr | None = None
    products: Expr = 1
    both_activations: bool = False
    repeat: Expr = 1
    when: dict[str, Option | tuple[Option, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Layers:
    """Networks that are lists of layers (`LayerSpace`)."""

    kind: Literal["layers"]
    choices: dict[str, tuple[Option, ...]]
    layers: tuple[LayerTable, ...]


@dataclass(frozen=True)
class Catalog:
    """Networks of the catalog, such as dance-cifar10."""

    kind: Literal["catalog"]
    name: str


@dataclass(frozen=True)
class PythonNetworks:
    """Networks that a function in a Python file returns."""

    kind: Literal["python"]
    callable: str


Networks = Blocks | Stages | Transformer | Layers | Catalog | PythonNetworks


@dataclass(frozen=True)
class ConvTable:
    """One convolution of an operator, with batch norm and activation; expressions over `in` and `out`."""

    channels: Expr = "out"
    kernel: int = 1
    groups: Expr = 1
    depthwise: bool = False
    strided: bool = False
    activation: bool = True


@dataclass(frozen=True)
class OperatorTable:
    """An operator: convolutions in a row, or what a Python file defines."""

    layers: tuple[ConvTable, ...] = ()
    residual: bool = False
    callable: str | None = None

    def __post_init__(self) -> None:
        if bool(self.layers) == (self.callable is not None):
            raise ValueError("give its layers, or a callable, and not both")
        if sum(each.strided for each in self.layers) > 1:
            raise ValueError("one layer takes the stride of the slot, and more are marked `strided`")


@dataclass(frozen=True)
class WorkloadTable:
    """One use of the networks."""

    weight: float = 1.0
    prefill: int | None = None
    decode: int | None = None
    image: tuple[int, int, int] | None = None


# ------------------------------------------------------------------------------------------------- accelerators, costs
@dataclass(frozen=True)
class AcceleratorTable:
    """The accelerators to choose from: a space of the catalog, or axes."""

    space: Literal["dance", "dance-buffers"] | None = None
    pe_x: Sizes | None = None
    pe_y: Sizes | None = None
    rf_words: Sizes | None = None
    dataflow: tuple[str, ...] | None = None
    glb_words: Sizes | None = None
    dram_words_per_cycle: tuple[float, ...] | None = None


@dataclass(frozen=True)
class CostTableKeys:
    """The cost model: settings of the analytical one, or what a Python file defines."""

    objective: str = "edp"
    factors: str = "perfect"
    overlap: str = "timeloop"
    callable: str | None = None


# ------------------------------------------------------------------------------------------------- accuracy, objective
@dataclass(frozen=True)
class FactorTable:
    """One addend of the accuracy: a table over a few choices."""

    table: str
    choices: tuple[str, ...]
    cells: Literal["options", "indices"] = "options"


@dataclass(frozen=True)
class AccuracyTable:
    """Where accuracies come from: exactly one of `table`, `factors`, `constant`, `callable`."""

    table: str | None = None
    cells: Literal["options", "indices"] = "options"
    factors: tuple[FactorTable, ...] = ()
    intercept: float = 0.0
    constant: float | None = None
    callable: str | None = None
    unit: Literal["accuracy", "accuracy_pct", "error_pct", "perplexity"] | None = None

    def __post_init__(self) -> None:
        given = {"table": self.table, "factors": self.factors or None, "constant": self.constant}
        given["callable"] = self.callable
        if sum(each is not None for each in given.values()) != 1:
            raise ValueError(f"give exactly one of {', '.join(given)}")


@dataclass(frozen=True)
class Training:
    """Training times from multiply-accumulates (`MacsTrainingTime`)."""

    images: int
    epochs: int
    peak_ops_per_s: float = 35.6e12
    utilization: float = 0.14


@dataclass(frozen=True)
class EdapTable:
    """Energy x delay x area over a reference."""

    reference_js_mm2: float


@dataclass(frozen=True)
class LinearTable:
    """Points of error per second, joule and mm2."""

    latency_s: float = 0.0
    energy_j: float = 0.0
    area_mm2: float = 0.0


@dataclass(frozen=True)
class ObjectiveTable:
    """What is minimized: error + weight x one of `linear`, `edap`, `callable`; and limits."""

    weight: float = 1.0
    linear: LinearTable | None = None
    edap: EdapTable | None = None
    callable: str | None = None
    worst_case: bool = False
    limits: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if sum(each is not None for each in (self.linear, self.edap, self.callable)) != 1:
            raise ValueError("give exactly one cost: linear, edap or callable")


COSTS = ("linear", "edap", "callable")


# -------------------------------------------------------------------------------------------------------- the whole file
@dataclass(frozen=True)
class TaskDescription:
    """A task's file."""

    name: str
    network: Networks
    accuracy: AccuracyTable
    objective: ObjectiveTable
    accelerator: AcceleratorTable = AcceleratorTable(space="dance")
    technology: dict[str, Any] = field(default_factory=dict)
    cost: CostTableKeys = CostTableKeys()
    operators: dict[str, OperatorTable] = field(default_factory=dict)
    workloads: dict[str, WorkloadTable] = field(default_factory=dict)
    variants: dict[str, Any] = field(default_factory=dict)
    training: Training | None = None
    supernet_trainings: float = SUPERNET_TRAININGS


def _in_row(name: str, value: int) -> None:
    if not 1 <= value <= MOST_IN_A_ROW:
        raise ValueError(f"{name} must be 1 to {MOST_IN_A_ROW}, got {value}")
