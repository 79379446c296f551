"""The networks that the evaluator is trained on: distributions over options, as in the search, and one-hot ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from solvers.methods.gradient.options import most_probable, one_hot

_MIX = np.uint64(0x9E3779B97F4A7C15)
_MOST_DRAWN = 262_144  # rows drawn at once; bounds the memory where a tiny share is asked for
_PATIENCE = 200  # draws without a fitting row after which we give up; each was large enough to expect several


@dataclass(frozen=True)
class SamplingSettings:
    """The training distribution. Each row is one of three kinds.

    Attributes:
        one_hot: share of single networks, drawn uniformly.
        softened: share of `(1 - e) one_hot + e flat Dirichlet` with e uniform in (0, 1): a search on its way to a network.
            The rest are Dirichlet draws with one concentration per row.
        concentration: range of the Dirichlet's concentration, drawn log-uniformly: 0.05 is nearly one-hot, 5 nearly uniform.
        held_out: share of all networks that is never trained on, chosen by a hash of the network. A distribution belongs
            to its most probable network.
    """

    one_hot: float = 0.4
    softened: float = 0.3
    concentration: tuple[float, float] = (0.05, 5.0)
    held_out: float = 0.1

    def __post_init__(self) -> None:
        if not (self.one_hot >= 0 and self.softened >= 0 and self.one_hot + self.softened <= 1):
            raise ValueError(
                f"the shares one_hot and softened must be >= 0 and add up to at most 1; got {self.one_hot}, {self.softened}"
            )
        if not 0 < self.concentration[0] <= self.concentration[1]:
            raise ValueError(f"concentration must be a range above zero; got {self.concentration}")
        if not 0 <= self.held_out < 1:
            raise ValueError(f"held_out must be in [0, 1); got {self.held_out}")


def sample_probs(
    option_counts: Sequence[int],
    rng: np.random.Generator,
    *,
    rows: int,
    settings: SamplingSettings,
    held_out: bool = False,
) -> np.ndarray:
    """Return network probabilities (rows, O_net), float64; each choice's block sums to one.

    Args:
        option_counts: options of each network choice.
        rng: source of randomness.
        rows: how many.
        settings: the distribution.
        held_out: draw from the held-out networks only, instead of from all others.

    Raises:
        ValueError: If held-out rows are asked for and none are held out, or others and all are. A space of a few
            networks may have none below the share, or none above it.
    """
    if held_out and not settings.held_out:
        raise ValueError("no networks are held out: SamplingSettings.held_out is 0")
    share = settings.held_out if held_out else 1.0 - settings.held_out
    kept: list[np.ndarray] = []
    missing, in_vain = rows, 0
    while missing > 0:
        # Draw as many as the share kept calls for, and a few more.
        drawn = _draw(option_counts, rng, min(int(1.1 * missing / share) + 8, _MOST_DRAWN), settings)
        fits = is_held_out(most_probable(drawn, option_counts), settings.held_out) == held_out
        kept.append(drawn[fits][:missing])
        missing -= len(kept[-1])
        in_vain = 0 if len(kept[-1]) else in_vain + 1
        if in_vain == _PATIENCE:
            raise ValueError(_no_such_network(option_counts, settings, held_out=held_out))
    return np.concatenate(kept) if kept else np.empty((0, sum(option_counts)))


def _no_such_network(option_counts: Sequence[int], settings: SamplingSettings, *, held_out: bool) -> str:
    size = math.prod(int(count) for count in option_counts)
    wanted, remedy = ("held out", "a larger") if held_out else ("left to train on", "a smaller")
    return (
        f"with SamplingSettings.held_out={settings.held_out} no network of this space of {size:,} seems to be {wanted}; "
        f"hold out {remedy} share"
    )


def sample_networks(
    option_counts: Sequence[int], rng: np.random.Generator, *, rows: int, settings: SamplingSettings
) -> np.ndarray:
    """Return held-out single networks (rows, N) as option indices, drawn uniformly with replacement."""
    single = SamplingSettings(one_hot=1.0, softened=0.0, held_out=settings.held_out)
    return most_probable(sample_probs(option_counts, rng, rows=rows, settings=single, held_out=True), option_counts)


def is_held_out(networks: np.ndarray, share: float) -> np.ndarray:
    """Return whether each network (B, N) is held out: whether a hash of its options falls below `share`, in any process."""
    code = np.full(len(networks), _MIX, dtype=np.uint64)
    for column in networks.T.astype(np.uint64):
        code = (code ^ (column + _MIX)) * np.uint64(0xBF58476D1CE4E5B9)  # wraps modulo 2^64, as splitmix64 does
        code ^= code >> np.uint64(29)
    return (code >> np.uint64(11)).astype(np.float64) / 2.0**53 < share


def _draw(option_counts: Sequence[int], rng: np.random.Generator, rows: int, settings: SamplingSettings) -> np.ndarray:
    counts = np.asarray(option_counts)
    networks = rng.integers(0, counts, size=(rows, len(counts)))
    single = one_hot(networks, option_counts)
    kind = rng.random(rows)
    noise = rng.random(rows)
    low, high = np.log(settings.concentration)
    concentration = np.exp(rng.uniform(low, high, size=rows))
    is_softened = (kind >= settings.one_hot) & (kind < settings.one_hot + settings.softened)
    concentration[is_softened] = 1.0
    spread = _dirichlet(counts, rng, concentration)
    share = np.where(is_softened, noise, (kind >= settings.one_hot).astype(np.float64))[:, None]
    return (1.0 - share) * single + share * spread


def _dirichlet(counts: np.ndarray, rng: np.random.Generator, concentration: np.ndarray) -> np.ndarray:
    """Return one Dirichlet draw per choice, (rows, O_net), with one concentration per row."""
    weights = rng.standard_gamma(np.repeat(concentration[:, None], counts.sum(), axis=1))
    weights = np.maximum(weights, 1e-30)  # a gamma draw of a small shape may underflow to zero in a whole block
    starts = np.cumsum(counts) - counts
    return weights / np.repeat(np.add.reduceat(weights, starts, axis=1), counts, axis=1)
