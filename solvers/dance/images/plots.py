"""Plots of an image search: probabilities over time, training, and a lambda sweep (matplotlib, without a display)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from dance_env.accuracy.supernet.checkpoint import write_whole
from dance_env.graph import NetworkSpace


def plot_probabilities(history: Sequence[dict[str, Any]], space: NetworkSpace, path: Path) -> None:
    """One panel per choice: the probability of each option after each epoch."""
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
        axes.set(title=choice.name, ylim=(0, 1), xlabel="epoch")
        start += len(choice.options)
    largest = max(figure.axes, key=lambda axes: len(axes.lines))
    figure.legend(*largest.get_legend_handles_labels(), loc="outside lower center", ncols=len(largest.lines))
    _save(figure, path)


def plot_training(search: Sequence[dict[str, Any]], final: Sequence[dict[str, Any]], path: Path) -> None:
    """Losses and accuracies of the search and of the final training, and the hardware term over the search."""
    figure = Figure(figsize=(12, 3.2), layout="constrained")
    loss, share, hardware = figure.subplots(1, 3)
    for rows, name in ((search, "search"), (final, "final")):
        epochs = [row["epoch"] for row in rows]
        loss.plot(epochs, [row["train_loss"] for row in rows], label=f"{name}, weights")
        share.plot(epochs, [row["train_accuracy"] for row in rows], label=f"{name}, training")
    searching = [row for row in search if row["choice_loss"] is not None]
    epochs = [row["epoch"] for row in searching]
    loss.plot(epochs, [row["choice_loss"] for row in searching], label="search, choice")
    share.plot([row["epoch"] for row in search], [row["derived_accuracy"] for row in search], label="derived, held out")
    hardware.plot(epochs, [row["hardware_term"] for row in searching], label="hardware term")
    hardware.plot(epochs, [row["lambda2"] for row in searching], label="lambda2")
    for axes, title in ((loss, "loss"), (share, "accuracy"), (hardware, "hardware")):
        axes.set(title=title, xlabel="epoch")
        axes.legend()
    _save(figure, path)


def plot_sweep(results: Sequence[dict[str, Any]], path: Path) -> None:
    """Test error against EDAP, one point per run, labelled by lambda2 and grouped by hardware term."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for number, term in enumerate(sorted({result["term"] for result in results})):
        points = sorted((r for r in results if r["term"] == term), key=lambda r: r["edap_js_mm2"])
        axes.plot(
            [point["edap_js_mm2"] for point in points],
            [point["error_pct"] for point in points],
            "o-",
            color=f"C{number}",
            label=term,
        )
        for point in points:
            axes.annotate(f"{point['lambda2']:g}", (point["edap_js_mm2"], point["error_pct"]))
    axes.set(xlabel="EDAP, J s mm2 (true cost)", ylabel="test error, %", xscale="log", title="label: lambda2")
    axes.legend()
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    write_whole(path, buffer.getvalue())
