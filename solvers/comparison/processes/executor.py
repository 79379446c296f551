"""An executor that makes each call in a process of its own, with a time limit."""

from __future__ import annotations

import collections
import json
import os
import queue
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import cloudpickle

from solvers.comparison.processes.channel import NOTE_BYTES, Command, Event, Frames, note, parse_note
from solvers.comparison.processes.child import PROGRESS, RAISED, RETURNED
from solvers.comparison.processes.isolating import CallFailed, IsolatingExecutor
from solvers.comparison.threads import ONE_THREAD_EACH

GRACE_S = 5.0
"""How long a call has to end after its time limit, before it is killed."""

_LONGEST_WAIT_S = 3600.0  # at a time: a selector refuses more than some 1e9 s, and infinity

_START = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])  # before anything is imported: the working folder may hold modules of any name
from solvers.comparison.processes.server import main
main(int(sys.argv[2]), int(sys.argv[3]))
"""


@dataclass(eq=False)
class _Call:
    """One call, from its submission to its end."""

    number: int
    packed: bytes
    future: Future[Any]
    frames: Frames = field(default_factory=Frames)
    socket: socket.socket | None = None
    crash: BinaryIO | None = None
    started: float | None = None
    deadline: float | None = None
    interrupted: bool = False
    killed: bool = False
    answer: tuple[Any, ...] | None = None

    @property
    def seconds(self) -> float:
        return 0.0 if self.started is None else time.monotonic() - self.started


class ProcessPerCall(IsolatingExecutor):
    """Makes each call in a process of its own.

    Whatever a call does (ends its process, is killed, hangs, leaves threads or processes behind, changes its folder or
    its environment), others are unharmed: its future raises `CallFailed` with the reason. Function, arguments and
    answer travel by pickle (cloudpickle on the way there).

    Args:
        workers: How many calls are made at a time.
        timeout_s: Wall-clock limit of one call. It gets `TimeLimit` raised in it, and is killed if it does not end
            within `GRACE_S` seconds. None is no limit.
        prepare: Called once, in the process that all calls are forked from, to load what they have in common. It must
            start no thread and run no code that is not trusted to come back.
    """

    def __init__(
        self, workers: int, *, timeout_s: float | None = None, prepare: Callable[[], object] = lambda: None
    ) -> None:
        self._workers, self._timeout_s, self._preparation = workers, timeout_s, cloudpickle.dumps(prepare)
        self._lock = threading.Lock()
        self._waiting: collections.deque[_Call] = collections.deque()
        self._running: dict[int, _Call] = {}
        self._submitted = 0
        self._closing = self._killing = False
        self._reports: queue.SimpleQueue[tuple[Future[Any], Any]] = queue.SimpleQueue()
        self._woken, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._woken, selectors.EVENT_READ, self._wake_up)
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, name="dance-executor", daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Make a call as soon as a worker is free; see `concurrent.futures.Executor`."""
        future: Future[Any] = Future()
        packed = cloudpickle.dumps((fn, args, kwargs))
        with self._lock:
            if self._closing:
                raise RuntimeError("the executor was shut down; nothing more can be submitted")
            self._submitted += 1
            self._waiting.append(_Call(self._submitted, packed, future))
        self._wake()
        return future

    def reports(self) -> Iterator[tuple[Future[Any], Any]]:
        """Return what running calls have reported since the last time: each call's future and its message."""
        while True:
            try:
                yield self._reports.get_nowait()
            except queue.Empty:
                return

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End when all calls have ended; see `concurrent.futures.Executor`."""
        with self._lock:
            self._closing = True
            canceled = list(self._waiting) if cancel_futures else []
            if cancel_futures:
                self._waiting.clear()
        for call in canceled:
            call.future.cancel()
        self._wake()
        if wait:
            self._thread.join()

    def kill(self) -> None:
        """Kill running calls, cancel the others, and end."""
        self._killing = True
        self.shutdown(cancel_futures=True)

    # ------------------------------------------------------------------------------------- the thread that manages it

    def _serve(self) -> None:
        while True:
            self._start_calls()
            with self._lock:
                if self._killing or (self._closing and not self._waiting and not self._running):
                    break
            for key, _ in self._selector.select(self._patience()):
                key.data()
            self._keep_time()
        self._end()

    def _start_calls(self) -> None:
        while len(self._running) < self._workers:
            with self._lock:
                call = self._waiting.popleft() if self._waiting and not self._killing else None
            if call is None:
                return
            if call.future.set_running_or_notify_cancel():
                self._running[call.number] = call
                try:
                    self._start(call)
                except (OSError, subprocess.SubprocessError) as error:
                    self._end_call(call, error=f"no process could be started for it: {error}")

    def _start(self, call: _Call) -> None:
        if self._control is None:
            self._start_server()
        assert self._control is not None, "the server was started"
        ours, theirs = socket.socketpair()
        call.socket, call.crash = ours, tempfile.TemporaryFile()  # noqa: SIM115  (closed by `_end_call`)
        ours.setblocking(False)
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._receive(call))
        with theirs, tempfile.TemporaryFile() as file:
            file.write(call.packed)
            file.flush()
            descriptors = [theirs.fileno(), file.fileno(), call.crash.fileno()]
            socket.send_fds(self._control, [note(Command.RUN, call.number)], descriptors)

    def _start_server(self) -> None:
        ours, theirs = socket.socketpair()
        path = json.dumps([os.path.abspath(each) for each in sys.path])
        with theirs, tempfile.TemporaryFile() as file:
            file.write(self._preparation)
            file.flush()
            descriptors = (theirs.fileno(), file.fileno())
            self._server = subprocess.Popen(
                [sys.executable, "-c", _START, path, *map(str, descriptors)],
                stdin=subprocess.DEVNULL,
                pass_fds=descriptors,
                env=os.environ | dict.fromkeys(ONE_THREAD_EACH, "1"),
                start_new_session=True,  # Ctrl-C on the terminal is the driver's alone
            )
        self._control = ours
        self._selector.register(ours, selectors.EVENT_READ, self._hear_server)

    def _hear_server(self) -> None:
        """Take one note of the server's; where it has ended, all running calls have, too."""
        assert self._control is not None, "the server runs"
        try:
            data = self._control.recv(NOTE_BYTES, socket.MSG_WAITALL)
        except OSError:
            data = b""
        if len(data) < NOTE_BYTES:
            self._lose_server()
            return
        event, number, value = parse_note(data)
        call = self._running.get(number)
        if call is None:
            return
        if event == Event.STARTED:
            call.started = time.monotonic()
            call.deadline = None if self._timeout_s is None else call.started + self._timeout_s
        elif event == Event.EXITED:
            self._receive(call)
            self._end_call(call, status=value)

    def _receive(self, call: _Call) -> None:
        """Take what a child has sent so far."""
        if call.socket is None:
            return
        while True:
            try:
                data = call.socket.recv(1 << 20)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                data = b""
            if not data:
                self._unregister(call)
                return
            try:
                messages = call.frames.feed(data)
            except Exception as error:  # the solver wrote into the socket, or its answer does not unpickle here
                messages = [(RAISED, f"its answer cannot be read: {type(error).__name__}: {error}", "")]
            for message in messages:
                if message[0] == PROGRESS:
                    self._reports.put((call.future, message[1]))
                else:
                    call.answer = message
                    call.deadline = time.monotonic() + GRACE_S  # to end its process

    def _unregister(self, call: _Call) -> None:
        if call.socket is not None:
            self._selector.unregister(call.socket)
            call.socket.close()
            call.socket = None

    def _end_call(self, call: _Call, *, status: int = 0, error: str = "") -> None:
        """Settle the future of a call whose process has ended."""
        self._unregister(call)
        self._running.pop(call.number, None)
        kind, *content = call.answer or ("",)
        if kind == RETURNED and not call.interrupted:
            call.future.set_result(content[0])
        else:
            call.future.set_exception(self._failure(call, kind, content, error or _how_it_ended(status)))
        if call.crash is not None:
            call.crash.close()

    def _failure(self, call: _Call, kind: str, content: Sequence[Any], error: str) -> CallFailed:
        answer = content[0] if kind == RETURNED else None
        reason, traceback = content if kind == RAISED else (error, "" if call.killed else _read(call.crash))
        if call.interrupted:
            reason = f"it took longer than {self._timeout_s:g} s"
        return CallFailed(reason, traceback=traceback, seconds=call.seconds, timed_out=call.interrupted, answer=answer)

    def _lose_server(self) -> None:
        """The server was killed: so are its children, and another one is started for the next call."""
        status = self._stop_server()
        for call in list(self._running.values()):
            self._receive(call)
            self._end_call(
                call, error=f"the process that starts the runs {_how_it_ended(status).removeprefix('its process ')}"
            )

    def _keep_time(self) -> None:
        now = time.monotonic()
        for call in list(self._running.values()):
            if call.deadline is None or now < call.deadline or self._control is None:
                continue
            if call.interrupted or call.answer is not None:
                call.killed, call.deadline = True, None
                self._command(Command.KILL, call)
            else:
                call.interrupted, call.deadline = True, now + GRACE_S
                self._command(Command.INTERRUPT, call)

    def _command(self, command: Command, call: _Call) -> None:
        assert self._control is not None, "the server runs"
        try:
            self._control.sendall(note(command, call.number))
        except OSError:  # it has ended: the loop will notice
            return

    def _patience(self) -> float | None:
        deadlines = [call.deadline for call in self._running.values() if call.deadline is not None]
        return min(_LONGEST_WAIT_S, max(0.0, min(deadlines) - time.monotonic())) if deadlines else None

    def _stop_server(self) -> int:
        """Close the line to the server, upon which it kills its children and ends; return its exit status."""
        if self._control is None or self._server is None:
            return 0
        self._selector.unregister(self._control)
        self._control.close()
        self._control = None
        try:
            return self._server.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._server.kill()
            return self._server.wait()

    def _end(self) -> None:
        self._stop_server()
        for call in list(self._running.values()):
            self._end_call(call, error="it was stopped")
        self._selector.close()
        self._woken.close()

    def _wake(self) -> None:
        try:
            self._waker.send(b"\0")
        except (BlockingIOError, OSError):  # it will wake anyway, or has ended
            return

    def _wake_up(self) -> None:
        self._woken.recv(4096)


def _how_it_ended(status: int) -> str:
    if status >= 0:
        return f"its process ended with exit status {status} before the run did"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    hint = ", perhaps for want of memory" if -status == signal.SIGKILL else ""
    return f"its process was ended by {name}{hint}"


def _read(file: BinaryIO | None) -> str:
    if file is None:
        return ""
    try:
        file.seek(0)
        return file.read(20_000).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""
