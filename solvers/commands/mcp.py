"""`dance mcp`: one run of a task, searched by an agent over the Model Context Protocol."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Never

from dance_env.command_line import TASK_HELP, Exit, Parser, printable
from solvers.comparison.compare import check_writable
from solvers.comparison.sources import Sources
from solvers.contract.budget import Budget
from solvers.contract.record.file import record_path
from solvers.contract.result import software_versions
from solvers.contract.settings import settings_digest
from solvers.contract.solver import SolverFailed
from solvers.methods.external.mcp_server import McpAgent

_NOTES = """The server speaks on standard input and output, for one client. When that closes the connection, the run ends and is
on record in --out, with a transcript beside it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve one agent, save its run, and return 0 if the run went to its end, else 1."""
    asked = _parser().parse_args(argv)
    budget, solver = Budget.parse(asked.budget), McpAgent(serve=_serve)
    check_writable(asked.out)
    path = record_path(
        asked.out.resolve() / "records",
        task=asked.task,
        solver=asked.label,
        settings=settings_digest(solver),
        budget=budget,
        seed=asked.seed,
    )
    if path.exists():
        raise ValueError(f"there is a record of this run already, {path}: give another --label, --seed or --out")
    problem = Sources(asked.accuracy_table, asked.supernet).problem(asked.task)
    software_versions(solver)  # digests are kept: little is left to do once the client has gone, which may then kill
    try:
        result = solver.solve(problem, budget=budget, seed=asked.seed)
    except SolverFailed as failure:
        result = failure.result
    result.save(path)
    best = "nothing was evaluated" if result.best is None else f"best objective {result.best_objective:g}"
    print(  # noqa: T201
        f"{result.status.value} {result.ledger.evaluations} evaluations, {best}; {printable(result.reason or str(path))}",
        file=sys.stderr,
    )
    return Exit.ANSWER if result.status.complete else Exit.NEGATIVE


def _serve(server: Any) -> None:
    """Run the server until its client goes, or sends SIGTERM, as clients do where a server takes long to end."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        server.run()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the record is being written


def _interrupt(*_: object) -> Never:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "mcp",
        "Serve one run of a task as tools of the Model Context Protocol: task_card, evaluate, best, budget_left.",
        examples=["mcp tiny --budget 50", "mcp accel-nasbench/edap --budget 100networks --label my-agent"],
        notes=_NOTES,
    )
    parser.add_argument("task", metavar="TASK", help=TASK_HELP)
    parser.add_argument(
        "--budget", default="100", metavar="N|Nnetworks|Ngpuh", help="as in dance compare (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="the run's seed (default: %(default)s)")
    parser.add_argument("--label", default="mcp", help="what the record calls the agent (default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/mcp"), metavar="FOLDER", help="for the record (default: %(default)s)"
    )
    parser.add_argument("--accuracy-table", type=Path, metavar="JSON", help="as in dance compare")
    parser.add_argument("--supernet", type=Path, metavar="FILE", help="as in dance compare")
    return parser
