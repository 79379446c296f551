"""Asks a tool what the exported layers cost with our mappings, and holds its counts beside ours."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dance_env.cost.backends.accelforge import AccelForgeCostModel
from dance_env.cost.backends.external import SCRIPT, ExternalCostModel, tool_version
from dance_env.cost.backends.zigzag import ZigZagCostModel
from dance_env.exporting.checking.reasons import ALWAYS, reasons
from dance_env.exporting.design_file import DesignFile
from dance_env.exporting.files import Files
from dance_env.exporting.mapped_layers import MappedLayer, mapped_layers

WORD_TOLERANCE = 1e-6
"""Of a count: tools add up in floating point."""


@dataclass(frozen=True)
class Tool:
    """A tool that can be asked.

    Attributes:
        title: Its name.
        back_end: Knows its package, its interpreter and how to install it.
        worker: The file that reads the exported layers where the tool is.
    """

    title: str
    back_end: type[ExternalCostModel]
    worker: Path

    def version(self) -> str:
        """Return the version that is installed.

        Raises:
            ImportError: If it is not, with what to do.
        """
        return tool_version(self.python, self.back_end.DISTRIBUTION, self.back_end.ADVICE)

    @property
    def python(self) -> str:
        """The interpreter that has it."""
        return self.back_end().python


_HERE = Path(__file__).parent
TOOLS = {
    "accelforge": Tool("AccelForge", AccelForgeCostModel, _HERE / "accelforge_worker.py"),
    "zigzag": Tool("ZigZag", ZigZagCostModel, _HERE / "zigzag_worker.py"),
}
"""By the format of their export."""


@dataclass(frozen=True)
class LayerCheck:
    """One layer by our count and by a tool's.

    Attributes:
        folder: Of its files.
        name: Of the first layer that it stands for.
        runs: How often it is run.
        cycles, energy_pj: By our count.
        tool_cycles, tool_energy_pj: By the tool's; None where it failed.
        words: The counts that differ, ours and the tool's: `dram`, `glb` or `rf`; W, I or O; `rd` or `wr`.
        error: Why the tool failed; "" where it did not.
    """

    folder: str
    name: str
    runs: float
    cycles: float
    energy_pj: float
    tool_cycles: float | None
    tool_energy_pj: float | None
    words: Mapping[str, tuple[float, float]]
    error: str = ""

    @property
    def energy_ratio(self) -> float:
        """The tool's energy over ours; 1 where it failed."""
        return 1.0 if self.tool_energy_pj is None else self.tool_energy_pj / self.energy_pj

    @property
    def cycles_ratio(self) -> float:
        """The tool's cycles over ours; 1 where it failed."""
        return 1.0 if self.tool_cycles is None else self.tool_cycles / self.cycles


@dataclass(frozen=True)
class ToolCheck:
    """What a tool says of an export.

    Attributes:
        tool: Its name.
        version: That was asked.
        layers: In order of the export.
        form: The format of the export.
    """

    tool: str
    version: str
    layers: tuple[LayerCheck, ...]
    form: str = ""

    @property
    def reasons(self) -> tuple[str, ...]:
        """The tool's rules that make the counts which differ, one clause each; those of all layers first."""
        counts = {name for each in self.layers for name in each.words}
        return (*ALWAYS.get(self.form, ()), *reasons(self.form, counts))

    @property
    def failed(self) -> tuple[LayerCheck, ...]:
        """The layers that the tool did not cost."""
        return tuple(each for each in self.layers if each.error)

    @property
    def energy_ratio(self) -> float:
        """The tool's energy over ours, of all layers that it costed, by their runs; 1 where there is none."""
        ours = sum(each.runs * each.energy_pj for each in self.layers if not each.error)
        theirs = sum(each.runs * (each.tool_energy_pj or 0.0) for each in self.layers if not each.error)
        return theirs / ours if ours else 1.0

    @property
    def cycles_ratio(self) -> float:
        """The tool's cycles over ours, as `energy_ratio`."""
        ours = sum(each.runs * each.cycles for each in self.layers if not each.error)
        theirs = sum(each.runs * (each.tool_cycles or 0.0) for each in self.layers if not each.error)
        return theirs / ours if ours else 1.0

    def within(self, percent: float | None) -> bool:
        """Return whether the tool costed all layers, and their energy and cycles are within so many percent of ours.

        Args:
            percent: None where any difference will do.
        """
        ratios = (self.energy_ratio, self.cycles_ratio)
        near = percent is None or all(abs(ratio - 1.0) <= percent / 100.0 for ratio in ratios)
        return near and not self.failed


def check_files(design: DesignFile, form: str, files: Files) -> ToolCheck:
    """Ask a tool what each exported layer costs with our mapping.

    Args:
        design: What was exported.
        form: One of `TOOLS`.
        files: What `export_files` returned.

    Raises:
        ImportError: If the tool is not installed; with what to do.
        RuntimeError: If it cannot be asked; a layer that it refuses is an answer.
    """
    tool, layers = TOOLS[form], mapped_layers(design)
    version = tool.version()
    asked = [_files_of(files, f"layers/{each.layer.folder}/") for each in layers]
    answers = _ask(tool, {"clock_hz": design.technology.clock_hz, "layers": asked})
    if len(answers) != len(layers):
        raise RuntimeError(f"{tool.title} was asked about {len(layers)} layers and answered about {len(answers)}")
    checks = tuple(_compared(each, answer) for each, answer in zip(layers, answers, strict=True))
    return ToolCheck(tool.title, version, checks, form)


def _files_of(files: Files, folder: str) -> dict[str, str]:
    found = {name.removeprefix(folder): content for name, content in files.items() if name.startswith(folder)}
    return {name: content for name, content in found.items() if isinstance(content, str)}


def _ask(tool: Tool, request: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    command = [tool.python, "-P", str(SCRIPT), str(tool.worker)]
    settings = {**os.environ, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    with tempfile.TemporaryDirectory(prefix="dance-check-", ignore_cleanup_errors=True) as folder:
        done = subprocess.run(
            command, input=json.dumps(request), capture_output=True, text=True, encoding="utf-8", errors="replace",
            cwd=folder, env=settings, check=False,
        )  # fmt: skip
    said = done.stderr.strip().splitlines()
    if done.returncode != 0:
        raise RuntimeError(
            f"{tool.title} ended with status {done.returncode}: {said[-1] if said else 'it said nothing'}"
        )
    answers: Sequence[Mapping[str, Any]] = json.loads(done.stdout)["layers"]
    return answers


def _compared(layer: MappedLayer, answer: Mapping[str, Any]) -> LayerCheck:
    ours, error = layer.cost, str(answer.get("error", ""))
    counts = {name: float(n) for name, n in ours.columns().items() if name != "rf_cycles"}
    theirs = answer.get("words", counts)
    words = {
        name: (count, float(theirs[name]))
        for name, count in counts.items()
        if abs(theirs[name] - count) > WORD_TOLERANCE * max(count, theirs[name])
    }
    return LayerCheck(
        layer.layer.folder, layer.layer.names[0], layer.layer.runs, ours.cycles, ours.energy_pj,
        answer.get("cycles"), answer.get("energy_pj"), words, " ".join(error.split()),
    )  # fmt: skip
