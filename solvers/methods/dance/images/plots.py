"""Plots of an image search: probabilities over time, training, and a lambda sweep (matplotlib, without a display)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterSciNotation, MaxNLocator

from dance_env.atomic import write_whole
from dance_env.graph import BlockSpace

_SHAPES = "osD^vP*X"
"""One for each seed."""


def plot_probabilities(history: Sequence[dict[str, Any]], space: BlockSpace, path: Path) -> None:
    """Draw one panel per choice: the probability of each option after each epoch."""
    choices = space.choices()
    columns = min(3, len(choices))
    rows = -(-len(choices) // columns)
    figure = Figure(figsize=(4 * columns, 2.4 * rows), layout="constrained")
    start = 0
    for place, choice in enumerate(choices):
        axes = figure.add_subplot(rows, columns, place + 1)
        for option, name in enumerate(choice.options):
            axes.plot(
                [row["epoch"] for row in history],
                [row["probabilities"][start + option] for row in history],
                label=str(name),
                color=f"C{option}",
            )
        axes.set(title=choice.name, ylim=(0, 1), ylabel="probability" if place % columns == 0 else None)
        _epochs(axes, history, labeled=place + columns >= len(choices))
        start += len(choice.options)
    largest = max(figure.axes, key=lambda axes: len(axes.lines))
    figure.legend(*largest.get_legend_handles_labels(), loc="outside lower center", ncols=len(largest.lines))
    _save(figure, path)


def plot_training(history: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw losses and accuracies of the search, and the hardware term over it."""
    figure = Figure(figsize=(12, 3.2), layout="constrained")
    loss, share, hardware = figure.subplots(1, 3)
    epochs = [row["epoch"] for row in history]
    loss.plot(epochs, [row["train_loss"] for row in history], label="weights")
    share.plot(epochs, [row["train_accuracy"] for row in history], label="weights' split, sampled paths")
    share.plot(epochs, [row["derived_accuracy"] for row in history], label="held out, derived network")
    searching = [row for row in history if row["choice_loss"] is not None]
    epochs = [row["epoch"] for row in searching]
    loss.plot(epochs, [row["choice_loss"] for row in searching], label="choice")
    hardware.plot(epochs, [row["hardware_term"] for row in searching], label="hardware term")
    hardware.plot(epochs, [row["lambda2"] for row in searching], label="lambda2")
    for axes, title in ((loss, "loss"), (share, "accuracy"), (hardware, "hardware")):
        axes.set_title(title)
        _epochs(axes, history, labeled=True)
        axes.legend(fontsize=8)
    _save(figure, path)


def plot_sweep(results: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw error against EDAP, one point per run: the color shows the hardware term, the shape the seed, the label lambda2."""
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.subplots()
    terms, seeds = ([*dict.fromkeys(result[key] for result in results)] for key in ("term", "seed"))
    for result in results:
        point = (result["edap_js_mm2"], result["error_pct"])
        axes.plot(
            *point,
            _SHAPES[seeds.index(result["seed"]) % len(_SHAPES)],
            color=f"C{terms.index(result['term'])}",
            markersize=7,
            alpha=0.8,
        )
        if result["term"] != "none":
            axes.annotate(f"{result['lambda2']:g}", point, xytext=(5, 4), textcoords="offset points", fontsize=7)
    for number, term in enumerate(terms):
        axes.plot([], [], "s", color=f"C{number}", label="pays for nothing" if term == "none" else f"pays for {term}")
    for number, seed in enumerate(seeds if len(seeds) > 1 else ()):
        axes.plot([], [], _SHAPES[number % len(_SHAPES)], color="gray", label=f"seed {seed}")
    axes.set(xlabel="EDAP on the best accelerator, J s mm²", ylabel="error, %", xscale="log", title="label: lambda2")
    axes.set_ylim(0.0, 1.12 * max(result["error_pct"] for result in results) or None)
    axes.margins(x=0.12)
    axes.xaxis.set_minor_formatter(LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=(1.2, 0.6)))
    axes.tick_params(axis="x", which="both", labelsize=8)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    _save(figure, path)


def _epochs(axes: Axes, history: Sequence[dict[str, Any]], *, labeled: bool) -> None:
    """Label whole epochs below, and shade the warm-up of the search."""
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    warm = sum(row["phase"] == "warm-up" for row in history)
    if warm:
        axes.axvspan(-0.5, warm - 0.5, color="0.93", zorder=0)
    axes.set(xlabel="epoch (gray: warm-up of the search)" if labeled else None)


def _save(figure: Figure, path: Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    write_whole(path, buffer.getvalue())
