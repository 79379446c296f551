"""The server: forks a child for each call, and kills what children leave behind. It runs no code of a solver's."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import pickle
import select
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from solvers.comparison.processes.channel import NOTE_BYTES, Command, Event, note, parse_note
from solvers.comparison.processes.child import run_child

_DESCRIPTORS_OF_A_CHILD = 3
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def main(control: int, preparation: int) -> NoReturn:
    """Serve until the driver ends.

    Args:
        control: Descriptor of the socket to the driver.
        preparation: Of a file with a pickled function, which loads once what every child will need.
    """
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):  # the driver decides when the server ends
        signal.signal(ignored, signal.SIG_IGN)
    driver = socket.socket(fileno=control)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # while this loads, it does not listen
    if _hung_up(driver):  # it has ended before that
        os._exit(0)
    gc.disable()  # what is imported is no garbage
    with contextlib.suppress(Exception), os.fdopen(preparation, "rb") as file:  # a child will say what is wrong
        file.seek(0)
        pickle.load(file)()
    gc.enable()
    gc.freeze()  # children neither look through it again nor copy its pages for that
    _prctl(_PR_SET_PDEATHSIG, 0)  # from here on it listens, and kills its children before it ends
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    _Server(driver).serve()


class _Server:
    """The children that run, by process id, and the sockets that wake the loop."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._numbers: dict[int, int] = {}
        self._woken, waker = socket.socketpair()
        self._woken.setblocking(False)
        waker.setblocking(False)
        self._waker = waker
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)

    def serve(self) -> NoReturn:
        while True:
            ready, _, _ = select.select([self._control, self._woken], [], [])
            if self._woken in ready:
                with contextlib.suppress(BlockingIOError):
                    self._woken.recv(4096)
                self._reap()
            if self._control in ready:
                self._obey()

    def _obey(self) -> None:
        """Do what the driver asks next; end where it has ended."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, NOTE_BYTES, _DESCRIPTORS_OF_A_CHILD)
        except OSError:
            data, descriptors = b"", []
        if len(data) < NOTE_BYTES:
            self._end()
        command, number, _ = parse_note(data)
        if command == Command.RUN:
            self._fork(number, descriptors)
            return
        for pid, known in self._numbers.items():
            if known == number and command == Command.INTERRUPT:
                os.kill(pid, signal.SIGTERM)
            elif known == number:
                _kill_group(pid)

    def _fork(self, number: int, descriptors: Sequence[int]) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                self._become_child(parent)
                run_child(*descriptors)
            finally:
                os._exit(70)
        with contextlib.suppress(OSError):  # the child does the same: whichever is first
            os.setpgid(pid, pid)
        for descriptor in descriptors:
            os.close(descriptor)
        self._numbers[pid] = number
        self._tell(Event.STARTED, number, pid)

    def _become_child(self, parent: int) -> None:
        """Leave what is the server's: its sockets, its signals, its process group."""
        signal.set_wakeup_fd(-1)
        for name in (signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM):
            signal.signal(name, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for end in (self._control, self._woken, self._waker):
            end.close()
        os.setpgid(0, 0)
        _prctl(_PR_SET_CHILD_SUBREAPER, 0)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the server was killed in between
            os._exit(1)

    def _reap(self) -> None:
        """Take leave of children that ended; whatever they started goes with them."""
        for pid in list(self._numbers):
            # Not reaped yet: as long as it is a zombie, its number is no other process's.
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            _kill_group(pid)
            _, status = os.waitpid(pid, 0)
            self._tell(Event.EXITED, self._numbers.pop(pid), os.waitstatus_to_exitcode(status))
        with contextlib.suppress(ChildProcessError):  # what became the server's when its own parent ended
            while not self._numbers and os.waitpid(-1, os.WNOHANG)[0]:
                pass

    def _tell(self, event: Event, number: int, value: int) -> None:
        try:
            self._control.sendall(note(event, number, value))
        except OSError:
            self._end()

    def _end(self) -> NoReturn:
        for pid in self._numbers:
            _kill_group(pid)
        # Some left their group; one that a child started becomes the server's own only when that child is dead.
        with contextlib.suppress(ChildProcessError):
            while True:
                for pid in _own_children():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                os.waitpid(-1, 0)
        os._exit(0)


def _hung_up(driver: socket.socket) -> bool:
    """Whether the other end is closed; a call that it sent before may still be there to be read."""
    poll = select.poll()
    poll.register(driver, 0)  # a closed end is told in any case
    return bool(poll.poll(0))


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _own_children() -> list[int]:
    """Every child of this process, where the system tells."""
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except (OSError, ValueError):
        return []


def _prctl(option: int, value: int) -> None:
    """Set an option of this process, on Linux; elsewhere a driver and a server that die together leave orphans."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
