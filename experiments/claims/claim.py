"""A claim of the paper, tested."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, Literal

Cell = str | int | float | None


class Verdict(Enum):
    """What measuring said of a claim; the value is what the report shows."""

    HOLDS = "holds"
    DOES_NOT_HOLD = "does not hold"
    NOT_TESTABLE = "not testable here"

    @classmethod
    def of(cls, holds: bool) -> Verdict:
        """From a comparison's outcome."""
        return cls.HOLDS if holds else cls.DOES_NOT_HOLD

    @classmethod
    def of_all(cls, verdicts: Iterable[Verdict]) -> Verdict:
        """Of a claim in parts: it holds if no part fails; what cannot be tested decides nothing."""
        found = set(verdicts)
        for verdict in (cls.DOES_NOT_HOLD, cls.HOLDS):
            if verdict in found:
                return verdict
        return cls.NOT_TESTABLE


@dataclass(frozen=True)
class Finding:
    """One part of a claim.

    Attributes:
        what: the part in words.
        paper: the paper's figure.
        ours: the figure measured.
        verdict: whether it holds.
        rule: what was asked of our figure, so that anyone can judge the verdict.
    """

    what: str
    paper: str
    ours: str
    verdict: Verdict
    rule: str


@dataclass(frozen=True)
class Table:
    """Figures behind a claim: `rows`, each as long as `columns`."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"table {self.title!r} has {len(self.columns)} columns, but a row of {len(row)}: {row}"
                )


@dataclass(frozen=True)
class Series:
    """Points of a picture, drawn as separate points, as a line, or as steps (a value holds up to the next point)."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    style: Literal["points", "line", "step"] = "points"

    @classmethod
    def of(cls, label: str, x: Any, y: Any, style: Literal["points", "line", "step"] = "points") -> Series:
        """From arrays (n,); points that are not finite are left out."""
        pairs = [(float(a), float(b)) for a, b in zip(x, y, strict=True) if math.isfinite(a) and math.isfinite(b)]
        return cls(label, tuple(a for a, _ in pairs), tuple(b for _, b in pairs), style)


@dataclass(frozen=True)
class Picture:
    """A plot as data; `name` is its file's stem."""

    name: str
    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Claim:
    """What the paper claims, and what came out.

    Attributes:
        name: as in `experiments.claims.catalog`.
        statement: the claim as a sentence.
        paper: the paper's figure.
        ours: ours.
        findings: its parts, each with a verdict; none where nothing could be tested.
        sentence: the verdict explained.
        tables, pictures: what the figures come from.
    """

    name: str
    statement: str
    paper: str
    ours: str
    sentence: str
    findings: tuple[Finding, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """It holds if no part fails."""
        return Verdict.of_all(finding.verdict for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """As values that JSON holds; infinity becomes "inf", NaN null."""
        return {"verdict": self.verdict.value, **_plain(asdict(self))}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Claim:
        """What `to_json` gave.

        Raises:
            KeyError, TypeError, ValueError: something else.
        """
        return cls(
            **{name: str(values[name]) for name in ("name", "statement", "paper", "ours", "sentence")},
            findings=tuple(Finding(**{**each, "verdict": Verdict(each["verdict"])}) for each in values["findings"]),
            tables=tuple(
                Table(each["title"], tuple(each["columns"]), tuple(tuple(row) for row in each["rows"]))
                for each in values["tables"]
            ),
            pictures=tuple(
                Picture(
                    **{
                        **each,
                        "series": tuple(
                            Series(one["label"], tuple(one["x"]), tuple(one["y"]), one["style"])
                            for one in each["series"]
                        ),
                    }
                )
                for each in values["pictures"]
            ),
        )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Verdict):
        return value.value
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return value
