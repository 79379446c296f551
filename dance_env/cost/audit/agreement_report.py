"""An agreement report as a table to read and files to keep."""

from __future__ import annotations

import csv
import dataclasses
import io
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from dance_env.atomic import write_whole
from dance_env.cost.audit.agreement import ALL, METRICS, OVER, Correlation, Points

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
    for over in OVER:
        for dataflow in flows:
            for metric in METRICS:
                kind = [c for c in found if (c.over, c.dataflow, c.metric) == (over, dataflow, metric)]
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


def write_report(
    points: Points, found: Sequence[Correlation], *, folder: str | Path, title: str, command: Sequence[str]
) -> tuple[Path, ...]:
    """Write ``points.csv``, ``correlations.csv`` and ``agreement.md`` into a folder; each appears whole or not at all.

    Raises:
        OSError: when the folder cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    columns = ("layer", "accelerator", "dataflow", "cycles", "energy_pj", "their_cycles", "their_energy_pj", "reason")
    names = zip(points.layer, points.accelerator, points.dataflow, strict=True)
    figures = zip(points.ours.tolist(), points.theirs.tolist(), points.reason, strict=True)
    rows = [(*n, *ours, *theirs, why) for n, (ours, theirs, why) in zip(names, figures, strict=True)]
    page = f"# Agreement: {title}\n\n    {shlex.join(command)}\n\n{summary_table(points, found)}\n"
    texts = {
        "points.csv": _csv(columns, rows),
        "correlations.csv": _csv(
            [field.name for field in dataclasses.fields(Correlation)], [dataclasses.astuple(c) for c in found]
        ),
        "agreement.md": page,
    }
    return tuple(write_whole(folder / name, text) for name, text in texts.items())


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
    return [f"{ranked} {lowest.over} of each {one}", lowest.dataflow, lowest.metric, str(len(kind)), *figures, *around]


def _left_out(points: Points) -> Iterable[str]:
    for i in np.flatnonzero(~points.both):
        why = points.reason[i] or "our model finds no mapping"
        yield f"{points.layer[i]} on {points.accelerator[i]}: {why}"


def _csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
