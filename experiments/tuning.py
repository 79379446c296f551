"""The settings of solvers tuned with one stated budget each, on tasks that no report shows, and judged on other seeds.

    python -m experiments.tuning --out docs/records/tuning [--solver cma-es reinforce] [--trials 12] [--budget 200]
        [--tasks gpt-m/edap macro-cifar10/balanced@dance-buffers] [--seeds 2] [--held-out 8]

What is tuned of a solver, it declares itself (`Solver.tunable`). Every solver gets the same number of trials. The first
has its defaults, the others are proposed by Optuna's TPE (extra "optuna"). A trial runs the solver on every task and seed
with the same budget. Its score is the mean over tasks of the regret above the optimum, in units of random search's on the
same seeds and with the same budget: 1 is as good as random search. A run without a feasible design has a regret of 100 %.

The best trial and the defaults are then run on seeds that no trial has seen. The best trial wins clearly where a
one-sided Wilcoxon test over these pairs has p below 0.05 and no task's mean is worse. Of two dozen solvers without any
difference about one passes that by chance; `--confirm` runs the pairs of those that pass on further seeds.

OUT/trials.csv has a row for each trial, OUT/tuning.csv and OUT/tuning.md one for each solver, with the bill: evaluations
and gradient queries of all trials and of the held-out runs, and processor seconds. Started again, the command tunes what
is missing. A row names the design spaces that it was made on, since a space may be changed between two solvers.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import wilcoxon

from dance_env.analysis.exact import optimum
from dance_env.analysis.optimum import shipped_optimum
from dance_env.problem import Problem
from dance_env.tasks import make_problem
from solvers import Solver, load_solver, make_solver, solver_names
from solvers.comparison.tuning.space import optuna, suggested, told, values_in, with_settings

HELD_OUT = 1000
"""The first seed that no trial sees."""
CONFIRMING = 2000
"""The first seed of a confirmation."""
NO_DESIGN_PCT = 100.0
"""Regret of a run that found no feasible design."""

TASKS = ("gpt-m/edap", "macro-cifar10/balanced@dance-buffers")
"""A transformer without limits, and a convolutional network with a deadline on accelerators that choose their memory.

Their optima are proved and enumerated; random search ends 5 to 10 % and 15 to 25 % above them. No page of results shows
them.
"""

_SLOW = (
    *("separate-flops", "edd", "a2c", "ppo", "maskable-ppo", "reinforce"),
    *("tpe", "network-tpe", "gp", "motpe", "dqn"),
)
"""Tuned last, in this order."""


def tuned_solvers() -> list[str]:
    """Return the names of the solvers that declare what may be tuned, cheap ones first."""
    declared = [name for name in solver_names() if load_solver(name).tunable]
    return sorted(declared, key=lambda name: _SLOW.index(name) if name in _SLOW else -1)


@dataclass(frozen=True)
class Tuning:
    """What every solver is tuned with.

    Attributes:
        tasks: Names of the tasks.
        trials: Settings that are tried, the defaults among them.
        budget: Evaluations and gradient queries of a run.
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
    """How the tuning of one solver ended; scores in units of random search's regret.

    Attributes:
        solver: Its name.
        settings: The best settings that are not the defaults, as JSON; empty where the defaults were best.
        trial_default: Score of the defaults, over the seeds of the trials.
        trial_tuned: Score of the best trial.
        trial_worst: Score of the worst trial.
        default: Of the defaults, over the held-out seeds.
        tuned: Of the best settings, over the held-out seeds.
        default_pct: Mean regret of the defaults on each task, held-out seeds, as JSON.
        tuned_pct: Mean regret of the best settings, likewise.
        p_value: Of the Wilcoxon test that the tuned regrets are lower.
        clear: Whether they are, and on no task higher.
        spent: Evaluations and gradient queries of all runs, the held-out ones included.
        cpu_s: Processor seconds of the same.
        confirmed: p of the same test on further seeds, and the mean regrets of the defaults and of the best settings on each
            task; empty where it was not asked for.
        spaces: Fingerprint and size of the design space of each task, as `spaces_of` gives them.
    """

    solver: str
    settings: str
    trial_default: float
    trial_tuned: float
    trial_worst: float
    default: float
    tuned: float
    default_pct: str
    tuned_pct: str
    p_value: float
    clear: bool
    spent: int
    cpu_s: float
    confirmed: str = ""
    spaces: str = ""


@dataclass(eq=False)
class Course:
    """The tasks, what is known of them, and the runs made on them; mutable.

    Attributes:
        problems: By the name of the task.
        budget: Of a run.
        optima: The optimum's objective of each task.
        spent: Evaluations and gradient queries of all runs so far.
    """

    problems: Mapping[str, Problem]
    budget: int
    optima: Mapping[str, float]
    spent: int = 0
    _random: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)

    def regrets(self, solver: Solver, first: int, count: int) -> np.ndarray:
        """Return the regrets (tasks, seeds) of a solver, in per cent, on seeds from `first` on."""
        found = np.full((len(self.problems), count), NO_DESIGN_PCT)
        for row, (task, problem) in enumerate(self.problems.items()):
            for column in range(count):
                run = solver.solve(problem, budget=self.budget, seed=first + column)
                self.spent += run.ledger.spent
                if run.trace.feasible.any():
                    above = 100.0 * (run.best_objective - self.optima[task]) / abs(self.optima[task])
                    found[row, column] = min(NO_DESIGN_PCT, above)
        return found

    def score(self, regrets: np.ndarray, first: int) -> float:
        """Return the mean over tasks of regrets (tasks, seeds) in units of random search's on the same seeds."""
        key = first, regrets.shape[1]
        if key not in self._random:
            before = self.spent
            self._random[key] = self.regrets(make_solver("random"), *key).mean(axis=1)
            self.spent = before
        return float((regrets.mean(axis=1) / self._random[key]).mean())


def main(arguments: Sequence[str] | None = None) -> None:
    """Tune what is missing and write the tables."""
    args = _parser().parse_args(arguments)
    tuning = Tuning(tuple(args.tasks), args.trials, args.budget, args.seeds, args.held_out)
    args.out.mkdir(parents=True, exist_ok=True)
    _check_same(args.out / "tuning.json", tuning)
    problems = {task: make_problem(task) for task in tuning.tasks}
    course = Course(problems, tuning.budget, {task: _optimum(problem) for task, problem in problems.items()})
    done = [row for row in _read(args.out / "tuning.csv") if row.solver not in args.again]
    for name in args.solver or tuned_solvers():
        if name not in {row.solver for row in done}:
            row, trials = tune(name, tuning, course)
            done.append(row)
            _append_trials(args.out / "trials.csv", name, trials)
            _write(args.out, tuning, done)
            print(f"{name}: {row.default:.3f} -> {row.tuned:.3f}, p {row.p_value:.3f}", flush=True)
    if args.confirm:
        done = [_confirmed(row, args.confirm, course) if row.clear and not row.confirmed else row for row in done]
        _write(args.out, tuning, done)


def tune(name: str, tuning: Tuning, course: Course) -> tuple[Row, list[tuple[dict[str, Any], float]]]:
    """Tune one solver.

    Args:
        name: Its name, one of `tuned_solvers()`.
        tuning: The budget.
        course: Where it runs.

    Returns:
        The row, and each trial's settings and score; none of the first are changed.
    """
    started, before = time.process_time(), course.spent
    solver = make_solver(name)
    space = solver.tunable
    study = optuna().create_study(
        sampler=optuna().samplers.TPESampler(seed=0, n_startup_trials=max(1, tuning.trials // 3))
    )
    tried: list[tuple[dict[str, Any], float]] = []
    for number in range(tuning.trials):
        trial = study.ask() if number else None
        settings = suggested(space, trial) if number else {}
        score = course.score(course.regrets(with_settings(solver, settings), 0, tuning.seeds), 0)
        if trial is not None:
            study.tell(trial, score)
        elif default := told(space, values_in(space, solver), score):
            study.add_trial(default)
        tried.append((settings, score))
    settings, score = min(tried, key=lambda each: each[1])
    default, tuned = (
        course.regrets(each, HELD_OUT, tuning.held_out) for each in (solver, with_settings(solver, settings))
    )
    p_value = _p_value(default, tuned)
    row = Row(
        solver=name,
        settings=json.dumps(settings),
        trial_default=tried[0][1],
        trial_tuned=score,
        trial_worst=max(each for _, each in tried),
        default=course.score(default, HELD_OUT),
        tuned=course.score(tuned, HELD_OUT),
        default_pct=_means(default),
        tuned_pct=_means(tuned),
        p_value=p_value,
        clear=bool(p_value < 0.05 and (tuned.mean(axis=1) <= default.mean(axis=1)).all()),
        spent=course.spent - before,
        cpu_s=round(time.process_time() - started, 1),
        spaces=spaces_of(course.problems),
    )
    return row, tried


def spaces_of(problems: Mapping[str, Problem]) -> str:
    """Return fingerprint (its first 12 digits) and number of designs of each task's space, as text."""
    return "; ".join(
        f"{task}: {problem.space.fingerprint()[:12]}, {problem.space.size:.3g} designs"
        for task, problem in problems.items()
    )


def _confirmed(row: Row, count: int, course: Course) -> Row:
    """The row with the test on `count` further seeds."""
    solver = make_solver(row.solver)
    default, tuned = (
        course.regrets(each, CONFIRMING, count) for each in (solver, with_settings(solver, json.loads(row.settings)))
    )
    pairs = zip(default.mean(axis=1), tuned.mean(axis=1), strict=True)
    means = ", ".join(f"{old:.2f} to {new:.2f} %" for old, new in pairs)
    return replace(row, confirmed=f"p {_p_value(default, tuned):.4f}: {means}")


def _p_value(default: np.ndarray, tuned: np.ndarray) -> float:
    """Of the one-sided Wilcoxon test that tuned regrets are lower; pairs are seeds of a task."""
    if np.array_equal(default, tuned):
        return 1.0
    return float(wilcoxon(tuned.ravel(), default.ravel(), alternative="less").pvalue)


def _means(regrets: np.ndarray) -> str:
    return json.dumps([round(float(each), 3) for each in regrets.mean(axis=1)])


def _optimum(problem: Problem) -> float:
    """The proved optimum where its record ships, else by enumeration."""
    proof = shipped_optimum(problem)
    return float(optimum(problem).objective if proof is None else proof.objective)


def _check_same(path: Path, tuning: Tuning) -> None:
    """Write the budget of a fresh folder; refuse to add to one of another budget."""
    text = json.dumps(asdict(tuning), indent=1) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise SystemExit(f"{path} has another budget or other tasks: give those, or another --out")
    path.write_text(text, encoding="utf-8")


def _read(path: Path) -> list[Row]:
    if not path.exists():
        return []
    kinds: dict[str, Any] = {"str": str, "float": float, "int": int, "bool": lambda text: text == "True"}
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Row(**{each.name: kinds[str(each.type)](line[each.name]) for each in fields(Row)})
            for line in csv.DictReader(file)
        ]


def _append_trials(path: Path, name: str, trials: list[tuple[dict[str, Any], float]]) -> None:
    fresh = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow(["solver", "trial", "score", "settings"])
        writer.writerows(
            [name, number, f"{score:.4f}", json.dumps(given)] for number, (given, score) in enumerate(trials)
        )


def _write(out: Path, tuning: Tuning, rows: list[Row]) -> None:
    with (out / "tuning.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [each.name for each in fields(Row)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    lines = [
        f"{tuning.trials} trials of {tuning.seeds} seeds x {tuning.budget} evaluations or gradient queries on "
        f"{' and '.join(tuning.tasks)}; held out: {tuning.held_out} other seeds of each. Scores are mean regrets in units of "
        "random search's, 0 is the optimum. Clear: one-sided Wilcoxon p < 0.05, and no task worse; confirmed: the same test, "
        "and the mean regrets of defaults and best trial on each task, on further seeds.",
        "",
        "| solver | worst trial | defaults | best trial | defaults, held out | tuned, held out | p | clear | confirmed | "
        "spent | cpu s | best settings |",
        "|---|---:|---:|---:|---:|---:|---:|---|---|---:|---:|---|",
        *map(_line, rows),
        "",
        "Design spaces, by fingerprint:",
        "",
        *(
            f"- {spaces} ({', '.join(f'`{row.solver}`' for row in rows if row.spaces == spaces)})"
            for spaces in dict.fromkeys(row.spaces for row in rows)
        ),
    ]
    (out / "tuning.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _line(row: Row) -> str:
    settings = ", ".join(
        f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in json.loads(row.settings).items()
    )
    scores = " | ".join(
        f"{score:.3f}" for score in (row.trial_worst, row.trial_default, row.trial_tuned, row.default, row.tuned)
    )
    return (
        f"| `{row.solver}` | {scores} | {row.p_value:.3f} | {'yes' if row.clear else 'no'} | {row.confirmed} | "
        f"{row.spent:,} | {row.cpu_s:.0f} | {settings or 'the defaults'} |"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments.tuning", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--solver", nargs="+", help="solvers to tune; by default all that declare what may be tuned")
    parser.add_argument("--again", nargs="*", default=[], help="solvers to tune although they have been")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--trials", type=int, default=12, help="settings tried for each solver")
    parser.add_argument("--budget", type=int, default=200, help="evaluations or gradient queries of a run")
    parser.add_argument("--seeds", type=int, default=2, help="of a trial on each task")
    parser.add_argument("--held-out", type=int, default=8, help="seeds for the comparison with the defaults")
    parser.add_argument("--confirm", type=int, default=0, help="further seeds on which clear winners are tested again")
    return parser


if __name__ == "__main__":
    main()
