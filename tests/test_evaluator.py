"""DANCE's evaluator: its two networks, their training, their cache, and the command that reports on them."""

from __future__ import annotations

import json
import random
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from dance_env import source_digest
from dance_env.cost import CostTable
from dance_env.objective import Constraint, Linear, Objective
from dance_env.problem import Problem
from dance_env.source_digest import digested_modules
from dance_env.space import FactorSum
from dance_env.tasks import make_problem
from dance_env.testing import synthetic_problem
from experiments import evaluator as evaluator_command
from experiments.claims.evaluator_quality import Quality, quality
from experiments.evaluator import main
from solvers.methods.dance.evaluator import ship, store
from solvers.methods.dance.evaluator.data import hardware_features, make_data
from solvers.methods.dance.evaluator.estimator import CostEstimator, as_cost, relative_error, relative_error_loss
from solvers.methods.dance.evaluator.evaluator import Evaluator, EvaluatorShape
from solvers.methods.dance.evaluator.file import DamagedEvaluator, EvaluatorFile
from solvers.methods.dance.evaluator.generator import HardwareGenerator, gumbel_noise, gumbel_softmax
from solvers.methods.dance.evaluator.labels import UNMAPPABLE_FACTOR, LabelTable
from solvers.methods.dance.evaluator.layers import ResidualLayer, ResidualStack, build
from solvers.methods.dance.evaluator.muon import Muon, orthogonal
from solvers.methods.dance.evaluator.sampling import SamplingSettings, is_held_out, sample_probs
from solvers.methods.dance.evaluator.settings import MUON, PAPER, EvaluatorSettings, TrainingLoop
from solvers.methods.dance.evaluator.store import SHIPPED, evaluator_key, evaluator_path, load_or_train
from solvers.methods.dance.evaluator.training import evaluator_shape, train_evaluator
from solvers.methods.gradient.options import network_option_counts
from solvers.methods.gradient.threads import torch_threads

COUNTS = (4, 4, 4, 3)
"""Of the synthetic network space: 192 networks, so that a tenth held out is some twenty."""

TINY = EvaluatorSettings(
    networks=64,
    pairs=256,
    generator=replace(MUON.generator, epochs=1, batch=32, weight_decay=0.0),
    estimator=replace(MUON.estimator, epochs=1, batch=64),
    generator_width=16,
    estimator_width=16,
    layers=2,
)
SMALL = replace(
    TINY,
    networks=1_000,
    pairs=12_000,
    generator=replace(MUON.generator, epochs=20, batch=128, weight_decay=0.0),
    estimator=replace(MUON.estimator, epochs=6, batch=256),
    generator_width=48,
    estimator_width=64,
    layers=5,
)
SHAPE = EvaluatorShape(network_options=15, hardware_counts=(3, 3, 2, 3))


def problem_of(seed: int = 0) -> Problem:
    return synthetic_problem(seed, option_counts=COUNTS)


def probs_of(rows: int, seed: int = 0) -> torch.Tensor:
    sampling = SamplingSettings()
    return torch.tensor(sample_probs(COUNTS, np.random.default_rng(seed), rows=rows, settings=sampling)).float()


def same_weights(first: Evaluator, second: Evaluator) -> bool:
    ours, theirs = first.state_dict(), second.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.fixture(scope="module")
def trained() -> dict[bool, Evaluator]:
    """Evaluators with and without feature forwarding."""
    with torch_threads(1):
        return {
            forwarding: train_evaluator(problem_of(), replace(SMALL, feature_forwarding=forwarding))[0]
            for forwarding in (True, False)
        }


# The networks


def test_both_networks_are_five_layers_with_a_residual_around_each() -> None:
    evaluator = Evaluator.untrained(SHAPE, seed=0)
    for network, width, inputs in ((evaluator.generator, 128, 15), (evaluator.estimator, 256, 15 + 11)):
        assert [type(layer) for layer in network.stack] == [ResidualLayer] * 5
        assert [layer.linear.in_features for layer in network.stack] == [inputs, *[width] * 4]
        assert {layer.linear.out_features for layer in network.stack} == {width}


@pytest.mark.parametrize("widths", [(6, 6), (4, 6)])
def test_a_layer_that_says_nothing_passes_its_input_on(widths: tuple[int, int]) -> None:
    layer = build(lambda: ResidualLayer(*widths), seed=0).eval()
    x = torch.randn(5, widths[0], generator=torch.Generator().manual_seed(0))
    shortcut = x if widths[0] == widths[1] else x @ layer.shortcut.weight.T
    assert not torch.equal(layer(x), shortcut)
    with torch.no_grad():
        layer.linear.weight.zero_()
    torch.testing.assert_close(layer(x), shortcut)


def test_the_generator_has_a_head_for_every_choice() -> None:
    generator = build(lambda: HardwareGenerator(15, (3, 3, 2, 3), width=16), seed=0).eval()
    logits = generator(probs_of(7))
    assert logits.shape == (7, 11)
    assert [tuple(head.shape) for head in generator.split(logits)] == [(7, 3), (7, 3), (7, 2), (7, 3)]
    options = generator.generate(probs_of(7))
    assert options.shape == (7, 4)
    expected = torch.stack([head.argmax(1) for head in logits.split((3, 3, 2, 3), dim=1)], dim=1)
    assert torch.equal(options, expected)


def test_the_estimator_gives_three_positive_costs() -> None:
    estimator = build(lambda: CostEstimator(15, 11, width=16), seed=0).eval()
    hardware = hardware_features(problem_of())[:7]
    cost = estimator.cost(probs_of(7), hardware)
    for leaf in (cost.latency_s, cost.energy_j, cost.area_mm2):
        assert leaf.shape == (7,)
        assert (leaf > 0).all()


@pytest.mark.parametrize(("options", "given"), [(11, False), (0, True)])
def test_hardware_is_given_to_an_estimator_that_takes_some_and_to_no_other(options: int, given: bool) -> None:
    estimator = build(lambda: CostEstimator(15, options, width=16), seed=0).eval()
    with pytest.raises(ValueError, match=f"made with hardware_options={options}"):
        estimator(probs_of(2), torch.zeros(2, 11) if given else None)


def test_weights_come_from_the_seed_and_torch_draws_nothing() -> None:
    before = torch.get_rng_state()
    first, again, other = (Evaluator.untrained(SHAPE, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert same_weights(first, again)
    assert not same_weights(first, other)
    with pytest.raises(TypeError, match="no initial weights are defined for Conv2d"):
        build(lambda: nn.Conv2d(1, 1, 1), seed=0)
    with pytest.raises(ValueError, match="at least one layer"):
        ResidualStack(3, width=4, layers=0)


# Gumbel softmax


def test_gumbel_noise_is_decided_by_its_generator_and_is_gumbel() -> None:
    draws = [gumbel_noise((4000, 11), torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert draws[0].isfinite().all()
    assert draws[0].mean().item() == pytest.approx(0.5772, abs=0.03)  # Euler's constant
    assert draws[0].var().item() == pytest.approx(np.pi**2 / 6, rel=0.03)


def test_gumbel_softmax_draws_options_as_often_as_their_probabilities() -> None:
    probs = torch.tensor([0.6, 0.3, 0.1, 0.8, 0.2])
    noise = gumbel_noise((20_000, 5), torch.Generator().manual_seed(0))
    drawn = gumbel_softmax(probs.log().expand(20_000, 5), (3, 2), temperature=1.0, noise=noise)
    torch.testing.assert_close(drawn.mean(dim=0), probs, atol=0.015, rtol=0)


def test_straight_through_forwards_one_hots_with_the_soft_gradient() -> None:
    logits = torch.tensor([[0.3, -0.2, 0.9, 1.0, 1.2]], requires_grad=True)
    values = torch.tensor([[1.0, 2.0, 4.0, 8.0, 16.0]])
    gradients = []
    for hard in (True, False):
        sample = gumbel_softmax(logits, (3, 2), temperature=0.7, hard=hard)
        torch.testing.assert_close(sample.sum(), torch.tensor(2.0))
        gradients.append(torch.autograd.grad((sample * values).sum(), logits)[0])
        if hard:
            assert sample.detach().round(decimals=6).tolist() == [[0.0, 0.0, 1.0, 0.0, 1.0]]
    torch.testing.assert_close(*gradients)
    assert gradients[0].abs().max() > 0
    with pytest.raises(ValueError, match="temperature of a Gumbel softmax must be above zero; got 0"):
        gumbel_softmax(logits, (3, 2), temperature=0.0)


# Feature forwarding


@pytest.mark.parametrize("forwarding", [True, False])
def test_gradient_reaches_the_network_through_the_generated_accelerator_only_with_forwarding(
    trained: dict[bool, Evaluator], forwarding: bool
) -> None:
    evaluator = trained[forwarding]
    probs = probs_of(16).requires_grad_(True)
    cost, hardware = evaluator(probs, temperature=2.0)
    hardware.retain_grad()
    cost.latency_s.log().sum().backward()
    whole = probs.grad
    assert whole.abs().max() > 0
    assert evaluator.feature_forwarding == forwarding
    if not forwarding:
        assert hardware.grad is None
        return
    assert hardware.grad.abs().max() > 0
    # What is left of the gradient when the generator is cut off is the estimator's own share.
    alone = probs.detach().requires_grad_(True)
    evaluator.estimator.cost(alone, hardware.detach()).latency_s.log().sum().backward()
    assert (whole - alone.grad).abs().max() > 1e-3 * whole.abs().max()


def test_the_estimators_answer_depends_on_the_accelerator(trained: dict[bool, Evaluator]) -> None:
    features = hardware_features(problem_of())
    one = probs_of(1).expand(len(features), -1)
    with torch.no_grad():
        area = trained[True].estimator.cost(one, features).area_mm2.double().numpy()
    assert np.corrcoef(area, problem_of().costs.area_mm2)[0, 1] > 0.95


def test_a_frozen_evaluator_has_no_weight_gradients(trained: dict[bool, Evaluator]) -> None:
    assert not trained[True].training
    assert not any(weight.requires_grad for weight in trained[True].parameters())


# Loss


def test_the_loss_is_the_mean_square_relative_error() -> None:
    target = torch.tensor([[1e-3, 2.0, 30.0], [2e-3, 1.0, 10.0]])
    predicted = target * torch.tensor([[1.1, 0.9, 1.0], [2.0, 0.5, 1.3]])
    error = relative_error(predicted.log(), target.log())
    torch.testing.assert_close(error, predicted / target - 1)
    torch.testing.assert_close(relative_error_loss(predicted.log(), target.log()), error.square().mean())
    torch.testing.assert_close(as_cost(predicted.log()).energy_j, predicted[:, 1])


def test_far_too_high_predictions_are_charged_by_the_tangent() -> None:
    ratio = torch.tensor([0.999, 1.001, 50.0], dtype=torch.float64, requires_grad=True)  # log of prediction over target
    charges = torch.stack([relative_error_loss(each[None, None], torch.zeros(1, 1).double()) for each in ratio])
    (slope,) = torch.autograd.grad(charges.sum(), ratio)
    tangent = 2 * np.e * (np.e - 1)
    assert slope.tolist() == pytest.approx([tangent, tangent, tangent], rel=0.01)
    assert charges[2].item() == pytest.approx((np.e - 1) ** 2 + 49 * tangent)


# Labels and samples


def test_labels_are_what_the_problem_says() -> None:
    problem = problem_of()
    networks = problem.space.sample(np.random.default_rng(0), 20)[:, problem.space.network]
    probs = torch.zeros(20, sum(COUNTS), dtype=torch.float64)
    probs.scatter_(1, torch.tensor(networks + problem.space.offsets[problem.space.network]), 1.0)
    table = LabelTable.of(problem)
    best = table.best_hardware(probs).numpy()
    np.testing.assert_array_equal(best, problem.best_hardware(networks))
    exact = problem.costs.lookup(networks, best)
    np.testing.assert_allclose(table.on(probs, torch.tensor(best)).latency_s.numpy(), exact.latency_s, rtol=1e-12)
    np.testing.assert_allclose(table.on(probs, torch.tensor(best)).energy_j.numpy(), exact.energy_j, rtol=1e-12)


def two_accelerators(*, ratio: float = 1.0, limit: float | None = None) -> LabelTable:
    """Two network choices of two options; accelerators 1 and 2 cost the same but for rounding, and `ratio`; 0 and 3 more."""
    latency = torch.tensor(
        [[0.3, 0.9, 0.4, 0.8], [0.1, 0.3, 0.2, 0.7], [0.2, 0.7, 0.1, 0.3], [0.5, 0.9, 0.4, 0.8]], dtype=torch.float64
    )
    latency[2] = latency[1] * ratio
    limits = () if limit is None else (Constraint("latency_s", limit),)
    return LabelTable(
        costs=CostTable(
            latency_s=FactorSum.per_choice((2, 2), np.full(4, 0.1), latency.numpy().T),
            energy_j=FactorSum.per_choice((2, 2), np.full(4, 0.1), latency.numpy().T / 3.0),
            area_mm2=np.array([1.0, 3.0, 3.0, 2.5]),
        ).relax(),
        objective=Objective(Linear(latency_s=1.0, energy_j=1.0), weight=1.0, constraints=limits),
    )


@pytest.mark.parametrize("limit", [None, 1e9, 1e-9], ids=["no limit", "met", "exceeded"])
@pytest.mark.parametrize(
    ("ratio", "best"),
    [(1.0, 1), (1.0 - 1e-13, 1), (1.0 + 1e-13, 1), (1.0 - 1e-7, 2), (1.0 + 1e-7, 1)],
    ids=["equal", "less by rounding", "more by rounding", "less", "more"],
)
def test_accelerators_that_tie_get_one_label(ratio: float, best: int, limit: float | None) -> None:
    probs = torch.tensor(sample_probs((2, 2), np.random.default_rng(0), rows=100, settings=SamplingSettings()))
    table = two_accelerators(ratio=ratio, limit=limit)
    assert table.best_hardware(probs).tolist() == [best] * 100


def test_labels_do_not_depend_on_how_networks_are_batched() -> None:
    table = two_accelerators(ratio=1.0 + 1e-15)
    probs = torch.tensor(sample_probs((2, 2), np.random.default_rng(1), rows=333, settings=SamplingSettings()))
    whole = table.best_hardware(probs)
    assert torch.equal(whole, torch.cat([table.best_hardware(row) for row in probs.split(1)]))
    assert torch.equal(whole.flip(0), table.best_hardware(probs.flip(0)))


def test_a_margin_tightens_the_limits_of_the_labels_where_something_meets_them() -> None:
    problem = problem_of()
    counts = network_option_counts(problem)
    probs = torch.tensor(sample_probs(counts, np.random.default_rng(0), rows=300, settings=SamplingSettings()))
    free = LabelTable.of(problem)
    latency = free.on_all_hardware(probs).latency_s
    limit = float(latency.min(dim=1).values.median()) / 0.95  # half of the networks can be served within the margin
    limited = replace(free, objective=replace(free.objective, constraints=(Constraint("latency_s", limit),)))
    plain, careful = (limited.best_hardware(probs, margin=margin) for margin in (0.0, 0.05))
    assert (plain != careful).any()
    servable = latency.min(dim=1).values <= 0.95 * limit
    assert servable.any()
    assert not servable.all()
    assert (free.on(probs, careful).latency_s[servable] <= 0.95 * limit * (1 + 1e-9)).all()
    assert torch.equal(careful[~servable], plain[~servable])


def test_labels_of_layers_without_a_mapping_are_large_but_finite() -> None:
    table = LabelTable.of(synthetic_problem(0, option_counts=COUNTS, unmappable=50))
    largest = problem_of().costs.latency_s.largest_finite
    one_hots = torch.eye(sum(COUNTS), dtype=torch.float64)  # each option alone
    latency = table.on_all_hardware(one_hots).latency_s
    assert latency.isfinite().all()
    assert latency.max().item() <= (UNMAPPABLE_FACTOR + 1) * largest
    assert int((latency > 2 * largest).sum()) == 50


def test_held_out_networks_are_never_trained_on() -> None:
    problem, sampling = problem_of(), SamplingSettings()
    for held_out in (False, True):
        data = make_data(problem, networks=200, pairs=500, sampling=sampling, seed=0, held_out=held_out)
        assert data.network_probs.shape == (200, sum(COUNTS))
        assert data.pair_log_cost.shape == (500, 3)
        assert data.cost_model_queries == 200 * 54 + 500
        blocks = data.network_probs.split(COUNTS, dim=1)
        networks = torch.stack([block.argmax(dim=1) for block in blocks], dim=1).numpy()
        assert (is_held_out(networks, sampling.held_out) == held_out).all()
        assert (data.network_probs.max(dim=1).values < 1).any(), "mixed networks are among the samples"


@pytest.mark.parametrize(
    ("share", "held_out", "message"),
    [
        (0.01, True, "space of 4 seems to be held out; hold out a larger"),
        (0.99, False, "left to train on; hold out a smaller"),
    ],
    ids=["none held out", "all held out"],
)
def test_a_space_too_small_to_divide_is_refused(share: float, held_out: bool, message: str) -> None:
    settings = SamplingSettings(held_out=share)
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=message):
        sample_probs((2, 2), rng, rows=3, settings=settings, held_out=held_out)
    assert len(sample_probs((2, 2), rng, rows=3, settings=settings, held_out=not held_out)) == 3


# Training


def test_muon_moves_by_orthogonal_matrices() -> None:
    for shape in ((12, 5), (5, 12), (8, 8)):
        matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        singular = torch.linalg.svdvals(orthogonal(matrix))
        assert 0.6 < singular.min() <= singular.max() < 1.3
        u, _, v = torch.linalg.svd(matrix, full_matrices=False)
        assert (orthogonal(matrix) * (u @ v)).sum() > 0.9 * min(shape) * singular.min(), "the nearest orthogonal matrix"


def test_muons_step_is_momentum_made_orthogonal_and_decay() -> None:
    weight = nn.Parameter(torch.eye(4, 2))
    optimizer = Muon([weight], lr=0.1, momentum=0.5, weight_decay=0.2)
    gradients = [torch.randn(4, 2, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    expected, mean = weight.detach().clone(), torch.zeros(4, 2)
    for gradient in gradients:
        weight.grad = gradient.clone()
        optimizer.step()
        mean = 0.5 * mean + 0.5 * gradient
        expected = expected * 0.98 - 0.1 * np.sqrt(2.0) * orthogonal(0.5 * gradient + 0.5 * mean)
        torch.testing.assert_close(weight.detach(), expected)


@pytest.mark.parametrize("loop", [{"matrix_rate": 0.0}, {"frozen_norms": 0.0}, {"frozen_norms": 1.0}], ids=str)
def test_either_optimizer_and_any_share_of_frozen_norms_learns(loop: dict[str, float]) -> None:
    problem = problem_of()
    settings = replace(
        SMALL,
        pairs=4_000,
        generator=replace(SMALL.generator, epochs=8, **loop),
        estimator=replace(SMALL.estimator, epochs=4, **loop),
    )
    untrained = Evaluator.untrained(evaluator_shape(problem, settings), seed=0).frozen()
    with torch_threads(1):
        ours, _ = train_evaluator(problem, settings)
    before, after = (
        quality(problem, each, settings, networks=200, pairs=500, single=False) for each in (untrained, ours)
    )
    assert after.all_heads > before.all_heads + 20
    assert min(after.estimator.values()) > 85


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1; got 0"),
        ({"epochs": 1, "learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"epochs": 1, "frozen_norms": 1.5}, "frozen_norms must be a share of the steps"),
    ],
    ids=["epochs", "rate", "frozen norms"],
)
def test_a_training_that_means_nothing_is_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingLoop(**wrong)


def test_a_margin_that_means_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="margin must be a share of the limits"):
        replace(TINY, margin=1.0)


def test_training_reduces_the_held_out_error(trained: dict[bool, Evaluator]) -> None:
    problem = problem_of()
    untrained = Evaluator.untrained(evaluator_shape(problem, SMALL), seed=0).frozen()
    untrained.estimator.log_scale.copy_(trained[True].estimator.log_scale)  # so that it starts from the mean cost
    before, after = (
        quality(problem, each, SMALL, networks=300, pairs=3000, single=False) for each in (untrained, trained[True])
    )
    assert min(after.estimator.values()) > 90.0 > 85.0 > min(before.estimator.values())
    for metric, accuracy in after.estimator.items():
        assert accuracy > before.estimator[metric]
    assert after.all_heads > 2 * before.all_heads
    assert after.regret_mean < 5.0 < before.regret_mean
    assert np.mean(list(after.heads.values())) > np.mean(list(after.commonest.values()))


def global_states() -> list[object]:
    """The states that others draw from, and torch's threads."""
    numpy_state = np.random.get_state()[1].tolist()  # noqa: NPY002
    return [random.getstate(), numpy_state, torch.get_rng_state().tolist(), torch.get_num_threads()]


def test_training_is_the_same_to_the_bit_and_leaves_global_state_alone() -> None:
    reported: list[tuple[str, int, int]] = []
    before = global_states()
    with torch_threads(1):
        first, bill = train_evaluator(problem_of(), TINY, progress=lambda *each: reported.append(each))
        assert global_states()[:3] == before[:3]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)  # nothing may depend on it
            again, _ = train_evaluator(problem_of(), TINY)
        other, _ = train_evaluator(problem_of(), replace(TINY, seed=1))
    assert global_states() == before
    assert same_weights(first, again)
    assert not same_weights(first, other)
    assert (bill.samples, bill.cost_model_queries) == (64 + 256, 64 * 54 + 256)
    assert reported[1] == ("generator", 2, 2)
    assert reported[-1] == ("estimator", 4, 4)


def test_an_estimator_without_forwarding_is_trained_for_as_many_steps() -> None:
    steps: dict[bool, int] = {}
    for forwarding in (True, False):

        def note(what: str, done: int, total: int, forwarding: bool = forwarding) -> None:
            if what == "estimator":
                steps[forwarding] = done

        settings = replace(TINY, feature_forwarding=forwarding)
        with torch_threads(1):
            train_evaluator(problem_of(), settings, progress=note)
    assert steps == {True: 256 // 64, False: 4 * (64 // 64)}


@pytest.mark.parametrize("name", ["networks", "pairs"])
def test_too_few_samples_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"at least two {name} to train on; got 1"):
        replace(TINY, **{name: 1})


# Cache


def test_the_second_load_reads_the_same_weights(tmp_path: Path) -> None:
    problem = problem_of()
    first, bill, cached = load_or_train(problem, TINY, folder=tmp_path)
    assert not cached
    again, bill_again, cached_again = load_or_train(problem, TINY, folder=tmp_path)
    assert cached_again
    assert same_weights(first, again)
    assert bill == bill_again
    assert not again.training
    assert [path.name for path in tmp_path.glob("*.safetensors")] == [
        evaluator_path(problem, TINY, folder=tmp_path).name
    ]
    probs = probs_of(5)
    assert torch.equal(first(probs)[0].latency_s, again(probs)[0].latency_s)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    path.write_bytes(b"not an evaluator at all" * 100)


def one_bit_flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(bytes(content))


def other_tensors(path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, path)


def one_tensor_gone(path: Path) -> None:
    tensors = load_file(path)
    tensors.pop("estimator.log_scale")
    save_file(tensors, path)


def edited(path: Path, name: str, old: str, new: str) -> None:
    """Change a text of the same length in the file's metadata."""
    metadata = EvaluatorFile.load(path)._described()
    assert old in metadata[name]
    content = path.read_bytes()
    assert content.count(json.dumps(metadata[name]).encode()) == 1
    value = json.dumps(metadata[name])
    path.write_bytes(
        content.replace(value.encode(), value.replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1]).encode())
    )


def another_bill(path: Path) -> None:
    edited(path, "bill", '"samples": 320', '"samples": 920')


def other_settings(path: Path) -> None:
    edited(path, "settings", '"pairs": 256', '"pairs": 257')


def another_key(path: Path) -> None:
    content = EvaluatorFile.load(path)
    replace(content, key=content.key[::-1]).save(path)


@pytest.mark.parametrize(
    "damage",
    [
        truncated,
        emptied,
        foreign,
        one_bit_flipped,
        other_tensors,
        one_tensor_gone,
        another_bill,
        other_settings,
        another_key,
    ],
)
def test_a_damaged_file_is_noticed_and_trained_again(tmp_path: Path, damage) -> None:
    problem = problem_of()
    with torch_threads(1):
        first, _, _ = load_or_train(problem, TINY, folder=tmp_path)
        damage(evaluator_path(problem, TINY, folder=tmp_path))
        with pytest.warns(RuntimeWarning, match=r"the cached evaluator .*safetensors is damaged .*; training it again"):
            again, _, cached = load_or_train(problem, TINY, folder=tmp_path)
        assert not cached
        assert same_weights(first, again)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert load_or_train(problem, TINY, folder=tmp_path)[2]


def test_the_key_tells_apart_what_training_depends_on() -> None:
    problem = problem_of()
    key = evaluator_key(problem, TINY)
    assert key == evaluator_key(problem_of(), TINY)
    weighted = replace(problem, objective=Objective(problem.objective.cost_function, weight=7.0))
    assert evaluator_key(weighted, TINY) == key, "lambda2 does not change the evaluator"
    others = (
        evaluator_key(problem_of(1), TINY),
        evaluator_key(problem, replace(TINY, seed=1)),
        evaluator_key(problem, replace(TINY, feature_forwarding=False)),
        evaluator_key(problem, replace(TINY, sampling=SamplingSettings(one_hot=0.5))),
        evaluator_key(problem, replace(TINY, generator=replace(TINY.generator, learning_rate=1e-3))),
        evaluator_key(problem, replace(TINY, margin=0.01)),
    )
    assert len({key, *others}) == 7


def test_no_flipped_bit_changes_what_a_file_says(tmp_path: Path) -> None:
    """Wherever it is: in the header, in the metadata, in a tensor."""
    problem = problem_of()
    load_or_train(problem, TINY, folder=tmp_path)
    path = evaluator_path(problem, TINY, folder=tmp_path)
    good, whole = EvaluatorFile.load(path), path.read_bytes()
    header = int.from_bytes(whole[:8], "little")
    rng = np.random.default_rng(0)
    noticed = 0
    for position in [*rng.integers(0, 8 + header, 250), *rng.integers(8 + header, len(whole), 50)]:
        content = bytearray(whole)
        content[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(content))
        try:
            found = EvaluatorFile.load(path)
        except DamagedEvaluator:
            noticed += 1
            continue
        assert (found.key, found.settings, found.bill) == (good.key, good.settings, good.bill)
        assert found.tensors.keys() == good.tensors.keys()
        assert all(torch.equal(found.tensors[name], good.tensors[name]) for name in good.tensors)
    assert noticed > 250


def test_a_file_holds_exactly_the_evaluator_that_was_trained(tmp_path: Path) -> None:
    with torch_threads(1):
        evaluator, bill = train_evaluator(problem_of(), TINY)
    content = EvaluatorFile.of(evaluator, key="k", settings="{}", bill=bill)
    assert content.tensors["generator.heads.weight"].dtype == torch.float16
    content.save(tmp_path / "one.safetensors")
    again = EvaluatorFile.load(tmp_path / "one.safetensors").evaluator(evaluator_shape(problem_of(), TINY))
    assert same_weights(evaluator, again)
    assert not any(weight.requires_grad for weight in again.parameters())


class Energy:
    """A cost function of a user's own, without a fingerprint."""

    def __call__(self, cost: object) -> object:
        return cost.energy_j * 1e3


class NamedEnergy(Energy):
    def fingerprint(self) -> str:
        return "energy, mJ"


def with_cost(cost_function: object) -> Problem:
    return replace(problem_of(), objective=Objective(cost_function, weight=1.0))


def test_what_has_no_fingerprint_is_not_cached(tmp_path: Path) -> None:
    for cost_function in (Energy(), lambda cost: cost.energy_j * 1e3):
        problem = with_cost(cost_function)
        assert evaluator_key(problem, TINY) is None
        assert evaluator_path(problem, TINY) is None
        with torch_threads(1):
            assert not load_or_train(problem, TINY, folder=tmp_path)[2]
            assert not load_or_train(problem, TINY, folder=tmp_path)[2]
    assert list(tmp_path.iterdir()) == []
    assert evaluator_key(with_cost(NamedEnergy()), TINY) is not None


def test_the_key_changes_with_any_module_that_training_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = set(digested_modules(*store._CODE))
    room = "solvers.methods.dance.evaluator"
    assert {
        f"{room}.{name}" for name in ("data", "estimator", "generator", "labels", "layers", "muon", "sampling")
    } <= modules
    assert {"dance_env.objective.objective", "dance_env.cost.cost", "solvers.methods.gradient.options"} <= modules
    assert not any(name.startswith("dance_env.problem") for name in modules), "a problem counts by value"
    key = evaluator_key(problem_of(), TINY)
    for edited_module in ("labels", "muon"):
        path = Path(sys.modules[f"{room}.{edited_module}"].__file__)
        with monkeypatch.context() as edited:
            edited.setitem(source_digest._texts, path, path.read_bytes() + b"# edited")
            assert evaluator_key(problem_of(), TINY) != key
    assert evaluator_key(problem_of(), TINY) == key
    assert evaluator_key(with_cost(NamedEnergy()), TINY) != key


# What comes with the package


def test_the_shipped_evaluators_are_up_to_date() -> None:
    remedy = "run: python -m solvers.methods.dance.evaluator.ship"
    assert ship.stale() == [], remedy
    for path in SHIPPED.glob("*.safetensors"):
        assert path.stem in ship.SHIPMENTS
        assert path.stat().st_size <= ship.MOST_BYTES == 1_000_000


@pytest.mark.parametrize("settings", [PAPER, MUON], ids=["dance", "dance-refined"])
def test_on_the_default_task_nothing_is_trained(settings, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(store, "train_evaluator", None)
    problem = make_problem("macro-cifar10/balanced")
    evaluator, bill, trained_before = load_or_train(problem, settings, folder=tmp_path)
    assert trained_before
    assert list(tmp_path.iterdir()) == []
    assert bill.samples == settings.networks + settings.pairs
    assert bill.seconds > 5.0
    found = quality(problem, evaluator, settings, networks=1000, pairs=2000, single=False)
    assert min(found.heads.values()) > 90.0
    assert min(found.estimator.values()) > 98.5


def test_a_shipped_evaluator_serves_its_own_key_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = problem_of()
    key = evaluator_key(problem, TINY)
    evaluator, bill = train_evaluator(problem, TINY)
    EvaluatorFile.of(evaluator, key=key, settings="{}", bill=bill).save(tmp_path / "shipped" / "a.safetensors")
    (tmp_path / "shipped" / "b.safetensors").write_bytes(b"damaged")
    monkeypatch.setattr(store, "SHIPPED", tmp_path / "shipped")
    cache = tmp_path / "cache"
    assert load_or_train(problem, TINY, folder=cache)[2]
    assert not cache.exists()
    with pytest.warns(RuntimeWarning, match="shipped evaluator .*b.safetensors is damaged"):
        assert not load_or_train(problem, replace(TINY, seed=1), folder=cache)[2]


def test_stale_shipments_are_named_and_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(ship, "SHIPMENTS", {"one": ("synthetic", TINY), "two": ("synthetic", replace(TINY, seed=1))})
    monkeypatch.setattr(ship, "make_problem", lambda name: problem_of())
    assert ship.stale(tmp_path) == ["one", "two"]
    ship.ship("one", tmp_path)
    assert ship.stale(tmp_path) == ["two"]
    (tmp_path / "two.safetensors").write_bytes((tmp_path / "one.safetensors").read_bytes())
    assert ship.stale(tmp_path) == ["two"]
    monkeypatch.setattr(ship, "stale", lambda: ["two"])
    assert ship.main(["--check"]) == 1
    assert capsys.readouterr().out == "one: up to date\ntwo: missing or stale\n"


# The command


@pytest.fixture
def on_synthetic(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments of a run of seconds on a synthetic problem, its cache in a folder of its own."""
    monkeypatch.setattr(evaluator_command, "problem_of", lambda name, scale, work: problem_of())
    return ["--networks", "64", "--pairs", "256", "--test-networks", "50", "--test-pairs", "100"]


def test_the_command_trains_reports_and_keeps(on_synthetic: list[str], own_cache: Path, tmp_path: Path, capsys) -> None:
    assert main([*on_synthetic, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    for figure in ("generator: PE_X", "generator: dataflow", "estimator: latency", "whole: area", "regret, median"):
        assert printed.count(figure) == 2, "once for mixed and once for single networks"
    row = next(line for line in printed.splitlines() if "mixed" in line and "generator: PE_X" in line)
    content = json.loads((tmp_path / "out" / "evaluator.json").read_text())
    assert row.split()[-3:-1] == ["98.90", f"{content['held_out']['mixed networks']['heads']['pe_x']:.2f}"]
    assert content["settings"]["networks"] == 64
    assert content["bill"]["cost_model_queries"] == 64 * 54 + 256
    assert (own_cache / "evaluators" / content["evaluator"]).is_file()
    assert "loaded from the cache" not in printed

    assert main(on_synthetic) == 0
    again = capsys.readouterr().out
    assert "loaded from the cache" in again
    assert row in again.splitlines()


def test_the_command_without_forwarding_has_no_estimator_of_its_own(on_synthetic: list[str], capsys) -> None:
    assert main([*on_synthetic, "--no-forwarding"]) == 0
    printed = capsys.readouterr().out
    assert "without feature forwarding" in printed
    assert "estimator: " not in printed
    assert printed.count("whole: latency") == 2


@pytest.mark.parametrize("preset", ["dance", "dance-laptop", "dance-refined", "laptop", "paper"])
def test_every_preset_is_one_of_the_commands(
    on_synthetic: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preset: str
) -> None:
    quick = TrainingLoop(epochs=1, batch=32)
    known = evaluator_command._PRESETS
    monkeypatch.setitem(known, preset, replace(known[preset], generator=quick, estimator=quick))
    out = tmp_path / preset
    assert main([*on_synthetic, "--preset", preset, "--margin", "0.05", "--out", str(out)]) == 0
    settings = json.loads((out / "evaluator.json").read_text())["settings"]
    assert (settings["margin"], settings["networks"], settings["pairs"]) == (0.05, 64, 256)
    assert settings["estimator_width"] == known[preset].estimator_width


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--networks", "1"], "at least two networks"),
        (["--device", "abacus"], "torch cannot compute on device 'abacus'"),
        (["--margin", "1"], "margin must be a share of the limits"),
    ],
)
def test_a_mistake_is_one_clear_line(on_synthetic: list[str], capsys, arguments: list[str], message: str) -> None:
    assert main([*on_synthetic, *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("evaluator: ")
    assert message in error
    assert error.count("\n") == 1


def test_an_unknown_task_is_answered_with_the_nearest(own_cache: Path, capsys) -> None:
    assert main(["--task", "tinny"]) == 2
    assert "tiny" in capsys.readouterr().err


def test_figures_that_nothing_was_measured_for_are_null() -> None:
    nothing = Quality({}, 1.0, {}, 1, {}, {}, float("nan"), 2.0, float("nan"), 0.0)
    found = evaluator_command._finite(nothing.__dict__)
    assert (found["regret_mean"], found["regret_median"], found["estimator"]) == (None, 2.0, {})
