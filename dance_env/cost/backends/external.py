"""What every back end shares: pairs of layer and accelerator priced one by one, kept on disk, handed on as costs."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from dance_env.cache import ArrayCache, content_key
from dance_env.cost.backends.process import Answer, Status, ask, kill
from dance_env.cost.model import LayerCost
from dance_env.cost.search.mapspace import loops_of
from dance_env.cost.technology import Technology
from dance_env.progress import Progress, reporter

if TYPE_CHECKING:
    from dance_env.space import Hardware

ON_FAILURE = ("inf", "raise")
Row = tuple[int, ...]


class Accelerator(NamedTuple):
    """One accelerator; the dataflow by name."""

    pe_x: int
    pe_y: int
    rf_words: int
    dataflow: str


class BackEndFailure(RuntimeError):
    """A back end did not price a pair, for a reason that is not the layer's."""


@dataclass(frozen=True)
class Running:
    """How a back end's processes are run; none of it changes a figure.

    Attributes:
        python: interpreter that has the tool; "" for this one (or, where a back end says so, an environment variable).
        timeout_s: seconds that one layer on one accelerator may take.
        workers: processes side by side.
        cache_dir: folder where priced pairs are kept; None to keep none.
        on_failure: "inf": a pair that the tool fails on, hangs on or garbles costs inf, with a warning, and the
            model's `answers` tells why; "raise": it is a `BackEndFailure`, so that nothing made of it is kept.

    Raises:
        ValueError: for a time-out or a number of workers that is not positive, or an unknown way to fail.
    """

    python: str = ""
    timeout_s: float = 120.0
    workers: int = 1
    cache_dir: str | os.PathLike[str] | None = None
    on_failure: str = "inf"

    def __post_init__(self) -> None:
        if not self.timeout_s > 0:
            raise ValueError(f"timeout_s: expected a positive number of seconds, got {self.timeout_s!r}.")
        if self.workers < 1:
            raise ValueError(f"workers: expected at least 1, got {self.workers!r}.")
        if self.on_failure not in ON_FAILURE:
            raise ValueError(f"on_failure: expected one of {', '.join(ON_FAILURE)}, got {self.on_failure!r}.")


class Tool(Protocol):
    """What a back end adds: its figures' fingerprint, and the question that a pair is."""

    @property
    def technology(self) -> Technology: ...

    @property
    def running(self) -> Running: ...

    def fingerprint(self) -> str: ...

    def question(self, row: Row, accelerator: Accelerator) -> tuple[Sequence[str], Mapping[str, Any]]:
        """The command to run and the request to give it."""


def answers(
    tool: Tool, rows: np.ndarray, hardware: Hardware, *, progress: Progress | bool | None = None
) -> list[list[Answer]]:
    """Price layers on accelerators, pair by pair.

    Args:
        tool: the back end.
        rows: (U, 8) int64, columns `dance_env.graph.LAYER_COLUMNS`.
        hardware: H accelerators.
        progress: True for a bar, or a function called with (pairs done, pairs in all).

    Returns:
        U lists of H answers. Each pair is kept in the tool's cache as soon as it is priced, so that an interrupted call
        goes on where it stopped; failures are not kept, and are tried again.

    Raises:
        TypeError, ValueError, OverflowError: rows that are no layers.
    """
    layers, accelerators = _layers(rows), list(_accelerators(hardware))
    store = _Store(tool)
    found = {pair: store.load(*pair) for pair in dict.fromkeys((r, a) for r in layers for a in accelerators)}
    missing = [pair for pair, answer in found.items() if answer is None]
    with reporter(progress, "Pricing layers with the back end") as report, closing(_ask_all(tool, missing)) as coming:
        report(len(found) - len(missing), len(found))
        for done, (pair, answer) in enumerate(coming, start=1):
            store.keep(*pair, answer)
            found[pair] = answer
            report(len(found) - len(missing) + done, len(found))
    return [[_present(found[row, accelerator]) for accelerator in accelerators] for row in layers]


def layer_costs(tool: Tool, rows: np.ndarray, hardware: Hardware) -> LayerCost:
    """Seconds and joules (U, H) of `answers`; inf where there is no cost.

    Raises:
        BackEndFailure: where a pair failed and the tool's ``on_failure`` is "raise".
    """
    table = answers(tool, rows, hardware)
    flat = [answer for line in table for answer in line]
    failed = [answer for answer in flat if answer.status not in (Status.PRICED, Status.UNMAPPABLE)]
    if failed:
        kinds = Counter(answer.status.name.lower().replace("_", " ") for answer in failed)
        message = (
            f"{type(tool).__name__}: {len(failed)} of {len(flat)} pairs of layer and accelerator have no cost "
            f"({', '.join(f'{count} {kind}' for kind, count in kinds.items())}). The first: {failed[0].reason}"
        )
        if tool.running.on_failure == "raise":
            raise BackEndFailure(message)
        warnings.warn(f"{message} They cost inf; `answers` tells why.", RuntimeWarning, stacklevel=3)
    shape = (len(table), len(hardware))
    cycles = np.array([answer.cycles for answer in flat], dtype=np.float64).reshape(shape)
    energy_pj = np.array([answer.energy_pj for answer in flat], dtype=np.float64).reshape(shape)
    return LayerCost(cycles / tool.technology.clock_hz, energy_pj * 1e-12)


def area_mm2(tool: Tool, hardware: Hardware) -> np.ndarray:
    """Area (H,) by the `Technology`, not by the tool: some know none, and all should mean the same silicon."""
    return tool.technology.area_mm2(hardware.pe_x * hardware.pe_y, hardware.rf_words)


@cache
def tool_version(python: str, distribution: str, advice: str) -> str:
    """The version of ``distribution`` that the interpreter ``python`` has ("" for this one).

    Raises:
        ImportError: when it has none, or cannot be started; the message ends in ``advice``.
    """
    code = f"import importlib.metadata as m; print(m.version({distribution!r}))"
    interpreter = python or sys.executable
    try:
        said = subprocess.run(
            [interpreter, "-P", "-c", code], capture_output=True, text=True, timeout=60, check=True, encoding="utf-8"
        )
    except (OSError, subprocess.SubprocessError) as error:
        why = f"cannot be started ({error})" if isinstance(error, OSError) else f"does not have {distribution}"
        raise ImportError(f"the interpreter {interpreter} {why}; {advice}") from error
    return said.stdout.strip()


def _layers(rows: np.ndarray) -> list[Row]:
    rows = np.asarray(rows)
    if rows.ndim != 2 or rows.shape[1] != 8:
        raise ValueError(f"rows: expected shape (layers, 8), got {rows.shape}.")
    for row in rows:
        loops_of(row)
    return [tuple(int(n) for n in row) for row in rows]


def _accelerators(hardware: Hardware) -> Iterator[Accelerator]:
    from dance_env.space import DATAFLOWS

    for x, y, words, flow in zip(hardware.pe_x, hardware.pe_y, hardware.rf_words, hardware.dataflow, strict=True):
        yield Accelerator(int(x), int(y), int(words), DATAFLOWS[int(flow)])


class _Store:
    """Answers on disk. A pair that cannot be mapped is kept too; its reason is not."""

    def __init__(self, tool: Tool) -> None:
        folder = tool.running.cache_dir
        self._cache = None if folder is None else ArrayCache.open(folder)
        self._fingerprint = tool.fingerprint()

    def _key(self, row: Row, accelerator: Accelerator) -> str:
        return content_key("back end", self._fingerprint, repr(row), repr(tuple(accelerator)))

    def load(self, row: Row, accelerator: Accelerator) -> Answer | None:
        array = self._cache.load(self._key(row, accelerator)) if self._cache else None
        if array is None or array.shape != (3,) or np.isnan(array).any():
            return None
        cycles, energy_pj, seconds = (float(value) for value in array)
        if math.isinf(cycles):
            return Answer(Status.UNMAPPABLE, "recorded in an earlier run", cycles, energy_pj, seconds)
        return Answer(Status.PRICED, "", cycles, energy_pj, seconds)

    def keep(self, row: Row, accelerator: Accelerator, answer: Answer) -> None:
        if self._cache and answer.status in (Status.PRICED, Status.UNMAPPABLE):
            array = np.array([answer.cycles, answer.energy_pj, answer.seconds])
            self._cache.store(self._key(row, accelerator), array)


def _ask_all(
    tool: Tool, pairs: list[tuple[Row, Accelerator]]
) -> Generator[tuple[tuple[Row, Accelerator], Answer], None, None]:
    """Answers as they come; an interrupt, or a caller who stops asking, ends the processes that run."""
    running: set[subprocess.Popen] = set()
    stopped = threading.Event()

    def one(pair: tuple[Row, Accelerator]) -> Answer | None:
        command, request = tool.question(*pair)
        if stopped.is_set():
            return None
        return ask(command, request, timeout_s=tool.running.timeout_s, running=running)

    with ThreadPoolExecutor(max_workers=tool.running.workers) as pool:
        futures = {pool.submit(one, pair): pair for pair in pairs}
        try:
            for future in as_completed(futures):
                yield futures[future], _present(future.result())
        finally:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(future.done() for future in futures):  # one may be starting its process just now
                for process in list(running):
                    kill(process)
                time.sleep(0.02)


def _present(answer: Answer | None) -> Answer:
    assert answer is not None  # every pair was loaded or asked, and stopping ends the asking
    return answer
