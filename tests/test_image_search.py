"""The image search on a micro task: resumption to the bit, refusals, the run folder, and that it searches."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from micro_images import micro_settings, micro_space, micro_task
from safetensors.torch import load_file

from dance_env.accuracy.supernet.checkpoint import CheckpointError, previous, read_checkpoint, write_checkpoint
from dance_env.accuracy.supernet.sources import ImageDataError
from solvers.methods.dance.evaluator import Evaluator, EvaluatorShape
from solvers.methods.dance.images import run as runs
from solvers.methods.dance.images.drive import Progress, drive
from solvers.methods.dance.images.hardware import EvaluatorCost, ExpectedMacs, NoHardware, TableCost
from solvers.methods.dance.images.run import search_images
from solvers.methods.dance.images.search import SearchStage
from solvers.methods.dance.images.sweep import sweep
from solvers.methods.dance.images.warm_up import warm_up
from solvers.methods.dance.images.weight_training import Execution

SAMPLINGS = ["binary", "two-path", "gumbel", "mixture"]


@pytest.fixture
def without_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip what takes longest in a micro run."""
    for name in ("plot_probabilities", "plot_training"):
        monkeypatch.setattr(runs, name, lambda *given: None)


class Stop(Exception):
    """Raised from a callback to end a run where a kill would."""


def same_outcome(one: Path, other: Path) -> None:
    """Assert that two run folders hold the same weights, optimiser states, histories and results, to the bit."""
    for name in ("search", "final"):
        first, second = load_file(one / f"{name}.safetensors"), load_file(other / f"{name}.safetensors")
        assert first.keys() == second.keys()
        for key, tensor in first.items():
            assert torch.equal(tensor, second[key]), f"{name}: {key} differs"
        assert json.loads((one / f"{name}.json").read_text()) == json.loads((other / f"{name}.json").read_text())
    results = [json.loads((folder / "result.json").read_text()) for folder in (one, other)]
    for result in results:
        for key in ("search_seconds", "final_seconds"):
            assert result.pop(key) > 0
    assert results[0] == results[1]


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_run_stopped_after_any_step_resumes_to_the_same_bits(
    tmp_path: Path, sampling: str, without_plots: None
) -> None:
    task, settings = micro_task(), micro_settings(sampling=sampling)
    search_images(task, tmp_path / "whole", settings=settings)

    # mid-epoch in the warm-up, in the search (before and after a choice step), in the final training
    for stop_after in (1, 4, 5, 11) if sampling == "binary" else (5,):
        seen = 0

        def stop(progress: Progress, last: int = stop_after) -> None:
            nonlocal seen
            seen += 1
            if seen == last:
                raise Stop

        folder = tmp_path / f"stopped-{stop_after}"
        with pytest.raises(Stop):
            search_images(task, folder, settings=settings, checkpoint_seconds=0, progress=stop)
        search_images(task, folder, settings=settings, checkpoint_seconds=0)
        same_outcome(tmp_path / "whole", folder)


SERVER = """
import os, sys
sys.path.insert(0, {tests!r})
import torch
torch.set_num_threads(1)
from micro_images import micro_settings, micro_task
from solvers.methods.dance.images import run
run.plot_probabilities = run.plot_training = lambda *given: None
task = micro_task()
for line in sys.stdin:  # one import of torch serves all the runs: each is a fork of this process
    child = os.fork()
    if child == 0:
        run.search_images(task, line.strip(), settings=micro_settings(), checkpoint_seconds=0)
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
        before = _stamp(folder)
        print(folder, file=server.stdin, flush=True)
        child = int(server.stdout.readline())  # type: ignore[union-attr]
        if delay is not None:
            waited = time.monotonic()
            while _stamp(folder) == before and time.monotonic() - waited < 60:
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
        server.wait(timeout=60)
        server.stdout.close()
    same_outcome(tmp_path / "whole", tmp_path / "killed")


WRITER = """
import os, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from dance_env.accuracy.supernet.checkpoint import write_checkpoint
path = Path(sys.argv[1])
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        for step in range(1, 1_000_000):
            write_checkpoint(path, {"a": torch.full((4_000_000,), float(step))}, {"step": step})
    print(child, flush=True)
    os.waitpid(child, 0)
    print("dead", flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_a_kill_in_the_middle_of_a_write_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    """16 MB at a time, written all the time: most of these kills fall into a write."""
    path = tmp_path / "x.safetensors"
    server = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin is not None
    assert server.stdout is not None
    partial = 0
    try:
        for number in range(12):
            before = _stamp(tmp_path, "x.safetensors")
            print(number, file=server.stdin, flush=True)
            child = int(server.stdout.readline())
            while _stamp(tmp_path, "x.safetensors") == before or not list(tmp_path.glob(".*.part")):
                time.sleep(0.0005)
            time.sleep(0.001 * number)
            os.kill(child, signal.SIGKILL)
            assert server.stdout.readline() == "dead\n"
            tensors, state = read_checkpoint(path)
            assert (tensors["a"] == float(state["step"])).all()
            leftovers = list(tmp_path.glob(".*.part"))
            partial += len(leftovers)
            for leftover in leftovers:
                leftover.unlink()
    finally:
        server.stdin.close()
        server.wait(timeout=60)
        server.stdout.close()
    assert partial >= 1, "no kill fell into a write: the test has lost its point"


def _stamp(folder: Path, *names: str) -> tuple[int, ...]:
    """Changes whenever a checkpoint does."""
    stamps = []
    for name in names or ("search.safetensors", "final.safetensors"):
        try:
            stamps.append((folder / name).stat().st_mtime_ns)
        except FileNotFoundError:
            stamps.append(0)
    return tuple(stamps)


def test_the_run_folder_holds_design_true_costs_and_plots(tmp_path: Path) -> None:
    task, settings = micro_task(), micro_settings()
    rows: list[Progress] = []
    result = search_images(task, tmp_path / "run", settings=settings, progress=rows.append)

    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"config.json", "result.json", "network.json", "search.json", "probabilities.png", "training.png"} <= names
    assert not [name for name in names if name.endswith(".part")]
    assert json.loads((tmp_path / "run" / "result.json").read_text()) == result
    design = np.array(result["design"])
    network, point = design[None, :2], design[None, 2:]
    cost = task.costs.lookup(network, task.accelerator_space.index(point))
    assert result["edap_js_mm2"] == cost.edap_js_mm2[0]
    on_all = task.costs.on_all_hardware(network)
    assert result["edap_js_mm2"] == on_all.edap_js_mm2.min()
    assert result["error_pct"] == 100 * (1 - result["test_accuracy"])
    history = json.loads((tmp_path / "run" / "search.json").read_text())
    assert [row["phase"] for row in history] == ["warm-up", "search", "search"]
    assert history[0]["lambda2"] == 0.0
    assert history[-1]["lambda2"] == 0.1
    assert [row.step for row in rows if row.stage == "search"] == list(range(1, 10))


def test_hardware_terms_agree_with_the_table_at_one_hots() -> None:
    task, space = micro_task(), micro_space()
    sharp = TableCost(task.objective, task.costs, temperature=1e-6)
    soft = TableCost(task.objective, task.costs, temperature=1.0)
    macs = ExpectedMacs.of(space)
    for first in range(3):
        for second in range(2):
            probs = torch.zeros(1, 5)
            probs[0, first], probs[0, 3 + second] = 1, 1
            network = np.array([[first, second]])
            true = float(task.objective.cost_function(task.costs.on_all_hardware(network)).min()) / sharp.reference
            assert float(sharp(probs)) == pytest.approx(true, rel=1e-9)
            assert float(soft(probs)) > true
            assert float(macs(probs)) * macs.reference == pytest.approx(float(space.macs(network)[0]), rel=1e-12)
    uniform = torch.tensor([[1 / 3, 1 / 3, 1 / 3, 1 / 2, 1 / 2]])
    assert float(sharp(uniform)) == pytest.approx(1.0, rel=1e-6)
    assert float(NoHardware()(uniform)) == 0.0


def test_the_price_of_hardware_moves_the_choice() -> None:
    """With a dear lambda2 the probabilities fall on the cheapest options; with lambda2 = 0 they do not know them."""
    task = micro_task()

    def probabilities(lambda2: float) -> torch.Tensor:
        settings = micro_settings(lambda2=lambda2, lambda2_warmup=0.0, learning_rate=0.5, every=1)
        settings = replace(settings, search=replace(settings.search, epochs=8))
        stage = SearchStage(task, settings, term=TableCost(task.objective, task.costs), execution=Execution())
        while stage.step < stage.steps:
            stage.advance()
            stage.step += 1
        return stage.choice.probs.detach()

    dear = probabilities(100.0)
    assert dear[2] > 0.95  # zero, which costs nothing
    assert dear[3] > 0.95  # the smaller kernel
    free = probabilities(0.0)
    assert free[2] < 0.9


def test_a_run_of_warm_up_alone_is_a_supernet_and_no_search() -> None:
    settings = micro_settings(warmup_epochs=3, grown_epochs=1)
    stage = SearchStage(micro_task(), settings, term=NoHardware(), execution=Execution())
    before = stage.choice.logits.detach().clone()
    while stage.step < stage.steps:
        stage.advance()
        stage.step += 1
    row = stage.finish_epoch()
    assert torch.equal(stage.choice.logits, before)
    assert (row["phase"], row["lambda2"], row["choice_loss"]) == ("warm-up", 0.0, None)


def test_lambda2_and_temperature_follow_their_schedules() -> None:
    settings = micro_settings(warmup_epochs=1, lambda2=0.4, lambda2_warmup=0.5, temperature=5.0, temperature_decay=0.5)
    stage = SearchStage(micro_task(), settings, term=NoHardware(), execution=Execution())
    values = []
    for step in range(stage.steps):
        stage.step = step
        values.append((stage.lambda2, stage.temperature))
    lambdas = [value for value, _ in values]
    assert lambdas[:4] == [0.0, 0.0, 0.0, 0.0]  # 3 warm-up steps; then from 0 over 3 of 6 steps
    assert lambdas[4:] == pytest.approx([0.4 / 3, 0.8 / 3, 0.4, 0.4, 0.4])
    assert [temperature for _, temperature in values] == [5.0] * 6 + [2.5] * 3


def test_a_checkpoint_of_another_run_is_refused_by_name_of_what_differs(tmp_path: Path, without_plots: None) -> None:
    task = micro_task()
    search_images(task, tmp_path / "run", settings=micro_settings())
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    with pytest.raises(CheckpointError, match=r"another run \(seed: 0 there, 1 asked for\)"):
        search_images(task, tmp_path / "run", settings=replace(micro_settings(), seed=1))
    with pytest.raises(CheckpointError, match="hardware: 'table"):
        search_images(task, tmp_path / "run", settings=micro_settings(), term=NoHardware())
    with pytest.raises(CheckpointError, match="task_fingerprint"):
        search_images(micro_task(weight=2.0), tmp_path / "run", settings=micro_settings())
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}


def test_a_checkpoint_moved_in_from_another_task_is_refused(tmp_path: Path, without_plots: None) -> None:
    task = micro_task()
    search_images(task, tmp_path / "one", settings=micro_settings())
    search_images(task, tmp_path / "two", settings=replace(micro_settings(), seed=1))
    (tmp_path / "one" / "result.json").unlink()  # else the run has ended, and its checkpoints are not looked at
    (tmp_path / "two" / "search.safetensors").replace(tmp_path / "one" / "search.safetensors")
    with pytest.raises(CheckpointError, match="seed: 1 there, 0 asked for"):
        search_images(task, tmp_path / "one", settings=micro_settings())


@pytest.mark.parametrize("damage", ["truncate", "flip", "text", "empty"])
def test_a_damaged_checkpoint_says_so_and_the_one_before_it_serves(
    tmp_path: Path, damage: str, without_plots: None
) -> None:
    task, settings = micro_task(), micro_settings()
    search_images(task, tmp_path / "whole", settings=settings)
    search_images(task, tmp_path / "run", settings=settings)
    (tmp_path / "run" / "result.json").unlink()  # else the run has ended, and its checkpoints are not looked at
    path = tmp_path / "run" / "final.safetensors"
    content = bytearray(path.read_bytes())
    if damage == "truncate":
        content = content[: len(content) // 2]
    elif damage == "flip":
        content[-5] ^= 0x10
    elif damage == "text":
        content = bytearray(b"not a checkpoint")
    else:
        content = bytearray()
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"damaged .*delete it, and the run goes on from final\.previous"):
        search_images(task, tmp_path / "run", settings=settings)
    path.unlink()
    search_images(task, tmp_path / "run", settings=settings)
    same_outcome(tmp_path / "whole", tmp_path / "run")


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_plots: None) -> None:
    task, settings = micro_task(), micro_settings()
    search_images(task, tmp_path / "whole", settings=settings)
    real, writes = os.fsync, 0

    def full(handle: int) -> None:
        nonlocal writes
        writes += 1
        if writes == 6:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"no space is left; free some .* goes on from the last checkpoint"):
        search_images(task, tmp_path / "run", settings=settings, checkpoint_seconds=0)
    assert not list((tmp_path / "run").glob("*.part")) + list((tmp_path / "run").glob(".*.part"))
    read_checkpoint(tmp_path / "run" / "search.safetensors")
    monkeypatch.setattr(os, "fsync", real)
    search_images(task, tmp_path / "run", settings=settings)
    same_outcome(tmp_path / "whole", tmp_path / "run")


@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="needs RLIMIT_FSIZE")
def test_a_file_size_limit_of_the_system_is_reported_as_no_space(tmp_path: Path) -> None:
    """A real failing write, by the operating system."""
    script = (
        "import resource, signal, sys; from pathlib import Path; import torch\n"
        "from dance_env.accuracy.supernet.checkpoint import write_checkpoint\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "path = Path(sys.argv[1]); write_checkpoint(path, {'a': torch.zeros(10)}, {'step': 1})\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "write_checkpoint(path, {'a': torch.zeros(100_000)}, {'step': 2})\n"
    )
    path = tmp_path / "x.safetensors"
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "no space is left" in done.stderr
    assert read_checkpoint(path)[1] == {"step": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["x.safetensors"]


def test_a_kill_between_the_two_renames_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_checkpoint(path, {"a": torch.arange(3)}, {"step": 1})
    write_checkpoint(path, {"a": torch.arange(4)}, {"step": 2})
    path.unlink()  # as if killed after the old file was renamed and before the new one took its name
    assert previous(path).exists()
    tensors, state = read_checkpoint(path)
    assert state == {"step": 1}
    assert torch.equal(tensors["a"], torch.arange(3))


def test_no_pickle_is_ever_loaded(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    torch.save({"a": torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(path)


def test_a_batch_larger_than_a_split_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    settings = micro_settings()
    settings = replace(settings, search=replace(settings.search, batch_size=64))
    with pytest.raises(ImageDataError, match="a batch of 64 cannot be drawn from a split of 30 images"):
        search_images(micro_task(), tmp_path / "run", settings=settings)
    assert not (tmp_path / "run").exists()


def test_settings_refuse_what_cannot_run() -> None:
    with pytest.raises(ValueError, match="Did you mean 'gumbel'"):
        micro_settings(sampling="gumble")
    with pytest.raises(ValueError, match=r"search\.epochs counts the warm-up too"):
        micro_settings(warmup_epochs=4)
    with pytest.raises(ValueError, match=r"grown_epochs must be in 0\.\.1"):
        micro_settings(grown_epochs=2)
    with pytest.raises(ValueError, match="lambda2 >= 0"):
        micro_settings(lambda2=-1.0)


@pytest.mark.parametrize("stop_after", [1, 3, 4])
def test_a_grown_start_resumes_on_either_side_of_the_growth(
    tmp_path: Path, stop_after: int, without_plots: None
) -> None:
    """Growth happens in step 3: stopped before it, right before it, and after it."""
    task, settings = micro_task(), micro_settings(warmup_epochs=2, grown_epochs=1)
    search_images(task, tmp_path / "whole", settings=settings)

    def stop(progress: Progress) -> None:
        if progress.step == stop_after:
            raise Stop

    with pytest.raises(Stop):
        search_images(task, tmp_path / "run", settings=settings, checkpoint_seconds=0, progress=stop)
    search_images(task, tmp_path / "run", settings=settings)
    same_outcome(tmp_path / "whole", tmp_path / "run")


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_runs_and_resumes(tmp_path: Path, precision: str) -> None:
    """On the CPU here; the same code runs on CUDA, where half precision pays."""
    settings = micro_settings()
    settings = replace(settings, search=replace(settings.search, precision=precision))

    def stage() -> SearchStage:
        return SearchStage(micro_task(), settings, term=NoHardware(), execution=Execution())

    def stop(progress: Progress) -> None:
        if progress.step == 6:
            raise Stop

    path, whole = tmp_path / "x.safetensors", stage()
    drive(whole, tmp_path / "whole.safetensors", world=Execution().world)
    with pytest.raises(Stop):
        drive(stage(), path, world=Execution().world, progress=stop)
    resumed = stage()
    drive(resumed, path, world=Execution().world)
    assert torch.equal(resumed.choice.logits, whole.choice.logits)
    assert resumed.history == whole.history
    assert all(np.isfinite(row["train_loss"]) for row in whole.history)


def test_the_learned_evaluator_plugs_in_as_published(tmp_path: Path, without_plots: None) -> None:
    """Untrained here: its price is 1 at uniform probabilities, has a gradient, and is part of the run."""
    task, counts = micro_task(), (3, 2)
    shape = EvaluatorShape(network_options=5, hardware_counts=(2, 2, 2, 3), generator_width=8, estimator_width=8)
    evaluators = [Evaluator.untrained(shape, seed=seed).frozen() for seed in (0, 1)]
    for evaluator in evaluators:
        with torch.no_grad():
            evaluator.estimator.output.weight.normal_(0, 0.3, generator=torch.Generator().manual_seed(0))
    terms = [EvaluatorCost(evaluator, task.objective, counts) for evaluator in evaluators]
    probs = torch.tensor([[1 / 3, 1 / 3, 1 / 3, 1 / 2, 1 / 2]], requires_grad=True)
    price = terms[0](probs)
    assert price.item() == pytest.approx(1.0, rel=1e-5)
    (gradient,) = torch.autograd.grad(price, [probs])
    assert gradient.abs().max() > 0
    assert terms[0].describe() != terms[1].describe()
    search_images(task, tmp_path / "run", settings=micro_settings(), term=terms[0])
    with pytest.raises(CheckpointError, match="hardware: 'evaluator"):
        search_images(task, tmp_path / "run", settings=micro_settings(), term=terms[1])


def test_a_sweep_runs_every_combination_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_plots: None
) -> None:
    task = micro_task()
    terms = {"table": TableCost(task.objective, task.costs), "none": NoHardware()}

    def run() -> list[dict[str, object]]:
        return sweep(task, tmp_path, settings=micro_settings(), terms=terms, lambdas=(0.1, 1.0), seeds=(0, 1))

    results = run()
    assert [(result["seed"], result["term"], result["lambda2"]) for result in results] == [
        (seed, *each) for seed in (0, 1) for each in (("table", 0.1), ("table", 1.0), ("none", 0.0))
    ]
    assert (tmp_path / "sweep.png").stat().st_size > 1000
    assert json.loads((tmp_path / "sweep.json").read_text()) == results
    monkeypatch.setattr(SearchStage, "advance", None)  # nothing is trained again
    assert run() == results


@pytest.mark.parametrize("sampling", ["binary", "mixture"])
def test_a_run_that_starts_from_a_shared_warm_up_ends_as_one_on_its_own(
    tmp_path: Path, sampling: str, without_plots: None
) -> None:
    task, settings = micro_task(), micro_settings(sampling=sampling, warmup_epochs=2, grown_epochs=1, lambda2=0.3)
    search_images(task, tmp_path / "alone", settings=settings)

    def stop(progress: Progress) -> None:
        if (progress.stage, progress.step) == ("warm-up", 4):
            raise Stop

    warmed = tmp_path / "warm-up.safetensors"
    with pytest.raises(Stop):
        warm_up(task, warmed, settings=settings, execution=Execution(), checkpoint_seconds=0, progress=stop)
    with pytest.raises(CheckpointError, match="step: 4 there, 6 asked for"):
        search_images(task, tmp_path / "early", settings=settings, warmed=warmed)
    warm_up(task, warmed, settings=settings, execution=Execution())
    search_images(task, tmp_path / "shared", settings=settings, warmed=warmed)
    same_outcome(tmp_path / "alone", tmp_path / "shared")

    other = replace(settings, search=replace(settings.search, learning_rate=0.2))
    with pytest.raises(CheckpointError, match=r"search: .*'learning_rate': 0\.1"):
        search_images(task, tmp_path / "other", settings=other, warmed=warmed)
    sweep(
        task,
        tmp_path / "sweep",
        settings=settings,
        terms={"table": TableCost(task.objective, task.costs)},
        lambdas=(0.3,),
        seeds=(0,),
    )
    same_outcome(tmp_path / "alone", tmp_path / "sweep" / "table-lambda0.3-seed0")


def test_a_sweep_without_a_warm_up_runs(tmp_path: Path, without_plots: None) -> None:
    settings = micro_settings(warmup_epochs=0)
    sweep(micro_task(), tmp_path, settings=settings, terms={"none": NoHardware()}, lambdas=(), seeds=(0,))
    assert (tmp_path / "none-lambda0-seed0" / "result.json").exists()
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
    monkeypatch.setattr(example, "image_task", lambda *given, **named: micro_task())
    options = ["--warmup-epochs", "1", "--search-epochs", "1", "--final-epochs", "1", "--batch-size", "30"]
    results = example.main([str(tmp_path), "--hardware", "table", "macs", "none", "--lambda2", "0.5", *options])
    assert [result["term"] for result in results] == ["table", "macs", "none"]
    printed = " ".join(capfd.readouterr().err.split())
    assert "against a search that pays for macs: macs: gain" in printed
    assert f"pays for none: least objective by seed {results[2]['objective']:.2f}" in printed
    assert all((tmp_path / f"{name}-seed0" / "result.json").exists() for name in ("table-lambda0.5", "none-lambda0"))


def test_compiled_blocks_compute_the_same() -> None:
    """The graphs that `torch.compile` captures, run without its code generator, which takes minutes."""
    stages = [SearchStage(micro_task(), micro_settings(), term=NoHardware(), execution=Execution()) for _ in range(2)]
    stages[1].supernet.compile_blocks(backend="aot_eager")
    for stage in stages:
        for step in (3, 4):  # the second has a choice step
            stage.step = step
            stage.advance()
    plain, compiled = (stage.tensors() for stage in stages)
    assert plain.keys() == compiled.keys()
    for name, tensor in plain.items():
        torch.testing.assert_close(compiled[name], tensor, rtol=1e-3, atol=1e-4)
