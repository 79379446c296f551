"""A cost model that is another program: each layer on each accelerator is a question to it, in a process of its own.

python examples/external_cost_model.py             # prices three layers, and lets the tool choose an accelerator
python examples/external_cost_model.py --check     # holds it against the contract of cost models as well

Failures, time-outs, a cache on disk and several processes (or a Ray cluster) come with `ExternalCostModel`: what is
written here is how to ask. The program is external_cost_worker.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from dance_env.analysis.exact import least
from dance_env.cache import content_key
from dance_env.cost.backends import Running
from dance_env.cost.backends.external import ExternalCostModel
from dance_env.cost.backends.running import Accelerator, Question, Row
from dance_env.graph import LAYER_COLUMNS, Layer, LayerSpace
from dance_env.objective import EDAP, Objective
from dance_env.problem import Problem
from dance_env.space import AcceleratorSpace
from dance_env.testing.cost_model import check_cost_model

LAYERS = [
    Layer("stem", "conv", k=32, c=3, p=32, q=32, r=3, s=3),
    Layer("wide", "pointwise", k=64, c=32, p=32, q=32, r=1, s=1),
    Layer("fc", "fc", k=10, c=64, p=1, q=1, r=1, s=1),
]
EXPECTED_FAILURES = {
    "larger_array_is_never_worse": "filling a larger array takes longer, and its columns always move words"
}


@dataclass(frozen=True)
class Systolic(ExternalCostModel):
    """The program beside this file as a cost model; areas are the technology's."""

    WORKER: ClassVar[Path] = Path(__file__).resolve().with_name("external_cost_worker.py")

    def fingerprint(self) -> str:
        """Under which prices are kept: the program itself, and all that is said to it."""
        return content_key("systolic", self.technology.fingerprint(), self.WORKER.read_bytes())

    def request(self, row: Row, accelerator: Accelerator) -> Mapping[str, Any]:
        """What the program reads: one layer on one accelerator."""
        return {"layer": dict(zip(LAYER_COLUMNS, row, strict=True)), "accelerator": accelerator._asdict()}

    def question(self, row: Row, accelerator: Accelerator) -> Question:
        """The command line of the program, and its input."""
        return (self.python, "-I", "-S", str(self.WORKER)), self.request(row, accelerator)


def main() -> None:
    """Price, choose, and check on demand."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true", help="run the contract suite: some 250 questions")
    parser.add_argument("--cache-dir", help="keep prices there")
    arguments = parser.parse_args()
    model = Systolic(running=Running(timeout_s=30, workers=2, cache_dir=arguments.cache_dir))
    if arguments.check:
        report = check_cost_model(model, expected_failures=EXPECTED_FAILURES)
        print(report)
        report.raise_if_failed()
    problem = Problem.build(
        "three layers on a systolic array",
        network_space=LayerSpace("three layers", LAYERS, {"network": {"the only one": []}}),
        accelerator_space=AcceleratorSpace(pe_x=(8, 16), pe_y=(8, 16), rf_words=(16,), dataflow=("WS",)),
        accuracy=lambda networks: [0.9] * len(networks),
        objective=Objective(EDAP(), weight=1.0),
        cost_model=model,
    )
    for metric in ("latency_s", "energy_j", "edp_js"):
        best = least(problem, metric)
        print(f"least {metric}: {problem.space.decode(best.design[None])[0]}")


if __name__ == "__main__":
    main()
