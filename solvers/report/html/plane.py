"""Error against a cost as inline SVG: where each run ends and what it found on the way, over the front."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dance_env.analysis.exact import non_dominated
from solvers.contract.result import Result
from solvers.report.html.chart import SIDE
from solvers.report.html.designs import Gallery
from solvers.report.html.layout import PLANE_LAYOUTS, Layout
from solvers.report.html.scale import Scale, Tick
from solvers.report.plane import CostAxis, Front, cost_limits, error_limits


@dataclass(frozen=True)
class Point:
    """A design that a solver found.

    Attributes:
        solver: Its number on the page.
        seeds: Of the runs that end in it; empty for a design found on the way.
        design: Its number in the gallery.
        at: Where it lies, 0 to 1 from the lower left corner.
        text: What it says.
    """

    solver: int
    seeds: str
    design: int
    at: tuple[float, float]
    text: str


@dataclass(frozen=True)
class Mark:
    """A point in one layout, moved aside where others would lie on it.

    Attributes:
        point: Its number in `Plane.points`.
        x, y: Where it is drawn, pixels.
        from_x, from_y: Where its design lies.
    """

    point: int
    x: float
    y: float
    from_x: float
    from_y: float

    @property
    def moved(self) -> bool:
        """Whether it needs a line to where its design lies."""
        return math.hypot(self.x - self.from_x, self.y - self.from_y) > 1.0


@dataclass(frozen=True)
class Plane:
    """Error against one cost.

    Attributes:
        key: Of its metric.
        short, label: What the cost is called.
        error_label: What the error is called.
        x_ticks, y_ticks: Labeled places.
        front: SVG path data, units of `SIDE`.
        front_name: "exact front" or "best known front".
        points: Ends first, then what was found on the way.
        marks: By the name of a layout, every point.
    """

    key: str
    short: str
    label: str
    error_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    front: str
    front_name: str
    points: tuple[Point, ...]
    marks: Mapping[str, tuple[Mark, ...]]


def plane(
    results: Mapping[str, Sequence[Result]],
    front: Front,
    *,
    axis: CostAxis,
    short: str,
    gallery: Gallery,
    numbers: Mapping[str, int],
) -> Plane | None:
    """Return the plane; None where nothing feasible was found.

    Args:
        results: Each solver's results; a failed run shows nothing.
        front: The front to draw them over.
        axis: The cost.
        short: What it is called where it is chosen.
        gallery: Where the designs are shown.
        numbers: Each solver's number on the page.
    """
    results = {solver: [run for run in runs if run.status.complete] for solver, runs in results.items()}
    low, high = error_limits(front, results)
    limits = cost_limits(front, results, axis.metric, high)
    if limits is None:
        return None
    x, y = Scale(*limits), Scale(low, high, logarithmic=False)
    points = [point for solver, runs in results.items() for point in _ends(solver, runs, axis, x, y, gallery, numbers)]
    if not points:
        return None
    order = sorted(points, key=lambda each: each.at)
    for solver, runs in results.items():
        order += _on_the_way(solver, runs, axis, x, y, gallery, numbers)
    error_name = gallery.problem.error_name
    return Plane(
        axis.metric,
        short,
        axis.label,
        "error (%)" if error_name == "error" else error_name,
        x.ticks(),
        y.ticks(),
        _front_path(front, x, y),
        front.name,
        tuple(order),
        {layout.name: _marks(order, layout) for layout in PLANE_LAYOUTS},
    )


def _ends(
    solver: str,
    runs: Sequence[Result],
    axis: CostAxis,
    x: Scale,
    y: Scale,
    gallery: Gallery,
    numbers: Mapping[str, int],
) -> list[Point]:
    """The best feasible designs of a solver's runs, each once."""
    seeds: dict[tuple[int, ...], list[Result]] = {}
    for run in runs:
        if run.best is not None and run.trace.feasible[run.best]:
            seeds.setdefault(tuple(map(int, run.trace.designs[run.best])), []).append(run)
    found = []
    for design, number in zip(seeds, gallery.add(np.array(list(seeds))) if seeds else [], strict=True):
        run = seeds[design][0]
        named = ", ".join(str(each.seed) for each in seeds[design])
        at = _at(run, np.array([run.best]), axis, x, y)[0]
        text = f"{solver}, best design of seed{'s' * (len(seeds[design]) > 1)} {named}: {gallery.summary(number)}"
        found.append(Point(numbers[solver], named, number, at, text))
    return found


def _on_the_way(
    solver: str,
    runs: Sequence[Result],
    axis: CostAxis,
    x: Scale,
    y: Scale,
    gallery: Gallery,
    numbers: Mapping[str, int],
) -> list[Point]:
    """The designs of a solver's runs that none of its runs beat in both error and cost, as far as they are in the frame."""
    archives = [run.trace[run.trace.pareto(("error_pct", axis.metric))] for run in runs]
    archives = [archive for archive in archives if len(archive)]
    if not archives:
        return []
    error = np.concatenate([archive.error_pct for archive in archives])
    cost = np.concatenate([getattr(archive, axis.metric) for archive in archives])
    designs = np.concatenate([archive.designs for archive in archives])
    best = non_dominated(error, cost)
    places = np.column_stack([x.at(cost[best]), y.at(error[best])])
    inside = ((places >= 0) & (places <= 1)).all(axis=1)
    best, places = best[inside], places[inside]
    if not len(best):
        return []
    shown, error_name = gallery.add(designs[best]), gallery.problem.error_name
    return [
        Point(
            numbers[solver],
            "",
            number,
            (float(place[0]), float(place[1])),
            f"{solver}, found on the way: {gallery.designs[number].metrics[1]} {error_name}, {axis.label} {value:.3g}",
        )
        for number, place, value in zip(shown, places, cost[best], strict=True)
    ]


def _at(run: Result, rows: np.ndarray, axis: CostAxis, x: Scale, y: Scale) -> list[tuple[float, float]]:
    trace = run.trace[rows]
    places = zip(x.at(getattr(trace, axis.metric)), y.at(trace.error_pct), strict=True)
    return [(float(np.clip(across, 0, 1)), float(np.clip(up, 0, 1))) for across, up in places]


def _front_path(front: Front, x: Scale, y: Scale) -> str:
    """The front as steps: from each point on its error holds, until a dearer point has a lower one."""
    order = np.argsort(front.cost)
    across, up = x.at(front.cost[order]), 1.0 - y.at(front.error_pct[order])
    shown = np.flatnonzero((across <= 1) & (up >= 0))
    if not shown.size:
        return ""
    first = max(shown[0] - 1, 0)
    steps = [
        f"H{SIDE * max(a, 0.0):.1f}V{SIDE * u:.1f}" for a, u in zip(across[first:], up[first:], strict=True) if a <= 1
    ]
    return f"M{SIDE * max(across[first], 0.0):.1f} {SIDE * up[first]:.1f}{''.join(steps)}H{SIDE}"


_APART = 13.0  # pixels between the middles of two ends, so that neither hides the other
_PASSES = 200


def _marks(points: Sequence[Point], layout: Layout) -> tuple[Mark, ...]:
    """Every point in pixels; ends that would hide each other are moved apart."""
    places = np.array([layout.place(point.at) for point in points]).reshape(-1, 2)
    ends = [index for index, point in enumerate(points) if point.seeds]
    drawn = places.copy()
    drawn[ends] = _moved_apart(places[ends], layout)
    rows = zip(drawn.round(1).tolist(), places.round(1).tolist(), strict=True)
    return tuple(Mark(index, *there, *here) for index, (there, here) in enumerate(rows))


def _moved_apart(places: np.ndarray, layout: Layout) -> np.ndarray:
    """Places (n, 2) at least `_APART` from each other, as near to the given ones as pushing pairs apart leaves them."""
    count = len(places)
    turn = 2.399963 * np.arange(count)[:, None]  # the golden angle: equal places part in different directions
    moved = places + 0.01 * np.column_stack([np.cos(turn), np.sin(turn)])
    low, high = np.array([8.0, 8.0]), np.array([layout.width - 8.0, layout.height - layout.bottom - 2.0])
    for _ in range(_PASSES):
        between = moved[:, None] - moved[None]
        distance = np.linalg.norm(between, axis=2)
        np.fill_diagonal(distance, np.inf)
        short = np.clip(_APART - distance, 0.0, None)
        if not (short > 0.05).any():
            break
        push = (between / np.maximum(distance, 1e-9)[..., None] * short[..., None]).sum(axis=1)
        touching = np.maximum((short > 0).sum(axis=1), 1)[:, None]
        moved = np.clip(moved + 0.6 * push / touching, low, high)
    still = np.linalg.norm(moved - places, axis=1) < 0.5
    return np.where(still[:, None], places, moved)
