"""docs/buffers.md, from the readings and proofs alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dance_env.analysis.optimum import Proof
from dance_env.atomic import write_whole
from experiments.buffers.measure import METRICS, OBJECTIVE, Reading
from experiments.buffers.plan import CHOSEN_KIB, DEFAULT, KIB, SMALLER_KIB, TASKS

CAPACITIES = (*SMALLER_KIB, *CHOSEN_KIB)
NAMES = {"edap_js_mm2": "EDAP", "edp_js": "EDP", "energy_j": "energy", "latency_s": "latency"}
Subject = tuple[str, str]
"""A task and a workload of it."""


def write_page(readings: list[Reading], proofs: Sequence[Proof], path: Path) -> None:
    """Write the page."""
    write_whole(path, page(readings, proofs))


def load_proofs(folder: Path) -> list[Proof]:
    """Return the proofs of `dance optimum TASK@dance-buffers` in a folder, `*.proof.json`."""
    files = sorted(folder.glob("*.proof.json"))
    return [Proof.from_json(path.read_text(encoding="utf-8")) for path in files]


def page(readings: list[Reading], proofs: Sequence[Proof]) -> str:
    """Return the page."""
    lines = [
        _INTRODUCTION,
        "## The best design",
        "",
        *_best_designs(readings),
        "",
        _PROVED,
        *_proved(proofs),
        "",
        _DESIGNS,
        *_by_capacity(readings, OBJECTIVE),
        "",
        _verdict(readings) + _missing(readings),
        "",
        "## When a larger buffer pays",
        "",
        _ONE_NETWORK,
        *_best_memories(readings),
        "",
        _EDAP,
        *_by_capacity(readings, "edap_js_mm2"),
        "",
        "The same for energy alone (the area free):",
        "",
        *_by_capacity(readings, "energy_j"),
        "",
        _energy_verdict(readings),
        "",
        "![Least EDAP and least energy against the capacity](records/buffers/buffers.png)",
        "",
        _COST,
    ]
    return "\n".join(lines)


def subjects(readings: list[Reading]) -> list[Subject]:
    """Return what was measured, in the order of the plan."""
    found = {(each.task, each.workload): None for each in readings}
    return sorted(found, key=lambda subject: (TASKS.index(subject[0]), subject[1] != "", -len(subject[1])))


def best(readings: list[Reading], subject: Subject, least_of: str, kib: int | None = None) -> Reading:
    """Return the best reading of a subject, under any memory or one capacity; among equals the smaller memory."""
    of_subject = [
        each
        for each in readings
        if (each.task, each.workload, each.least_of) == (*subject, least_of) and kib in (None, each.glb_kib)
    ]
    return min(of_subject, key=lambda each: (each.value, each.glb_kib, each.dram_words_per_cycle))


def is_interior(readings: list[Reading], subject: Subject, least_of: str) -> bool:
    """Return whether the best capacity is neither the least nor the largest that was asked for."""
    capacities = [each.glb_kib for each in readings if (each.task, each.workload) == subject]
    return min(capacities) < best(readings, subject, least_of).glb_kib < max(capacities)


# --------------------------------------------------------------------------------------------------------------- tables
def _best_designs(readings: list[Reading]) -> list[str]:
    rows = []
    for subject in subjects(readings):
        if subject[1]:
            continue
        chosen = best(readings, subject, OBJECTIVE)
        usual = next(
            each
            for each in readings
            if (each.task, each.least_of) == (subject[0], OBJECTIVE)
            and (each.glb_kib, each.dram_words_per_cycle) == DEFAULT
        )
        rows.append(
            (
                f"`{subject[0]}`",
                f"{chosen.glb_kib}",
                f"{chosen.dram_words_per_cycle:g}",
                chosen.accelerator,
                f"{chosen.area_mm2:.2f}",
                f"{chosen.value:.4f}",
                f"{usual.value:.4f}",
                chosen.method,
            )
        )
    header = ("task", "buffer, KiB", "words/cycle", "array", "area, mm2", "objective", "at 108 KiB, 6.4", "method")
    return _markdown(header, rows)


def _proved(proofs: Sequence[Proof]) -> list[str]:
    rows = []
    for proof in proofs:
        certificate, options = proof.certificate, proof.options
        rows.append(
            (
                f"`{proof.problem}`",
                f"{proof.objective:.6f}",
                f"{proof.lower_bound:.6f}",
                f"{int(options['glb_words']) // KIB}",
                f"{options['dram_words_per_cycle']:g}",
                f"{certificate.beaten:,}",
                f"{certificate.bounded + certificate.impossible:,}",
                f"{certificate.searched:,}",
                f"{certificate.vertices:,}",
            )
        )
    header = (
        "task",
        "objective",
        "lower bound",
        "buffer, KiB",
        "words/cycle",
        "beaten",
        "bounded",
        "searched",
        "vertices",
    )
    return _markdown(header, rows)


def _by_capacity(readings: list[Reading], least_of: str) -> list[str]:
    """A row for each subject: how far above its least each capacity is, the rest chosen anew."""
    rows = []
    for subject in subjects(readings):
        if not any((each.task, each.workload, each.least_of) == (*subject, least_of) for each in readings):
            continue
        least = best(readings, subject, least_of)
        cells = [_above(best(readings, subject, least_of, kib), least) for kib in CAPACITIES]
        rows.append((_name(subject), *cells))
    return _markdown(("", *(f"{kib} KiB" for kib in CAPACITIES)), rows)


def _above(reading: Reading, least: Reading) -> str:
    if reading.glb_kib == least.glb_kib:
        return "**least**"
    return f"+{100 * (reading.value / least.value - 1):.2f} %"


def _best_memories(readings: list[Reading]) -> list[str]:
    rows = []
    for subject in subjects(readings):
        cells = []
        for metric in METRICS:
            chosen = best(readings, subject, metric)
            cells.append(f"{chosen.glb_kib} KiB, {chosen.dram_words_per_cycle:g}")
        rows.append((_name(subject), *cells))
    return _markdown(("", *(NAMES[metric] for metric in METRICS)), rows)


def _name(subject: Subject) -> str:
    task, workload = subject
    return f"`{task}`" + (f", {workload}" if workload else "")


def _markdown(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    return [
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]


# ------------------------------------------------------------------------------------------------------------- verdicts
def _verdict(readings: list[Reading]) -> str:
    tasks = [subject for subject in subjects(readings) if not subject[1]]
    inside = [subject[0] for subject in tasks if is_interior(readings, subject, OBJECTIVE)]
    edge = {subject[0]: best(readings, subject, OBJECTIVE).glb_kib for subject in tasks if subject[0] not in inside}
    offered = [subject[0] for subject in tasks if best(readings, subject, OBJECTIVE).glb_kib <= min(CHOSEN_KIB)]
    rates = [best(readings, subject, OBJECTIVE).dram_words_per_cycle for subject in tasks]
    least = sum(rate == min(each.dram_words_per_cycle for each in readings) for rate in rates)
    text = [
        f"The best capacity is interior to the {min(CAPACITIES)} to {max(CAPACITIES)} KiB asked for here on "
        f"{len(inside)} of {len(tasks)} tasks" + (f"; it is at an edge on {_listed(edge)}." if edge else "."),
    ]
    if offered:
        text.append(
            f"Of the capacities that `dance_buffers()` offers, the least ({min(CHOSEN_KIB)} KiB) or a smaller one is best on "
            f"{len(offered)}: {', '.join(f'`{task}`' for task in offered)}. There the choice is at the edge of that space."
        )
    text.append(
        f"The narrowest channel (16 bits) is best on {least} of {len(tasks)}. Its interface alone takes 1.3 mm2, as much as 254 "
        "PEs with 8 words each; there the bandwidth is at the edge, and nothing narrower exists."
        if least
        else "The bandwidth is above the narrowest channel on all tasks."
    )
    return "\n".join(text)


def _missing(readings: list[Reading]) -> str:
    absent = [f"`{task}`" for task in TASKS if task not in {each.task for each in readings}]
    return f"\nNot measured: {', '.join(absent)}." if absent else ""


def _energy_verdict(readings: list[Reading]) -> str:
    found = subjects(readings)
    inside = [_name(subject) for subject in found if is_interior(readings, subject, "energy_j")]
    larger = [
        _name(subject)
        for subject in found
        if best(readings, subject, "energy_j").glb_kib > best(readings, subject, "edap_js_mm2").glb_kib
    ]
    return (
        f"Energy alone asks for more than EDAP does on {len(larger)} of {len(found)} rows"
        + (f" ({', '.join(larger)})" if larger else "")
        + f", and its best capacity is interior on {len(inside)}. A larger buffer saves DRAM words, each 128 pJ, and makes "
        "every access of the buffer dearer (a read 4.3 pJ a word at 32 KiB, 17 pJ at 512): once the layers' tensors cross the DRAM "
        "interface a single time, there is nothing left to save."
    )


def _listed(edge: dict[str, int]) -> str:
    return ", ".join(f"`{task}` ({kib} KiB)" for task, kib in edge.items())


_INTRODUCTION = """\
# Buffers and bandwidth

This page says which global buffer and which DRAM bandwidth are best for each network space, and when a larger one pays.
It is made by `python -m experiments.buffers` from `docs/records/buffers/readings.csv` (a test compares them).

The accelerators are DANCE's 13,872 arrays with each memory: buffers of 32, 64, 108, 256 and 512 KiB (those of
[`dance_buffers()`](spaces.md#accelerators)) and of 8 and 16 KiB besides, LPDDR4-3200 of 16, 32 and 64 bits (3.2, 6.4 and
12.8 words of 16 bits a cycle). Energies, leakage and area of the buffers are CACTI's; the interface takes 1.3 mm2 for 16
bits. It counts wherever the bandwidth is a choice, so that objectives here are higher than those of the plain tasks, whose
area leaves it out.
"""

_PROVED = """\
The optimum over all 208,080 accelerators of `dance_buffers()`, by `dance optimum TASK@dance-buffers`: accelerators that
another one beats on every network, closed by a bound, and searched, with the vertices (or designs, where all were compared):
"""

_DESIGNS = """\
*Enumeration* compares every design. *Descents* are the best of steepest descents over networks, each network on its exactly
best accelerator; it is not proved that nothing is better.

The objective above its least, by capacity, with network, array and bandwidth chosen anew for each:
"""

_ONE_NETWORK = """\
Here the network is fixed (the best one of the task), and array, memory and mappings are chosen for it, each time for one
metric. The best buffer and bandwidth (words a cycle), the smaller one among equals; `prefill` and `decode` are the language
model's phases by themselves:
"""

_EDAP = """\
Least EDAP of that network, by capacity, above the least of all:
"""

_COST = """\
## What it costs to ask

All fifteen memories are searched in one pass ([mapping search](mapping_search.md#how-it-is-exhaustive-and-quick)), which
costs three to four times one memory. Processor seconds of all layers on all 208,080 accelerators, on a loaded two-core
machine, against one search for each memory:

| layers of | layers | a search for each memory | one pass |
|---|---|---|---|
| `accel-nasbench` | 179 | 101.8 | 22.1 |
| `gpt-s` (prefill of 512 tokens, decode) | 71 | 51.4 | 10.2 |
| `macro-cifar10` | 35 | 17.6 | 3.9 |

From the cache the problem loads in seconds; `accel-nasbench` takes 2.1 GB. The proofs above took 41 s of one core
(`macro-cifar10`) and 88 s (`accel-nasbench`, 2.5 GB).

No evaluator ships for these accelerators: the first run of `dance` or `dance-refined` trains one, and each of its labels
looks at fifteen times as many accelerators as on DANCE's. `dance-exact` and the solvers without an evaluator start at once.
"""
