"""Claim: a latency-lean objective wants another kind of accelerator than an energy-lean one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dance_env.analysis.exact import MAX_DESIGNS
from dance_env.analysis.optimum import prove
from dance_env.atomic import write_whole
from dance_env.cost import get_technology
from dance_env.objective import Linear, Objective
from dance_env.space import DATAFLOWS, DesignSpace
from dance_env.tasks import make_problem
from experiments.claims.claim import Claim, Finding, Table, Verdict
from experiments.claims.problems import table_for
from experiments.claims.scale import ObjectiveScale, Scale
from experiments.claims.work import Work

if TYPE_CHECKING:
    from dance_env.problem import Problem

NAME = "accelerators_by_objective"
WORDS_OF_SPACE = "8 to 24 columns and rows, register files of 4 to 64 words"
_NETWORKS_AT_A_TIME = 16
_SAMPLES = 4096


@dataclass(frozen=True)
class Chosen:
    """The accelerator of an exact optimum.

    Attributes:
        columns, rows: PEs.
        rf_words: register file of each PE.
        dataflow: WS, OS or RS.
    """

    columns: int
    rows: int
    rf_words: int
    dataflow: str

    @property
    def pes(self) -> int:
        """Processing elements."""
        return self.columns * self.rows

    def __str__(self) -> str:
        return f"{self.columns} x {self.rows}, RF {self.rf_words}, {self.dataflow}"


@dataclass(frozen=True)
class Pair:
    """Two exact optima under objectives that differ only in which of latency and energy they favor.

    Attributes:
        lean, area, weight: the objective; see `ObjectiveScale`.
        latency, energy: the accelerators under the latency-lean and the energy-lean objective.
    """

    lean: float
    area: float
    weight: float
    latency: Chosen
    energy: Chosen


def measure(scale: Scale, work: Work) -> Claim:
    """Find the exact optimum under every objective of the grid, on every task and technology."""
    wanted = scale.objectives
    groups = {
        f"{task}, {name}": pairs_of(
            make_problem(task, technology=get_technology(name), accuracy_table=table_for(task, scale)), wanted, work
        )
        for task, technologies in zip(wanted.tasks, wanted.technologies, strict=True)
        for name in technologies
    }
    findings = [finding for name, pairs in groups.items() for finding in judged(name, pairs)]
    failed = [f"{finding.what} ({finding.ours})" for finding in findings if finding.verdict is Verdict.DOES_NOT_HOLD]
    return Claim(
        name=NAME,
        statement="Latency-lean objectives want larger arrays and weight stationary, energy-lean ones smaller arrays "
        "and larger register files.",
        paper="latency: 16 x 16 PEs, RF 16, WS; energy: 12 x 8 PEs, RF 32, RS",
        ours="; ".join(
            f"{name}: latency {commonest([pair.latency for pair in pairs])}, energy "
            f"{commonest([pair.energy for pair in pairs])} (commonest of {len(pairs)})"
            for name, pairs in groups.items()
        ),
        sentence=(
            "All of it holds for the exact optima."
            if not failed
            else f"{len(findings) - len(failed)} of {len(findings)} parts hold for the exact optima; not: "
            + "; ".join(failed)
            + "."
        ),
        findings=tuple(findings),
        tables=tuple(
            Table(
                f"{name}: accelerators of the exact optima; costs in units of their median over the space. Space: "
                f"{WORDS_OF_SPACE}",
                ("share of the favored metric", "weight of area", "lambda2", "latency-lean", "energy-lean"),
                tuple((pair.lean, pair.area, pair.weight, str(pair.latency), str(pair.energy)) for pair in pairs),
            )
            for name, pairs in groups.items()
        ),
    )


def judged(name: str, pairs: Sequence[Pair]) -> list[Finding]:
    """The four parts; each holds if it is so in more than half of the pairs."""
    parts = (
        (
            "latency-lean arrays are larger",
            "256 against 96 PEs",
            [pair.latency.pes > pair.energy.pes for pair in pairs],
        ),
        ("latency-lean is weight stationary", "WS", [pair.latency.dataflow == "WS" for pair in pairs]),
        (
            "energy-lean register files are larger",
            "32 against 16",
            [pair.energy.rf_words > pair.latency.rf_words for pair in pairs],
        ),
        ("energy-lean is row stationary", "RS", [pair.energy.dataflow == "RS" for pair in pairs]),
    )
    return [
        Finding(
            what=f"{name}: {what}",
            paper=paper,
            ours=f"in {sum(so)} of {len(so)} pairs of exact optima",
            verdict=Verdict.of(2 * sum(so) > len(so)),
            rule="in more than half of the pairs",
        )
        for what, paper, so in parts
    ]


def commonest(chosen: Sequence[Chosen]) -> str:
    """The accelerator met most often, the first of equals."""
    return str(Counter(chosen).most_common(1)[0][0])


def pairs_of(problem: Problem, wanted: ObjectiveScale, work: Work) -> list[Pair]:
    """The exact optima of one problem's designs under every objective of the grid."""
    scales = median_costs(problem)
    grid = [(lean, area) for lean in wanted.lean for area in wanted.area]
    if problem.space.size > MAX_DESIGNS:
        return [_proved(problem, scales, lean, area, wanted, work) for lean, area in grid]
    functions = [
        linear(scales, latency=latency, energy=energy, area=area)
        for lean, area in grid
        for latency, energy in ((lean, 1.0 - lean), (1.0 - lean, lean))
    ]
    cost, hardware, error_pct = cheapest(problem, functions, work)
    pairs = []
    for number, (lean, area) in enumerate(grid):
        for weight in wanted.weights:
            both = []
            for function in (2 * number, 2 * number + 1):
                network = int((error_pct + weight * cost[function]).argmin())
                both.append(_chosen(problem, int(hardware[function, network])))
            pairs.append(Pair(lean, area, weight, *both))
    return pairs


def _proved(
    problem: Problem, scales: tuple[float, float, float], lean: float, area: float, wanted: ObjectiveScale, work: Work
) -> Pair:
    """Return the proved optima of one pair of objectives, under the scale's weight for such spaces."""
    both = []
    for latency, energy in ((lean, 1.0 - lean), (1.0 - lean, lean)):
        work.tell(f"{problem.name}: optimum of {latency:g} latency + {energy:g} energy + {area:g} area", 0, 0)
        function = linear(scales, latency=latency, energy=energy, area=area)
        objective = Objective(function, weight=wanted.proved_weight)
        design = _best_design(replace(problem, objective=objective), work)
        hardware = np.array([design])[:, problem.space.hardware]
        both.append(_chosen(problem, int(problem.accelerator_space.index(hardware)[0])))
    return Pair(lean, area, wanted.proved_weight, *both)


def _best_design(problem: Problem, work: Work) -> list[int]:
    """Return the proved optimum's design, from the work's folder where it is on record there."""
    key = problem.fingerprint()
    path = work.folder / "optima" / f"{key}.json"
    if key is not None and path.exists():
        kept: list[int] = json.loads(path.read_text(encoding="utf-8"))
        return kept
    design = prove(problem, workers=work.workers).design
    assert design is not None, "without limits there is a best design"
    found = [int(option) for option in design]
    if key is not None:
        write_whole(path, json.dumps(found) + "\n")
    return found


def median_costs(problem: Problem) -> tuple[float, float, float]:
    """Medians of latency (s), energy (J) and area (mm2) over designs drawn at random."""
    cost = problem.evaluate(problem.space.sample(np.random.default_rng(0), _SAMPLES)).cost
    return float(np.median(cost.latency_s)), float(np.median(cost.energy_j)), float(np.median(cost.area_mm2))


def linear(scales: tuple[float, float, float], *, latency: float, energy: float, area: float) -> Linear:
    """A weighted sum of the metrics, each in units of its scale; weights below 1e-12 are none."""
    shares = [0.0 if share < 1e-12 else share for share in (latency, energy, area)]
    return Linear(*(share / unit for share, unit in zip(shares, scales, strict=True)))


def cheapest(problem: Problem, functions: Sequence[Linear], work: Work) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every network on its cheapest accelerator, under several cost functions in one pass.

    Returns:
        Least cost and hardware index, both (functions, networks), and the networks' error in percentage points.
    """
    space = DesignSpace(problem.network_space.choices())
    networks = space.unrank(np.arange(space.size))
    cost = np.empty((len(functions), len(networks)))
    hardware = np.empty(cost.shape, dtype=np.int64)
    for start in range(0, len(networks), _NETWORKS_AT_A_TIME):
        work.tell(f"{problem.name}: exact optima", start, len(networks))
        rows = slice(start, start + _NETWORKS_AT_A_TIME)
        on_each = problem.costs.on_all_hardware(networks[rows])
        for number, function in enumerate(functions):
            value = function(on_each)
            best = value.argmin(axis=1)
            hardware[number, rows] = best
            cost[number, rows] = value[np.arange(len(best)), best]
    return cost, hardware, 100.0 * (1.0 - problem.accuracies(networks))


def _chosen(problem: Problem, index: int) -> Chosen:
    hardware = problem.accelerator_space.hardware()
    return Chosen(
        int(hardware.pe_x[index]),
        int(hardware.pe_y[index]),
        int(hardware.rf_words[index]),
        DATAFLOWS[int(hardware.dataflow[index])],
    )
