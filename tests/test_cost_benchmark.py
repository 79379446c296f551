"""The benchmark of the cost model runs, and reads other tools' seconds from where it is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[1] / "benchmarks" / "cost.py"


def run(*arguments: str) -> str:
    command = [sys.executable, str(PROGRAM), "--no-compiling", "--layers", "1", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=500).stdout


def test_prints_its_own_figures_beside_recorded_ones(tmp_path: Path) -> None:
    """A recorded search of 2 s: the ratio is twice our evaluations a second."""
    (tmp_path / "timeloop").mkdir()
    (tmp_path / "timeloop" / "points.csv").write_text("mapper_s,mapper_total_s\n1.0,4.0\n3.0,4.0\n")
    shown = run("--networks", "tiny", "--reference", str(tmp_path))
    (own,) = (line for line in shown.splitlines() if line.startswith("this model"))
    (theirs,) = (line for line in shown.splitlines() if line.startswith("Timeloop, one"))
    rate, ratio = (float(text.replace(",", "")) for text in (own.split()[-1], theirs.split()[-2]))
    assert "2.000 s" in theirs
    assert abs(ratio - 2 * rate) <= 2
    assert "table of tiny: " in shown
    assert "AccelForge: no recorded points at" in shown


def test_growth_is_drawn(tmp_path: Path) -> None:
    shown = run("--networks", "--growth", "--largest-array", "8", "--out", str(tmp_path), "--reference", str(tmp_path))
    assert "arrays 8 x 8 to 8 x 8, 48 accelerators" in shown
    assert (tmp_path / "growth.png").stat().st_size > 10_000
