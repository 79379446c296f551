"""The records of proved optima that ship, against the problems as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from dance_env.analysis.optimum import Proof, load_evidence, shipped_optimum, shipped_records, verify
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
