"""Claim: the evaluator is accurate."""

from __future__ import annotations

from experiments.claims.claim import Cell, Claim, Finding, Table, Verdict
from experiments.claims.evaluator_quality import Quality, quality, trained
from experiments.claims.problems import problem_of
from experiments.claims.scale import Scale
from experiments.claims.work import Work

NAME = "evaluator_accuracy"
PAPER_HEADS = {"pe_x": 98.9, "pe_y": 98.3, "rf_words": 98.3, "dataflow": 98.8}
PAPER_ESTIMATOR = {"latency_s": 99.6, "energy_j": 99.7, "area_mm2": 99.9}
PAPER_WHOLE = {"latency_s": 98.3, "energy_j": 98.3, "area_mm2": 99.2}
SHORT = {
    "pe_x": "PE_X", "pe_y": "PE_Y", "rf_words": "RF", "dataflow": "dataflow",
    "latency_s": "latency", "energy_j": "energy", "area_mm2": "area",
}  # fmt: skip


def measure(scale: Scale, work: Work) -> Claim:
    """Train an evaluator for each task and judge it on held-out networks."""
    wanted = scale.evaluator
    findings: list[Finding] = []
    rows: list[tuple[Cell, ...]] = []
    bills: list[tuple[Cell, ...]] = []
    first: Quality | None = None
    for task in wanted.tasks:
        problem = problem_of(task, scale, work)
        evaluator, bill, _ = trained(problem, wanted.settings, device=scale.device, work=work)
        bills.append(
            (problem.name, wanted.settings.networks, wanted.settings.pairs, bill.cost_model_queries, bill.seconds)
        )
        for single in (False, True):
            found = quality(
                problem,
                evaluator,
                wanted.settings,
                networks=wanted.test_networks,
                pairs=wanted.test_pairs,
                single=single,
                device=scale.device,
            )
            rows += table_rows(f"{problem.name}, {'single' if single else 'mixed'} networks", found)
            if not single:
                findings += judged(problem.name, found)
                first = first or found
    assert first is not None, "a scale names at least one task"
    failed = [finding.what for finding in findings if finding.verdict is Verdict.DOES_NOT_HOLD]
    return Claim(
        name=NAME,
        statement="The evaluator predicts the best accelerator, and the costs on it, almost without error.",
        paper=f"generator {figures(PAPER_HEADS)}; estimator {figures(PAPER_ESTIMATOR)}; whole {figures(PAPER_WHOLE)} %",
        ours=f"{wanted.tasks[0]}: generator {figures(first.heads)}; estimator {figures(first.estimator)}; "
        f"whole {figures(first.whole)} %; generated accelerators cost {first.regret_mean:.2f} % more than the best",
        sentence=(
            "Every figure reaches the paper's on every task."
            if not failed
            else f"{len(findings) - len(failed)} of {len(findings)} parts reach the paper's figures; below them: "
            + "; ".join(failed)
            + "."
        ),
        findings=tuple(findings),
        tables=(
            Table(
                "Held-out networks, per cent. Commonest: what always answering with the commonest best option scores. "
                "Mixed networks are probabilities as the search feeds them, single ones are one-hot.",
                ("networks", "figure", "paper", "ours", "commonest"),
                tuple(rows),
            ),
            Table(
                "What training took (labels included)",
                ("task", "networks", "pairs", "costs looked up", "seconds"),
                tuple(bills),
            ),
        ),
    )


def judged(task: str, found: Quality) -> list[Finding]:
    """The three parts of the claim on one task; a part holds if every figure reaches the paper's, rounded as there."""
    parts = (
        ("generator, each head", PAPER_HEADS, found.heads),
        ("estimator, true hardware given", PAPER_ESTIMATOR, found.estimator),
        ("whole evaluator", PAPER_WHOLE, found.whole),
    )
    return [
        Finding(
            what=f"{task}: {what}",
            paper=f"{figures(paper)} %",
            ours=f"{figures(ours)} %",
            verdict=Verdict.of(reaches(ours, paper)),
            rule="every figure at least the paper's, at its one decimal",
        )
        for what, paper, ours in parts
    ]


def reaches(ours: dict[str, float], paper: dict[str, float]) -> bool:
    """Whether every figure is at least the paper's, at the one decimal that the paper gives."""
    return all(round(ours[name], 1) >= figure for name, figure in paper.items())


def figures(values: dict[str, float]) -> str:
    """For example "latency 99.6, energy 99.7"."""
    return ", ".join(f"{SHORT.get(name, name)} {value:.1f}" for name, value in values.items())


def table_rows(networks: str, found: Quality) -> list[tuple[Cell, ...]]:
    """The rows of one set of networks."""
    rows: list[tuple[Cell, ...]] = [
        (networks, f"generator: {SHORT.get(name, name)}", PAPER_HEADS.get(name), ours, found.commonest[name])
        for name, ours in found.heads.items()
    ]
    rows.append((networks, f"generator: all four, among {found.labels} best accelerators", None, found.all_heads, None))
    for title, paper, ours in (("estimator", PAPER_ESTIMATOR, found.estimator), ("whole", PAPER_WHOLE, found.whole)):
        rows += [(networks, f"{title}: {SHORT[name]}", paper[name], value, None) for name, value in ours.items()]
    rows += [
        (networks, "regret of the generated accelerator, mean", None, found.regret_mean, None),
        (networks, "regret, median", None, found.regret_median, None),
        (networks, "regret, 99th percentile", None, found.regret_p99, None),
        (networks, "generated accelerators over a limit", None, found.over_limit, None),
    ]
    return rows
