"""The command `dance export`: a design, as files that other tools read."""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dance_env.command_line import TASK_HELP, Exit, Parser, as_json, say
from dance_env.commands.check_text import check_text
from dance_env.commands.design_sources import DESIGN_HELP, design_of_task
from dance_env.exporting import DesignFile
from dance_env.exporting.checking import TOOLS, ToolCheck, check_files
from dance_env.exporting.files import Files, write_files
from dance_env.exporting.formats import FORMATS, export_files


def main(argv: Sequence[str] | None = None) -> int:
    """Write the files; return 0, or 1 where a tool does not agree.

    Raises:
        ValueError, OSError, ImportError: If a design, a file, a folder or a package cannot be used.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    checked = _checked_forms(parser, arguments)
    state = None if arguments.weights is None else _weights(arguments.weights)  # first: a wrong file is told at once
    design = _design(arguments)
    forms = tuple(dict.fromkeys(arguments.to))
    exported: dict[str, Files] = {form: export_files(design, form, seed=arguments.seed, state=state) for form in forms}
    files = {
        f"{form}/{name}" if len(forms) > 1 else name: content
        for form, contents in exported.items()
        for name, content in contents.items()
    }
    written = write_files(arguments.out, files, force=arguments.force)
    checks = {form: _checked(design, form, exported[form]) for form in checked}
    answer = {"design": design.name, **dataclasses.asdict(design.costs), "files": written}
    if arguments.check:
        answer["checks"] = {form: _as_data(check) for form, check in checks.items()}
    text = [
        _as_text(design, arguments.out, files),
        *(check_text(each, arguments.tolerance) for each in checks.values()),
    ]
    say(as_json(answer) if arguments.json else "\n".join(text))
    return Exit.ANSWER if all(each.within(arguments.tolerance) for each in checks.values()) else Exit.NEGATIVE


def _checked_forms(parser: Parser, arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the formats whose tools are to be asked; a tool that is missing is told before anything is written.

    Raises:
        ImportError: If a tool is missing.
    """
    if not arguments.check:
        if arguments.tolerance is not None:
            parser.error("--tolerance says how far the tools asked by --check may differ, so it needs --check")
        return ()
    if arguments.tolerance is not None and not arguments.tolerance >= 0:
        parser.error(f"--tolerance: expected a percentage of at least 0, got {arguments.tolerance:g}")
    forms = tuple(form for form in dict.fromkeys(arguments.to) if form in TOOLS)
    if not forms:
        parser.error(f"--check asks the tools of the formats {' and '.join(TOOLS)}: give one of them to --to")
    for form in forms:
        TOOLS[form].version()
    return forms


def _checked(design: DesignFile, form: str, files: Files) -> ToolCheck:
    if sys.stderr.isatty():
        sys.stderr.write(f"asking {TOOLS[form].title} about the layers; each takes a second or two\n")
    return check_files(design, form, files)


def _as_data(check: ToolCheck) -> dict[str, Any]:
    ratios = {"energy_ratio": check.energy_ratio, "cycles_ratio": check.cycles_ratio}
    return {"tool": check.tool, "version": check.version, **ratios, "reasons": check.reasons, "layers": check.layers}


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


def _as_text(design: DesignFile, out: Path, files: Files) -> str:
    costs = design.costs
    head = (
        f"{design.name}: {len(design.layers())} layers, {costs.latency_s * 1e3:.4g} ms, {costs.energy_j * 1e3:.4g} mJ, "
        f"{costs.area_mm2:.4g} mm2 by our count"
    )
    names = Counter(re.sub(r"(^|/)layers/[^/]+/", r"\1layers/*/", name) for name in files)
    listed = [f"  {name}" + (f"  ({count} layers)" if count > 1 else "") for name, count in names.items()]
    return "\n".join([head, f"written to {out}:", *listed]) + "\n"


def _parser() -> Parser:
    parser = Parser(
        "export",
        "Write a design as files that other tools read: the accelerator and the mapping of each layer for Timeloop, inputs of "
        "AccelForge and ZigZag, the network as ONNX or as a PyTorch module, the design as JSON.",
        examples=[
            "export tiny/edap --to timeloop --out tiny-timeloop",
            "export tiny/edap --design pe_x=16 pe_y=16 rf_words=16 dataflow=OS block2=mb3_k3 ... --to json --out design",
            "export design.json --to onnx torch --out network",
            "export design.json --to accelforge zigzag --out tools --check",
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
    parser.add_argument(
        "--check",
        action="store_true",
        help="ask the tools (AccelForge, ZigZag) what the layers cost with our mappings, and show that beside our counts",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="PERCENT",
        help="with --check: exit with status 1 where a tool's energy or cycles, of all layers together, are further from ours",
    )
    parser.add_argument("--unchecked", action="store_true", help="do not compute the costs of DESIGN.json again")
    parser.add_json()
    return parser
