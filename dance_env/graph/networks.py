"""The catalog of network spaces, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

from dance_env.graph.block_space import BlockSpace
from dance_env.graph.cell_space import CellSpace
from dance_env.graph.ends import Ends
from dance_env.graph.gpt_networks import gpt_l, gpt_m, gpt_s
from dance_env.graph.network_space import NetworkSpace
from dance_env.graph.operators import PROXYLESS, operator
from dance_env.graph.slot import Slot
from dance_env.graph.stage_space import Stage, StageSpace
from dance_env.suggest import nearest

MACRO_OPERATORS = ("identity", "mb3_k3", "mb6_k5")
"""In the order of the digits of NAS-Bench-Macro's table."""

DANCE_OPERATORS = ("mb3_k3", "mb3_k5", "mb3_k7", "mb6_k3", "mb6_k5", "mb6_k7")
"""ProxylessNAS's candidates; ``"zero"`` comes last, where the shape is kept."""


@cache
def macro_cifar10() -> BlockSpace:
    """NAS-Bench-Macro (Su et al., CVPR 2021): 3^8 = 6,561 networks for CIFAR-10, each trained by its authors.

    Stem 32 at 32x32, 8 blocks in stages of 2, 3, 3 with widths 64, 128, 256, the first block of each stage with stride
    2, head 1280.
    """
    slots = _stages(
        channels=32,
        size=32,
        widths=(64, 128, 256),
        depths=(2, 3, 3),
        strides=(2, 2, 2),
        operators=lambda _: MACRO_OPERATORS,
    )
    return BlockSpace(
        name="macro-cifar10",
        image_shape=(3, 32, 32),
        num_classes=10,
        stem_channels=32,
        stem_stride=1,
        slots=slots,
        head_channels=1280,
    )


@cache
def tiny() -> BlockSpace:
    """27 of macro-cifar10's networks, for tests and teaching: one free block a stage (2, 4 and 7).

    The first block of each stage is frozen at ``"mb3_k3"``, the others (5 and 8) at ``"identity"``.
    `BlockSpace.embed` writes a tiny network as the macro-cifar10 network that it is; its accuracy is that network's.
    """
    frozen = {"block1": "mb3_k3", "block3": "mb3_k3", "block5": "identity", "block6": "mb3_k3", "block8": "identity"}
    macro = macro_cifar10()
    slots = tuple(
        replace(slot, operators=(operator(frozen[slot.name]),)) if slot.name in frozen else slot for slot in macro.slots
    )
    return replace(macro, name="tiny", slots=slots)


@cache
def dance_cifar10() -> BlockSpace:
    """DANCE's CIFAR-10 space (arXiv 2009.06237): 9 blocks, 6^3 x 7^6 = 25,412,184 networks.

    Stem 32 at 32x32, a fixed MBConv1 of 16 channels, stages of 3 with widths 32, 64, 128 at 32, 16 and 8 rows, head
    1280. From 24.8 to 153.4 million multiply-accumulates, as the paper says.
    """
    return _dance("dance-cifar10", (3, 32, 32), divide_widths_by=1)


@cache
def dance_cifar100() -> BlockSpace:
    """The networks of dance-cifar10 with 100 classes."""
    return _dance("dance-cifar100", (3, 32, 32), divide_widths_by=1, num_classes=100)


@cache
def dance_cifar10_lite() -> BlockSpace:
    """A small relative of dance-cifar10 for two cores: 6 blocks, 6^3 x 7^3 = 74,088 networks.

    Stem 16 with stride 2 (16x16), a fixed MBConv1 of 8 channels, stages of 2 with widths 16, 32, 64 at 8, 4 and 4 rows,
    head 320. From 0.8 to 3.4 million multiply-accumulates. One core of a laptop trains such a network on some
    1,000 to 2,000 images a second; a first stage at 16x16 halves that, since depthwise convolutions take the time.
    """
    slots = _stages(
        channels=8,
        size=16,
        widths=(16, 32, 64),
        depths=(2, 2, 2),
        strides=(2, 2, 1),
        operators=_dance_operators,
    )
    return BlockSpace(
        name="dance-cifar10-lite",
        image_shape=(3, 32, 32),
        num_classes=10,
        stem_channels=16,
        stem_stride=2,
        slots=(Slot("first", ("mb1_k3",), in_channels=16, out_channels=8, stride=1, in_size=16), *slots),
        head_channels=320,
        style=PROXYLESS,
    )


@cache
def dance_mnist() -> BlockSpace:
    """The nine blocks of dance-cifar10, every width divided by 4, for 28x28 gray digits, unpadded (28, 14, 7 rows)."""
    return _dance("dance-mnist", (1, 28, 28), divide_widths_by=4)


@cache
def dance_imagenet() -> BlockSpace:
    """ProxylessNAS's default space (arXiv 1812.00332, its public search code): 21 blocks, 6^6 x 7^15 networks.

    Stem 32 with stride 2, a fixed MBConv1 of 16 channels, widths 24, 40, 80, 96, 192, 320 in stages of 4, 4, 4, 4, 4, 1
    with strides 2, 2, 2, 1, 2, 1, head 1280, 1000 classes.
    """
    slots = _stages(
        channels=16,
        size=112,
        widths=(24, 40, 80, 96, 192, 320),
        depths=(4, 4, 4, 4, 4, 1),
        strides=(2, 2, 2, 1, 2, 1),
        operators=_dance_operators,
    )
    return BlockSpace(
        name="dance-imagenet",
        image_shape=(3, 224, 224),
        num_classes=1000,
        stem_channels=32,
        stem_stride=2,
        slots=(Slot("first", ("mb1_k3",), in_channels=32, out_channels=16, stride=1, in_size=112), *slots),
        head_channels=1280,
        style=PROXYLESS,
    )


@cache
def accel_nasbench() -> StageSpace:
    """Accel-NASBench's networks (DAC 2024, arXiv 2404.08005): 7 stages, 36^6 x 48 = 1.04e11 networks for ImageNet.

    The space of MnasNet and EfficientNet: stem 32 with stride 2, stages of width 16, 24, 40, 80, 112, 192, 320 with
    strides 1, 2, 2, 2, 1, 2, 1, head 1280, 1000 classes.
    """
    stages: list[Stage] = []
    channels, size = 32, 112
    for index, (width, stride) in enumerate(zip(_STAGE_WIDTHS, (1, 2, 2, 2, 1, 2, 1), strict=True)):
        layers = (1, 2, 3, 4) if index == 5 else (1, 2, 3)
        stages.append(Stage(f"block{index}", channels, width, stride, size, (1, 4, 6), (3, 5), layers))
        channels, size = stages[-1].out_shape[:2]
    ends = Ends((3, 224, 224), num_classes=1000, stem_channels=32, stem_stride=2, head_channels=1280)
    return StageSpace("accel-nasbench", ends, tuple(stages))


@cache
def nb201_cifar10() -> CellSpace:
    """NAS-Bench-201's networks (Dong and Yang, ICLR 2020): 5^6 = 15,625 cells of 6 edges, for CIFAR-10.

    Stem 16 at 32x32, three stages of 5 cells with 16, 32 and 64 channels at 32, 16 and 8 rows. Counts are those that the
    benchmark publishes: 0.073306 to 1.531546 million parameters, 7.78305 to 220.11969 million multiply-accumulates (there
    the classifier's 10 biases are counted as well).
    """
    return CellSpace("nb201-cifar10", (3, 32, 32), num_classes=10)


_STAGE_WIDTHS = (16, 24, 40, 80, 112, 192, 320)

NETWORKS: dict[str, Callable[[], NetworkSpace]] = {
    "macro-cifar10": macro_cifar10,
    "tiny": tiny,
    "dance-cifar10": dance_cifar10,
    "dance-cifar10-lite": dance_cifar10_lite,
    "dance-cifar100": dance_cifar100,
    "dance-imagenet": dance_imagenet,
    "dance-mnist": dance_mnist,
    "accel-nasbench": accel_nasbench,
    "nb201-cifar10": nb201_cifar10,
    "gpt-s": gpt_s,
    "gpt-m": gpt_m,
    "gpt-l": gpt_l,
}


def network_space(name: str) -> NetworkSpace:
    """Return the network space of this name.

    Raises:
        ValueError: If there is none; the nearest names are offered.
    """
    if name not in NETWORKS:
        raise ValueError(f"there is no network space {name!r}. {nearest(name, NETWORKS)}")
    return NETWORKS[name]()


def _dance(name: str, image_shape: tuple[int, int, int], *, divide_widths_by: int, num_classes: int = 10) -> BlockSpace:
    stem, first, *widths, head = (width // divide_widths_by for width in (32, 16, 32, 64, 128, 1280))
    size = image_shape[1]
    slots = _stages(
        channels=first,
        size=size,
        widths=widths,
        depths=(3, 3, 3),
        strides=(1, 2, 2),
        operators=_dance_operators,
    )
    return BlockSpace(
        name=name,
        image_shape=image_shape,
        num_classes=num_classes,
        stem_channels=stem,
        stem_stride=1,
        slots=(Slot("first", ("mb1_k3",), in_channels=stem, out_channels=first, stride=1, in_size=size), *slots),
        head_channels=head,
        style=PROXYLESS,
    )


def _dance_operators(keeps_shape: bool) -> tuple[str, ...]:
    return (*DANCE_OPERATORS, "zero") if keeps_shape else DANCE_OPERATORS


def _stages(
    *,
    channels: int,
    size: int,
    widths: Sequence[int],
    depths: Sequence[int],
    strides: Sequence[int],
    operators: Callable[[bool], tuple[str, ...]],
) -> tuple[Slot, ...]:
    """Slots ``block1``, ``block2``... in stages, of which the first block changes width and size.

    Args:
        channels: Channels that arrive at the first block.
        size: Rows (and columns) that arrive there.
        widths: Channels of each stage.
        depths: Blocks of each stage.
        strides: Stride of each stage's first block.
        operators: The operators of a block, given whether it keeps the shape.
    """
    slots: list[Slot] = []
    for width, depth, stage_stride in zip(widths, depths, strides, strict=True):
        for stride in (stage_stride, *(1 for _ in range(depth - 1))):
            options = operators(stride == 1 and channels == width)
            slots.append(Slot(f"block{len(slots) + 1}", options, channels, width, stride, size))
            channels, size = slots[-1].out_shape[:2]
    return tuple(slots)
