"""The state of a proof: which cases are closed, by what, and the best designs so far."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dance_env.analysis.optimum.checkpoint import Checkpoint
from dance_env.analysis.optimum.evidence import Evidence
from dance_env.analysis.optimum.fields import Fields
from dance_env.analysis.optimum.incumbents import Incumbents
from dance_env.analysis.optimum.proof import Certificate, Proof
from dance_env.analysis.optimum.solving import BOUNDED, IMPOSSIBLE, SEARCHED, UNFINISHED, Found, Searcher

_SCAN_BEST_FIRST = 8  # cases that are searched first, for a good design
_FIRST_VERTICES = 200_000  # of one search, some seconds; what takes more is searched again, with eight times as many
_MORE_VERTICES = 8
_BATCH = 32  # cases that are searched from the same best value, so that the result does not depend on the workers
_SAVE_EVERY_S = 5.0


@dataclass(frozen=True)
class ProofProgress:
    """How far a proof is.

    Attributes:
        closed: Cases that are settled.
        cases: All cases: accelerators that none beats, times the assignments of the outer choices.
        lower_bound: No design has a lower objective.
        best: The best objective found.
    """

    closed: int
    cases: int
    lower_bound: float
    best: float


class Run:
    """The state of a proof."""

    def __init__(self, fields: Fields, searcher: Searcher, *, seconds: float | None = None) -> None:
        self.fields, self.searcher = fields, searcher
        self.problem, self.cases = fields.problem, fields.cases
        self.start = time.perf_counter()
        self.end = math.inf if seconds is None else self.start + seconds
        self.incumbents = Incumbents(self.problem)
        self.ended = [np.full(len(cases), UNFINISHED) for cases in self.cases]
        self.bounds = [np.full(len(cases), -math.inf) for cases in self.cases]
        self.vertices = [np.zeros(len(cases), dtype=np.int64) for cases in self.cases]
        self.weights = [np.zeros((len(cases), len(cases.limits.most) + 1 + len(cases.latency))) for cases in self.cases]
        self.overflow = False
        self.saved = self.start

    # ----------------------------------------------------------------------------------------------------------- steps
    def steps(self, kept: Checkpoint | None) -> Iterator[ProofProgress]:
        """Work until all cases are closed or the time is over."""
        if not self._resume(kept):
            for number, cases in enumerate(self.cases):
                self._search(number, np.arange(len(cases)), vertex_limit=1)
                yield self.progress()
            for number, case in self._open()[: 0 if time.perf_counter() > self.end else _SCAN_BEST_FIRST]:
                self._search(number, np.array([case]), vertex_limit=_FIRST_VERTICES // 10)
                yield self.progress()
        limit = _FIRST_VERTICES
        while self._open() and time.perf_counter() < self.end:
            for number, chosen in self._batches():
                open_still = chosen[self.ended[number][chosen] == UNFINISHED]
                self._search(number, open_still, vertex_limit=limit)
                self.save(kept)
                yield self.progress()
                if time.perf_counter() > self.end:
                    return
            limit *= _MORE_VERTICES

    def _batches(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the open cases by assignment, the most promising first."""
        waiting = [np.flatnonzero(ended == UNFINISHED) for ended in self.ended]
        least = [self.bounds[number][each].min() if len(each) else math.inf for number, each in enumerate(waiting)]
        for number in np.argsort(least, kind="stable"):
            ordered = waiting[number][np.argsort(self.bounds[number][waiting[number]], kind="stable")]
            for first in range(0, len(ordered), _BATCH):
                yield int(number), ordered[first : first + _BATCH]

    def _search(self, number: int, chosen: np.ndarray, *, vertex_limit: int) -> None:
        """Search cases of one assignment, and note what was found."""
        best, slack = self.incumbents.best, self.incumbents.slack
        found = self.searcher.search(self.cases[number], chosen, best=best, slack=slack, vertex_limit=vertex_limit)
        self.ended[number][chosen] = found.ended
        self.bounds[number][chosen] = np.maximum(self.bounds[number][chosen], found.bound)
        self.vertices[number][chosen] += found.vertices
        self.weights[number][chosen] = found.weights
        self.overflow |= bool(found.count[:, 1].any()) and vertex_limit > 1
        self._evaluate(number, chosen, found)
        self._close()

    def _evaluate(self, number: int, chosen: np.ndarray, found: Found) -> None:
        rows, places = np.nonzero(np.arange(found.value.shape[1]) < found.count[:, :1])
        networks = self.fields.networks(number, found.labels[rows, places])
        self.incumbents.add(networks, self.cases[number].accelerators[chosen[rows]])

    def _close(self) -> None:
        """Close the cases whose bound is above the best value."""
        most = self.incumbents.best + self.incumbents.slack
        for ended, bounds in zip(self.ended, self.bounds, strict=True):
            ended[(ended == UNFINISHED) & (bounds > most)] = BOUNDED

    def _open(self) -> list[tuple[int, int]]:
        """Return the open cases, the most promising first."""
        pairs = [(n, int(case)) for n, ended in enumerate(self.ended) for case in np.flatnonzero(ended == UNFINISHED)]
        return sorted(pairs, key=lambda pair: float(self.bounds[pair[0]][pair[1]]))

    # ---------------------------------------------------------------------------------------------------------- result
    def lower_bound(self) -> float:
        """Return a bound that no design is below."""
        open_bounds = [bounds[ended == UNFINISHED] for ended, bounds in zip(self.ended, self.bounds, strict=True)]
        least = min((float(each.min()) for each in open_bounds if len(each)), default=math.inf)
        best = self.incumbents.best - (self.incumbents.slack if self.overflow else 0.0)
        return min(best, least - self.incumbents.slack)

    @property
    def unfinished(self) -> bool:
        """Whether cases are open."""
        return any(bool((ended == UNFINISHED).any()) for ended in self.ended)

    def progress(self) -> ProofProgress:
        """Return how far the proof is."""
        closed = sum(int((ended != UNFINISHED).sum()) for ended in self.ended)
        return ProofProgress(closed, sum(map(len, self.cases)), self.lower_bound(), self.incumbents.best)

    def proof(self) -> Proof:
        """Return the best design and what is proved of it."""
        problem, space = self.problem, self.problem.space
        objective, design = math.inf, None
        designs = self.incumbents.designs
        if len(designs):
            networks = designs[:1, space.network]
            design = problem.design(networks, problem.best_hardware(networks))
            objective = float(problem.evaluate(design).objective[0])
        ended = np.concatenate(self.ended)
        beaten = np.concatenate([cases.beaten_by for cases in self.cases])
        names = [choice.name for choice in space.choices]
        certificate = Certificate(
            groups=tuple(tuple(names[choice] for choice in group) for group in self.fields.grouping.groups),
            outer=tuple(names[choice] for choice in self.fields.grouping.outer),
            assignments=len(self.cases),
            beaten=int((beaten >= 0).sum()),
            too_large=int((beaten == -2).sum()),
            impossible=int((ended == IMPOSSIBLE).sum()),
            bounded=int((ended == BOUNDED).sum()),
            searched=int((ended == SEARCHED).sum()),
            unfinished=int((ended == UNFINISHED).sum()),
            vertices=int(sum(each.sum() for each in self.vertices)),
            slack=self.incumbents.slack,
            seconds=round(time.perf_counter() - self.start, 3),
        )
        return Proof(
            problem=problem.name,
            fingerprint=problem.fingerprint(),
            objective=objective,
            lower_bound=min(objective, self.lower_bound()),
            design=None if design is None else tuple(design[0].tolist()),
            options={} if design is None else space.decode(design)[0],
            certificate=certificate,
            evidence=tuple(
                Evidence(cases.beaten_by, *each)
                for cases, *each in zip(self.cases, self.ended, self.bounds, self.vertices, self.weights, strict=True)
            ),
        )

    # ------------------------------------------------------------------------------------------------------ checkpoint
    def _resume(self, kept: Checkpoint | None) -> bool:
        """Take up a saved state; return whether there was one."""
        saved = None if kept is None else kept.load()
        if saved is None:
            return False
        self.ended = [np.array(each, dtype=np.int64) for each in saved["ended"]]
        self.bounds = [np.array(each, dtype=np.float64) for each in saved["bounds"]]
        self.vertices = [np.array(each, dtype=np.int64) for each in saved["vertices"]]
        self.weights = [np.array(each, dtype=np.float64) for each in saved["weights"]]
        self.overflow = bool(saved["overflow"])
        designs = np.array(saved["designs"], dtype=np.int64).reshape(-1, self.problem.space.num_choices)
        space = self.problem.space
        self.incumbents.add(
            designs[:, space.network], self.problem.accelerator_space.index(designs[:, space.hardware], trusted=True)
        )
        return True

    def save(self, kept: Checkpoint | None, *, now: bool = False) -> None:
        """Save the state, at most every few seconds."""
        if kept is not None and (now or time.perf_counter() - self.saved > _SAVE_EVERY_S):
            kept.save(
                designs=self.incumbents.designs.tolist(),
                ended=[each.tolist() for each in self.ended],
                bounds=[each.tolist() for each in self.bounds],
                vertices=[each.tolist() for each in self.vertices],
                weights=[each.tolist() for each in self.weights],
                overflow=self.overflow,
            )
            self.saved = time.perf_counter()
