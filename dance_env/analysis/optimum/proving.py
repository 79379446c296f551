"""Prove the best design of a problem: bounds, and branch and bound, over all networks and accelerators."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dance_env.analysis.optimum.checkpoint import Checkpoint
from dance_env.analysis.optimum.enumerating import MAX_FIELD_BYTES, prove_by_enumeration
from dance_env.analysis.optimum.fields import Fields
from dance_env.analysis.optimum.proof import Proof
from dance_env.analysis.optimum.run import ProofProgress, Run
from dance_env.analysis.optimum.solving import Searcher
from dance_env.problem import Problem


def prove(
    problem: Problem,
    *,
    progress: Callable[[ProofProgress], None] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    seconds: float | None = None,
    workers: int | None = None,
) -> Proof:
    """Return the best design of a problem with a proof that none is better.

    The method stands in docs/optimum.md. What is returned does not depend on the workers, or on interruptions. Where the
    tables of the method would take too much memory, every design is compared instead; `progress`, `checkpoint`, `seconds`
    and `workers` are not used then, and there is no evidence.

    Args:
        problem: One whose accuracy is a sum of factors (it has `factor_sum`), and whose cost function is `EDAP` or
            `Linear`.
        progress: Called after each batch of cases.
        checkpoint: A file that an interrupted proof leaves, and where the next one goes on; it is removed at the end.
        seconds: When to stop; the lower bound is then below the objective. None for no limit.
        workers: Threads; None for one per core, at most two.

    Raises:
        ValueError: If the problem does not fit, or is too large for both, or the checkpoint's problem has no fingerprint.
    """
    if Fields.bytes_of(problem) > MAX_FIELD_BYTES:
        return prove_by_enumeration(problem)
    run = Run(Fields.of(problem), Searcher.of(workers), seconds=seconds)
    kept = None if checkpoint is None else Checkpoint.of(problem, checkpoint)
    with _saved(run, kept):
        for state in run.steps(kept):
            if progress is not None:
                progress(state)
    return run.proof()


@contextmanager
def _saved(run: Run, kept: Checkpoint | None) -> Iterator[None]:
    """Save the state where the block is interrupted or out of time, and remove the file where all is proved."""
    try:
        yield
    finally:
        if kept is not None:
            if run.unfinished:
                run.save(kept, now=True)
            else:
                kept.remove()
