"""`dance supernet`: a supernet trained to judge networks, for the tasks that need one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dance_env.command_line import Exit, Parser
from dance_env.progress import reporter
from dance_env.tasks import get_task


def main(argv: Sequence[str] | None = None) -> int:
    """Train, and write the file; return 0.

    Raises:
        ValueError: If there is no such task, it has no images, or the file is there already.
        OSError, ImportError: If a file or a package cannot be used.
    """
    asked = _parser().parse_args(argv)
    from dance_env.device import usable_device  # after the arguments: torch takes seconds
    from solvers.comparison.compare import check_writable
    from solvers.methods.dance.images.settings import preset
    from solvers.methods.dance.images.supernet_training import train_supernet, trainable_supernet
    from solvers.methods.dance.images.training.distributed import World
    from solvers.methods.dance.images.training.weights import Execution

    if asked.file.exists() and not asked.again:
        raise ValueError(f"{asked.file} is there already; give another name, or --again to replace it")
    check_writable(asked.file.absolute().parent)
    world = World.from_environment()
    device = str(usable_device(f"cuda:{world.local_rank}" if asked.device == "cuda" else asked.device))
    settings = preset(get_task(asked.task).network).uniform(epochs=asked.epochs)
    trainable = trainable_supernet(asked.task, location=asked.images)
    with reporter(world.leads and sys.stderr.isatty(), "Training steps") as report:
        execution = Execution(device=device, threads=asked.threads, world=world)
        train_supernet(trainable, asked.file, settings=settings, seed=asked.seed, execution=execution, progress=report)
    world.leave()
    print(f"{asked.file}: use it with --supernet, supernet=..., or DANCE_SUPERNET", file=sys.stderr)  # noqa: T201
    return Exit.ANSWER


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "supernet",
        "Train a supernet on uniform paths, so that it judges the networks of a task (--supernet FILE). If killed, the same "
        "command goes on where it stopped.",
        examples=[
            "supernet dance-mnist runs/supernet.safetensors",
            "supernet dance-cifar10-lite FILE --epochs 60 --device cuda",
        ],
    )
    parser.add_argument(
        "task", metavar="TASK", help="a task of images, or its network space: those that `dance tasks` says need one"
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="where to write it, such as runs/supernet.safetensors")
    parser.add_argument("--epochs", type=int, help="passes over the images (default: the task's preset)")
    parser.add_argument("--images", metavar="PLACE", help="a folder of the images, or another name on the hub")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn (default: 0)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=int, help="of the CPU (default: all)")
    parser.add_argument("--again", action="store_true", help="train anew where the file is there already")
    return parser
