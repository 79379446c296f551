"""Agents outside this library: the protocol, what goes wrong, and what is left behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import threading
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from inline import Inline
from waiting import alive, clock_of_runs, numbers_in, within

from dance_env.testing import synthetic_problem
from solvers import Result, SolverFailed, SolverSpec, Status, make_solver
from solvers.cli import main
from solvers.comparison.compare import compare
from solvers.comparison.settings import Settings
from solvers.comparison.spec import parse_specs
from solvers.methods.external import process
from solvers.methods.external.schema import schema
from solvers.methods.external.solver import External
from solvers.testing import check_solver

AGENT = f"{sys.executable} {Path(__file__).with_name('agent.py')}"
EXAMPLES = Path(__file__).parents[1] / "examples" / "agents"


def transcript(result: Result) -> list[dict]:
    return [json.loads(line) for line in result.attachments["transcript.jsonl"].splitlines()]


def failure(mode: str, **settings: object) -> SolverFailed:
    with pytest.raises(SolverFailed) as caught:
        External(f"{AGENT} {mode}", **settings).solve("tiny", budget=40, seed=0)
    return caught.value


def test_an_agent_keeps_the_contract() -> None:
    check_solver(External(f"{AGENT} good")).raise_if_failed()


def test_names_and_indices_are_the_same_designs() -> None:
    one, two = (External(f"{AGENT} {mode}").solve("tiny", budget=20, seed=3) for mode in ("good", "names"))
    assert one.trace.same_search(two.trace)
    assert one.status is Status.BUDGET_SPENT


def test_every_message_follows_the_schema_and_says_what_the_problem_says() -> None:
    problem = synthetic_problem(0, unmappable=120)
    result = External(f"{AGENT} good").solve(problem, budget=20, seed=0)
    lines = transcript(result)
    for line in lines:
        jsonschema.validate(line["message"], schema())
    assert [line["message"]["type"] for line in lines] == ["task", *["evaluate", "evaluations"] * 3, "stop"]
    answers = [each for line in lines for each in line["message"].get("evaluations", ())]
    assert [each["design"] for each in answers] == result.trace.designs.tolist()
    evaluation = problem.evaluate(result.trace.designs)
    for row, answer in enumerate(answers):
        objective = evaluation.objective[row]
        assert answer["objective"] == (objective if np.isfinite(objective) else None)
        assert answer["feasible"] == evaluation.feasible[row]
    assert any(each["objective"] is None for each in answers)
    assert lines[-1]["message"] == {"type": "stop", "reason": "the budget is spent", "spent": 20, "left": 0}
    assert [line["message"]["left"] for line in lines if "left" in line["message"]] == [20, 12, 4, 0, 0]


def test_the_card_says_prices_and_limits() -> None:
    result = External(f"{AGENT} good 3").solve("accel-nasbench/edap", budget="2networks", seed=0)
    card, answers = transcript(result)[0]["message"], transcript(result)[2]["message"]["evaluations"]
    assert card["protocol"] == 1
    assert card["budget"] == {"evaluations": None, "networks": 2, "gpu_hours": None}
    assert card["price"]["usual_training_gpu_hours"] > 0
    assert len(answers) == 2, "the third network is not paid"
    assert sum(each["training_gpu_hours"] for each in answers) == pytest.approx(result.ledger.training_gpu_hours)


def test_an_agent_may_stop() -> None:
    result = External(f"{AGENT} stops").solve("tiny", budget=40, seed=0)
    assert result.status is Status.STOPPED_EARLY
    assert result.ledger.evaluations == 8


def test_nonsense_is_answered_with_what_was_expected() -> None:
    result = External(f"{AGENT} mixed", most_mistakes=2).solve("tiny", budget=40, seed=0)
    errors = [line["message"] for line in transcript(result) if line.get("message", {}).get("type") == "error"]
    got = [f"{each['expected']} / {each['got']}" for each in errors]
    expected = (
        "a JSON object in one line / 'hello'",
        "a JSON object in one line",
        "a JSON object in one line",
        '{"type": "evaluate", "designs": [...]} or {"type": "stop"} / ',
        "a list of at least one design / []",
        "option indices or an object from choice to option / design 0: [0]",
        "an option index from 0 to ",
        "an option index from 0 to ",
        "there is no option 'mb9'",
        "at most 10,000 designs at a time / 10,001",
        "a line of at most 16,777,216 bytes / a longer one",
    )
    assert len(got) == len(expected)
    for text, part in zip(got, expected, strict=True):
        assert part in text
    assert result.ledger.evaluations == len(expected), "what is refused costs nothing"
    for line in transcript(result):
        if "message" in line and line.get("to"):
            jsonschema.validate(line["message"], schema())


@pytest.mark.parametrize(
    ("mode", "settings", "reason"),
    [
        (
            "exits",
            {},
            r"the agent ended with exit status 3 before it was told to stop; .* ends with: cannot open the model",
        ),
        ("crashes", {}, r"ended with exit status 1 .*RuntimeError: out of ideas"),
        ("nonsense", {"most_mistakes": 3}, r"was not understood 3 times in a row; last, expected a JSON object"),
        ("forever-line", {"reply_timeout_s": 0.5}, r"gave no reply within 0.5 s"),
    ],
)
def test_a_failing_agent_is_a_reason(mode, settings, reason) -> None:
    caught = failure(mode, **settings)
    assert re.search(reason, caught.result.reason, re.DOTALL), caught.result.reason
    assert caught.result.status is Status.FAILED
    assert "transcript.jsonl" in caught.result.attachments
    assert caught.result.ledger.evaluations == (8 if mode == "crashes" else 0)


def test_a_silent_agent_is_ended_with_what_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted, receive, replies = tmp_path / "pids", process.AgentProcess.receive, []

    def impatient(self: process.AgentProcess) -> bytes | None:
        """The agent may take long to start and to reply once; its silence is then cut short."""
        if replies:
            assert within(lambda: len(numbers_in(noted)) == 2)
            self._timeout_s = 0.2
        replies.append(receive(self))
        return replies[-1]

    monkeypatch.setattr(process.AgentProcess, "receive", impatient)
    caught = failure(f"sleeps 8 {noted}")
    assert "gave no reply within 0.2 s" in caught.result.reason
    assert len(replies) == 1
    assert within(lambda: not any(map(alive, numbers_in(noted))))


def test_an_interrupt_ends_the_agent(tmp_path: Path) -> None:
    def children() -> set[int]:
        return {int(each) for each in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}

    before, pids = children(), set()

    def interrupt(_: object) -> None:
        pids.update(children() - before)
        raise KeyboardInterrupt

    result = External(f"{AGENT} good").solve("tiny", budget=40, seed=0, callback=interrupt)
    assert result.status is Status.INTERRUPTED
    assert pids
    assert not any(map(alive, pids))


def test_an_agent_that_does_not_read_is_no_deadlock() -> None:
    agent = process.AgentProcess(["sleep", "600"], timeout_s=0.3)
    with pytest.raises(process.AgentFailed, match=r"does not read what is sent to it within 0.3 s"):
        agent.send("x" * (4 << 20))
    agent.close(grace_s=0.0)


def test_a_program_that_is_not_there_is_told_before_any_run(tmp_path: Path, capsys) -> None:
    with pytest.raises(ValueError, match="there is no program 'no-such-agent' to run"):
        make_solver("cmd", command="no-such-agent --fast")
    assert main(["compare", "tiny", "--solver", "cmd:'unclosed", "--out", str(tmp_path)]) == 2
    assert "cannot be read: No closing quotation" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cmd:python a.py --x 1,2 --y=a:b (c", [("cmd", "python a.py --x 1,2 --y=a:b (c")]),
        ("random,evolution:population=20,cmd:./a, b.toml", [("random", ""), ("evolution", ""), ("cmd", "./a, b.toml")]),
        ("cmd:run settings.toml", [("cmd", "run settings.toml")]),
    ],
)
def test_all_that_follows_cmd_is_the_command(text, expected) -> None:
    assert [(each.name, each.settings.get("command", "")) for each in parse_specs(text)] == expected


def test_labels_are_the_command_or_a_digest() -> None:
    assert SolverSpec.of("cmd:python a.py").label == "cmd:python a.py"
    long = [SolverSpec.of(f"cmd:python {'a' * 80}.py {number}").label for number in (1, 2)]
    assert len(set(long)) == 2
    assert max(map(len, long)) <= 60


def test_records_are_the_same_here_or_with_two_workers_and_hold_while_the_agents_file_does(tmp_path: Path) -> None:
    agent = tmp_path / "agent.py"
    shutil.copy(Path(__file__).with_name("agent.py"), agent)
    given = {"tasks": "tiny", "solvers": [f"cmd:{sys.executable} {agent}", "random"], "seeds": (0, 1), "budget": 20}
    runs = [
        compare(Settings(**given, out=tmp_path / "1"), executor=Inline()),
        compare(Settings(**given, out=tmp_path / "2", workers=2)),
    ]
    for one, two in zip(runs[0].results, runs[1].results, strict=True):
        assert one.trace.same_search(two.trace)
    written = [
        {path.name: path.read_bytes() for path in (tmp_path / out / "records").glob("*.jsonl")} for out in ("1", "2")
    ]
    assert len(written[0]) == 2
    assert written[0] == written[1]
    ran = []
    from solvers.comparison.listener import Listener

    compare(Settings(**given, out=tmp_path / "1"), listener=Listener(on_start=ran.append))
    assert not ran
    agent.write_text(agent.read_text() + "\n# edited\n")
    compare(Settings(**given, out=tmp_path / "1", workers=1), listener=Listener(on_start=ran.append))
    assert {cell.label[:4] for cell in ran} == {"cmd:"}


def test_a_file_of_solvers_may_name_an_agent(tmp_path: Path) -> None:
    file = tmp_path / "agents.toml"
    file.write_text(
        f'[[solver]]\nname = "cmd"\nlabel = "mine"\nsettings = {{ command = "{AGENT}", reply_timeout_s = 5 }}\n'
    )
    solver = parse_specs(str(file))[0].make()
    assert solver == External(AGENT, reply_timeout_s=5.0)


@pytest.mark.parametrize(
    "command",
    [
        f"{sys.executable} {EXAMPLES / 'hill_climber.py'}",
        f"sh {EXAMPLES / 'random.sh'}",
        f"node {EXAMPLES / 'annealing.js'}",
    ],
)
def test_examples_take_part(command: str) -> None:
    if shutil.which(command.split()[0]) is None:
        pytest.skip(f"needs {command.split()[0]}, which is not installed here")
    one, two = (External(command).solve("tiny", budget=60, seed=seed) for seed in (0, 1))
    assert one.status is two.status is Status.BUDGET_SPENT
    assert not np.array_equal(one.trace.designs, two.trace.designs)
    again = External(command).solve("tiny", budget=60, seed=0)
    assert one.trace.same_search(again.trace)


def test_the_pages_conversation_follows_the_schema_and_its_tables_name_every_field() -> None:
    page = (Path(__file__).parents[1] / "docs" / "agents.md").read_text()
    lines = re.findall(r"```json\n(.*?)```", page, re.DOTALL)[0].splitlines()
    assert len(lines) == 6
    for line in lines:
        jsonschema.validate(json.loads(line), schema())
    for kind, content in schema()["$defs"].items():
        if kind in ("task", "evaluation", "error", "evaluations"):
            for name in content["properties"]:
                assert f"`{name}`" in page, f"{name} of {kind} is not described"


def test_an_agent_may_end_as_soon_as_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = tmp_path / "agent.py"
    agent.write_text(
        "import json\ncount = len(json.loads(input())['choices'])\n"
        "print(json.dumps({'type': 'evaluate', 'designs': [[0] * count]}))\ninput()\n"
    )
    send = process.AgentProcess.send

    def slowly(self, line: str) -> None:
        if '"stop"' in line:
            self._process.wait(200)
        send(self, line)

    monkeypatch.setattr(process.AgentProcess, "send", slowly)
    result = External(f"{sys.executable} {agent}").solve("tiny", budget=1, seed=0)
    assert result.status is Status.BUDGET_SPENT


def test_a_time_limit_of_the_run_ends_the_agent_and_keeps_what_was_found(tmp_path: Path) -> None:
    noted = tmp_path / "pids"
    settings = Settings("tiny", [f"cmd:{AGENT} sleeps 8 {noted}"], (0,), 40, tmp_path / "out", timeout_s=600)
    with clock_of_runs() as clock:

        def once_it_sleeps() -> None:
            if within(lambda: len(numbers_in(noted)) == 2):
                clock.put_forward(600)

        waiting = threading.Thread(target=once_it_sleeps)
        waiting.start()
        (result,) = compare(settings).results
        waiting.join()
    assert result.status is Status.TIMED_OUT
    assert result.ledger.evaluations == 8
    assert not any(map(alive, numbers_in(noted)))
    (path,) = (tmp_path / "out" / "records").glob("*.transcript.jsonl")
    assert len(path.read_text().splitlines()) == 3, "the card, a question, its answer"
