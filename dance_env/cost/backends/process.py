"""One question to a foreign tool, in a process of its own: whatever happens there becomes a status with a reason.

A worker is a script that reads one JSON object from standard input and writes one to standard output: ``cycles`` and
``energy_pj``, or ``unmappable`` with a reason. It may print what it likes to standard error.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

_REASON_LENGTH = 400


class Status(Enum):
    """How a question to a tool went; the values are sentences to read."""

    PRICED = "The tool priced the layer on the accelerator."
    UNMAPPABLE = "The tool found no mapping of the layer on the accelerator."
    FAILED = "The tool ended with an error."
    TIMED_OUT = "The tool took longer than the time-out, and was ended."
    GARBLED = "The tool's answer could not be read."
    NO_COST = "The tool answered with a number that cannot be a cost: not finite, or not positive."


@dataclass(frozen=True)
class Answer:
    """What a tool said about one layer on one accelerator.

    Attributes:
        status: how it went.
        reason: what the tool said where it did not go well, "" otherwise.
        cycles, energy_pj: inf unless the status is `Status.PRICED`.
        seconds: how long it took, starting the process included.
    """

    status: Status
    reason: str
    cycles: float
    energy_pj: float
    seconds: float

    @property
    def priced(self) -> bool:
        """Whether there is a cost."""
        return self.status is Status.PRICED


def ask(
    command: Sequence[str],
    request: Mapping[str, Any],
    *,
    timeout_s: float,
    running: set[subprocess.Popen] | None = None,
) -> Answer:
    """Put one request to a worker.

    Args:
        command: the program and its arguments.
        request: what is written to its standard input, as JSON.
        timeout_s: seconds after which it is killed, with all processes that it started.
        running: holds the process while it runs, for whoever wants to `kill` it earlier.

    Returns:
        The answer; nothing that the worker does raises. It runs in an empty folder that is removed afterwards, with one
        thread, and with a fixed hash seed, as some tools iterate over sets.
    """
    started = time.perf_counter()

    def none(status: Status, reason: str) -> Answer:
        return nothing(status, reason, time.perf_counter() - started)

    settings = {**os.environ, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    with tempfile.TemporaryDirectory(prefix="dance-backend-", ignore_cleanup_errors=True) as folder:
        try:
            process = subprocess.Popen(
                list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder,
                env=settings, start_new_session=True, text=True, encoding="utf-8", errors="replace",
            )  # fmt: skip
        except OSError as error:
            return none(Status.FAILED, f"cannot start {command[0]}: {error.strerror or error}")
        if running is not None:
            running.add(process)
        try:
            out, err = process.communicate(json.dumps(request), timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return none(Status.TIMED_OUT, f"no answer within {timeout_s:g} s")
        finally:
            if running is not None:
                running.discard(process)
            _end(process)
    seconds = time.perf_counter() - started
    if process.returncode != 0:
        return none(Status.FAILED, f"exit status {process.returncode}: {_last_line(err)}")
    try:
        said = json.loads(out)
        if "unmappable" in said:
            return none(Status.UNMAPPABLE, str(said["unmappable"]))
        cycles, energy_pj = float(said["cycles"]), float(said["energy_pj"])
    except (ValueError, TypeError, KeyError) as error:
        return none(Status.GARBLED, f"expected JSON with cycles and energy_pj ({error!r}), got {out.strip()!r}")
    if not all(math.isfinite(value) and value > 0 for value in (cycles, energy_pj)):
        return none(Status.NO_COST, f"{cycles} cycles, {energy_pj} pJ")
    return Answer(Status.PRICED, "", cycles, energy_pj, seconds)


def nothing(status: Status, reason: str, seconds: float = 0.0) -> Answer:
    """Return an answer without a cost."""
    return Answer(status, _shortened(reason), math.inf, math.inf, seconds)


def kill(process: subprocess.Popen) -> None:
    """Kill a worker and all that it started; one that has ended already is left alone."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()


def _end(process: subprocess.Popen) -> None:
    kill(process)
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _REASON_LENGTH else flat[: _REASON_LENGTH - 3] + "..."
