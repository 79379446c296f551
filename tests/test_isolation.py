"""What one solver does to its process, and that no other run, no record and no report suffers."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from waiting import PATIENCE_S, alive, clock_of_runs, numbers_in, within

from dance_env.tasks import make_problem
from solvers.cli import main
from solvers.comparison import work
from solvers.comparison.compare import compare
from solvers.comparison.listener import Listener
from solvers.comparison.plan import plan
from solvers.comparison.processes.executor import ProcessPerCall
from solvers.comparison.settings import Settings
from solvers.comparison.sources import Sources
from solvers.comparison.spec import SolverSpec
from solvers.comparison.work import pack, preparation, run_job
from solvers.contract.result import Result, Status

BAD = Path(__file__).with_name("bad_neighbors.py")
TIMEOUT_S = 600.0
"""Long enough for any run on a busy machine: the clock is put forward for the two that it is to end."""

DONE = Status.STOPPED_EARLY

ENDINGS = {
    "Sleeps": (Status.TIMED_OUT, "took longer than"),
    "SleepsOn": (Status.TIMED_OUT, "took longer than 600 s"),
    "Exit0": (Status.FAILED, "ended with exit status 0 before the run did"),
    "Exit7": (Status.FAILED, "ended with exit status 7 before the run did"),
    "SysExit": (Status.FAILED, "SystemExit: 3"),
    "Segfault": (Status.FAILED, "ended by SIGSEGV"),
    "Abort": (Status.FAILED, "ended by SIGABRT"),
    "Killed": (Status.FAILED, "ended by SIGKILL, perhaps for want of memory"),
    "Terminated": (Status.FAILED, "SIGTERM"),
    "Panics": (Status.FAILED, "Panic: a panic of Rust's"),
    "ExitsGenerator": (Status.FAILED, "GeneratorExit"),
    "Interrupts": (Status.FAILED, "KeyboardInterrupt"),
    "RaisesUnspeakable": (Status.FAILED, "Unspeakable: "),
    "Fails": (Status.FAILED, "ValueError: of its own"),
    "AsksForNaN": (Status.FAILED, "Error: "),
    "ClosesDescriptors": (Status.FAILED, "ended with exit status 1 before the run did"),
    "FailsInWorker": (Status.FAILED, "RuntimeError: not here"),
    "LeavesThread": (DONE, ""),
    "LeavesProcess": (DONE, ""),
    "ForksOn": (DONE, ""),
    "ChangesFolder": (DONE, ""),
    "ChangesEnvironment": (DONE, ""),
    "Prints": (DONE, ""),
    "UnprintableSetting": (DONE, ""),
    "EndlessSetting": (DONE, ""),
    "EditsInput": (DONE, ""),
    "TooMany": (Status.BUDGET_SPENT, ""),
    "ReturnsNaN": (DONE, ""),
}


def descendants() -> dict[int, str]:
    """Command lines of the processes that run below this one, by process id."""
    done = subprocess.run(["ps", "-eo", "pid,ppid,stat,args"], capture_output=True, text=True, check=True)
    rows = [[*line.split(None, 3), ""][:4] for line in done.stdout.splitlines()[1:]]
    parents = {int(pid): int(parent) for pid, parent, *_ in rows}

    def below(pid: int) -> bool:
        while pid in parents:
            if pid == os.getpid():
                return True
            pid = parents[pid]
        return False

    found = {int(pid): args for pid, _, state, args in rows if below(int(pid)) and state[0] not in "ZX"}
    return {pid: args for pid, args in found.items() if pid != os.getpid() and not args.startswith("ps ")}


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    """All of them, with good ones between, in one comparison.

    Once all others have ended, and the two that sleep do so, their time is up; and once one of them has taken the hint,
    so is the time to take it.
    """
    out, notes = tmp_path_factory.mktemp("isolation"), tmp_path_factory.mktemp("notes")
    sleepers = {"Sleeps": notes / "sleeps", "SleepsOn": notes / "sleeps-on"}
    solvers = [f"{BAD}:{kind}" + (f":notes={notes}" if kind in sleepers else "") for kind in ENDINGS]
    settings = Settings("tiny", ["random", *solvers, "annealing"], (0,), 20, out, workers=4, timeout_s=TIMEOUT_S)
    before, ended = descendants(), []
    with clock_of_runs() as clock, pytest.MonkeyPatch.context() as patch:
        patch.setattr("solvers.comparison.processes.executor.GRACE_S", TIMEOUT_S)

        def on_cell(cell, result):
            ended.append(result.solver)
            if len(ended) == len(ENDINGS):
                assert all(within(lambda note=note: numbers_in(note)) for note in sleepers.values())
                clock.put_forward(TIMEOUT_S)
            elif len(ended) == len(ENDINGS) + 1:
                clock.put_forward(TIMEOUT_S)

        found = compare(settings, listener=Listener(on_cell=on_cell))
    left = {pid: args for pid, args in descendants().items() if pid not in before}
    assert left == {}, "nothing is left running"
    assert ended[-2:] == ["sleeps", "sleeps-on"]
    return found


def result_of(comparison, kind: str) -> Result:
    contestants = dict(zip(ENDINGS, comparison.results[1:-1], strict=True))
    return contestants[kind]


@pytest.mark.parametrize("kind", ENDINGS)
def test_a_run_ends_with_its_reason(comparison, kind):
    result = result_of(comparison, kind)
    status, reason = ENDINGS[kind]
    assert result.status is status, result.reason
    assert reason in result.reason


@pytest.mark.parametrize("kind", ["Fails", "Segfault", "RaisesUnspeakable"])
def test_the_record_of_a_failure_holds_its_traceback(comparison, kind):
    result = result_of(comparison, kind)
    records = comparison.settings.out / "records"
    (path,) = records.glob(f"*__{result.solver}__*")
    kept = Result.load(path)
    assert (kept.status, kept.reason) == (result.status, result.reason)
    assert "bad_neighbors.py" in kept.traceback
    assert "in harm" in kept.traceback


def test_others_are_unharmed(comparison, tmp_path):
    alone = compare(Settings("tiny", ["random", "annealing"], (0,), 20, tmp_path, workers=1))
    for one, other in zip(alone.results, (comparison.results[0], comparison.results[-1]), strict=True):
        assert one.trace.same_search(other.trace)
    assert len(list((comparison.settings.out / "records").iterdir())) == len(ENDINGS) + 2


@pytest.mark.parametrize("kind", ["Sleeps"])
def test_what_was_found_in_time_is_kept(comparison, kind):
    assert len(result_of(comparison, kind).trace) == 5


@pytest.mark.parametrize("seconds", [math.inf, 1e300])
def test_a_time_limit_may_be_beyond_what_the_platform_can_wait(seconds):
    with ProcessPerCall(1, timeout_s=seconds) as processes:
        assert processes.submit(divmod, 7, 2).result(timeout=PATIENCE_S) == (3, 1)


def test_a_failed_run_is_tried_again_and_others_are_not(tmp_path):
    solver = tmp_path / "solver.py"
    solver.write_text(BAD.read_text().replace("os._exit(7)", "pass"))
    settings = Settings("tiny", [f"{BAD}:Exit7", "random"], (0,), 20, tmp_path / "out", workers=1)
    failed, _ = compare(settings).results
    assert failed.status is Status.FAILED
    kept = list((tmp_path / "out" / "records").iterdir())
    for path in kept:
        os.utime(path, (0, 0))
    compare(settings)
    assert sorted((tmp_path / "out" / "records").iterdir()) == sorted(kept)
    assert [path.name.split("__")[1] for path in kept if path.stat().st_mtime_ns] == ["exit-7"]


def test_the_exit_status_says_that_a_run_failed(tmp_path, capfd):
    arguments = ["compare", "tiny", "--seeds", "1", "--budget", "20", "--workers", "1"]
    status = main([*arguments, "--solver", f"{BAD}:Exit0", "random", "--out", str(tmp_path)])
    assert status == 1
    printed = capfd.readouterr().out
    assert "exit-0" in printed
    assert "exit status 0 before the run did" in " ".join(printed.split())
    assert (tmp_path / "report.md").is_file()


DRIVER = """
import signal
import sys
from solvers.cli import main

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
sys.exit(main(sys.argv[1:]))
"""


def start_driver(tmp_path: Path, *solvers: str) -> subprocess.Popen[str]:
    arguments = [
        "compare",
        "tiny",
        "--seeds",
        "1",
        "--budget",
        "20",
        "--workers",
        "2",
        "--out",
        str(tmp_path),
    ]
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, *arguments, "--solver", *solvers],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda sent: sent.name)
def test_a_driver_that_ends_leaves_nothing_running(tmp_path, sent):
    note, records = tmp_path / "sleeps-on", tmp_path / "records"
    with start_driver(tmp_path, f"{BAD}:SleepsOn:notes={tmp_path}", "random") as driver:
        try:
            # Not the hidden file that a record is written to before it takes its name: then rightly none is left.
            assert within(lambda: numbers_in(note) and any(records.glob("[!.]*__random__*")))
            driver.send_signal(sent)
            output, _ = driver.communicate(timeout=PATIENCE_S)
        finally:
            driver.kill()
    assert len(numbers_in(note)) == 2
    assert within(lambda: not any(map(alive, numbers_in(note))))
    assert driver.returncode == (130 if sent is signal.SIGINT else -sent)
    assert "Traceback" not in output
    assert len(list(records.iterdir())) == 1, "what had finished is kept"


def test_a_server_that_is_killed_costs_only_what_ran(tmp_path):
    solver = tmp_path / "solver.py"
    solver.write_text(BAD.read_text().replace("os._exit(7)", "os.kill(os.getppid(), signal.SIGKILL); time.sleep(60)"))
    settings = Settings("tiny", [f"{solver}:Exit7", "random"], (0,), 20, tmp_path / "out", workers=1)
    killed, random = compare(settings).results
    assert (killed.status, random.status) == (Status.FAILED, Status.BUDGET_SPENT)
    assert "the process that starts the runs was ended by SIGKILL" in killed.reason


PARSES = """
from dataclasses import dataclass
from dance_env import source_digest
from beside import other
from solvers import Solver

def parsed():
    return source_digest._outline_of.cache_info().misses

before = parsed()

@dataclass(frozen=True)
class Parses(Solver):
    name = "parses"

    def search(self, problem, rng):
        source_digest.source_digest(__name__)
        problem.evaluate(problem.space.sample(rng, 1))
        assert parsed() - before <= 2, f"{parsed() - before} files parsed"  # its own, and the one beside it
        import sys
        assert ("torch" in sys.modules) == other, sorted(sys.modules)
"""


@pytest.mark.parametrize("imports_torch", [False, True])
def test_what_a_users_solver_uses_of_the_library_is_read_once_for_all_runs(tmp_path, imports_torch):
    (tmp_path / "mine.py").write_text(PARSES)
    (tmp_path / "beside.py").write_text(f"{'import torch' if imports_torch else ''}\nother = {imports_torch}\n")
    found = compare(Settings("tiny", [f"{tmp_path / 'mine.py'}:Parses"], (0, 1), 5, tmp_path / "out", workers=2))
    assert [result.reason for result in found.results if not result.status.complete] == []


def test_the_server_loads_nothing_of_a_users_but_parts_of_the_library_and_torch(tmp_path):
    (tmp_path / "mine.py").write_text(PARSES)
    (tmp_path / "beside.py").write_text("import torch\nother = True\n")
    spec = SolverSpec.parse(f"{tmp_path / 'mine.py'}:Parses")
    settings = Settings("tiny", [spec], (0,), 5, tmp_path / "out")
    solvers, imports, digested, *_ = preparation(plan(settings, {"tiny": make_problem("tiny")}).cells).args
    assert solvers == []
    assert [str(each.module) for each in imports] == ["dance_env", "solvers", "torch"]
    assert "solvers.contract.solver" in digested
    assert {name.partition(".")[0] for name in digested} == {"dance_env", "solvers"}


def test_a_file_that_is_edited_is_another_solver_in_the_next_comparison(tmp_path):
    settings = Settings("tiny", [f"{tmp_path / 'mine.py'}:Mine"], (0,), 5, tmp_path / "out")
    text = (
        "from dataclasses import dataclass\nfrom solvers import Solver\n@dataclass(frozen=True)\nclass Mine(Solver):\n"
        "    name = 'mine'\n    def search(self, problem, rng):\n"
    )
    for count in (1, 2):
        (tmp_path / "mine.py").write_text(f"{text}        problem.evaluate(problem.space.sample(rng, {count}))\n")
        assert [len(result.trace) for result in compare(settings).results] == [count]


def test_a_run_takes_the_problem_that_the_process_it_is_forked_from_has_made(tmp_path, monkeypatch):
    settings = Settings("tiny", ["random"], (0,), 5, tmp_path)
    (cell,) = plan(settings, {"tiny": make_problem("tiny")}).cells
    made_there = run_job(pack(cell)).result
    monkeypatch.setattr(work, "_prepared", {})
    preparation([cell])()
    monkeypatch.setattr(Sources, "problem", lambda *_, **__: pytest.fail("it was made again"))
    prepared = run_job(pack(cell)).result
    np.testing.assert_array_equal(prepared.trace.designs, made_there.trace.designs)
    np.testing.assert_array_equal(prepared.trace.objective, made_there.trace.objective)
    assert prepared.problem_fingerprint == made_there.problem_fingerprint


LOADS = """
import sys, time
from pathlib import Path
from solvers.comparison.processes.executor import ProcessPerCall

note = Path(sys.argv[1])

def load():
    note.touch()
    time.sleep(3600)

pool = ProcessPerCall(1, prepare=load)
pool.submit(len, "a")
while pool._server is None:
    time.sleep(0.01)
print(pool._server.pid, flush=True)
time.sleep(3600)
"""


@pytest.mark.parametrize("loads", [False, True], ids=["just-started", "loads"])
def test_a_driver_that_is_killed_while_its_server_loads_leaves_nothing_running(tmp_path, loads):
    note = tmp_path / "loads"
    with subprocess.Popen([sys.executable, "-c", LOADS, str(note)], stdout=subprocess.PIPE, text=True) as driver:
        try:
            server = int(driver.stdout.readline())
            assert not loads or within(note.exists)
        finally:
            driver.kill()
    assert within(lambda: not alive(server))
