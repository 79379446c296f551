"""The command `dance optimise-hardware`: the exact best accelerator for given networks."""

from __future__ import annotations

import argparse
import inspect
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from dance_env.analysis.explanation import Explanation, explain
from dance_env.analysis.hardware import SINGLE_COSTS, HardwareAnswer, accelerator_in_short, optimize_hardware
from dance_env.command_line import Exit, Parser, as_json, say
from dance_env.commands.explanation_text import layers_dict, layers_text, totals_text
from dance_env.commands.hardware_text import Asked, as_dict, as_text
from dance_env.commands.limits import parse_limit, together
from dance_env.commands.network_sources import SOURCES, GivenNetwork, given_network, parse_shape
from dance_env.commands.picture_file import picture_file
from dance_env.cost import EDGE_LPDDR4, TECHNOLOGIES, AnalyticalCostModel
from dance_env.exporting import DesignFile, DesignWorkload
from dance_env.from_file import is_in_file, load_from_file, naming_the_line
from dance_env.space import AcceleratorSpace, dance_accelerators
from dance_env.suggest import nearest
from dance_env.tasks.catalog import ACCELERATORS

_ACCELERATORS: dict[str, Callable[[], AcceleratorSpace]] = {"dance": dance_accelerators, **ACCELERATORS}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0 where an accelerator keeps the limits, 1 where none does."""
    arguments = _parser().parse_args(argv)
    if arguments.top < 1:
        raise ValueError(f"--top must be at least 1, got {arguments.top}")
    limits = together(arguments.limit or ())
    model = AnalyticalCostModel(TECHNOLOGIES[arguments.technology])
    shapes = dict(arguments.shape or ())
    networks = [given_network(source, shapes) for source in arguments.networks]
    answer = optimize_hardware(
        [each.use for each in networks],
        least=arguments.least,
        limits=limits,
        worst=arguments.worst,
        accelerators=_accelerators(arguments.accelerators),
        cost_model=model,
        progress=sys.stderr.isatty(),
    )
    asked = Asked(networks, arguments.least, arguments.top, arguments.front)
    unmapped = _unmapped(answer, model)
    wanted = arguments.layers or arguments.picture is not None
    explanation = explain(answer.problem, answer.design) if wanted and not unmapped else None
    if arguments.json:
        content = {**as_dict(answer, asked), "technology": arguments.technology, "unmapped": unmapped}
        if explanation is not None:
            content |= layers_dict(explanation.layers, explanation.roofline)
        say(as_json(content))
    else:
        say(as_text(answer, asked))
        say("".join(f"\n{name}: {reason}\n" for name, reason in unmapped.items()))
        if explanation is not None and arguments.layers:
            sums = totals_text(explanation.totals, explanation.roofline)
            say(f"\n{sums}\n\n{layers_text(explanation.layers, mappings=True)}\n")
    if unmapped:
        return Exit.NEGATIVE  # there are no layers to draw, and no design to write
    if arguments.picture is not None and explanation is not None:
        _draw(explanation, answer, arguments.picture)
    if arguments.out is not None:
        _write(answer, networks, model, arguments.out)
    return Exit.ANSWER if answer.feasible else Exit.NEGATIVE


def _draw(explanation: Explanation, answer: HardwareAnswer, path: Path) -> None:
    from dance_env.drawing.explanation import save_explanation  # matplotlib

    subtitle = accelerator_in_short(answer.best.options)
    save_explanation(explanation.layers, explanation.roofline, path, title=answer.problem.name, subtitle=subtitle)


def _write(answer: HardwareAnswer, networks: Sequence[GivenNetwork], model: AnalyticalCostModel, path: Path) -> None:
    """Write the best accelerator with its networks as a design file."""
    workloads = [
        DesignWorkload.of_graph(given.graph, name=use.name, weight=use.weight)
        for given, use in zip(networks, answer.uses, strict=True)
    ]
    hardware = answer.problem.accelerator_space.hardware().take([answer.best.index])
    DesignFile.of_network(workloads, hardware, model.technology).write(path)


def _unmapped(answer: HardwareAnswer, model: AnalyticalCostModel) -> dict[str, str]:
    """Return the layers that the best accelerator cannot map, and why; empty where it maps all."""
    if math.isfinite(answer.best.costs["latency_s"]):
        return {}
    hardware = answer.problem.accelerator_space.hardware().take([answer.best.index])
    layers = [(f"{use.name}, {layer.name}", layer) for use in answer.uses for layer in use.layers]
    reasons = {name: model.why_unmappable(layer, hardware) for name, layer in layers}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def _accelerators(name: str) -> AcceleratorSpace:
    """Return the accelerators of this name, or what a function of a user's file returns."""
    if name in _ACCELERATORS:
        return _ACCELERATORS[name]()
    if not is_in_file(name):
        raise ValueError(f"there are no accelerators {name!r}. {nearest(name, _ACCELERATORS)}")
    make = load_from_file(name, what="accelerators", example="function", fits=inspect.isfunction)
    with naming_the_line(name, what="accelerators"):
        space = make() if callable(make) else make
    if not isinstance(space, AcceleratorSpace):
        raise ValueError(f"{name} gives {type(space).__name__}, not a dance_env.space.AcceleratorSpace")
    return space


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "optimise-hardware",
        "Find the exact best accelerator for one or several given networks, under limits. The exit status is 1 if no "
        "accelerator keeps them.",
        examples=[
            "optimise-hardware model.onnx --least energy_j --limit latency_s=2ms area_mm2=2",
            "optimise-hardware detector.onnx my_networks.py:classifier:10 --front",
            "optimise-hardware macro-cifar10:2,2,2,1,2,2,0,2 --layers --picture layers.png --out design.json",
        ],
    )
    parser.add_argument(
        "networks",
        nargs="+",
        metavar="NETWORK[:WEIGHT]",
        help=f"{SOURCES}; the number behind a last colon is how often it is run",
    )
    parser.add_argument(
        "--least", default="edap_js_mm2", choices=SINGLE_COSTS, help="what is to be least (default: %(default)s)"
    )
    parser.add_argument(
        "--limit",
        nargs="+",
        action="extend",
        type=parse_limit,
        metavar="METRIC=VALUE",
        help="largest values of latency_s, energy_j, area_mm2, in the unit of the name, or with one (0.4ms); of one of "
        "several networks: NAME.latency_s=VALUE; may be repeated",
    )
    parser.add_argument(
        "--shape",
        nargs="+",
        action="extend",
        type=parse_shape,
        metavar="INPUT=SIZES",
        help="shapes of the inputs of ONNX files that do not fix them: image=1,3,224,224",
    )
    parser.add_argument(
        "--worst", action="store_true", help="of several networks, let the one count that costs most, not the sum"
    )
    parser.add_argument(
        "--accelerators",
        default="dance",
        metavar="NAME",
        help=f"{', '.join(_ACCELERATORS)}, or path/to/file.py:function, which returns an AcceleratorSpace "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--technology",
        default=EDGE_LPDDR4.name,
        choices=tuple(TECHNOLOGIES),
        help="energies, bandwidths, areas (default: %(default)s)",
    )
    parser.add_argument("--top", type=int, default=5, metavar="N", help="how many of the best to show (default: 5)")
    parser.add_argument("--front", action="store_true", help="show the Pareto front of latency, energy and area too")
    parser.add_argument(
        "--layers",
        action="store_true",
        help="show where cycles and energy go, what bounds each layer, and the mapping found for it",
    )
    parser.add_argument(
        "--picture",
        type=picture_file,
        metavar="FILE",
        help="draw roofline, cycles and energy of each layer (.png, .svg, .pdf)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DESIGN.json", help="write the best design, for dance explain and dance export"
    )
    parser.add_json()
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
