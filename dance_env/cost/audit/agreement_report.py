"""An agreement report as a table to read and files to keep."""

from __future__ import annotations

import csv
import dataclasses
import io
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dance_env.atomic import write_whole
from dance_env.cost.audit.agreement import ALL, METRICS, OVER, Correlation, Points, correlations
from dance_env.cost.audit.disagreement import TOGETHER, Disagreement, Overlap, overlaps, together, worst

_HEAD = (
    *("ranked", "dataflow", "metric", "groups", "median", "10th percentile", "lowest"),
    *("our spread", "their spread", "loss"),
)


def summary_table(points: Points, found: Sequence[Correlation]) -> str:
    """Rank correlations of each kind, as a Markdown table; then what was left out.

    Median, 10th percentile and lowest are Spearman's over the groups; spreads and loss are medians (see `Correlation`).
    """
    lines = ["| " + " | ".join(_HEAD) + " |", "| " + " | ".join("---" for _ in _HEAD) + " |"]
    flows = (ALL, *sorted(set(points.dataflow)))
    for over, summed in ((OVER[0], False), (OVER[0], True), (OVER[1], False)):
        for dataflow in flows:
            for metric in METRICS:
                kind = [c for c in found if (c.over, c.dataflow, c.metric) == (over, dataflow, metric)]
                kind = [c for c in kind if (c.name == TOGETHER) == summed]
                if kind:
                    lines.append("| " + " | ".join(_summary(kind)) + " |")
    ratio = points.theirs[points.both] / points.ours[points.both]
    both = int(points.both.sum())
    lines += ["", f"Pairs of layer and accelerator: {len(points)}, priced by both: {both}."]
    if both:
        cycles, energy = np.median(ratio, axis=0)
        lines.append(f"Theirs over ours, median: cycles {cycles:.3f}, energy {energy:.3f}.")
    lines += [f"Without a cost: {text}" for text in _left_out(points)]
    return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class Agreement:
    """How far two models agree on a sample of pairs.

    Attributes:
        title: Which models, on what.
        points: The pairs.
        correlations: Of ranks, see `correlations`; those of the layers together stand last.
        overlaps: Of the best accelerators.
        disagreements: The worst.
    """

    title: str
    points: Points
    correlations: tuple[Correlation, ...]
    overlaps: tuple[Overlap, ...]
    disagreements: tuple[Disagreement, ...]

    @classmethod
    def of(cls, title: str, points: Points, *, k: int, worst_pairs: int) -> Agreement:
        """Compare two models.

        Args:
            title: Which models, on what.
            points: The pairs.
            k: Accelerators that count as the best.
            worst_pairs: How many of the worst disagreements are listed, by each metric.

        Raises:
            ValueError: If `k` is below 1.
        """
        sums = [each for each in correlations(together(points)) if each.over == OVER[0]]
        return cls(
            title,
            points,
            (*correlations(points), *sums),
            tuple(overlaps(points, k)),
            tuple(worst(points, worst_pairs)),
        )

    def content(self) -> dict[str, Any]:
        """Return the figures as plain data, with how many pairs have which outcome."""
        outcomes = Counter(reason.partition(":")[0] or "PRICED" for reason in self.points.reason)
        return {
            "title": self.title,
            "pairs": len(self.points),
            "priced_by_both": int(self.points.both.sum()),
            "outcomes": dict(outcomes),
            "correlations": self.correlations,
            "overlaps": self.overlaps,
            "disagreements": self.disagreements,
        }

    def as_text(self) -> str:
        """Return the report to read, as Markdown."""
        parts = [self.title, summary_table(self.points, self.correlations)]
        if self.overlaps:
            parts.append(_overlap_table(self.overlaps))
        if self.disagreements:
            parts.append(_worst_table(self.disagreements))
        return "\n\n".join(parts)

    def write(self, folder: str | Path, *, command: Sequence[str]) -> tuple[Path, ...]:
        """Write ``points.csv``, ``correlations.csv``, ``overlaps.csv``, ``disagreements.csv`` and ``audit.md``.

        Each file appears whole or not at all.

        Raises:
            OSError: If the folder cannot be written.
        """
        columns = (
            "layer",
            "accelerator",
            "dataflow",
            "cycles",
            "energy_pj",
            "their_cycles",
            "their_energy_pj",
            "reason",
        )
        points = self.points
        names = zip(points.layer, points.accelerator, points.dataflow, strict=True)
        figures = zip(points.ours.tolist(), points.theirs.tolist(), points.reason, strict=True)
        rows = [(*n, *ours, *theirs, why) for n, (ours, theirs, why) in zip(names, figures, strict=True)]
        texts = {
            "points.csv": _csv(columns, rows),
            "correlations.csv": _records(Correlation, self.correlations),
            "overlaps.csv": _records(Overlap, self.overlaps),
            "disagreements.csv": _records(Disagreement, self.disagreements),
            "audit.md": f"# Audit\n\n    {shlex.join(command)}\n\n{self.as_text()}\n",
        }
        return tuple(write_whole(Path(folder) / name, text) for name, text in texts.items())


def _overlap_table(found: Sequence[Overlap]) -> str:
    """The share of common best accelerators: median over layers, and of the layers together."""
    k = found[0].k
    lines = [
        f"| of the {k} best accelerators | latency | energy | EDP | by chance |",
        "| --- | --- | --- | --- | --- |",
    ]
    for title, which in (("each layer, median", False), (TOGETHER, True)):
        cells, chance = [], 0.0
        for metric in METRICS:
            kind = [each for each in found if each.metric == metric and (each.name == TOGETHER) == which]
            if kind:
                cells.append(f"{np.median([each.share for each in kind]):.2f}")
                chance = float(np.median([each.chance for each in kind]))
        if cells:
            lines.append(f"| {title} | {' | '.join(cells)} | {chance:.2f} |")
    return "\n".join(lines)


def _worst_table(found: Sequence[Disagreement]) -> str:
    lines = [
        "| worst disagreements | accelerator | metric | ours | theirs | theirs / ours | usual |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in found:
        figures = [f"{value:.4g}" for value in (each.ours, each.theirs, each.ratio, each.usual)]
        lines.append(f"| {each.layer} | {each.accelerator} | {each.metric} | {' | '.join(figures)} |")
    return "\n".join(lines)


def _summary(kind: Sequence[Correlation]) -> list[str]:
    rho = np.array([c.rho for c in kind])
    lowest = kind[int(rho.argmin())]
    figures = [f"{value:.3f}" for value in (np.median(rho), np.percentile(rho, 10), rho.min())]
    one = "layer" if lowest.over == "accelerators" else "accelerator"
    sizes = sorted({c.points for c in kind})
    ranked = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]}-{sizes[-1]}"
    figures[-1] += f" ({lowest.name})"
    medians = [float(np.median([getattr(c, what) for c in kind])) for what in ("our_spread", "their_spread", "loss")]
    around = [f"{value:.3g}" for value in medians[:2]] + [
        f"{medians[2]:.3f}" if lowest.over == "accelerators" else ""  # a layer is not chosen by its cost
    ]
    of = TOGETHER if lowest.name == TOGETHER else f"each {one}"
    return [f"{ranked} {lowest.over} of {of}", lowest.dataflow, lowest.metric, str(len(kind)), *figures, *around]


def _left_out(points: Points) -> Iterable[str]:
    for i in np.flatnonzero(~points.both):
        why = points.reason[i] or "our model finds no mapping"
        yield f"{points.layer[i]} on {points.accelerator[i]}: {why}"


def _records(kind: type, rows: Iterable[Any]) -> str:
    return _csv([field.name for field in dataclasses.fields(kind)], [dataclasses.astuple(row) for row in rows])


def _csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
