"""Kill the driver of a comparison at random moments, resume it each time, and compare the records with undisturbed ones.

    python benchmarks/crash_safety.py            # 20 kills

A comparison that ends before its kill is checked, and another one is begun in a new folder, until all kills have
been made. Checked: the same files as without a kill, each equal byte for byte once its clocks are set to zero.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from solvers.contract.record.trace import CLOCKS
from solvers.contract.result import Result

_DRIVER = "import sys; from solvers.cli import main; sys.exit(main(sys.argv[1:]))"
_DEFAULT = "--task tiny --solver random evolution annealing --seeds 5 --budget 2000 --workers 2"


def main(argv: Sequence[str] | None = None) -> int:
    """Run it, print the verdict, and return 0 if every record is as it should be, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="how often the driver is killed (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: %(default)s)")
    parser.add_argument("--compare", default=_DEFAULT, help="arguments of `dance compare` (default: %(default)s)")
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder), asked.compare.split(), asked.kills, random.Random(asked.seed))


def measure(folder: Path, arguments: Sequence[str], kills: int, moments: random.Random) -> int:
    """Make the kills, print what came of them, and return 0 if every record is as it should be, else 1."""
    _run(folder / "warm", arguments)  # the cost tables are in the cache from here on
    started = time.monotonic()
    _run(folder / "whole", arguments)
    seconds = time.monotonic() - started
    expected = contents(folder / "whole")
    print(f"{len(expected)} records without a kill, in {seconds:.1f} s")
    killed, mid_run, comparisons, faults = 0, 0, 0, list[str]()
    while killed < kills:
        out = folder / f"killed{comparisons}"
        while killed < kills:
            before = len(_records(out))
            if not _killed(out, arguments, moments.uniform(0.3, 1.0) * seconds):
                break  # it ended first
            killed += 1
            found = len(_records(out))
            mid_run += 0 < found < len(expected)
            print(f"kill {killed}: {before} records before this start, {found} at the kill")
        _run(out, arguments)
        comparisons += 1
        faults += [f"{out.name}: {fault}" for fault in differences(expected, contents(out))]
    print(f"{killed} kills, {mid_run} of them with some records written and some not, in {comparisons} comparisons")
    print(
        "\n".join(faults)
        or f"all {comparisons} x {len(expected)} records equal those without a kill; none lost, none twice"
    )
    return int(bool(faults))


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


def _command(out: Path, arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-c", _DRIVER, "compare", *arguments, "--out", str(out)]


def _run(out: Path, arguments: Sequence[str]) -> None:
    subprocess.run(_command(out, arguments), check=True, stdout=subprocess.DEVNULL)


def _killed(out: Path, arguments: Sequence[str], seconds: float) -> bool:
    """Start a comparison and kill its driver after so long; False if it ended before."""
    driver = subprocess.Popen(_command(out, arguments), stdout=subprocess.DEVNULL)
    try:
        driver.wait(seconds)
    except subprocess.TimeoutExpired:
        driver.kill()
        driver.wait()
        return True
    if driver.returncode:
        raise subprocess.CalledProcessError(driver.returncode, driver.args)
    return False


if __name__ == "__main__":
    sys.exit(main())
