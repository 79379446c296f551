"""Holds the cost model against reference points: the counts of their mappings, and mappings of our own.

Two checks for each point. *Given mapping*: for the mapping that the reference chose, every count and the cycles are
equal, energy and area agree. *Own search*: the best mapping that our search finds has an energy-delay product (EDP)
that is not above the reference's. A line per deviation, a summary last.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from dance_env.cost.analytical import AnalyticalCostModel
from dance_env.cost.audit.ranks import spearman
from dance_env.cost.audit.reference import NothingToCompare, ReferencePoint, read_points
from dance_env.cost.mapping import nest
from dance_env.cost.mapping.loops import DIMS
from dance_env.cost.mapping.mapping import Mapping
from dance_env.cost.technology import TIMELOOP_45NM, Technology
from dance_env.space import DATAFLOWS, Hardware

EDP_TOLERANCE = 1e-3  # the reference prints five or six digits
ENERGY_TOLERANCE, ENERGY_TOLERANCE_OVERLAP = 1e-3, 1e-2
AREA_TOLERANCE = 1e-3
RF_TOLERANCE_OVERLAP = 0.05  # where windows overlap the reference's sums over PEs rest on a per-PE average
RANK_CORRELATION = 0.98  # of the given mappings, each layer
_METRICS = ("EDP", "energy", "cycles")
SHORT_OF_BEST = 1e-3  # a reference's EDP this much above ours: its search did not find the best mapping


@dataclass(frozen=True, eq=False)
class AuditReport:
    """What an audit found.

    Attributes:
        points: how many points were held against the model.
        left_out: lines that hold no point, or points that the model cannot price; one that says that the reference has no
            mapping is no failure; any other is.
        counts_equal: points with every count and the cycles equal to the digit.
        energy_error: (points,) relative error of the energy of the given mapping.
        edp_gain: (points,) reference's EDP over ours, with our own mapping; above 1 ours is better.
        spearman_given: rank correlation of EDP over a layer's accelerators between the reference and the model with the
            reference's mappings, by layer; layers that rank nothing are left out.
        spearman_own: the same with the mappings of our own search. A lower value reflects the reference's incomplete
            search, not our model.
        ratios: `(points of the layer, 3)`, by layer: reference's EDP, energy and cycles over those of our own search.
        deviations: one line each, those left out first, each kind in the order of the file.
        failures: how many deviations break a tolerance.
    """

    points: int
    left_out: int
    counts_equal: int
    energy_error: np.ndarray
    edp_gain: np.ndarray
    spearman_given: dict[str, float]
    spearman_own: dict[str, float]
    ratios: dict[str, np.ndarray]
    deviations: tuple[str, ...]
    failures: int

    @property
    def ok(self) -> bool:
        """Whether both checks hold for every point, and each layer's ranks agree with the given mappings."""
        return self.failures == 0 and all(found >= RANK_CORRELATION for found in self.spearman_given.values())

    def summary(self) -> str:
        """A few lines of figures, the last saying whether the audit passed."""
        gain = (self.edp_gain - 1) * 100
        worse = int((self.edp_gain < 1 - EDP_TOLERANCE).sum())
        short = int((self.edp_gain > 1 + SHORT_OF_BEST).sum())
        lines = [
            f"points: {self.points}" + (f", lines left out: {self.left_out}" if self.left_out else ""),
            f"given mapping: counts and cycles equal on {self.counts_equal} of {self.points}; "
            f"energy off by at most {np.abs(self.energy_error).max():.3%}",
            f"own search: EDP worse on {worse} of {self.points}; reference's EDP above ours by {np.median(gain):.2f} % "
            f"in the median, {gain.min():.2f} % at least, {gain.max():.2f} % at most, more than "
            f"{SHORT_OF_BEST:.1%} on {short}",
            "reference over own search, median (least to most), by layer:",
            *(
                f"  {layer}, {len(ratios)} points: "
                + ", ".join(f"{name} {_spread(column)}" for name, column in zip(_METRICS, ratios.T, strict=True))
                for layer, ratios in self.ratios.items()
            ),
        ]
        if self.spearman_given:
            lines += [
                f"rank correlation (Spearman) of EDP over the accelerators of a layer, {len(self.spearman_given)} layers:",
                *(
                    f"  {layer}: given mapping {self.spearman_given[layer]:.4f}, own search {own:.4f}"
                    for layer, own in self.spearman_own.items()
                ),
                f"  given mapping: {_lowest(self.spearman_given)}",
                f"  own search: {_lowest(self.spearman_own)}; what it lacks is the reference's search",
            ]
        return "\n".join([*lines, "audit: " + ("passed" if self.ok else "FAILED")])


def audit(points_csv: str | Path, *, technology: Technology = TIMELOOP_45NM) -> AuditReport:
    """Hold the model against every point of a file.

    Args:
        points_csv: columns as `dance_env.cost.audit.reference.COLUMNS`.
        technology: what the reference modeled; columns ``glb_words`` and ``glb_bw`` replace its global buffer and the
            bandwidth of that.

    Raises:
        OSError, ValueError: when the file cannot be read, lacks a column, or no line of it can be used.
    """
    refused: list[ValueError] = []
    priced = []
    for point in read_points(points_csv, refused=refused):
        try:
            priced.append((point, *_recover_order(point, technology)))
        except (ValueError, OverflowError) as error:
            kind = NothingToCompare if isinstance(error, NothingToCompare) else ValueError
            refused.append(kind(f"{point.where}: {error}"))
    if not priced:
        raise refused[0]
    points = [point for point, _, _ in priced]
    searched = _searched(points, technology)
    edp = searched[:, 0] * searched[:, 1]
    gain = np.array([p.energy_pj * p.cycles / ours for p, ours in zip(points, edp, strict=True)])
    deviations = [str(error) for error in refused]
    failures, equal = sum(not isinstance(error, NothingToCompare) for error in refused), 0
    for (point, mapping, cost), ours, better in zip(priced, edp, gain, strict=True):
        found = list(_given_mapping(point, mapping, cost, technology))
        if not np.isfinite(ours):
            found.append((True, "own search: found no mapping"))
        elif better < 1 - EDP_TOLERANCE:
            found.append((True, f"own search: EDP {ours:.6g} is above the reference's by {1 / better - 1:.2%}"))
        equal += all(value == point.counts[name] for name, value in _counts(cost).items()) and (
            cost.cycles == point.cycles and cost.compute_cycles == point.compute_cycles
        )
        failures += sum(fails for fails, _ in found)
        design = f"{point.pe_x}x{point.pe_y}, rf {point.rf_words}, {mapping.dataflow.name}"
        name = f"{point.where} ({point.layer}, {design})"
        deviations += [f"{name}: {text}{'' if fails else ' (within tolerance)'}" for fails, text in found]
    return AuditReport(
        points=len(points),
        left_out=len(refused),
        counts_equal=equal,
        energy_error=np.array([cost.energy_pj / point.energy_pj - 1 for point, _, cost in priced]),
        edp_gain=gain,
        spearman_given=_spearman(points, np.array([cost.edp_pj_cycles for _, _, cost in priced])),
        spearman_own=_spearman(points, edp),
        ratios=_ratios(points, searched),
        deviations=tuple(deviations),
        failures=failures,
    )


def _recover_order(point: ReferencePoint, technology: Technology) -> tuple[Mapping, nest.NestCost]:
    """The point's mapping and its cost, the DRAM loops in the order that fits best: the file does not record it.

    Fits best: fewest counts differ, then fewest rules are broken.
    """
    running = [d for d in point.mapping.dram_order if point.mapping.at("dram", d) > 1]
    rest = "".join(d for d in DIMS if d not in running)
    best, least = None, (len(point.counts) + 1, 0)
    for order in itertools.permutations(running):
        mapping = dataclasses.replace(point.mapping, dram_order="".join(order) + rest)
        cost = nest.evaluate(
            mapping,
            pe_x=point.pe_x,
            pe_y=point.pe_y,
            rf_words=point.rf_words,
            technology=point.technology(technology),
        )
        wrong = sum(value != point.counts[name] for name, value in _counts(cost).items())
        broken = len(_violations(point, mapping, technology))
        if (wrong, broken) < least:
            best, least = (mapping, cost), (wrong, broken)
        if least == (0, 0):
            break
    assert best is not None  # there is always at least one order
    return best


def _violations(point: ReferencePoint, mapping: Mapping, technology: Technology) -> list[str]:
    glb_words = point.technology(technology).glb_words
    return mapping.violations(pe_x=point.pe_x, pe_y=point.pe_y, rf_words=point.rf_words, glb_words=glb_words)


def _counts(cost: nest.NestCost) -> dict[str, float]:
    named = cost.columns()
    del named["rf_cycles"]
    return named


def _given_mapping(
    point: ReferencePoint, mapping: Mapping, cost: nest.NestCost, technology: Technology
) -> Iterator[tuple[bool, str]]:
    """Deviations of the given mapping: whether it breaks a tolerance, and what it is."""
    for text in _violations(point, mapping, technology):
        yield True, f"given mapping is not legal here: {text}"
    for name, ours in (*_counts(cost).items(), ("rf_cycles", cost.compute_cycles), ("cycles", cost.cycles)):
        theirs = {**point.counts, "rf_cycles": point.compute_cycles, "cycles": point.cycles}[name]
        if ours != theirs:
            loose = name.startswith("rf_") and name != "rf_cycles" and point.windows_overlap
            yield (
                not (loose and abs(ours - theirs) <= RF_TOLERANCE_OVERLAP * theirs),
                f"{name} {ours:.0f} != {theirs:.0f}",
            )
    allowed = ENERGY_TOLERANCE_OVERLAP if point.windows_overlap else ENERGY_TOLERANCE
    if abs(cost.energy_pj - point.energy_pj) > allowed * point.energy_pj:
        yield True, f"energy {cost.energy_pj:.6g} pJ, reference {point.energy_pj:.6g}"
    if abs(cost.area_mm2 * 1e6 - point.area_um2) > AREA_TOLERANCE * point.area_um2:
        yield True, f"area {cost.area_mm2 * 1e6:.6g} um2, reference {point.area_um2:.6g}"


def _searched(points: list[ReferencePoint], technology: Technology) -> np.ndarray:
    """Energy (pJ) and cycles `(points, 2)` of our best mapping for each point: one search per layer and global buffer."""
    groups: dict[tuple, list[int]] = {}
    for i, point in enumerate(points):
        groups.setdefault((point.row, point.technology(technology)), []).append(i)
    found = np.full((len(points), 2), np.inf)
    for (row, memory), members in groups.items():
        here = [points[i] for i in members]
        model = AnalyticalCostModel(technology=memory)
        hardware = Hardware(
            pe_x=np.array([p.pe_x for p in here]),
            pe_y=np.array([p.pe_y for p in here]),
            rf_words=np.array([p.rf_words for p in here]),
            dataflow=np.array([DATAFLOWS.index(p.mapping.dataflow.name) for p in here]),
        )
        cost = model.evaluate_layers(np.array([row], dtype=np.int64), hardware)
        found[members, 0] = cost.energy_j[0] * 1e12
        found[members, 1] = cost.latency_s[0] * model.technology.clock_hz
    return found


def _ratios(points: list[ReferencePoint], searched: np.ndarray) -> dict[str, np.ndarray]:
    theirs = np.array([[point.energy_pj, point.cycles] for point in points])
    energy, cycles = (theirs / searched).T
    ratios = np.column_stack([energy * cycles, energy, cycles])
    layers = np.array([point.layer for point in points], dtype=object)
    return {layer: ratios[layers == layer] for layer in dict.fromkeys(layers)}


def _spread(values: np.ndarray) -> str:
    return f"{np.median(values):.3f} ({values.min():.3f} to {values.max():.3f})"


def _spearman(points: list[ReferencePoint], edp: np.ndarray) -> dict[str, float]:
    by_layer: dict[str, list[int]] = {}
    for i, point in enumerate(points):
        by_layer.setdefault(point.layer, []).append(i)
    found = {}
    for layer, members in by_layer.items():
        ours, theirs = edp[members], np.array([points[i].energy_pj * points[i].cycles for i in members])
        rho = spearman(stats.rankdata(ours), theirs)  # ranked first, as a point without a mapping of ours has EDP inf
        if rho is not None:
            found[layer] = rho
    return found


def _lowest(by_layer: dict[str, float]) -> str:
    low = min(by_layer, key=lambda layer: by_layer[layer])
    return f"median {np.median(list(by_layer.values())):.4f}, lowest {by_layer[low]:.4f} ({low})"
