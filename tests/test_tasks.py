"""The catalog of tasks: names, parts, documentation that says what is so, optima that are no corners."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import dance_env.tasks
from dance_env.accuracy import load_surrogate
from dance_env.accuracy.nas_bench_macro import KEYS, TABLE_VARIABLE
from dance_env.analysis.exact import optimum, pareto_front
from dance_env.commands.coupling import main
from dance_env.cost import EDGE_LPDDR4, HWCOMPONENTS_65NM, TIMELOOP_45NM
from dance_env.objective import EDAP, Linear
from dance_env.space import dance_buffers
from dance_env.tasks import DEFAULT_TASK, TASKS, VARIANTS, get_task, make_problem, task_names
from dance_env.tasks.accel_nasbench import VARIANTS as ACCEL_NASBENCH_VARIANTS
from dance_env.tasks.gpt import GPT
from dance_env.tasks.images import IMAGE_VARIANTS
from dance_env.tasks.nb201 import VARIANTS as NB201_VARIANTS

DOCS = Path(__file__).resolve().parents[1] / "docs" / "tasks.md"
RECORDS = Path(dance_env.tasks.__file__).parent / "optima"


def test_names_are_network_and_variant() -> None:
    shipped = [f"{network}/{variant}" for network in ("macro-cifar10", "tiny") for variant in VARIANTS]
    shipped += [f"accel-nasbench/{variant}" for variant in ACCEL_NASBENCH_VARIANTS]
    shipped += [f"{network}/{variant}" for network, variants in GPT.variants.items() for variant in variants]
    assert task_names(needs_supernet=False) == shipped
    with_table = [f"nb201-cifar10/{variant}" for variant in NB201_VARIANTS]
    assert task_names() == shipped + with_table + task_names(needs_supernet=True)
    assert all(get_task(name).network in IMAGE_VARIANTS for name in task_names(needs_supernet=True))
    assert {"accuracy-lean", "balanced", "cost-lean", "latency-limited", "edap", "linear"} <= set(VARIANTS)
    assert DEFAULT_TASK in TASKS


def test_a_bare_network_is_its_default_variant() -> None:
    assert get_task("tiny") is TASKS["tiny/balanced"]
    assert get_task("dance-mnist") is TASKS["dance-mnist/edap"]
    assert make_problem("tiny").name == "tiny/balanced"


@pytest.mark.parametrize("name", ["tiny/balancd", "macro_cifar10", "macro-cifar10/", ""])
def test_unknown_names_are_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match=f"there is no task {name!r}.*'macro-cifar10/balanced'"):
        make_problem(name)


def test_any_task_may_be_asked_on_accelerators_that_choose_their_memory() -> None:
    task = get_task("macro-cifar10/edap@dance-buffers")
    assert task.name == "macro-cifar10/edap@dance-buffers"
    assert task.accelerator_space == dance_buffers()
    assert (task.network, task.variant) == ("macro-cifar10", get_task("macro-cifar10/edap").variant)
    assert get_task("tiny@dance-buffers").name == "tiny/balanced@dance-buffers"
    assert get_task("gpt-s@dance-buffers").accelerator_space.size == 208_080
    assert get_task("macro-cifar10/edap").accelerator_space.size == 13_872


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tiny/edap@dance-bufers", "there are no accelerators 'dance-bufers'. Did you mean 'dance-buffers'"),
        ("tiny/edap@", "there are no accelerators ''. Known: 'dance-buffers'"),
        ("tiny/edep@dance-buffers", "there is no task 'tiny/edep'. Did you mean 'tiny/edap'"),
    ],
)
def test_unknown_accelerators_are_answered_with_the_known_ones(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_problem(name)


def test_variants_keep_the_papers_forms() -> None:
    assert isinstance(VARIANTS["edap"].objective.cost_function, EDAP)
    assert isinstance(VARIANTS["linear"].objective.cost_function, Linear)
    assert not VARIANTS["edap"].objective.constraints
    assert not VARIANTS["linear"].objective.constraints
    lean, balanced, costly = (VARIANTS[name].objective for name in ("accuracy-lean", "balanced", "cost-lean"))
    assert lean.weight < balanced.weight < costly.weight
    assert VARIANTS["latency-limited"].objective.constraints[0].limit < balanced.constraints[0].limit


def test_technologies_are_values() -> None:
    assert get_task(DEFAULT_TASK).variant.technology == EDGE_LPDDR4
    assert VARIANTS["sram-65nm"].technology == HWCOMPONENTS_65NM
    default, other = make_problem("tiny"), make_problem("tiny", technology=TIMELOOP_45NM)
    assert other.name == "tiny/balanced (timeloop-45nm)"
    assert make_problem("tiny", technology=EDGE_LPDDR4).name == "tiny/balanced"
    # The same chip without the DRAM channel's limit is never slower, and somewhere faster.
    networks = np.array([[2, 2, 2]])
    fast, slow = (each.evaluate_networks(networks).cost.latency_s for each in (other, default))
    assert (fast <= slow * (1 + 1e-12)).all()
    assert (fast < 0.9 * slow).any()


def test_tiny_accuracies_are_macros() -> None:
    problem = make_problem("tiny")
    macro = load_surrogate()
    # Block 1, 3, 6 are mb3_k3, blocks 5 and 8 identity; blocks 2, 4, 7 are free.
    for network in ([0, 0, 0], [2, 1, 0], [1, 2, 2]):
        a, b, c = network
        assert problem.accuracy.evaluate(np.array([network])) == macro.evaluate(np.array([[1, a, 1, b, 0, 1, c, 0]]))


def test_accuracy_table_from_argument_or_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TABLE_VARIABLE, raising=False)
    fitted = make_problem("tiny")
    file = tmp_path / "table.json"
    file.write_text(json.dumps({key: {"test_acc": [50.0, 50.0, 50.0]} for key in KEYS}))
    given = make_problem("tiny", accuracy_table=file)
    assert (make_problem("tiny").name, given.name) == ("tiny/balanced", "tiny/balanced (measured accuracies)")
    assert given.accuracy.evaluate(np.array([[0, 0, 0]])) == 0.5
    monkeypatch.setenv(TABLE_VARIABLE, str(file))
    assert make_problem("tiny").fingerprint() == given.fingerprint() != fitted.fingerprint()


def test_download_is_asked_for_by_word_even_if_a_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "fetched.json"
    file.write_text(json.dumps({key: {"test_acc": [60.0, 60.0, 60.0]} for key in KEYS}))
    monkeypatch.setenv(TABLE_VARIABLE, str(tmp_path / "missing.json"))
    monkeypatch.setattr("dance_env.tasks.macro.download_table", lambda: str(file))
    assert make_problem("tiny", accuracy_table="download").accuracy.evaluate(np.array([[0, 0, 0]])) == 0.6


@pytest.mark.parametrize("variant", VARIANTS)
def test_tiny_optimum_is_interior(variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TABLE_VARIABLE, raising=False)
    problem = make_problem(f"tiny/{variant}")
    best = optimum(problem, cache_dir=tmp_path)
    assert best.feasible
    network = best.design[problem.space.network].tolist()
    assert network not in ([0, 0, 0], [2, 2, 2])
    front = pareto_front(problem, cache_dir=tmp_path)
    if variant == "latency-limited":  # documented as easy: its optimum is the most accurate network in time
        assert front.error_pct[-1] == best.evaluation.error_pct[0]
        return
    assert front.error_pct[-1] < best.evaluation.error_pct[0] < front.error_pct[0]


# ----------------------------------------------------------------------------------------------------------- documents
def documented() -> dict[str, dict[str, str]]:
    """By task, the cells of docs/tasks.md's tables by the title of their row."""
    found: dict[str, dict[str, str]] = {}
    names: list[str] = []
    for line in DOCS.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|") or line.startswith("|---"):
            continue
        title, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        if cells and all(cell in TASKS for cell in cells):
            names = cells
        elif names and len(cells) == len(names):
            for name, cell in zip(names, cells, strict=True):
                found.setdefault(name, {})[title] = cell
    return found


def test_every_task_is_documented_with_its_numbers() -> None:
    enumerated = {name for name in task_names(needs_supernet=False) if get_task(name).network_space.size < 1e6}
    cells = documented()
    assert {name for name, found in cells.items() if "optimum: network" in found} == enumerated
    networks = ("macro-cifar10", "accel-nasbench")
    described = {name for name in task_names(needs_supernet=False) if name.split("/")[0] in networks}
    assert {name for name, found in cells.items() if "reference objective" in found} == described
    text = DOCS.read_text(encoding="utf-8")
    for name in (*VARIANTS, *IMAGE_VARIANTS, *(variant for some in IMAGE_VARIANTS.values() for variant in some)):
        assert f"`{name}`" in text


def test_documented_optima_are_those_of_the_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TABLE_VARIABLE, raising=False)
    for name, cells in documented().items():
        if (not name.startswith("tiny/") and name != DEFAULT_TASK) or "optimum: network" not in cells:
            continue
        written = re.match(r"[\d.]+", cells["optimum: objective (error)"])
        assert written is not None
        assert f"{optimum(make_problem(name), cache_dir=tmp_path).objective:.4f}" == written[0], (
            f"docs/tasks.md is out of date for {name}: run `dance coupling` and paste its tables"
        )


def test_documented_landscapes_refer_to_the_optima() -> None:
    """The objectives are those of the records that ship, and of the tables of coupling."""
    proved = 0
    for name, cells in documented().items():
        if "reference objective" not in cells:
            continue
        objective, kind = cells["reference objective"].rstrip(")").split(" (")
        if kind == "optimum":
            assert cells["optimum: objective (error)"].startswith(objective + " ")
        elif kind == "proved":
            record = json.loads((RECORDS / f"{name}.json").read_text(encoding="utf-8"))
            assert f"{record['objective']:.4f}" == objective, (
                f"run `dance landscape {name}` again: docs/tasks.md is stale"
            )
            proved += 1
        else:
            assert name.endswith("/noisy")
    assert proved == 6


def test_large_tasks_are_documented_as_coupled() -> None:
    for name, cells in documented().items():
        if name.startswith("accel-nasbench/") and "reference objective" in cells:
            single = re.search(r"\+([\d.]+)% mean", cells["cost of the best single accelerator"])
            assert single is not None
            assert int(cells["different best accelerators"]) >= 8
            if get_task(name).variant.objective.constraints:
                assert float(single[1]) >= 30.0
            share = float(cells["feasible designs"].rstrip("%"))
            assert share > 10.0


def test_default_variants_are_documented_as_coupled() -> None:
    for name, cells in documented().items():
        if not name.startswith("macro-cifar10/") or name.endswith(("/edap", "/linear")):
            continue
        assert int(cells["distinct best accelerators along the front"].split()[0]) >= 9
        single = re.search(r"\+([\d.]+)% mean", cells["cost of the best single accelerator, the front"])
        assert single is not None
        assert float(single[1]) >= 30.0
        assert float(cells["regret: best single accelerator of the front, then network"]) >= 0.1


def test_command_prints_the_table(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["tiny/edap", "tiny"]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0] == "| | tiny/edap | tiny |"
    assert all(line.count("|") == 4 for line in lines)
    assert any(line.startswith("| distinct best accelerators along the front | ") for line in lines)


def test_coupling_measures_what_can_be_enumerated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[str] = []
    monkeypatch.setattr("dance_env.commands.coupling.make_problem", lambda name, **_: made.append(name))
    monkeypatch.setattr("dance_env.commands.coupling.measure", lambda *_, **__: None)
    monkeypatch.setattr("dance_env.commands.coupling.table", lambda _: "")
    assert main([]) == 0
    assert made == [f"{network}/{variant}" for network in ("macro-cifar10", "tiny") for variant in VARIANTS]
    with pytest.raises(ValueError, match=r"has 1,449,.* designs; .* dance landscape accel-nasbench/edap$"):
        main(["tiny", "accel-nasbench/edap"])
    assert len(made) == 14


def test_a_technology_may_be_named() -> None:
    assert make_problem("tiny", technology="timeloop-45nm").name == "tiny/balanced (timeloop-45nm)"
    with pytest.raises(ValueError, match=r"unknown technology 'timeloop'\. Did you mean 'timeloop-45nm'"):
        make_problem("tiny", technology="timeloop")
