"""The records of proved optima and fronts that ship, against the problems as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from dance_env.analysis.optimum import (
    Proof,
    ProvedFront,
    load_evidence,
    shipped_front,
    shipped_optimum,
    shipped_records,
    verify,
    verify_front,
)
from dance_env.problem import Problem
from dance_env.tasks import make_problem

RECORDS = shipped_records()

SLOW = {f"gpt-s/{limited}-limited" for limited in ("energy", "first-token", "token")} | {"gpt-s/interactive"}
"""Under limits on workloads the second search takes minutes for one accelerator: `dance optimum TASK --verify` does it."""


@pytest.mark.parametrize("path", RECORDS, ids=[f"{path.parent.name}-{path.stem}" for path in RECORDS])
def test_record_holds(path: Path) -> None:
    """The design is evaluated, and some accelerators are searched again by other means."""
    name = f"{path.parent.name}/{path.stem}"
    problem = make_problem(name)
    proof = shipped_optimum(problem)
    assert proof is not None, "the problem is another than when it was proved: dance optimum TASK --save FILE"
    assert proof == Proof.from_json(path.read_text())
    assert proof.gap <= 1e-9
    sample = 0 if name in SLOW else 3
    found = verify(problem, proof, load_evidence(path.with_suffix(".npz")), sample=sample)
    assert found.cases == sample


def test_every_problem_without_a_record_has_none() -> None:
    assert shipped_optimum(make_problem("tiny")) is None


FRONTS = [path for path in RECORDS if path.with_suffix(".front.npz").exists()]


@pytest.mark.parametrize("path", FRONTS, ids=[f"{path.parent.name}-{path.stem}" for path in FRONTS])
def test_front_holds(path: Path) -> None:
    """Every design is evaluated and compared with its network on all accelerators; a sample is searched again below lines."""
    problem = make_problem(f"{path.parent.name}/{path.stem}")
    front = shipped_front(problem)
    assert front is not None, "the problem is another than when it was proved: dance optimum TASK --front --save FILE"
    assert front.gap <= 1e-3
    found = verify_front(problem, front, sample=4)
    assert (found.designs, found.searches) == (len(front), 4)
    proof = shipped_optimum(problem)
    assert proof is not None
    best = problem.evaluate(front.designs).objective.min()
    assert proof.objective == pytest.approx(best, rel=1e-12)  # by another search


def test_exact_front_of_gpt_s_by_assignment() -> None:
    """The most accurate network for each number of layers of each option is an assignment problem, solved by SciPy.

    None of them, on the accelerators of the front, is below it; nor is a sample of them on any of all accelerators.
    """
    problem = make_problem("gpt-s/edap")
    front = shipped_front(problem)
    assert front is not None
    networks = np.concatenate(
        [
            _assigned(problem, embedding, depth, bias)
            for embedding in range(3)
            for depth in range(3)
            for bias in range(2)
        ]
    )
    assert len(networks) == 2 * front.sets  # biases cost nothing
    used = np.unique(problem.accelerator_space.index(front.designs[:, problem.space.hardware], trusted=True))
    for accelerator in used.tolist():
        _check_above(problem, front, problem.design(networks, np.full(len(networks), accelerator)))
    sample = networks[np.random.default_rng(0).choice(len(networks), 400, replace=False)]
    _check_above(problem, front, problem.design(sample, problem.best_hardware(sample)))


def _check_above(problem: Problem, front: ProvedFront, designs: np.ndarray) -> None:
    evaluation = problem.evaluate(designs)
    cost = problem.objective.cost_function(evaluation.cost)
    cheapest = np.searchsorted(-front.error, -(evaluation.error_pct * (1 + 1e-12)))  # the first that errs no more
    least = np.append(front.cost, np.inf)[cheapest]
    assert (cost >= least * (1 - 1e-12)).all()


def _assigned(problem: Problem, embedding: int, depth: int, bias: int) -> np.ndarray:
    """The most accurate network for each number of layers of each MLP ratio and each number of heads, `(S, N)`."""
    layers = 10 + depth
    base = np.array([embedding, depth, bias, *([0] * 24)])
    changed = np.repeat(base[None], layers * 2 * 3, axis=0)
    where = 3 + np.arange(2 * layers)  # mlp1, heads1, mlp2, ...
    changed[np.arange(len(changed)), np.repeat(where, 3)] = np.tile(np.arange(3), 2 * layers)
    error = 100.0 * (1.0 - problem.accuracies(changed)).reshape(layers, 2, 3)  # of the base and one change
    counts = [(a, b, layers - a - b) for a in range(layers + 1) for b in range(layers + 1 - a)]
    options = []
    for kind in range(2):  # MLP ratios, heads
        places = [np.repeat(np.arange(3), each) for each in counts]
        options.append([place[linear_sum_assignment(error[:, kind, place])[1]] for place in places])
    networks = np.repeat(base[None], len(counts) ** 2, axis=0)
    networks[:, 3 : 3 + 2 * layers : 2] = np.repeat(np.array(options[0]), len(counts), axis=0)
    networks[:, 4 : 4 + 2 * layers : 2] = np.tile(np.array(options[1]), (len(counts), 1))
    return networks
