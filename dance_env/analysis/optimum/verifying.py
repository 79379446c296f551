"""Check a proof's record a second time, by other means: evaluations alone, numpy alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dance_env.analysis.optimum.differences import Differences
from dance_env.analysis.optimum.evidence import Evidence
from dance_env.analysis.optimum.form import Form, form_of
from dance_env.analysis.optimum.grouping import Grouping
from dance_env.analysis.optimum.proof import Proof
from dance_env.analysis.optimum.simple_search import least_value
from dance_env.problem import Problem

_TOLERANCE = 1e-9  # relative: what a proof may be wrong by
_ROUNDING = 1e-11  # relative, of sums of a few dozen numbers
_RANDOM_NETWORKS = 50


@dataclass(frozen=True)
class Verification:
    """What was checked, and held.

    Attributes:
        beaten: Cases, accelerators under one assignment of the outer choices, of which another accelerator was checked to
            take no more, on every network.
        cases: Cases that were searched again: none has a design below the lower bound.
        priced: Designs that were evaluated in these searches.
    """

    beaten: int
    cases: int
    priced: int


def verify(
    problem: Problem,
    proof: Proof,
    evidence: tuple[Evidence, ...],
    *,
    sample: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Verification:
    """Check a proof against the problem.

    Checked are: the problem's fingerprint; the design's objective, and that its accelerator is `best_hardware`'s; that
    costs and errors are sums over the groups (on random networks); of every accelerator left out, that the one named beats
    it; of every other one, by a second search, that it has no design below the lower bound.

    Args:
        problem: The problem.
        proof: Its proof, as read from a record.
        evidence: The proof's evidence.
        sample: How many accelerators of either kind to check, the same ones each time; None for all.
        progress: Called with (cases checked, cases).

    Raises:
        ValueError: If something does not hold. The message says what.
    """
    if proof.fingerprint is None or proof.fingerprint != problem.fingerprint():
        raise ValueError(
            f"the record of {proof.problem!r} is of another problem than {problem.name!r} as it is now: the fingerprints "
            "differ. Prove it anew: dance optimum"
        )
    if not math.isfinite(proof.lower_bound):
        raise ValueError(f"the record of {proof.problem!r} has no finite lower bound: there is nothing to check")
    _check_design(problem, proof)
    form = form_of(problem)
    grouping = _grouping(problem, proof)
    assignments = list(grouping.assignments())
    if len(evidence) != len(assignments):
        raise ValueError(
            f"expected evidence for {len(assignments)} assignments of the outer choices, got {len(evidence)}"
        )
    rng = np.random.default_rng(0)
    base = np.zeros(len(grouping.option_counts), dtype=np.int64)
    if proof.design is not None:
        base = np.array(proof.design)[problem.space.network]
    waiting = [(n, int(h)) for n, each in enumerate(evidence) for h in np.flatnonzero(each.beaten_by == -1)]
    if sample is not None and sample < len(waiting):
        waiting = [waiting[i] for i in np.sort(rng.choice(len(waiting), sample, replace=False))]
    beaten = priced = done = 0
    for number, assignment in enumerate(assignments):
        by = evidence[number].beaten_by.astype(np.int64)
        cases = np.array([h for n, h in waiting if n == number], dtype=np.int64)
        out = np.flatnonzero(by >= 0)
        if sample is not None:
            out = np.sort(rng.choice(out, min(50 * sample, len(out)), replace=False))
        _check_names(problem, form, by)
        tables = Differences.around(
            problem,
            grouping,
            assignment,
            base=base,
            names=tuple(form.resources),
            accelerators=np.unique(np.concatenate([cases, out, by[out]])),
        )
        check_sums(problem, grouping, tables, np.array(assignment, dtype=np.int64), rng)
        _check_beaten(problem, tables, by, out)
        beaten += len(out)
        weights = dict(zip(np.flatnonzero(by == -1).tolist(), evidence[number].weights, strict=True))
        for h in cases.tolist():
            again = Again(problem, form, grouping, assignment, tables, h, weights[h].astype(np.float64))
            priced += again.check(proof)
            done += 1
            if progress is not None:
                progress(done, len(waiting))
    return Verification(beaten, len(waiting), priced)


def _check_design(problem: Problem, proof: Proof) -> None:
    if proof.design is None:
        return
    design = np.array([proof.design])
    evaluation = problem.evaluate(design)
    if float(evaluation.objective[0]) != proof.objective or not bool(evaluation.feasible[0]):
        raise ValueError(
            f"the design of {proof.problem!r} has the objective {float(evaluation.objective[0])!r} (feasible: "
            f"{bool(evaluation.feasible[0])}), the record says {proof.objective!r}"
        )
    networks = design[:, problem.space.network]
    best = problem.design(networks, problem.best_hardware(networks))
    if (best != design).any():
        raise ValueError(
            f"the network of {proof.problem!r} is better on the accelerator {problem.space.decode(best)[0]}"
        )


def _grouping(problem: Problem, proof: Proof) -> Grouping:
    """Return the grouping that a record names."""
    choices = problem.space.choices[problem.space.network]
    index = {choice.name: number for number, choice in enumerate(choices)}
    named = (*(name for group in proof.certificate.groups for name in group), *proof.certificate.outer)
    if sorted(named) != sorted(index):
        raise ValueError(f"the record of {proof.problem!r} names other choices than the problem has: {sorted(named)}")
    return Grouping(
        tuple(len(choice) for choice in choices),
        tuple(index[name] for name in proof.certificate.outer),
        tuple(tuple(index[name] for name in group) for group in proof.certificate.groups),
    )


def check_sums(
    problem: Problem, grouping: Grouping, tables: Differences, assignment: np.ndarray, rng: np.random.Generator
) -> None:
    """Check on random networks that errors and resources are sums over groups and pairs of groups."""
    counts = grouping.label_counts
    labels = np.stack([rng.integers(count, size=_RANDOM_NETWORKS) for count in counts], axis=1)
    networks = np.stack([grouping.network(tuple(assignment), row) for row in labels])
    if not len(tables.accelerators):
        return
    column = rng.integers(len(tables.accelerators), size=len(networks))
    cost, error = (
        problem.costs.lookup(networks, tables.accelerators[column]),
        100.0 * (1.0 - problem.accuracies(networks)),
    )
    sums = np.full(len(networks), tables.error)
    for g, of in enumerate(tables.error_of):
        sums += of[labels[:, g]]
    for (i, j), of in tables.error_of_pair.items():
        sums += of[labels[:, i], labels[:, j]]
    pairs = [("error", sums, error)]
    for name, of_base in tables.resources.items():
        total = of_base[column] + sum(of[labels[:, g], column] for g, of in enumerate(tables.resources_of[name]))
        pairs.append((name, total, cost.metric(name)))
    for name, found, expected in pairs:
        known = np.isfinite(expected)
        off = np.abs(found[known] - expected[known]) > _TOLERANCE * 0.01 * np.abs(expected[known])
        if off.any():
            raise ValueError(
                f"{name} is no sum over the groups that the record names: {int(off.sum())} networks differ"
            )


def _check_names(problem: Problem, form: Form, by: np.ndarray) -> None:
    """Check that the evidence fits the accelerators, and that what it calls too large is too large."""
    area = problem.costs.area_mm2
    if by.shape != area.shape or (by < -2).any() or (by >= len(by)).any() or (by[by[by >= 0]] != -1).any():
        raise ValueError("the evidence names accelerators that do not exist, or that are left out themselves")
    if (area[by == -2] <= form.area_limit).any():
        raise ValueError("the evidence leaves out an accelerator as too large whose area is within the limit")


def _check_beaten(problem: Problem, tables: Differences, by: np.ndarray, out: np.ndarray) -> None:
    """Check that each of some accelerators that are left out is beaten by the one named."""
    wrong = problem.costs.area_mm2[by[out]] > problem.costs.area_mm2[out]
    better, worse = tables.columns(by[out]), tables.columns(out)
    for name, of_base in tables.resources.items():
        excess = of_base[better] - of_base[worse]
        for of in tables.resources_of[name]:
            with np.errstate(invalid="ignore"):  # inf - inf: neither can be mapped
                difference = of[:, better] - of[:, worse]
            excess = excess + np.where(np.isnan(difference), -np.inf, difference).max(axis=0)
        wrong |= excess > _ROUNDING * of_base[worse]
    if wrong.any():
        h = out[wrong][0]
        raise ValueError(f"accelerator {h} is said to be beaten by {by[h]}, and is not, on some network")


class Again:
    """The second search of one case: an accelerator under one assignment of the outer choices."""

    def __init__(
        self,
        problem: Problem,
        form: Form,
        grouping: Grouping,
        assignment: tuple[int, ...],
        tables: Differences,
        accelerator: int,
        weights: np.ndarray,
    ) -> None:
        self.problem, self.form, self.grouping, self.assignment = problem, form, grouping, assignment
        self.tables, self.accelerator = tables, accelerator
        limits, terms = len(form.limits), len(form.terms)
        if weights.shape != (limits + 1 + terms,) or (weights < 0).any():
            raise ValueError(f"expected {limits + 1 + terms} weights >= 0 for each case, got {weights}")
        self.multipliers = dict(zip(form.limits, weights[:limits], strict=True))
        self.error_multiplier = float(weights[limits]) if form.error_limit < math.inf else 0.0
        self.shares = weights[limits + 1 :] / weights[limits + 1 :].sum()

    def check(self, proof: Proof) -> int:
        """Raise ValueError where a design of the case is below the lower bound; return how many were evaluated."""
        bound = proof.lower_bound
        below = bound - _TOLERANCE * abs(bound)
        constant, unary, pairs = self.field()
        best, priced = least_value(constant, unary, pairs, below=below, value=self.value)
        if best < below:
            raise ValueError(
                f"accelerator {self.accelerator} has a design with the objective {best!r}, below the record's lower bound "
                f"{bound!r}"
            )
        return priced

    def field(self) -> tuple[float, list[np.ndarray], dict[tuple[int, int], np.ndarray]]:
        """Return the field `weight x error + shares x terms + multipliers x excesses`."""
        form, tables = self.form, self.tables
        h = int(tables.columns(np.array([self.accelerator]))[0])
        by_error = form.error_weight + self.error_multiplier
        constant = by_error * tables.error
        if self.error_multiplier:
            constant -= self.error_multiplier * form.error_limit
        unary = [by_error * each for each in tables.error_of]
        pairs = {key: by_error * each for key, each in tables.error_of_pair.items()}
        for name, multiplier in self.multipliers.items():
            constant += multiplier * (tables.resources[name][h] - form.limits[name])
            for group, of in enumerate(tables.resources_of[name]):
                unary[group] = unary[group] + multiplier * _finite(of[:, h])
        for term, share in zip(form.terms, self.shares, strict=True):
            product, by_latency, by_energy, fixed = (
                share * term.factors(self.problem.costs.area_mm2[[self.accelerator]])[0]
            )
            latency, energy = tables.resources[term.latency][h], tables.resources[term.energy][h]
            constant += product * latency * energy + by_latency * latency + by_energy * energy + fixed
            more = [
                (_finite(of_latency[:, h]), _finite(of_energy[:, h]))
                for of_latency, of_energy in zip(
                    tables.resources_of[term.latency], tables.resources_of[term.energy], strict=True
                )
            ]
            for group, (a, b) in enumerate(more):
                unary[group] = (
                    unary[group] + product * (a * b + latency * b + energy * a) + by_latency * a + by_energy * b
                )
            pairs = {
                (i, j): table + product * (np.outer(more[i][0], more[j][1]) + np.outer(more[i][1], more[j][0]))
                for (i, j), table in pairs.items()
            }
        for by_group in tables.resources_of.values():
            unary = [np.where(np.isfinite(of[:, h]), terms, np.inf) for of, terms in zip(by_group, unary, strict=True)]
        return constant, unary, pairs

    def designs(self, labels: np.ndarray) -> np.ndarray:
        """Return the designs `(B, D)` of labelings `(B, G)`."""
        networks = np.stack([self.grouping.network(self.assignment, row) for row in labels])
        return self.problem.design(networks, np.full(len(networks), self.accelerator))

    def value(self, labels: np.ndarray) -> np.ndarray:
        """Return the objective of labelings, infinite where a limit is exceeded."""
        evaluation = self.problem.evaluate(self.designs(labels))
        return np.where(evaluation.feasible, evaluation.objective, np.inf)


def _finite(values: np.ndarray) -> np.ndarray:
    """Return zeros in the place of infinite values, whose labels are left out elsewhere."""
    return np.where(np.isfinite(values), values, 0.0)
