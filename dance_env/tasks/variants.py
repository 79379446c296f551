"""What each task asks for. The numbers stand here and nowhere else, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from dance_env.cost import EDGE_LPDDR4, HWCOMPONENTS_65NM, Technology
from dance_env.objective import EDAP, Constraint, Linear, Objective


@dataclass(frozen=True)
class Variant:
    """What a task asks for, whatever its network space.

    Attributes:
        objective: error plus weighted cost, and limits.
        technology: of the accelerators.
    """

    objective: Objective
    technology: Technology = EDGE_LPDDR4


def _deadline(seconds: float) -> tuple[Constraint, ...]:
    return (Constraint("latency_s", seconds),)


# Percentage points of error per joule and per mm2. One inference takes 0.1 to 1.9 mJ, an accelerator 0.6 to 10.7 mm2,
# so that energy and area weigh about alike.
_ENERGY_AND_AREA = Linear(energy_j=500.0, area_mm2=1.0)

VARIANTS: dict[str, Variant] = {
    "accuracy-lean": Variant(Objective(_ENERGY_AND_AREA, weight=0.3, constraints=_deadline(1 / 2000))),
    "balanced": Variant(Objective(_ENERGY_AND_AREA, weight=1.0, constraints=_deadline(1 / 2000))),
    "cost-lean": Variant(Objective(_ENERGY_AND_AREA, weight=2.0, constraints=_deadline(1 / 2000))),
    "latency-limited": Variant(Objective(_ENERGY_AND_AREA, weight=1.0, constraints=_deadline(1 / 3000))),
    "sram-65nm": Variant(Objective(_ENERGY_AND_AREA, weight=1.5, constraints=_deadline(1.5e-3)), HWCOMPONENTS_65NM),
    # The paper's two forms, without limits.
    "edap": Variant(Objective(EDAP(reference_js_mm2=1e-6), weight=2.0)),
    "linear": Variant(Objective(Linear(latency_s=3000.0, energy_j=500.0, area_mm2=0.5), weight=1.0)),
}
"""Of macro-cifar10 and tiny; `dance coupling` measures what they make of these tasks."""


# Provisional. Over random networks, each on the accelerator that is best for it, the median EDAP is some 1e-5 J s mm2.
ACCEL_NASBENCH_VARIANTS: dict[str, Variant] = {
    "edap": Variant(Objective(EDAP(reference_js_mm2=1e-5), weight=1.0)),
    "linear": Variant(Objective(Linear(latency_s=330.0, energy_j=200.0, area_mm2=0.5), weight=1.0)),
}
"""Of accel-nasbench."""


def _image_variants(
    *, edap_js_mm2: float, per_second: float, per_joule: float, deadline_s: float
) -> dict[str, Variant]:
    """The three variants of a space of DANCE's.

    Args:
        edap_js_mm2: the EDAP that is worth a percentage point of error.
        per_second, per_joule: percentage points: about the inverse of the latency and energy of a middling network on
            an accelerator that suits it, so that either weighs about a point.
        deadline_s: of the latency-limited variant: one that some networks can meet, on few accelerators each.
    """
    return {
        "edap": Variant(Objective(EDAP(reference_js_mm2=edap_js_mm2), weight=1.0)),
        "linear": Variant(Objective(Linear(latency_s=per_second, energy_j=per_joule, area_mm2=0.5), weight=1.0)),
        "latency-limited": Variant(
            Objective(Linear(energy_j=per_joule, area_mm2=1.0), weight=1.0, constraints=_deadline(deadline_s))
        ),
    }


# Over random networks, each on the accelerator that is best for it, the medians of EDAP, latency and energy are
#   dance-mnist     1.6e-8 J s mm2   0.114 ms   0.145 mJ
#   dance-cifar10   1.2e-6           0.643      1.16
#   dance-imagenet  2.4e-5           3.06       5.04
# and the deadlines are met by 22, 44 and 59 % of them (docs/tasks.md).
_CIFAR = _image_variants(edap_js_mm2=1e-6, per_second=1_500, per_joule=900, deadline_s=1 / 1_600)
IMAGE_VARIANTS: dict[str, dict[str, Variant]] = {
    "dance-mnist": _image_variants(edap_js_mm2=1e-8, per_second=10_000, per_joule=7_000, deadline_s=1 / 10_000),
    "dance-cifar10": _CIFAR,
    "dance-cifar100": _CIFAR,  # the same networks but for the last layer
    "dance-imagenet": _image_variants(edap_js_mm2=1e-5, per_second=330, per_joule=200, deadline_s=1 / 320),
}
"""Of the spaces whose accuracies come from a trained supernet, by network space."""
