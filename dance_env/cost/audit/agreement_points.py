"""Where the points of an agreement report come from: a sample that a back end prices, or figures on record."""

from __future__ import annotations

import csv
import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from dance_env.cost.analytical import AnalyticalCostModel
from dance_env.cost.audit.agreement import Points
from dance_env.cost.backends.process import Answer
from dance_env.cost.model import CostModel
from dance_env.cost.technology import HWCOMPONENTS_65NM, Technology
from dance_env.graph import LAYER_COLUMNS, different_layers, network_space
from dance_env.progress import Progress
from dance_env.space import DATAFLOWS, Hardware, dance_accelerators

RECORDED_COLUMNS = (
    *("layer", *LAYER_COLUMNS, "accelerator", "pe_x", "pe_y", "rf_words", "dataflow", "cycles", "energy_pj"),
    *("dram_bits_per_cycle", "glb_bits_per_cycle", "word_bits"),
)
COUNTS_LIKE_OURS = {"pins_hold_data": "0", "imperfect_spatial": "0"}
"""Of the settings that a file records, those that count as our model does: every read, exact divisors."""


@runtime_checkable
class BackEnd(CostModel, Protocol):
    """A cost model that prices pair by pair, and gives a status and a reason for each."""

    def answers(
        self, rows: np.ndarray, hardware: Hardware, *, progress: Progress | bool | None = None
    ) -> list[list[Answer]]:
        """U lists of H answers."""


def sample_points(
    model: CostModel,
    *,
    technology: Technology,
    network: str,
    layers: int,
    accelerators: int,
    seed: int,
    progress: Progress | bool | None = None,
) -> Points:
    """Price a random sample of a network space's layers on a random sample of DANCE's accelerators.

    Args:
        model: the other model.
        technology: the constants that it was given; ours is asked with the same.
        network: name of the network space.
        layers, accelerators: how many, at least 1; all of them where fewer exist.
        seed: draws both.
        progress: True for a bar, or a function called with (pairs done, pairs in all).

    Raises:
        ValueError: an unknown network, or a number below 1.
    """
    if min(layers, accelerators) < 1:
        raise ValueError(f"expected at least one layer and one accelerator, got {layers} and {accelerators}.")
    rng = np.random.default_rng(seed)
    rows = _draw(rng, np.array(different_layers(network_space(network)), dtype=np.int64), layers)
    everything = dance_accelerators().hardware()
    hardware = everything.take(_draw(rng, np.arange(len(everything)), accelerators))
    ours = _priced(AnalyticalCostModel(technology=technology), technology, rows, hardware)
    if isinstance(model, BackEnd):
        table = model.answers(rows, hardware, progress=progress)
        theirs = np.array([[(answer.cycles, answer.energy_pj) for answer in line] for line in table])
        reasons = ["" if a.priced else f"{a.status.name}: {a.reason}" for line in table for a in line]
    else:
        theirs = _priced(model, technology, rows, hardware)
        reasons = ["" if mapped else "no cost" for mapped in np.isfinite(theirs).all(axis=2).ravel()]
    named = [name_of(row) for row in rows]
    places = [_place(hardware, h) for h in range(len(hardware))]
    return Points(
        layer=tuple(name for name in named for _ in places),
        accelerator=tuple(place for _ in named for place in places),
        dataflow=tuple(DATAFLOWS[flow] for _ in named for flow in hardware.dataflow),
        ours=ours.reshape(-1, 2),
        theirs=theirs.reshape(-1, 2),
        reason=tuple(reasons),
    )


def read_recorded(path: str | Path) -> Points:
    """Points of a file of another tool's figures, ours priced for the same hardware (hwcomponents, 65 nm).

    Args:
        path: columns as `RECORDED_COLUMNS`; rows that count unlike our model (`COUNTS_LIKE_OURS`) are left out. Rows of
            another bandwidth are other layers and other accelerators, and their names say so.

    Raises:
        OSError, ValueError: when the file cannot be read or is not of that form.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")  # spreadsheets write a byte order mark
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8: {error}") from error
    reader = csv.DictReader(text.splitlines())
    missing = [name for name in RECORDED_COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise ValueError(f"{path}: expected the columns {', '.join(RECORDED_COLUMNS)}; {', '.join(missing)} missing.")
    lines = [line for line in reader if all(line.get(n, v) == v for n, v in COUNTS_LIKE_OURS.items())]
    try:
        theirs = np.array([[float(line["cycles"]), float(line["energy_pj"])] for line in lines]).reshape(-1, 2)
        ours = _priced_one_by_one(lines)
        flows = tuple(line["dataflow"].upper() for line in lines)
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path}: a row cannot be read: {error}") from error
    limits = [f" ({line['dram_bits_per_cycle']}/{line['glb_bits_per_cycle']} bits)" for line in lines]
    told = limits if len(set(limits)) > 1 else [""] * len(lines)
    names = tuple(f"{line['layer']}{limit}" for line, limit in zip(lines, told, strict=True))
    places = tuple(f"{x['accelerator']} {flow}{limit}" for x, flow, limit in zip(lines, flows, told, strict=True))
    return Points(names, places, flows, ours, theirs, ("",) * len(lines))


def name_of(row: Sequence[int]) -> str:
    """A short name of a layer row: output and input channels, output and filter size, groups, stride."""
    k, c, p, q, r, s, groups, stride = (int(n) for n in row)
    extra = (f" g{groups}" if groups > 1 else "") + (f" s{stride}" if stride > 1 else "")
    return f"{k}<-{c} {p}x{q} f{r}x{s}{extra}"


def _draw(rng: np.random.Generator, items: np.ndarray, count: int) -> np.ndarray:
    return items[np.sort(rng.choice(len(items), size=min(count, len(items)), replace=False))]


def _place(hardware: Hardware, h: int) -> str:
    size = f"{hardware.pe_x[h]}x{hardware.pe_y[h]}_{hardware.rf_words[h]}"
    return f"{size} {DATAFLOWS[hardware.dataflow[h]]}"


def _priced(model: CostModel, technology: Technology, rows: np.ndarray, hardware: Hardware) -> np.ndarray:
    cost = model.evaluate_layers(rows, hardware)
    return np.stack([cost.latency_s * technology.clock_hz, cost.energy_j * 1e12], axis=-1)


def _priced_one_by_one(lines: list[dict[str, str]]) -> np.ndarray:
    """Our cycles and pJ (n, 2) of recorded rows: one search a layer and bandwidth."""
    ours = np.full((len(lines), 2), math.inf)
    groups: dict[tuple, list[int]] = {}
    for i, line in enumerate(lines):
        row = tuple(int(line[column]) for column in LAYER_COLUMNS)
        groups.setdefault((row, _technology(line)), []).append(i)
    for (row, technology), members in groups.items():
        here = [lines[i] for i in members]
        hardware = Hardware(
            **{name: np.array([int(line[name]) for line in here]) for name in ("pe_x", "pe_y", "rf_words")},
            dataflow=np.array([DATAFLOWS.index(line["dataflow"].upper()) for line in here]),
        )
        model = AnalyticalCostModel(technology=technology)
        ours[members] = _priced(model, technology, np.array([row], dtype=np.int64), hardware)[0]
    return ours


def _technology(line: dict[str, str]) -> Technology:
    word = float(line["word_bits"])
    glb, dram = float(line["glb_bits_per_cycle"]) / word, float(line["dram_bits_per_cycle"]) / word
    return dataclasses.replace(
        HWCOMPONENTS_65NM, dram_words_per_cycle=dram, glb_read_words_per_cycle=glb, glb_write_words_per_cycle=glb
    )
