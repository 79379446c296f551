"""An error that ended a run, as text that a record can hold."""

from __future__ import annotations

import traceback

_LONGEST_REASON = 2_000
_LONGEST_TRACEBACK = 20_000


class TimeLimit(BaseException):
    """Raised inside a search by whoever limits its time; the run's status is then TIMED_OUT.

    It is not an `Exception`, so that a solver that catches every error does not catch this one.
    """


def reason_of(error: BaseException) -> str:
    """Return the error's type and message in one text of at most 2,000 characters, whatever its `__str__` does."""
    try:
        message = str(error)
    except BaseException as broken:  # a message of the solver's own making may raise anything
        message = f"(its message cannot be shown: {type(broken).__name__})"
    if isinstance(error, MemoryError):
        message = "; ".join(
            [*filter(None, [message]), "the solver asked for too much memory: make its settings smaller"]
        )
    return _cut(f"{type(error).__name__}: {message}", _LONGEST_REASON)


def traceback_of(error: BaseException) -> str:
    """Return the error's traceback without the caller's own frame; the end is kept where it is long."""
    frames = error.__traceback__ and error.__traceback__.tb_next
    try:
        text = "".join(traceback.format_exception(type(error), error, frames or error.__traceback__))
    except BaseException:
        text = "".join(traceback.format_tb(frames)) + reason_of(error)
    return text if len(text) <= _LONGEST_TRACEBACK else f"[...]\n{text[-_LONGEST_TRACEBACK:]}"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 5]}[...]"
