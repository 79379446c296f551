"""Small changes of designs, for solvers that search from neighbor to neighbor."""

from __future__ import annotations

import numpy as np

from dance_env.space import DesignSpace


def mutate(
    space: DesignSpace, designs: np.ndarray, rng: np.random.Generator, *, rate: float, leap: float = 0.2
) -> np.ndarray:
    """Designs (batch, choices) with some choices changed, at least one in each (where any choice has two options).

    A nominal choice moves to any other option. An ordinal one takes a step up or down, of a length drawn from a
    geometric distribution with mean 2; with probability `leap` it moves to any other option as well.

    Args:
        space: the space of the designs.
        designs: (batch, choices) option indices; left as they are.
        rng: source of randomness.
        rate: probability that a choice is changed.
        leap: probability that an ordinal choice forgets where it was.
    """
    counts = space.option_counts
    free = np.flatnonzero(counts > 1)
    if not free.size:
        return designs.copy()
    changed = rng.random(designs.shape) < rate
    forced = free[rng.integers(free.size, size=len(designs))]
    rows = np.flatnonzero(~changed[:, free].any(axis=1))
    changed[rows, forced[rows]] = True
    elsewhere = (designs + 1 + np.floor(rng.random(designs.shape) * (counts - 1)).astype(np.int64)) % counts
    step = rng.geometric(0.5, designs.shape) * rng.choice((-1, 1), designs.shape)
    inside = (designs + step >= 0) & (designs + step < counts)
    nearby = np.clip(np.where(inside, designs + step, designs - step), 0, counts - 1)
    nearby = np.where(nearby == designs, elsewhere, nearby)  # an end of a short range may reflect onto itself
    ordinal = np.array([choice.kind == "ordinal" for choice in space.choices])
    local = ordinal & (rng.random(designs.shape) >= leap)
    return np.where(changed, np.where(local, nearby, elsewhere), designs)
