"""The manifest of a run folder: what was compared, with what software, and what it cost in all."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import solvers
from dance_env.atomic import write_whole
from dance_env.from_file import names_a_file
from dance_env.problem import Problem
from solvers.comparison.plan import Cell, Plan
from solvers.comparison.settings import Settings
from solvers.contract.budget import Budget
from solvers.contract.record.file import RecordError
from solvers.contract.result import Result, software_versions
from solvers.contract.settings import json_settings

FILE = "manifest.json"
KIND = "dance comparison"
VERSION = 1
"""Of the manifest's layout; further entries are no new version."""


def write_manifest(
    settings: Settings,
    planned: Plan,
    problems: Mapping[str, Problem],
    results: Mapping[Cell, Result],
    references: Mapping[str, str] | None = None,
) -> Path:
    """Write the manifest of a comparison, whole or not at all; return its path.

    It names no machine, no user and no path.

    Args:
        settings: What is compared.
        planned: Its cells.
        problems: The problem of each task.
        results: Those that are there so far.
        references: What the objectives of each task are measured from, once it is known.

    Raises:
        OSError: If the folder cannot be written.
    """
    given = {problem.name: task for task, problem in zip(settings.task_list, problems.values(), strict=True)}
    content = {
        "kind": KIND,
        "version": VERSION,
        "software": software_versions(),
        "revision": revision(),
        "host": host(),
        "tasks": {
            name: _task(problem, given[name], (references or {}).get(name, "")) for name, problem in problems.items()
        },
        "solvers": _solvers(planned.cells),
        "left_out": list(planned.left_out),
        "seeds": list(settings.seeds),
        "budget": str(Budget.of(settings.budget)),
        "workers": settings.workers,
        "timeout_s": settings.timeout_s,
        "fresh_evaluators": settings.fresh_evaluators,
        "own_files": {
            name: digest(Path(path))
            for name in ("accuracy_table", "supernet")
            if (path := getattr(settings.sources, name)) is not None
        },
        "runs": {"planned": len(planned.cells), "ended": len(results), "failed": _failed(results.values())},
        "ledger": totals([results[cell] for cell in planned.cells if cell in results]),
        "records": {cell.path.name: digest(cell.path) if cell in results else None for cell in planned.cells},
    }
    return write_whole(settings.out / FILE, json.dumps(content, indent=1) + "\n")


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a run folder; None where it has none, as those of before version 1.

    Raises:
        RecordError: If it is damaged, something else, or of a later version.
    """
    path = folder / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RecordError(f"{path} cannot be read ({error}); delete it: the records say what they are") from error
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise RecordError(f"{path} is no manifest of a comparison; delete it, or give another folder")
    version = content.get("version")
    if version != VERSION:
        raise RecordError(
            f"{folder} is a run folder of version {version!r}; this library reads version {VERSION}: "
            "install the version that wrote it"
        )
    if not isinstance(content.get("records"), dict) or not isinstance(content.get("tasks"), dict):
        raise RecordError(f"{path} says nothing of records or tasks: it was edited or truncated; delete it")
    return content


def digest(path: Path) -> str | None:
    """Return the SHA-256 of a file; None where there is none."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def totals(results: Sequence[Result]) -> dict[str, dict[str, Any]]:
    """Return the sum of each line of the bill over runs, with its unit; null where no run knows it."""
    found: dict[str, dict[str, Any]] = {}
    for result in results:
        for line in result.ledger.lines():
            entry = found.setdefault(line.name, {"total": None, "unit": line.unit})
            if line.value is not None:
                entry["total"] = line.value + (entry["total"] or 0)
    return found


def host() -> dict[str, Any]:
    """Return the machine in general words: system, processor's architecture, cores, memory."""
    try:
        memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, OSError, ValueError):  # Windows
        memory = None
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": memory,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def revision() -> dict[str, Any] | None:
    """Return the git revision of this library, and whether tracked files differ from it; None where it is installed."""
    root = Path(solvers.__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None
    try:
        commit = _git(root, "rev-parse", "HEAD").strip()
        return {"commit": commit, "edited": bool(_git(root, "status", "--porcelain", "--untracked-files=no").strip())}
    except (OSError, subprocess.SubprocessError):  # no git, or not ours to read
        return None


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(
        ("git", "-C", str(root), *arguments), capture_output=True, text=True, check=True, timeout=20
    ).stdout


def _task(problem: Problem, given: str | Problem, reference: str) -> dict[str, Any]:
    return {
        "fingerprint": problem.fingerprint() or "",
        "made_by": given if isinstance(given, str) and not names_a_file(given) else None,
        "files": dict(problem.files),
        "designs": str(problem.space.size),
        "objective": str(problem.objective),
        "reference": reference,
    }


def _solvers(cells: Sequence[Cell]) -> dict[str, dict[str, Any]]:
    return {
        cell.label: {
            "name": cell.contestant.solver.name,
            "settings": json_settings(cell.contestant.solver),
            "settings_digest": cell.contestant.settings_digest,
            "code": cell.contestant.software.get("solver", ""),
            "access": cell.contestant.solver.capabilities.access,
            "deterministic": cell.contestant.solver.capabilities.deterministic,
        }
        for cell in cells
    }


def _failed(results: Any) -> int:
    return sum(not result.status.complete for result in results)
