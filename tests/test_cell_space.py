"""NAS-Bench-201's networks: published counts, an independent implementation, graphs; and the tasks on them."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from dance_env import AcceleratorSpace, AnalyticalCostModel, make_problem, optimum
from dance_env.cost import EDGE_LPDDR4
from dance_env.graph import (
    CELL_OPERATORS,
    CellSpace,
    LayerGraph,
    graph_from_dict,
    graph_to_dict,
    layer_row,
    nb201_cifar10,
)
from dance_env.graph.cell_space import EDGES
from dance_env.graph.nodes import Input, MeanPool, Zero
from dance_env.problem import TabulatedTrainingTime
from dance_env.tasks import get_task
from solvers import cli

SPACE = nb201_cifar10()
EDGE_NAMES = [f"edge{start}{end}" for start, end in EDGES]
ALL_NONE, ALL_3X3 = [0] * 6, [3] * 6


def test_counts_are_those_that_the_benchmark_publishes():
    """The least and the most of all networks, in millions; the benchmark counts the classifier's 10 biases as FLOPs."""
    everything = np.array(list(itertools.product(range(5), repeat=6)))
    macs, parameters = SPACE.macs(everything), SPACE.parameters(everything)
    assert SPACE.size == len(everything) == 15_625
    assert (parameters.min(), parameters.max()) == (73_306, 1_531_546)
    assert (macs.min() + 10, macs.max() + 10) == (7_783_050, 220_119_690)
    assert SPACE.macs([ALL_NONE, ALL_3X3]).tolist() == [macs.min(), macs.max()]


def reference_network(operators: list[str]):
    """The network as the paper describes it, written with torch alone."""
    torch = pytest.importorskip("torch")
    nn = torch.nn

    def nor_conv(c: int, k: int, kernel: int, stride: int = 1):
        conv = nn.Conv2d(c, k, kernel, stride, kernel // 2, bias=False)
        return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(k))

    class Nothing(nn.Module):
        def forward(self, x):
            return x * 0.0

    def operation(name: str, c: int):
        return {
            "none": Nothing,
            "skip_connect": nn.Identity,
            "nor_conv_1x1": lambda: nor_conv(c, c, 1),
            "nor_conv_3x3": lambda: nor_conv(c, c, 3),
            "avg_pool_3x3": lambda: nn.AvgPool2d(3, 1, 1, count_include_pad=False),
        }[name]()

    class Cell(nn.Module):
        def __init__(self, c: int):
            super().__init__()
            self.edges = nn.ModuleList(operation(name, c) for name in operators)

        def forward(self, x):
            one = self.edges[0](x)
            two = self.edges[1](x) + self.edges[2](one)
            return self.edges[3](x) + self.edges[4](one) + self.edges[5](two)

    class Reduction(nn.Module):
        def __init__(self, c: int, k: int):
            super().__init__()
            self.main = nn.Sequential(nor_conv(c, k, 3, 2), nor_conv(k, k, 3))
            self.beside = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(c, k, 1, bias=False))

        def forward(self, x):
            return self.beside(x) + self.main(x)

    parts = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), *(Cell(16) for _ in range(5))]
    parts += [Reduction(16, 32), *(Cell(32) for _ in range(5)), Reduction(32, 64), *(Cell(64) for _ in range(5))]
    parts += [nn.BatchNorm2d(64), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    return nn.Sequential(*parts)


@pytest.mark.parametrize("seed", range(3))
def test_a_network_computes_and_counts_what_the_papers_does(seed):
    torch = pytest.importorskip("torch")
    from dance_env.graph.to_torch import build

    network = np.random.default_rng(seed).integers(0, 5, 6)
    reference = reference_network([CELL_OPERATORS[each] for each in network]).eval()
    macs = []
    for module in reference.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(
                lambda conv, _, out: macs.append(conv.weight.numel() * out.shape[2] * out.shape[3])
            )
        elif isinstance(module, torch.nn.Linear):
            macs.append(module.weight.numel())
    ours = build(SPACE.graph(network)).eval()
    assert SPACE.parameters(network[None])[0] == sum(each.numel() for each in reference.parameters())
    _share(reference, ours)
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        expected = reference(images)
        assert torch.allclose(ours(images), expected, rtol=1e-4, atol=1e-5)
    assert SPACE.macs(network[None])[0] == sum(macs)


def _share(reference, ours) -> None:
    """Copy the weights: both list convolutions, batch norms and the classifier in the paper's order."""
    torch = pytest.importorskip("torch")
    kinds = (torch.nn.Conv2d, torch.nn.BatchNorm2d, torch.nn.Linear)
    there = [module for module in reference.modules() if isinstance(module, kinds)]
    here = [module for module in ours.modules() if isinstance(module, kinds)]
    assert len(there) == len(here)
    for mine, its in zip(here, there, strict=True):
        mine.load_state_dict(its.state_dict())


def test_the_graph_has_the_layers_of_the_parts():
    for network in ([0, 1, 2, 3, 4, 3], ALL_NONE):
        graph = SPACE.graph(np.array(network))
        parts = [layer for part, option in zip(SPACE.parts(), network, strict=True) for layer in part.layers[option]]
        expected = sorted((*SPACE.fixed_layers(), *parts), key=lambda layer: layer.name)
        assert sorted(graph.layers(), key=lambda layer: layer.name) == expected
        assert graph_from_dict(graph_to_dict(graph)) == graph
        assert graph.parameters == SPACE.parameters([network])[0]


def test_pools_and_zeros_have_shapes_and_limits():
    graph = LayerGraph("x")
    image = graph.add("input", Input(4, 7, 7))
    assert graph.shape(graph.add("pool", MeanPool(3, 2), inputs=(image,))) == (4, 4, 4)
    assert graph.shape(graph.add("zero", Zero(), inputs=(image,))) == (4, 7, 7)
    with pytest.raises(ValueError, match="windows of 2 divide, found 7, 7"):
        graph.add("even", MeanPool(2, 2), inputs=(image,))
    with pytest.raises(ValueError, match="must be odd, or equal its stride"):
        MeanPool(2)
    with pytest.raises(ValueError, match="all numbers must be at least 1"):
        CellSpace("x", (3, 8, 8), 10, cells=0)


# ------------------------------------------------------------------------------------------------------------ the tasks
def table(path, *, hours: bool = False) -> np.ndarray:
    """Write made-up errors of all networks, in any order; return them in C order."""
    everything = list(itertools.product(CELL_OPERATORS, repeat=6))
    errors = np.random.default_rng(1).uniform(5, 30, len(everything))
    lines = [",".join([*EDGE_NAMES, "error_pct", *["training_gpu_hours"] * hours])]
    for row in np.random.default_rng(0).permutation(len(everything)):
        lines.append(",".join([*everything[row], repr(float(errors[row])), *["2.5"] * hours]))
    path.write_text("\n".join(lines))
    return errors


def test_the_task_takes_the_users_table(tmp_path):
    errors = table(tmp_path / "nb201.csv", hours=True)
    problem = make_problem("nb201-cifar10", accuracy_table=tmp_path / "nb201.csv")
    assert problem.space.size == 216_750_000
    networks = np.array([ALL_NONE, [0, 0, 0, 0, 0, 1], ALL_3X3])
    ranks = np.ravel_multi_index(tuple(networks.T), (5,) * 6)
    assert problem.accuracies(networks) == pytest.approx(1 - errors[ranks] / 100, rel=1e-12)
    assert isinstance(problem.training_time, TabulatedTrainingTime)
    assert problem.training_gpu_hours(networks).tolist() == [2.5] * 3
    table(tmp_path / "nb201.csv")
    assert make_problem("nb201-cifar10/edap", accuracy_table=tmp_path / "nb201.csv").training_gpu_hours(networks)[0] > 0


def test_without_a_table_the_task_says_what_it_needs(capsys):
    with pytest.raises(ValueError, match="needs a table of accuracies, which does not ship"):
        make_problem("nb201-cifar10/edap")
    assert get_task("nb201-cifar10").needs_table
    assert cli.main(["tasks"]) == 0
    listed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("nb201-cifar10/")]
    assert len(listed) == 6
    assert all(re.search(r"enumerated .*\(needs --accuracy-table\)$", line) for line in listed)


def test_the_exact_optimum_is_that_of_brute_force(tmp_path):
    """On four accelerators; the task itself has 13,872."""
    errors = table(tmp_path / "nb201.csv")
    (tmp_path / "task.toml").write_text(
        'name = "x"\nnetwork = { kind = "catalog", name = "nb201-cifar10" }\naccuracy = { table = "nb201.csv" }\n'
        '[accelerator]\npe_x = [8, 16]\npe_y = [16]\nrf_words = [8]\ndataflow = ["WS", "OS"]\n'
        '[objective]\nlinear = { energy_j = 5e3, area_mm2 = 0.5 }\nlimits = { latency_s = "0.5 ms" }\n'
    )
    hardware = AcceleratorSpace((8, 16), (16,), (8,), ("WS", "OS")).hardware()
    model = AnalyticalCostModel(technology=EDGE_LPDDR4)
    rows = sorted({layer_row(layer) for layer in SPACE.graph(np.array([2, 3, 2, 3, 2, 3])).layers()})
    cost = model.evaluate_layers(np.array(rows), hardware)
    by_row = {row: np.stack([cost.latency_s[i], cost.energy_j[i]]) for i, row in enumerate(rows)}

    def total(network: list[int]) -> np.ndarray:
        return sum(by_row[layer_row(layer)] for layer in SPACE.graph(np.array(network)).layers())

    base, one, three = total(ALL_NONE), total([2, 0, 0, 0, 0, 0]), total([3, 0, 0, 0, 0, 0])
    networks = np.array(list(itertools.product(range(5), repeat=6)))
    counts = [(networks == option).sum(axis=1)[:, None] for option in (2, 3)]
    latency, energy = (base[i] + counts[0] * (one - base)[i] + counts[1] * (three - base)[i] for i in (0, 1))
    objective = errors[:, None] + 5e3 * energy + 0.5 * model.area_mm2(hardware)
    objective = np.where(latency <= 0.5e-3, objective, np.inf)
    found = optimum(make_problem(str(tmp_path / "task.toml")))
    network, accelerator = np.unravel_index(objective.argmin(), objective.shape)
    assert found.objective == pytest.approx(objective.min(), rel=1e-12)
    assert found.design[:6].tolist() == networks[network].tolist()
    assert found.evaluation.cost.latency_s[0] == pytest.approx(latency[network, accelerator], rel=1e-12)
