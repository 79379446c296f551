"""The command `dance agreement`.

    dance agreement [--backend zigzag] [--network macro-cifar10] [--layers 8] [--accelerators 8] [--out FOLDER]
    dance agreement --recorded FILE.csv [--out FOLDER]

The first form prices a sample of layers and accelerators with a back end, pair by pair: each is kept as soon as it is
priced, so that an interrupted run continues where it stopped. The second holds our model against figures on record.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dance_env.cache import default_cache_dir
from dance_env.command_line import Exit, Parser, as_json
from dance_env.cost.audit.agreement import correlations
from dance_env.cost.audit.agreement_points import read_recorded, sample_points
from dance_env.cost.audit.agreement_report import summary_table, write_report
from dance_env.cost.backends import Running, make_cost_model, settings_of
from dance_env.cost.technology import get_technology


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table and write it; return 1 where nothing could be compared, 0 otherwise.

    Raises:
        ValueError, OSError, ImportError: If a name, a file, a folder or a package cannot be used.
        KeyboardInterrupt: If interrupted; priced pairs are kept, unless the cache was switched off.
    """
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
            seed=arguments.seed, progress=sys.stderr.isatty(),
        )  # fmt: skip
        title = f"analytical and {arguments.backend} on {arguments.network}, {technology.name}"
    found = correlations(points)
    command = ("dance", "agreement", *(sys.argv[2:] if argv is None else argv))
    files = write_report(points, found, folder=arguments.out, title=title, command=command)
    written = ", ".join(str(file) for file in files)
    if arguments.json:
        sys.stdout.write(as_json({"title": title, "files": files, "correlations": found}))
    else:
        sys.stdout.write(f"{title}\n\n{summary_table(points, found)}\n\nwritten: {written}\n")
    return Exit.ANSWER if found else Exit.NEGATIVE


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "agreement",
        "Compare how our cost model and another tool rank designs. The exit status is 1 if nothing could be compared.",
        examples=["agreement --backend zigzag --layers 4 --accelerators 4", "agreement --recorded FILE.csv"],
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
    parser.add_json()
    return parser
