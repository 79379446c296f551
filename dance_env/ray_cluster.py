"""Ray, loaded at first use, and a connection to a cluster that prints nothing and reports nothing to anyone."""

from __future__ import annotations

import logging
import os
import socket
from types import ModuleType

_STORE_BYTES = 128 << 20
"""Of the object store of a cluster that is started here: a result takes well under a megabyte."""
_SECONDS_TO_ANSWER = 10.0


def load_ray() -> ModuleType:
    """Return Ray.

    Raises:
        ImportError: If it is not installed.
    """
    # Ray reads them when it starts. No usage statistics; a task without a GPU of Ray's sees the GPUs of its host; workers
    # have the priority of any process (Ray's default lowers it, and a busy machine then runs them many times slower).
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")
    try:
        import ray
    except ImportError as error:
        raise ImportError("runs on a Ray cluster need Ray: pip install 'dance-env[ray]'") from error
    return ray


def connect(address: str, workers: int) -> bool:
    """Connect to a cluster, unless this process is connected to one already.

    Args:
        address: "local", "auto", or HOST:PORT of the head.
        workers: Processors of a cluster that is started here.

    Returns:
        Whether the connection is a new one, which its maker closes.

    Raises:
        ImportError: If Ray is not installed.
        ConnectionError: If the cluster cannot be reached.
    """
    ray = load_ray()
    if ray.is_initialized():
        return False
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == "local":
        ray.init(
            "local", num_cpus=workers, include_dashboard=False, object_store_memory=_STORE_BYTES, **quiet
        )  # fmt: skip
        return True
    try:
        if address != "auto":
            _knock(address)
        ray.init(address, **quiet)
    except (OSError, RuntimeError, ValueError) as error:
        where = "no Ray cluster runs on this machine" if address == "auto" else f"no Ray cluster answers at {address}"
        raise ConnectionError(
            f"{where}: start one with `ray start --head`, or give --ray local ({str(error).strip().splitlines()[0]})"
        ) from error
    return True


def _knock(address: str) -> None:
    """Find out in seconds whether anything listens there: Ray tries for minutes.

    Raises:
        OSError: If nothing does.
    """
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS_TO_ANSWER).close()
