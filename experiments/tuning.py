"""The settings of solvers tuned with one stated budget each, on tasks that no report shows, and judged on other seeds.

    python -m experiments.tuning --out docs/records/tuning [--solver cma-es reinforce] [--trials 16] [--budget 200]
        [--tasks macro-cifar10/linear macro-cifar10/accuracy-lean] [--seeds 2] [--held-out 10]

Every solver gets the same number of trials. The first has its defaults, the others are proposed by Optuna's TPE (extra
"optuna") in the ranges of `RANGES`. A trial runs the solver on every task and seed with the same budget; its score is the
mean regret above the exact optimum, in per cent, where a run without a feasible design counts as 100. The best trial and
the defaults are then run on seeds that no trial has seen. They win clearly where a one-sided Wilcoxon test over these
pairs has p below 0.05 and no task's mean is worse.

OUT/trials.csv has a row for each trial, OUT/tuning.csv and OUT/tuning.md one for each solver, with the bill: evaluations
of all trials and of the held-out runs, and processor seconds. Started again, the command tunes what is missing.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import wilcoxon

from dance_env.analysis.exact import optimum
from dance_env.problem import Problem
from dance_env.tasks import make_problem
from solvers import make_solver

FIRST_HELD_OUT_SEED = 1000
NO_DESIGN_PCT = 100.0
"""Regret of a run that found no feasible design."""

Range = tuple[Any, ...]
"""("int" or "float" or "log", least, most), or ("one of", option, ...)."""

_LEARNER: dict[str, Range] = {"updates": ("log", 16, 128), "learning_rate": ("log", 1e-3, 0.2)}
_GENETIC: dict[str, Range] = {"offspring": ("int", 1, 20), "changes": ("float", 0.5, 3.0), "leap": ("float", 0.0, 0.6)}

RANGES: dict[str, dict[str, Range]] = {
    "local-search": {"sample": ("log", 1, 64), "kick": ("int", 0, 6), "reach": ("one of", 0, 1, 2, 4)},
    "cma-es": {
        "population": ("int", 4, 30),
        "patience": ("int", 3, 40),
        "growth": ("float", 1.0, 2.0),
        "ordinals": ("one of", True, False),
    },
    "nsga3": {**_GENETIC, "population": ("int", 20, 40)},
    "evolution": {**_GENETIC, "population": ("int", 4, 40)},
    "regularized-evolution": {"population": ("int", 10, 60), "tournament": ("int", 2, 10), "leap": ("float", 0.0, 0.6)},
    "annealing": {"chains": ("int", 1, 8), "start": ("log", 0.01, 1.0), "leap": ("float", 0.0, 0.6)},
    "nevergrad": {
        "optimizer": (
            "one of",
            "DiscreteOnePlusOne",
            "DiscreteLenglerOnePlusOne",
            "FastGADiscreteOnePlusOne",
            "RecombiningPortfolioDiscreteOnePlusOne",
            "LognormalDiscreteOnePlusOne",
            "DiscreteDE",
        ),
        "encoding": ("one of", "index", "transition", "softmax"),
    },
    "network-first": {"share": ("float", 0.2, 0.8), "pressure": ("float", 0.2, 0.8)},
    "accelerator-first": {"networks": ("log", 8, 128), "pressure": ("float", 0.2, 0.8)},
    "reinforce": {**_LEARNER, "controller": ("one of", "lstm", "factorized"), "entropy": ("log", 1e-3, 0.3)},
    "a2c": {**_LEARNER, "entropy": ("log", 1e-3, 0.3), "normalize": ("one of", True, False)},
    "maskable-ppo": {**_LEARNER, "epochs": ("int", 2, 12), "entropy": ("log", 1e-3, 0.1)},
    "dqn": {**_LEARNER, "replays": ("int", 1, 4), "exploration": ("float", 0.2, 0.9)},
    "gp": {"starts": ("int", 5, 40), "candidates": ("log", 64, 1024), "models": ("int", 16, 64)},
    "tpe": {"starts": ("int", 5, 40), "multivariate": ("one of", True, False)},
    "motpe": {"starts": ("int", 5, 40), "multivariate": ("one of", True, False)},
}
"""The main settings of a solver, and where they are searched."""


@dataclass(frozen=True)
class Tuning:
    """What every solver is tuned with.

    Attributes:
        tasks: Names of the tasks.
        trials: Settings that are tried, the defaults among them.
        budget: Evaluations of a run.
        seeds: Of each trial on each task.
        held_out: Seeds on which the best settings are held against the defaults.
    """

    tasks: tuple[str, ...]
    trials: int
    budget: int
    seeds: int
    held_out: int


@dataclass(frozen=True)
class Row:
    """How the tuning of one solver ended; regrets in per cent, means over tasks and seeds.

    Attributes:
        solver: Its name.
        settings: The best settings, as JSON.
        trial_default_pct: Score of the defaults, over the seeds of the trials.
        trial_tuned_pct: Score of the best trial.
        trial_worst_pct: Score of the worst trial.
        default_pct: Of the defaults, over the held-out seeds.
        tuned_pct: Of the best settings, over the held-out seeds.
        p_value: Of the Wilcoxon test that the tuned regrets are lower.
        clear: Whether they are, on every task.
        evaluations: Of all runs, the held-out ones included.
        cpu_s: Processor seconds of the same.
    """

    solver: str
    settings: str
    trial_default_pct: float
    trial_tuned_pct: float
    trial_worst_pct: float
    default_pct: float
    tuned_pct: float
    p_value: float
    clear: bool
    evaluations: int
    cpu_s: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Tune what is missing and write the tables."""
    args = _parser().parse_args(arguments)
    tuning = Tuning(tuple(args.tasks), args.trials, args.budget, args.seeds, args.held_out)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "tuning.json").write_text(json.dumps(asdict(tuning), indent=1) + "\n", encoding="utf-8")
    problems = {task: make_problem(task) for task in tuning.tasks}
    best = {task: optimum(problem).objective for task, problem in problems.items()}
    done = [row for row in _read(args.out / "tuning.csv") if row.solver not in args.again]
    for name in args.solver:
        if name not in {row.solver for row in done}:
            row, trials = tune(name, tuning, problems, best)
            done.append(row)
            _append_trials(args.out / "trials.csv", name, trials)
            _write(args.out, tuning, done)
            print(f"{name}: {row.default_pct:.2f} -> {row.tuned_pct:.2f} %, p {row.p_value:.3f}", flush=True)


def tune(
    name: str, tuning: Tuning, problems: dict[str, Problem], best: dict[str, float]
) -> tuple[Row, list[tuple[dict[str, Any], float]]]:
    """Tune one solver.

    Args:
        name: Its name, one of `RANGES`.
        tuning: The budget.
        problems: By the name of the task.
        best: The exact optimum's objective of each.

    Returns:
        The row, and each trial's settings and score.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    started, evaluations = time.process_time(), 0

    def regrets(settings: dict[str, Any], first: int, count: int) -> np.ndarray:
        """(tasks, seeds) regret in per cent."""
        nonlocal evaluations
        found = np.full((len(problems), count), NO_DESIGN_PCT)
        for row, (task, problem) in enumerate(problems.items()):
            for column in range(count):
                run = make_solver(name, **settings).solve(problem, budget=tuning.budget, seed=first + column)
                evaluations += run.ledger.evaluations
                if run.trace.feasible.any():
                    above = 100.0 * (run.best_objective - best[task]) / abs(best[task])
                    found[row, column] = min(NO_DESIGN_PCT, above)
        return found

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=tuning.trials // 3))
    ranges = RANGES[name]
    defaults = {setting: getattr(make_solver(name), setting) for setting in ranges}
    tried = [(defaults, float(regrets({}, 0, tuning.seeds).mean()))]
    for _ in range(tuning.trials - 1):
        trial = study.ask()
        settings = {setting: _proposed(trial, setting, given) for setting, given in ranges.items()}
        try:
            score = float(regrets(settings, 0, tuning.seeds).mean())
        except ValueError:  # settings that do not go together
            score = NO_DESIGN_PCT
        study.tell(trial, score)
        tried.append((settings, score))
    settings, score = min(tried, key=lambda each: each[1])
    default, tuned = (regrets(each, FIRST_HELD_OUT_SEED, tuning.held_out) for each in (defaults, settings))
    p_value = (
        1.0
        if np.array_equal(default, tuned)
        else float(wilcoxon(tuned.ravel(), default.ravel(), alternative="less").pvalue)
    )
    row = Row(
        solver=name,
        settings=json.dumps(settings),
        trial_default_pct=tried[0][1],
        trial_tuned_pct=score,
        trial_worst_pct=max(each for _, each in tried),
        default_pct=float(default.mean()),
        tuned_pct=float(tuned.mean()),
        p_value=p_value,
        clear=bool(p_value < 0.05 and (tuned.mean(axis=1) <= default.mean(axis=1)).all()),
        evaluations=evaluations,
        cpu_s=round(time.process_time() - started, 1),
    )
    return row, tried


def _proposed(trial: Any, setting: str, given: Range) -> Any:
    kind, *limits = given
    if kind == "one of":
        return trial.suggest_categorical(setting, limits)
    if isinstance(limits[0], int):
        return trial.suggest_int(setting, *limits, log=kind == "log")
    return trial.suggest_float(setting, *limits, log=kind == "log")


def _read(path: Path) -> list[Row]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        kinds: dict[str, Any] = {"str": str, "float": float, "int": int, "bool": lambda text: text == "True"}
        return [
            Row(**{each.name: kinds[str(each.type)](line[each.name]) for each in fields(Row)})
            for line in csv.DictReader(file)
        ]


def _append_trials(path: Path, name: str, trials: list[tuple[dict[str, Any], float]]) -> None:
    fresh = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow(["solver", "trial", "regret_pct", "settings"])
        writer.writerows(
            [name, number, f"{score:.4f}", json.dumps(given)] for number, (given, score) in enumerate(trials)
        )


def _write(out: Path, tuning: Tuning, rows: list[Row]) -> None:
    with (out / "tuning.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [each.name for each in fields(Row)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    lines = [
        f"{tuning.trials} trials of {tuning.seeds} seeds x {tuning.budget} evaluations on {' and '.join(tuning.tasks)}; "
        f"held out: {tuning.held_out} other seeds of each. Mean regret in per cent; clear: one-sided Wilcoxon p < 0.05, and "
        "no task worse.",
        "",
        "| solver | worst trial | defaults | best trial | defaults, held out | tuned, held out | p | clear | evaluations | "
        "cpu s | best settings |",
        "|---|---:|---:|---:|---:|---:|---:|---|---:|---:|---|",
    ]
    for row in rows:
        settings = ", ".join(
            f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
            for key, value in json.loads(row.settings).items()
        )
        lines.append(
            f"| `{row.solver}` | {row.trial_worst_pct:.2f} | {row.trial_default_pct:.2f} | {row.trial_tuned_pct:.2f} | "
            f"{row.default_pct:.2f} | {row.tuned_pct:.2f} | {row.p_value:.3f} | {'yes' if row.clear else 'no'} | "
            f"{row.evaluations:,} | {row.cpu_s:.0f} | {settings} |"
        )
    (out / "tuning.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments.tuning", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--solver", nargs="+", default=list(RANGES), choices=list(RANGES), help="solvers to tune")
    parser.add_argument("--again", nargs="*", default=[], help="solvers to tune although they have been")
    parser.add_argument("--tasks", nargs="+", default=["macro-cifar10/linear", "macro-cifar10/accuracy-lean"])
    parser.add_argument("--trials", type=int, default=16, help="settings tried for each solver")
    parser.add_argument("--budget", type=int, default=200, help="evaluations of a run")
    parser.add_argument("--seeds", type=int, default=2, help="of a trial on each task")
    parser.add_argument("--held-out", type=int, default=10, help="seeds for the comparison with the defaults")
    return parser


if __name__ == "__main__":
    main()
