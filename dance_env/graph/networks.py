"""The catalog of network spaces, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from dance_env.graph.network_space import NetworkSpace, Slot
from dance_env.graph.operators import Style
from dance_env.suggest import nearest

MACRO_OPERATORS = ("identity", "mb3_k3", "mb6_k5")
"""In the order of the digits of NAS-Bench-Macro's table."""

DANCE_OPERATORS = ("mb3_k3", "mb3_k5", "mb3_k7", "mb6_k3", "mb6_k5", "mb6_k7")
"""ProxylessNAS's candidates; ``"zero"`` comes last, where the shape is kept."""

_PROXYLESS = Style(activation="relu6", batch_norm_eps=1e-3)


@cache
def macro_cifar10() -> NetworkSpace:
    """NAS-Bench-Macro (Su et al., CVPR 2021): 3^8 = 6,561 networks for CIFAR-10, each trained by its authors.

    Stem 32 at 32x32, 8 blocks in stages of 2, 3, 3 with widths 64, 128, 256, the first block of each stage with stride
    2, head 1280.
    """
    slots = _stages(32, 32, widths=(64, 128, 256), depths=(2, 3, 3), strides=(2, 2, 2), operators=lambda _: MACRO_OPERATORS)
    return NetworkSpace("macro-cifar10", (3, 32, 32), 10, stem_channels=32, stem_stride=1, slots=slots, head_channels=1280)


@cache
def tiny() -> NetworkSpace:
    """27 of macro-cifar10's networks, for tests and teaching: one free block a stage (2, 4 and 7).

    The first block of each stage is frozen at ``"mb3_k3"``, the others (5 and 8) at ``"identity"``. `NetworkSpace.embed`
    writes a tiny network as the macro-cifar10 network that it is, so that its accuracy is that network's.
    """
    frozen = {"block1": "mb3_k3", "block3": "mb3_k3", "block5": "identity", "block6": "mb3_k3", "block8": "identity"}
    macro = macro_cifar10()
    slots = tuple(Slot(slot.name, (frozen[slot.name],) if slot.name in frozen else slot.operators, slot.in_channels,
                       slot.out_channels, slot.stride, slot.in_size) for slot in macro.slots)
    return NetworkSpace("tiny", macro.image_shape, macro.num_classes, macro.stem_channels, macro.stem_stride, slots,
                        macro.head_channels, macro.style)


@cache
def dance_cifar10() -> NetworkSpace:
    """DANCE's CIFAR-10 space (arXiv 2009.06237): 9 blocks, 6^3 x 7^6 = 25,412,184 networks.

    Stem 32 at 32x32, a fixed MBConv1 of 16 channels, stages of 3 with widths 32, 64, 128 at 32, 16 and 8 rows, head 1280.
    """
    return _dance("dance-cifar10", (3, 32, 32), divide_widths_by=1)


@cache
def dance_mnist() -> NetworkSpace:
    """The nine blocks of dance-cifar10 at a quarter of every width, for 28x28 grey digits (28, 14, 7 rows, unpadded)."""
    return _dance("dance-mnist", (1, 28, 28), divide_widths_by=4)


@cache
def dance_imagenet() -> NetworkSpace:
    """ProxylessNAS's default space (arXiv 1812.00332, its public search code): 21 blocks, 6^6 x 7^15 networks.

    Stem 32 with stride 2, a fixed MBConv1 of 16 channels, widths 24, 40, 80, 96, 192, 320 in stages of 4, 4, 4, 4, 4, 1 with
    strides 2, 2, 2, 1, 2, 1, head 1280, 1000 classes.
    """
    first = Slot("first", ("mb1_k3",), 32, 16, 1, 112)
    slots = _stages(16, 112, widths=(24, 40, 80, 96, 192, 320), depths=(4, 4, 4, 4, 4, 1), strides=(2, 2, 2, 1, 2, 1),
                    operators=_dance_operators)
    return NetworkSpace("dance-imagenet", (3, 224, 224), 1000, stem_channels=32, stem_stride=2, slots=(first, *slots),
                        head_channels=1280, style=_PROXYLESS)


NETWORKS: dict[str, Callable[[], NetworkSpace]] = {
    "macro-cifar10": macro_cifar10,
    "tiny": tiny,
    "dance-cifar10": dance_cifar10,
    "dance-imagenet": dance_imagenet,
    "dance-mnist": dance_mnist,
}


def network_space(name: str) -> NetworkSpace:
    """The network space of this name.

    Raises:
        ValueError: If there is none; the nearest names are offered.
    """
    if name not in NETWORKS:
        raise ValueError(f"there is no network space {name!r}. {nearest(name, NETWORKS)}")
    return NETWORKS[name]()


def _dance(name: str, image_shape: tuple[int, int, int], *, divide_widths_by: int) -> NetworkSpace:
    stem, first, *widths, head = (width // divide_widths_by for width in (32, 16, 32, 64, 128, 1280))
    size = image_shape[1]
    slots = _stages(first, size, widths=widths, depths=(3, 3, 3), strides=(1, 2, 2), operators=_dance_operators)
    return NetworkSpace(name, image_shape, 10, stem_channels=stem, stem_stride=1,
                        slots=(Slot("first", ("mb1_k3",), stem, first, 1, size), *slots), head_channels=head, style=_PROXYLESS)


def _dance_operators(keeps_shape: bool) -> tuple[str, ...]:
    return (*DANCE_OPERATORS, "zero") if keeps_shape else DANCE_OPERATORS


def _stages(channels: int, size: int, *, widths: Sequence[int], depths: Sequence[int], strides: Sequence[int],
            operators: Callable[[bool], tuple[str, ...]]) -> tuple[Slot, ...]:
    """Slots ``block1``.. in stages: the first block of a stage changes width and size; `operators` of whether shape is kept."""
    slots: list[Slot] = []
    for width, depth, stage_stride in zip(widths, depths, strides, strict=True):
        for stride in (stage_stride, *(1 for _ in range(depth - 1))):
            options = operators(stride == 1 and channels == width)
            slots.append(Slot(f"block{len(slots) + 1}", options, channels, width, stride, size))
            channels, size = width, -(-size // stride)
    return tuple(slots)
