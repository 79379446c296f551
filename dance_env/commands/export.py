"""The command `dance export`: a design, as files that other tools read."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dance_env.analysis.exact import MAX_DESIGNS, optimum
from dance_env.analysis.optimum.records import shipped_optimum
from dance_env.command_line import TASK_HELP, Exit, Parser, as_json
from dance_env.exporting import DesignFile
from dance_env.exporting.files import write_files
from dance_env.exporting.formats import FORMATS, export_files
from dance_env.problem import Problem
from dance_env.space.choice import Option
from dance_env.tasks import make_problem

BEST = "best"


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
    problem = make_problem(arguments.source, progress=sys.stderr.isatty())
    return DesignFile.of_design(problem, _chosen(problem, arguments.design or [BEST]))


def _chosen(problem: Problem, texts: Sequence[str]) -> np.ndarray:
    """Return the design that `--design` names: "best", option indices, or NAME=OPTION of every choice."""
    if list(texts) == [BEST]:
        return _best(problem)
    if any("=" in text for text in texts):
        named = dict(_named_option(problem, text) for text in texts)
        return problem.space.encode([named])[0]
    try:
        indices = [int(part) for text in texts for part in text.split(",") if part.strip()]
    except ValueError:
        raise ValueError(
            f"--design: expected {BEST}, option indices such as 0,2,1, or NAME=OPTION of every choice; got "
            f"{' '.join(texts)!r}"
        ) from None
    names = [choice.name for choice in problem.space.choices]
    if len(indices) != len(names):
        raise ValueError(
            f"--design: expected an option index for each of {len(names)} choices ({', '.join(names)}), got {len(indices)}"
        )
    return problem.space.check([indices])[0]


def _named_option(problem: Problem, text: str) -> tuple[str, Option]:
    name, _, option = text.partition("=")
    for choice in problem.space.choices:
        if choice.name == name:
            return name, next((each for each in choice.options if str(each) == option), option)
    return name, option  # `encode` refuses it, with the nearest name


def _best(problem: Problem) -> np.ndarray:
    proof = shipped_optimum(problem)
    if proof is not None and proof.design is not None:
        return np.array(proof.design, dtype=np.int64)
    if problem.space.size > MAX_DESIGNS:
        raise ValueError(
            f"task {problem.name!r} has {problem.space.size:,} designs, and its best one is not on record: find one with "
            "dance optimum or dance compare, and give it as --design 0,2,1,..."
        )
    found = optimum(problem, progress=sys.stderr.isatty())
    return np.asarray(found.design)


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
    parser.add_argument(
        "--design",
        nargs="+",
        metavar="OPTION",
        help=f"which design of a task: {BEST} (the default), option indices (0,2,1,...), or NAME=OPTION of every choice",
    )
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
