"""A search that ends after so many seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

from solvers.contract.metered_problem import MeteredProblem
from solvers.middleware.wrapper import SearchEnded, Wrapper


@dataclass(frozen=True)
class TimeLimited(Wrapper):
    """The first question after so many seconds of wall clock ends the search; what was found is a run like others.

    It depends on the machine, so the same seed gives the same trace only up to where it is cut. A solver that asks nothing
    is not stopped: give the comparison a `--timeout` as well.

    Attributes:
        seconds: From the start of the search.
    """

    name: ClassVar[str] = "time-limit"
    seconds: float = 60.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.seconds > 0:
            raise ValueError(f"seconds is a number above 0, not {self.seconds}")

    def around(self, problem: MeteredProblem) -> MeteredProblem:
        """Return the problem itself, on a meter that watches the clock."""
        deadline, end = time.monotonic() + self.seconds, SearchEnded(id(problem))

        def check() -> None:
            if time.monotonic() >= deadline:
                raise end

        problem.meter.before_questions.append(check)
        return problem
