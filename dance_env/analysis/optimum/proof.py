"""What a proof says, and its record as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from dance_env.analysis.optimum.evidence import Evidence

FORMAT = "dance-optimum-1"


@dataclass(frozen=True)
class Certificate:
    """How the designs were closed, counted in cases: an accelerator under one assignment of the outer choices.

    Attributes:
        groups: The choices that were one node of the fields, by name.
        outer: The choices that were enumerated outside, by name.
        assignments: How many joint options these have.
        beaten: Cases that another accelerator beats on every network.
        too_large: Cases whose area is above its limit.
        impossible: Cases of which no network meets the limits, or can be mapped.
        bounded: Cases closed by the bound of the first vertex.
        searched: Cases closed by branch and bound.
        unfinished: Cases that are open.
        vertices: Of all searches.
        slack: Every design with an objective up to `objective + slack` was evaluated.
        seconds: What it took.
    """

    groups: tuple[tuple[str, ...], ...]
    outer: tuple[str, ...]
    assignments: int
    beaten: int
    too_large: int
    impossible: int
    bounded: int
    searched: int
    unfinished: int
    vertices: int
    slack: float
    seconds: float


@dataclass(frozen=True)
class Proof:
    """The best design of a problem, and a bound that no design is below.

    Attributes:
        problem: The problem's name.
        fingerprint: The problem's fingerprint; None where it has none.
        objective: Of the best design; infinite where no design meets the limits, or none was found.
        lower_bound: No feasible design has a lower objective; infinite where it is proved that none is feasible.
        design: Option index of each choice; None where no design was found.
        options: The same by name.
        certificate: How it was proved, in numbers.
        evidence: The same case by case, an entry for each assignment of the outer choices; None in a proof that was read
            from a record, which keeps it in a file of its own.
    """

    problem: str
    fingerprint: str | None
    objective: float
    lower_bound: float
    design: tuple[int, ...] | None
    options: dict[str, Any] = field(hash=False)
    certificate: Certificate
    evidence: tuple[Evidence, ...] | None = field(default=None, compare=False, repr=False)

    @property
    def gap(self) -> float:
        """`(objective - lower_bound) / |objective|`: 0.0 where the design is proved to be the best."""
        if self.objective == self.lower_bound:
            return 0.0
        if not math.isfinite(self.objective):
            return math.inf
        return (self.objective - self.lower_bound) / max(abs(self.objective), np.finfo(float).tiny)

    @property
    def feasible(self) -> bool:
        """Whether a design was found that meets the limits."""
        return self.design is not None

    def to_json(self) -> str:
        """Return the record; infinite numbers are null."""
        content = {"format": FORMAT, **asdict(replace(self, evidence=None)), "gap": self.gap}
        content.pop("evidence")
        for name in ("objective", "lower_bound", "gap"):
            content[name] = content[name] if math.isfinite(content[name]) else None
        return json.dumps(content, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Proof:
        """Read a record.

        Raises:
            ValueError: If it is no such record.
        """
        try:
            content = json.loads(text)
            if content.pop("format") != FORMAT:
                raise ValueError(f"the format is not {FORMAT!r}")
            content.pop("gap")
            certificate = content.pop("certificate")
            for name in ("objective", "lower_bound"):
                content[name] = math.inf if content[name] is None else float(content[name])
            content["design"] = None if content["design"] is None else tuple(content["design"])
            certificate["groups"] = tuple(map(tuple, certificate["groups"]))
            certificate["outer"] = tuple(certificate["outer"])
            return cls(**content, certificate=Certificate(**certificate))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no record of a proved optimum: {type(error).__name__}: {error}") from error
