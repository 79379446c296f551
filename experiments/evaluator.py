"""Train DANCE's evaluator, or load it, and print the paper's figures beside ours: `python -m experiments.evaluator`."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from experiments.claims.claim import Cell
from experiments.claims.evaluator_accuracy import table_rows
from experiments.claims.evaluator_quality import Quality, quality, trained, with_forwarding
from experiments.claims.problems import problem_of
from experiments.claims.run import write_json
from experiments.claims.scale import PUBLISHED_SAMPLES, SCALES
from experiments.claims.work import Work
from solvers.contract.result import software_versions
from solvers.methods.dance.evaluator import LAPTOP, MUON, EvaluatorSettings
from solvers.methods.dance.evaluator.store import evaluator_path
from solvers.methods.dance.evaluator.training import TrainingBill

_PRESETS = {
    "dance": EvaluatorSettings(),
    "dance-laptop": LAPTOP,
    "dance-refined": MUON,
    "laptop": PUBLISHED_SAMPLES,
    "paper": SCALES["paper"].evaluator.settings,
}
"""What the solvers search with, and what the claims are tested with at two scales."""

_HEADINGS = ("networks", "figure", "paper %", "ours %", "commonest %")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status, 2 for a caller's mistake (an unknown task, too few samples, a device)."""
    try:
        return _judge(_parser().parse_args(argv))
    except (ValueError, OSError) as error:
        print(f"evaluator: {error}", file=sys.stderr)
        return 2


def _judge(wanted: argparse.Namespace) -> int:
    scale = SCALES["laptop"]
    settings = _settings(wanted)
    _check_device(wanted.device)
    work = Work(wanted.out or Path(), tell=_tell)
    problem = problem_of(wanted.task, replace(scale, device=wanted.device), work)
    evaluator, bill, cached = trained(problem, settings, device=wanted.device, work=work)
    judged = {
        f"{kind} networks": quality(
            problem,
            evaluator,
            settings,
            networks=wanted.test_networks or scale.evaluator.test_networks,
            pairs=wanted.test_pairs or scale.evaluator.test_pairs,
            single=kind == "single",
            device=wanted.device,
        )
        for kind in ("mixed", "single")
    }
    _print(problem.name, settings, judged, bill, cached)
    if wanted.out is not None:
        file = wanted.out / "evaluator.json"
        kept = evaluator_path(problem, settings, device=wanted.device)
        _write(file, task=problem.name, settings=settings, judged=judged, bill=bill, kept=kept)
        print(f"written: {file}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.evaluator",
        description="Train DANCE's evaluator (or load it from the cache), and judge it on held-out networks.",
    )
    parser.add_argument(
        "--task", default="macro-cifar10/edap", help="a task's name, or dance-cifar10 (default: %(default)s)"
    )
    parser.add_argument(
        "--preset",
        choices=tuple(_PRESETS),
        default="dance-refined",
        help="settings: as the solver `dance` searches with; or the paper's sample sizes with a laptop's or with the "
        "paper's training (default: %(default)s)",
    )
    parser.add_argument("--networks", type=int, help="training networks, in place of the preset's")
    parser.add_argument("--pairs", type=int, help="training (network, accelerator) pairs, in place of the preset's")
    parser.add_argument("--test-networks", type=_positive, help="held-out networks to judge it on")
    parser.add_argument("--test-pairs", type=_positive, help="held-out pairs to judge it on")
    parser.add_argument(
        "--no-forwarding", action="store_true", help="an estimator that does not see the generated accelerator"
    )
    parser.add_argument(
        "--margin",
        type=float,
        default=0.0,
        help="share by which limits are tightened where the best accelerators are chosen that the generator learns: fewer "
        "generated ones miss a deadline, and they cost more (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of samples and weights (default: %(default)s)")
    parser.add_argument("--device", default="cpu", help="of torch (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="folder for evaluator.json, every figure and setting in it")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"give a number of at least 1, not {text}")
    return number


def _settings(wanted: argparse.Namespace) -> EvaluatorSettings:
    settings = with_forwarding(_PRESETS[wanted.preset], forwarding=not wanted.no_forwarding, seed=wanted.seed)
    return replace(
        settings,
        networks=settings.networks if wanted.networks is None else wanted.networks,
        pairs=settings.pairs if wanted.pairs is None else wanted.pairs,
        margin=wanted.margin,
    )


def _check_device(name: str) -> None:
    import torch

    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"torch cannot compute on device {name!r}: {reason}. Try --device cpu") from error


def _print(
    task: str, settings: EvaluatorSettings, judged: dict[str, Quality], bill: TrainingBill, cached: bool
) -> None:
    rows = [_HEADINGS, *(tuple(map(_text, row)) for name, found in judged.items() for row in table_rows(name, found))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    forwarding = "with" if settings.feature_forwarding else "without"
    lines = [
        f"Evaluator of {task}, {forwarding} feature forwarding, on held-out networks",
        "",
        *(
            "  ".join(_aligned(cell, width, place) for place, (cell, width) in enumerate(zip(row, widths, strict=True)))
            for row in rows
        ),
        "",
        f"trained on {settings.networks:,} networks and {settings.pairs:,} pairs, {bill.cost_model_queries:,} costs "
        f"looked up, in {bill.seconds:.1f} s" + (" (in an earlier run; loaded from the cache)" if cached else ""),
        "mixed: probabilities as the search feeds them; single: one-hot. commonest: what always answering with the "
        "commonest best option scores.",
    ]
    print("\n".join(line.rstrip() for line in lines))


def _text(cell: Cell) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "–"
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)


def _aligned(cell: str, width: int, place: int) -> str:
    return cell.ljust(width) if place < 2 else cell.rjust(width)


def _write(
    file: Path,
    *,
    task: str,
    settings: EvaluatorSettings,
    judged: dict[str, Quality],
    bill: TrainingBill,
    kept: Path | None,
) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(
        file,
        {
            "task": task,
            "settings": asdict(settings),
            "held_out": {name: _finite(asdict(found)) for name, found in judged.items()},
            "bill": asdict(bill),
            "evaluator": kept and kept.name,
            "software": software_versions(),
        },
    )


def _finite(figures: dict[str, object]) -> dict[str, object]:
    """NaN, a figure that nothing was measured for, as JSON's null."""
    return {
        name: None if isinstance(figure, float) and math.isnan(figure) else figure for name, figure in figures.items()
    }


def _tell(what: str, done: int, total: int) -> None:
    """Progress on standard error, where a person looks on."""
    if sys.stderr.isatty():
        end = "\n" if done >= total else ""
        print(f"\r{what}: {done}/{total}\x1b[K", end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
