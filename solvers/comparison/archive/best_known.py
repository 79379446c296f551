"""The best design known of each problem, with where it comes from: a file in each run folder.

It stands in the run folder, and not in a folder of the user's, so that a report depends on what is in its folder alone,
and can be made again elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from dance_env.atomic import write_whole
from dance_env.problem import Problem
from solvers.comparison.reference import Reference
from solvers.contract.record.file import RecordError
from solvers.contract.result import Result

FILE = "best_known.json"
VERSION = 1
_AGREE = 1e-9


@dataclass(frozen=True)
class KnownDesign:
    """A feasible design, and where it comes from.

    Attributes:
        objective: Its objective.
        design: Its option indices.
        named: The design by name.
        task: The task's name.
        solver: The solver's label, or its name.
        settings: The solver's settings.
        seed: The run's seed.
        budget: The run's budget.
        software: Versions of what ran.
    """

    objective: float
    design: tuple[int, ...]
    named: Mapping[str, Any]
    task: str
    solver: str
    settings: Mapping[str, Any]
    seed: int
    budget: str
    software: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, result: Result) -> KnownDesign | None:
        """Return the best design of a run; None where it has no feasible one."""
        if not np.isfinite(result.best_objective) or result.best_design is None:
            return None
        return cls(
            objective=result.best_objective,
            design=tuple(int(option) for option in result.best_design),
            named=result.best_named,
            task=result.task,
            solver=result.label or result.solver,
            settings=result.settings,
            seed=result.seed,
            budget=str(result.budget),
            software=result.software,
        )

    @property
    def source(self) -> str:
        """Where it comes from, in a few words."""
        return f"{self.solver}, seed {self.seed}, budget {self.budget}"

    def holds(self, problem: Problem) -> bool:
        """Whether a problem evaluates the design so, as feasible."""
        try:
            found = problem.evaluate(np.array([self.design], np.int64))
        except (ValueError, TypeError, IndexError):
            return False
        same = np.isclose(found.objective[0], self.objective, rtol=_AGREE, atol=0.0)
        return bool(found.feasible[0] and same)


@dataclass(frozen=True)
class BestKnown:
    """The best design known of each problem.

    Attributes:
        designs: By the problem's fingerprint.
    """

    designs: Mapping[str, KnownDesign] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> BestKnown:
        """Read the file of a run folder; empty where there is none.

        Raises:
            RecordError: If it is damaged or of another version.
        """
        path = folder / FILE
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["version"] != VERSION:
                raise RecordError(f"{path} has version {content['version']!r}; this library reads {VERSION}: delete it")
            return cls({mark: _design(value) for mark, value in content["designs"].items()})
        except FileNotFoundError:
            return cls()
        except RecordError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RecordError(
                f"{path} holds no best known designs ({type(error).__name__}: {error}); delete it"
            ) from error

    def write(self, folder: Path) -> None:
        """Write the file of a run folder, whole or not at all."""
        content = {"version": VERSION, "designs": {mark: asdict(each) for mark, each in self.designs.items()}}
        write_whole(folder / FILE, json.dumps(content, indent=1, sort_keys=True) + "\n")

    def with_results(self, results: Iterable[Result]) -> BestKnown:
        """Return the same with what runs found; among equals the earlier one stays. Problems need a fingerprint."""
        designs = dict(self.designs)
        for result in results:
            found, mark = KnownDesign.of(result), result.problem_fingerprint
            if found is not None and mark and (mark not in designs or found.objective < designs[mark].objective):
                designs[mark] = found
        return BestKnown(designs)


def best_known_of(problem: Problem, results: Sequence[Result], stores: Sequence[BestKnown]) -> Reference:
    """Return the best known objective of a problem whose optimum is not known: of runs, or of a stored design.

    A stored design counts only where the problem still evaluates it so.

    Args:
        problem: The problem.
        results: The runs on it.
        stores: Where better designs may be known.
    """
    mark, found = problem.fingerprint(), Reference.best_known(results)
    known = [store.designs[mark] for store in stores if mark in store.designs] if mark else []
    for each in sorted(known, key=lambda each: each.objective):
        if each.objective < found.objective and each.holds(problem):
            return Reference(each.objective, exact=False, source=each.source)
    return found


def _design(value: Mapping[str, Any]) -> KnownDesign:
    known = {each.name for each in fields(KnownDesign)}
    chosen = {name: each for name, each in value.items() if name in known}
    design = KnownDesign(**{**chosen, "design": tuple(int(option) for option in chosen["design"])})
    if not np.isfinite(float(design.objective)):
        raise ValueError(f"an objective is {design.objective}")
    return design
