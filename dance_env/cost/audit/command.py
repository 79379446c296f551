"""The command `dance audit`: our cost model held against reference points, another tool, or its figures on record.

A back end prices a sample of layers and accelerators pair by pair: each is kept as soon as it is priced, so that an
interrupted run continues where it stopped.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dance_env.command_line import Exit, Parser, as_json, say, seconds, whole_number

if TYPE_CHECKING:
    from dance_env.cost.audit.agreement import Points

PAIRS = 64


def main(argv: Sequence[str] | None = None) -> int:
    """Print the report; return 1 where the audit of points fails or nothing could be compared, 0 otherwise.

    Raises:
        ValueError, OSError, ImportError: If a name, a file, a folder or a package cannot be used.
        KeyboardInterrupt: If interrupted; priced pairs are kept.
    """
    given = list(sys.argv[2:] if argv is None else argv)
    asked = _parser().parse_args(given)
    return _points(asked) if asked.points is not None else _agreement(asked, given)


def _points(asked: argparse.Namespace) -> int:
    """Hold the model against reference points."""
    from dance_env.cost.audit.audit import audit
    from dance_env.cost.technology import TIMELOOP_45NM, get_technology

    technology = get_technology(asked.technology or TIMELOOP_45NM.name)
    report = audit(asked.points, technology=technology)
    if asked.json:
        say(as_json({**vars(report), "ok": report.ok}))
    else:
        say("\n".join([*report.deviations, report.summary()]) + "\n")
    return Exit.ANSWER if report.ok else Exit.NEGATIVE


def _agreement(asked: argparse.Namespace, given: Sequence[str]) -> int:
    """Compare how our model and another tool rank."""
    from dance_env.cost.audit.agreement_points import read_recorded
    from dance_env.cost.audit.agreement_report import Agreement

    if asked.recorded is not None:
        points, title = read_recorded(asked.recorded), f"analytical and {asked.recorded.name}"
        default = Path("runs/audit") / asked.recorded.stem
    else:
        points, title = _sample(asked)
        default = Path("runs/audit") / asked.backend.rpartition(":")[2]  # of path/to/file.py:Class, Class
    found = Agreement.of(title, points, k=asked.top, worst_pairs=asked.worst)
    files = found.write(asked.out or default, command=("dance", "audit", *given))
    if asked.json:
        say(as_json({**found.content(), "files": files}))
    else:
        say(f"{found.as_text()}\n\nwritten: {', '.join(map(str, files))}\n")
    return Exit.ANSWER if found.correlations else Exit.NEGATIVE


def _sample(asked: argparse.Namespace) -> tuple[Points, str]:
    """Price a sample of layers and accelerators with the back end; return the points, and what they are."""
    from dance_env.cache import default_cache_dir
    from dance_env.cost.audit.agreement_points import sample_points
    from dance_env.cost.backends import Running, make_cost_model, settings_of
    from dance_env.cost.technology import EDGE_LPDDR4, get_technology

    layers, accelerators = _sizes(asked)
    running = Running(
        python=asked.python,
        timeout_s=asked.timeout,
        workers=asked.workers,
        cache_dir=asked.cache_dir or default_cache_dir(),
        ray=asked.ray,
    )
    technology = get_technology(asked.technology or EDGE_LPDDR4.name)
    known = settings_of(asked.backend)  # a model of a user's may have constants of its own
    model = make_cost_model(
        asked.backend,
        technology=technology if "technology" in known else None,
        running=running if "running" in known else None,
    )
    points = sample_points(
        model,
        technology=technology,
        network=asked.network,
        layers=layers,
        accelerators=accelerators,
        seed=asked.seed,
        progress=sys.stderr.isatty(),
    )
    return points, f"analytical and {asked.backend.rpartition(':')[2]} on {asked.network}, {technology.name}"


def _sizes(asked: argparse.Namespace) -> tuple[int, int]:
    """Return how many layers and accelerators: as given, or as near to each other as the number of pairs allows."""
    if asked.n is not None and (asked.layers is not None or asked.accelerators is not None):
        raise ValueError("give --n pairs, or --layers and --accelerators, not both")
    pairs = PAIRS if asked.n is None else asked.n
    if pairs < 1:
        raise ValueError(f"--n: expected at least 1 pair of layer and accelerator, got {pairs}")
    layers = math.isqrt(pairs) if asked.layers is None else asked.layers
    accelerators = pairs // math.isqrt(pairs) if asked.accelerators is None else asked.accelerators
    return layers, accelerators


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "audit",
        "Hold the cost model against reference points, against another tool on a sample of layers and accelerators, or against "
        "its figures on record. The exit status is 1 if a point differs, or if nothing could be compared.",
        examples=[
            "audit --points points.csv",
            "audit --backend zigzag --n 50 --workers 2",
            "audit --backend accelforge --python path/to/python3.12 --timeout 400",
            "audit --backend examples/custom_cost_model.py:Roofline",
            "audit --recorded FILE.csv --json",
        ],
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--points", metavar="FILE.csv", help="reference points, as Timeloop's points.csv")
    source.add_argument(
        "--backend",
        metavar="NAME",
        help="another cost model: zigzag, accelforge, one of a package, or path/to/file.py:Class",
    )
    source.add_argument("--recorded", type=Path, metavar="FILE.csv", help="figures of another tool on record")
    parser.add_argument(
        "--technology", metavar="NAME", help="constants (default: timeloop-45nm for points, edge-lpddr4 for a back end)"
    )
    pairs = parser.add_argument_group("a back end's sample")
    pairs.add_argument(
        "--n",
        type=int,
        metavar="PAIRS",
        help=f"pairs of layer and accelerator, at most; 50 are 7 x 7 (default: {PAIRS})",
    )
    pairs.add_argument("--layers", type=int, help="how many layers, instead")
    pairs.add_argument("--accelerators", type=int, help="how many accelerators, instead")
    pairs.add_argument("--network", default="macro-cifar10", help="whose layers (default: %(default)s)")
    pairs.add_argument("--seed", type=whole_number(0), default=0, help="which ones are drawn (default: %(default)s)")
    pairs.add_argument("--timeout", type=seconds, default=120.0, help="seconds for one pair (default: %(default)s)")
    pairs.add_argument("--workers", type=int, default=1, help="processes side by side (default: %(default)s)")
    pairs.add_argument(
        "--ray", default="", metavar="ADDRESS", help="on a Ray cluster: auto, local or HOST:PORT (extra ray)"
    )
    pairs.add_argument("--python", default="", help="interpreter that has the tool (default: this one)")
    pairs.add_argument("--cache-dir", type=Path, help="where priced pairs are kept (default: the user's cache folder)")
    report = parser.add_argument_group("the report on a back end or on figures on record")
    report.add_argument(
        "--top",
        type=whole_number(1),
        default=3,
        metavar="K",
        help="best accelerators to compare (default: %(default)s)",
    )
    report.add_argument(
        "--worst",
        type=whole_number(0),
        default=5,
        metavar="N",
        help="worst disagreements to list (default: %(default)s)",
    )
    report.add_argument("--out", type=Path, metavar="DIR", help="folder (default: runs/audit/NAME)")
    parser.add_json()
    return parser
