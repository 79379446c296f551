"""The command `dance tasks`: the tasks, a line each, or one in full."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from dance_env.command_line import TASK_HELP, Exit, Parser, as_json, columns, say

_NOTES = """The optimum of a task is known by enumeration (its designs are few enough to look at every one), by a proof that
ships, or not at all; a task that needs a supernet has another optimum with each. `TASK@dance-buffers` is a task on
accelerators that choose their memory as well, `TASK:noise=0.3,dropped=0.1` a perturbed one (docs/robustness.md)."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print every task with what it minimizes, or everything about one; return 0.

    Raises:
        ValueError: If there is no such task.
    """
    asked = _parser().parse_args(argv)
    from dance_env.commands.task_facts import every_task, facts_of  # the catalog, once the command line is understood

    if asked.task is None:
        rows = every_task()
        say(as_json(rows) if asked.json else _listed(rows))
        return Exit.ANSWER
    facts = facts_of(asked.task)
    say(as_json(facts) if asked.json else _in_full(facts))
    return Exit.ANSWER


def _listed(rows: Sequence[dict[str, Any]]) -> str:
    cells = [(row["name"], _size(row["designs"]), row["optimum"], f"{row['objective']}{_needs(row)}") for row in rows]
    return "\n".join(columns([("task", "designs", "optimum", "minimizes"), *cells])) + "\n"


def _size(designs: int | None) -> str:
    return "" if designs is None else f"{float(designs):.1e}"


def _needs(row: dict[str, Any]) -> str:
    if row["needs_accuracy_table"]:
        return " (needs --accuracy-table)"
    return " (needs --supernet)" if row["needs_supernet"] else ""


def _in_full(facts: dict[str, Any]) -> str:
    lines = [
        ("networks", f"{facts['networks']:,} of {facts['network_space']}"),
        ("accelerators", f"{facts['accelerators']:,}"),
        ("designs", f"{facts['designs']:,}"),
        ("minimizes", facts["objective"]),
        ("limits", ", ".join(facts["limits"]) or "none"),
        *[("workloads", ", ".join(facts["workloads"]))] * bool(facts["workloads"]),
        ("technology", facts["technology"]),
        ("accuracies", facts["accuracies"]),
        ("training times", facts["training_times"]),
        ("optimum", facts["optimum"]),
        *[("perturbed", facts["perturbations"])] * bool(facts["perturbations"]),
    ]
    choices = [
        (f"  {choice['name']}", f"{len(choice['options'])}", _options(choice["options"])) for choice in facts["choices"]
    ]
    return (
        "\n".join([facts["name"], *columns((f"  {name}", text) for name, text in lines), "choices:", *columns(choices)])
        + "\n"
    )


def _options(options: Sequence[Any]) -> str:
    texts = [str(option) for option in options]
    return ", ".join(texts if len(texts) <= 8 else [*texts[:4], "...", texts[-1]])


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "tasks",
        "List the tasks with their size, what they minimize and whether their optimum is known; or show one in full.",
        examples=["tasks", "tasks accel-nasbench/edap", "tasks tiny --json"],
        notes=_NOTES,
    )
    parser.add_argument("task", nargs="?", metavar="TASK", help=f"{TASK_HELP}; without one, all are listed")
    parser.add_json()
    return parser
