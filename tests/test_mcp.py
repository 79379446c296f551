"""The MCP server, through the library's own client."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import PATIENCE_S, within

from solvers import Result, Status
from solvers.cli import main
from solvers.methods.external.mcp_server import McpAgent

mcp = pytest.importorskip("mcp", reason="needs the package mcp (extra mcp), which is not installed here")
anyio = pytest.importorskip("anyio")


def played(script, **given) -> Result:
    """The run of a client that follows a script."""

    async def session(server) -> None:
        async with mcp.Client(server) as client:
            await script(client)

    return McpAgent(serve=lambda server: anyio.run(session, server)).solve("tiny", **({"budget": 5, "seed": 0} | given))


async def ask(client, tool: str, **arguments):
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    return answer.structured_content


def test_an_agent_reads_the_card_evaluates_and_the_run_is_a_record(tmp_path: Path) -> None:
    seen = {}

    async def script(client) -> None:
        tools = (await client.list_tools()).tools
        seen["tools"] = {tool.name for tool in tools}
        assert all(tool.description for tool in tools)
        card = seen["card"] = await ask(client, "task_card")
        assert await ask(client, "best") == {"best": None}
        first = {choice["name"]: choice["options"][0] for choice in card["choices"]}
        seen["first"] = await ask(client, "evaluate", designs=[first, [0] * len(first)])
        assert await ask(client, "budget_left") == {"spent": 2, "left": 3}
        bad = await client.call_tool("evaluate", {"designs": [[99] * len(first)]})
        assert bad.is_error
        assert "expected an option index from 0 to" in bad.content[0].text
        last = [choice["options"].index(choice["options"][-1]) for choice in card["choices"]]
        seen["rest"] = await ask(client, "evaluate", designs=[last] * 7)
        spent = await client.call_tool("evaluate", {"designs": [last]})
        assert spent.is_error
        assert "the budget is spent" in spent.content[0].text
        seen["best"] = (await ask(client, "best"))["best"]

    result = played(script)
    assert seen["tools"] == {"task_card", "evaluate", "best", "budget_left"}
    assert seen["card"]["budget"]["evaluations"] == 5
    assert seen["first"]["evaluations"][0] == seen["first"]["evaluations"][1]
    assert len(seen["rest"]["evaluations"]) == 3
    assert result.status is Status.BUDGET_SPENT
    assert seen["best"]["objective"] == result.best_objective
    assert seen["best"]["design"] == result.best_design.tolist()
    loaded = Result.load(result.save(tmp_path / "run.npz"))
    assert loaded.trace.same_search(result.trace)
    lines = [json.loads(line) for line in (tmp_path / "run.transcript.jsonl").read_text().splitlines()]
    assert [line["message"].get("type") for line in lines[:2]] == ["task_card", "task"]


def test_a_client_that_leaves_early_ends_the_run() -> None:
    async def script(client) -> None:
        await ask(client, "budget_left")

    result = played(script)
    assert result.status is Status.NOTHING_FEASIBLE
    assert result.ledger.evaluations == 0


def command(folder: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "solvers.cli", "mcp", "tiny", "--budget", "4", "--out", str(folder), *more]


def test_the_command_serves_a_client_and_saves_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The library's client sends SIGTERM to a server that takes longer to end once it has left: on a busy machine, any.
    monkeypatch.setattr("mcp.client.stdio.PROCESS_TERMINATION_TIMEOUT", PATIENCE_S)

    async def script() -> None:
        program, *arguments = command(tmp_path)
        server = mcp.StdioServerParameters(command=program, args=arguments, env=dict(os.environ), cwd=os.getcwd())
        async with mcp.Client(server) as client:
            card = await ask(client, "task_card")
            await ask(client, "evaluate", designs=[[0] * len(card["choices"])])

    anyio.run(script)
    (path,) = _records(tmp_path)
    result = Result.load(path)
    assert result.ledger.evaluations == 1
    assert result.status is Status.STOPPED_EARLY
    assert path.with_suffix(".transcript.jsonl").exists()


def test_a_server_that_is_told_to_end_saves_the_run(tmp_path: Path) -> None:
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command(tmp_path), **pipes) as process:
        hello = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}
            },
        }  # fmt: skip
        process.stdin.write(json.dumps(hello).encode() + b"\n")
        process.stdin.flush()
        assert b"serverInfo" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.stdin.close()
        assert process.wait(500) == 1
    (path,) = _records(tmp_path)
    assert Result.load(path).status is Status.INTERRUPTED


def _records(folder: Path) -> list[Path]:
    """The records in a folder, as soon as there is one: the server writes it after its client has gone."""
    within(lambda: any((folder / "records").glob("*.npz")))
    return list((folder / "records").glob("*.npz"))


def test_a_run_on_record_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from solvers.contract.record.file import record_path
    from solvers.contract.settings import settings_digest

    settings = settings_digest(McpAgent())
    path = record_path(tmp_path / "records", task="tiny", solver="mcp", settings=settings, budget="4", seed=0)
    path.parent.mkdir()
    path.write_text("a record")
    assert main(["mcp", "tiny", "--budget", "4", "--out", str(tmp_path)]) == 2
    assert "give another --label, --seed or --out" in capsys.readouterr().err
    assert path.read_text() == "a record"


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server.mcpserver", None)
    from solvers import SolverFailed

    with pytest.raises(SolverFailed, match=r"pip install 'dance-env\[mcp\]'"):
        McpAgent().solve("tiny", budget=5, seed=0)
