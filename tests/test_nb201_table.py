"""NATS-Bench's folder becomes the table that the tasks nb201-cifar10 take: on folders in its format, made with its package."""

from __future__ import annotations

import csv
import itertools
import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from dance_env import make_problem
from dance_env.analysis.exact import optimum
from dance_env.graph.cell_space import CELL_OPERATORS
from solvers.cli import main

EXAMPLE = runpy.run_path(str(Path(__file__).resolve().parents[1] / "examples" / "nb201_table.py"))
EPOCHS = 200
CELLS = (  # 0 to 1; 0, 1 to 2; 0, 1, 2 to 3
    ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3", "none"),
    ("nor_conv_3x3",) * 6,
    ("avg_pool_3x3", "none", "none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"),
)


def text(cell: tuple[str, ...]) -> str:
    a, b, c, d, e, f = cell
    return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"


def write_benchmark(folder: Path, cells: tuple[tuple[str, ...], ...]) -> None:
    """Two trainings of each network: 10 x index + 1 and + 3 percent at the last epoch, 18 s and 54 s an epoch."""
    utils = pytest.importorskip("nats_bench.api_utils", reason="needs nats_bench")
    folder.mkdir()
    utils.pickle_save({"meta_archs": [text(cell) for cell in cells]}, folder / "meta.pickle", ".pbz2")
    for index, cell in enumerate(cells):
        results = utils.ArchResults(index, text(cell))
        for seed, (gain, seconds) in {777: (1.0, 18.0), 888: (3.0, 54.0)}.items():
            last = {epoch: 10.0 * index + gain - (EPOCHS - 1 - epoch) / 1000 for epoch in range(EPOCHS)}
            zeros = dict.fromkeys(range(EPOCHS), 0.0)
            run = utils.ResultsCount(
                "cifar10", None, last, zeros, 0.1, 10.0, {"arch_str": text(cell)}, seed, EPOCHS, None
            )
            run.update_train_info(last, zeros, zeros, dict.fromkeys(range(EPOCHS), seconds))
            named = {f"ori-test@{epoch}": value for epoch, value in last.items()}
            run.update_eval(named, dict.fromkeys(named, 0.0), dict.fromkeys(named, 1.0))
            results.update("cifar10", seed, run)
        utils.pickle_save({"200": results.state_dict()}, folder / f"{index:06d}.pickle", ".pbz2")


def test_operators_accuracies_and_hours_of_each_network(tmp_path: Path) -> None:
    write_benchmark(tmp_path / "NATS", CELLS)
    EXAMPLE["main"]([str(tmp_path / "NATS"), str(tmp_path / "nb201.csv")])
    with open(tmp_path / "nb201.csv", newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert [tuple(row[edge] for edge in EXAMPLE["EDGES"]) for row in found] == list(CELLS)
    assert [float(row["accuracy_pct"]) for row in found] == pytest.approx([2.0, 12.0, 22.0])
    assert [float(row["training_gpu_hours"]) for row in found] == pytest.approx([2.0] * 3)  # 36 s x 200 epochs


def test_the_table_of_a_whole_benchmark_is_a_task_with_a_proved_optimum(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All 15,625 networks in the benchmark's form, without its files: the rows come from a stand-in for its API."""
    cells = list(itertools.product(CELL_OPERATORS, repeat=6))
    order = np.random.default_rng(0).permutation(len(cells))

    class Api:
        def __len__(self) -> int:
            return len(cells)

        def arch(self, index: int) -> str:
            return text(cells[order[index]])

        def get_more_info(self, index: int, dataset: str, hp: str, is_random: bool) -> dict[str, float]:
            assert (dataset, hp, is_random) == ("cifar10", "200", False)
            return {"test-accuracy": float(order[index]) / 200.0, "train-all-time": 7200.0}

    with open(tmp_path / "nb201.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([(*EXAMPLE["EDGES"], "accuracy_pct", "training_gpu_hours"), *EXAMPLE["rows"](Api())])
    problem = make_problem("nb201-cifar10/edap", accuracy_table=tmp_path / "nb201.csv")
    networks = np.array([[0] * 6, [0, 0, 0, 0, 0, 1], [4, 3, 2, 1, 0, 4]])
    rank = np.ravel_multi_index(tuple(networks.T), (5,) * 6)
    assert problem.accuracies(networks) == pytest.approx(rank / 200.0 / 100.0, rel=1e-12)
    assert problem.training_gpu_hours(networks).tolist() == [2.0] * 3
    capsys.readouterr()
    assert main(["optimum", "nb201-cifar10/edap", "--accuracy-table", str(tmp_path / "nb201.csv"), "--json"]) == 0
    proof = json.loads(capsys.readouterr().out)
    assert proof["objective"] == pytest.approx(optimum(problem).objective, rel=1e-12)  # by enumeration of 216,750,000
    assert proof["lower_bound"] == pytest.approx(proof["objective"], rel=1e-12)


def test_another_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        EXAMPLE["main"]([str(tmp_path), str(tmp_path / "nb201.csv")])
    assert "holds no meta.pickle.pbz2: give the folder of NATS-Bench's topology benchmark" in capsys.readouterr().err
