"""Runs claims one after the other; what is on record for the same settings, problems and code is not run again."""

from __future__ import annotations

import hashlib
import importlib
import json
import pkgutil
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from dance_env.atomic import write_whole
from dance_env.source_digest import source_digest
from dance_env.tasks import UNTRAINED, make_problem
from experiments.claims.catalog import Measure, check_names, claim_names, load_claim, settings_of
from experiments.claims.claim import Claim
from experiments.claims.problems import problem_of
from experiments.claims.scale import Scale
from experiments.claims.work import Work
from solvers.contract.result import software_versions

_SHOWN_ONLY = tuple(f"experiments.claims.{name}" for name in ("page", "pictures", "scale", "catalog"))
"""Modules that only show results; and the scales, whose values are part of whatever is kept."""


@dataclass(frozen=True)
class Outcome:
    """A claim that was tested, or failed to be.

    Attributes:
        name: of the claim.
        claim: what came out; None where testing it failed.
        failure: why.
        seconds: that it took, when it was measured.
        read: whether it was on record.
    """

    name: str
    claim: Claim | None
    failure: str = ""
    seconds: float = 0.0
    read: bool = False


def run_claims(
    scale: Scale,
    work: Work,
    *,
    names: Sequence[str] = (),
    after: Callable[[list[Outcome]], object] | None = None,
    load: Callable[[str], Measure] = load_claim,
    fingerprints: Callable[[str, Scale, Work], list[str]] | None = None,
) -> list[Outcome]:
    """Test claims and keep each on disk as soon as it is done.

    Args:
        scale: how much is spent.
        work: the folder, and who is told of progress.
        names: the claims; all of them if none are named.
        after: told everything so far after each claim, so that a report can be written.
        load: finds a claim's function.
        fingerprints: of the problems that a claim is tested on; `problem_fingerprints` if None.

    Returns:
        One entry per claim, in order. Where a test raised an error there is no result; the others are still tested.

    Raises:
        ValueError: an unknown name.
        OSError: the folder cannot be written.
        KeyboardInterrupt: interrupted; finished claims are on record, and the same call goes on from there.
    """
    wanted = list(names) or claim_names()
    check_names(wanted)
    place = work.folder / "claims"
    place.mkdir(parents=True, exist_ok=True)
    find = fingerprints or problem_fingerprints
    tested: list[Outcome] = []
    for number, name in enumerate(wanted):
        work.tell(name, number, len(wanted))
        tested.append(_test(name, scale, work, place / f"{name}.json", load=load, fingerprints=find))
        if after is not None:
            after(tested)
    return tested


def _test(
    name: str,
    scale: Scale,
    work: Work,
    path: Path,
    *,
    load: Callable[[str], Measure],
    fingerprints: Callable[[str, Scale, Work], list[str]],
) -> Outcome:
    start = time.perf_counter()
    try:
        key = claim_key(name, scale, fingerprints(name, scale, work))
        found = _read(path, key)
        if found is not None:
            return found
        claim = load(name)(scale, work)
    except Exception as error:  # one claim that cannot be tested must not keep the others from being tested
        return Outcome(name, None, f"{type(error).__name__}: {error}", time.perf_counter() - start)
    tested = Outcome(name, claim, seconds=time.perf_counter() - start)
    write_json(path, {"key": key, "seconds": tested.seconds, "claim": claim.to_json()})
    return tested


def claim_key(name: str, scale: Scale, fingerprints: Sequence[str]) -> str:
    """SHA-256 over all that a claim's outcome depends on: settings, problems, code, and the packages that compute."""
    content = {
        "claim": name,
        "settings": settings_of(name, scale),
        "device": scale.device,
        "larger": scale.larger,
        "problems": list(fingerprints),
        "source": code_digest(),
        "software": software_versions(),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=_value).encode()).hexdigest()


@cache
def code_digest() -> str:
    """Return a digest of the code that measures: the claims with all that they import, and every solver.

    Solvers are found by name, so that no import tells which of them a claim uses: all count.
    """
    packages = (importlib.import_module(name) for name in ("solvers.methods", "experiments.claims"))
    modules = sorted(
        each.name for package in packages for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    )
    return source_digest(*(name for name in modules if name not in _SHOWN_ONLY))


def problem_fingerprints(name: str, scale: Scale, work: Work) -> list[str]:
    """Fingerprints of the problems that a claim is tested on."""
    found: list[str] = []
    for part, settings in settings_of(name, scale).items():
        records = (getattr(settings, each, None) for each in ("record", "comparison"))
        found += [hashlib.sha256(record.read_bytes()).hexdigest() for record in records if record is not None]
        if part == "images" and settings is not None:
            found += map(partial(_image_fingerprint, location=settings.location), settings.tasks)
        elif part != "images":
            problems = [problem_of(task, scale, work) for task in getattr(settings, "tasks", ())]
            # Without a fingerprint it may be another problem each time, so that nothing on record is of it.
            found += [problem.fingerprint() or f"unknown {uuid.uuid4()}" for problem in problems]
    return found


def _image_fingerprint(task: str, *, location: str | None) -> str:
    try:
        return make_problem(task, supernet=UNTRAINED, images=location).fingerprint() or f"unknown {uuid.uuid4()}"
    except ImportError as error:  # the claim itself will say so
        return f"missing: {error}"


def _read(path: Path, key: str) -> Outcome | None:
    """The claim on record, if it is the very same; a file that cannot be read counts as none."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["key"] != key:
            return None
        claim = Claim.from_json(stored["claim"])
        return Outcome(claim.name, claim, seconds=float(stored["seconds"]), read=True)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file whole or not at all."""
    write_whole(path, json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def _value(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
