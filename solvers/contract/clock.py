"""Wall time of a run, split into accounts so that no second is charged twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

Account = Literal["solver", "oracle", "evaluator", "training", "nobody"]
"""Who is charged: the solver, the problem (oracle), an evaluator's training, a supernet's training, nobody."""


class Clock:
    """Charges every moment to exactly one account: the innermost that is open, the solver's where none is.

    Seconds of an earlier run whose answer was read from a cache are added by `add`: they are on the bill, but they are
    not part of `elapsed`.
    """

    def __init__(self) -> None:
        self._measured: dict[str, float] = dict.fromkeys(get_args(Account), 0.0)
        self._added: dict[str, float] = dict.fromkeys(get_args(Account), 0.0)
        self._open: list[Account] = ["solver"]
        self._since = time.perf_counter()
        self._stopped = False

    @contextmanager
    def charge(self, account: Account) -> Iterator[None]:
        """Charge the time inside to `account`, less what is charged to others further inside."""
        self._settle()
        self._open.append(account)
        try:
            yield
        finally:
            self._settle()
            self._open.pop()

    def add(self, account: Account, seconds: float) -> None:
        """Charge seconds that an earlier run spent."""
        self._added[account] += float(seconds)

    def seconds(self, account: Account) -> float:
        """Return what an account was charged so far."""
        self._settle()
        return self._measured[account] + self._added[account]

    @property
    def elapsed(self) -> float:
        """Wall time since the start, less what was charged to nobody."""
        self._settle()
        return sum(self._measured.values()) - self._measured["nobody"]

    @property
    def stopped(self) -> bool:
        """Whether the run has ended."""
        return self._stopped

    def stop(self) -> None:
        """Charge nothing from now on."""
        self._settle()
        self._stopped = True

    def _settle(self) -> None:
        """Charge the time since the last change to the innermost account."""
        now = time.perf_counter()
        if not self._stopped:
            self._measured[self._open[-1]] += now - self._since
        self._since = now
