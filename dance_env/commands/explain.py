"""The command `dance explain`: why a design costs what it costs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dance_env.analysis.explanation import Explanation, explain
from dance_env.analysis.hardware import SINGLE_COSTS, accelerator_in_short
from dance_env.command_line import TASK_HELP, Exit, Parser, as_json, say
from dance_env.commands.design_sources import DESIGN_HELP, design_of_file, design_of_task
from dance_env.commands.explanation_text import as_dict, as_text
from dance_env.commands.picture_file import picture_file


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
        say(as_json(as_dict(explanation)))
    else:
        say(as_text(explanation, mappings=arguments.mappings))
    return Exit.ANSWER


def _explanation(arguments: argparse.Namespace) -> Explanation:
    bar = sys.stderr.isatty()
    if arguments.design is not None and arguments.best:
        raise ValueError("--best and --design name two designs: give one of them")
    if arguments.what.endswith(".json"):
        if arguments.design is not None or arguments.best:
            raise ValueError("--design and --best choose a design of a task; a file holds one design")
        least = arguments.least or "edap_js_mm2"
        problem, design = design_of_file(Path(arguments.what), least=least, progress=bar)
        return explain(problem, design)
    if arguments.what.endswith(".onnx"):
        raise ValueError(
            f"{arguments.what} is a network without an accelerator: `dance optimise-hardware {arguments.what} --out design.json` "
            "chooses one, and `dance explain design.json` explains it"
        )
    if arguments.least is not None:
        raise ValueError("--least is for design files; a task has an objective of its own")
    problem, design = design_of_task(arguments.what, arguments.design, progress=bar)
    return explain(problem, design)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "explain",
        "Say where the energy and the cycles of a design go, what bounds each layer, what a single change would cost, and "
        "why another dataflow loses.",
        examples=[
            "explain tiny --picture best.png",
            "explain macro-cifar10 --design 2,2,2,1,2,2,0,2",
            "explain design.json --mappings",
        ],
    )
    parser.add_argument(
        "what",
        metavar="TASK|DESIGN.json",
        help=f"{TASK_HELP}; or a design file, as dance optimise-hardware --out writes",
    )
    parser.add_argument("--best", action="store_true", help="of a task: its best design (the default)")
    parser.add_argument("--design", nargs="+", metavar="OPTION", help=DESIGN_HELP)
    parser.add_argument(
        "--least",
        choices=SINGLE_COSTS,
        help="of a design file: what other accelerators are compared by (default: edap_js_mm2)",
    )
    parser.add_argument("--mappings", action="store_true", help="show the mapping found for each layer")
    parser.add_argument(
        "--picture",
        type=picture_file,
        metavar="FILE",
        help="draw roofline, cycles and energy of each layer (.png, .svg, .pdf)",
    )
    parser.add_json()
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
