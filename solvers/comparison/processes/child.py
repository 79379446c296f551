"""What a forked child does: make one call, and send what it returns. Nothing that it does reaches another child."""

from __future__ import annotations

import faulthandler
import os
import pickle
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

import numpy as np

from solvers.comparison.processes.channel import frame
from solvers.contract.failure import TimeLimit, reason_of, traceback_of

PROGRESS, RETURNED, RAISED = "progress", "returned", "raised"

report: Callable[[Any], None] | None = None
"""In a child: sends the driver a message on how far it is. None in any other process."""


def run_child(results: int, call: int, crash: int) -> NoReturn:
    """Make a call in this process, which was forked for it, and end the process.

    Args:
        results: Descriptor of the socket to the driver.
        call: Of a file with the pickled call: function, arguments, keyword arguments.
        crash: Of a file that takes Python's traceback if the process dies of a signal.
    """
    global report  # noqa: PLW0603  # what user code reports progress to; a forked process has one call
    home, channel = os.getpid(), socket.socket(fileno=results)

    def send(kind: str, *content: Any) -> None:
        try:
            data = frame((kind, *content))
        except BaseException as error:  # the answer cannot be pickled, or memory is short
            data = frame((RAISED, reason_of(error), traceback_of(error)))
        if os.getpid() != home:  # a fork of the solver's that went on with the run
            os._exit(0)
        try:
            channel.sendall(data)
        except OSError:  # the driver has ended, or the solver closed the descriptor
            os._exit(1)

    report = lambda message: send(PROGRESS, message)  # noqa: E731
    faulthandler.enable(crash)
    signal.signal(signal.SIGTERM, _time_is_up)
    np.random.seed()  # noqa: NPY002  (as in a new process: a fork has its parent's state)
    try:
        with os.fdopen(call, "rb") as file:
            file.seek(0)
            function, args, kwargs = pickle.load(file)
        value = function(*args, **kwargs)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        send(RETURNED, value)
    except BaseException as error:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        send(RAISED, reason_of(error), traceback_of(error))
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # closed by the solver
            continue
    os._exit(0)  # threads that the solver left behind do not keep the process


def _time_is_up(_: int, __: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    raise TimeLimit("its process was sent SIGTERM")
