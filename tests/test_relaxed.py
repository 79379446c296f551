"""The differentiable view: equal to `evaluate` at the vertices, exact expectations between them, gradients checked."""

from __future__ import annotations

import dataclasses
import itertools
import time

import numpy as np
import pytest

from dance_env.objective import EDAP, Constraint, Linear, Objective
from dance_env.problem import Problem
from dance_env.space import AcceleratorSpace, dance_accelerators
from dance_env.testing import synthetic_problem

torch = pytest.importorskip("torch")

LIMITS = (Constraint("latency_s", 8e-3), Constraint("area_mm2", 2.0), Constraint("error_pct", 15.0))
OBJECTIVES = {
    "linear": Objective(Linear(500.0, 300.0, 2.0), weight=0.7),
    "edap": Objective(EDAP(1e-5), weight=1.3),
    "limits": Objective(EDAP(1e-5), weight=1.0, constraints=LIMITS),
    "error only": Objective(EDAP(), weight=0.0),
}


def problem_with(objective: Objective) -> Problem:
    return dataclasses.replace(synthetic_problem(1), objective=objective)


def tiny_problem() -> Problem:
    space = AcceleratorSpace((8, 16), (8, 16), (4, 8), ("WS", "OS"))
    return synthetic_problem(2, option_counts=(2, 3, 1), accelerators=space)


def halves(problem: Problem, probs: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    tensor = torch.tensor(probs)
    return tensor[:, problem.space.network_options], tensor[:, problem.space.hardware_options]


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_vertices_are_evaluate(objective: Objective) -> None:
    problem = problem_with(objective)
    designs = problem.space.unrank(np.arange(problem.space.size))
    exact = problem.evaluate(designs)
    relaxed = problem.relax()(*halves(problem, problem.space.one_hot(designs)))
    for name in ("accuracy", "objective", "violation", "error_pct"):
        np.testing.assert_allclose(getattr(relaxed, name), getattr(exact, name), rtol=1e-12, atol=1e-12)
    for name in ("latency_s", "energy_j", "area_mm2"):
        np.testing.assert_allclose(getattr(relaxed.cost, name), getattr(exact.cost, name), rtol=1e-12)


def test_single_precision_vertices_are_evaluate_to_1e_6() -> None:
    problem = problem_with(OBJECTIVES["linear"])
    designs = problem.space.sample(np.random.default_rng(0), 100)
    networks, hardware = (each.float() for each in halves(problem, problem.space.one_hot(designs)))
    relaxed = problem.relax(dtype="float32")(networks, hardware)
    assert relaxed.objective.dtype == torch.float32
    np.testing.assert_allclose(relaxed.objective, problem.evaluate(designs).objective, rtol=1e-6)


def test_expected_costs_and_accuracy_are_sums_over_every_design() -> None:
    problem = tiny_problem()
    probs = problem.space.sample_relaxed(np.random.default_rng(3), 4)
    designs = problem.space.unrank(np.arange(problem.space.size))
    one_hot = problem.space.one_hot(designs)
    # (rows, designs): the product of the design's option probabilities.
    weight = np.stack([np.prod(np.where(one_hot > 0, row, 1.0), axis=1) for row in probs])
    np.testing.assert_allclose(weight.sum(axis=1), 1.0)
    exact = problem.evaluate(designs)
    relaxed = problem.relax()(*halves(problem, probs))
    np.testing.assert_allclose(relaxed.accuracy, weight @ exact.accuracy, rtol=1e-12)
    np.testing.assert_allclose(relaxed.objective, weight @ exact.objective, rtol=1e-12)  # the cost is linear
    for name in ("latency_s", "energy_j", "area_mm2"):
        np.testing.assert_allclose(getattr(relaxed.cost, name), weight @ getattr(exact.cost, name), rtol=1e-12)


def test_edap_is_averaged_over_accelerators_of_expected_energy_and_latency() -> None:
    problem = dataclasses.replace(tiny_problem(), objective=Objective(EDAP(1e-5), 1.0))
    probs = problem.space.sample_relaxed(np.random.default_rng(4), 1)
    network, hardware = halves(problem, probs)
    costs, row = problem.costs, network.numpy()[0]
    latency = costs.latency_s.constant + row @ costs.latency_s.rows
    energy = costs.energy_j.constant + row @ costs.energy_j.rows
    blocks = np.split(hardware.numpy()[0], np.cumsum(problem.space.option_counts[problem.space.hardware])[:-1])
    joint = np.array([np.prod(each) for each in itertools.product(*blocks)])
    relaxed = problem.relax()
    edap = joint @ (energy * latency * costs.area_mm2) / 1e-5
    found = relaxed(network, hardware)
    assert float(found.objective - found.error_pct) == pytest.approx(edap, rel=1e-12)
    np.testing.assert_allclose(relaxed.joint(hardware)[0], joint, rtol=1e-14)


def test_on_all_hardware_at_a_vertex_is_evaluate_networks() -> None:
    problem = synthetic_problem(5)
    networks = problem.space.sample(np.random.default_rng(0), 7)[:, problem.space.network]
    one_hot = problem.space.one_hot(np.pad(networks, ((0, 0), (0, 4))))
    relaxed = problem.relax()
    cost = relaxed.on_all_hardware(halves(problem, one_hot)[0])
    exact = problem.evaluate_networks(networks)
    np.testing.assert_allclose(cost.latency_s, exact.cost.latency_s, rtol=1e-14)
    np.testing.assert_allclose(cost.energy_j, exact.cost.energy_j, rtol=1e-14)
    np.testing.assert_array_equal(cost.area_mm2.expand(7, -1), exact.cost.area_mm2)


@pytest.mark.parametrize("objective", [OBJECTIVES["linear"], OBJECTIVES["edap"], OBJECTIVES["limits"]])
def test_gradients_are_those_of_finite_differences(objective: Objective) -> None:
    problem = dataclasses.replace(tiny_problem(), objective=objective)
    relaxed = problem.relax()
    inputs = tuple(
        each.clone().requires_grad_()
        for each in halves(problem, problem.space.sample_relaxed(np.random.default_rng(6), 2))
    )

    def outputs(network: torch.Tensor, hardware: torch.Tensor) -> tuple[torch.Tensor, ...]:
        found = relaxed(network, hardware)
        scaled = (found.cost.latency_s * 1e3, found.cost.energy_j * 1e3, found.cost.area_mm2)
        return (*scaled, found.accuracy, found.objective, found.violation)

    assert torch.autograd.gradcheck(outputs, inputs)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda r, n, h: r(n[:, 1:], h), ValueError, r"network_probs must have shape \(batch, 6\).*got \(2, 5\)"),
        (lambda r, n, h: r(n, h[0]), ValueError, r"hardware_probs must have shape \(batch, 8\)"),
        (lambda r, n, h: r(n, h[:1]), ValueError, "as many rows of network as of hardware probabilities; got 2 and 1"),
        (lambda r, n, h: r(n.float(), h), TypeError, "network_probs must be torch.float64.*got torch.float32"),
        (
            lambda r, n, h: r(n.tolist(), h),
            TypeError,
            r"network_probs must be a torch tensor of shape \(batch, 6\); got list",
        ),
        (lambda r, n, h: r(n[:0], h[:0]), ValueError, r"hardware_probs must have at least one row; got shape \(0, 8\)"),
        (lambda r, n, h: r(n * 10, h), ValueError, r"network_probs must sum to 1 .*choice 0 of row 0 has \[5.0, 5.0\]"),
        (lambda r, n, h: r(n, h * 0), ValueError, r"hardware_probs must sum to 1 .*choice 0 of row 0 has \[0.0, 0.0\]"),
        (lambda r, n, h: r(n * torch.nan, h), ValueError, r"network_probs must sum to 1 .* \[nan, nan\]"),
        (lambda r, n, h: r(_moved(n, 2.0), h), ValueError, "network_probs must be >= 0; got -1.5 in row 1, option 1"),
    ],
)
def test_bad_probabilities_are_refused(call: object, error: type[Exception], message: str) -> None:
    problem = tiny_problem()
    with pytest.raises(error, match=message):
        call(problem.relax(), *halves(problem, problem.space.uniform_relaxed(2)))  # type: ignore[operator]


def _moved(probs: torch.Tensor, by: float) -> torch.Tensor:
    """Probabilities that sum to 1, one of them negative."""
    moved = probs.clone()
    moved[1, 0] += by
    moved[1, 1] -= by
    return moved


@pytest.mark.parametrize("device", ["nope", "cuda:77"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(ValueError, match=f'the device {device!r} cannot be used .*"cpu" always can'):
        tiny_problem().relax(device=device)


def test_unknown_precision_and_unmappable_layers_are_refused() -> None:
    with pytest.raises(ValueError, match="dtype must be one of float64, float32; got 'float16'"):
        tiny_problem().relax(dtype="float16")
    with pytest.raises(ValueError, match=r"cannot be relaxed: 3 .option, accelerator. pairs have no mapping"):
        synthetic_problem(unmappable=3).relax()


def test_one_network_on_every_accelerator_forward_and_backward_in_5_ms() -> None:
    problem = synthetic_problem(0, option_counts=(3,) * 8, accelerators=dance_accelerators())
    problem = dataclasses.replace(problem, objective=OBJECTIVES["limits"])
    relaxed = problem.relax()
    network, hardware = halves(problem, problem.space.uniform_relaxed(1))
    network, hardware = network.clone().requires_grad_(), hardware.clone().requires_grad_()

    def seconds() -> float:
        start = time.process_time()
        relaxed(network, hardware).objective.sum().backward()
        return time.process_time() - start

    # Of the processor, the best of many: what else runs on the machine is not our speed, but takes its caches from us.
    best = float("inf")
    for _ in range(1000):
        best = min(best, seconds())
        if best <= 5e-3:
            return
    pytest.fail(f"the best of 1,000 took {1e3 * best:.1f} ms")
