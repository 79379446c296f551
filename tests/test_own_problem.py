"""A problem of one's own: spaces, operators, accuracies and the example that puts them together."""

from __future__ import annotations

import csv
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dance_env import AcceleratorSpace, CoDesignEnv, Problem
from dance_env.accuracy import TensorAccuracy
from dance_env.analysis.exact import optimum
from dance_env.graph import BlockSpace, Layer, LayerSpace, NetworkSpace, Slot, tiny
from dance_env.graph.operators import MBConv
from dance_env.objective import Linear, Objective
from dance_env.space import Choice, Hardware

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
OBJECTIVE = Objective(Linear(energy_j=500.0), weight=1.0)
SMALL = AcceleratorSpace(pe_x=(8, 16), pe_y=8, rf_words=(8, 16), dataflow=("WS",))


@pytest.fixture(scope="module")
def example() -> dict[str, object]:
    return runpy.run_path(str(EXAMPLES / "own_problem.py"))


def _layer(name: str, width: int) -> Layer:
    return Layer(name, "pointwise", k=width, c=32, p=16, q=1, r=1, s=1)


def _layer_space() -> LayerSpace:
    wide = {"none": (), "one": (_layer("one", 32),), "two": (_layer("one", 32), _layer("two", 64))}
    return LayerSpace("mlp", fixed=(_layer("first", 8),), options={"block1": wide, "block2": {"a": (_layer("a", 16),)}})


# ------------------------------------------------------------------------------------------------------- the example
def test_the_example_runs_and_finds_no_better_than_the_optimum(capsys):
    sys_argv = ["own_problem.py", "--budget", "60"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", sys_argv)
        runpy.run_path(str(EXAMPLES / "own_problem.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "51,200 designs; minimize error + 1 x (energy / 50 µJ + area / 2 mm²), latency <= 100 µs" in printed
    found = {line.split()[0]: float(line.split()[1]) for line in printed.splitlines() if "{'block1'" in line}
    assert set(found) == {"random", "evolution", "dance-exact", "exact"}
    assert min(found.values()) == found["exact"]


def test_the_examples_problem_reads_accuracies_from_a_table(example, tmp_path):
    networks = example["NETWORKS"]
    space = Problem.build(
        "x",
        network_space=networks,
        accelerator_space=SMALL,
        accuracy=lambda n: 0.5 + 0.0 * n[:, 0],
        objective=OBJECTIVE,
    ).space
    names = [choice.name for choice in networks.choices()]
    every = space.decode(np.pad(_all_networks(networks), ((0, 0), (0, 4))))
    lines = [",".join([*names, "accuracy"])]
    lines += [",".join([*(str(each[name]) for name in names), f"{0.5 + i / 1000}"]) for i, each in enumerate(every)]
    table = tmp_path / "accuracy.csv"
    table.write_text("\n".join(lines))
    problem = example["own_problem"](table)
    assert problem.accuracy.evaluate(np.array([[0, 0, 0, 0], [3, 4, 3, 4]])).tolist() == [0.5, 0.5 + 399 / 1000]


def test_an_operator_of_ones_own_is_counted_and_built(example):
    networks = example["NETWORKS"]
    separable = np.array([3, 0, 0, 0])  # sep_k5 in block1: 16 to 32 channels, 32 to 16 rows
    plain = networks.parts()[0].layers[3]
    assert [layer.macs for layer in plain] == [16 * 25 * 16 * 16, 32 * 16 * 16 * 16]
    assert "block1.depthwise" in networks.graph(separable).networkx
    torch = pytest.importorskip("torch")
    from dance_env.graph.to_torch import build

    assert build(networks.graph(separable)).eval()(torch.zeros(2, 3, 64, 64)).shape == (2, 20)


# --------------------------------------------------------------------------------------------------------- operators
def test_a_slot_keeps_its_operators_through_replace(example):
    slot = Slot("block1", ("mb3_k3", example["Separable"](3)), 16, 32, 2, 32)
    assert slot.options == ("mb3_k3", "sep_k3")
    other = replace(slot, name="block2")
    assert other.operators[1] == example["Separable"](3)
    assert Slot("a", (MBConv(3, 3), "zero"), 16, 16, 1, 8).options == ("mb3_k3", "zero")


@pytest.mark.parametrize(
    ("operators", "error", "message"),
    [
        ("mb3_k3", TypeError, "must be a tuple of names, got the string 'mb3_k3'"),
        (("mb3_k3", 5), TypeError, "a name or a value with `name`, `why_not` and `extend`.*got 5"),
        (("mb3_k3", "sep_k3"), ValueError, "there is no operator 'sep_k3'"),
    ],
    ids=["string", "number", "unknown"],
)
def test_what_is_no_operator_is_refused(operators, error, message):
    with pytest.raises(error, match=message):
        Slot("block1", operators, 16, 16, 1, 32)


def test_an_operator_that_gives_another_shape_is_named():
    class Wrong(MBConv):
        name = "wrong"

        def extend(self, graph, after, *, place, style):
            return super().extend(graph, after, place=replace(place, out_channels=8), style=style)

    space = BlockSpace("x", (3, 32, 32), 10, 16, 1, (Slot("b", ("mb3_k3", Wrong(3, 3)), 16, 24, 2, 32),), 64)
    with pytest.raises(ValueError, match=r"slot 'b': operator 'wrong' gives shape \(8, 16, 16\).*\(24, 16, 16\)"):
        space.parts()


# ------------------------------------------------------------------------------------------------------ layer spaces
def test_a_layer_space_makes_a_problem_that_every_view_takes():
    networks = _layer_space()
    problem = Problem.build(
        "mlp",
        network_space=networks,
        accelerator_space=SMALL,
        accuracy=lambda n: 0.5 + 0.2 * n[:, 0],
        objective=OBJECTIVE,
    )
    assert problem.space.size == 3 * 4
    assert networks.macs(np.array([[0, 0], [2, 0]])).tolist() == [
        32 * 16 * (8 + 16),
        32 * 16 * (8 + 16 + 32 + 64),
    ]
    assert optimum(problem).objective < 50.0
    assert problem.space.decode(optimum(problem).design[None])[0]["block1"] == "two"
    env = CoDesignEnv(problem=problem, render_mode="rgb_array")
    env.reset(seed=0)
    env.step(np.zeros(6, dtype=np.int64))
    assert env.render().shape == (560, 1000, 3)
    relaxed = problem.relax()
    assert relaxed.objective is problem.objective


def test_costs_of_a_layer_space_are_those_of_its_layers():
    networks, one = _layer_space(), Hardware.one(16, 8, rf_words=8, dataflow="WS")
    problem = Problem.build(
        "mlp",
        network_space=networks,
        accelerator_space=SMALL,
        accuracy=lambda n: 0.5 + 0.0 * n[:, 0],
        objective=OBJECTIVE,
    )
    from dance_env.cost import EDGE_LPDDR4, AnalyticalCostModel

    model = AnalyticalCostModel(technology=EDGE_LPDDR4)
    layers = (*networks.fixed_layers(), *networks.parts()[0].layers[1], *networks.parts()[1].layers[0])
    alone = sum(model.breakdown(layer, one).energy_pj for layer in layers) * 1e-12
    design = problem.space.encode(
        [{"block1": "one", "block2": "a", "pe_x": 16, "pe_y": 8, "rf_words": 8, "dataflow": "WS"}]
    )
    assert problem.evaluate(design).cost.energy_j[0] == pytest.approx(alone, rel=1e-9)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: LayerSpace("x", (), {}), ValueError, "there is no choice"),
        (lambda: LayerSpace("x", (), {"a": {}}), ValueError, "choice 'a': at least one option is needed"),
        (lambda: LayerSpace("x", (), {"a": {"o": (3,)}}), TypeError, "a, o: expected a sequence of Layer, got int"),
        (lambda: LayerSpace("x", _layer("l", 8), {"a": {"o": ()}}), None, ""),
    ],
    ids=["no choice", "no option", "no layer", "one layer"],
)
def test_what_is_no_layer_space_is_refused(make, error, message):
    if error is None:
        assert make().fixed_layers() == (_layer("l", 8),)
    else:
        with pytest.raises(error, match=message):
            make()


# -------------------------------------------------------------------------------------------------------- accuracies
def _all_networks(networks: NetworkSpace) -> np.ndarray:
    counts = [len(choice) for choice in networks.choices()]
    return np.stack(np.unravel_index(np.arange(np.prod(counts)), counts), axis=1)


def test_a_function_is_asked_about_every_network():
    choices = tiny().choices()
    accuracy = TensorAccuracy.from_function(choices, lambda networks: networks @ np.array([9, 3, 1]) / 100)
    assert accuracy.tensor.shape == (3, 3, 3)
    assert accuracy.evaluate(np.array([[0, 0, 0], [2, 1, 0]])).tolist() == [0.0, 0.21]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda networks: 0.9, r"returned one value, 0.9, for 27 networks. For a function `f` of one network, pass"),
        (lambda network: float(network) / 3, r"failed on 27 networks at once.*TypeError.*For a function `f` of one"),
        (lambda networks: networks[:, :1] / 3, r"asked about 27 networks at once.*shape \(27,\); got shape \(27, 1\)"),
        (lambda networks: networks[:, 0] / 3 - 0.5, r"fractions between 0 and 1; 18 of 27 are not, the first is -0.5"),
        (lambda networks: networks[:, 0] + 90.0, "fractions between 0 and 1.*Divide percentages by 100"),
    ],
    ids=["scalar", "one network", "column", "negative", "percent"],
)
def test_a_function_that_answers_something_else_is_refused(function, message):
    with pytest.raises(ValueError, match=message):
        TensorAccuracy.from_function(tiny().choices(), function)


def test_more_networks_than_a_table_takes_are_refused():
    with pytest.raises(ValueError, match="27 networks are more than the 20 that a table is made of"):
        TensorAccuracy.from_function(tiny().choices(), lambda networks: networks[:, 0] / 3, limit=20)


def _rows() -> list[dict[str, str]]:
    words = ("identity", "mb3_k3", "mb6_k5")
    return [
        {"block2": a, "block4": b, "block7": c, "accuracy": f"0.{i:02d}", "remark": ""}
        for i, (a, b, c) in enumerate((a, b, c) for a in words for b in words for c in words)
    ]


def test_rows_may_stand_in_any_order():
    accuracy = TensorAccuracy.from_rows(tiny().choices(), reversed(_rows()))
    assert accuracy.evaluate(np.array([[0, 0, 1], [2, 2, 2]])).tolist() == [0.01, 0.26]


def test_cells_of_a_file_name_options_that_are_numbers(tmp_path):
    choices = (Choice("kernel", (3, 5), "network", "ordinal"), Choice("kind", ("a", "3"), "network", "nominal"))
    path = tmp_path / "table.csv"
    path.write_text("kernel,kind,accuracy\n3,a,0.1\n3,3,0.2\n5,a,0.3\n 5,3,0.4\n")
    with path.open(newline="") as file:
        accuracy = TensorAccuracy.from_rows(choices, csv.DictReader(file))
    assert accuracy.tensor.tolist() == [[0.1, 0.2], [0.3, 0.4]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[1:], "1 of 27 networks have no row, the first is {'block2': 'identity'"),
        (lambda rows: [*rows, rows[3]], "row 27: this network has a row already"),
        (lambda rows: [{**rows[0], "block4": "mb9"}], "row 0: .*there is no option 'mb9'"),
        (lambda rows: [{**rows[0], "accuracy": "93.1"}], "row 0: expected a fraction.*divide percentages"),
        (lambda rows: [{**rows[0], "accuracy": "high"}], "row 0: could not convert"),
        (lambda rows: [{"block2": "identity"}], "row 0: there is no column 'block4'"),
    ],
    ids=["missing", "twice", "unknown option", "percent", "word", "no column"],
)
def test_a_table_that_does_not_fit_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        TensorAccuracy.from_rows(tiny().choices(), change(_rows()))


# ------------------------------------------------------------------------------------------------- mistakes of a start
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network_space": "tiny"}, "must be a NetworkSpace .* got 'tiny'"),
        ({"accuracy": "table"}, "accuracy must be a model .* or a function .*, got str"),
        ({"objective": "edap"}, "objective must be an Objective, got 'edap'"),
    ],
    ids=["network", "accuracy", "objective"],
)
def test_parts_of_another_kind_are_refused(change, message):
    parts = {
        "network_space": _layer_space(),
        "accelerator_space": SMALL,
        "accuracy": lambda networks: 0.5 + 0.0 * networks[:, 0],
        "objective": OBJECTIVE,
    }
    with pytest.raises(TypeError, match=message):
        Problem.build("x", **{**parts, **change})


def test_sizes_may_come_from_numpy_or_alone():
    space = AcceleratorSpace(np.arange(8, 11), 16, range(8, 17, 8), ("WS",))
    assert (space.pe_x, space.pe_y, space.rf_words) == ((8, 9, 10), (16,), (8, 16))
    assert all(type(size) is int for size in space.pe_x)
    with pytest.raises(TypeError, match=r"must be a tuple of names, such as \('WS',\); got 'WS'"):
        AcceleratorSpace(8, 8, 8, "WS")


def test_one_accelerator_by_name():
    one = Hardware.one(16, 8, rf_words=12, dataflow="RS")
    assert len(one) == 1
    assert [int(each[0]) for each in (one.pe_x, one.pe_y, one.rf_words, one.dataflow)] == [16, 8, 12, 2]
    with pytest.raises(ValueError, match="there is no dataflow 'XS'"):
        Hardware.one(16, 8, rf_words=12, dataflow="XS")


def test_named_designs_and_wrong_generators_are_answered_with_what_to_do():
    space = Problem.build(
        "x",
        network_space=_layer_space(),
        accelerator_space=SMALL,
        accuracy=lambda n: 0.5 + 0.0 * n[:, 0],
        objective=OBJECTIVE,
    ).space
    named = space.decode(np.zeros((1, 6), dtype=np.int64))
    with pytest.raises(TypeError, match=r"turn them with space.encode"):
        space.check(named)
    with pytest.raises(ValueError, match="the option '8' is text, its options are numbers; write 8"):
        space.encode([{**named[0], "pe_x": "8"}])
    with pytest.raises(TypeError, match=r"rng must be a NumPy generator, such as np.random.default_rng\(0\); got 3"):
        space.sample(3, 2)


# ----------------------------------------------------------------------------------------------------- by a file's name
def test_a_problem_in_a_file_goes_by_its_name():
    from dance_env import make_problem
    from solvers import make_solver

    name = f"{EXAMPLES / 'own_problem.py'}:own_problem"
    assert make_problem(name).space.size == 51_200
    assert CoDesignEnv(name).problem.name == "mine"
    assert make_solver("random").solve(name, budget=5, seed=0).task == "mine"
    with pytest.raises(ValueError, match=r"there is no 'own_problm' in .*own_problem\.py\. Did you mean 'own_problem'"):
        make_problem(f"{EXAMPLES / 'own_problem.py'}:own_problm")
    with pytest.raises(ValueError, match=r"names a file but no problem in it; write .*:function"):
        make_problem(str(EXAMPLES / "own_problem.py"))
    with pytest.raises(ValueError, match=r"gives BlockSpace, not a dance_env\.Problem"):
        make_problem(f"{EXAMPLES / 'own_problem.py'}:NETWORKS")
    with pytest.raises(FileNotFoundError, match=r"there is no file nowhere\.py"):
        make_problem("nowhere.py:own_problem")
    with pytest.raises(ValueError, match="does not take accuracy_table: its function decides"):
        make_problem(name, accuracy_table="table.json")


def test_solvers_are_compared_on_a_problem_in_a_file(tmp_path):
    from solvers.comparison.compare import compare
    from solvers.comparison.settings import Settings

    task = f"{EXAMPLES / 'own_problem.py'}:own_problem"
    settings = Settings(tasks=task, solvers=("random", "exhaustive"), seeds=(0,), budget=30, out=tmp_path, workers=1)
    best = {result.solver: result.best_objective for result in compare(settings).results}
    assert best["exhaustive"] <= best["random"]
