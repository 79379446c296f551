"""An executor for tests whose runs must see what the test has put in place, which a process of their own would not."""

from __future__ import annotations

from concurrent.futures import Executor, Future


class Inline(Executor):
    """Makes each call at once, where it is submitted."""

    def submit(self, fn, /, *args, **kwargs):
        """Return a future that is done."""
        future = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future
