"""`dance list`: tasks and solvers, a line each."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from dance_env.tasks import ACCELERATORS, TASKS
from solvers.catalog import solver_declaration, solver_names, solver_summary, wrapper_names


def main(argv: Sequence[str] | None = None) -> int:
    """Print every task with its objective, and every solver with its access class, what it needs and what it does."""
    parser = argparse.ArgumentParser(
        prog="dance list",
        description="Print every task with what it minimizes, and every solver with how far it looks: at values of "
        "designs, at gradients of expected accuracy too, or at the tables themselves (white box).",
    )
    parser.parse_args(argv)
    tasks = {
        name: f"{task.variant.objective} ({task.variant.technology.name}{', needs --supernet' * task.needs_supernet})"
        for name, task in TASKS.items()
    }
    others = {f"<task>@{name}": f"the same on {space().size:,} accelerators" for name, space in ACCELERATORS.items()}
    solvers = {name: f"[{_declared(name)}] {solver_summary(name)}" for name in solver_names()}
    wrappers = {name: solver_summary(name) for name in wrapper_names()}
    titles = {"tasks, by what they minimize": tasks | others, "solvers": solvers, "wrappers, NAME(SOLVER)": wrappers}
    for title, entries in titles.items():
        width = max(map(len, entries))
        print(f"{title}:")  # noqa: T201
        for name, text in entries.items():
            print(f"  {name:<{width}}  {text}".rstrip())  # noqa: T201
    return 0


def _declared(name: str) -> str:
    """A solver's access class and its further capabilities, in a few words."""
    declared = solver_declaration(name)
    needs = [word.replace("_", " ") for word, value in declared.items() if value is True]
    lacks = [f"not {word.replace('_', ' ')}" for word, value in declared.items() if value is False]
    library = [f"needs {declared['library']}"] if declared.get("library") else []
    return "; ".join([str(declared.get("access", "values")), *library, *needs, *lacks])
