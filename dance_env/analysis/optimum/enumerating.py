"""A proof by looking at every design, where the fields of a problem would need too much memory.

A tabulated accuracy joins all choices of a network to one group, whose labels are the networks themselves. Branch and bound
has nothing to divide there: enumeration is the same work without the tables.
"""

from __future__ import annotations

import math

from dance_env.analysis.exact import MAX_DESIGNS, optimum
from dance_env.analysis.optimum.proof import Certificate, Proof
from dance_env.problem import Problem
from dance_env.progress import Progress

MAX_FIELD_BYTES = 4 * 2**30
"""Fields that would take more are not built."""


def prove_by_enumeration(problem: Problem, progress: Progress | None = None) -> Proof:
    """Return the best of all designs.

    Args:
        problem: Of at most `dance_env.analysis.exact.MAX_DESIGNS` designs.
        progress: Called with (networks done, networks in all).

    Raises:
        ValueError: If there are more designs.
    """
    if problem.space.size > MAX_DESIGNS:
        raise ValueError(
            f"problem {problem.name!r} has one group of choices with too many joint options for its "
            f"{problem.accelerator_space.size:,} accelerators (tables above {MAX_FIELD_BYTES / 2**30:g} GiB), and with "
            f"{problem.space.size:,} designs it cannot be enumerated either (at most {MAX_DESIGNS:,}). Offer fewer accelerators."
        )
    found = optimum(problem, progress=progress)
    names = tuple(choice.name for choice in problem.space.choices[problem.space.network])
    objective = found.objective if found.feasible else math.inf
    return Proof(
        problem=problem.name,
        fingerprint=problem.fingerprint(),
        objective=objective,
        lower_bound=objective,
        design=tuple(found.design.tolist()) if found.feasible else None,
        options=problem.space.decode(found.design[None])[0] if found.feasible else {},
        certificate=Certificate(
            groups=(names,),
            outer=(),
            assignments=1,
            beaten=0,
            too_large=0,
            impossible=0,
            bounded=0,
            searched=problem.accelerator_space.size,
            unfinished=0,
            vertices=found.designs_compared,
            slack=0.0,
            seconds=round(found.pass_seconds, 3),
        ),
    )
