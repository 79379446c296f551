"""One design as a value and as a JSON file: networks, accelerator, technology, costs, and where it comes from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from dance_env.atomic import write_whole
from dance_env.cost import EDGE_LPDDR4, AnalyticalCostModel, CostModel, Technology
from dance_env.exporting import plain_data as plain
from dance_env.exporting.design_parts import DesignCosts, DesignWorkload, Provenance, costs_of, workloads_of
from dance_env.graph import Layer, LayerGraph
from dance_env.problem import Problem
from dance_env.space import Hardware

FORMAT = "dance_env.design/1"
"""Name and version of the format; another version is refused."""

_AGREES_TO = 1e-9  # of the costs in a file with those computed again: sums are added up in another order
_COSTS = ("latency_s", "energy_j", "area_mm2")
_MEMBERS = ("format", "name", "workloads", "accelerator", "cost_model", "costs", "provenance")


@dataclass(frozen=True, eq=False)
class DesignFile:
    """One design: which networks run on which accelerator, what that costs, and where it comes from.

    `write` and `read` keep it as JSON of the format `FORMAT`. Reading runs no code: everything is checked as it is built
    again.

    Attributes:
        name: What exports call it.
        workloads: At least one; the names differ.
        hardware: The accelerator, a batch of one.
        cost_model: Technology, and how mappings are searched.
        costs: By this cost model.
        provenance: Where the design comes from.

    Raises:
        ValueError: If there is not exactly one accelerator, or the workloads have one name.
    """

    name: str
    workloads: tuple[DesignWorkload, ...]
    hardware: Hardware
    cost_model: AnalyticalCostModel
    costs: DesignCosts
    provenance: Provenance

    def __post_init__(self) -> None:
        if len(self.hardware) != 1:
            raise ValueError(f"design {self.name!r}: expected one accelerator, got {len(self.hardware)}")
        names = [each.name for each in self.workloads]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"design {self.name!r}: workloads need different names, at least one; got {names}")

    # ---------------------------------------------------------------------------------------------------------- contents
    @cached_property
    def technology(self) -> Technology:
        """The constants, with the global buffer and the DRAM bandwidth that the accelerator chooses."""
        return self.cost_model.technology_of(self.hardware)

    def layers(self) -> tuple[Layer, ...]:
        """Return the layers of all workloads, in order."""
        return tuple(layer for each in self.workloads for layer in each.layers)

    # ------------------------------------------------------------------------------------------------------------ making
    @classmethod
    def of_design(
        cls, problem: Problem, design: Any, *, name: str | None = None, cost_model: CostModel | None = None
    ) -> DesignFile:
        """Return one design of a problem.

        Args:
            problem: The problem.
            design: Option indices, shape (D,).
            name: What exports call it; None for the problem's name.
            cost_model: Whose costs and mappings; None for the model that the problem was built with.

        Raises:
            TypeError, ValueError: If the design is not one of the problem; the cost model is not known, or is not the
                analytical one; or a layer cannot be mapped (with the reason).
        """
        model = _analytical(problem.cost_model if cost_model is None else cost_model, problem.name)
        design = problem.space.check(np.atleast_2d(np.asarray(design)))
        if len(design) != 1:
            raise ValueError(f"expected one design, shape (D,), got {len(design)}")
        network = design[0, problem.space.network]
        index = problem.accelerator_space.index(design[:, problem.space.hardware])
        hardware = problem.accelerator_space.hardware().take(index)
        workloads = workloads_of(problem.network_space, network)
        options = problem.space.decode(design)[0]
        error = None if problem.accuracy is None else float(problem.evaluate(design).error_pct[0])
        return cls(
            problem.name if name is None else name,
            workloads,
            hardware,
            model,
            costs_of(workloads, hardware, model, error_pct=error),
            Provenance(
                _program(),
                problem.name,
                problem.fingerprint(),
                tuple(design[0].tolist()),
                {choice: str(option) for choice, option in options.items()},
            ),
        )

    @classmethod
    def of_network(
        cls,
        graph: LayerGraph | Sequence[DesignWorkload],
        hardware: Hardware,
        technology: Technology = EDGE_LPDDR4,
        *,
        name: str | None = None,
        objective: str = "edp",
        factors: str = "perfect",
        overlap: str = "timeloop",
    ) -> DesignFile:
        """Return a network on an accelerator, outside any problem.

        Args:
            graph: The network; or several workloads.
            hardware: One accelerator, a batch of one.
            technology: The constants.
            name: What exports call it; None for the network's name.
            objective, factors, overlap: How mappings are searched (see `AnalyticalCostModel`).

        Raises:
            TypeError, ValueError: If an argument is not of that form, or a layer cannot be mapped (with the reason).
        """
        model = AnalyticalCostModel(technology, objective, factors, overlap)
        workloads = (DesignWorkload.of_graph(graph),) if isinstance(graph, LayerGraph) else tuple(graph)
        if name is None:
            name = graph.name if isinstance(graph, LayerGraph) else "+".join(each.name for each in workloads)
        costs = costs_of(workloads, hardware, model)
        return cls(name, workloads, hardware, model, costs, Provenance(_program()))

    # -------------------------------------------------------------------------------------------------------- comparison
    def differences(self) -> dict[str, tuple[float, float]]:
        """Return the costs that are not what the cost model says now: metric -> (in the file, computed again).

        Raises:
            ValueError: If a layer cannot be mapped.
        """
        again = costs_of(self.workloads, self.hardware, self.cost_model)
        pairs = {name: (getattr(self.costs, name), getattr(again, name)) for name in _COSTS}
        return {name: pair for name, pair in pairs.items() if not math.isclose(*pair, rel_tol=_AGREES_TO)}

    # -------------------------------------------------------------------------------------------------------------- JSON
    def write(self, path: str | PathLike[str]) -> Path:
        """Write the design as JSON, whole or not at all; return the path.

        Raises:
            OSError: If the file cannot be written.
        """
        return write_whole(path, json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n")

    @classmethod
    def read(cls, path: str | PathLike[str], *, check_costs: bool = False) -> DesignFile:
        """Return the design in a JSON file.

        Args:
            path: What `write` wrote.
            check_costs: Whether costs are computed again and compared.

        Raises:
            OSError: If the file cannot be read.
            ValueError: If it does not hold a consistent design, or its costs are others than those computed again; the
                message says what and where.
        """
        try:
            found = cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
            differences = found.differences() if check_costs else {}
        except RecursionError:
            raise ValueError(f"{path}: expected a design, found JSON that is nested too deeply") from None
        except ValueError as error:  # also what json raises for text that is not JSON, and bytes that are not UTF-8
            raise ValueError(f"{path}: {error}") from None
        if differences:
            listed = "; ".join(f"{name} {old:g}, computed again {new:g}" for name, (old, new) in differences.items())
            raise ValueError(f"{path}: the costs are not those of the design: {listed}")
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the design as plain data; `from_dict` reads it back."""
        return {
            "format": FORMAT,
            "name": self.name,
            "workloads": [plain.workload_to_dict(each) for each in self.workloads],
            "accelerator": plain.hardware_to_dict(self.hardware),
            "cost_model": plain.model_to_dict(self.cost_model),
            "costs": {name: getattr(self.costs, name) for name in (*_COSTS, "error_pct")},
            "provenance": plain.provenance_to_dict(self.provenance),
        }

    @classmethod
    def from_dict(cls, content: Any) -> DesignFile:
        """Return the design that `to_dict` wrote.

        Raises:
            ValueError: If something is missing, unknown or inconsistent; the message says where.
        """
        found = content.get("format") if isinstance(content, Mapping) else None
        if found != FORMAT:
            raise ValueError(f"expected a design of format {FORMAT!r}, found {found!r}")
        plain.no_others(content, _MEMBERS, "design")
        costs = plain.member(content, "costs", Mapping, "design")
        error = plain.member(costs, "error_pct", (int, float, type(None)), "costs")
        workloads = plain.member(content, "workloads", list, "design")
        return cls(
            plain.member(content, "name", str, "design"),
            tuple(plain.workload_from_dict(each, f"workload {i}") for i, each in enumerate(workloads)),
            plain.hardware_from_dict(plain.member(content, "accelerator", Mapping, "design")),
            plain.model_from_dict(plain.member(content, "cost_model", Mapping, "design")),
            DesignCosts(
                plain.number(costs, "latency_s", "costs", above=0.0),
                plain.number(costs, "energy_j", "costs", above=0.0),
                plain.number(costs, "area_mm2", "costs", above=0.0),
                None if error is None else plain.number(costs, "error_pct", "costs"),
            ),
            plain.provenance_from_dict(plain.member(content, "provenance", Mapping, "design")),
        )


def _analytical(model: CostModel | None, problem: str) -> AnalyticalCostModel:
    if isinstance(model, AnalyticalCostModel):
        return model
    what = "is not known" if model is None else f"is {type(model).__name__}"
    raise ValueError(
        f"problem {problem!r}: a design file holds mappings and costs of the analytical model, and the problem's cost model "
        f"{what}; give cost_model=AnalyticalCostModel(technology=...), whose costs the file then holds"
    )


def _program() -> str:
    try:
        return f"dance-env {version('dance-env')}"
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "dance-env"
