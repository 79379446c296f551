"""Many questions to a back end side by side on a Ray cluster (extra `ray`).

A host of the cluster needs this library, and the tool's interpreter at the same path as here. A question whose worker or
host is lost is a failure with that reason: ask again, and what was priced is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

from dance_env.cost.backends.process import Answer, Status, ask, nothing
from dance_env.cost.backends.running import Accelerator, Pair, Question, Row, Running
from dance_env.ray_cluster import connect, load_ray


def ask_all_on_ray(
    pairs: Sequence[Pair], question: Callable[[Row, Accelerator], Question], running: Running
) -> Generator[tuple[Pair, Answer], None, None]:
    """Yield answers as they come, as `running.ask_all`; a caller who stops asking cancels what still waits.

    Raises:
        ImportError: If Ray is not installed.
        ConnectionError: If the cluster cannot be reached.
    """
    ours = connect(running.ray, running.workers)
    ray = load_ray()
    remote = ray.remote(num_cpus=1, max_retries=0)(ask)
    waiting = {remote.remote(*question(*pair), timeout_s=running.timeout_s): pair for pair in pairs}
    try:
        while waiting:
            (done, *_), _ = ray.wait(list(waiting), num_returns=1)
            try:
                answer = ray.get(done)
            except ray.exceptions.RayError as error:
                answer = nothing(Status.FAILED, f"lost on the cluster: {str(error).strip().splitlines()[0]}")
            yield waiting.pop(done), answer
    finally:
        for each in waiting:
            ray.cancel(each, force=True)
        if ours:
            ray.shutdown()
