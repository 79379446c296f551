"""An executor that makes each call in a process of its own, somewhere on a Ray cluster."""

from __future__ import annotations

import collections
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import cloudpickle

from dance_env.ray_cluster import connect, load_ray
from solvers.comparison.processes.isolating import CallFailed, IsolatingExecutor

MAX_TRIES = 3
"""How often a call is made whose Ray worker or host is lost."""

_SECONDS_BETWEEN_LOOKS = 0.1
_SECONDS_BETWEEN_COUNTS = 5.0


@dataclass(eq=False)
class _Call:
    """One call, from its submission to its end."""

    packed: bytes
    future: Future[Any]
    tries: int = 0
    started: float = 0.0


class RayExecutor(IsolatingExecutor):
    """Makes each call in a process of its own on some host of a Ray cluster.

    What a call does to its process is told as `ProcessPerCall` tells it. A call whose Ray worker is killed or whose host
    is removed is made again elsewhere, `MAX_TRIES` times in all. Hosts must have this library and read files that calls
    name at the same paths; they use their own caches.

    Args:
        address: "local", "auto", or HOST:PORT of the cluster's head. A process that is connected already stays so.
        workers: Processors of a cluster that is started here.
        timeout_s: Wall-clock limit of one call, kept on the host; None is no limit.
        prepare: As for `ProcessPerCall`; called once by each Ray worker.
        gpu: Whether each call needs a GPU.

    Raises:
        ImportError: If Ray is not installed.
        ConnectionError: If the cluster cannot be reached.
    """

    def __init__(
        self,
        address: str,
        *,
        workers: int = 1,
        timeout_s: float | None = None,
        prepare: Callable[[], object] = lambda: None,
        gpu: bool = False,
    ) -> None:
        self._ours = connect(address, workers)
        self._ray = load_ray()
        self._task = self._remote(timeout_s, cloudpickle.dumps(prepare), gpu)
        self._changed = threading.Condition()
        self._waiting: collections.deque[_Call] = collections.deque()
        self._running: dict[Any, _Call] = {}
        self._closing = self._killing = False
        self._window, self._counted = 1, float("-inf")
        self._thread = threading.Thread(target=self._serve, name="dance-ray", daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Make a call as soon as the cluster has a free processor; see `concurrent.futures.Executor`."""
        call = _Call(cloudpickle.dumps((fn, args, kwargs)), Future())
        with self._changed:
            if self._closing:
                raise RuntimeError("the executor was shut down; nothing more can be submitted")
            self._waiting.append(call)
            self._changed.notify()
        return call.future

    def reports(self) -> Iterator[tuple[Future[Any], Any]]:
        """Return nothing: on a cluster, calls report when they end."""
        return iter(())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End when all calls have ended; see `concurrent.futures.Executor`."""
        with self._changed:
            self._closing = True
            canceled = list(self._waiting) if cancel_futures else []
            if cancel_futures:
                self._waiting.clear()
            self._changed.notify()
        for call in canceled:
            call.future.cancel()
        if wait:
            self._thread.join()

    def kill(self) -> None:
        """Kill running calls, cancel the others, and end."""
        self._killing = True
        self.shutdown(cancel_futures=True)

    # ------------------------------------------------------------------------------------- the thread that manages it

    def _serve(self) -> None:
        try:
            while self._has_work():
                self._start_calls()
                for reference in self._ended():
                    self._end_call(reference)
        finally:
            for reference, call in self._running.items():
                self._ray.cancel(reference, force=True)
                call.future.set_exception(CallFailed("it was stopped", seconds=time.monotonic() - call.started))
            self._running.clear()
            if self._ours:
                self._ray.shutdown()

    def _has_work(self) -> bool:
        """Wait until there is something to do; False once there never will be."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._running or self._closing)
            return not self._killing and bool(self._waiting or self._running)

    def _start_calls(self) -> None:
        """Give Ray as many calls as the cluster has processors, and a few more, so that one that grows is asked to."""
        now = time.monotonic()
        if now > self._counted + _SECONDS_BETWEEN_COUNTS:
            processors = int(self._ray.cluster_resources().get("CPU", 0))
            self._window, self._counted = processors + processors // 4 + 1, now
        while len(self._running) < self._window:
            with self._changed:
                call = self._waiting.popleft() if self._waiting and not self._killing else None
            if call is None:
                return
            if call.tries or call.future.set_running_or_notify_cancel():
                call.tries, call.started = call.tries + 1, now
                self._running[self._task.remote(call.packed)] = call

    def _ended(self) -> list[Any]:
        running = list(self._running)
        if not running:
            return []
        ended, _ = self._ray.wait(running, num_returns=1, timeout=_SECONDS_BETWEEN_LOOKS)
        return self._ray.wait(running, num_returns=len(running), timeout=0)[0] if ended else []

    def _end_call(self, reference: Any) -> None:
        """Settle the future of a call that has ended, or make the call again."""
        call = self._running.pop(reference)
        errors = self._ray.exceptions
        try:
            call.future.set_result(self._ray.get(reference).unwrap())
        except CallFailed as failure:
            call.future.set_exception(failure)
        except errors.RayTaskError as error:  # our part of the task raised: the library is missing there, or another's
            call.future.set_exception(CallFailed(f"its Ray worker could not start it: {_last_line(error)}"))
        except errors.RayError as error:  # the worker or its host was lost
            if call.tries < MAX_TRIES:
                with self._changed:
                    self._waiting.appendleft(call)
                return
            reason = f"its Ray worker was lost {call.tries} times, the last time with {_first_line(error)}"
            call.future.set_exception(CallFailed(reason, seconds=time.monotonic() - call.started))

    def _remote(self, timeout_s: float | None, preparation: bytes, gpu: bool) -> Any:
        """The task of a call. It is pickled by value: the library can be imported only once the path is set."""
        key, path = uuid.uuid4().hex, [os.path.abspath(each) for each in sys.path]
        environment = {name: value for name, value in os.environ.items() if name.startswith("DANCE_")}

        def task(packed: bytes) -> Any:
            import os
            import sys

            here = [each for each in path if os.path.exists(each)]
            sys.path[:] = here + [each for each in sys.path if each not in here]
            for name, value in environment.items():
                os.environ.setdefault(name, value)  # a host's own cache is the right one there
            from solvers.comparison.cluster.worker import make_call

            return make_call(key, timeout_s, preparation, packed)

        # Retries are ours: Ray's own would be without a limit where memory is short.
        return self._ray.remote(task).options(num_cpus=1, num_gpus=int(gpu), max_retries=0)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
