"""Kill a comparison at random moments, resume it each time, and compare the records with undisturbed ones.

    python benchmarks/crash_safety.py                                          # 20 kills of the driver by SIGKILL
    python benchmarks/crash_safety.py --signals KILL TERM INT --victims driver server run
    python benchmarks/crash_safety.py --solvers examples/custom_solver.py:HillClimber,random

A kill is of the driver, of the server that forks the runs, or of a run; where there are several, and several signals, each
kill draws one. Only the driver's death ends a comparison: the others cost what ran, which the next start tries again. A
comparison that ends before its kill is checked, and another one is begun in a new folder, until all kills have been made.

Checked: the same files as without a kill, each equal byte for byte once its clocks are set to zero; and that within ten
seconds of a driver's death none of its processes runs.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from solvers import Settings, compare
from solvers.contract.record.trace import CLOCKS
from solvers.contract.result import Result

VICTIMS = ("driver", "server", "run")
_PATIENCE_S = 10.0
_DRIVER = """
import sys
sys.path[:0] = [sys.argv[1]]
from crash_safety import run
print("begin", flush=True)
run(*sys.argv[2:])
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run it, print the verdict, and return 0 if every record is as it should be, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="how often the driver is killed (default: %(default)s)")
    parser.add_argument("--moments", type=int, default=0, metavar="SEED", help="of the kills (default: %(default)s)")
    parser.add_argument("--solvers", default="random,evolution,annealing", help="with commas (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=10, help="runs of each solver (default: %(default)s)")
    parser.add_argument("--budget", type=int, default=4000, help="evaluations of a run (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="runs side by side (default: %(default)s)")
    parser.add_argument("--signals", nargs="+", default=["KILL"], choices=["KILL", "TERM", "INT"], help="default: KILL")
    parser.add_argument("--victims", nargs="+", default=["driver"], choices=VICTIMS, help="default: driver")
    asked = parser.parse_args(argv)
    arguments = [asked.solvers, *map(str, (asked.seeds, asked.budget, asked.workers))]
    kinds = [(victim, name) for victim in asked.victims for name in asked.signals]
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder), arguments, asked.kills, random.Random(asked.moments), kinds)


def measure(
    folder: Path, arguments: Sequence[str], kills: int, moments: random.Random, kinds: Sequence[tuple[str, str]]
) -> int:
    """Make the kills, print what came of them, and return 0 if every record is as it should be, else 1."""
    started = time.monotonic()
    run(folder / "whole", *arguments)
    seconds = time.monotonic() - started
    expected = contents(folder / "whole")
    print(f"{len(expected)} records without a kill, in {seconds:.1f} s", flush=True)
    killed, mid_run, comparisons, faults = 0, 0, 0, list[str]()
    while killed < kills:
        out = folder / f"killed{comparisons}"
        while killed < kills:
            before = len(_records(out))
            victim, name = moments.choice(kinds)
            left = _killed(out, arguments, moments.uniform(0.0, seconds), victim, signal.Signals[f"SIG{name}"])
            if left is None:
                break  # it ended first
            killed += 1
            found = len(_records(out))
            mid_run += 0 < found < len(expected)
            faults += [f"kill {killed}: {left} processes went on"] if left else []
            print(f"kill {killed}, SIG{name} of a {victim}: {before} records before, {found} after", flush=True)
        run(out, *arguments)
        comparisons += 1
        faults += [f"{out.name}: {fault}" for fault in differences(expected, contents(out))]
    print(f"{killed} kills, {mid_run} of them with some records written and some not, in {comparisons} comparisons")
    print(
        "\n".join(faults)
        or f"all {comparisons} x {len(expected)} records equal those without a kill; none lost, none twice"
    )
    return int(bool(faults))


def run(out: Path | str, solvers: str, seeds: str, budget: str, workers: str) -> None:
    """Run the comparison, or go on with it."""
    compare(Settings("tiny", solvers.split(","), range(int(seeds)), int(budget), Path(out), workers=int(workers)))


def contents(out: Path) -> dict[str, bytes]:
    """Return what the records of a comparison hold, by file name: the bytes of each with its clocks set to zero.

    Raises:
        RecordError: If one cannot be read.
    """
    return {path.name: _without_clocks(Result.load(path)) for path in _records(out)}


def differences(expected: dict[str, bytes], found: dict[str, bytes]) -> list[str]:
    """Return a sentence on each record that is missing, too much or different."""
    return [
        *(f"{name} is missing" for name in sorted(expected.keys() - found.keys())),
        *(f"{name} is there and should not be" for name in sorted(found.keys() - expected.keys())),
        *(f"{name} differs" for name in sorted(expected.keys() & found.keys()) if expected[name] != found[name]),
    ]


def _without_clocks(result: Result) -> bytes:
    trace = dataclasses.replace(result.trace, **{name: np.zeros(len(result.trace)) for name in CLOCKS})
    ledger = dataclasses.replace(result.ledger, **dict.fromkeys(CLOCKS, 0.0))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.npz"
        dataclasses.replace(result, trace=trace, ledger=ledger).save(path)
        return path.read_bytes()


def _records(out: Path) -> list[Path]:
    """The records of a comparison, by name; what a killed writer left half-done has a name that starts with a dot."""
    return sorted(path for path in (out / "records").glob("*") if not path.name.startswith("."))


def _killed(out: Path, arguments: Sequence[str], seconds: float, victim: str, sent: signal.Signals) -> int | None:
    """Run a comparison in another process, and send a signal so long after its imports.

    Returns:
        How many of its processes outlive the driver by `_PATIENCE_S`; None where it ended before the signal.

    Raises:
        CalledProcessError: If it failed.
    """
    command = [sys.executable, "-c", _DRIVER, str(Path(__file__).parent), str(out), *arguments]
    errors = subprocess.DEVNULL if sent == signal.SIGINT else None  # a traceback is what it is to end with
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as driver:
        assert driver.stdout is not None, "it is a pipe"
        driver.stdout.readline()
        try:
            driver.wait(seconds)
        except subprocess.TimeoutExpired:
            below = _send(driver, victim, sent)
            driver.wait()
            if below is not None:
                return _alive_after_a_while(below)
    if driver.returncode:
        raise subprocess.CalledProcessError(driver.returncode, command)
    return None


def _send(driver: subprocess.Popen[bytes], victim: str, sent: signal.Signals) -> list[int] | None:
    """Signal a process of a comparison once there is one; return those below the driver, None where it ended first."""
    while driver.poll() is None:
        servers = _children(driver.pid)
        runs = [run for server in servers for run in _children(server)]
        one = {"driver": [driver.pid], "server": servers, "run": runs}[victim]
        if one:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one[0], sent)
                return servers + runs
        time.sleep(0.002)
    return None


def _children(pid: int) -> list[int]:
    """Return the process ids of the children of a process, whichever of its threads started them."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in path.read_text().split()]
    return found


def _alive_after_a_while(pids: Sequence[int]) -> int:
    """Return how many of these processes still run after `_PATIENCE_S`; at once where none does."""
    until = time.monotonic() + _PATIENCE_S
    while (alive := sum(map(_runs, pids))) and time.monotonic() < until:
        time.sleep(0.05)
    return alive


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
