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

import torch
from rich.console import Console
from rich.table import Table

from dance_env.tasks import get_task
from experiments.claims.joint_on_images import judge
from experiments.claims.scale import ImageScale
from solvers.methods.dance.images.catalog import HARDWARE_TERMS, hardware_term, image_task, image_task_names
from solvers.methods.dance.images.distributed import World
from solvers.methods.dance.images.gates import SAMPLINGS
from solvers.methods.dance.images.settings import ImageSearchSettings, preset
from solvers.methods.dance.images.show import progress_bars
from solvers.methods.dance.images.sweep import sweep
from solvers.methods.dance.images.weight_training import Execution


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
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
    parser.add_argument("--threads", type=int, help="of the CPU")
    return parser.parse_args(given)


def settings_from(asked: argparse.Namespace) -> ImageSearchSettings:
    """The task's preset with what the command line changes."""
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


def main(given: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Run the sweep and print its results."""
    asked = arguments(given)
    if asked.threads:
        torch.set_num_threads(asked.threads)
    world = World.from_environment()
    device = f"cuda:{world.local_rank}" if asked.device == "cuda" else asked.device
    execution = Execution(device=device, compiled=asked.compile, world=world)
    task = image_task(asked.task, location=asked.location, progress=world.leads)
    settings = settings_from(asked)
    terms = {name: hardware_term(name, task, device=device) for name in asked.hardware}
    console = Console(stderr=True)
    with progress_bars(console) as show:
        results = sweep(
            task,
            asked.folder,
            settings=settings,
            terms=terms,
            lambdas=asked.lambda2 or [settings.choice.lambda2],
            seeds=asked.seeds,
            execution=execution,
            progress=show,
        )
    if world.leads:
        console.print(table_of(results))
        for line in comparison(results):
            console.print(line)
    world.leave()
    return results


def comparison(results: Sequence[dict[str, Any]]) -> list[str]:
    """How the joint search fares against each separate one: EDAP at equal error within a seed, and the least objective.

    Nothing where only one of the two was run.
    """
    terms, seeds = ([*dict.fromkeys(result[key] for result in results)] for key in ("term", "seed"))
    separate = tuple(term for term in terms if term in ("macs", "none"))
    if "table" not in terms or not separate:
        return []
    claim = judge(results, ImageScale(tasks=(results[0]["task"],), seeds=tuple(seeds), separate=separate))
    lines = [f"{finding.what}: {finding.ours} ({finding.rule})" for finding in claim.findings]
    for term in terms:
        least = [min(each["objective"] for each in results if (each["term"], each["seed"]) == (term, s)) for s in seeds]
        lines.append(f"pays for {term}: least objective by seed " + ", ".join(f"{value:.2f}" for value in least))
    return [*lines, claim.sentence]


def table_of(results: Sequence[dict[str, Any]]) -> Table:
    """One line per run."""
    table = Table(
        "hardware", "lambda2", "seed", "error, %", "EDAP, J s mm2", "latency, s", "network", "accelerator", "s"
    )
    for result in results:
        network = " ".join(str(option).replace("mb", "").replace("_k", "x") for option in result["network"].values())
        table.add_row(
            result["term"],
            f"{result['lambda2']:g}",
            str(result["seed"]),
            f"{result['error_pct']:.2f}",
            f"{result['edap_js_mm2']:.3g}",
            f"{result['latency_s']:.3g}",
            network,
            " ".join(map(str, result["accelerator"].values())),
            f"{result['search_seconds'] + result['final_seconds']:.0f}",
        )
    return table


if __name__ == "__main__":
    main()
