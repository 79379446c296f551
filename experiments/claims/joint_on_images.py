"""Claim: searched on images, network and accelerator together beat the separate searches at equal error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dance_env.tasks import UNTRAINED, make_problem
from experiments.claims.claim import Claim, Finding, Picture, Series, Table, Verdict
from experiments.claims.exact_ends import Points
from experiments.claims.joint_beats_separate import CLEAR, spread
from experiments.claims.scale import ImageScale, Scale
from experiments.claims.work import Work

NAME = "joint_on_images"
STATEMENT = "Searched on images, the joint design has a lower EDAP than the separate searches' at equal error."
PAPER = "CIFAR-10: 3 to 4 times lower EDAP near 5 % error, 7 to 11 times near 6 %"


def measure(scale: Scale, work: Work) -> Claim:
    """Search, train from scratch and test, jointly and separately; nothing at a scale without time for it."""
    if scale.images is None:
        return untested(
            f"Whole searches and trainings on images do not fit the scale {scale.name!r}; run "
            f"`{work.command_of(NAME, scale.larger)}`."
        )
    try:
        results = run_sweeps(scale.images, work)
    except ImportError as error:
        return untested(f"A package is missing: {error}.")
    return judge(results, scale.images)


def untested(sentence: str) -> Claim:
    """The claim where nothing was measured."""
    return Claim(NAME, STATEMENT, PAPER, "not measured", sentence)


def run_sweeps(wanted: ImageScale, work: Work) -> list[dict[str, Any]]:
    """Every hardware term, lambda2 and seed; runs that have ended are read, an interrupted one goes on."""
    from solvers.methods.dance.images.settings import preset
    from solvers.methods.dance.images.solver import DanceImages
    from solvers.methods.dance.images.sweep import sweep
    from solvers.methods.dance.images.training.weights import Execution

    (name,) = wanted.tasks
    problem = make_problem(name, supernet=UNTRAINED, images=wanted.location)
    training = preset(problem.network_space.name)
    training = replace(
        training,
        search=replace(training.search, precision=wanted.precision),
        final=replace(training.final, precision=wanted.precision),
    )

    def show(done: int, total: int) -> None:
        work.tell(f"{name}: final", done, total)

    runs = sweep(
        problem,
        work.folder / "images",
        solver=DanceImages(training=training, execution=Execution(device=wanted.device)),
        terms=(wanted.joint, *wanted.separate),
        lambdas=wanted.lambdas,
        seeds=wanted.seeds,
        callback=lambda progress: work.tell(f"{name}: search", progress.gradient_queries, progress.budget.size),
        final_progress=show,
    )
    test_images = len(problem.accuracy.trainable().data.test)  # type: ignore[union-attr]  # a supernet's
    return [{**run.row(), "test_images": test_images} for run in runs]


def judge(results: Sequence[dict[str, Any]], wanted: ImageScale) -> Claim:
    """Compare at the separate designs' own errors, within each seed.

    The verdict takes errors as they were measured. A test on a thousand images cannot tell 1.0 % from 1.1 %: so the gains
    where errors count as equal within the test's resolution are stated beside, and decide nothing.

    Args:
        results: with `term`, `seed`, `lambda2`, `error_pct` and `edap_js_mm2` each, and perhaps `test_images`.
        wanted: which terms are joint and separate.
    """
    slack_pct = resolution_pct(results)
    gains = {term: [_gain(results, wanted, term, seed) for seed in wanted.seeds] for term in wanted.separate}
    within = {term: [_gain(results, wanted, term, seed, slack_pct) for seed in wanted.seeds] for term in gains}
    findings = [_finding(term, by_seed, within[term], slack_pct) for term, by_seed in gains.items()]
    failed = [finding.what for finding in findings if finding.verdict is Verdict.DOES_NOT_HOLD]
    return Claim(
        name=NAME,
        statement=STATEMENT,
        paper=PAPER,
        ours="; ".join(finding.ours for finding in findings),
        sentence=(
            f"The joint designs are cheaper at the separate designs' errors in all {len(wanted.seeds)} seeds."
            if not failed
            else "Not in every seed: " + "; ".join(failed) + "."
        ),
        findings=tuple(findings),
        tables=(
            Table(
                f"{wanted.tasks[0]}: test error after training from scratch; EDAP on the exact best accelerator",
                ("search pays for", "lambda2", "seed", "error, %", "EDAP, J s mm2"),
                tuple(
                    (each["term"], each["lambda2"], each["seed"], each["error_pct"], each["edap_js_mm2"])
                    for each in results
                ),
            ),
        ),
        pictures=(
            Picture(
                name="images",
                title=f"{wanted.tasks[0]}: test error against EDAP",
                x_label="EDAP (J s mm²)",
                y_label="test error (%)",
                log_x=True,
                series=tuple(
                    Series.of(term, points.cost, points.error_pct)
                    for term in (wanted.joint, *wanted.separate)
                    for points in [_points(results, term, None)]
                ),
            ),
        ),
    )


def resolution_pct(results: Sequence[dict[str, Any]]) -> float:
    """Standard error of the difference of two test errors, percentage points; 0 where the size of the test is not known.

    Taken at the mean error of all runs, as if the two tests were of different images: of the same ones it is smaller.
    """
    counts = [int(each["test_images"]) for each in results if "test_images" in each]
    if not counts or len(counts) < len(results):
        return 0.0
    share = float(np.mean([each["error_pct"] for each in results])) / 100.0
    return 100.0 * float(np.sqrt(2.0 * share * (1.0 - share) / min(counts)))


def _finding(term: str, by_seed: Sequence[np.ndarray], within: Sequence[np.ndarray], slack_pct: float) -> Finding:
    medians = [float(np.median(each)) for each in by_seed]
    resolved = ", ".join(f"{np.median(each):.2f}" for each in within)
    beside = f" (errors within {slack_pct:.2f} points counted as equal: {resolved})" if slack_pct else ""
    return Finding(
        what=f"against a search that pays for {term}",
        paper="lower EDAP at equal error",
        ours=f"{term}: gain {spread(np.concatenate(list(by_seed)))}; by seed "
        + ", ".join(f"{m:.2f}" for m in medians)
        + beside,
        verdict=Verdict.of(all(middle > CLEAR for middle in medians)),
        rule=f"median gain above {CLEAR:g} in every seed; the gain is 0 where no joint design is as accurate",
    )


def _gain(
    results: Sequence[dict[str, Any]], wanted: ImageScale, term: str, seed: int, slack_pct: float = 0.0
) -> np.ndarray:
    """(designs,) EDAP of each separate design over the least of the joint designs that err at most `slack_pct` more."""
    separate, joint = _points(results, term, seed), _points(results, wanted.joint, seed)
    least = joint.least_cost(separate.error_pct + slack_pct)
    return separate.cost / least


def _points(results: Sequence[dict[str, Any]], term: str, seed: int | None) -> Points:
    chosen = [each for each in results if each["term"] == term and (seed is None or each["seed"] == seed)]
    return Points(
        term,
        np.array([each["error_pct"] for each in chosen], dtype=np.float64),
        np.array([each["edap_js_mm2"] for each in chosen], dtype=np.float64),
    )
