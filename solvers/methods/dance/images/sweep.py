"""A sweep: several whole runs that differ in lambda2, hardware term or seed, in one folder, resumable as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from solvers.methods.dance.images.drive import ProgressCallback
from solvers.methods.dance.images.folder import RunFolder
from solvers.methods.dance.images.hardware import HardwareTerm
from solvers.methods.dance.images.plots import plot_sweep
from solvers.methods.dance.images.run import search_images
from solvers.methods.dance.images.settings import ImageSearchSettings
from solvers.methods.dance.images.task import ImageTask
from solvers.methods.dance.images.warm_up import warm_up
from solvers.methods.dance.images.weight_training import Execution


def sweep(
    task: ImageTask,
    folder: str | Path,
    *,
    settings: ImageSearchSettings,
    terms: dict[str, HardwareTerm],
    lambdas: Iterable[float],
    seeds: Iterable[int],
    execution: Execution | None = None,
    progress: ProgressCallback | None = None,
    finished: Callable[[dict[str, Any]], None] | None = None,
) -> list[dict[str, Any]]:
    """Run every combination, each in a folder of its own; those that are finished already are not run again.

    Writes `sweep.json` (all results so far) and `sweep.png` (test error against true EDAP) after each run. The runs of a
    seed share one warm-up, which knows nothing of hardware; each ends with the same bits as a run on its own.

    Args:
        task: networks, accelerators, costs, images.
        folder: holds one run folder per combination.
        settings: of all runs; lambda2 and seed are replaced.
        terms: hardware terms by the name that folders and plots call them; "none" is run once per seed, since lambda2
            means nothing to it.
        lambdas: the values of lambda2.
        seeds: the seeds.
        execution: device and ranks.
        progress: called after each step of each run.
        finished: called with each result.

    Returns:
        The results, as `search_images` gives them, each with its `term`.
    """
    results: list[dict[str, Any]] = []
    lambdas, run = tuple(lambdas), RunFolder(Path(folder))
    execution = execution or Execution()
    for seed in seeds:
        warmed = None
        if settings.choice.warmup_epochs:
            warmed = run.path / f"warm-up-seed{seed}.safetensors"
            warm_up(task, warmed, settings=replace(settings, seed=seed), execution=execution, progress=progress)
        for name, term in terms.items():
            for lambda2 in (0.0,) if name == "none" else lambdas:
                wanted = replace(settings, choice=replace(settings.choice, lambda2=lambda2), seed=seed)
                place = run.path / f"{name}-lambda{lambda2:g}-seed{seed}"
                result = search_images(
                    task, place, settings=wanted, term=term, execution=execution, progress=progress, warmed=warmed
                )
                results.append({"term": name, **result})
                if execution.world.leads:
                    run.write("sweep", results)
                    plot_sweep(results, run.path / "sweep.png")
                if finished is not None:
                    finished(results[-1])
    return results
