"""A back end that fails is asked again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from solvers.contract.metered_problem import MeteredProblem
from solvers.middleware.wrapper import Wrapper


@dataclass(frozen=True)
class Retry(Wrapper):
    """An accuracy or cost model that raises, or answers NaN, is asked again; a failed question costs nothing.

    What failed is attached to the result (`retries.txt`), a line for each time.

    Attributes:
        attempts: How often a question is asked at most; then its error ends the run.
        wait_s: Seconds before the second attempt, twice as many before each further one.
    """

    name: ClassVar[str] = "retry"
    attempts: int = 3
    wait_s: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.attempts < 1:
            raise ValueError(f"attempts is at least 1, not {self.attempts}")
        if not 0 <= self.wait_s < float("inf"):
            raise ValueError(f"wait_s is a number of seconds of at least 0, not {self.wait_s}")

    def around(self, problem: MeteredProblem) -> MeteredProblem:
        """Return the problem that asks again."""
        return problem.retrying(self.attempts, wait_s=self.wait_s)
