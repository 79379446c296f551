"""How far two cost models rank alike: over accelerators for each layer, and over layers for each accelerator.

    dance agreement [--backend zigzag] [--network macro-cifar10] [--layers 8] [--accelerators 8] [--out FOLDER]
    dance agreement --recorded FILE.csv [--out FOLDER]

Different tools price with other rules of mapping, so digits differ; what a search needs is that they order designs
alike. The first form prices a sample of layers and accelerators with a back end, pair by pair: each is kept as soon as
it is priced, so an interrupted run goes on where it stopped. The second holds our model against figures on record.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

METRICS = ("latency", "energy", "EDP")
OVER = ("accelerators", "layers")
ALL = "all"
LEAST_POINTS = 3
"""Two points always rank perfectly, one way or the other."""


@dataclass(frozen=True, eq=False)
class Points:
    """What two models say of n pairs of layer and accelerator; n entries each.

    Attributes:
        layer, accelerator: names; an accelerator's holds its dataflow.
        dataflow: name of the accelerator's dataflow.
        ours, theirs: (n, 2) float64, cycles and pJ; inf where there is no cost.
        reason: why the other model has none, "" where it has.
    """

    layer: tuple[str, ...]
    accelerator: tuple[str, ...]
    dataflow: tuple[str, ...]
    ours: np.ndarray
    theirs: np.ndarray
    reason: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.layer)

    @property
    def both(self) -> np.ndarray:
        """(n,) bool: pairs that both models have priced."""
        return np.isfinite(self.ours).all(axis=1) & np.isfinite(self.theirs).all(axis=1)


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation of the two models' figures.

    Attributes:
        over: what is ranked, "accelerators" (``name`` is the layer) or "layers" (``name`` is the accelerator).
        dataflow: among accelerators of this dataflow only, or `ALL`.
        metric: one of `METRICS`.
        points: how many were ranked.
        rho: -1 to 1.
        our_spread, their_spread: largest figure over the smallest: where it is near 1 there is little to rank.
        loss: their figure of what our model ranks first, over their smallest: 1 where both prefer the same.
    """

    over: str
    name: str
    dataflow: str
    metric: str
    points: int
    rho: float
    our_spread: float
    their_spread: float
    loss: float


def spearman(ours: np.ndarray, theirs: np.ndarray) -> float | None:
    """Spearman's rank correlation of two (n,) arrays, ties sharing their mean rank.

    Returns:
        -1 to 1; None for fewer than `LEAST_POINTS`, or where one of the two ranks nothing (all its values are equal).

    Raises:
        ValueError: arrays of different or of more than one dimension, or values that are not finite.
    """
    ours, theirs = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    if ours.ndim != 1 or ours.shape != theirs.shape:
        raise ValueError(f"spearman: expected two arrays of one length, got shapes {ours.shape} and {theirs.shape}.")
    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        raise ValueError("spearman: expected finite values; leave out what has no cost.")
    if len(ours) < LEAST_POINTS or np.ptp(ours) == 0 or np.ptp(theirs) == 0:
        return None
    return float(np.corrcoef(_ranks(ours), _ranks(theirs))[0, 1])


def correlations(points: Points) -> list[Correlation]:
    """All rank correlations that the points allow: both ways, each metric, all dataflows together and one by one."""
    return [found for over in OVER for found in _correlations(points, over)]


def _correlations(points: Points, over: str) -> Iterator[Correlation]:
    names = np.array(points.layer if over == "accelerators" else points.accelerator, dtype=object)
    flows = np.array(points.dataflow, dtype=object)
    figures = [_metrics(points.ours), _metrics(points.theirs)]
    for dataflow in (ALL, *sorted(set(points.dataflow))):
        of_flow = points.both & ((flows == dataflow) | (dataflow == ALL))
        if over == "layers" and dataflow == ALL:  # an accelerator has one dataflow: its rows say it
            continue
        for name in dict.fromkeys(names[of_flow]):
            here = of_flow & (names == name)
            for m, metric in enumerate(METRICS):
                ours, theirs = (each[here, m] for each in figures)
                rho = spearman(ours, theirs)
                if rho is not None:
                    yield Correlation(
                        over, str(name), dataflow, metric, len(ours), rho,
                        our_spread=float(ours.max() / ours.min()),
                        their_spread=float(theirs.max() / theirs.min()),
                        loss=float(theirs[ours.argmin()] / theirs.min()),
                    )  # fmt: skip


def _metrics(costs: np.ndarray) -> np.ndarray:
    """(n, 3): latency, energy, EDP."""
    return np.column_stack([costs, costs[:, 0] * costs[:, 1]])


def _ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def main(argv: Sequence[str] | None = None) -> int:
    """The command: prints the table and writes it; 1 where nothing could be compared, 0 otherwise.

    Raises:
        ValueError, OSError, ImportError: a name, a file, a folder or a package that cannot be used.
        KeyboardInterrupt: interrupted; priced pairs are kept, unless the cache was switched off.
    """
    from dance_env.cache import default_cache_dir
    from dance_env.cost.audit.agreement_points import read_recorded, sample_points
    from dance_env.cost.audit.agreement_report import summary_table, write_report
    from dance_env.cost.backends import Running, make_cost_model, settings_of
    from dance_env.cost.technology import get_technology

    arguments = _parser().parse_args(argv)
    if arguments.recorded is not None:
        points, title = read_recorded(arguments.recorded), f"analytical and {arguments.recorded.name}"
    else:
        running = Running(
            python=arguments.python, timeout_s=arguments.timeout, workers=arguments.workers,
            cache_dir=arguments.cache_dir or default_cache_dir(),
        )  # fmt: skip
        technology = get_technology(arguments.technology)
        model = make_cost_model(
            arguments.backend, technology=technology,
            running=running if "running" in settings_of(arguments.backend) else None,
        )  # fmt: skip
        points = sample_points(
            model, technology=technology, network=arguments.network, layers=arguments.layers, accelerators=arguments.accelerators,
            seed=arguments.seed, progress=True,
        )  # fmt: skip
        title = f"analytical and {arguments.backend} on {arguments.network}, {technology.name}"
    found = correlations(points)
    command = ("dance", "agreement", *(sys.argv[2:] if argv is None else argv))
    files = write_report(points, found, folder=arguments.out, title=title, command=command)
    written = ", ".join(str(file) for file in files)
    sys.stdout.write(f"{title}\n\n{summary_table(points, found)}\n\nwritten: {written}\n")
    return 0 if found else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dance agreement", description="Compare how our cost model and another tool rank designs."
    )
    parser.add_argument("--recorded", type=Path, metavar="FILE.csv", help="compare with figures on record instead")
    parser.add_argument("--backend", default="zigzag", help="name of the other model (default: %(default)s)")
    parser.add_argument("--network", default="macro-cifar10", help="whose layers (default: %(default)s)")
    parser.add_argument("--layers", type=int, default=8, help="how many of its layers (default: %(default)s)")
    parser.add_argument("--accelerators", type=int, default=8, help="how many accelerators (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="which ones are drawn (default: %(default)s)")
    parser.add_argument("--technology", default="edge-lpddr4", help="constants of both models (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("agreement"), help="folder (default: %(default)s)")
    parser.add_argument("--cache-dir", type=Path, help="where priced pairs are kept (default: the user's cache folder)")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds for one pair (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="processes side by side (default: %(default)s)")
    parser.add_argument("--python", default="", help="interpreter that has the tool (default: this one)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
