"""Operators that a task's file describes: convolutions in a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dance_env.graph import LayerGraph, Operator, Place, Style, add_conv, operator
from dance_env.graph.nodes import Add, Conv
from dance_env.graph.squeeze import squeezed_operator
from dance_env.suggest import nearest
from dance_env.tasks.description import place as places
from dance_env.tasks.description.expressions import Expression
from dance_env.tasks.description.folder import TaskFolder
from dance_env.tasks.description.schema import ConvTable, OperatorTable

_BUILT_IN = ("identity", "zero", "mb3_k3", "mb3_k5", "mb6_k3", "mb6_k5", "mb6_k3_se")


@dataclass(frozen=True)
class ConvRow:
    """Convolutions in a row, each with batch norm; the input is added to the output where `residual` and shapes agree.

    The slot's stride is taken by the layer that is marked `strided`, else by the first.
    """

    name: str
    layers: tuple[ConvTable, ...]
    residual: bool = False

    def why_not(self, place: Place) -> str | None:
        """Return why it may not stand there; None where it may."""
        try:
            row = self._convs(place)
        except ValueError as error:
            return str(error)
        if row[-1].channels != place.out_channels:
            return f"its last layer gives {row[-1].channels} channels"
        return None

    def extend(self, graph: LayerGraph, after: str, *, place: Place, style: Style) -> str:
        """Add the nodes behind `after`, and return the name of the last one."""
        last = after
        for index, (conv, layer) in enumerate(zip(self._convs(place), self.layers, strict=True), start=1):
            last = add_conv(
                graph,
                f"{place.block}.conv{index}",
                after=last,
                conv=conv,
                block=place.block,
                operator=self.name,
                style=style,
                activate=layer.activation,
            )
        if self.residual and place.keeps_shape:
            last = graph.add(f"{place.block}.add", Add(), inputs=(after, last), block=place.block, operator=self.name)
        return last

    def _convs(self, place: Place) -> list[Conv]:
        strided = next((index for index, each in enumerate(self.layers) if each.strided), 0)
        channels, row = place.in_channels, []
        for index, each in enumerate(self.layers):
            values = {"in": place.in_channels, "out": place.out_channels}
            given = each.channels
            wide = channels if each.depthwise and given == "out" else Expression.of(given).value(values)
            groups = channels if each.depthwise else Expression.of(each.groups).value(values)
            if channels % groups or wide % groups:
                raise ValueError(f"layer {index + 1}: {groups} groups do not divide {channels} and {wide} channels")
            row.append(Conv(wide, each.kernel, place.stride if index == strided else 1, groups=groups))
            channels = wide
        return row


def described_operator(name: str, table: OperatorTable, folder: TaskFolder, place: places.Place) -> Operator:
    """Return the operator of a table.

    Raises:
        TaskFileError: If an expression has an unknown name, or its callable gives no operator.
        UserFileError: If its Python file cannot be run.
    """
    if table.callable is not None:
        return folder.made(
            table.callable, place / "callable", what="operator", fits=lambda found: isinstance(found, Operator)
        )
    for index, layer in enumerate(table.layers):
        with (place / "layers" / index).blamed():
            for text in (layer.channels, layer.groups):
                unknown = Expression.of(text).names - {"in", "out"}
                if unknown:
                    raise ValueError(f"there is no {min(unknown)!r}; an operator's layers know 'in' and 'out'")
            if layer.kernel < 1 or layer.kernel % 2 == 0:
                raise ValueError(f"the kernel must be odd, got {layer.kernel}")
    return ConvRow(name, table.layers, table.residual)


def named_operator(name: str, own: Mapping[str, Operator]) -> Operator:
    """Return an operator of the file's own, or of the catalog.

    Raises:
        ValueError: If there is none; the nearest names are offered.
    """
    if name in own:
        return own[name]
    squeezed = squeezed_operator(name)
    if squeezed is not None:
        return squeezed
    try:
        return operator(name)
    except ValueError:
        raise ValueError(f"there is no operator {name!r}. {nearest(name, [*own, *_BUILT_IN])}") from None
