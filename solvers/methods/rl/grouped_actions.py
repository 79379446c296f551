"""The distribution of many independent choices, computed for all choices of equal size at once.

The one of stable-baselines3 makes one `Categorical` for each choice. On a design of 32 choices these small tensor operations are
two thirds of the time of PPO. This one makes one for each number of options. Its numbers are the same to the bit: each
row of logits is reduced by itself, sums over choices are made in the order of the choices, and draws are made choice by choice.
"""

from __future__ import annotations

import torch
from stable_baselines3.common.distributions import MultiCategoricalDistribution
from torch.distributions import Categorical


class GroupedCategoricals(MultiCategoricalDistribution):
    """Independent choices, grouped by their number of options.

    Args:
        action_dims: Options of each choice.
    """

    def __init__(self, action_dims: list[int]) -> None:
        super().__init__(action_dims)
        starts = torch.tensor([0, *action_dims]).cumsum(0).tolist()
        self._members = [[i for i, n in enumerate(action_dims) if n == size] for size in dict.fromkeys(action_dims)]
        self._columns = [
            torch.tensor([starts[i] + option for i in members for option in range(action_dims[i])])
            for members in self._members
        ]
        self._indices = [torch.tensor(members) for members in self._members]
        self._in_order = torch.cat(self._indices).argsort()

    def proba_distribution(self, action_logits: torch.Tensor) -> GroupedCategoricals:
        """Take the logits `(B, options of all choices)`."""
        rows = len(action_logits)
        self.distribution = [
            Categorical(logits=action_logits.index_select(1, columns).view(rows, len(members), -1), validate_args=False)
            for columns, members in zip(self._columns, self._members, strict=True)
        ]
        return self

    def log_prob(self, actions: torch.Tensor) -> torch.Tensor:
        """Return the logarithm `(B,)` of the probability of actions `(B, choices)`."""
        return self._sum(
            [
                group.log_prob(actions.index_select(1, indices))
                for group, indices in zip(self.distribution, self._indices, strict=True)
            ]
        )

    def entropy(self) -> torch.Tensor:
        """Return the entropy `(B,)`."""
        return self._sum([group.entropy() for group in self.distribution])

    def sample(self) -> torch.Tensor:
        """Draw actions `(B, choices)`, choice by choice."""
        probs = self._by_choice()
        return torch.cat([torch.multinomial(each, 1, replacement=True) for each in probs], dim=1)

    def mode(self) -> torch.Tensor:
        """Return the likeliest actions `(B, choices)`."""
        return torch.stack([each.argmax(dim=1) for each in self._by_choice()], dim=1)

    def _sum(self, groups: list[torch.Tensor]) -> torch.Tensor:
        return torch.cat(groups, dim=1).index_select(1, self._in_order).sum(dim=1)

    def _by_choice(self) -> list[torch.Tensor]:
        """The probabilities `(B, options)` of each choice."""
        found: dict[int, torch.Tensor] = {}
        for group, members in zip(self.distribution, self._members, strict=True):
            found.update(zip(members, group.probs.unbind(dim=1), strict=True))
        return [found[i] for i in range(len(self.action_dims))]
