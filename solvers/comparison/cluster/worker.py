"""What a Ray worker does with a call: pass it to a process of its own on the same host."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from solvers.comparison.processes.executor import ProcessPerCall
from solvers.comparison.processes.isolating import CallFailed

_kept: dict[str, ProcessPerCall] = {}
"""In a Ray worker: the executor of its host's processes, by the driver's executor that it serves; at most one."""


@dataclass(frozen=True)
class Outcome:
    """How a call ended, as it travels to the driver.

    Attributes:
        value: What it returned.
        failure: Why it returned nothing in time; None where it did.
        details: The other attributes of `CallFailed`.
    """

    value: Any = None
    failure: str | None = None
    details: dict[str, Any] | None = None

    def unwrap(self) -> Any:
        """Return the value.

        Raises:
            CallFailed: If there is none.
        """
        if self.failure is not None:
            raise CallFailed(self.failure, **(self.details or {}))
        return self.value


def make_call(key: str, timeout_s: float | None, preparation: bytes, packed: bytes) -> Outcome:
    """Make a call in a process of its own on this host.

    Args:
        key: Names the driver's executor: another one may have other code, and gets new processes.
        timeout_s, preparation: Time limit of a call, and the pickled `prepare` of `ProcessPerCall`.
        packed: The pickled call.
    """
    if key not in _kept:
        while _kept:
            _kept.popitem()[1].kill()
        _kept[key] = ProcessPerCall(1, timeout_s=timeout_s, prepare=_Prepare(preparation))
    try:
        return Outcome(_kept[key].submit(call, packed).result())
    except CallFailed as failure:
        return Outcome(failure=str(failure), details=vars(failure))


def call(packed: bytes) -> Any:
    """Make a pickled call in this process."""
    function, args, kwargs = pickle.loads(packed)
    return function(*args, **kwargs)


@dataclass(frozen=True)
class _Prepare:
    """Unpickled where it is called: what it needs is imported in the process that forks, not in Ray's worker."""

    pickled: bytes

    def __call__(self) -> None:
        function: Callable[[], object] = pickle.loads(self.pickled)
        function()
