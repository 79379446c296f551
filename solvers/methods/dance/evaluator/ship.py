"""Make the trained evaluators that come with the package: those that the solvers use on the default task.

    python -m solvers.methods.dance.evaluator.ship            # train those that are missing or stale (three minutes)
    python -m solvers.methods.dance.evaluator.ship --check    # train nothing; exit status 1 if one is missing or stale

A shipped evaluator is used only while its key fits: the costs of the task, the settings and the code of the training (see
`evaluator_key`). After a change of any of these the solvers train again until this command has been run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dance_env.tasks import make_problem
from solvers.methods.dance.evaluator.file import DamagedEvaluator, EvaluatorFile
from solvers.methods.dance.evaluator.settings import MUON, PAPER, EvaluatorSettings
from solvers.methods.dance.evaluator.store import SHIPPED, as_json, evaluator_key
from solvers.methods.dance.evaluator.training import train_evaluator
from solvers.methods.gradient.threads import torch_threads

SHIPMENTS: dict[str, tuple[str, EvaluatorSettings]] = {
    "macro-cifar10-balanced-dance": ("macro-cifar10/balanced", PAPER),
    "macro-cifar10-balanced-dance-refined": ("macro-cifar10/balanced", MUON),
    "accel-nasbench-edap-dance": ("accel-nasbench/edap", PAPER),
    "accel-nasbench-edap-dance-refined": ("accel-nasbench/edap", MUON),
}
"""File name -> task and settings."""

MOST_BYTES = 1_000_000


def stale(folder: Path = SHIPPED) -> list[str]:
    """Return the names of the shipments whose file is missing, damaged or made for another key."""
    return [name for name in SHIPMENTS if _key_of(_path(folder, name)) != _wanted(name)]


def ship(name: str, folder: Path = SHIPPED) -> Path:
    """Train one of `SHIPMENTS` and write its file.

    Raises:
        ValueError: If the file is larger than `MOST_BYTES`.
    """
    task, settings = SHIPMENTS[name]
    with torch_threads(1):  # as in the solvers: the bill's seconds are those of one core
        evaluator, bill = train_evaluator(make_problem(task), settings)
    path = _path(folder, name)
    EvaluatorFile.of(evaluator, key=_wanted(name), settings=as_json(settings), bill=bill).save(path)
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path} has {path.stat().st_size:,} bytes; a shipped evaluator has at most {MOST_BYTES:,}")
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="train nothing; exit status 1 if a file is stale")
    wanted = parser.parse_args(arguments)
    names = stale()
    for name in SHIPMENTS:
        state = "up to date"
        if name in names:
            state = "missing or stale" if wanted.check else _described(ship(name))
        sys.stdout.write(f"{name}: {state}\n")
    return int(wanted.check and bool(names))


def _described(path: Path) -> str:
    return f"trained in {EvaluatorFile.load(path).bill.seconds:.0f} s, {path.stat().st_size:,} bytes"


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.safetensors"


def _key_of(path: Path) -> str | None:
    try:
        return EvaluatorFile.load(path).key
    except DamagedEvaluator:
        return None


def _wanted(name: str) -> str:
    task, settings = SHIPMENTS[name]
    key = evaluator_key(make_problem(task), settings)
    assert key is not None, "the tasks of the catalog have fingerprints"
    return key


if __name__ == "__main__":
    sys.exit(main())
