"""The proved optimum against enumeration, on small random problems."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from factored_problems import factored_problem

from dance_env.analysis.exact import optimum, pareto_front
from dance_env.analysis.optimum import (
    Proof,
    cases,
    grouping,
    load_evidence,
    load_front,
    prove,
    prove_front,
    save_evidence,
    save_front,
    verify,
)
from dance_env.analysis.optimum.arrays import Shape
from dance_env.analysis.optimum.checkpoint import Checkpoint
from dance_env.analysis.optimum.dominance import undominated
from dance_env.analysis.optimum.fields import Fields
from dance_env.analysis.optimum.grouping import find_grouping
from dance_env.analysis.optimum.run import Run
from dance_env.analysis.optimum.solving import Searcher
from dance_env.objective import EDAP, Constraint, Linear, WorstCase
from dance_env.problem import Problem

LATENCY = Constraint("latency_s", 3.5e-3)
KINDS = {
    "linear": {},
    "edap": {"cost_function": EDAP(1e-6), "weight": 0.5},
    "large weight": {"cost_function": EDAP(1e-6), "weight": 20.0},
    "no weight": {"weight": 0.0},
    "deadline": {"constraints": (LATENCY,)},
    "edap, deadline": {"cost_function": EDAP(1e-6), "constraints": (LATENCY,)},
    "all limits": {
        "constraints": (
            LATENCY,
            Constraint("energy_j", 3e-3),
            Constraint("area_mm2", 3.0),
            Constraint("error_pct", 21.0),
        )
    },
    "error limit": {"cost_function": EDAP(1e-6), "constraints": (Constraint("error_pct", 15.0),)},
    "energy only": {"cost_function": Linear(energy_j=900.0)},
    "unmappable": {"unmappable": 120},
    "ties": {"decimals": 0},
    "edap, ties": {"decimals": 0, "cost_function": EDAP(1e-6)},
    "outer choices": {
        "cost_scopes": ((0, 1), (0, 2), (0, 3, 4), (0, 5)),
        "accuracy_scopes": ((0, 1, 2), (0, 2, 4), (1, 3), (0, 5)),
        "cost_function": EDAP(1e-6),
    },
    "two workloads": {
        "workloads": 2,
        "cost_function": EDAP(1e-6),
        "constraints": (Constraint("w1.latency_s", 3.4e-3),),
    },
    "worst of two": {"workloads": 2, "cost_function": WorstCase(EDAP(1e-6))},
    "worst of three": {
        "workloads": 3,
        "cost_function": WorstCase(Linear(latency_s=300.0, energy_j=300.0, area_mm2=0.5)),
    },
    "worst of two, limit": {
        "workloads": 2,
        "cost_function": WorstCase(EDAP(1e-6)),
        "constraints": (Constraint("w0.latency_s", 3.4e-3), Constraint("w1.energy_j", 3e-3)),
    },
    "one table": {"accuracy_scopes": ((0, 1, 2, 3, 4, 5),)},
    "choices that nothing reads": {"cost_scopes": ((0, 1),), "accuracy_scopes": ((0, 2),)},
}


@pytest.mark.parametrize("merged_labels", [1, 64])
@pytest.mark.parametrize("kind", KINDS)
def test_finds_what_enumeration_finds(kind: str, merged_labels: int, monkeypatch) -> None:
    monkeypatch.setattr(grouping, "_MERGED_LABELS", merged_labels)  # many small nodes, or few large ones
    for seed in range(6):
        problem = factored_problem(seed, **KINDS[kind])
        _agree(problem, prove(problem, workers=1))


def _agree(problem: Problem, proof: Proof) -> None:
    exact = optimum(problem)
    assert proof.feasible == exact.feasible
    assert proof.gap == 0.0
    if exact.feasible:
        assert proof.objective == pytest.approx(exact.objective, rel=1e-12, abs=0)
        assert proof.lower_bound == proof.objective
        design = np.array([proof.design])
        assert problem.evaluate(design).objective[0] == proof.objective
        assert bool(problem.evaluate(design).feasible[0])
    else:
        assert math.isinf(proof.objective)
        assert math.isinf(proof.lower_bound)


def test_limit_that_nothing_meets() -> None:
    problem = factored_problem(0, constraints=(Constraint("latency_s", 1e-6),))
    proof = prove(problem)
    assert not proof.feasible
    assert proof.lower_bound == math.inf
    assert proof.certificate.impossible == proof.certificate.assignments * 24 - proof.certificate.beaten


def test_area_that_no_accelerator_has() -> None:
    proof = prove(factored_problem(0, constraints=(Constraint("area_mm2", 0.1),)))
    assert proof.lower_bound == math.inf
    assert proof.certificate.too_large == 24


def test_chunks_of_accelerators_change_nothing(monkeypatch) -> None:
    problem = factored_problem(2, cost_function=EDAP(1e-6))
    whole = prove(problem)
    monkeypatch.setattr(cases, "_CHUNK", 5)
    parts = prove(problem)
    assert (parts.objective, parts.design, parts.certificate.beaten) == (
        whole.objective,
        whole.design,
        whole.certificate.beaten,
    )
    assert (parts.evidence[0].beaten_by[parts.evidence[0].beaten_by >= 0] >= 0).all()
    verify(problem, parts, parts.evidence)


def test_limit_that_one_design_meets_exactly() -> None:
    free = factored_problem(3)
    networks = np.stack(np.unravel_index(np.arange(216), (3, 2, 3, 2, 2, 3)), axis=1)
    fastest = float(free.costs.on_all_hardware(networks).latency_s.min())
    problem = free.limited({"latency_s": fastest})
    _agree(problem, prove(problem))
    tighter = free.limited({"latency_s": float(np.nextafter(fastest, 0.0))})
    _agree(tighter, prove(tighter))


def test_workers_and_interruptions_change_nothing(tmp_path) -> None:
    problem = factored_problem(1, cost_function=EDAP(1e-6))
    alone = prove(problem, workers=1)
    together = prove(problem, workers=2)
    same_time = replace(together.certificate, seconds=alone.certificate.seconds)
    assert replace(together, certificate=same_time) == alone

    class Stop(Exception):
        pass

    def stop(state) -> None:
        if state.closed:
            raise Stop

    with pytest.raises(Stop):
        prove(problem, checkpoint=tmp_path / "state.json", progress=stop)
    assert (tmp_path / "state.json").exists()
    resumed = prove(problem, checkpoint=tmp_path / "state.json")
    assert (resumed.objective, resumed.lower_bound, resumed.design) == (
        alone.objective,
        alone.lower_bound,
        alone.design,
    )
    assert not (tmp_path / "state.json").exists()


def test_a_resumed_proof_remembers_that_labelings_were_dropped(tmp_path) -> None:
    """More labelings within the slack than there is room for: the bound is below the best by the slack, resumed or not."""
    problem = factored_problem(1)
    run = Run(Fields.of(problem), Searcher.of(1))
    states = run.steps(None)
    next(states)
    run.overflow = True
    kept = Checkpoint.of(problem, tmp_path / "state.json")
    run.save(kept, now=True)
    list(states)
    resumed = Run(Fields.of(problem), Searcher.of(1))
    list(resumed.steps(kept))
    assert run.proof().gap > 0.0
    assert resumed.proof().lower_bound == run.proof().lower_bound


def test_damaged_checkpoint_is_not_used(tmp_path) -> None:
    problem = factored_problem(1)
    for content in ("{", "[]", '{"key": "of another problem"}'):
        (tmp_path / "state.json").write_text(content)
        assert prove(problem, checkpoint=tmp_path / "state.json").gap == 0.0


def test_no_time_gives_a_bound(monkeypatch) -> None:
    monkeypatch.setattr(grouping, "_MERGED_LABELS", 1)
    pairs = tuple((i, j) for j in range(7) for i in range(j))
    problem = factored_problem(
        1, option_counts=(3,) * 7, cost_scopes=tuple((i,) for i in range(7)), accuracy_scopes=pairs[::2], weight=0.3
    )
    proof = prove(problem, seconds=0.0)
    best = prove(problem)
    assert best.gap == 0.0
    assert proof.certificate.unfinished > 0
    assert proof.lower_bound < best.objective <= proof.objective
    assert proof.gap > 0


def test_record_can_be_read() -> None:
    for problem in (factored_problem(0), factored_problem(0, constraints=(Constraint("latency_s", 1e-6),))):
        proof = prove(problem)
        assert Proof.from_json(proof.to_json()) == proof
    with pytest.raises(ValueError, match="no record of a proved optimum"):
        Proof.from_json('{"format": "something"}')


@pytest.mark.parametrize("kind", KINDS)
def test_second_check_agrees(kind: str, tmp_path) -> None:
    problem = factored_problem(1, **KINDS[kind])
    if kind == "unmappable":
        pytest.skip("no base network can be mapped everywhere")
    proof = prove(problem)
    if not proof.feasible:
        pytest.skip("there is no bound to check")
    save_evidence(tmp_path / "evidence.npz", proof.evidence)
    found = verify(problem, Proof.from_json(proof.to_json()), load_evidence(tmp_path / "evidence.npz"))
    assert found.beaten == proof.certificate.beaten
    assert found.cases + found.beaten + proof.certificate.too_large == 24 * proof.certificate.assignments


def test_second_check_finds_what_is_wrong(tmp_path) -> None:
    problem = factored_problem(1, cost_function=EDAP(1e-6))
    proof = prove(problem)
    (evidence,) = proof.evidence
    with pytest.raises(ValueError, match="fingerprints differ"):
        verify(factored_problem(2), proof, (evidence,))
    with pytest.raises(ValueError, match="the record says"):
        verify(problem, replace(proof, objective=proof.objective - 0.1), (evidence,))
    with pytest.raises(ValueError, match="below the record's lower bound"):
        verify(problem, replace(proof, lower_bound=proof.lower_bound * (1 + 1e-8)), (evidence,))
    by = evidence.beaten_by.copy()
    best = problem.accelerator_space.index(np.array([proof.design])[:, problem.space.hardware])[0]
    other = next(h for h in np.flatnonzero(by == -1) if h != best)
    by[best] = other
    with pytest.raises(ValueError, match=f"accelerator {best} is said to be beaten by {other}"):
        verify(problem, proof, (replace(evidence, beaten_by=by),))
    by[best] = -2
    with pytest.raises(ValueError, match="as too large whose area is within the limit"):
        verify(problem, proof, (replace(evidence, beaten_by=by),))
    by[best] = len(by)
    with pytest.raises(ValueError, match="accelerators that do not exist"):
        verify(problem, proof, (replace(evidence, beaten_by=by),))
    (tmp_path / "evidence.npz").write_bytes(b"PK nothing")
    with pytest.raises(ValueError, match="no evidence of a proof"):
        load_evidence(tmp_path / "evidence.npz")


def test_problems_that_do_not_fit_say_why() -> None:
    problem = factored_problem(0)

    class Unknown:
        def evaluate(self, networks):
            return np.full(len(networks), 0.5)

        def fingerprint(self):
            return "unknown"

    with pytest.raises(ValueError, match="Unknown is no sum of factors over few choices"):
        prove(replace(problem, accuracy=Unknown()))
    own = replace(problem.objective, cost_function=lambda cost: cost.latency_s)
    with pytest.raises(ValueError, match="cost functions EDAP, Linear and WorstCase of one of them, got function"):
        prove(replace(problem, objective=own))
    with pytest.raises(ValueError, match="no fingerprint"):
        prove(replace(problem, objective=replace(own, weight=0.0)), checkpoint="state.json")


def test_beaten_accelerators_are_never_better() -> None:
    rng = np.random.default_rng(0)
    shape = Shape.of([2, 3])
    size = rng.uniform(0.5, 2.0, (60, 1))
    zero, values, area = size * rng.uniform(1, 2, (60, 2)), size[:, None] * rng.uniform(1, 2, (60, 2, 5)), size[:, 0]
    zero[50:], values[50:], area[50:] = zero[:10], values[:10], area[:10]  # of equal ones the first is kept
    kept, by = undominated(zero, values, area, shape)
    totals = np.stack([zero + values[:, :, a] + values[:, :, 2 + b] for a in range(2) for b in range(3)], axis=2)
    beats = (totals[:, None] <= totals[None]).all(axis=(2, 3)) & (area[:, None] <= area[None])
    equal = beats & beats.T
    first = [h for h in range(60) if not any(beats[k, h] and (not equal[k, h] or k < h) for k in range(60) if k != h)]
    assert kept.tolist() == first
    assert 5 < len(first) < 40
    for h in np.flatnonzero(by >= 0):
        assert beats[by[h], h]
        assert by[h] in kept


def test_grouping_joins_what_costs_join_and_enumerates_what_all_read() -> None:
    found = find_grouping((3,) * 6, [(0, 1), (2,), (3,), (4, 5)], [(0, 4), (2, 3)])
    assert found.outer == ()
    assert {(0, 1), (4, 5)} <= {group[:2] for group in found.groups} | set(found.groups)
    wide = find_grouping((3,) * 13, [(0, layer) for layer in range(1, 13)], [(0, layer) for layer in range(1, 13)])
    assert wide.outer == (0,)
    assert sorted(choice for group in wide.groups for choice in group) == list(range(1, 13))
    with pytest.raises(ValueError, match="do not fall apart into small groups"):
        find_grouping((10,) * 12, [tuple(range(12))], [])


@pytest.mark.parametrize(
    "kind", ["linear", "edap", "deadline", "all limits", "unmappable", "outer choices", "one table"]
)
def test_front_lacks_no_more_than_it_says(kind: str, tmp_path) -> None:
    for seed in range(3):
        problem = factored_problem(seed, **KINDS[kind])
        front = prove_front(problem)
        exact = pareto_front(problem)
        evaluation = problem.evaluate(front.designs)
        assert (evaluation.error_pct == front.error).all()
        assert (problem.objective.cost_function(evaluation.cost) == front.cost).all()
        assert bool(evaluation.feasible.all())
        inside = (exact.cost <= front.cost[-1]) & (exact.error_pct <= front.error[0])
        widths = np.diff([*exact.cost[inside], front.cost[-1]])
        best = float(np.sum(widths * (front.error[0] - exact.error_pct[inside])))
        assert front.hypervolume <= best * (1 + 1e-12)
        assert best <= (front.hypervolume + front.missing) * (1 + 1e-12)
        assert front.gap <= 1e-3
        save_front(tmp_path / "front.npz", front)
        read = load_front(tmp_path / "front.npz")
        assert (read.designs == front.designs).all()
        assert (read.hypervolume, read.gap, read.fingerprint) == (front.hypervolume, front.gap, problem.fingerprint())


def test_front_of_a_limit_that_nothing_meets() -> None:
    with pytest.raises(ValueError, match="no design meets the limits"):
        prove_front(factored_problem(0, constraints=(Constraint("latency_s", 1e-6),)))
