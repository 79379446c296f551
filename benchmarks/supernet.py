"""How fast the supernet searches, and in how much memory, against the plain full mixture.

    python benchmarks/supernet.py [--task dance-mnist] [--device cuda] [--batch-size 64] [--steps 10] [--json FILE]
    python benchmarks/supernet.py --threads 1 --clock processor    # where others use the machine too

Each way of sampling runs in a process of its own, so that one's memory does not hide in another's. Images are random:
only speed is measured. A search step is one weight step, and a choice step every `--every` of them.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from dance_env.accuracy.supernet.network import Supernet, build_supernet, frozen_statistics
from dance_env.accuracy.supernet.streams import stream
from dance_env.graph.networks import network_space
from solvers.methods.dance.images.gates import SAMPLINGS, draw, probabilities, sample_path, uniform
from solvers.methods.dance.images.training.weights import (
    Execution,
    WeightSettings,
    make_criterion,
    make_optimizer,
    weight_step,
)

_SETTINGS = ("task", "device", "precision", "batch_size", "steps", "every", "threads", "clock")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="dance-mnist")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--every", type=int, default=2, help="weight steps for each choice step")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--clock", choices=("wall", "processor"), default="wall", help="seconds of what")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--sampling", choices=SAMPLINGS, help="(one process's part)")
    return parser.parse_args()


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Seconds and memory of one way of sampling."""
    torch.set_num_threads(asked.threads)
    space = network_space(asked.task)
    settings = WeightSettings(epochs=1, batch_size=asked.batch_size, precision=asked.precision)
    execution = Execution(device=asked.device)
    supernet = build_supernet(space, seed=0).to(asked.device).train()
    channels, rows, columns = space.image_shape
    images = torch.randn((asked.batch_size, channels, rows, columns), generator=stream(0, "images"))
    batch = execution.send(
        (images.contiguous(memory_format=torch.channels_last), torch.arange(asked.batch_size) % space.num_classes)
    )
    optimizer, scaler = make_optimizer(supernet, settings), execution.scaler(settings.precision)
    logits = torch.zeros(sum(supernet.counts), device=asked.device, requires_grad=True)
    start_bytes = memory(asked.device)

    def weights(step: int) -> None:
        path = sample_path(uniform(supernet.counts), supernet.counts, stream(0, "path", step))
        probs = uniform(supernet.counts).float().to(asked.device)
        forward = supernet.mixture if asked.sampling == "mixture" else supernet.forward
        weight_step(
            lambda inputs: forward(inputs, probs if asked.sampling == "mixture" else path),
            batch,
            optimizer=optimizer,
            settings=settings,
            learning_rate=0.01,
            scaler=scaler,
            execution=execution,
        )

    def choices(step: int) -> None:
        with execution.autocast(settings.precision):
            choice_gradient(supernet, logits, batch, sampling=asked.sampling, step=step, settings=settings)

    now = time.process_time if asked.clock == "processor" else time.perf_counter
    seconds = {}
    for name, run in (("weight_step_s", weights), ("choice_step_s", choices)):
        run(0)
        wait(asked.device)
        start = now()
        for step in range(1, asked.steps + 1):
            run(step)
        wait(asked.device)
        seconds[name] = (now() - start) / asked.steps
    search_step = seconds["weight_step_s"] + seconds["choice_step_s"] / asked.every
    return {
        "sampling": asked.sampling,
        "images_per_s": asked.batch_size / search_step,
        **seconds,
        "peak_mib": (memory(asked.device) - start_bytes) / 2**20,
    }


def choice_gradient(
    supernet: Supernet,
    logits: torch.Tensor,
    batch: tuple[torch.Tensor, torch.Tensor],
    *,
    sampling: str,
    step: int,
    settings: WeightSettings,
) -> None:
    """What a choice step computes, without the hardware's part."""
    criterion = make_criterion(settings)
    if sampling == "mixture":
        with frozen_statistics(supernet):
            loss = criterion(supernet.mixture(batch[0], probabilities(logits, supernet.counts)), batch[1])
        torch.autograd.grad(loss, [logits])
        return
    drawn = draw(logits, supernet.counts, sampling=sampling, generator=stream(0, "choice", step))  # type: ignore[arg-type]  # text; draw checks it
    _, gates = supernet.gate_gradients(*batch, path=drawn.path, asked=drawn.asked, criterion=criterion)
    torch.autograd.grad((gates * drawn.relaxed).sum(), [logits])


def memory(device: str) -> float:
    """Peak bytes so far: of the allocator on CUDA, of the process elsewhere."""
    if device.startswith("cuda"):
        return float(torch.cuda.max_memory_allocated())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else peak * 1024)


def wait(device: str) -> None:
    """Until the device has done what it was asked."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def main() -> None:
    """Measure all four, or one as a child process."""
    asked = arguments()
    if asked.sampling:
        print(json.dumps(measure(asked)))
        return
    results = []
    print(
        f"{asked.task}, batch {asked.batch_size}, {asked.device}, {asked.precision}, {asked.threads} threads, {asked.clock} time"
    )
    print(f"{'sampling':10} {'images/s':>9} {'weight step, ms':>16} {'choice step, ms':>16} {'peak, MiB':>10}")
    for sampling in SAMPLINGS:
        own = [part for name in _SETTINGS for part in (f"--{name.replace('_', '-')}", str(getattr(asked, name)))]
        done = subprocess.run(
            [sys.executable, __file__, *own, "--sampling", sampling], capture_output=True, text=True, check=True
        )
        result = json.loads(done.stdout)
        results.append(result)
        print(
            f"{sampling:10} {result['images_per_s']:9.0f} {1e3 * result['weight_step_s']:16.1f} "
            f"{1e3 * result['choice_step_s']:16.1f} {result['peak_mib']:10.0f}"
        )
    if asked.json:
        about = {**{name: getattr(asked, name) for name in _SETTINGS}, "torch": torch.__version__}
        asked.json.write_text(json.dumps({**about, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
