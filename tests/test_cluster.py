"""A comparison on a Ray cluster: its records are those of one machine, whatever becomes of workers and hosts."""

from __future__ import annotations

import dataclasses
import math
import os
import sys
import threading
import time
from pathlib import Path

import pytest
from test_backends import HARDWARE, ROWS, WORKER, FakeTool
from waiting import PATIENCE_S, alive, within

from dance_env.cost.backends import Running
from solvers.cli import main
from solvers.comparison.compare import compare
from solvers.comparison.listener import Listener
from solvers.comparison.settings import Settings
from solvers.contract.record.trace import CLOCKS
from solvers.contract.result import Result, Status

HERE = Path(__file__).parent
BAD, OWN = HERE / "bad_neighbors.py", HERE / "clustered.py"
DONE = Status.STOPPED_EARLY


@pytest.fixture(scope="module")
def cluster():
    """Two hosts of one processor each, on this machine, and this process connected to them."""
    pytest.importorskip("ray", reason="runs on a cluster need Ray: pip install 'dance-env[ray]'")
    if not hasattr(os, "fork"):
        pytest.skip("Ray workers fork the processes of runs, which this system cannot")
    from dance_env.ray_cluster import connect, load_ray

    load_ray()
    from ray.cluster_utils import Cluster

    small = {"num_cpus": 1, "object_store_memory": 80 << 20}
    hosts = Cluster(initialize_head=True, head_node_args=small | {"include_dashboard": False})
    hosts.add_node(**small)
    assert connect(hosts.address, 1)
    yield hosts
    load_ray().shutdown()
    hosts.shutdown()


def without_clocks(result: Result, folder: Path) -> bytes:
    trace = dataclasses.replace(result.trace, **{name: 0 * getattr(result.trace, name) for name in CLOCKS})
    ledger = dataclasses.replace(result.ledger, **dict.fromkeys(CLOCKS, 0.0))
    path = folder / "record.npz"
    dataclasses.replace(result, trace=trace, ledger=ledger).save(path)
    return path.read_bytes()


def records(out: Path, folder: Path) -> dict[str, bytes]:
    return {path.name: without_clocks(Result.load(path), folder) for path in (out / "records").iterdir()}


def test_records_are_those_of_one_machine(cluster, tmp_path):
    solvers = ["random", "evolution", f"{OWN}:Threads", f"{BAD}:Exit7", f"{BAD}:Fails", f"{BAD}:Segfault"]
    settings = Settings("tiny", solvers, (0, 1), 40, tmp_path / "ray", ray=cluster.address)
    started = []
    found = compare(settings, listener=Listener(on_start=started.append))
    alone = compare(dataclasses.replace(settings, ray=None, workers=1, out=tmp_path / "alone"))
    assert len(started) == len(found.results) == 12
    assert found.results[4].status is DONE, found.results[4].reason
    assert [each.status for each in found.results[6:]] == 6 * [Status.FAILED]
    assert "ended with exit status 7 before the run did" in found.results[6].reason
    assert "bad_neighbors.py" in found.results[10].traceback
    there, here = records(tmp_path / "ray", tmp_path), records(tmp_path / "alone", tmp_path)
    assert there.keys() == here.keys()
    differ = [name for name in there if there[name] != here[name]]
    assert not [name for name in differ if "segfault" not in name], "only a segfault's traceback has addresses"
    for one, other in zip(found.results, alone.results, strict=True):
        assert (one.status, one.reason) == (other.status, other.reason)
        assert one.trace.same_search(other.trace)


def test_a_run_has_its_time_limit_on_its_host(cluster, tmp_path):
    started = time.monotonic()
    compare(Settings("tiny", ["random"], (0,), 20, tmp_path / "first", ray=cluster.address))
    limit = math.ceil(2 + 2 * (time.monotonic() - started))  # all that a run takes on this machine now, and more
    slow = f"{OWN}:Slow:notes={tmp_path}"
    settings = Settings("tiny", [slow, "random"], (0,), 20, tmp_path / "out", timeout_s=limit, ray=cluster.address)
    found = compare(settings)
    assert [each.status for each in found.results] == [Status.TIMED_OUT, Status.BUDGET_SPENT]
    assert f"took longer than {limit} s" in found.results[0].reason
    assert len(found.results[0].trace) == 5, "what was found in time is kept"


def test_a_worker_that_is_lost_again_and_again_is_a_reason(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("solvers.comparison.cluster.executor.MAX_TRIES", 2)
    kills = f"{OWN}:KillsWorker:notes={tmp_path}"
    killed, random = compare(
        Settings("tiny", [kills, "random"], (0,), 20, tmp_path / "out", ray=cluster.address)
    ).results
    assert len(list(tmp_path.glob("*-tried"))) == 2
    assert killed.status is Status.FAILED
    assert "its Ray worker was lost 2 times, the last time with WorkerCrashedError" in killed.reason
    assert random.status is Status.BUDGET_SPENT


def test_a_host_that_is_removed_costs_no_run(cluster, tmp_path):
    host = cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
    raylet = host.all_processes["raylet"][0].process.pid
    settings = Settings("tiny", [f"{OWN}:Slow:notes={tmp_path}"], tuple(range(5)), 20, tmp_path / "out")
    removed = []

    def remove() -> None:
        """Runs end only once the host has gone, so that it gets one however late it takes part."""
        within(lambda: any(tmp_path.glob(f"*-{raylet}")))
        cluster.remove_node(host, allow_graceful=False)
        removed.append(len(list(tmp_path.glob("out/records/*"))))
        (tmp_path / "go").touch()

    thread = threading.Thread(target=remove)
    thread.start()
    found = compare(dataclasses.replace(settings, ray=cluster.address))
    thread.join()
    assert list(tmp_path.glob(f"*-{raylet}")), "some run had begun there"
    assert removed == [0]
    assert [each.status for each in found.results] == 5 * [DONE]
    assert len(list(tmp_path.glob("*-*"))) > 5, "the run that was lost was made again"
    expected = compare(dataclasses.replace(settings, out=tmp_path / "alone", workers=2))
    for one, other in zip(found.results, expected.results, strict=True):
        assert one.trace.same_search(other.trace)


def test_an_interrupt_kills_what_runs(cluster, tmp_path):
    solvers = ["random", f"{OWN}:Slow:notes={tmp_path}"]

    def interrupt(cell, result):
        assert within(lambda: any(tmp_path.glob("*-*")))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(
            Settings("tiny", solvers, (0,), 20, tmp_path / "out", ray=cluster.address),
            listener=Listener(on_cell=interrupt),
        )
    (note,) = tmp_path.glob("*-*")
    assert within(lambda: not alive(int(note.name.partition("-")[0])))
    assert len(list((tmp_path / "out" / "records").iterdir())) == 1, "what had finished is kept"


def test_without_ray_the_message_names_the_extra(tmp_path, monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "ray", None)
    arguments = ["compare", "tiny", "--solver", "random", "--seeds", "1", "--budget", "20", "--ray", "local"]
    assert main([*arguments, "--out", str(tmp_path)]) == 2
    assert "pip install 'dance-env[ray]'" in capfd.readouterr().err


@pytest.mark.parametrize("address", ["", "cluster", "ray://host:10001", "host:port"])
def test_an_address_that_is_none_is_told(tmp_path, address):
    with pytest.raises(ValueError, match='"auto", "local" or HOST:PORT'):
        Settings("tiny", ["random"], ray=address, out=tmp_path)


def test_a_head_that_does_not_answer_is_told_at_once(tmp_path, monkeypatch):
    ray = pytest.importorskip("ray", reason="runs on a cluster need Ray: pip install 'dance-env[ray]'")
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(ConnectionError, match=r"no Ray cluster answers at 127\.0\.0\.1:1: start one with"):
        compare(Settings("tiny", ["random"], (0,), 20, tmp_path, ray="127.0.0.1:1"))


def test_a_back_end_asked_on_the_cluster_answers_as_here(cluster, tmp_path):
    script = tmp_path / "worker.py"
    script.write_text(WORKER.format(misbehave="if groups > 1: sys.exit('no')"))
    here, there = (
        FakeTool(script=script, running=Running(timeout_s=PATIENCE_S, ray=ray)).answers(ROWS, HARDWARE)
        for ray in ("", cluster.address)
    )
    assert [[dataclasses.replace(each, seconds=0.0) for each in line] for line in here] == [
        [dataclasses.replace(each, seconds=0.0) for each in line] for line in there
    ]
    assert {each.status.name for line in there for each in line} == {"PRICED", "FAILED"}
