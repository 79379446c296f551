"""DANCE on images as a solver: the bill, the judge, the folder, the sweep; on a micro problem."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from micro_images import micro_data, micro_problem, micro_settings, micro_space, micro_trainable
from safetensors.torch import load_file

from dance_env import make_problem
from dance_env.accuracy import SampledAccuracy, TrainedLater
from dance_env.accuracy.supernet.accuracy import SupernetAccuracy
from dance_env.accuracy.supernet.checkpoint import CheckpointError
from dance_env.accuracy.supernet.network import build_supernet
from dance_env.accuracy.supernet.sources import ImageDataError
from dance_env.accuracy.supernet.weights_file import load_supernet
from dance_env.objective import Objective
from dance_env.problem import Problem
from solvers.catalog import make_solver
from solvers.contract.progress import Progress
from solvers.contract.result import Result, Status
from solvers.contract.solver import SolverFailed
from solvers.methods.dance.images import folder as folders
from solvers.methods.dance.images.search import SearchStage
from solvers.methods.dance.images.settings import PRESETS
from solvers.methods.dance.images.solver import DanceImages
from solvers.methods.dance.images.sweep import SweepRun, sweep
from solvers.methods.dance.images.training.final import FinalStage, ScratchAccuracy


@pytest.fixture
def without_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip what takes longest in a micro run."""
    for name in ("plot_probabilities", "plot_training"):
        monkeypatch.setattr(folders, name, lambda *given: None)


def solver(folder: Path | None = None, **changes: object) -> DanceImages:
    """The micro search as a solver: 9 weight steps and 3 choice steps."""
    values = {"training": micro_settings(), "hardware": "table", "folder": None if folder is None else str(folder)}
    return DanceImages(**(values | changes))  # type: ignore[arg-type]


def scratch_problem(folder: Path | None = None, *, seed: int = 0) -> Problem:
    """The micro problem, judged by training from scratch."""
    accuracy = ScratchAccuracy(micro_trainable(), micro_settings().final, seed=seed, folder=folder)
    return micro_problem(accuracy=accuracy)


def counts(result: Result) -> tuple[int, ...]:
    """The bill's counts."""
    names = ("evaluations", "gradient_queries", "training_steps", "training_images")
    return tuple(getattr(result.ledger, name) for name in names)


# ----------------------------------------------------------------------------------------------------------- the bill
def test_a_search_is_one_result_with_its_training_on_the_bill() -> None:
    result = solver().solve(micro_problem(), budget=100, seed=0)
    assert result.status is Status.STOPPED_EARLY  # 3 choice steps and an evaluation are all it takes
    assert counts(result) == (1, 3, 9, 270)
    assert result.ledger.training_seconds > 0
    assert len(result.trace) == 1
    assert result.trace.gradient_queries[0] == 3
    assert set(result.best_named) >= {"block1", "block2", "pe_x", "dataflow"}
    assert result.settings["training"]["choice"]["lambda2"] == 0.1
    best = micro_problem().costs.on_all_hardware(result.best_design[None, :2]).edap_js_mm2.min()
    assert result.trace.edap_js_mm2[0] == best  # on the network's best accelerator, exactly


def test_the_seed_decides_everything() -> None:
    first, same, other = (solver().solve(micro_problem(), budget=100, seed=seed) for seed in (0, 0, 1))
    assert first.trace.same_search(same.trace)
    assert not first.trace.same_search(other.trace)
    fixed = [solver(training_seed=5).solve(micro_problem(), budget=100, seed=seed) for seed in (0, 1)]
    assert fixed[0].trace.same_search(fixed[1].trace)


@pytest.mark.parametrize(("budget", "choice_steps"), [(1, 0), (2, 1), (3, 2), (4, 3), (5, 3)])
def test_any_budget_serves(budget: int, choice_steps: int) -> None:
    result = solver().solve(micro_problem(), budget=budget, seed=0)
    assert counts(result) == (1, choice_steps, 9, 270)
    assert result.status is (Status.BUDGET_SPENT if budget <= 4 else Status.STOPPED_EARLY)


@hypothesis_settings(deadline=None)
@given(st.integers(0, 500), st.integers(1, 60), st.sampled_from(sorted(PRESETS)))
def test_choice_steps_never_exceed_what_can_be_paid_for(most: int, per_epoch: int, name: str) -> None:
    wanted = PRESETS[name]
    found = wanted.with_choice_steps(most, steps_per_epoch=per_epoch)
    steps = found.choice_steps(steps_per_epoch=per_epoch)
    assert steps <= min(most, wanted.choice_steps(steps_per_epoch=per_epoch))
    assert replace(found, choice=replace(found.choice, every=wanted.choice.every)) == wanted
    if found != wanted:  # one weight step less between choice steps would be too many
        more = replace(found, choice=replace(found.choice, every=found.choice.every - 1))
        assert more.choice_steps(steps_per_epoch=per_epoch) > most


def test_the_whole_budget_is_what_a_search_spends() -> None:
    assert solver().whole_budget(micro_problem()) == 4
    with pytest.raises(TypeError, match="TensorAccuracy has no `trainable`"):
        solver().whole_budget(make_problem("tiny"))


def test_progress_is_told_from_the_first_training_step() -> None:
    seen: list[Progress] = []
    solver().solve(micro_problem(), budget=100, seed=0, callback=seen.append)
    assert [each.training_steps for each in seen[:3]] == [1, 2, 3]
    assert (seen[-1].training_steps, seen[-1].gradient_queries, seen[-1].evaluations) == (9, 3, 1)


# ---------------------------------------------------------------------------------------------------------- the judge
def test_without_a_supernet_the_searchs_own_judges(tmp_path: Path, without_plots: None) -> None:
    problem = micro_problem()
    assert isinstance(problem.accuracy, TrainedLater)
    result = solver(tmp_path).solve(problem, budget=100, seed=0)
    (file,) = tmp_path.glob("table-*/supernet.safetensors")
    supernet = load_supernet(file, space=micro_space(), data=micro_data())
    judge = problem.accuracy.trained(supernet)
    assert judge.evaluate(result.best_design[None, :2])[0] == result.trace.accuracy[0]
    with pytest.raises(ValueError, match="micro has no trained supernet, and random trains none"):
        make_solver("random").solve(problem, budget=10, seed=0)


def test_a_problems_own_supernet_judges_every_solver_alike() -> None:
    supernet = build_supernet(micro_space(), seed=3)
    problem = micro_problem(accuracy=SupernetAccuracy(micro_space(), supernet, micro_data(), calibration_images=60))
    found = [each.solve(problem, budget=12, seed=0) for each in (solver(), make_solver("evolution"))]
    assert found[0].problem_fingerprint == found[1].problem_fingerprint == problem.fingerprint()
    for result in found:
        assert problem.evaluate(result.best_design[None]).objective[0] == result.best_objective
    # the search trains weights of its own: the judge's are as they were
    assert problem.accuracy.fingerprint() == replace(problem).accuracy.fingerprint()


def test_training_from_scratch_judges_as_the_paper_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = scratch_problem(tmp_path)
    assert isinstance(problem.accuracy, SampledAccuracy)
    result = solver().solve(problem, budget=100, seed=0)
    stage = FinalStage(
        micro_trainable(), micro_settings().final, network=result.best_design[:2], seed=0, execution=solver().execution
    )
    while stage.step < stage.steps:
        stage.advance()
        stage.step += 1
    assert result.trace.accuracy[0] == stage.test()
    assert result.ledger.oracle_seconds > 0
    monkeypatch.setattr(FinalStage, "advance", None)  # another process reads what this one has trained
    again = scratch_problem(tmp_path)
    assert again.evaluate(result.best_design[None]).accuracy[0] == stage.test()
    assert again.accuracy.spared_seconds > 0  # type: ignore[attr-defined]
    assert again.fingerprint() == problem.fingerprint() != scratch_problem(seed=1).fingerprint()


def test_what_cannot_be_trained_is_refused_before_any_work() -> None:
    with pytest.raises(ValueError, match="dance-images needs gradients of a sampled network's accuracy"):
        make_solver("dance-images").solve("tiny", budget=10, seed=0)
    with pytest.raises(SolverFailed, match="there is no preset for the networks 'micro'; give settings of your own"):
        make_solver("dance-images", hardware="none").solve(micro_problem(), budget=10, seed=0)
    with pytest.raises(ValueError, match=r"unknown hardware term 'tabel'\. Did you mean 'table'"):
        make_solver("dance-images", hardware="tabel")
    wide = replace(micro_settings(), search=replace(micro_settings().search, batch_size=64))
    with pytest.raises(SolverFailed, match="a batch of 64 cannot be drawn from a split of 30 images") as failed:
        solver(training=wide).solve(micro_problem(), budget=100, seed=0)
    assert isinstance(failed.value.__cause__, ImageDataError)


# --------------------------------------------------------------------------------------------------------- the folder
def same_outcome(one: Path, other: Path) -> None:
    """Assert that two folders of a run hold the same weights, optimizer states and histories, to the bit."""
    for pattern in ("table-*/search.safetensors", "scratch-*/final.safetensors"):
        (first,), (second,) = one.glob(pattern), other.glob(pattern)
        assert first.parent.name == second.parent.name
        held, expected = load_file(second), load_file(first)
        assert held.keys() == expected.keys()
        for key, tensor in expected.items():
            assert tensor.equal(held[key]), f"{pattern}: {key} differs"
    for pattern in ("table-*/search.json", "table-*/network.json", "scratch-*/accuracy.json"):
        contents = [json.loads(next(folder.glob(pattern)).read_text()) for folder in (one, other)]
        for content in contents:
            if isinstance(content, dict):
                content.pop("seconds", None)
        assert contents[0] == contents[1], pattern


def interrupt_at(step: int) -> Callable[[Progress], None]:
    """A callback that interrupts a run after a training step."""

    def interrupt(progress: Progress) -> None:
        if progress.training_steps == step:
            raise KeyboardInterrupt

    return interrupt


@pytest.mark.parametrize("step", [2, 5])
def test_an_interrupted_run_goes_on_and_costs_the_same(tmp_path: Path, step: int, without_plots: None) -> None:
    """In the warm-up and in the search; checkpoints are taken at the end of epochs of 3 steps."""
    whole = solver(tmp_path / "whole").solve(scratch_problem(tmp_path / "whole"), budget=100, seed=0)
    folder = tmp_path / "interrupted"
    stopped = solver(folder).solve(scratch_problem(folder), budget=100, seed=0, callback=interrupt_at(step))
    assert stopped.status is Status.INTERRUPTED
    assert len(stopped.trace) == 0
    resumed = solver(folder).solve(scratch_problem(folder), budget=100, seed=0)
    assert resumed.trace.same_search(whole.trace)
    assert counts(resumed) == counts(whole)
    same_outcome(tmp_path / "whole", folder)
    again = solver(folder).solve(scratch_problem(folder), budget=100, seed=0)  # all is there already
    assert counts(again) == counts(whole)
    assert again.ledger.training_seconds == pytest.approx(resumed.ledger.training_seconds, rel=0.5)


SERVER = """
import os, sys
from functools import partial
from pathlib import Path
sys.path.insert(0, {tests!r})
import torch
torch.set_num_threads(1)
import test_image_solver as tests
from dance_env.source_digest import source_digest
from solvers.methods.dance.images import folder, solver
from solvers.methods.dance.images.training import final
folder.plot_probabilities = folder.plot_training = lambda *given: None
final.drive = solver.drive = partial(solver.drive, checkpoint_seconds=0)
torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)  # the first optimizer imports for seconds
tests.micro_problem()  # so does the first graph; and the digests of the code are of all runs
for module in ("search", "solver", "training.final"):
    source_digest("solvers.methods.dance.images." + module)
for line in sys.stdin:  # one import of torch serves all the runs: each is a fork of this process
    child = os.fork()
    if child == 0:
        place = Path(line.strip())
        tests.solver(place).solve(tests.scratch_problem(place), budget=100, seed=0).save(place / "result.zip")
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_killed_again_and_again_ends_as_the_uninterrupted_run(tmp_path: Path) -> None:
    """Real processes, real SIGKILL, at moments spread over the run's writes."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER.format(tests=str(Path(__file__).parent))],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None

    def run(folder: Path, delay: float | None) -> int:
        """Start a run; kill it `delay` seconds after its first new checkpoint. The exit status."""
        before = _stamps(folder)
        print(folder, file=server.stdin, flush=True)
        child = int(server.stdout.readline())  # type: ignore[union-attr]
        if delay is not None:
            waited = time.monotonic()
            ended = folder / "result.zip"
            while _stamps(folder) == before and not ended.exists() and time.monotonic() - waited < 60:
                time.sleep(0.0005)
            time.sleep(delay)
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        return int(server.stdout.readline())  # type: ignore[union-attr]

    try:
        assert run(tmp_path / "whole", None) == 0
        statuses = [run(tmp_path / "killed", delay) for delay in (0.0, 0.002, 0.005, 0.01, 0.0)]
        assert statuses.count(signal.SIGKILL) >= 3
        assert run(tmp_path / "killed", None) == 0
    finally:
        server.stdin.close()
        server.wait(timeout=500)
        server.stdout.close()
    same_outcome(tmp_path / "whole", tmp_path / "killed")
    whole, killed = (Result.load(tmp_path / name / "result.zip") for name in ("whole", "killed"))
    assert killed.trace.same_search(whole.trace)
    assert counts(killed) == counts(whole)


def _stamps(folder: Path) -> tuple[int, ...]:
    """Changes whenever a checkpoint does."""
    stamps = []
    for path in sorted(folder.rglob("*.safetensors")):
        with contextlib.suppress(FileNotFoundError):
            stamps.append(path.stat().st_mtime_ns)
    return tuple(stamps)


def test_the_folder_holds_supernet_history_and_plots(tmp_path: Path) -> None:
    problem = micro_problem()
    result = solver(tmp_path).solve(problem, budget=100, seed=0)
    (run,) = tmp_path.glob("table-lambda0.1-seed*")
    names = {path.name for path in run.iterdir()}
    assert {"config.json", "network.json", "search.json", "supernet.safetensors"} <= names
    assert {"probabilities.png", "training.png"} <= names
    assert not [name for name in names if name.endswith(".part")]
    history = json.loads((run / "search.json").read_text())
    assert [row["phase"] for row in history] == ["warm-up", "search", "search"]
    assert (history[0]["lambda2"], history[-1]["lambda2"]) == (0.0, 0.1)
    assert history[-1]["network"] == result.best_design[:2].tolist()
    assert json.loads((run / "config.json").read_text())["identity"]["problem"] == problem.fingerprint()


def test_runs_that_differ_share_a_folder_and_no_file(tmp_path: Path, without_plots: None) -> None:
    problem = micro_problem()
    solver(tmp_path).solve(problem, budget=100, seed=0)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    solver(tmp_path).solve(problem, budget=100, seed=1)
    solver(tmp_path, hardware="macs").solve(problem, budget=100, seed=0)
    solver(tmp_path, lambda2=0.7).solve(problem, budget=100, seed=0)
    solver(tmp_path).solve(micro_problem(weight=2.0), budget=100, seed=0)
    solver(tmp_path).solve(problem, budget=2, seed=0)  # which takes fewer choice steps
    assert before == {path: path.read_bytes() for path in before}
    assert len(list(tmp_path.glob("*-lambda*"))) == 6
    warm_ups = [path for path in tmp_path.glob("warm-up-*") if "previous" not in path.name]
    assert len(warm_ups) == 2  # one a seed: hardware plays no part in it


def test_a_checkpoint_moved_in_from_another_run_is_refused(tmp_path: Path, without_plots: None) -> None:
    problem = micro_problem()
    for seed in (0, 1):
        solver(tmp_path / str(seed)).solve(problem, budget=100, seed=seed)
    (target,), (source,) = ((tmp_path / str(seed)).glob("*/search.safetensors") for seed in (0, 1))
    source.replace(target)
    with pytest.raises(SolverFailed, match=r"another run \(seed: \d+ there, \d+ asked for\)"):
        solver(tmp_path / "0").solve(problem, budget=100, seed=0)


def test_other_code_starts_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_plots: None) -> None:
    problem = scratch_problem(tmp_path)
    solver(tmp_path).solve(problem, budget=100, seed=0)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for module in ("search", "training.final"):
        monkeypatch.setattr(f"solvers.methods.dance.images.{module}.source_digest", lambda name: "edited")
    solver(tmp_path).solve(scratch_problem(tmp_path), budget=100, seed=0)
    assert before == {path: path.read_bytes() for path in before}
    for pattern in ("table-*", "warm-up-*", "scratch-*"):
        assert len([path for path in tmp_path.glob(pattern) if "previous" not in path.name]) == 2, pattern


def test_which_test_images_a_network_gets_right_is_kept(tmp_path: Path) -> None:
    network = np.zeros((1, 2), np.int64)
    trained = scratch_problem(tmp_path).accuracy
    right = trained.right(network)
    assert right.shape == (1, len(trained.task.data.test))
    assert right.mean() == trained.evaluate(network)[0]
    again = scratch_problem(tmp_path).accuracy  # reads what the first has kept
    assert np.array_equal(again.right(network), right)
    assert again.spared_seconds > 0


def test_a_damaged_result_of_a_training_is_named(tmp_path: Path) -> None:
    design = np.zeros((1, 6), np.int64)
    scratch_problem(tmp_path).evaluate(design)
    (file,) = tmp_path.glob("scratch-*/accuracy.json")
    kept = json.loads(file.read_text())
    other = json.dumps({**kept, "wrong": kept["wrong"][1:]})
    for content in ("{", '{"accuracy": 7, "seconds": 1}', "[]", other):
        file.write_text(content)
        with pytest.raises(
            CheckpointError, match=r"accuracy\.json is damaged .*delete it, and the network is tested again"
        ):
            scratch_problem(tmp_path).evaluate(design)


def test_nothing_is_kept_of_a_problem_without_a_fingerprint(tmp_path: Path) -> None:
    nameless = replace(micro_problem(), objective=Objective(lambda cost: cost.area_mm2, 1.0))
    assert nameless.fingerprint() is None
    with pytest.raises(SolverFailed, match="folder: the problem has no fingerprint"):
        solver(tmp_path / "run", hardware="macs").solve(nameless, budget=100, seed=0)
    assert not (tmp_path / "run").exists()
    assert len(solver(hardware="macs").solve(nameless, budget=100, seed=0).trace) == 1


# ---------------------------------------------------------------------------------------------------------- the sweep
def test_a_sweep_runs_every_combination_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_plots: None
) -> None:
    finished: list[SweepRun] = []

    def run() -> list[SweepRun]:
        wanted = {"solver": solver(), "terms": ("table", "none"), "lambdas": (0.1, 1.0), "seeds": (0, 1)}
        return sweep(micro_problem(), tmp_path, finished=finished.append, **wanted)  # type: ignore[arg-type]

    runs = run()
    assert finished == runs
    assert [(run.seed, run.term, run.lambda2) for run in runs] == [
        (seed, *each) for seed in (0, 1) for each in (("table", 0.1), ("table", 1.0), ("none", 0.0))
    ]
    assert (tmp_path / "sweep.png").stat().st_size > 1000
    assert json.loads((tmp_path / "sweep.json").read_text()) == [run.row() for run in runs]
    judged = scratch_problem(seed=1)
    assert judged.evaluate(runs[-1].result.best_design[None]).error_pct[0] == runs[-1].row()["error_pct"]
    monkeypatch.setattr(SearchStage, "advance", None)  # nothing is trained again
    monkeypatch.setattr(FinalStage, "advance", None)
    for one, other in zip(runs, run(), strict=True):
        assert one.result.trace.same_search(other.result.trace)
        assert counts(one.result) == counts(other.result)
        assert other.result.ledger.oracle_seconds > 0


def test_an_interrupted_sweep_stops_and_goes_on(tmp_path: Path, without_plots: None) -> None:
    wanted = {"solver": solver(), "terms": ("table", "none"), "lambdas": (0.1,), "seeds": (0,)}
    with pytest.raises(KeyboardInterrupt):
        sweep(micro_problem(), tmp_path, callback=interrupt_at(5), **wanted)  # type: ignore[arg-type]
    assert not (tmp_path / "sweep.json").exists()
    assert len(sweep(micro_problem(), tmp_path, **wanted)) == 2  # type: ignore[arg-type]


def test_a_sweep_without_a_warm_up_runs(tmp_path: Path, without_plots: None) -> None:
    wanted = solver(training=micro_settings(warmup_epochs=0))
    (run,) = sweep(micro_problem(), tmp_path, solver=wanted, terms=("none",), lambdas=(), seeds=(0,))
    assert run.lambda2 == 0.0
    assert not list(tmp_path.glob("warm-up*"))


def test_the_example_runs_a_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], without_plots: None
) -> None:
    path = Path(__file__).parents[1] / "examples" / "search_images.py"
    spec = importlib.util.spec_from_file_location("search_images_example", path)
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    monkeypatch.setattr(example, "make_problem", lambda *given, **named: micro_problem())
    options = ["--warmup-epochs", "1", "--search-epochs", "1", "--final-epochs", "1", "--batch-size", "30"]
    runs = example.main([str(tmp_path), "--hardware", "table", "macs", "none", "--lambda2", "0.5", *options])
    assert [run.term for run in runs] == ["table", "macs", "none"]
    printed = " ".join(capfd.readouterr().err.split())
    row = runs[2].row()
    assert f"pays for none: least objective by seed {row['objective']:.2f}" in printed
    assert f"pays for none, lambda2 0: mean error {row['error_pct']:.2f} %" in printed
