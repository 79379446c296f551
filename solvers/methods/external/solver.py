"""The solver `cmd`: a program in any language that asks for designs over JSON lines."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Never

import numpy as np

from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.methods.external.process import LONGEST_LINE, AgentFailed, AgentProcess
from solvers.methods.external.session import Refused, Session, shown
from solvers.methods.external.transcript import NAME, Transcript

_DIGESTED_UP_TO = 64 << 20


@dataclass(frozen=True)
class External(Solver):
    """An agent of any language: a program that reads JSON lines and writes JSON lines (`docs/agents.md`).

    Attributes:
        command: The program and its arguments, quoted as for a shell; no shell is started. It runs in the folder of the
            comparison.
        reply_timeout_s: Seconds that the agent has for each reply.
        most_mistakes: Replies in a row that cannot be understood, upon which the run fails.
        most_designs: The most designs of one question.

    Raises:
        ValueError: If there is no such program, or a number is out of range.
    """

    name: ClassVar[str] = "cmd"
    command: str
    reply_timeout_s: float = 600.0
    most_mistakes: int = 5
    most_designs: int = 10_000

    def __post_init__(self) -> None:
        if not self.reply_timeout_s > 0:
            raise ValueError(f"reply_timeout_s is a number of seconds above 0, not {self.reply_timeout_s!r}")
        for name in ("most_mistakes", "most_designs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, not {getattr(self, name)}")
        if shutil.which(self.arguments[0]) is None:
            raise ValueError(f"there is no program {self.arguments[0]!r} to run; write cmd:PROGRAM ARGUMENTS")

    @property
    def arguments(self) -> list[str]:
        """The program and its arguments.

        Raises:
            ValueError: If a quotation mark is not closed, or there is no program.
        """
        try:
            parts = shlex.split(self.command)
        except ValueError as error:
            raise ValueError(f"the command {self.command!r} cannot be read: {error}") from None
        if not parts:
            raise ValueError("cmd needs a command: write cmd:PROGRAM ARGUMENTS")
        return parts

    def own_software(self) -> dict[str, str]:
        """Return a digest of the program and of the files that its arguments name; what these load is not in it."""
        digest = hashlib.sha256()
        for number, part in enumerate(self.arguments):
            file = Path(shutil.which(part) or part) if number == 0 else Path(part)
            try:
                if file.is_file() and file.stat().st_size <= _DIGESTED_UP_TO:
                    digest.update(f"{number} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
            except (OSError, ValueError):  # no name of a file, or one that cannot be read
                continue
        return {"agent": digest.hexdigest()}

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Tell the agent the task, and answer it until the budget is spent or it stops."""
        transcript = Transcript()
        session = Session(problem, seed=int(rng.integers(2**31)), most_designs=self.most_designs)
        agent = AgentProcess(self.arguments, timeout_s=self.reply_timeout_s)
        try:
            _Conversation(self, agent, session, transcript).hold()
        except BaseException:
            agent.close(grace_s=0.0)
            raise
        else:
            agent.close()
        finally:
            problem.meter.attach(NAME, transcript.text())


class _Conversation:
    """The messages of one run."""

    def __init__(self, solver: External, agent: AgentProcess, session: Session, transcript: Transcript) -> None:
        self._solver, self._agent, self._session, self._transcript = solver, agent, session, transcript
        self._mistakes = 0

    def hold(self) -> None:
        """Talk until the agent stops or the budget is spent.

        Raises:
            AgentFailed: If the agent ends, hangs, or is not understood too often in a row.
        """
        self._say(self._session.card())
        while True:
            try:
                message = self._hear()
                if message["type"] == "stop":
                    return
                answer = self._session.evaluate(message["designs"])
            except Refused as refusal:
                self._refuse(refusal)
                continue
            self._mistakes = 0
            self._say(answer)
            if self._session.ended:
                with suppress(AgentFailed):  # it may have ended by itself: it was told that nothing is left
                    self._say({"type": "stop", "reason": "the budget is spent", **self._session.budget()})
                return

    def _say(self, message: dict[str, Any]) -> None:
        self._transcript.sent(message)
        self._agent.send(json.dumps(message, allow_nan=False))

    def _hear(self) -> dict[str, Any]:
        """The agent's next message.

        Raises:
            Refused: If it is none.
        """
        line = self._agent.receive()
        if line is None:
            self._transcript.received_text("(a line that was too long)")
            raise Refused(f"a line of at most {LONGEST_LINE:,} bytes", "a longer one")
        text = line.decode("utf-8", "replace")
        try:
            message = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            self._transcript.received_text(text)
            raise Refused("a JSON object in one line", shown(text)) from None
        self._transcript.received(message)
        kinds = {"evaluate": {"type", "designs"}, "stop": {"type"}}
        kind = message.get("type") if isinstance(message, dict) else None
        if not isinstance(kind, str) or kind not in kinds or set(message) != kinds[kind]:
            raise Refused('{"type": "evaluate", "designs": [...]} or {"type": "stop"}', shown(message))
        return message

    def _refuse(self, refusal: Refused) -> None:
        self._mistakes += 1
        most = self._solver.most_mistakes
        if self._mistakes >= most:
            raise self._agent.failed(f"was not understood {most} times in a row; last, {refusal}")
        self._say(
            {
                "type": "error",
                "expected": refusal.expected,
                "got": refusal.got,
                "mistakes": self._mistakes,
                "most_mistakes": most,
            }
        )


def _no_constant(name: str) -> Never:
    raise ValueError(f"{name} is no JSON")
