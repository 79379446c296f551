"""The accuracy model of networks that nobody has trained: for questions of cost alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dance_env.graph import NetworkSpace


@dataclass(frozen=True)
class UnknownAccuracy:
    """Stands where a problem wants accuracies and nothing asks for them, as when DANCE's evaluator is trained on costs.

    Attributes:
        space: whose networks' accuracy is not known.
    """

    space: NetworkSpace

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        """There is nothing to say.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(f"the accuracy of networks of {self.space.name} is not known: only costs can be asked here")

    def fingerprint(self) -> str:
        """Of an accuracy that is not known."""
        return "unknown accuracy"
