"""The report: what ran, what differs beyond noise, and a plot."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from dance_env.atomic import write_whole
from experiments.images_cifar10.plan import (
    JOINT,
    LAMBDAS,
    RANKED,
    SEEDS,
    SEPARATE,
    SHORT,
    SUPERNET_EPOCHS,
    TASK,
    Search,
    pieces,
)
from experiments.images_cifar10.statistics import McNemar, Rows, gain, over_seeds, pairs, ranking

_COLORS = {"table": "tab:blue", "evaluator": "tab:cyan", "macs": "tab:orange", "none": "tab:red"}
_MARKERS = {"table": ("o", 11.0), "evaluator": ("s", 7.5), "macs": ("^", 5.0), "none": ("D", 6.0)}
"""The later the smaller, so that equal designs of several searches are seen."""
_LIFTED = 3  # networks; a rank correlation of fewer says nothing


def write_page(records: Path, folder: Path) -> None:
    """Write `report.md`, `runs.json` and `error_edap.png` of the records that there are.

    Raises:
        FileNotFoundError: If there is not one record of a search.
    """
    found = {piece.name: records / f"{piece.name}.json" for piece in pieces()}
    rows = [json.loads(path.read_text()) for name, path in found.items() if path.exists() and name.startswith("search")]
    ranked = [json.loads(path.read_text()) for name, path in found.items() if path.exists() and name.startswith("rank")]
    if not rows:
        raise FileNotFoundError(f"{records} holds no record of a search; run the experiment first")
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "report.md", "\n".join(_lines(rows, ranked)) + "\n")
    kept = {"searches": rows, "ranked": ranked}
    write_whole(folder / "runs.json", json.dumps(kept, separators=(",", ":")) + "\n")
    write_whole(folder / "error_edap.png", _plot(rows))


def take_over(folder: Path, records: Path) -> None:
    """Write the record of each piece that the report in a folder holds, where there is none yet.

    Raises:
        FileNotFoundError: If there is no report.
    """
    path = folder / "runs.json"
    if not path.is_file():
        raise FileNotFoundError(f"there is no report to take pieces from: {path} does not exist")
    found = json.loads(path.read_text())
    searches = {(row["seed"], row["term"], row["lambda2"]): row for row in found["searches"]}
    ranked = {tuple(row["network"]): row for row in found["ranked"]}
    records.mkdir(parents=True, exist_ok=True)
    for piece in pieces():
        if isinstance(piece, Search):
            row = searches.get((piece.seed, piece.term, piece.lambda2))
        else:
            row = ranked.get(piece.network)
        record = records / f"{piece.name}.json"
        if row is not None and not record.exists():
            write_whole(record, json.dumps(row) + "\n")


def _lines(rows: Rows, ranked: Rows) -> Iterator[str]:
    seeds = [seed for seed in SEEDS if sum(row["seed"] == seed for row in rows) == 1 + 3 * len(LAMBDAS)]
    choice = SHORT.choice
    yield f"# {TASK} on CIFAR-10 (JPEG 75): joint against separate search"
    yield ""
    yield (
        f"{len(rows)} of {len(SEEDS) * (1 + 3 * len(LAMBDAS))} searches and {len(ranked)} of {RANKED} trainings of the "
        f"ranking have run; seeds that are complete: {', '.join(map(str, seeds)) or 'none'}."
    )
    yield (
        f"A search has {choice.warmup_epochs} epoch of warm-up and {SHORT.search.epochs - choice.warmup_epochs} of search "
        f"on 40,000 images; its network is trained for {SHORT.final.epochs} epochs on 50,000 and tested once on 10,000."
    )
    yield from (
        "",
        "## Runs",
        "",
        "| pays for | lambda2 | seed | network | million MACs | error, % | EDAP, 1e-9 J s mm2 |",
    )
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        network = "".join(map(str, row["network"]))
        yield (
            f"| {row['term']} | {row['lambda2']:g} | {row['seed']} | {network} | {row['macs'] / 1e6:.2f} | "
            f"{row['error_pct']:.2f} | {1e9 * row['edap_js_mm2']:.3f} |"
        )
    yield from _differences(rows)
    yield from _equal_error(rows)
    yield from _ranking(ranked)
    yield from ("", "![Test error against EDAP](error_edap.png)")


def _differences(rows: Rows) -> Iterator[str]:
    yield from ("", "## The same lambda2", "")
    yield (
        "Joint minus separate, the same seed and test images. Error differences: the mean over seeds with Student's 95 % "
        "interval, then each seed's with its 95 % interval over test images and McNemar's p."
    )
    yield ""
    yield "| joint | separate | lambda2 | error difference, points | by seed | EDAP ratio, separate / joint |"
    yield "|---|---|---|---|---|---|"
    for separate in SEPARATE:
        for joint in JOINT:
            for lambda2 in LAMBDAS:
                matched = pairs(rows, joint, separate, lambda2)
                if not matched:
                    continue
                tests = [McNemar.of(mine, other) for mine, other in matched]
                ratios = over_seeds([np.log(other["edap_js_mm2"] / mine["edap_js_mm2"]) for mine, other in matched])
                low, high = np.exp(ratios.low), np.exp(ratios.high)
                between = f" ({low:.2f} to {high:.2f})" if np.isfinite(low) else ""
                yield (
                    f"| {joint} | {separate} | {lambda2:g} | {over_seeds([test.difference_pct for test in tests]).text} | "
                    + "; ".join(f"{test.difference_pct:+.2f} ± {test.half_pct:.2f} (p {test.p:.2g})" for test in tests)
                    + f" | {np.exp(ratios.mean):.2f}{between} |"
                )


def _equal_error(rows: Rows) -> Iterator[str]:
    yield from ("", "## At equal error", "")
    yield (
        "EDAP of each separate design over that of the cheapest joint design of its seed that errs no more (0: there is "
        "none). The mean is geometric, without zeros; its interval is a bootstrap over test images and seeds."
    )
    yield from ("", "| separate | gain of each design | mean gain | share of bootstrap draws without a match |")
    yield "|---|---|---|---|"
    for separate in SEPARATE:
        if any(row["term"] == separate for row in rows):
            found = gain(rows, separate)
            each = ", ".join(f"{value:.2f}" for value in found.gains)
            mean = found.interval.text if any(found.gains) else "no joint design errs as little"
            yield f"| {separate} | {each} | {mean} | {found.unmatched:.2f} |"


def _ranking(ranked: Rows) -> Iterator[str]:
    if len(ranked) <= _LIFTED:
        return
    scratch = np.array([row["scratch_accuracy"] for row in ranked])
    yield from ("", "## Rank correlation of the supernet", "")
    yield (
        f"{len(ranked)} networks of all sizes, trained from scratch for {SHORT.final.epochs} epochs (seed 0): "
        f"{100 * scratch.min():.1f} to {100 * scratch.max():.1f} % accurate. The supernet had {SUPERNET_EPOCHS} epochs on "
        "uniform paths. Kendall's tau with the 95 % bootstrap interval over networks:"
    )
    yield ""
    for name, key in (("supernet", "supernet_accuracy"), ("multiply-accumulates", "macs")):
        found = ranking(np.array([row[key] for row in ranked], dtype=float), scratch)
        yield f"- {name}: {found.tau:.2f} ({found.low:.2f} to {found.high:.2f}), p = {found.p:.2g}"


def _plot(rows: Rows) -> bytes:
    figure = Figure(figsize=(6.0, 4.4), layout="constrained")
    axes = figure.subplots()
    for term, color in _COLORS.items():
        mine: list[dict[str, Any]] = [row for row in rows if row["term"] == term]
        error = [row["error_pct"] for row in mine]
        half = [
            196.0 * np.sqrt(e / 100 * (1 - e / 100) / row["test_images"]) for e, row in zip(error, mine, strict=True)
        ]
        marker, size = _MARKERS[term]
        edap = [1e9 * row["edap_js_mm2"] for row in mine]
        axes.errorbar(edap, error, half, fmt=marker, ms=size, color=color, label=term, capsize=2, alpha=0.8)
    axes.set(
        xscale="log", xlabel="EDAP ($10^{-9}$ J s mm²)", ylabel="test error (%)", title=f"{TASK}, CIFAR-10 (JPEG 75)"
    )
    axes.xaxis.set_major_locator(FixedLocator([0.2, 0.3, 0.5, 1.0, 2.0]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.grid(alpha=0.3)
    axes.legend(title="search pays for")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()
