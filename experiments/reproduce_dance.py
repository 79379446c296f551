"""What the DANCE paper claims, put to the test: one line per claim, with the paper's figure, ours and a verdict.

    python -m experiments.reproduce_dance                                 # laptop scale: two cores
    python -m experiments.reproduce_dance --scale gpu --out runs/claims-gpu
    python -m experiments.reproduce_dance --claims search_cost joint_gain
    python -m experiments.reproduce_dance --scale overnight --claims feature_forwarding --tasks accel-nasbench/edap

Writes report.md, results.json and plots into --out. Interrupted with Ctrl-C, it goes on from there when the same
command runs again; a claim that is on record for the same settings and code is not tested again.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from experiments.claims.catalog import check_names, claim_names, settings_of
from experiments.claims.page import write_report
from experiments.claims.run import Outcome, run_claims
from experiments.claims.scale import SCALES, Scale, on_device, on_tasks
from experiments.claims.work import Work, default_workers


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", default="laptop", choices=list(SCALES))
    parser.add_argument("--claims", nargs="+", default=claim_names(), metavar="CLAIM", help=", ".join(claim_names()))
    parser.add_argument("--tasks", nargs="+", metavar="TASK", help="of the scale's tasks, these alone")
    parser.add_argument("--out", type=Path, help="folder of the report (default: runs/reproduce_dance_SCALE)")
    parser.add_argument("--workers", type=int, default=default_workers(), help="runs and threads side by side")
    parser.add_argument("--device", help="cpu or cuda, instead of the scale's own")
    parser.add_argument(
        "--accuracy-table", type=Path, metavar="JSON", help="NAS-Bench-Macro's table, not its surrogate"
    )
    return parser.parse_args(given)


def scale_from(asked: argparse.Namespace) -> Scale:
    """The scale with what the command line changes."""
    scale = SCALES[asked.scale]
    if asked.device:
        scale = on_device(scale, asked.device)
    if asked.tasks:
        narrowed = on_tasks(scale, asked.tasks)
        for claim in asked.claims:
            check_tasks(claim, scale, narrowed)
        scale = narrowed
    return replace(scale, accuracy_table=asked.accuracy_table)


def check_tasks(claim: str, scale: Scale, narrowed: Scale) -> None:
    """Refuse tasks that leave a claim without any.

    Raises:
        ValueError: none of the tasks of a part is left, or an unknown claim.
    """
    check_names([claim])
    for part, settings in settings_of(claim, scale).items():
        tasks = getattr(settings, "tasks", ())
        if tasks and not getattr(getattr(narrowed, part), "tasks", ()):
            raise ValueError(f"none of the given tasks is one that {claim} is tested on: {', '.join(tasks)}")


def main(given: Sequence[str] | None = None) -> int:
    """Test the claims and write the report; returns the exit status."""
    asked = arguments(given)
    console = Console()
    try:
        scale = scale_from(asked)
    except ValueError as error:
        console.print(f"reproduce_dance: {escape(str(error))}")
        return 2
    command = ["python", "experiments/reproduce_dance.py", *(sys.argv[1:] if given is None else given)]
    folder = asked.out or Path(f"runs/reproduce_dance_{scale.name}")
    machine = about_machine()
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task("")

        def tell(what: str, done: int, total: int) -> None:
            bars.update(bar, description=escape(what), completed=done, total=total)

        tasks = f" --tasks {shlex.join(asked.tasks)}" if asked.tasks else ""
        work = Work(folder, command=Work.command + tasks, tell=tell, workers=asked.workers)

        def show(tested: list[Outcome]) -> None:
            write_report(tested, scale=scale, work=work, command=command, machine=machine)
            console.print(line(tested[-1]), highlight=False)

        try:
            tested = run_claims(scale, work, names=asked.claims, after=show)
        except KeyboardInterrupt:
            console.print("interrupted; finished claims are kept: run the same command to go on")
            return 130
        except (ValueError, OSError) as error:
            console.print(f"reproduce_dance: {escape(str(error))}")
            return 2
    console.print(f"\nReport: {escape(str(folder / 'report.md'))}", highlight=False, soft_wrap=True)
    return 1 if any(each.claim is None for each in tested) else 0


def line(each: Outcome) -> str:
    """One claim's outcome for the terminal."""
    took = "on record" if each.read else f"{each.seconds:.0f} s"
    if each.claim is None:
        return f"[bold]{each.name}[/bold] ({took}): failed: {escape(each.failure)}"
    claim = each.claim
    return (
        f"[bold]{each.name}[/bold] ({took}): [bold]{claim.verdict.value}[/bold]\n"
        f"  paper  {escape(claim.paper)}\n  ours   {escape(claim.ours)}\n  {escape(claim.sentence)}"
    )


def about_machine() -> dict[str, Any]:
    """What the figures in seconds depend on."""
    found: dict[str, Any] = {"machine": platform.machine(), "cores": os.cpu_count()}
    if hasattr(os, "getloadavg"):
        found["load average at start"] = round(os.getloadavg()[0], 1)
    return found


if __name__ == "__main__":
    sys.exit(main())
