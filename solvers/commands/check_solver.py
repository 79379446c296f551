"""`dance check-solver`: the contract suite on a solver."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from solvers.comparison.spec import SolverSpec
from solvers.testing import Outcome, Report, check_solver

_EPILOG = """examples:
  dance check-solver examples/custom_solver.py:HillClimber
  dance check-solver mine.py:Slow:steps=10 --budget 16
  dance check-solver mine.py:Mine --expect one-option-choices="the library asserts two options"
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the contract suite, print each check as it ends, and return 0 if all passed, else 1."""
    parser = argparse.ArgumentParser(
        prog="dance check-solver",
        description="Run the contract's checks on a solver, on small synthetic problems.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("solver", help="NAME, path/to/file.py:Class, or either with :SETTING=VALUE,SETTING=VALUE")
    parser.add_argument("--budget", type=int, default=64, help="evaluations of each run (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=300.0, help="after which a check has failed (default: %(default)s)"
    )
    parser.add_argument(
        "--expect",
        action="append",
        default=[],
        metavar="CHECK=REASON",
        help="a check that this solver cannot pass, and why; may be repeated",
    )
    asked = parser.parse_args(argv)
    expected = dict(_expected(text) for text in asked.expect)
    solver = SolverSpec.parse(asked.solver).make()
    shown: list[Outcome] = []

    def show(outcome: Outcome) -> None:
        shown.append(outcome)  # as the report has it, whose first line is a heading: a repeated message is shown once
        print(str(Report("", tuple(shown))).removeprefix(str(Report("", tuple(shown[:-1])))).strip(), flush=True)  # noqa: T201

    print(f"contract of solver {type(solver).__name__!r}:", flush=True)  # noqa: T201
    report = check_solver(
        solver, budget=asked.budget, expected_failures=expected, seconds=asked.seconds, on_outcome=show
    )
    return 0 if report.passed else 1


def _expected(text: str) -> tuple[str, str]:
    check, equals, reason = text.partition("=")
    if not equals or not reason:
        raise ValueError(f"--expect takes CHECK=REASON; got {text!r}")
    return check, reason
