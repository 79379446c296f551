"""Network spaces that a task's file describes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dance_env.graph import (
    BlockSpace,
    Decode,
    NetworkSpace,
    Operator,
    Phase,
    Prefill,
    Slot,
    Stage,
    StageSpace,
    Style,
    TransformerSpace,
    Workload,
    WorkloadSpace,
    network_space,
)
from dance_env.graph.ends import Ends
from dance_env.tasks.description.folder import TaskFolder
from dance_env.tasks.description.layers import layer_space
from dance_env.tasks.description.operators import described_operator, named_operator
from dance_env.tasks.description.place import Place
from dance_env.tasks.description.schema import (
    Blocks,
    Catalog,
    Layers,
    PythonNetworks,
    Stages,
    TaskDescription,
    Transformer,
    WorkloadTable,
)

_MOST_MACS = 10**14
"""Of one layer: a thousand times the largest layer of a large language model's prefill."""


def described_networks(task: TaskDescription, folder: TaskFolder, place: Place) -> NetworkSpace:
    """Return the networks of a task, under its workloads.

    Args:
        task: The file's content.
        folder: Where its files lie.
        place: Of the whole file.

    Raises:
        TaskFileError: If the tables do not describe a network space.
        UserFileError: If a Python file that is named cannot be run.
    """
    own = {
        name: described_operator(name, table, folder, place / "operators" / name)
        for name, table in task.operators.items()
    }
    if own and not isinstance(task.network, Blocks):
        raise (place / "operators").error('operators stand in slots: they are for networks of the kind "blocks"')
    if not task.workloads:
        return _of_practical_size(_networks(task, task.network, own, folder, place / "network"), place / "network")
    workloads = []
    for name, table in task.workloads.items():
        here = place / "workloads" / name
        networks = _networks(task, _under(task.network, table, here), own, folder, place / "network")
        with here.blamed():
            workloads.append(Workload(name, networks, table.weight))
    with (place / "workloads").blamed():
        return _of_practical_size(WorkloadSpace(task.name, tuple(workloads)), place / "network")


def _of_practical_size(networks: NetworkSpace, place: Place) -> NetworkSpace:
    """Return the networks, unless a layer is too large to be counted in 64 bits."""
    with place.blamed():
        for group in (networks.fixed_layers(), *(layers for part in networks.parts() for layers in part.layers)):
            for layer in group:
                if layer.macs > _MOST_MACS:
                    raise ValueError(f"layer {layer.name!r} has {layer.macs:.3g} multiply-accumulates: {layer}")
    return networks


def _under(
    network: Blocks | Stages | Transformer | Layers | Catalog | PythonNetworks, table: WorkloadTable, place: Place
) -> Blocks | Stages | Transformer:
    """Return the table of the networks under a workload."""
    phases = [key for key in ("prefill", "decode") if getattr(table, key) is not None]
    if isinstance(network, Transformer):
        if table.image is not None:
            raise (place / "image").error("language models have a prefill or a decode, no image")
        if network.prefill is not None or network.decode is not None:
            raise place.error("network.prefill and network.decode are for tasks without workloads: leave them out")
        return replace(network, prefill=table.prefill, decode=table.decode)
    if isinstance(network, Blocks | Stages):
        if phases or table.image is None:
            raise place.error(
                "a workload of image networks needs `image`, such as [3, 64, 64], and no prefill or decode"
            )
        return replace(network, image=table.image)
    raise place.error(f'networks of the kind "{network.kind}" have one workload: leave [workloads] out')


def _networks(
    task: TaskDescription, table: object, own: Mapping[str, Operator], folder: TaskFolder, place: Place
) -> NetworkSpace:
    if isinstance(table, Blocks):
        return _blocks(task.name, table, own, place)
    if isinstance(table, Stages):
        return _stages(task.name, table, place)
    if isinstance(table, Transformer):
        return _transformer(task.name, table, place)
    if isinstance(table, Layers):
        return layer_space(task.name, table, place)
    if isinstance(table, Catalog):
        with (place / "name").blamed():
            return network_space(table.name)
    assert isinstance(table, PythonNetworks), "the kinds of `schema.Networks`"
    return folder.made(
        table.callable, place / "callable", what="networks", fits=lambda found: isinstance(found, NetworkSpace)
    )


def _blocks(name: str, table: Blocks, own: Mapping[str, Operator], place: Place) -> BlockSpace:
    channels, size = table.stem.channels, _size(table, place)
    slots: list[Slot] = []
    for index, each in enumerate(table.slots):
        here = place / "slots" / index
        with here.blamed():
            operators = [named_operator(operator, own) for operator in each.operators]
        for repeat in range(each.repeat):
            base = each.name or "block"
            number = str(repeat + 1) if each.name else str(len(slots) + 1)
            label = base if each.name and each.repeat == 1 else f"{base}{number}"
            with here.blamed():
                slots.append(Slot(label, operators, channels, each.channels, each.stride if repeat == 0 else 1, size))
            channels, size = slots[-1].out_shape[:2]
    with place.blamed():
        return BlockSpace(
            name,
            image_shape=table.image,
            num_classes=table.classes,
            stem_channels=table.stem.channels,
            stem_stride=table.stem.stride,
            slots=tuple(slots),
            head_channels=table.head_channels,
            style=Style(table.style.activation, table.style.batch_norm_eps),
        )


def _stages(name: str, table: Stages, place: Place) -> StageSpace:
    channels, size = table.stem.channels, _size(table, place)
    stages: list[Stage] = []
    for index, each in enumerate(table.stages):
        here = place / "stages" / index
        for key in ("expansions", "kernels", "layers"):
            options = getattr(each, key)
            if not options or min(options) < 1 or list(options) != sorted(set(options)):
                raise (here / key).error(f"expected ascending numbers of at least 1, got {list(options)}")
        with here.blamed():
            label = each.name or f"block{index + 1}"
            stages.append(
                Stage(label, channels, each.channels, each.stride, size, each.expansions, each.kernels, each.layers)
            )
            channels, size = stages[-1].out_shape[:2]
    if not stages:
        raise (place / "stages").error("there is no stage; give at least one")
    with place.blamed():
        ends = Ends(
            table.image,
            num_classes=table.classes,
            stem_channels=table.stem.channels,
            stem_stride=table.stem.stride,
            head_channels=table.head_channels,
            style=Style(table.style.activation, table.style.batch_norm_eps),
        )
        space = StageSpace(name, ends, tuple(stages))
        space.parts()  # builds the graphs, which refuses what a convolution cannot be
        return space


def _size(table: Blocks | Stages, place: Place) -> int:
    """Return the rows behind the stem."""
    for key, value in (("image", min(table.image)), ("classes", table.classes), ("head_channels", table.head_channels)):
        if value < 1:
            raise (place / key).error(f"expected numbers of at least 1, got {getattr(table, key)}")
    if table.image[1] != table.image[2]:
        raise (place / "image").error(f"images are [channels, rows, columns] and square, got {list(table.image)}")
    for key in ("channels", "stride"):
        if getattr(table.stem, key) < 1:
            raise (place / "stem" / key).error(f"expected a number of at least 1, got {getattr(table.stem, key)}")
    for index, each in enumerate(table.slots if isinstance(table, Blocks) else table.stages):
        for key in ("channels", "stride"):
            if getattr(each, key) < 1:
                found = getattr(each, key)
                kind = "slots" if isinstance(table, Blocks) else "stages"
                raise (place / kind / index / key).error(f"expected a number of at least 1, got {found}")
    return -(-table.image[1] // table.stem.stride)


def _transformer(name: str, table: Transformer, place: Place) -> TransformerSpace:
    if (table.prefill is None) == (table.decode is None):
        raise place.error(
            "what is asked of the networks is missing: give prefill (tokens of a prompt) or decode (entries of the cache), "
            "one of them; or a table [workloads.NAME] with one of them for each use"
        )
    with place.blamed():
        phase: Phase = Prefill(table.prefill) if table.prefill is not None else Decode(table.decode or 0)
        return TransformerSpace(
            name,
            embeddings=table.embeddings,
            depths=table.depths,
            heads=table.heads,
            mlp_ratios=table.mlp_ratios,
            phase=phase,
            head_size=None if table.head_size == "embedding / heads" else int(table.head_size),
            vocabulary=table.vocabulary,
            longest=table.longest,
        )
