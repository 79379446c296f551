"""How long commands of `dance` take that answer without work: help, and the completion of names.

python benchmarks/startup.py [--repeats 5] [--json FILE]

Each is a fresh process; the table gives the least wall and processor time of the repeats, in seconds. `python` is the
interpreter alone.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

COMMANDS: dict[str, list[str]] = {
    "python": ["-c", "pass"],
    **{
        f"dance {text}": ["-m", "solvers.cli", *text.split()]
        for text in (
            "--help",
            "tasks --help",
            "tasks",
            "solvers --help",
            "solvers",
            "check --help",
            "solve --help",
            "choose --help",
            "compare --help",
            "report --help",
        )
    },
}


def measured(arguments: list[str]) -> tuple[float, float]:
    """Return wall and processor seconds of a fresh process."""
    before, started = _spent(), time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started, _spent() - before


def _spent() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def main() -> None:
    """Measure, print a Markdown table, and write the figures where --json names a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    found: dict[str, tuple[float, float]] = {}
    for name, arguments in COMMANDS.items():
        runs = [measured(arguments) for _ in range(asked.repeats)]
        found[name] = (min(wall for wall, _ in runs), min(spent for _, spent in runs))
    print("| command | wall s | processor s |\n|---|---:|---:|")
    for name, (wall, spent) in found.items():
        print(f"| `{name}` | {wall:.2f} | {spent:.2f} |")
    if asked.json:
        asked.json.write_text(
            json.dumps({name: {"wall_s": w, "cpu_s": c} for name, (w, c) in found.items()}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
