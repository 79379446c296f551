"""The command `dance export`: a design, as files that other tools read."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dance_env.command_line import TASK_HELP, Exit, Parser, as_json
from dance_env.commands.design_sources import DESIGN_HELP, design_of_task
from dance_env.exporting import DesignFile
from dance_env.exporting.files import write_files
from dance_env.exporting.formats import FORMATS, export_files


def main(argv: Sequence[str] | None = None) -> int:
    """Write the files; return 0.

    Raises:
        ValueError, OSError, ImportError: If a design, a file, a folder or a package cannot be used.
    """
    arguments = _parser().parse_args(argv)
    state = None if arguments.weights is None else _weights(arguments.weights)  # first: a wrong file is told at once
    design = _design(arguments)
    files: dict[str, str | bytes] = {}
    for form in dict.fromkeys(arguments.to):
        prefix = f"{form}/" if len(set(arguments.to)) > 1 else ""
        exported = export_files(design, form, seed=arguments.seed, state=state)
        files |= {f"{prefix}{name}": content for name, content in exported.items()}
    written = write_files(arguments.out, files, force=arguments.force)
    answer = {"design": design.name, **dataclasses.asdict(design.costs), "files": written}
    sys.stdout.write(as_json(answer) if arguments.json else _as_text(design, arguments.out, files))
    return Exit.ANSWER


def _design(arguments: argparse.Namespace) -> DesignFile:
    """Return the design that the arguments name: of a file, or of a task."""
    if arguments.source.endswith(".json"):
        if arguments.design is not None:
            raise ValueError(f"{arguments.source} is a design: --design chooses one of a task, so leave it out")
        return DesignFile.read(arguments.source, check_costs=not arguments.unchecked)
    problem, chosen = design_of_task(arguments.source, arguments.design, progress=sys.stderr.isatty())
    return DesignFile.of_design(problem, chosen)


def _weights(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except SafetensorError as error:
        raise ValueError(f"{path}: expected weights as safetensors: {error}") from None


def _as_text(design: DesignFile, out: Path, files: dict[str, str | bytes]) -> str:
    costs = design.costs
    head = (
        f"{design.name}: {len(design.layers())} layers, {costs.latency_s * 1e3:.4g} ms, {costs.energy_j * 1e3:.4g} mJ, "
        f"{costs.area_mm2:.4g} mm2 by our count"
    )
    return "\n".join([head, f"written to {out}:", *(f"  {name}" for name in files)]) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "export",
        "Write a design as files that other tools read: the accelerator and the mapping of each layer for Timeloop, inputs of "
        "AccelForge and ZigZag, the network as ONNX or as a PyTorch module, the design as JSON.",
        examples=[
            "export tiny/edap --to timeloop --out tiny-timeloop",
            "export tiny/edap --design pe_x=16 pe_y=16 rf_words=16 dataflow=OS block2=mb3_k3 ... --to json --out design",
            "export design.json --to onnx torch --out network",
        ],
    )
    parser.add_argument("source", metavar="DESIGN.json|TASK", help=f"a design file, or {TASK_HELP}")
    parser.add_argument("--design", nargs="+", metavar="OPTION", help=DESIGN_HELP)
    parser.add_argument(
        "--to", nargs="+", required=True, choices=tuple(FORMATS), help="formats; several get a folder each"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write into")
    parser.add_argument("--force", action="store_true", help="replace files that exist")
    parser.add_argument("--seed", type=int, default=0, help="draws the weights of ONNX (default: %(default)s)")
    parser.add_argument(
        "--weights", type=Path, metavar="FILE.safetensors", help="weights of the network, for onnx and torch"
    )
    parser.add_argument("--unchecked", action="store_true", help="do not compute the costs of DESIGN.json again")
    parser.add_json()
    return parser
