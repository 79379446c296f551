"""The network choice as logits: probabilities, sampled paths, and what a path's gradient means for the logits.

All vectors lie on the flat axis of network options, `(O,)`: the options of choice 1, then of choice 2, and so on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch

Sampling = Literal["binary", "two-path", "gumbel", "mixture"]
SAMPLINGS: tuple[str, ...] = get_args(Sampling)


@dataclass(frozen=True, eq=False)
class Draw:
    """One sampled path, and how its gradient reaches the logits.

    Attributes:
        path: `(N,)` the option that each choice runs.
        relaxed: `(O,)` differentiable in the logits; the loss is taken to depend on the gates as it does on this.
        asked: the options of each choice whose gate gradient is needed.
    """

    path: tuple[int, ...]
    relaxed: torch.Tensor
    asked: tuple[tuple[int, ...], ...]


def probabilities(logits: torch.Tensor, counts: Sequence[int]) -> torch.Tensor:
    """Return probabilities that sum to one over each choice's block, of logits `(..., O)`."""
    return torch.cat([block.softmax(-1) for block in logits.split(list(counts), dim=-1)], dim=-1)


def sample_path(probs: torch.Tensor, counts: Sequence[int], generator: torch.Generator) -> tuple[int, ...]:
    """Return one option a choice, drawn from `(O,)` probabilities on the CPU, whatever the device."""
    blocks = probs.detach().to("cpu", torch.float64).split(list(counts))
    return tuple(int(torch.multinomial(block, 1, generator=generator)) for block in blocks)


def uniform(counts: Sequence[int]) -> torch.Tensor:
    """Return `(O,)` float64 probabilities: every option of a choice as likely as the next."""
    return torch.cat([torch.full((count,), 1.0 / count, dtype=torch.float64) for count in counts])


def draw(
    logits: torch.Tensor,
    counts: Sequence[int],
    *,
    sampling: Sampling,
    temperature: float = 1.0,
    generator: torch.Generator,
) -> Draw:
    """Sample a path from the logits.

    Args:
        logits: `(O,)`.
        counts: options of each choice.
        sampling: "binary": ProxylessNAS's gates (1812.00332, eq. 3 and 4) with the gradient of *every* gate, its
            "full" mode: the active option runs and is differentiated, the others run forward only, one at a time.
            "two-path": two options of each choice are drawn, and the gradient is that of a softmax over the two
            (section 3.2.1 there); the others' gates get none. "gumbel": the path is the argmax of logits plus Gumbel
            noise, the gradient that of their softmax at `temperature` (straight through).
        temperature: of the Gumbel softmax.
        generator: where the noise comes from.
    """
    if sampling == "gumbel":
        return _draw_gumbel(logits, counts, temperature, generator)
    if sampling == "two-path":
        return _draw_pair(logits, counts, generator)
    if sampling == "binary":
        probs = probabilities(logits, counts)
        return Draw(sample_path(probs, counts, generator), probs, tuple(tuple(range(count)) for count in counts))
    raise ValueError(f"sampling must be one of {SAMPLINGS[:3]} to draw a path, got {sampling!r}")


def _draw_gumbel(logits: torch.Tensor, counts: Sequence[int], temperature: float, generator: torch.Generator) -> Draw:
    uniforms = torch.rand(logits.shape, generator=generator, dtype=torch.float64).clamp(1e-12, 1 - 1e-12)
    noisy = logits + -torch.log(-torch.log(uniforms)).to(logits)
    path = tuple(int(block.argmax()) for block in noisy.detach().split(list(counts)))
    return Draw(path, probabilities(noisy / temperature, counts), tuple(tuple(range(count)) for count in counts))


def _draw_pair(logits: torch.Tensor, counts: Sequence[int], generator: torch.Generator) -> Draw:
    path, asked, relaxed = [], [], []
    for block in logits.split(list(counts)):
        probs = block.detach().softmax(0).to("cpu", torch.float64)
        pair = torch.multinomial(probs, min(2, len(probs)), generator=generator)
        active = int(torch.multinomial(probs[pair], 1, generator=generator))
        path.append(int(pair[active]))
        asked.append(tuple(pair.tolist()))
        zeros = torch.zeros_like(block)
        relaxed.append(zeros.index_copy(0, pair.to(block.device), block[pair.to(block.device)].softmax(0)))
    return Draw(tuple(path), torch.cat(relaxed), tuple(asked))
