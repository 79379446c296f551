"""Claim: at equal error, joint search finds cheaper designs than separate searches do."""

from __future__ import annotations

import numpy as np

from experiments.claims.claim import Claim, Finding, Picture, Series, Table, Verdict
from experiments.claims.fronts import Fronts, measure_fronts, picture
from experiments.claims.scale import Scale
from experiments.claims.work import Work

NAME = "joint_beats_separate"
CLEAR = 1.01
"""A gain below one per cent is a tie."""


def measure(scale: Scale, work: Work) -> Claim:
    """Compare along the whole front, on every task."""
    measured = measure_fronts(scale, work)
    findings = [finding for fronts in measured for finding in judged(fronts)]
    first = measured[0]
    against = first.rivals[1]
    lost = [finding.what for finding in findings if finding.verdict is Verdict.DOES_NOT_HOLD]
    return Claim(
        name=NAME,
        statement="At equal error the jointly searched design costs less than the separately searched one, "
        "along the whole front.",
        paper="DANCE's EDAP is below the separate searches' at every error plotted (4.9 to 7.6 %)",
        ours=f"{first.task}: DANCE's gain over {against.label}, {spread(first.dance_gain(against))} "
        f"at {len(first.levels)} errors; of the exact joint front {spread(first.exact_gain(against))}",
        sentence=(
            "Joint search is nowhere worse, and clearly better at most errors, against every rival."
            if not lost
            else "Not so for: "
            + "; ".join(lost)
            + ". Where the exact joint front is no better either, a search that penalizes operations and then gets its "
            "exact best accelerator leaves nothing to gain."
        ),
        findings=tuple(findings),
        tables=tuple(along_the_front(fronts) for fronts in measured),
        pictures=tuple(
            each for number, fronts in enumerate(measured) for each in (
                picture(fronts, f"front_{number + 1}"), gains(fronts, f"gain_{number + 1}"),
            )
        ),
    )  # fmt: skip


def judged(fronts: Fronts) -> list[Finding]:
    """Against each rival: nowhere clearly worse, and clearly better at more than half of the errors."""
    found = []
    for rival in fronts.rivals:
        searched = fronts.dance_gain(rival)
        exact = fronts.exact_gain(rival)
        found.append(
            Finding(
                what=f"{fronts.task}: against {rival.label}",
                paper="above 1 everywhere",
                ours=f"DANCE {spread(searched)}, exact joint front {spread(exact)}",
                verdict=Verdict.of(wins(searched)),
                rule="DANCE's gain at least 0.99 at every error, and above 1.01 at more than half of them",
            )
        )
    return found


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
            "error, %",
            "least cost, exact",
            *(f"{who} vs {rival.label.split(',')[0]}" for who in ("DANCE", "exact") for rival in fronts.rivals),
        ),
        tuple(tuple(float(each) for each in row) for row in rows),
    )


def gains(fronts: Fronts, name: str) -> Picture:
    """The gains against the error."""
    return Picture(
        name=name,
        title=f"{fronts.task}: gain of joint search",
        x_label="error at most (%)",
        y_label="rival's cost / joint cost",
        log_y=True,
        series=tuple(
            Series.of(f"{who} vs {rival.label.split(',')[0]}", fronts.levels, values, style="line")
            for rival in fronts.rivals
            for who, values in (("DANCE", fronts.dance_gain(rival)), ("exact", fronts.exact_gain(rival)))
        ),
    )
