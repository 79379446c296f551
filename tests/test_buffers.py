"""The experiment on buffers and bandwidth, and what else accelerators that choose their memory meet: proofs, drawings."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from dance_env.analysis.exact import optimum
from dance_env.analysis.optimum import enumerating, prove, proving
from dance_env.analysis.optimum.fields import Fields
from dance_env.commands.optimum import as_text
from dance_env.problem import Problem
from dance_env.space import AcceleratorSpace
from dance_env.tasks import make_problem
from experiments.buffers import measure as measuring
from experiments.buffers.measure import METRICS, OBJECTIVE, load, measure, parts, problem_of, save
from experiments.buffers.page import CAPACITIES, best, is_interior, load_proofs, page, subjects
from experiments.buffers.picture import draw
from experiments.buffers.plan import KIB, Study, studies

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "docs" / "records" / "buffers" / "readings.csv"


def small() -> AcceleratorSpace:
    return AcceleratorSpace(
        pe_x=(8, 16), pe_y=(8,), rf_words=(8, 16), dataflow=("WS", "OS"),
        glb_words=(8 * KIB, 32 * KIB), dram_words_per_cycle=(3.2, 12.8),
    )  # fmt: skip


@pytest.fixture(scope="module")
def tiny() -> Problem:
    return problem_of(Study("tiny/edap", small()))


# --------------------------------------------------------------------------------------------------------------- record
def test_the_page_is_the_records() -> None:
    assert page(load(RECORD), load_proofs(RECORD.parent)) == (ROOT / "docs" / "buffers.md").read_text()


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    readings = load(RECORD)
    save(readings, tmp_path / "again.csv")
    assert load(tmp_path / "again.csv") == readings
    assert (tmp_path / "again.csv").read_bytes() == RECORD.read_bytes()


def test_the_record_has_every_memory_of_every_subject() -> None:
    readings = load(RECORD)
    for task, workload in subjects(readings):
        wanted = METRICS if workload else (OBJECTIVE, *METRICS)
        for least_of in wanted:
            found = [
                (each.glb_kib, each.dram_words_per_cycle)
                for each in readings
                if (each.task, each.workload, each.least_of) == (task, workload, least_of)
            ]
            assert sorted(found) == [(kib, rate) for kib in CAPACITIES for rate in (3.2, 6.4, 12.8)]


def test_the_sentence_on_interior_optima_counts_the_record() -> None:
    readings = load(RECORD)
    tasks = [subject for subject in subjects(readings) if not subject[1]]
    inside = sum(is_interior(readings, subject, OBJECTIVE) for subject in tasks)
    assert f"on {inside} of {len(tasks)} tasks" in page(readings, [])


def test_proofs_over_all_memories_agree_with_the_best_memory_of_the_record() -> None:
    proofs = load_proofs(RECORD.parent)
    assert proofs
    for proof in proofs:
        chosen = best(load(RECORD), (proof.problem.removesuffix("@dance-buffers"), ""), OBJECTIVE)
        assert proof.gap == 0.0
        assert chosen.value == proof.objective
        assert chosen.glb_kib * KIB == proof.options["glb_words"]
        assert chosen.dram_words_per_cycle == proof.options["dram_words_per_cycle"]


def test_the_figure_is_drawn_in_both_formats(tmp_path: Path) -> None:
    draw(load(RECORD), tmp_path)
    assert (tmp_path / "buffers.png").read_bytes().startswith(b"\x89PNG")
    assert "512" in (tmp_path / "buffers.svg").read_text()


# ------------------------------------------------------------------------------------------------------------- measuring
def test_the_best_of_all_memories_is_the_optimum_of_the_space(tiny: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "studies", lambda task: [Study(task, small())])
    kept: list[int] = []
    readings = measure("tiny/edap", [], tell=lambda text: None, keep=lambda each: kept.append(len(each)))
    assert kept == [4, 4 + 4 * len(METRICS)]
    chosen = best(readings, ("tiny/edap", ""), OBJECTIVE)
    found = optimum(tiny)
    assert chosen.value == found.objective
    named = tiny.space.decode(found.design[None])[0]
    assert (chosen.glb_kib * KIB, chosen.dram_words_per_cycle) == (named["glb_words"], named["dram_words_per_cycle"])
    network = np.array([chosen.network.split()], dtype=np.int64)
    costs = tiny.costs.on_all_hardware(network)
    for metric in METRICS:
        assert best(readings, ("tiny/edap", ""), metric).value == getattr(costs, metric).min()


def test_a_measurement_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "studies", lambda task: [Study(task, small())])
    kept: list[list] = []
    whole = measure("tiny/edap", [], tell=lambda text: None, keep=kept.append)
    again = measure("tiny/edap", kept[0][:4], tell=lambda text: None, keep=lambda each: None)
    assert again == whole
    told: list[str] = []
    assert measure("tiny/edap", whole, tell=told.append, keep=lambda each: None) == whole
    assert told == []


def test_descents_find_what_enumeration_does(tiny: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = [measuring._best_design(part, []) for part in parts(tiny)]
    monkeypatch.setattr(measuring, "MAX_DESIGNS", 0)
    found = [measuring._best_design(part, []) for part in parts(tiny)]
    assert {each.method for each in found} == {"descents"}
    assert [each.value for each in found] == [each.value for each in exact]


def test_parts_cost_what_the_whole_does(tiny: Problem) -> None:
    designs = tiny.space.sample(np.random.default_rng(0), 40)
    named = tiny.space.decode(designs)
    for part in parts(tiny):
        memory = {"glb_words": part.accelerator_space.glb_words[0]}  # type: ignore[index]
        memory["dram_words_per_cycle"] = part.accelerator_space.dram_words_per_cycle[0]  # type: ignore[index]
        here = [row for row, each in enumerate(named) if memory.items() <= each.items()]
        if here:
            own = part.space.encode([named[row] for row in here])
            np.testing.assert_array_equal(part.evaluate(own).objective, tiny.evaluate(designs[here]).objective)


def test_language_models_take_one_buffer_at_a_time() -> None:
    assert [each.accelerators.size for each in studies("gpt-s/edap")] == [41_616] * 7
    assert [each.accelerators.size for each in studies("accel-nasbench/edap")] == [208_080, 83_232]


# ----------------------------------------------------------------------------------------------------- proofs, drawings
def test_tables_too_large_for_a_proof_are_enumerated(tiny: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    every = tiny.space.unrank(np.arange(tiny.space.size))
    objective = tiny.evaluate(every).objective
    monkeypatch.setattr(proving, "MAX_FIELD_BYTES", 0)
    proof = prove(tiny)
    assert proof.objective == proof.lower_bound == objective.min()
    assert proof.gap == 0.0
    assert proof.design == tuple(every[objective.argmin()].tolist())
    assert proof.certificate.vertices == tiny.space.size
    assert proof.evidence is None
    assert "The best design, proved" in as_text(tiny, proof)


def test_tables_are_counted_before_they_are_built(tiny: Problem) -> None:
    assert Fields.bytes_of(tiny) == 27 * 2 * 32 * 8  # networks (one group), latency and energy, accelerators, float64
    half = dataclasses.replace(small(), pe_x=(8,))
    assert Fields.bytes_of(problem_of(Study("tiny/edap", half))) == 27 * 2 * 16 * 8


def test_an_enumeration_knows_when_no_design_meets_the_limits(tiny: Problem) -> None:
    proof = enumerating.prove_by_enumeration(tiny.limited({"area_mm2": 1e-3}))
    assert not proof.feasible
    assert proof.lower_bound == float("inf")


def test_a_problem_too_large_for_both_is_refused(tiny: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enumerating, "MAX_DESIGNS", 10)
    with pytest.raises(ValueError, match=r"too many joint options for its 32 accelerators .* cannot be enumerated"):
        enumerating.prove_by_enumeration(tiny)


def test_a_drawing_shows_buffer_and_bandwidth(tiny: Problem) -> None:
    texts = {}
    for mode in ("ansi", "rgb_array"):
        env = gym.make("dance_env/CoDesign-v0", problem=tiny, episode="one-shot", render_mode=mode)
        env.reset(seed=0)
        env.step(np.array([0] * tiny.space.num_choices))
        texts[mode] = env.render()
        env.close()
    card = re.sub(r"[\s│]+", " ", str(texts["ansi"]))
    assert "8 KiB global buffer, 3.2 words a cycle from DRAM" in card
    assert np.asarray(texts["rgb_array"]).shape == (560, 1000, 3)


def test_without_a_choice_of_memory_a_drawing_says_nothing_of_it() -> None:
    env = gym.make("dance_env/CoDesign-v0", problem=make_problem("tiny/edap"), episode="one-shot", render_mode="ansi")
    env.reset(seed=0)
    assert "global buffer" not in str(env.render())


@pytest.mark.parametrize("name", ["dance", "dance-exact", "network-local-search", "separate"])
def test_solvers_search_six_hardware_choices(
    tiny: Problem,
    name: str,
    own_cache: Path,  # of the evaluator
) -> None:
    from solvers import make_solver
    from solvers.methods.dance.evaluator import EvaluatorSettings
    from solvers.methods.dance.evaluator.settings import TrainingLoop

    short = TrainingLoop(epochs=2)
    evaluator = EvaluatorSettings(
        networks=64, pairs=128, generator=short, estimator=short, generator_width=16, estimator_width=16
    )
    settings = {"evaluator": evaluator, "steps": 10} if name == "dance" else {}
    result = make_solver(name, **settings).solve(tiny, budget=60, seed=0)
    assert result.best_objective >= optimum(tiny).objective
    assert result.best_named["glb_words"] in (8 * KIB, 32 * KIB)
    assert result.best_named["dram_words_per_cycle"] in (3.2, 12.8)
    if name in ("dance-exact", "network-local-search"):  # 27 networks, each with its exactly best accelerator
        assert result.best_objective == optimum(tiny).objective


def test_a_buffer_outside_the_table_is_refused_before_anything_is_searched() -> None:
    with pytest.raises(ValueError, match="no global buffer of 60,000 words; the nearest that it has"):
        problem_of(Study("tiny/edap", dataclasses.replace(small(), glb_words=(60_000,))))
