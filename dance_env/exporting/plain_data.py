"""The parts of a design as plain data (what JSON can hold), and back with checks that say where something is wrong."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from dance_env.cost import AnalyticalCostModel, GlobalBuffer, Technology
from dance_env.exporting.design_parts import DesignWorkload, Provenance
from dance_env.graph import Layer, graph_from_dict, graph_to_dict
from dance_env.space import DATAFLOWS, Hardware

UNLIMITED = "inf"
"""How a rate without limit is written: JSON has no infinity."""

_MODEL_SETTINGS = ("objective", "factors", "overlap")


def member(content: Any, name: str, kind: type | tuple[type, ...], where: str) -> Any:
    """Return a member of an object.

    Raises:
        ValueError: If `content` is no object, the member is missing, or is of another kind.
    """
    if not isinstance(content, Mapping):
        raise ValueError(f"{where}: expected an object, found {_short(content)}")
    if name not in content:
        raise ValueError(f"{where}: {name!r} is missing; found {sorted(map(str, content))}")
    value = content[name]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        kinds = tuple(each for each in kinds if each is not int or float not in kinds)
        wanted = " or ".join(_KINDS.get(each, each.__name__) for each in kinds)
        raise ValueError(f"{where}: {name!r} must be {wanted}, found {_short(value)}")
    return value


def number(content: Any, name: str, where: str, *, above: float = -math.inf, most: float = math.inf) -> float:
    """Return a finite number of an object that is larger than `above` and at most `most`; errors as `member`."""
    value = member(content, name, (int, float), where)
    if not (math.isfinite(value) and above < value <= most):
        limits = [f"above {above:g}"] * (above > -math.inf) + [f"at most {most:g}"] * (most < math.inf)
        raise ValueError(f"{where}: {name!r} must be a finite number {' and '.join(limits)}, found {_short(value)}")
    return float(value)


def no_others(content: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    """Refuse members that nothing reads: a misspelt one would be ignored in silence.

    Raises:
        ValueError: If there is one.
    """
    others = [str(name) for name in content if name not in known]
    if others:
        raise ValueError(f"{where}: unknown {', '.join(map(repr, others))}; known are {', '.join(known)}")


# ------------------------------------------------------------------------------------------------------------ accelerator
def hardware_to_dict(hardware: Hardware) -> dict[str, Any]:
    """Return one accelerator as plain data, the dataflow by its name."""
    values = {name: column[0].item() for name, column in hardware.columns().items()}
    return values | {"dataflow": DATAFLOWS[values["dataflow"]]}


def hardware_from_dict(content: Any, where: str = "accelerator") -> Hardware:
    """Return the accelerator that `hardware_to_dict` wrote.

    Raises:
        ValueError: If something is missing, unknown or out of range.
    """
    pe_x, pe_y, rf_words = (member(content, name, int, where) for name in ("pe_x", "pe_y", "rf_words"))
    dataflow = member(content, "dataflow", str, where)
    no_others(content, tuple(field.name for field in dataclasses.fields(Hardware)), where)
    memory: dict[str, Any] = {}
    if "glb_words" in content:
        memory["glb_words"] = member(content, "glb_words", int, where)
    if "dram_words_per_cycle" in content:
        memory["dram_words_per_cycle"] = member(content, "dram_words_per_cycle", (int, float), where)
    try:
        return Hardware.one(pe_x, pe_y, rf_words=rf_words, dataflow=dataflow, **memory)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{where}: {error}") from None


# ------------------------------------------------------------------------------------------------------------- cost model
def model_to_dict(model: AnalyticalCostModel) -> dict[str, Any]:
    """Return a cost model's settings and its technology as plain data."""
    settings = {name: getattr(model, name) for name in _MODEL_SETTINGS}
    return {**settings, "technology": technology_to_dict(model.technology)}


def model_from_dict(content: Any, where: str = "cost model") -> AnalyticalCostModel:
    """Return the cost model that `model_to_dict` wrote.

    Raises:
        ValueError: If something is missing, unknown or out of range.
    """
    settings = {name: member(content, name, str, where) for name in _MODEL_SETTINGS}
    technology = technology_from_dict(member(content, "technology", Mapping, where))
    no_others(content, (*_MODEL_SETTINGS, "technology"), where)
    try:
        return AnalyticalCostModel(technology=technology, **settings)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def technology_to_dict(technology: Technology) -> dict[str, Any]:
    """Return every constant as plain data; a rate without limit is `UNLIMITED`."""
    values = dataclasses.asdict(technology)
    return {name: UNLIMITED if value == math.inf else value for name, value in values.items()}


def technology_from_dict(content: Any, where: str = "technology") -> Technology:
    """Return the technology that `technology_to_dict` wrote.

    Raises:
        ValueError: If a constant is missing, unknown or out of range.
    """
    fields = tuple(field.name for field in dataclasses.fields(Technology))
    values: dict[str, Any] = {name: member(content, name, object, where) for name in fields}
    no_others(content, fields, where)
    texts = ("name", "source")
    values = {name: math.inf if value == UNLIMITED and name not in texts else value for name, value in values.items()}
    values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    try:
        buffers = values["glb_table"]
        values["glb_table"] = tuple(GlobalBuffer(**buffer) for buffer in buffers)
        return Technology(**values)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{where}: {error}") from None


# ----------------------------------------------------------------------------------------------------------------- layers
def layer_to_dict(layer: Layer) -> dict[str, Any]:
    """Return a layer as plain data."""
    return dataclasses.asdict(layer)


def layer_from_dict(content: Any, where: str) -> Layer:
    """Return the layer that `layer_to_dict` wrote.

    Raises:
        ValueError: If something is missing, unknown or inconsistent.
    """
    fields = tuple(field.name for field in dataclasses.fields(Layer))
    values = {name: member(content, name, str if name in ("name", "kind") else int, where) for name in fields}
    no_others(content, fields, where)
    try:
        return Layer(**values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from None


# ------------------------------------------------------------------------------------------------ workloads, provenance
def workload_to_dict(workload: DesignWorkload) -> dict[str, Any]:
    """Return a workload as plain data: with its graph, else with its layers."""
    content: dict[str, Any] = {"name": workload.name, "weight": workload.weight}
    if workload.graph is not None:
        return {**content, "graph": graph_to_dict(workload.graph)}
    return {**content, "layers": [layer_to_dict(layer) for layer in workload.layers]}


def workload_from_dict(content: Any, where: str) -> DesignWorkload:
    """Return the workload that `workload_to_dict` wrote.

    Raises:
        ValueError: If something is missing, unknown or inconsistent.
    """
    name = member(content, "name", str, where)
    weight = number(content, "weight", where, above=0.0)
    no_others(content, ("name", "weight", "graph", "layers"), where)
    if ("graph" in content) == ("layers" in content):
        raise ValueError(f"{where}: expected 'graph' or 'layers', and not both; found {sorted(content)}")
    if "graph" in content:
        graph = graph_from_dict(member(content, "graph", Mapping, where))
        return DesignWorkload.of_graph(graph, name=name, weight=weight)
    layers = enumerate(member(content, "layers", list, where))
    return DesignWorkload(name, tuple(layer_from_dict(each, f"{where}, layer {i}") for i, each in layers), None, weight)


def provenance_to_dict(provenance: Provenance) -> dict[str, Any]:
    """Return where a design comes from as plain data."""
    return {
        "made_by": provenance.made_by,
        "problem": provenance.problem,
        "fingerprint": provenance.fingerprint,
        "design": list(provenance.design),
        "choices": dict(provenance.choices),
    }


def provenance_from_dict(content: Any) -> Provenance:
    """Return what `provenance_to_dict` wrote; errors as `workload_from_dict`."""
    where = "provenance"
    fingerprint = member(content, "fingerprint", (str, type(None)), where)
    design = member(content, "design", list, where)
    choices = member(content, "choices", Mapping, where)
    if not all(isinstance(option, int) and not isinstance(option, bool) for option in design):
        raise ValueError(f"{where}: 'design' must hold whole numbers, found {design!r}")
    if not all(isinstance(option, str) for option in choices.values()):
        raise ValueError(f"{where}: 'choices' must hold texts, found {dict(choices)!r}")
    return Provenance(
        member(content, "made_by", str, where),
        member(content, "problem", str, where),
        fingerprint,
        tuple(design),
        dict(choices),
    )


_KINDS: dict[type, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "an object",
    Mapping: "an object",
    type(None): "null",
}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
