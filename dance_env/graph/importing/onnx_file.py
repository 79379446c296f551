"""Reading an ONNX file: its graph with a shape for each value, and none of its weights. Imports the package onnx at first use.

A file is untrusted data. Weights are not loaded, no file but the named one is opened, and what would make reading
it run away is refused: more nodes than `MOST_NODES` once its functions are written out, tensors of more than `MOST_ELEMENTS`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from dance_env.graph.importing.onnx_shapes import complete_shapes

MOST_NODES = 100_000
MOST_ELEMENTS = 2**40
MOST_BYTES = 2**31 - 1
"""Protobuf's own limit for one message; larger networks keep their weights in a file of their own."""

_SMALL = 1024
"""Elements up to which a tensor's values are kept: shapes, axes and the like."""

Shapes = Mapping[str, Sequence[int]]


def read_model(path: str, *, shapes: Shapes | None) -> tuple[Any, list[str]]:
    """Return an `onnx.ModelProto` in which every value that onnx can infer has a shape, and notes on what was decided.

    Args:
        path: Of the file.
        shapes: Of inputs by name, the batch included; they replace those in the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file holds no ONNX model, or one that cannot be imported; the message says what to do, and leaves
            the path to the caller.
        ImportError: If the package onnx is not installed.
    """
    onnx = load_onnx()
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {path} to read a network from")
    if file.stat().st_size > MOST_BYTES:
        raise ValueError("larger than 2 GiB; save the model with its weights in another file (external data)")
    try:
        model = onnx.load(str(file), load_external_data=False)
    except Exception as error:  # protobuf's errors have no common class that is public
        raise ValueError(f"not an ONNX model, or a broken one ({type(error).__name__})") from None
    if not model.graph.node or not model.opset_import:
        raise ValueError("not an ONNX model: it holds no operators, or no version of them")
    return _prepared(onnx, model, shapes or {})


def load_onnx() -> Any:
    """Return the package onnx.

    Raises:
        ImportError: If it is not installed; the message says how to get it.
    """
    try:
        import onnx
        import onnx.inliner
        import onnx.numpy_helper
        import onnx.reference
        import onnx.shape_inference
    except ImportError:
        raise ImportError(
            "reading an ONNX file needs the package onnx: pip install 'dance-env[onnx]'", name="onnx"
        ) from None
    return onnx


def why_unknown(model: Any) -> str:
    """Return what onnx says when it must infer every shape; a general reason if it says nothing."""
    try:
        load_onnx().shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except Exception as error:
        return f"onnx says: {_one_line(error)}"
    return (
        "it depends on the values of the input, or onnx does not know the operator. Export the model with fixed shapes"
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:500]


def _prepared(onnx: Any, model: Any, shapes: Shapes) -> tuple[Any, list[str]]:
    for tensor in _tensors(model):
        _check_external(onnx, tensor)
    _check_size(model)
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    notes = _fix_inputs(model, shapes)
    for tensor in model.graph.initializer:
        if _count(tensor.dims) > _SMALL:
            _drop_values(onnx, tensor)
    try:
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception as error:
        raise ValueError(f"onnx cannot infer the shapes of this model: {_one_line(error)}") from None
    complete_shapes(onnx, model)
    return model, notes


# --------------------------------------------------------------------------------------------------------------- checks
def nodes_of(nodes: Iterable[Any]) -> Iterator[Any]:
    """Yield nodes and those of the graphs inside them; protobuf lets no file nest deeper than 100 messages."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]:
                yield from nodes_of(graph.node)


def _tensors(model: Any) -> Iterator[Any]:
    """Yield every tensor that a model holds, those of nodes and functions included."""
    graphs = [model.graph]
    for node in nodes_of([*model.graph.node, *(node for each in model.functions for node in each.node)]):
        for attribute in node.attribute:
            graphs += [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]
            yield from [attribute.t] if attribute.HasField("t") else []
            yield from attribute.tensors
    for graph in graphs:
        yield from graph.initializer
        yield from (part for each in graph.sparse_initializer for part in (each.values, each.indices))


def _check_external(onnx: Any, tensor: Any) -> None:
    """Refuse a tensor whose values are said to lie outside of the model's folder, or that is too large to be meant."""
    if any(size < 0 for size in tensor.dims) or _count(tensor.dims) > MOST_ELEMENTS:
        raise ValueError(
            f"the tensor {tensor.name[:80]!r} has the shape {list(tensor.dims)[:8]}; no accelerator holds it"
        )
    if tensor.data_location != onnx.TensorProto.EXTERNAL:
        return
    location = next((each.value for each in tensor.external_data if each.key == "location"), "")
    parts = {*PurePosixPath(location).parts, *PureWindowsPath(location).parts}
    absolute = PurePosixPath(location).is_absolute() or PureWindowsPath(location).anchor
    if not location or absolute or ".." in parts or "\0" in location:
        raise ValueError(
            f"the weights {tensor.name[:80]!r} are said to lie in {location[:120]!r}, outside of the model's folder; external data "
            "must be a file beside the model"
        )


def _check_size(model: Any) -> None:
    """Refuse a model that has too many nodes once its functions are written out; they may call each other."""
    functions = {(each.domain, each.name): each for each in model.functions}
    written_out: dict[tuple[str, str], int] = {}

    def count(nodes: Iterable[Any], callers: tuple[tuple[str, str], ...]) -> int:
        total = 0
        for node in nodes_of(nodes):
            key = (node.domain, node.op_type)
            if key in callers or len(callers) > 50:
                raise ValueError(f"the function {node.op_type[:80]!r} calls itself, or calls others too deeply")
            if key in functions and key not in written_out:
                written_out[key] = count(functions[key].node, (*callers, key))
            total += written_out.get(key, 1)
        return total

    nodes = count(model.graph.node, ())
    if nodes > MOST_NODES:
        raise ValueError(f"{nodes:,} operators; an import reads at most {MOST_NODES:,}")


def _count(sizes: Sequence[int]) -> int:
    total = 1
    for size in sizes:
        total *= size
    return total


def _drop_values(onnx: Any, tensor: Any) -> None:
    """Leave a tensor's name, type and shape alone: shape inference copies the model."""
    kept = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=list(tensor.dims))
    kept.data_location = onnx.TensorProto.EXTERNAL
    kept.external_data.add(key="location", value="left_out")
    tensor.CopyFrom(kept)


# --------------------------------------------------------------------------------------------------------------- inputs
def _fix_inputs(model: Any, shapes: Shapes) -> list[str]:
    """Give every input a shape without symbols and a batch of 1; return notes on what was set."""
    stored = {each.name for each in model.graph.initializer}
    inputs = {each.name: each for each in model.graph.input if each.name not in stored}
    unknown = sorted(set(shapes) - set(inputs))
    if unknown:
        raise ValueError(f"there is no input {unknown[0]!r}; the inputs are {', '.join(map(repr, inputs))}")
    symbols = _symbols(inputs, shapes)
    batch = next((each for each in inputs.values() if len(_dims(each)) > 1), None)
    notes, changed = [], False
    if batch is not None and batch.name not in shapes:
        first = _dims(batch)[0]
        if not first.HasField("dim_value"):
            symbols.setdefault(first.dim_param, 1)
            first.dim_value, changed = 1, True
            notes.append(f"the batch of the input {batch.name!r} was set to 1")
        elif first.dim_value != 1:
            raise ValueError(
                f"the cost model prices one example at a time; the input {batch.name!r} has a batch of {first.dim_value}. Export "
                f"the model with a batch of 1, or set it: {_how_to_set([batch])}"
            )
    for each in inputs.values():
        changed |= _resolve(each, shapes.get(each.name), symbols)
    _check_all_known(inputs)
    if changed:  # what the file says of later values no longer holds
        del model.graph.value_info[:]
        for each in model.graph.output:
            each.type.tensor_type.ClearField("shape")
    return notes


def _symbols(inputs: Mapping[str, Any], shapes: Shapes) -> dict[str, int]:
    """Return the sizes of symbols that given shapes settle: an axis ``"tokens"`` of one input is that of all."""
    found: dict[str, int] = {}
    for name, shape in shapes.items():
        dims = _dims(inputs[name])
        good = all(isinstance(size, int) and 0 <= size < MOST_ELEMENTS for size in shape)
        if not good or (dims and len(dims) != len(shape)):
            raise ValueError(
                f"the shape {tuple(shape)!r} given for the input {name!r} does not fit {_written(inputs[name])}"
            )
        found |= {dim.dim_param: size for dim, size in zip(dims, shape, strict=bool(dims)) if dim.dim_param}
    return found


def _resolve(value: Any, shape: Sequence[int] | None, symbols: Mapping[str, int]) -> bool:
    """Set the sizes of an input; return whether one changed."""
    if not value.type.HasField("tensor_type"):
        raise ValueError(f"the input {value.name[:80]!r} is no tensor")
    tensor, changed = value.type.tensor_type, False
    if shape is not None and not tensor.HasField("shape"):
        for _ in shape:
            tensor.shape.dim.add()
    for axis, dim in enumerate(tensor.shape.dim):
        size = shape[axis] if shape is not None else symbols.get(dim.dim_param) if dim.dim_param else None
        if size is not None and (not dim.HasField("dim_value") or dim.dim_value != size):
            dim.dim_value, changed = size, True
    return changed


def _check_all_known(inputs: Mapping[str, Any]) -> None:
    unknown = [
        each
        for each in inputs.values()
        if not each.type.tensor_type.HasField("shape") or any(not dim.HasField("dim_value") for dim in _dims(each))
    ]
    if unknown:
        named = ", ".join(f"{each.name!r} {_written(each)}" for each in unknown)
        raise ValueError(f"the shape of an input is not known: {named}. Set it: {_how_to_set(unknown)}")
    for each in inputs.values():
        sizes = [dim.dim_value for dim in _dims(each)]
        if any(size < 0 for size in sizes) or _count(sizes) > MOST_ELEMENTS:
            raise ValueError(f"the input {each.name!r} has the shape {tuple(sizes)}; no accelerator holds it")


def _dims(value: Any) -> Sequence[Any]:
    return value.type.tensor_type.shape.dim


def _written(value: Any) -> str:
    sizes = [str(dim.dim_value) if dim.HasField("dim_value") else _word(dim.dim_param) for dim in _dims(value)]
    return f"({', '.join(sizes)})" if value.type.tensor_type.HasField("shape") else "(of unknown axes)"


def _word(symbol: str) -> str:
    return re.sub(r"\W", "_", symbol)[:40] or "?"


def _how_to_set(inputs: Sequence[Any]) -> str:
    """Return how the shapes of inputs are given, in Python and on the command line."""
    shapes = [(each.name, _example(each)) for each in inputs]
    python = ", ".join(f'"{name}": ({", ".join(sizes)}{"," if len(sizes) == 1 else ""})' for name, sizes in shapes)
    words = " ".join(shlex.quote(f"{name}={','.join(sizes)}") for name, sizes in shapes)
    return f"shapes={{{python}}}, on the command line --shape {words}"


def _example(value: Any) -> list[str]:
    """Return the sizes of an input as one might set them: what is not known as 1 for the batch, 224 or 128 for others."""
    dims = _dims(value)
    if not dims:
        return ["1", "3", "224", "224"]
    usual = "224" if len(dims) == 4 else "128"
    known = [str(dim.dim_value) if dim.HasField("dim_value") else usual for dim in dims]
    return ["1", *known[1:]]
