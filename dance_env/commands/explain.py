"""The command `dance explain`: why a design costs what it costs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from dance_env.analysis.explanation import Explanation, explain
from dance_env.analysis.hardware import SINGLE_COSTS, accelerator_in_short
from dance_env.commands.design_sources import BEST, design_of_file, design_of_task
from dance_env.commands.explanation_text import as_dict, as_text


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command, and return 0."""
    arguments = _parser().parse_args(argv)
    explanation = _explanation(arguments)
    if arguments.picture is not None:
        from dance_env.drawing.explanation import save_explanation

        save_explanation(
            explanation.layers,
            explanation.roofline,
            arguments.picture,
            title=explanation.problem.name,
            subtitle=accelerator_in_short(explanation.options),
        )
    if arguments.json:
        sys.stdout.write(json.dumps(as_dict(explanation), indent=1, allow_nan=False) + "\n")
    else:
        sys.stdout.write(as_text(explanation, mappings=arguments.mappings))
    return 0


def _explanation(arguments: argparse.Namespace) -> Explanation:
    bar = sys.stderr.isatty()
    if (arguments.file is None) == (arguments.task is None):
        raise ValueError("give a design file, or --task with --design or --best, and not both")
    if arguments.file is not None:
        if arguments.design is not None or arguments.best:
            raise ValueError("--design and --best choose a design of --task; a file holds one design")
        problem, design = design_of_file(arguments.file, least=arguments.least or "edap_js_mm2", progress=bar)
        return explain(problem, design)
    if arguments.least is not None:
        raise ValueError("--least is for design files; a task has an objective of its own")
    if (arguments.design is None) != arguments.best:
        raise ValueError('say which design of the task: --best, or --design "choice=option,..."')
    problem, design = design_of_task(arguments.task, BEST if arguments.best else arguments.design, progress=bar)
    return explain(problem, design)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dance explain",
        description="Say where the energy and the cycles of a design go, what bounds each layer, what a single change "
        "would cost, and why another dataflow loses.",
        epilog="examples: dance explain --task tiny --best --picture best.png; dance explain design.json --mappings",
    )
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="DESIGN.json",
        help="a design file, as dance optimise-hardware --out writes",
    )
    parser.add_argument("--task", help="a task's name, or path/to/file.py:function")
    parser.add_argument("--best", action="store_true", help="with --task: explain its best design")
    parser.add_argument(
        "--design",
        metavar="DESIGN",
        help='with --task: option indices ("2,0,1,..."), or options by name ("block1=mb6_k5,..."); where the accelerator is '
        "left out, the best one for the network",
    )
    parser.add_argument(
        "--least", choices=SINGLE_COSTS, help="with a design file: what other accelerators are compared by (EDAP)"
    )
    parser.add_argument("--mappings", action="store_true", help="show the mapping found for each layer")
    parser.add_argument(
        "--picture",
        type=Path,
        metavar="FILE",
        help="draw it: roofline, cycles and energy of each layer (.png, .svg, .pdf)",
    )
    parser.add_argument("--json", action="store_true", help="print the explanation as JSON, with every layer's mapping")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
