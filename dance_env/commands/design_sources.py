"""Designs as they are written on a command line: of a task, or in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dance_env.analysis.exact import MAX_DESIGNS, optimum
from dance_env.analysis.hardware import NetworkUse, accelerator_problem
from dance_env.analysis.optimum import shipped_optimum
from dance_env.cost import Technology
from dance_env.exporting import DesignFile
from dance_env.problem import Problem
from dance_env.progress import Progress
from dance_env.space import DATAFLOWS, AcceleratorSpace, Hardware, dance_buffers
from dance_env.suggest import nearest
from dance_env.tasks import make_problem

BEST = "best"
"""In place of a design: the task's best one."""

DESIGN_HELP = (
    f"which design of a task: {BEST} (the default), option indices (0,2,1,...), or NAME=OPTION of every choice; without the "
    "accelerator's choices, the best one for the network"
)


def design_of_task(
    task: str, texts: Sequence[str] | None = None, *, progress: Progress | bool | None = None
) -> tuple[Problem, np.ndarray]:
    """Return a task's problem and one of its designs (D,).

    Args:
        task: A task's name, or `path/to/file.py:function`.
        texts: What stands behind `--design`: `BEST`; option indices, "2,0,1" or apart; or options by name,
            "block1=mb6_k5", apart or with commas. Where every choice of the accelerator is left out, it is the best one
            for the network. None for the best design.
        progress: Of the costing and the search.

    Raises:
        OSError, ValueError: If there is no such task or design; the message says what to give.
    """
    problem = make_problem(task, progress=progress)
    if texts is None or list(texts) == [BEST]:
        return problem, _best(problem, progress)
    parts = [part.strip() for text in texts for part in text.split(",") if part.strip()]
    named = [part for part in parts if "=" in part]
    shown = repr(" ".join(texts))
    if named and len(named) != len(parts):
        raise ValueError(f"--design: expected option indices, or NAME=OPTION for each, and not both; got {shown}")
    design = _by_name(problem, named) if named else _by_index(problem, parts, shown)
    return problem, problem.space.check(design[None])[0]


def design_of_file(path: Path, *, least: str, progress: Progress | bool | None = None) -> tuple[Problem, np.ndarray]:
    """Return the design in a file as a design of the problem that has its networks and every accelerator around it.

    Args:
        path: A `DesignFile`.
        least: What accelerators are compared by, a metric of `dance_env.analysis.hardware.SINGLE_COSTS`.
        progress: Of the costing of layers that are not in the cache.

    Raises:
        OSError, ValueError: If the file cannot be read, or holds no consistent design.
    """
    found = DesignFile.read(path)
    uses = [NetworkUse(each.name or found.name, each.layers, each.weight) for each in found.workloads]
    space = accelerators_around(found.hardware, found.cost_model.technology)
    problem = accelerator_problem(uses, least=least, accelerators=space, cost_model=found.cost_model, progress=progress)
    options = {name: column[0].item() for name, column in found.hardware.columns().items()}
    options["dataflow"] = DATAFLOWS[options["dataflow"]]
    return problem, problem.space.encode([{"network": "given", **options}])[0]


def accelerators_around(hardware: Hardware, technology: Technology) -> AcceleratorSpace:
    """Return DANCE's accelerators, with the sizes of one accelerator among their options.

    Global buffers and bandwidths are choices only where that accelerator chooses them; register files and buffers are
    those that the technology knows.
    """
    grid = dance_buffers()
    known = {
        "rf_words": [words for words in grid.rf_words if technology.rf_words[0] <= words <= technology.rf_words[-1]],
        "glb_words": sorted({technology.glb_words, *(each.words for each in technology.glb_table)}),
    }
    axes = {}
    for name, column in hardware.columns().items():
        own = column[0].item()
        if name != "dataflow":
            options = set(getattr(grid, name))
            options &= set(known.get(name, options))
            axes[name] = tuple(sorted(options | {own}))
    return AcceleratorSpace(**axes, dataflow=DATAFLOWS)


def _best(problem: Problem, progress: Progress | bool | None) -> np.ndarray:
    proof = shipped_optimum(problem)
    if proof is not None and proof.design is not None:
        return np.array(proof.design, dtype=np.int64)
    if problem.space.size > MAX_DESIGNS:
        raise ValueError(
            f"task {problem.name!r} has {problem.space.size:,} designs and its best one is not "
            "on record: find one with dance optimum or dance compare, and give it as --design 0,2,1,..."
        )
    return optimum(problem, progress=progress).design


def _by_index(problem: Problem, parts: Sequence[str], shown: str) -> np.ndarray:
    try:
        indices = [int(part) for part in parts]
    except ValueError:
        raise ValueError(
            f"--design: expected {BEST}, option indices such as 0,2,1, or NAME=OPTION of every choice, such as "
            f"{problem.space.choices[0].name}={problem.space.choices[0].options[0]}; got {shown}"
        ) from None
    names = [choice.name for choice in problem.space.choices]
    networks = problem.space.num_network_choices
    if len(indices) == networks:
        return _with_best_accelerator(problem, np.array(indices, dtype=np.int64))
    if len(indices) != len(names):
        raise ValueError(
            f"--design: expected an option index for each of {len(names)} choices ({', '.join(names)}), or of the first "
            f"{networks}, the network's; got {len(indices)}"
        )
    return np.array(indices, dtype=np.int64)


def _by_name(problem: Problem, named: Sequence[str]) -> np.ndarray:
    given: dict[str, int] = {}
    choices = {choice.name: choice for choice in problem.space.choices}
    for part in named:
        name, _, option = (each.strip() for each in part.partition("="))
        if name not in choices:
            raise ValueError(f"--design: there is no choice {name!r}. {nearest(name, choices)}")
        if name in given:
            raise ValueError(f"--design: {name} is given twice")
        texts = [str(each) for each in choices[name].options]
        if option not in texts:
            raise ValueError(f"--design: there is no option {option!r} of {name}. {nearest(option, texts)}")
        given[name] = texts.index(option)
    missing = [choice for choice in problem.space.choices if choice.name not in given]
    hardware = [choice for choice in problem.space.choices if choice.group == "hardware"]
    if missing and missing != hardware:
        raise ValueError(f"--design: the design lacks {', '.join(choice.name for choice in missing)}")
    indices = [given[choice.name] for choice in problem.space.choices if choice.name in given]
    whole = np.array(indices, dtype=np.int64)
    return _with_best_accelerator(problem, whole) if missing else whole


def _with_best_accelerator(problem: Problem, network: np.ndarray) -> np.ndarray:
    network = problem.network_space.check(network[None])
    return problem.design(network, problem.best_hardware(network))[0]
