"""The command `dance choose`: the exact best design of a task under limits."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from dance_env.analysis.exact import COST, MAX_DESIGNS, Optimum, least, optimum
from dance_env.command_line import TASK_HELP, Exit, Parser, as_json, say
from dance_env.commands.limits import parse_limit, together
from dance_env.objective import Constraint, Metric
from dance_env.objective.quantities import METRIC_LABELS, quantity
from dance_env.problem import Problem
from dance_env.tasks import DEFAULT_TASK, get_task, is_made_by_user, make_problem

OBJECTIVE = "objective"
LEAST = (OBJECTIVE, COST, *get_args(Metric), "edp_js", "edap_js_mm2")


@dataclass(frozen=True, eq=False)
class Answer:
    """What the command found.

    Attributes:
        problem: The problem, under the limits that were kept to.
        least: What was to be least.
        found: The best design.
        replaced: The task's own limits, where others were given; None where the task's own were kept to.
    """

    problem: Problem
    least: str
    found: Optimum
    replaced: tuple[Constraint, ...] | None = None

    def values(self) -> dict[str, float]:
        """Return the design's error and costs by metric."""
        evaluation = self.found.evaluation
        costs = {name: float(getattr(evaluation.cost, name)[0]) for name in METRIC_LABELS if name != "error_pct"}
        of_workloads = [limit.metric for limit in self.problem.objective.constraints if "." in limit.metric]
        costs |= {name: float(evaluation.cost.metric(name)[0]) for name in of_workloads}
        return {"error_pct": float(evaluation.error_pct[0]), **costs}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0 where a design meets the limits, 1 where none does."""
    arguments = _parser().parse_args(argv)
    limits = None if arguments.limit is None else together(arguments.limit)
    _check_size(arguments.task)
    bar = sys.stderr.isatty()
    problem = make_problem(arguments.task, accuracy_table=arguments.accuracy_table, progress=bar)
    own = problem.objective.constraints
    if limits is not None:
        problem = problem.limited(limits)
    if arguments.least == OBJECTIVE:
        found = optimum(problem, progress=bar)
    else:
        found = least(problem, arguments.least, progress=bar)
    answer = Answer(problem, arguments.least, found, None if limits is None else own)
    say(as_json(content(answer)) if arguments.json else as_text(answer))
    return Exit.ANSWER if found.feasible else Exit.NEGATIVE


def as_text(answer: Answer) -> str:
    """Return the design by name, what it costs, what it is the best of, and the limits that it was chosen under."""
    problem, found = answer.problem, answer.found
    design, values = problem.space.decode(found.design[None])[0], answer.values()
    exceeded = problem.violations(found.design[None])[0]
    if exceeded:
        by = ", ".join(f"{name} by {100 * amount:.2f} %" for name, amount in exceeded.items())
        head = f"No design meets these limits. The nearest one exceeds {by}; the best"
    else:
        head = "The best design"
    lines = [f"{head}, of {found.designs_compared:,} (least {answer.least}):"]
    lines += [f"  {name:<10} {option}" for name, option in design.items()]
    labels = {**METRIC_LABELS, "error_pct": problem.error_name}
    lines += [f"  {labels[name]:<10} {quantity(name, value)}" for name, value in values.items()]
    lines += [f"  {'objective':<10} {found.objective:.4f} points", _limits_head(answer)]
    lines += [f"  {limit!s:<20} used to {values[limit.metric] / limit.limit:.1%}" for limit in _limits(answer)]
    return "\n".join(lines) + "\n"


def content(answer: Answer) -> dict[str, object]:
    """Return the same as the fields of a JSON object."""
    problem, found = answer.problem, answer.found
    return {
        "task": problem.name,
        "least": answer.least,
        "feasible": found.feasible,
        "designs_compared": found.designs_compared,
        "limits": {limit.metric: limit.limit for limit in _limits(answer)},
        "limits_replaced": {limit.metric: limit.limit for limit in answer.replaced or ()},
        "exceeded": problem.violations(found.design[None])[0],
        "design": problem.space.decode(found.design[None])[0],
        "objective": found.objective,
        **answer.values(),
    }


def _limits(answer: Answer) -> tuple[Constraint, ...]:
    return answer.problem.objective.constraints


def _limits_head(answer: Answer) -> str:
    if answer.replaced is None:
        return "Within the task's own limits:" if _limits(answer) else "The task has no limits."
    if not answer.replaced:
        return "Within these limits (the task has none of its own):"
    own = ", ".join(map(str, answer.replaced))
    return f"Within these limits, in place of the task's own ({own}):"


def _check_size(name: str) -> None:
    """Refuse a task of too many designs before any file of its accuracies is asked for."""
    if is_made_by_user(name):
        return
    task = get_task(name)
    size = task.network_space.size * task.accelerator_space.size
    if size > MAX_DESIGNS:
        raise ValueError(
            f"task {task.name!r} has {size:,} designs; looking at every one is practical up to {MAX_DESIGNS:,}. "
            f"Let a solver search: dance compare {task.name}"
        )


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "choose",
        "Look at every design of a task, and print the best one that meets the limits. The exit status is 1 if none does.",
        examples=[
            "choose",
            "choose tiny --least energy_j --limit latency_s=0.4ms area_mm2=2",
            "choose examples/own_problem.py:own_problem --json",
        ],
    )
    parser.add_argument(
        "task", nargs="?", default=DEFAULT_TASK, metavar="TASK", help=f"{TASK_HELP} (default: {DEFAULT_TASK})"
    )
    parser.add_argument(
        "--least", default=OBJECTIVE, choices=LEAST, help="what is to be least (default: the task's objective)"
    )
    parser.add_argument(
        "--limit",
        nargs="+",
        action="extend",
        type=parse_limit,
        metavar="METRIC=VALUE",
        help=f"largest values of {', '.join(get_args(Metric))}, in place of all limits of the task; in the unit of the "
        "name, or with one (0.4ms); may be repeated",
    )
    parser.add_argument(
        "--accuracy-table",
        type=Path,
        metavar="FILE",
        help="measured accuracies (NAS-Bench-Macro's JSON, nb201's table)",
    )
    parser.add_json()
    return parser
