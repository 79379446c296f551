"""DANCE on real images: search a network and its accelerator, train the network from scratch, test it.

    python examples/search_images.py runs/mnist                       # 5,000 digits, no download, a few minutes
    python examples/search_images.py runs/mnist-sweep --lambda2 0.03 0.1 0.3 --hardware table macs none
    python examples/search_images.py runs/cifar --task dance-cifar10 --device cuda --precision bfloat16
    torchrun --nproc-per-node 4 examples/search_images.py runs/imagenet --task dance-imagenet --device cuda ...

Killed at any moment and started again with the same arguments, it goes on where it stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from dance_env import make_problem
from dance_env.tasks import UNTRAINED, get_task
from solvers import Progress
from solvers.methods.dance.images.gates import SAMPLINGS
from solvers.methods.dance.images.hardware import HARDWARE_TERMS
from solvers.methods.dance.images.settings import ImageSettings, preset
from solvers.methods.dance.images.solver import DanceImages
from solvers.methods.dance.images.supernet_training import image_task_names
from solvers.methods.dance.images.sweep import SweepRun, sweep
from solvers.methods.dance.images.training.distributed import World
from solvers.methods.dance.images.training.weights import Execution


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the runs are kept")
    parser.add_argument("--task", default="dance-mnist", choices=image_task_names(), help="default: %(default)s")
    parser.add_argument("--location", help="folder of the images (parquet, or images by class), or a name on the hub")
    parser.add_argument("--hardware", nargs="+", default=["table"], choices=HARDWARE_TERMS)
    parser.add_argument("--lambda2", nargs="+", type=float, help="price of hardware; several make a sweep")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--sampling", choices=SAMPLINGS)
    parser.add_argument("--warmup-epochs", type=int)
    parser.add_argument("--search-epochs", type=int, help="after the warm-up")
    parser.add_argument("--final-epochs", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--precision", choices=("float32", "bfloat16", "float16"))
    parser.add_argument("--compile", action="store_true", help="run blocks through torch.compile")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of the CPU (default: all)")
    return parser.parse_args(given)


def settings_from(asked: argparse.Namespace) -> ImageSettings:
    """Return the task's preset with what the command line changes."""
    wanted = preset(get_task(asked.task).network)
    choice, search, final = wanted.choice, wanted.search, wanted.final
    warmup = choice.warmup_epochs if asked.warmup_epochs is None else asked.warmup_epochs
    searching = search.epochs - choice.warmup_epochs if asked.search_epochs is None else asked.search_epochs
    grown = min(choice.grown_epochs, warmup)
    choice = replace(choice, warmup_epochs=warmup, grown_epochs=grown, sampling=asked.sampling or choice.sampling)
    search = replace(search, epochs=warmup + searching)
    final = replace(final, epochs=asked.final_epochs or final.epochs)
    common: dict[str, Any] = {"batch_size": asked.batch_size, "precision": asked.precision}
    common = {name: value for name, value in common.items() if value is not None}
    return replace(wanted, choice=choice, search=replace(search, **common), final=replace(final, **common))


def main(given: Sequence[str] | None = None) -> list[SweepRun]:
    """Run the sweep and print its results."""
    asked = arguments(given)
    world = World.from_environment()
    device = f"cuda:{world.local_rank}" if asked.device == "cuda" else asked.device
    execution = Execution(device=device, compiled=asked.compile, threads=asked.threads, world=world)
    problem = make_problem(asked.task, supernet=UNTRAINED, images=asked.location, progress=world.leads)
    solver = DanceImages(training=settings_from(asked), execution=execution)
    console = Console(stderr=True)
    with console.status("starting") as status:
        runs = sweep(
            problem,
            asked.folder,
            solver=solver,
            terms=asked.hardware,
            lambdas=asked.lambda2 or [solver.training_on(problem.network_space.name).choice.lambda2],
            seeds=asked.seeds,
            callback=lambda progress: status.update(standing(progress)),
        )
    if world.leads:
        console.print(table_of(runs))
        for line in summary(runs):
            console.print(line, highlight=False)
    world.leave()
    return runs


def standing(progress: Progress) -> str:
    """Return a run's progress in a line."""
    return (
        f"{progress.task}, seed {progress.seed}: {progress.training_steps} training steps, "
        f"{progress.gradient_queries} of {progress.budget.size - 1} choice steps, {progress.seconds:.0f} s"
    )


def summary(runs: Sequence[SweepRun]) -> list[str]:
    """Return the mean error and geometric mean EDAP of each setting, and each term's least objective by seed."""
    rows = [run.row() for run in runs]
    lines = []
    for term, lambda2 in dict.fromkeys((run.term, run.lambda2) for run in runs):
        mine = [row for row in rows if (row["term"], row["lambda2"]) == (term, lambda2)]
        error = np.mean([row["error_pct"] for row in mine])
        edap = np.exp(np.mean(np.log([row["edap_js_mm2"] for row in mine])))
        lines.append(f"pays for {term}, lambda2 {lambda2:g}: mean error {error:.2f} %, EDAP {edap:.3g} J s mm2")
    for term in dict.fromkeys(run.term for run in runs):
        least: dict[int, float] = {}
        for row in rows:
            if row["term"] == term:
                least[row["seed"]] = min(row["objective"], least.get(row["seed"], np.inf))
        lines.append(f"pays for {term}: least objective by seed " + ", ".join(f"{each:.2f}" for each in least.values()))
    return lines


def table_of(runs: Sequence[SweepRun]) -> Table:
    """Return one line per run."""
    table = Table(
        "hardware", "lambda2", "seed", "error, %", "EDAP, J s mm2", "latency, s", "network and accelerator", "s"
    )
    for row in (run.row() for run in runs):
        design = " ".join(str(option).replace("mb", "").replace("_k", "x") for option in row["design"].values())
        table.add_row(
            row["term"],
            f"{row['lambda2']:g}",
            str(row["seed"]),
            f"{row['error_pct']:.2f}",
            f"{row['edap_js_mm2']:.3g}",
            f"{row['latency_s']:.3g}",
            design,
            f"{row['training_seconds'] + row['oracle_seconds']:.0f}",
        )
    return table


if __name__ == "__main__":
    main()
