"""How pairs of layer and accelerator are put to a back end: in processes side by side, each answer kept on disk."""

from __future__ import annotations

import math
import os
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from dance_env.cache import ArrayCache, content_key
from dance_env.cost.backends.process import Answer, Status, ask, kill

Row = tuple[int, ...]


class Accelerator(NamedTuple):
    """One accelerator; the dataflow by name."""

    pe_x: int
    pe_y: int
    rf_words: int
    dataflow: str


Pair = tuple[Row, Accelerator]
Question = tuple[Sequence[str], Mapping[str, Any]]
"""The command to run and the request to give it."""


@dataclass(frozen=True)
class Running:
    """How a back end's processes are run; none of it changes a figure.

    Attributes:
        python: Interpreter that has the tool; "" for this one (or, where a back end says so, an environment variable).
        timeout_s: Seconds that one layer on one accelerator may take.
        workers: Processes side by side; of a cluster that is started here, its processors.
        cache_dir: Folder where priced pairs are kept; None to keep none.
        ray: "" for processes of this machine; or the Ray cluster to ask on: "local", "auto" or HOST:PORT (extra `ray`).

    Raises:
        ValueError: If the time-out or the number of workers is not positive.
    """

    python: str = ""
    timeout_s: float = 120.0
    workers: int = 1
    cache_dir: str | os.PathLike[str] | None = None
    ray: str = ""

    def __post_init__(self) -> None:
        if not self.timeout_s > 0:
            raise ValueError(f"timeout_s: expected a positive number of seconds, got {self.timeout_s!r}.")
        if self.workers < 1:
            raise ValueError(f"workers: expected at least 1, got {self.workers!r}.")


class Store:
    """Answers on disk. A pair that cannot be mapped is kept too, without its reason; a failure is never kept.

    Args:
        folder: Where the answers lie; None to keep none.
        fingerprint: Of the back end.
    """

    def __init__(self, folder: str | os.PathLike[str] | None, fingerprint: str) -> None:
        self._cache = None if folder is None else ArrayCache.open(folder)
        self._fingerprint = fingerprint

    def _key(self, row: Row, accelerator: Accelerator) -> str:
        return content_key("back end", self._fingerprint, repr(row), repr(tuple(accelerator)))

    def load(self, row: Row, accelerator: Accelerator) -> Answer | None:
        """Return the answer on disk, None where there is none that can be trusted."""
        array = self._cache.load(self._key(row, accelerator)) if self._cache else None
        if array is None or array.shape != (3,) or np.isnan(array).any():
            return None
        cycles, energy_pj, seconds = (float(value) for value in array)
        if math.isinf(cycles):
            return Answer(Status.UNMAPPABLE, "recorded in an earlier run", cycles, energy_pj, seconds)
        return Answer(Status.PRICED, "", cycles, energy_pj, seconds)

    def keep(self, row: Row, accelerator: Accelerator, answer: Answer) -> None:
        """Write the answer to disk, unless it is a failure."""
        if self._cache and answer.status in (Status.PRICED, Status.UNMAPPABLE):
            array = np.array([answer.cycles, answer.energy_pj, answer.seconds])
            self._cache.store(self._key(row, accelerator), array)


def ask_all(
    pairs: Sequence[Pair], question: Callable[[Row, Accelerator], Question], running: Running
) -> Generator[tuple[Pair, Answer], None, None]:
    """Yield answers as they come; an interrupt, or a caller who stops asking, ends the processes that run."""
    processes: set[subprocess.Popen] = set()
    stopped = threading.Event()

    def one(pair: Pair) -> Answer | None:
        command, request = question(*pair)
        if stopped.is_set():
            return None
        return ask(command, request, timeout_s=running.timeout_s, running=processes)

    with ThreadPoolExecutor(max_workers=running.workers) as pool:
        futures = {pool.submit(one, pair): pair for pair in pairs}
        try:
            for future in as_completed(futures):
                answer = future.result()
                assert answer is not None  # asking stops only after the caller has stopped waiting
                yield futures[future], answer
        finally:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(future.done() for future in futures):  # one may be starting its process just now
                for process in list(processes):
                    kill(process)
                time.sleep(0.02)
