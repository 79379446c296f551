"""Claim: at equal error, joint search finds cheaper designs than separate searches do."""

from __future__ import annotations

import numpy as np

from experiments.claims.claim import Claim, Finding, Picture, Series, Table, Verdict
from experiments.claims.exact_ends import LIMITED, PENALIZED
from experiments.claims.fronts import Fronts, Rival, measure_fronts, picture
from experiments.claims.scale import Scale
from experiments.claims.work import Work

NAME = "joint_beats_separate"
CLEAR = 1.01
"""A gain below one per cent is a tie."""


def measure(scale: Scale, work: Work) -> Claim:
    """Compare along the whole front, on every task."""
    measured = measure_fronts(scale, work)
    findings = [finding for fronts in measured for finding in judged(fronts)]
    lost = [finding.what for finding in findings if finding.verdict is Verdict.DOES_NOT_HOLD]
    return Claim(
        name=NAME,
        statement="At equal error the jointly searched design costs less than the separately searched one, "
        "along the whole front.",
        paper="DANCE's EDAP is below the separate searches' at every error plotted (4.9 to 7.6 %)",
        ours="over an operations penalty, both searches exact: "
        + "; ".join(f"{fronts.task} {spread(fronts.exact_gain(penalized(fronts)))}" for fronts in measured),
        sentence=(
            "Joint search is nowhere worse, and clearly better at most errors, against every rival."
            if not lost
            else f"{len(findings) - len(lost)} of {len(findings)} parts hold. Not so: " + "; ".join(lost) + "."
        ),
        findings=tuple(findings),
        tables=(proofs(measured), *(along_the_front(fronts) for fronts in measured)),
        pictures=tuple(
            each for number, fronts in enumerate(measured) for each in (
                picture(fronts, f"front_{number + 1}"), gains(fronts, f"gain_{number + 1}"),
            )
        ),
    )  # fmt: skip


def judged(fronts: Fronts) -> list[Finding]:
    """Against each of the paper's rivals: nowhere clearly worse, and clearly better at more than half of the errors.

    An exact separate search is compared with the exact joint front, so that joint search alone makes the difference; and
    with DANCE, as every rival is.
    """
    found = []
    for rival in fronts.rivals:
        sides = [("DANCE", fronts.dance_gain(rival))] if fronts.dance else []
        if rival.exact:
            sides.insert(0, ("joint search, both exact,", fronts.exact_gain(rival)))
        found += [
            Finding(
                what=f"{fronts.task}: {who} against {rival.label}",
                paper="above 1 everywhere",
                ours=f"{spread(gain)}; above {CLEAR:g} at {int((gain > CLEAR).sum())} of {len(gain)} errors",
                verdict=Verdict.of(wins(gain)),
                rule="gain at least 0.99 at every error that is compared, and above 1.01 at more than half of them",
            )
            for who, gain in sides
            if rival.in_paper
        ]
    return found


def penalized(fronts: Fronts) -> Rival:
    """The rival that penalizes operations, as the paper's baseline does."""
    return next(rival for rival in fronts.rivals if rival.label == PENALIZED)


def proofs(measured: list[Fronts]) -> Table:
    """What the fronts are, and how sure."""
    return Table(
        "Fronts. Gap: what a front may lack, as a share of its hypervolume. It is 0 where every network was enumerated, or the "
        "most accurate of all networks that cost the same; else it is bounded by the proof. The separate searches' is in error "
        "against multiply-accumulates",
        (
            "task",
            "designs on the joint front",
            "gap",
            "networks under some penalty",
            "under some limit",
            "gap, networks",
        ),
        tuple(
            (
                fronts.task,
                len(fronts.joint.error_pct),
                fronts.joint.gap,
                *(len(rival.by_seed[0].error_pct) for rival in fronts.rivals if rival.label in (PENALIZED, LIMITED)),
                penalized(fronts).by_seed[0].gap,
            )
            for fronts in measured
        ),
    )


def wins(gain: np.ndarray) -> bool:
    """Nowhere below 0.99, and above `CLEAR` at more than half of the levels where either search has a design."""
    known = gain[~np.isnan(gain)]
    return bool(known.size and (known >= 1 / CLEAR).all() and (known > CLEAR).mean() > 0.5)


def spread(gain: np.ndarray) -> str:
    """For example "1.00 to 1.45 times, median 1.10"."""
    known = gain[~np.isnan(gain)]
    if not known.size:
        return "unknown (no feasible design)"
    return f"{times(known.min())} to {times(known.max())} times, median {times(np.median(known))}"


def times(value: float) -> str:
    """A ratio in words; infinite where the separate search has no feasible design."""
    return "∞" if np.isinf(value) else f"{value:.2f}"


def along_the_front(fronts: Fronts) -> Table:
    """The gains at every error."""
    columns = (
        *(fronts.dance_gain(rival) for rival in fronts.rivals),
        *(fronts.exact_gain(rival) for rival in fronts.rivals),
    )
    rows = zip(fronts.levels, fronts.joint.least_cost(fronts.levels), *columns, strict=True)
    return Table(
        f"{fronts.task}: cost of the rival over that of the joint search, at an error of at most the first "
        f"column (DANCE: median over {len(fronts.dance)} seeds; inf: the rival has no feasible design)",
        (
            "error at most",
            "least cost, exact",
            *(f"{who} vs {rival.short}" for who in ("DANCE", "exact") for rival in fronts.rivals),
        ),
        tuple(tuple(float(each) for each in row) for row in rows),
    )


def gains(fronts: Fronts, name: str) -> Picture:
    """The gains against the error."""
    return Picture(
        name=name,
        title=f"{fronts.task}: gain of joint search",
        x_label="error at most (%, or perplexity)",
        y_label="rival's cost / joint cost",
        log_y=True,
        series=tuple(
            Series.of(f"{who} vs {rival.short}", fronts.levels, values, style="line")
            for rival in fronts.rivals
            for who, values in (("DANCE", fronts.dance_gain(rival)), ("exact", fronts.exact_gain(rival)))
        ),
    )
