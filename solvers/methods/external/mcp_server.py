"""The questions of an agent as tools of the Model Context Protocol (package `mcp`, extra `mcp`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.methods.external.session import Refused, Session
from solvers.methods.external.transcript import NAME, Transcript

_INSTRUCTIONS = """You search for the best design of a neural network and its accelerator. Read task_card first: it lists the
choices with their options, what is minimized, the limits, and the budget. Each design that you evaluate costs one
evaluation of the budget; plan with budget_left. The result is the best feasible design that you have evaluated."""


@dataclass(frozen=True)
class McpAgent(Solver):
    """An agent that asks through the Model Context Protocol, until it closes the connection.

    Attributes:
        most_designs: The most designs of one question.
    """

    name: ClassVar[str] = "mcp"
    most_designs: int = 1_000
    serve: Callable[[Any], object] = field(default=lambda server: server.run(), repr=False, compare=False)
    """Runs the server until the client goes; on standard input and output by default."""

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Serve one client; what it evaluates is the run."""
        transcript = Transcript()
        session = Session(problem, seed=int(rng.integers(2**31)), most_designs=self.most_designs)
        try:
            self.serve(mcp_server(session, transcript))
        finally:
            problem.meter.attach(NAME, transcript.text())


def mcp_server(session: Session, transcript: Transcript) -> Any:
    """Return an `MCPServer` with the tools `task_card`, `evaluate`, `best` and `budget_left`.

    Raises:
        ImportError: If the package `mcp` is not installed.
    """
    try:
        from mcp.server.mcpserver import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
    except ImportError as error:
        raise ImportError(
            "the MCP server needs the package mcp (2.0 or later): pip install 'dance-env[mcp]'"
        ) from error
    server = MCPServer("dance", instructions=_INSTRUCTIONS, log_level="WARNING")

    def told(question: dict[str, Any], answer: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        transcript.received(question)
        try:
            said = answer()
        except Refused as refusal:
            transcript.sent({"type": "error", "expected": refusal.expected, "got": refusal.got})
            raise ToolError(str(refusal)) from None
        transcript.sent(said)
        return said

    # Asynchronous, so that one question is answered after the other, in the thread of the search.
    @server.tool()
    async def task_card() -> dict[str, Any]:
        """Describe the task: choices and options, what is minimized, units, limits, budget, prices, the seed to use."""
        return told({"type": "task_card"}, session.card)

    @server.tool()
    async def evaluate(designs: list[Any]) -> dict[str, Any]:
        """Evaluate designs, each a list of option indices (one for each choice, in order) or an object from choice to option.

        Each costs one evaluation of the budget. If there are more than are left, the first ones are evaluated.
        """
        if session.ended:
            raise ToolError(
                "the budget is spent; nothing more can be evaluated. Ask for best, and close the connection"
            )
        return told({"type": "evaluate", "designs": designs}, lambda: session.evaluate(designs))

    @server.tool()
    async def best() -> dict[str, Any]:
        """Return the best evaluation so far, feasible designs first; null before the first one. Free."""
        return told({"type": "best"}, lambda: {"best": session.best()})

    @server.tool()
    async def budget_left() -> dict[str, Any]:
        """Return the evaluations that are spent and left. Free."""
        return told({"type": "budget_left"}, session.budget)

    return server
