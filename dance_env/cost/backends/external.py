"""What every back end shares: layers on accelerators priced pair by pair, handed on as costs."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dance_env.cache import content_key
from dance_env.cost.backends.process import Answer, Status
from dance_env.cost.backends.running import Accelerator, Pair, Question, Row, Running, Store, ask_all
from dance_env.cost.model import LayerCost
from dance_env.cost.search.mapspace import check_rows
from dance_env.cost.technology import TIMELOOP_45NM, Technology
from dance_env.progress import Progress, reporter
from dance_env.space import DATAFLOWS, Hardware

OBJECTIVES = ("edp", "energy", "latency")
SCRIPT = Path(__file__).with_name("worker.py")


class BackEndFailure(RuntimeError):
    """A back end did not price a pair, for a reason that is not the layer's."""


@dataclass(frozen=True)
class ExternalCostModel(ABC):
    """A cost model whose figures come from a tool in another process.

    Attributes:
        technology: Energies, capacities, bandwidths, clock; as the analytical model's, so that the two compare.
        objective: What the mapping minimizes: "edp", "energy" or "latency".
        running: Interpreter, time-out, processes, cache.

    Raises:
        ValueError: If the objective is unknown.
        ImportError: When something is priced and the tool is not installed.
    """

    technology: Technology = TIMELOOP_45NM
    objective: str = "edp"
    running: Running = field(default_factory=Running, kw_only=True)

    DISTRIBUTION: ClassVar[str]
    """The tool's package."""
    ADVICE: ClassVar[str]
    """How to install it."""
    PYTHON_VARIABLE: ClassVar[str] = ""
    """The environment variable that names the interpreter that has the tool; "" for none."""
    WORKER: ClassVar[Path]
    """The file whose `price` answers a request; it runs in that interpreter."""
    DESCRIPTION: ClassVar[Path]
    """The file that describes layers and hardware in the tool's terms."""

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise ValueError(f"objective: expected one of {', '.join(OBJECTIVES)}, got {self.objective!r}.")

    @abstractmethod
    def request(self, row: Row, accelerator: Accelerator) -> Mapping[str, Any]:
        """Return what the worker is asked: one layer on one accelerator, in the tool's terms."""

    @property
    def python(self) -> str:
        """The interpreter that has the tool: the setting, the environment variable, or this one."""
        return self.running.python or os.environ.get(self.PYTHON_VARIABLE) or sys.executable

    def fingerprint(self) -> str:
        """Return a hex digest of the settings, the tool's version and the code that describes the hardware to it."""
        version = tool_version(self.python, self.DISTRIBUTION, self.ADVICE)
        given = {each.name: getattr(self, each.name) for each in dataclasses.fields(self) if each.name != "running"}
        settings = {**given, "technology": self.technology.fingerprint()}
        code = [path.read_bytes() for path in (self.WORKER, self.DESCRIPTION, SCRIPT, Path(__file__))]
        return content_key(self.DISTRIBUTION, version, repr(sorted(settings.items())), *code)

    def question(self, row: Row, accelerator: Accelerator) -> Question:
        """Return the command that prices one layer on one accelerator, and the request to give it."""
        return (self.python, "-P", str(SCRIPT), str(self.WORKER)), self.request(row, accelerator)

    def answers(
        self, rows: np.ndarray, hardware: Hardware, *, progress: Progress | bool | None = None
    ) -> list[list[Answer]]:
        """Price layers on accelerators, pair by pair; a failure is an answer with a status and a reason.

        Args:
            rows: `(U, 8)` int64, columns `dance_env.graph.LAYER_COLUMNS`.
            hardware: `H` accelerators.
            progress: True for a bar, or a function called with (pairs done, pairs in all).

        Returns:
            `U` lists of `H` answers. Each pair is kept in the cache as soon as it is priced, so that an interrupted
            call continues where it stopped; failures are not kept, and are tried again.

        Raises:
            TypeError, ValueError, OverflowError: If the rows are not layers.
        """
        layers = [tuple(int(n) for n in row) for row in check_rows(rows)]
        accelerators = _accelerators(hardware)
        store = Store(self.running.cache_dir, self.fingerprint())
        found: dict[Pair, Answer] = {}
        missing: list[Pair] = []
        for pair in dict.fromkeys((row, accelerator) for row in layers for accelerator in accelerators):
            answer = store.load(*pair)
            if answer is None:
                missing.append(pair)
            else:
                found[pair] = answer
        pairs = len(found) + len(missing)
        with (
            reporter(progress, "Pricing layers with the back end") as report,
            closing(self._ask_all(missing)) as coming,
        ):
            report(len(found), pairs)
            for pair, answer in coming:
                store.keep(*pair, answer)
                found[pair] = answer
                report(len(found), pairs)
        return [[found[row, accelerator] for accelerator in accelerators] for row in layers]

    def _ask_all(self, pairs: Sequence[Pair]) -> Generator[tuple[Pair, Answer], None, None]:
        if self.running.ray and pairs:
            from dance_env.cost.backends.on_ray import ask_all_on_ray

            return ask_all_on_ray(pairs, self.question, self.running)
        return ask_all(pairs, self.question, self.running)

    def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
        """Return the cost of layers `(U, 8)` on accelerators: `(U, H)`, inf where the tool found no mapping.

        Raises:
            BackEndFailure: If a pair failed, timed out or was answered with nonsense, so that no caller takes a
                failure for a layer that cannot be mapped. What was priced is kept in the cache; `answers` has the
                reason of each pair.
        """
        table = self.answers(rows, hardware)
        flat = [answer for line in table for answer in line]
        failed = [answer for answer in flat if answer.status not in (Status.PRICED, Status.UNMAPPABLE)]
        if failed:
            kinds = Counter(answer.status.name.lower().replace("_", " ") for answer in failed)
            raise BackEndFailure(
                f"{type(self).__name__}: {len(failed)} of {len(flat)} pairs of layer and accelerator have no cost "
                f"({', '.join(f'{count} {kind}' for kind, count in kinds.items())}). The first: {failed[0].reason}. "
                "Ask `answers` for the reason of each pair; give slow layers a longer Running(timeout_s=...)."
            )
        shape = (len(table), len(hardware))
        cycles = np.array([answer.cycles for answer in flat], dtype=np.float64).reshape(shape)
        energy_pj = np.array([answer.energy_pj for answer in flat], dtype=np.float64).reshape(shape)
        return LayerCost(cycles / self.technology.clock_hz, energy_pj * 1e-12)

    @property
    def clock_hz(self) -> float:
        """The accelerators' clock."""
        return self.technology.clock_hz

    def area_mm2(self, hardware: Hardware) -> np.ndarray:
        """Return the area `(H,)` by the `Technology`, not by the tool, so that all models mean the same silicon.

        Raises:
            ValueError: If the accelerators choose their memory.
        """
        _check_memory(hardware)
        return self.technology.area_mm2(hardware.pe_x.astype(np.float64) * hardware.pe_y, hardware.rf_words)


@cache
def tool_version(python: str, distribution: str, advice: str) -> str:
    """Return the version of `distribution` that the interpreter `python` has ("" for this one).

    Raises:
        ImportError: If it has none, or cannot be started; the message ends in `advice`.
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


def _accelerators(hardware: Hardware) -> list[Accelerator]:
    _check_memory(hardware)
    columns = (hardware.pe_x, hardware.pe_y, hardware.rf_words, hardware.dataflow)
    return [Accelerator(int(x), int(y), int(rf), DATAFLOWS[int(flow)]) for x, y, rf, flow in zip(*columns, strict=True)]


def _check_memory(hardware: Hardware) -> None:
    for name in ("glb_words", "dram_words_per_cycle"):
        if getattr(hardware, name) is not None:
            raise ValueError(
                f"a back end costs accelerators with the technology's own memory, but these choose their {name}; "
                "cost each memory by itself, with technology.with_memory(...)"
            )
