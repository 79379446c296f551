"""An agent's process: lines to its standard input, lines from its standard output, each within a time limit."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence

LONGEST_LINE = 16 << 20
"""Bytes of a line, above which it is dropped."""
END_GRACE_S = 2.0
"""How long an agent has to end by itself once its input is closed."""

_STDERR_TAIL = 2_000
_CHUNK = 1 << 16
_REPRODUCIBLE = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONUNBUFFERED": "1",  # a line that stays in the agent's buffer is a reply that never comes
}


class AgentFailed(RuntimeError):
    """An agent ended, hung, or gave nonsense once too often; the message has the end of its standard error."""


class AgentProcess:
    """A running agent, in a process group of its own; `close` ends all of it.

    Args:
        command: The program and its arguments; no shell is involved.
        timeout_s: Seconds that it has to take a line and to reply.

    Raises:
        AgentFailed: If it cannot be started.
    """

    def __init__(self, command: Sequence[str], *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=os.environ | _REPRODUCIBLE,
                process_group=0,
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise AgentFailed(f"the agent {command[0]!r} cannot be started: {error}") from error
        self._selector = selectors.DefaultSelector()
        self._buffer, self._outgoing, self._stderr = bytearray(), bytearray(), bytearray()
        self._dropping = self._deaf = False
        self._lines: list[bytes | None] = []
        streams = {"out": self._process.stdout, "err": self._process.stderr}
        for name, stream in streams.items():
            assert stream is not None, "it was opened as a pipe"
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ, name)
        assert self._process.stdin is not None, "it was opened as a pipe"
        os.set_blocking(self._process.stdin.fileno(), False)

    def send(self, line: str) -> None:
        """Write a line, within the time limit.

        Raises:
            AgentFailed: If the agent has ended, or does not read.
        """
        assert self._process.stdin is not None, "it was opened as a pipe"
        self._outgoing += line.encode() + b"\n"
        self._selector.register(self._process.stdin, selectors.EVENT_WRITE, "in")
        try:
            self._pump(lambda: not self._outgoing, what="does not read what is sent to it")
        finally:
            self._selector.unregister(self._process.stdin)

    def receive(self) -> bytes | None:
        """Return the next line that is not blank, without its end; None for one that was too long and dropped.

        Raises:
            AgentFailed: If the agent has ended, or does not reply within the time limit.
        """
        self._pump(lambda: bool(self._lines), what="gave no reply")
        return self._lines.pop(0)

    def failed(self, reason: str) -> AgentFailed:
        """Return an error with a reason and the end of what the agent wrote to standard error."""
        tail = self._stderr.decode("utf-8", "replace").strip()
        said = f"; its standard error ends with: {tail}" if tail else "; it wrote nothing to standard error"
        return AgentFailed(f"the agent {reason}{said}")

    def close(self, *, grace_s: float = END_GRACE_S) -> None:
        """Close the agent's input, give it a moment to end, and kill what is left of its process group."""
        process, self._deaf = self._process, True
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        try:
            with contextlib.suppress(AgentFailed):
                self._pump(lambda: process.poll() is not None, what="", seconds=grace_s, until_end=True)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self._selector.close()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()

    def _pump(
        self, done: Callable[[], bool], *, what: str, seconds: float | None = None, until_end: bool = False
    ) -> None:
        """Move bytes in all directions until `done`."""
        limit = self._timeout_s if seconds is None else seconds
        deadline = time.monotonic() + limit
        while not done():
            left = deadline - time.monotonic()
            if left <= 0:
                raise self.failed(f"{what} within {limit:g} s")
            open_streams = {key.data for key in self._selector.get_map().values()}
            if "out" not in open_streams and not until_end:
                raise self.failed(self._how_it_ended())
            ready = self._selector.select(min(left, 0.05 if until_end else 0.5))
            for key, _ in ready:
                self._move(key)
            if not ready and not until_end and self._process.poll() is not None:
                raise self.failed(self._how_it_ended())  # a child of its own keeps its output open

    def _move(self, key: selectors.SelectorKey) -> None:
        if key.data == "in":
            try:
                del self._outgoing[: os.write(key.fd, self._outgoing[:_CHUNK])]
            except BlockingIOError:
                return
            except OSError as error:
                self._drain()
                raise self.failed(self._how_it_ended()) from error
            return
        try:
            data = os.read(key.fd, _CHUNK)
        except BlockingIOError:
            return
        if not data:
            self._selector.unregister(key.fileobj)
        elif key.data == "err":
            self._stderr = (self._stderr + data)[-_STDERR_TAIL:]
        else:
            self._split(data)

    def _split(self, data: bytes) -> None:
        """Take bytes of standard output; a line above the limit becomes None, and is never held whole."""
        if self._deaf:
            return
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._buffer += piece
            if self._dropping or len(self._buffer) > LONGEST_LINE:
                self._lines.append(None)
            elif self._buffer.strip():
                self._lines.append(bytes(self._buffer))
            self._buffer, self._dropping = bytearray(), False
        self._buffer += rest
        if len(self._buffer) > LONGEST_LINE:
            self._buffer, self._dropping = bytearray(), True

    def _how_it_ended(self) -> str:
        """Wait a moment for the exit status of an agent that has closed its output, and for its last words."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_GRACE_S)
        self._drain()
        status = self._process.poll()
        if status is None:
            return "closed its standard output before it was told to stop"
        how = f"exit status {status}" if status >= 0 else f"signal {-status}"
        return f"ended with {how} before it was told to stop"

    def _drain(self) -> None:
        """Read what is left of standard error."""
        stream = self._process.stderr
        with contextlib.suppress(OSError, ValueError):
            while stream is not None and (data := os.read(stream.fileno(), _CHUNK)):
                self._stderr = (self._stderr + data)[-_STDERR_TAIL:]
