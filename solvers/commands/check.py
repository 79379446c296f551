"""`dance check`: the contract suite on a solver, or on a cost model."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dance_env.command_line import Exit, Parser, as_json, say, seconds

if TYPE_CHECKING:
    from dance_env.testing.report import Outcome, Report

_EXAMPLES = (
    "check examples/custom_solver.py:HillClimber",
    "check mine.py:Slow:steps=10 --budget 16",
    'check mine.py:Mine --expect one-option-choices="the library asserts two options"',
    "check --cost-model examples/custom_cost_model.py:Roofline",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the contract suite, print each check as it ends, and return 0 if all passed, else 1.

    Raises:
        ValueError: If there is no such solver, cost model or check, or neither or both are given.
        OSError, ImportError: If a file or a package cannot be used.
    """
    asked = _parser().parse_args(argv)
    if (asked.solver is None) == (asked.cost_model is None):
        raise ValueError("give a solver, or --cost-model and a cost model: dance check SOLVER")
    expected = dict(_expected(text) for text in asked.expect)
    report = _solver(asked, expected) if asked.cost_model is None else _cost_model(asked, expected)
    if asked.json:
        say(as_json(_content(report)))
    return Exit.ANSWER if report.passed else Exit.NEGATIVE


def _solver(asked: argparse.Namespace, expected: Mapping[str, str]) -> Report:
    from dance_env.testing.report import Report
    from solvers.comparison.spec import SolverSpec
    from solvers.testing import check_solver

    solver = SolverSpec.parse(asked.solver).make()
    shown: list[Outcome] = []

    def show(outcome: Outcome) -> None:
        shown.append(outcome)  # as the report has it, whose first line is a heading: a repeated message is shown once
        say(str(Report("", tuple(shown))).removeprefix(str(Report("", tuple(shown[:-1])))).strip() + "\n")
        sys.stdout.flush()

    if not asked.json:
        say(f"contract of solver {type(solver).__name__!r}:\n")
        sys.stdout.flush()
    return check_solver(
        solver,
        budget=asked.budget,
        expected_failures=expected,
        seconds=asked.seconds,
        on_outcome=None if asked.json else show,
    )


def _cost_model(asked: argparse.Namespace, expected: Mapping[str, str]) -> Report:
    from dance_env.cost.backends import make_cost_model
    from dance_env.testing.cost_model import check_cost_model

    report = check_cost_model(make_cost_model(asked.cost_model), expected_failures=expected)
    if not asked.json:
        say(f"{report}\n")
    return report


def _content(report: Report) -> dict[str, Any]:
    return {
        "subject": report.subject,
        "passed": report.passed,
        "checks": [
            {
                "check": each.check,
                "as_expected": each.as_expected,
                "failure": each.failure,
                "declared": each.declared,
                "contract": each.about,
            }
            for each in report.outcomes
        ],
    }


def _expected(text: str) -> tuple[str, str]:
    check, equals, reason = text.partition("=")
    if not equals or not reason:
        raise ValueError(f"--expect takes CHECK=REASON; got {text!r}")
    return check, reason


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "check",
        "Run the contract's checks on a solver, on small synthetic problems; or on a cost model. The exit status is 1 if a "
        "check fails.",
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "solver",
        nargs="?",
        metavar="SOLVER",
        help="NAME, path/to/file.py:Class, or either with :SETTING=VALUE,SETTING=VALUE",
    )
    parser.add_argument(
        "--cost-model",
        metavar="MODEL",
        help="check this cost model instead: a back end's name, or path/to/file.py:Class (or a function that makes one)",
    )
    parser.add_argument(
        "--budget", type=int, default=64, help="evaluations of each run of a solver (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds",
        type=seconds,
        default=300.0,
        help="after which a check of a solver has failed (default: %(default)s)",
    )
    parser.add_argument(
        "--expect",
        action="append",
        default=[],
        metavar="CHECK=REASON",
        help="a check that cannot be passed, and why; may be repeated",
    )
    parser.add_json()
    return parser
