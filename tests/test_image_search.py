"""The stages of an image search on a micro problem: resumption to the bit, damaged files, schedules, hardware terms."""

from __future__ import annotations

import errno
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
import torch
from micro_images import micro_problem, micro_settings, micro_space, micro_trainable

from dance_env import atomic
from dance_env.accuracy.supernet.checkpoint import CheckpointError, previous, read_checkpoint, write_checkpoint
from dance_env.accuracy.supernet.streams import stream
from solvers.methods.dance.evaluator import Evaluator, EvaluatorShape
from solvers.methods.dance.images.hardware import EvaluatorCost, ExpectedMacs, HardwareTerm, NoHardware, TableCost
from solvers.methods.dance.images.search import SearchStage
from solvers.methods.dance.images.settings import ImageSettings
from solvers.methods.dance.images.training.drive import Stage, drive
from solvers.methods.dance.images.training.final import FinalStage
from solvers.methods.dance.images.training.weights import Execution
from solvers.methods.dance.images.warm_up import WarmUp, start_from

SAMPLINGS = ["binary", "two-path", "gumbel", "mixture"]
WORLD = Execution().world


def search_stage(settings: ImageSettings, *, seed: int = 0, term: HardwareTerm | None = None) -> SearchStage:
    """A search at its start, by default paying the exact table's cost."""
    problem = micro_problem()
    term = term or TableCost(problem.objective, problem.costs)
    return SearchStage(micro_trainable(), settings, seed=seed, term=term, execution=Execution())


def final_stage(settings: ImageSettings) -> FinalStage:
    return FinalStage(micro_trainable(), settings.final, network=(0, 1), seed=0, execution=Execution())


def same_state(one: Stage, other: Stage) -> None:
    """Assert that two stages hold the same weights, optimizer states and histories, to the bit."""
    first, second = one.tensors(), other.tensors()
    assert first.keys() == second.keys()
    for key, tensor in first.items():
        assert torch.equal(tensor, second[key]), f"{key} differs"
    assert (one.step, one.history) == (other.step, other.history)


class Stop(Exception):
    """Raised from a callback to end a run where a kill would."""


def stop_at(step: int) -> Callable[[int, int], None]:
    """A progress callback that raises `Stop` after a step."""

    def stop(done: int, total: int) -> None:
        if done == step:
            raise Stop

    return stop


# --------------------------------------------------------------------------------------------------------- resumption
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_search_stopped_after_any_step_resumes_to_the_same_bits(tmp_path: Path, sampling: str) -> None:
    settings = micro_settings(sampling=sampling)
    whole = search_stage(settings)
    drive(whole, None, world=WORLD)

    # mid-epoch in the warm-up, in the search before and after a choice step
    for step in (1, 4, 5) if sampling == "binary" else (5,):
        path = tmp_path / f"{step}.safetensors"
        with pytest.raises(Stop):
            drive(search_stage(settings), path, world=WORLD, checkpoint_seconds=0, progress=stop_at(step))
        resumed, told = search_stage(settings), list[int]()
        drive(resumed, path, world=WORLD, progress=lambda done, total, told=told: told.append(done))
        assert told == list(range(step, 10))  # where it goes on, then after each step
        same_state(resumed, whole)


def test_a_training_from_scratch_resumes_to_the_same_bits(tmp_path: Path) -> None:
    settings, path = micro_settings(), tmp_path / "x.safetensors"
    whole, stopped, resumed = (final_stage(settings) for _ in range(3))
    drive(whole, None, world=WORLD)
    with pytest.raises(Stop):
        drive(stopped, path, world=WORLD, checkpoint_seconds=0, progress=stop_at(6))
    drive(resumed, path, world=WORLD)
    same_state(resumed, whole)
    assert resumed.test() == whole.test()


@pytest.mark.parametrize("step", [1, 3, 4])
def test_a_grown_start_resumes_on_either_side_of_the_growth(tmp_path: Path, step: int) -> None:
    """Growth happens in step 3: stopped before it, right before it, and after it."""
    settings, path = micro_settings(warmup_epochs=2, grown_epochs=1), tmp_path / "x.safetensors"
    whole, resumed = search_stage(settings), search_stage(settings)
    drive(whole, None, world=WORLD)
    with pytest.raises(Stop):
        drive(search_stage(settings), path, world=WORLD, checkpoint_seconds=0, progress=stop_at(step))
    drive(resumed, path, world=WORLD)
    same_state(resumed, whole)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_runs_and_resumes(tmp_path: Path, precision: str) -> None:
    """On the CPU here; the same code runs on CUDA, where half precision pays."""
    settings = micro_settings()
    settings = replace(settings, search=replace(settings.search, precision=precision))
    path, whole, resumed = tmp_path / "x.safetensors", search_stage(settings), search_stage(settings)
    drive(whole, None, world=WORLD)
    with pytest.raises(Stop):
        drive(search_stage(settings), path, world=WORLD, progress=stop_at(6))
    drive(resumed, path, world=WORLD)
    same_state(resumed, whole)
    assert all(np.isfinite(row["train_loss"]) for row in whole.history)


@pytest.mark.parametrize("sampling", ["binary", "mixture"])
def test_a_search_that_starts_from_a_warm_up_ends_as_one_on_its_own(tmp_path: Path, sampling: str) -> None:
    settings = micro_settings(sampling=sampling, warmup_epochs=2, grown_epochs=1, lambda2=0.3)
    alone, path = search_stage(settings), tmp_path / "warm-up.safetensors"
    drive(alone, None, world=WORLD)
    with pytest.raises(Stop):
        drive(WarmUp(search_stage(settings)), path, world=WORLD, checkpoint_seconds=0, progress=stop_at(4))
    with pytest.raises(CheckpointError, match="step: 4 there, 6 asked for"):
        start_from(search_stage(settings), path)
    other = replace(settings, choice=replace(settings.choice, lambda2=2.0))  # has no effect before the search
    drive(WarmUp(search_stage(other, term=NoHardware())), path, world=WORLD)
    shared = search_stage(settings)
    assert start_from(shared, path) > 0
    drive(shared, None, world=WORLD)
    same_state(shared, alone)
    other = replace(settings, search=replace(settings.search, learning_rate=0.2))
    with pytest.raises(CheckpointError, match=r"search: .*'learning_rate': 0\.1"):
        start_from(search_stage(other), path)


# -------------------------------------------------------------------------------------------------------------- files
@pytest.mark.parametrize("damage", ["truncate", "flip", "text", "empty"])
def test_a_damaged_checkpoint_says_so_and_the_one_before_it_serves(tmp_path: Path, damage: str) -> None:
    settings, path = micro_settings(), tmp_path / "search.safetensors"
    whole = search_stage(settings)
    drive(whole, path, world=WORLD)
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
    with pytest.raises(CheckpointError, match=r"damaged .*delete it, and the run goes on from search\.previous"):
        drive(search_stage(settings), path, world=WORLD)
    path.unlink()
    resumed = search_stage(settings)
    drive(resumed, path, world=WORLD)
    same_state(resumed, whole)


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, path = micro_settings(), tmp_path / "search.safetensors"
    whole = search_stage(settings)
    drive(whole, None, world=WORLD)
    real, writes = os.fsync, 0

    def full(handle: int) -> None:
        nonlocal writes
        writes += 1
        if writes == 6:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(OSError, match=r"no space is left; free some .* goes on from the last checkpoint"):
        drive(search_stage(settings), path, world=WORLD, checkpoint_seconds=0)
    assert not list(tmp_path.glob("*.part")) + list(tmp_path.glob(".*.part"))
    assert read_checkpoint(path)[1]["step"] == 5
    monkeypatch.setattr(atomic.os, "fsync", real)
    resumed = search_stage(settings)
    drive(resumed, path, world=WORLD)
    same_state(resumed, whole)


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
        for number in range(100):
            if number >= 8 and partial:
                break
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
        server.wait(timeout=500)
        server.stdout.close()
    assert partial >= 1, "no kill fell into a write: the test has lost its point"


def _stamp(folder: Path, name: str) -> int:
    """Changes whenever a checkpoint does."""
    try:
        return (folder / name).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


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


# ------------------------------------------------------------------------------------------- schedules and hardware
def test_hardware_terms_agree_with_the_table_at_one_hots() -> None:
    task, space = micro_problem(), micro_space()
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


def untrained_evaluators() -> list[Evaluator]:
    """Two evaluators with weights drawn at random, and an output layer that is not zero."""
    shape = EvaluatorShape(network_options=5, hardware_counts=(2, 2, 2, 3), generator_width=8, estimator_width=8)
    evaluators = [Evaluator.untrained(shape, seed=seed).frozen() for seed in (0, 1)]
    for evaluator in evaluators:
        with torch.no_grad():
            evaluator.estimator.output.weight.normal_(0, 0.3, generator=torch.Generator().manual_seed(0))
    return evaluators


def test_the_learned_evaluators_price_is_1_at_uniform_probabilities_and_has_a_gradient() -> None:
    problem, counts = micro_problem(), (3, 2)
    terms = [EvaluatorCost(each, problem.objective, counts) for each in untrained_evaluators()]
    probs = torch.tensor([[1 / 3, 1 / 3, 1 / 3, 1 / 2, 1 / 2]], requires_grad=True)
    price = terms[0](probs)
    assert price.item() == pytest.approx(1.0, rel=1e-5)
    (gradient,) = torch.autograd.grad(price, [probs])
    assert gradient.abs().max() > 0
    assert terms[0].describe() != terms[1].describe()


def test_the_learned_evaluator_samples_accelerators_as_the_paper_does() -> None:
    problem, counts, evaluator = micro_problem(), (3, 2), untrained_evaluators()[0]
    probs = torch.tensor([[1 / 3, 1 / 3, 1 / 3, 1 / 2, 1 / 2]])
    sampled = EvaluatorCost(evaluator, problem.objective, counts)
    most_probable = EvaluatorCost(evaluator, problem.objective, counts, gumbel=False)
    prices = {round(float(sampled(probs, stream(0, "noise", draw))), 9) for draw in range(40)}
    assert len(prices) > 3  # of 24 accelerators
    assert float(sampled(probs, stream(0, "noise", 1))) == float(sampled(probs, stream(0, "noise", 1)))
    assert float(most_probable(probs, stream(0, "noise", 1))) == pytest.approx(1.0)
    assert sampled.describe() != most_probable.describe()


def test_each_choice_step_draws_the_hardware_terms_noise_anew() -> None:
    seen: list[torch.Generator | None] = []

    class Watched(NoHardware):
        def __call__(self, network_probs: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
            seen.append(generator)
            return super().__call__(network_probs, generator)

    stage = search_stage(micro_settings(), term=Watched())
    drive(stage, None, world=WORLD)
    states = [tuple(each.get_state().tolist()) for each in seen if each is not None]
    assert len(states) == len(seen) == len(set(states)) == stage.choice_steps == 3


def test_the_price_of_hardware_moves_the_choice() -> None:
    """With a dear lambda2 the probabilities fall on the cheapest options; with lambda2 = 0 they do not know them."""

    def probabilities(lambda2: float) -> torch.Tensor:
        settings = micro_settings(lambda2=lambda2, lambda2_warmup=0.0, learning_rate=0.5, every=1)
        settings = replace(settings, search=replace(settings.search, epochs=8))
        stage = search_stage(settings)
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
    stage = search_stage(settings, term=NoHardware())
    before = stage.choice.logits.detach().clone()
    while stage.step < stage.steps:
        stage.advance()
        stage.step += 1
    row = stage.finish_epoch()
    assert torch.equal(stage.choice.logits, before)
    assert (row["phase"], row["lambda2"], row["choice_loss"]) == ("warm-up", 0.0, None)


def test_lambda2_and_temperature_follow_their_schedules() -> None:
    settings = micro_settings(warmup_epochs=1, lambda2=0.4, lambda2_warmup=0.5, temperature=5.0, temperature_decay=0.5)
    stage = search_stage(settings, term=NoHardware())
    values = []
    for step in range(stage.steps):
        stage.step = step
        values.append((stage.lambda2, stage.temperature))
    lambdas = [value for value, _ in values]
    assert lambdas[:4] == [0.0, 0.0, 0.0, 0.0]  # 3 warm-up steps; then from 0 over 3 of 6 steps
    assert lambdas[4:] == pytest.approx([0.4 / 3, 0.8 / 3, 0.4, 0.4, 0.4])
    assert [temperature for _, temperature in values] == [5.0] * 6 + [2.5] * 3


def test_settings_refuse_what_cannot_run() -> None:
    with pytest.raises(ValueError, match="Did you mean 'gumbel'"):
        micro_settings(sampling="gumble")
    with pytest.raises(ValueError, match=r"search\.epochs counts the warm-up too"):
        micro_settings(warmup_epochs=4)
    with pytest.raises(ValueError, match=r"grown_epochs must be in 0\.\.1"):
        micro_settings(grown_epochs=2)
    with pytest.raises(ValueError, match="lambda2 >= 0"):
        micro_settings(lambda2=-1.0)
