"""The over-parameterised network: paths, gates, batch norm, memory, ranks; and the accuracy model made of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from micro_images import micro_data, micro_problem, micro_space
from safetensors.torch import save_file
from torch import nn

from dance_env.accuracy import AccuracyModel, RelaxableAccuracy, SampledAccuracy, TrainedLater
from dance_env.accuracy.supernet import accuracy as accuracy_module
from dance_env.accuracy.supernet import checkpoint
from dance_env.accuracy.supernet.accuracy import SupernetAccuracy
from dance_env.accuracy.supernet.checkpoint import CheckpointError
from dance_env.accuracy.supernet.image_data import plain_batches
from dance_env.accuracy.supernet.network import Supernet, build_network, build_supernet, frozen_statistics
from dance_env.accuracy.supernet.sources import ImageDataError
from dance_env.accuracy.supernet.streams import stream
from dance_env.accuracy.supernet.untrained import UntrainedSupernet
from dance_env.cache import ArrayCache
from dance_env.envs import CoDesignEnv
from dance_env.graph import dance_mnist
from solvers.catalog import make_solver
from solvers.contract.result import Result
from solvers.methods.dance.images import grow as grow_module
from solvers.methods.dance.images.gates import draw, probabilities, sample_path, uniform
from solvers.methods.dance.images.training.weights import (
    Execution,
    WeightSettings,
    accuracy,
    cosine,
    make_criterion,
    make_optimizer,
    train_from_scratch,
    weight_step,
)

COUNTS = (3, 2)
PATHS = list(product(range(3), range(2)))


@pytest.fixture(autouse=True)
def _global_stream_untouched() -> Iterator[None]:
    before = torch.get_rng_state()
    yield
    assert torch.equal(before, torch.get_rng_state()), "the global random stream was touched"


def batch(count: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    generator = stream(3, "test")
    return torch.randn((count, 1, 8, 8), generator=generator), torch.arange(count) % 3


# ------------------------------------------------------------------------------------------------------------- network
@pytest.mark.parametrize("path", PATHS)
def test_a_path_computes_what_the_network_on_its_own_computes(path: tuple[int, ...]) -> None:
    """Same weights, same output, to the bit: the path is the derived network."""
    supernet = build_supernet(micro_space(), seed=0)
    network = build_network(micro_space(), path, seed=1)
    options = iter(path)
    held: dict[str, torch.Tensor] = {}
    for module in supernet.sequence:
        part = module.options[next(options)] if hasattr(module, "options") else module
        held.update(part.state_dict())
    network.load_state_dict(held)
    images, _ = batch()
    for training in (False, True):
        supernet.train(training)
        network.train(training)
        assert torch.equal(supernet(images, path), network(images))


def test_a_mixture_at_one_hots_is_the_path() -> None:
    supernet = build_supernet(micro_space(), seed=0).eval()
    images, _ = batch()
    for path in PATHS:
        probs = torch.cat([torch.eye(count)[option] for count, option in zip(COUNTS, path, strict=True)])
        torch.testing.assert_close(supernet.mixture(images, probs), supernet(images, path))


def test_weights_follow_from_the_seed_alone() -> None:
    one, same, other = (build_supernet(micro_space(), seed=seed) for seed in (0, 0, 1))
    pairs = zip(one.parameters(), same.parameters(), other.parameters(), strict=True)
    differences = [not torch.equal(a, c) for a, b, c in pairs if torch.equal(a, b)]
    assert len(differences) == len(list(one.parameters()))
    assert any(differences)


def test_a_weight_step_trains_its_path_and_nothing_else() -> None:
    supernet = build_supernet(micro_space(), seed=0).train()
    settings = WeightSettings(epochs=1, batch_size=12)
    before = {name: weight.clone() for name, weight in supernet.named_parameters()}
    statistics = {name: buffer.clone() for name, buffer in supernet.named_buffers()}
    weight_step(
        lambda images: supernet(images, (0, 1)),
        batch(),
        optimizer=make_optimizer(supernet, settings),
        settings=settings,
        learning_rate=0.1,
        scaler=Execution().scaler("float32"),
        execution=Execution(),
    )
    moved = {name for name, weight in supernet.named_parameters() if not torch.equal(weight, before[name])}
    off_path = [
        name
        for name in before
        if name.startswith(("sequence.1.options.1", "sequence.1.options.2", "sequence.2.options.0"))
    ]
    assert off_path
    assert moved == set(before) - set(off_path)
    for name, buffer in supernet.named_buffers():
        if name.startswith(("sequence.1.options.1", "sequence.2.options.0")):
            assert torch.equal(buffer, statistics[name])


# --------------------------------------------------------------------------------------------------------------- gates
def gated_loss(supernet: Supernet, images: torch.Tensor, labels: torch.Tensor, gates: torch.Tensor) -> torch.Tensor:
    """The loss with gates as explicit factors: what `gate_gradients` differentiates by hand."""
    return make_criterion(WeightSettings(epochs=1))(supernet.mixture(images, gates), labels)


@pytest.mark.parametrize("path", PATHS)
def test_gate_gradients_equal_automatic_differentiation(path: tuple[int, ...]) -> None:
    supernet = build_supernet(micro_space(), seed=0).train()
    images, labels = batch()
    gates = torch.cat([torch.eye(count)[option] for count, option in zip(COUNTS, path, strict=True)]).requires_grad_()
    (expected,) = torch.autograd.grad(gated_loss(supernet, images, labels, gates), [gates])
    loss, found = supernet.gate_gradients(
        images, labels, path=path, asked=[range(3), range(2)], criterion=make_criterion(WeightSettings(epochs=1))
    )
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(loss, gated_loss(supernet, images, labels, gates.detach()).detach())
    assert all(parameter.grad is None for parameter in supernet.parameters())


def test_gate_gradients_leave_running_averages_alone() -> None:
    supernet = build_supernet(micro_space(), seed=0).train()
    images, labels = batch()
    before = {name: buffer.clone() for name, buffer in supernet.named_buffers()}
    supernet.gate_gradients(
        images, labels, path=(0, 0), asked=[range(3), range(2)], criterion=make_criterion(WeightSettings(epochs=1))
    )
    assert all(torch.equal(buffer, before[name]) for name, buffer in supernet.named_buffers())
    supernet(images, (0, 0))
    assert any(not torch.equal(buffer, before[name]) for name, buffer in supernet.named_buffers())


def test_only_the_gates_asked_for_get_a_gradient() -> None:
    supernet = build_supernet(micro_space(), seed=0).train()
    images, labels = batch()
    criterion = make_criterion(WeightSettings(epochs=1))
    _, all_gates = supernet.gate_gradients(images, labels, path=(0, 1), asked=[range(3), range(2)], criterion=criterion)
    _, some = supernet.gate_gradients(images, labels, path=(0, 1), asked=[(0, 2), (1,)], criterion=criterion)
    assert some.nonzero().flatten().tolist() == [0, 2, 4]
    assert torch.equal(some[[0, 2, 4]], all_gates[[0, 2, 4]])


def test_binary_gates_gradient_is_proxylessnas_equation_4() -> None:
    """dL/dalpha_i = sum_j dL/dg_j p_j (delta_ij - p_i), by hand for one choice of three options."""
    logits = torch.tensor([0.2, -0.3, 0.5, 0.0, 0.0], requires_grad=True)
    drawn = draw(logits, COUNTS, sampling="binary", generator=stream(0, "x"))
    gates = torch.tensor([1.0, -2.0, 0.5, 0.0, 0.0])
    (found,) = torch.autograd.grad((gates * drawn.relaxed).sum(), [logits])
    p = torch.softmax(logits.detach()[:3], 0)
    expected = [sum(gates[j] * p[j] * (float(i == j) - p[i]) for j in range(3)) for i in range(3)]
    torch.testing.assert_close(found[:3], torch.stack(expected))
    assert found[3:].abs().max() == 0


@pytest.mark.parametrize("sampling", ["binary", "two-path", "gumbel"])
def test_paths_are_drawn_as_often_as_their_probabilities_say(sampling: str) -> None:
    """5 sigma of a binomial over 4,000 draws. Two-path draws a pair first, so its active option is flatter."""
    logits = torch.tensor([1.0, 0.0, -1.0, 0.5, -0.5])
    draws, generator = 4000, stream(0, "paths")
    counted = torch.zeros(5)
    for _ in range(draws):
        drawn = draw(logits, COUNTS, sampling=sampling, temperature=1.0, generator=generator)  # type: ignore[arg-type]
        counted[drawn.path[0]] += 1
        counted[3 + drawn.path[1]] += 1
        blocks = drawn.relaxed.split(list(COUNTS))
        assert all(abs(float(block.sum()) - 1) < 1e-6 for block in blocks)
        assert all(option in asked for option, asked in zip(drawn.path, drawn.asked, strict=True))
    expected = probabilities(logits, COUNTS)
    if sampling == "two-path":
        first = expected[:3].double()
        pairs = torch.zeros(3, dtype=torch.float64)
        for i, j in product(range(3), range(3)):
            if i != j:
                chance = first[i] * first[j] / (1 - first[i])  # drawn in this order, without replacement
                pairs[i] += chance * first[i] / (first[i] + first[j])
                pairs[j] += chance * first[j] / (first[i] + first[j])
        expected = torch.cat([pairs.float(), expected[3:]])
    sigma = (expected * (1 - expected) / draws).sqrt()
    assert ((counted / draws - expected).abs() < 5 * sigma).all()


def test_gumbel_relaxation_sharpens_to_its_path() -> None:
    logits = torch.tensor([1.0, 0.0, -1.0, 0.5, -0.5])
    drawn = draw(logits, COUNTS, sampling="gumbel", temperature=1e-3, generator=stream(0, "g"))
    assert drawn.relaxed[drawn.path[0]] > 0.999
    assert drawn.relaxed[3 + drawn.path[1]] > 0.999
    flat = draw(logits, COUNTS, sampling="gumbel", temperature=1e6, generator=stream(0, "g"))
    torch.testing.assert_close(flat.relaxed, uniform(COUNTS).float(), rtol=1e-3, atol=1e-3)


def test_streams_are_named_and_independent_of_each_other() -> None:
    one = torch.rand(4, generator=stream(0, "a", 1, 2))
    assert torch.equal(one, torch.rand(4, generator=stream(0, "a", 1, 2)))
    for other in (stream(1, "a", 1, 2), stream(0, "b", 1, 2), stream(0, "a", 12), stream(0, "a", 2, 1)):
        assert not torch.equal(one, torch.rand(4, generator=other))


def test_the_cosine_starts_at_the_rate_and_ends_at_nought() -> None:
    assert cosine(0.1, 0, 10) == 0.1
    assert cosine(0.1, 5, 10) == pytest.approx(0.05)
    assert cosine(0.1, 10, 10) == pytest.approx(0.0)


def test_a_loss_that_is_no_number_stops_the_run() -> None:
    supernet = build_supernet(micro_space(), seed=0)
    settings = WeightSettings(epochs=1, batch_size=12)
    images, labels = batch()
    with pytest.raises(FloatingPointError, match="lower the learning rate"):
        weight_step(
            lambda images: supernet(images, (0, 0)),
            (images * torch.nan, labels),
            optimizer=make_optimizer(supernet, settings),
            settings=settings,
            learning_rate=0.1,
            scaler=Execution().scaler("float32"),
            execution=Execution(),
        )


def test_memory_of_a_gate_step_is_that_of_one_path() -> None:
    """Tensors saved for the backward pass: a gate step saves what its path saves, the mixture what all options do."""
    supernet = build_supernet(dance_mnist(), seed=0).train()
    images, labels = torch.zeros(4, 1, 28, 28), torch.zeros(4, dtype=torch.int64)
    criterion = make_criterion(WeightSettings(epochs=1))
    path = (5,) * 9  # the largest

    def saved_bytes(run: object) -> int:
        total = 0

        def count(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal total
            total += tensor.numel() * tensor.element_size()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            run()  # type: ignore[operator]
        return total

    one = saved_bytes(lambda: criterion(supernet(images, path), labels))
    gate = saved_bytes(
        lambda: supernet.gate_gradients(
            images, labels, path=path, asked=[range(count) for count in supernet.counts], criterion=criterion
        )
    )
    mixture = saved_bytes(lambda: criterion(supernet.mixture(images, uniform(supernet.counts).float()), labels))
    assert gate <= 1.05 * one
    assert mixture > 3 * one


# ------------------------------------------------------------------------------------------------------------- growing
def test_grown_options_begin_as_the_function_of_the_smallest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without noise every option computes what the smallest does; with it, nearly."""
    supernet = build_supernet(dance_mnist(), seed=0)
    images = torch.randn((16, 1, 28, 28), generator=stream(0, "images"))
    for _ in range(3):  # so that weights and running averages are not those of the start
        supernet.train()(images, (0,) * 9)
    smallest = supernet.eval()(images, (0,) * 9)
    random = supernet(images, (5,) * 9)
    assert (random - smallest).abs().mean() > 0.1 * smallest.abs().mean()
    for noise, tolerance in ((0.0, 1e-4), (grow_module.NOISE, 0.5)):
        monkeypatch.setattr(grow_module, "NOISE", noise)
        assert grow_module.grow(supernet, stream(0, "grow")) == 9 * 5
        for option in range(1, 6):
            for training in (False, True):
                supernet.train(training)
                with torch.no_grad(), frozen_statistics(supernet):
                    grown, expected = supernet(images, (option,) * 9), supernet(images, (0,) * 9)
                assert (grown - expected).abs().mean() < tolerance * expected.abs().mean(), (noise, option)


def test_growing_breaks_the_symmetry_of_copies() -> None:
    supernet = build_supernet(dance_mnist(), seed=0)
    grow_module.grow(supernet, stream(0, "grow"))
    wide = next(
        module.weight
        for name, module in supernet.sequence[2].options[3].named_modules()
        if name.endswith("expand") and isinstance(module, nn.Conv2d)
    )
    half = len(wide) // 2
    assert not torch.equal(wide[:half], wide[half:])
    assert (wide[:half] - wide[half:]).abs().mean() < wide.abs().mean()


def test_the_smallest_path_keeps_what_has_no_weights() -> None:
    supernet = build_supernet(dance_mnist(), seed=0)
    assert grow_module.smallest_path(supernet, (5, 6, 3, 2, 6, 6, 1, 0, 4)) == (0, 6, 0, 0, 6, 6, 0, 0, 0)


# ---------------------------------------------------------------------------------------------------------- accuracies
def trained() -> Supernet:
    """The micro supernet after 60 steps on uniform paths."""
    data, supernet = micro_data(), build_supernet(micro_space(), seed=0).train()
    settings = WeightSettings(epochs=1, batch_size=30)
    optimizer = make_optimizer(supernet, settings)
    images, labels = data.weights.read(torch.arange(len(data.weights)))
    for step in range(60):
        path = sample_path(uniform(COUNTS), COUNTS, stream(0, "path", step))
        rows = torch.randperm(90, generator=stream(0, "rows", step))[:30]
        weight_step(
            lambda images, path=path: supernet(images, path),  # type: ignore[misc]
            (data.normalization(images[rows]), labels[rows]),
            optimizer=optimizer,
            settings=settings,
            learning_rate=0.1,
            scaler=Execution().scaler("float32"),
            execution=Execution(),
        )
    return supernet


@pytest.fixture(scope="module")
def model() -> SupernetAccuracy:
    return SupernetAccuracy(micro_space(), trained(), micro_data(), calibration_images=60, chunk=25)


def test_it_is_an_accuracy_model_that_learned_something(model: SupernetAccuracy) -> None:
    assert isinstance(model, AccuracyModel)
    accuracies = model.evaluate(np.array(PATHS))
    assert accuracies.shape == (6,)
    assert accuracies.dtype == np.float64
    assert accuracies.min() > 0.6  # chance is 1/3


def test_a_batch_equals_its_networks_one_by_one_to_the_bit(model: SupernetAccuracy) -> None:
    fresh = SupernetAccuracy(micro_space(), model.supernet, micro_data(), calibration_images=60, chunk=25)
    shuffled = np.array(PATHS)[[4, 1, 0, 5, 2, 3, 1, 4]]
    one_by_one = np.concatenate([fresh.evaluate(row[None]) for row in shuffled])
    assert np.array_equal(one_by_one, model.evaluate(shuffled))


def test_recalibration_by_hand_gives_the_same_accuracy(model: SupernetAccuracy) -> None:
    """One network, built alone with the shared weights, its averages measured in one chunk."""
    data, path = micro_data(), (0, 1)
    single = SupernetAccuracy(micro_space(), model.supernet, data, calibration_images=90, chunk=90)
    network = build_network(micro_space(), path, seed=0)
    options, held = iter(path), {}
    for module in model.supernet.sequence:
        held.update((module.options[next(options)] if hasattr(module, "options") else module).state_dict())
    network.load_state_dict(held)
    for each in network.modules():
        if isinstance(each, nn.BatchNorm2d):
            each.reset_running_stats()
            each.momentum = None
    network.train()
    with torch.no_grad():
        network(data.normalization(data.weights.read(torch.arange(90))[0]))
    network.eval()
    expected = accuracy(
        network, plain_batches(data.choices, data, batch_size=30), precision="float32", execution=Execution()
    )
    assert single.evaluate(np.array([path]))[0] == expected


def test_a_known_network_is_not_run_again(model: SupernetAccuracy, monkeypatch: pytest.MonkeyPatch) -> None:
    known = model.evaluate(np.array(PATHS))
    monkeypatch.setattr(SupernetAccuracy, "_walk", None)
    assert np.array_equal(model.evaluate(np.array(PATHS)), known)


def test_a_memory_serves_the_same_machine_and_the_same_code_alone(
    model: SupernetAccuracy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fresh() -> SupernetAccuracy:
        memory = ArrayCache(tmp_path)
        return SupernetAccuracy(micro_space(), model.supernet, micro_data(), calibration_images=60, memory=memory)

    first = fresh()
    first.evaluate(np.array(PATHS))
    again = fresh()
    again.evaluate(np.array(PATHS))
    assert again.spared_seconds > 0
    for where, name in ((torch.backends.cpu, "get_cpu_capability"), (accuracy_module, "source_digest")):
        with monkeypatch.context() as patch:
            patch.setattr(where, name, lambda *given: "another")
            elsewhere = fresh()
            elsewhere.evaluate(np.array(PATHS))
            assert elsewhere.spared_seconds == 0
            assert elsewhere.fingerprint() == first.fingerprint()


def test_an_untrained_supernet_says_what_to_train_and_evaluates_nothing(model: SupernetAccuracy) -> None:
    untrained = UntrainedSupernet(micro_space(), micro_data(), calibration_images=60)
    assert isinstance(untrained, TrainedLater)
    assert isinstance(model, SampledAccuracy)
    assert not isinstance(model, TrainedLater)
    assert not isinstance(model, RelaxableAccuracy)
    assert untrained.trainable().fingerprint() == model.trainable().fingerprint()
    with pytest.raises(
        RuntimeError, match=r"no supernet of micro is trained yet, so 6 networks .*`dance supernet micro"
    ):
        untrained.evaluate(np.array(PATHS))
    judged = untrained.trained(model.supernet)
    assert np.array_equal(judged.evaluate(np.array(PATHS)).round(1), model.evaluate(np.array(PATHS)).round(1))
    others = [UntrainedSupernet(micro_space(), micro_data(seed=1), calibration_images=60),
              UntrainedSupernet(micro_space(), micro_data(), calibration_images=61)]  # fmt: skip
    assert len({each.fingerprint() for each in (untrained, *others)}) == 3
    with pytest.raises(ImageDataError, match="the network expects 28 pixels"):
        UntrainedSupernet(dance_mnist(), micro_data(num_classes=10, size=28))


def test_saved_and_loaded_it_says_the_same(model: SupernetAccuracy, tmp_path: Path) -> None:
    path = tmp_path / "supernet.safetensors"
    model.save(path)
    again = SupernetAccuracy.load(path, space=micro_space(), data=micro_data(), calibration_images=60, chunk=25)
    assert np.array_equal(again.evaluate(np.array(PATHS)), model.evaluate(np.array(PATHS)))
    assert again.fingerprint() == model.fingerprint()
    with pytest.raises(CheckpointError, match="trained on other images than those of micro"):
        SupernetAccuracy.load(path, space=micro_space(), data=micro_data(seed=1))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="is no supernet, or a damaged one"):
        SupernetAccuracy.load(path, space=micro_space(), data=micro_data())
    with pytest.raises(FileNotFoundError, match="no supernet"):
        SupernetAccuracy.load(tmp_path / "none.safetensors", space=micro_space(), data=micro_data())


def test_it_refuses_what_does_not_fit(model: SupernetAccuracy) -> None:
    with pytest.raises(ValueError, match="the supernet has"):
        SupernetAccuracy(dance_mnist(), model.supernet, _as_mnist())
    with pytest.raises(ValueError, match=r"the network expects 28 pixels"):
        SupernetAccuracy(dance_mnist(), model.supernet, micro_data(num_classes=10, size=28))
    with pytest.raises(ValueError, match=r"calibration_images must be in 2\.\.90"):
        SupernetAccuracy(micro_space(), model.supernet, micro_data(), calibration_images=91)


def _as_mnist() -> object:
    from micro_images import micro_images

    from dance_env.accuracy.supernet.augment import Augmentation
    from dance_env.accuracy.supernet.image_data import cut

    return cut(
        micro_images(count=100, size=28, num_classes=10), None, image_size=28, augmentation=Augmentation(),
        choices_share=0.2,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["random", "evolution"])
def test_solvers_work_on_a_problem_whose_accuracy_a_supernet_tells(model: SupernetAccuracy, name: str) -> None:
    env = CoDesignEnv(problem=micro_problem(accuracy=model))
    result = make_solver(name).solve(env, budget=60, seed=0)
    everything = env.problem.evaluate_networks(np.array(PATHS))
    assert everything.objective.min() <= result.best_objective < np.median(everything.objective)
    assert result.best_design is not None
    assert env.problem.evaluate(result.best_design[None]).objective[0] == result.best_objective


def test_training_from_scratch_learns_the_bands() -> None:
    data = micro_data()
    settings = WeightSettings(epochs=15, batch_size=30, learning_rate=0.1)
    network = build_network(micro_space(), (0, 0), seed=0)
    found = train_from_scratch(network, data, settings, split=data.training, seed=0, execution=Execution())
    assert found > 0.8


# --------------------------------------------------------------------------------------------------------------- ranks
RANKS = """
import sys
sys.path.insert(0, {tests!r})
import torch
from dataclasses import replace
from pathlib import Path
from micro_images import micro_problem, micro_settings, micro_trainable
from safetensors.torch import save_file
from solvers.methods.dance.images import folder
from solvers.methods.dance.images.hardware import NoHardware
from solvers.methods.dance.images.search import SearchStage
from solvers.methods.dance.images.solver import DanceImages
from solvers.methods.dance.images.training.distributed import World
from solvers.methods.dance.images.training.final import ScratchAccuracy
from solvers.methods.dance.images.training.weights import Execution
folder.plot_probabilities = folder.plot_training = lambda *given: None
world = World.from_environment()
assert world.size == 2
mixed = [torch.tensor([1.0 + world.rank, 5.0]), torch.tensor([[2.0 * world.rank]]), torch.ones(1).double() * world.rank]
world.average(mixed)
assert [each.tolist() for each in mixed] == [[1.5, 5.0], [[1.0]], [0.5]], mixed
execution, settings = Execution(world=world), micro_settings()
stage = SearchStage(micro_trainable(), settings, seed=0, term=NoHardware(), execution=execution)
while stage.step < stage.steps:
    stage.advance()
    stage.step += 1
    if stage.step % stage.steps_per_epoch == 0:
        stage.finish_epoch()
held = {{name: tensor.contiguous().clone() for name, tensor in stage.tensors().items()}}
save_file(held, sys.argv[1] + str(world.rank))
run = sys.argv[1] + "-run"
scratch = ScratchAccuracy(micro_trainable(), settings.final, execution=execution, folder=Path(run))
solver = DanceImages(training=settings, hardware="table", execution=execution, folder=run)
result = solver.solve(micro_problem(accuracy=scratch), budget=100, seed=0)
result.save(sys.argv[1] + f"-{{world.rank}}.zip")
world.leave()
"""


def test_two_ranks_hold_the_same_state_and_write_one_folder(tmp_path: Path) -> None:
    """torchrun with gloo: different images on each rank, one supernet."""
    script = tmp_path / "ranks.py"
    script.write_text(RANKS.format(tests=str(Path(__file__).parent)))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    done = subprocess.run(
        [*command, str(tmp_path / "rank")],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    from safetensors.torch import load_file

    zero, one = load_file(tmp_path / "rank0"), load_file(tmp_path / "rank1")
    assert zero.keys() == one.keys()
    assert len(zero) > 100
    for name in zero:
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(zero[name], one[name]), name
    assert len(list((tmp_path / "rank-run").glob("table-*/supernet.safetensors"))) == 1
    assert len(list((tmp_path / "rank-run").glob("scratch-*/accuracy.json"))) == 1
    results = [Result.load(tmp_path / f"rank-{rank}.zip") for rank in (0, 1)]
    assert results[0].trace.same_search(results[1].trace)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("[" * 100_000, "its state is not JSON that can be read: maximum recursion"),
        ("[1]", "its state must be a JSON object, got list"),
        ("{", "its state is not JSON that can be read"),
    ],
)
def test_a_checkpoint_made_to_mislead_is_damaged(tmp_path: Path, state: str, message: str) -> None:
    """Its digest is right, so that only what was written on purpose gets this far."""
    tensors = {"a": torch.zeros(1)}
    about = {"version": "1", "state": state, "digest": checkpoint._digest(tensors, state)}
    save_file(tensors, tmp_path / "x.safetensors", about)
    with pytest.raises(checkpoint.CheckpointError, match=f"x.safetensors is damaged .{message}"):
        checkpoint.read_checkpoint(tmp_path / "x.safetensors")
