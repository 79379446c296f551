"""The cost table: sums of layers, the same bits however it is asked or built, kept on disk and resumed."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dance_env.cost import EDGE_LPDDR4, AnalyticalCostModel, CostModel, CostTable, LayerCost
from dance_env.from_file import load_from_file
from dance_env.graph import BlockSpace, layer_row, networks
from dance_env.space import FREE, AcceleratorSpace, Factor, FactorSum, Hardware

ACCELERATORS = AcceleratorSpace(pe_x=(8, 12, 16), pe_y=(8, 14), rf_words=(8, 16, 64), dataflow=("WS", "OS", "RS"))


@dataclass
class CountingModel:
    """A quick stand-in that remembers what it was asked: a layer's cost is a made-up function of its row."""

    asked: list[tuple[int, ...]] = field(default_factory=list)
    name: str = "counting"
    stop_after: int | None = None
    unmappable: tuple[int, ...] | None = None
    broken: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fingerprint(self) -> str:
        return self.name

    def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
        (row,) = (tuple(int(n) for n in row) for row in rows)
        with self.lock:
            if self.stop_after is not None and len(self.asked) >= self.stop_after:
                raise KeyboardInterrupt
            self.asked.append(row)
        cost = np.log(np.prod(np.array(row, dtype=np.float64))) / (hardware.pe_x * hardware.pe_y)[None]
        if row == self.unmappable:
            cost = np.full_like(cost, np.inf)
        if self.broken:
            cost = np.full_like(cost, np.nan)
        return LayerCost(cost * 1e-3, cost * 1e-6 * hardware.rf_words)

    def area_mm2(self, hardware: Hardware) -> np.ndarray:
        return (hardware.pe_x * hardware.pe_y).astype(np.float64)


@pytest.fixture(scope="module")
def space() -> BlockSpace:
    return networks.tiny()


def all_networks(space: BlockSpace) -> np.ndarray:
    counts = [len(choice.options) for choice in space.choices()]
    return np.stack(np.meshgrid(*(np.arange(n) for n in counts), indexing="ij"), axis=-1).reshape(-1, len(counts))


@pytest.fixture(scope="module")
def table(space: BlockSpace, tmp_path_factory: pytest.TempPathFactory) -> CostTable:
    """The real model on a small accelerator space."""
    folder = tmp_path_factory.mktemp("cache")
    return CostTable.build(space, ACCELERATORS, model=AnalyticalCostModel(technology=EDGE_LPDDR4), cache_dir=folder)


def same_bits(a: CostTable, b: CostTable) -> bool:
    return a.shape == b.shape and a.fingerprint() == b.fingerprint()


# --- what the table says ---------------------------------------------------------------------------------------------


def test_networks_cost_what_the_model_says(space: BlockSpace, table: CostTable) -> None:
    """Every network on every accelerator: the sum of its layers."""
    chosen = all_networks(space)
    model, hardware = AnalyticalCostModel(technology=EDGE_LPDDR4), ACCELERATORS.hardware()
    found = table.on_all_hardware(chosen)
    for row, network in enumerate(chosen):
        cost = model.evaluate_layers(np.array([layer_row(layer) for layer in space.graph(network).layers()]), hardware)
        np.testing.assert_allclose(found.latency_s[row], cost.latency_s.sum(axis=0), rtol=1e-12)
        np.testing.assert_allclose(found.energy_j[row], cost.energy_j.sum(axis=0), rtol=1e-12)
        np.testing.assert_array_equal(found.area_mm2[row], model.area_mm2(hardware))
    assert table.clock_hz == EDGE_LPDDR4.clock_hz


def test_shapes_and_kinds(space: BlockSpace, table: CostTable) -> None:
    assert table.shape == (3, 3, 3, ACCELERATORS.size)
    assert table.latency_s.rows.shape == table.energy_j.rows.shape == (9, ACCELERATORS.size)
    assert table.area_mm2.shape == (ACCELERATORS.size,)
    for sums in (table.latency_s, table.energy_j):
        assert [factor.scope for factor in sums.factors] == [(0,), (1,), (2,)]
        assert (sums.rows >= 0).all()
        assert (sums.constant > 0).all()
    assert table.unmappable_pairs == 0
    assert table.mappable.all()


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 200))
def test_a_batch_gives_the_bits_of_its_parts(table: CostTable, seed: int, size: int) -> None:
    """Looked up together, one by one, or on all accelerators at once."""
    rng = np.random.default_rng(seed)
    chosen, where = rng.integers(0, 3, (size, 3)), rng.integers(0, ACCELERATORS.size, size)
    together = table.lookup(chosen, where)
    everywhere = table.on_all_hardware(chosen)
    for i in range(0, size, 17):
        alone = table.lookup(chosen[i : i + 1], where[i : i + 1])
        for name in ("latency_s", "energy_j", "area_mm2"):
            bits = getattr(together, name)[i].tobytes()
            assert getattr(alone, name)[0].tobytes() == bits
            assert getattr(everywhere, name)[i, where[i]].tobytes() == bits


def test_nothing_asked_nothing_given(table: CostTable) -> None:
    found = table.lookup(np.zeros((0, 3), dtype=np.int64), np.zeros(0, dtype=np.int64))
    assert found.shape == (0,)
    assert table.on_all_hardware(np.zeros((0, 3), dtype=np.int64)).shape == (0, ACCELERATORS.size)


def test_an_answer_can_be_written_to(table: CostTable) -> None:
    """Two answers never share memory, nor memory with the table."""
    chosen, where = np.zeros((2, 3), dtype=np.int64), np.zeros(2, dtype=np.int64)
    first = table.lookup(chosen, where)
    first.latency_s[:] = 0.0
    assert (table.lookup(chosen, where).latency_s > 0).all()


def test_the_table_itself_cannot_be_written_to(table: CostTable) -> None:
    for array in (table.latency_s.rows, table.energy_j.rows, table.latency_s.constant, table.area_mm2):
        with pytest.raises(ValueError, match="read-only"):
            array += 1


@pytest.mark.parametrize(
    ("chosen", "where", "error", "message"),
    [
        (np.array([[0, 0, 3]]), np.array([0]), ValueError, "network 0, column 2: option index must be in 0..2, got 3"),
        (np.array([[0, -1, 0]]), np.array([0]), ValueError, "network 0, column 1: .* got -1"),
        (np.array([[0, 0]]), np.array([0]), ValueError, r"networks must have shape \(batch, 3\), got \(1, 2\)"),
        (np.array([0, 0, 0]), np.array([0]), ValueError, r"networks must have shape .* pass network\[None\]"),
        (np.array([[0.0, 0.0, 0.0]]), np.array([0]), TypeError, "networks must be whole numbers .* float64"),
        (np.array([[0, 0, 0]]), np.array([ACCELERATORS.size]), ValueError, "hardware: .* must be in 0..53, got 54"),
        (np.array([[0, 0, 0]]), np.array([-1]), ValueError, "hardware: .* must be in 0..53, got -1"),
        (np.array([[0, 0, 0]]), np.array([0.0]), TypeError, "hardware must be whole numbers .* float64"),
        (np.array([[0, 0, 0]]), np.array([True]), TypeError, "hardware must be whole numbers .* bool"),
        (np.array([[0, 0, 0]]), np.array([0, 1]), ValueError, r"hardware must have shape \(1,\).* got \(2,\)"),
    ],
)
def test_what_is_no_design_is_refused(
    table: CostTable, chosen: np.ndarray, where: np.ndarray, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        table.lookup(chosen, where)
    if message.startswith("network"):
        with pytest.raises(error, match=message):
            table.on_all_hardware(chosen)


def tables_of(seed: int, *, joint: bool, unmappable: bool = False) -> CostTable:
    """Random costs of three choices on four accelerators; `joint`: a factor over the first and last choice besides."""
    rng, counts = np.random.default_rng(seed), (2, 3, 2)
    scopes = [(0,), (1,), (2,), *([(0, 2)] if joint else [])]
    shapes = [(int(np.prod([counts[choice] for choice in scope])), 4) for scope in scopes]

    def total() -> FactorSum:
        return FactorSum(
            counts, rng.uniform(size=4), [Factor(s, rng.uniform(size=n)) for s, n in zip(scopes, shapes, strict=True)]
        )

    table = CostTable(total(), total(), rng.uniform(1, 2, size=4))
    if not unmappable:
        return table
    latency, energy = (
        FactorSum(counts, sums.constant, [Factor((0,), [[np.inf, 1, 1, 1], [1, 1, 1, 1]]), *sums.factors[1:]])
        for sums in (table.latency_s, table.energy_j)
    )
    return CostTable(latency, energy, table.area_mm2)


@pytest.mark.parametrize("joint", [False, True], ids=["one choice each", "two choices"])
def test_every_question_gives_the_same_costs(joint: bool) -> None:
    """Look-up, all accelerators, expectation, bounds and parts agree, whatever the parts' scopes."""
    table = tables_of(0, joint=joint)
    networks = np.array(list(itertools.product(range(2), range(3), range(2))))
    everywhere = table.on_all_hardware(networks)
    one_hot = np.zeros((12, 7))
    np.put_along_axis(one_hot, networks + np.array([0, 2, 5]), 1.0, axis=1)
    relaxed = table.relax()(torch.tensor(one_hot))
    for name in ("latency_s", "energy_j", "area_mm2"):
        values = getattr(everywhere, name)
        np.testing.assert_allclose(getattr(relaxed, name).expand(12, 4), values, rtol=1e-14)
        for where in range(4):
            hardware = np.full(12, where)
            np.testing.assert_array_equal(getattr(table.lookup(networks, hardware), name), values[:, where])
            at = table.relax().at(torch.tensor(one_hot), torch.tensor(hardware))
            np.testing.assert_allclose(getattr(at, name), values[:, where], rtol=1e-14)
        least, most = (getattr(each, name) for each in table.bounds(np.array([[FREE, 1, FREE]])))
        some = values[networks[:, 1] == 1]
        assert (least[0] <= some.min(axis=0)).all()
        assert (most[0] >= some.max(axis=0)).all()
    parts = table.latency_by_part(networks, np.zeros(12, dtype=np.int64))
    assert list(parts) == [(0,), (1,), (2,), (0, 2)][: 3 + joint]
    np.testing.assert_allclose(sum(parts.values()) + table.latency_s.constant[0], everywhere.latency_s[:, 0])
    kept = table.relax(hardware=np.array([2, 0]))(torch.tensor(one_hot))
    np.testing.assert_allclose(kept.latency_s, everywhere.latency_s[:, [2, 0]], rtol=1e-14)


def test_what_cannot_be_mapped() -> None:
    table = tables_of(0, joint=True, unmappable=True)
    assert table.unmappable_pairs == 1
    assert table.mappable.tolist() == [False, True, True, True]
    assert np.isinf(table.lookup(np.array([[0, 0, 0]]), np.array([0])).energy_j).all()
    with pytest.raises(ValueError, match="1 values of the tables are infinite"):
        table.relax()
    assert table.relax(hardware=table.mappable).area_mm2.shape == (3,)
    finite = table.replace_unmappable(10.0)
    assert finite.unmappable_pairs == 0
    assert finite.latency_s.rows[0, 0] == 10.0 * table.latency_s.largest_finite
    least, most = table.bounds(np.full((1, 3), FREE), finite_only=True)
    assert np.isfinite(least.latency_s).all()
    assert np.isfinite(most.latency_s).all()
    assert np.isinf(table.bounds(np.full((1, 3), FREE))[1].latency_s[0]).tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"area_mm2": np.ones(3)}, ValueError, r"of the same accelerators; got 4, 4 and \(3,\)"),
        ({"area_mm2": np.array([1, 1, np.nan, 1])}, ValueError, "area_mm2 holds 1 values that are negative or NaN"),
        ({"area_mm2": np.ones(4) * 1j}, TypeError, "area_mm2 must hold real numbers, got complex128"),
        (
            {"energy_j": FactorSum.per_choice((2,), -np.ones(4), np.ones((2, 4)))},
            ValueError,
            "sums over the same parts",
        ),
        ({"energy_j": tables_of(0, joint=True).energy_j}, ValueError, "sums over the same parts"),
        (
            {"energy_j": FactorSum.per_choice((2, 3, 2), -np.ones(4), np.ones((7, 4)))},
            ValueError,
            "energy_j, constant holds 4 values that are negative or NaN, the first is -1.0; a cost is >= 0, and inf",
        ),
    ],
)
def test_a_table_that_gives_wrong_numbers_is_refused(change: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        dataclasses.replace(tables_of(0, joint=False), **change)


def test_costs_are_real_numbers() -> None:
    with pytest.raises(TypeError, match="table must hold real numbers, got complex128"):
        FactorSum.per_choice((2,), np.ones(4), np.ones((2, 4)) * 1j)


# --- how it is built -------------------------------------------------------------------------------------------------


def test_the_number_of_workers_changes_nothing(space: BlockSpace, table: CostTable, tmp_path: Path) -> None:
    model = AnalyticalCostModel(technology=EDGE_LPDDR4)
    for workers in (1, 3):
        folder = tmp_path / str(workers)
        assert same_bits(CostTable.build(space, ACCELERATORS, model=model, cache_dir=folder, workers=workers), table)


def test_each_layer_is_asked_for_once_and_kept(space: BlockSpace, tmp_path: Path) -> None:
    first, second = CountingModel(), CountingModel()
    assert isinstance(first, CostModel)
    one = CostTable.build(space, ACCELERATORS, model=first, cache_dir=tmp_path)
    two = CostTable.build(space, ACCELERATORS, model=second, cache_dir=tmp_path)
    assert len(first.asked) == len(set(first.asked)) > 10
    assert second.asked == []
    assert same_bits(one, two)


def test_another_model_or_other_accelerators_are_asked_anew(space: BlockSpace, tmp_path: Path) -> None:
    CostTable.build(space, ACCELERATORS, model=CountingModel(), cache_dir=tmp_path)
    other = CountingModel(name="counting 2")
    CostTable.build(space, ACCELERATORS, model=other, cache_dir=tmp_path)
    assert other.asked
    smaller = CountingModel()
    CostTable.build(space, dataclasses.replace(ACCELERATORS, pe_x=(8,)), model=smaller, cache_dir=tmp_path)
    assert smaller.asked


def test_an_interrupted_build_goes_on_where_it_stopped(space: BlockSpace, tmp_path: Path) -> None:
    stopped = CountingModel(stop_after=7)
    with pytest.raises(KeyboardInterrupt):
        CostTable.build(
            space, ACCELERATORS, model=stopped, cache_dir=tmp_path, workers=1
        )  # so that no other layer is in flight
    assert len(stopped.asked) == 7
    resumed, fresh = CountingModel(), CountingModel()
    again = CostTable.build(space, ACCELERATORS, model=resumed, cache_dir=tmp_path)
    whole = CostTable.build(space, ACCELERATORS, model=fresh, cache_dir=tmp_path / "other")
    assert not set(resumed.asked) & set(stopped.asked)
    assert set(resumed.asked) | set(stopped.asked) == set(fresh.asked)
    assert same_bits(again, whole)


def test_a_damaged_cache_file_is_made_again(space: BlockSpace, tmp_path: Path) -> None:
    one = CostTable.build(space, ACCELERATORS, model=CountingModel(), cache_dir=tmp_path)
    damaged = sorted(tmp_path.rglob("*.bin"))[:2]
    damaged[0].write_bytes(b"rubbish")
    damaged[1].write_bytes(damaged[1].read_bytes()[:-10])
    again = CountingModel()
    assert same_bits(CostTable.build(space, ACCELERATORS, model=again, cache_dir=tmp_path), one)
    assert len(again.asked) == 2


def test_progress_counts_up_to_the_number_of_layers(space: BlockSpace, tmp_path: Path) -> None:
    model = CountingModel()
    seen: list[tuple[int, int]] = []
    CostTable.build(
        space, ACCELERATORS, model=model, cache_dir=tmp_path, progress=lambda done, total: seen.append((done, total))
    )
    layers = len(model.asked)
    assert seen == [(done, layers) for done in range(layers + 1)]


def test_progress_bar_is_shown_on_stderr(space: BlockSpace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    CostTable.build(space, ACCELERATORS, model=CountingModel(), cache_dir=tmp_path, progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Mapping layers on every accelerator" in shown.err


def test_unmappable_layers_cost_inf_where_they_are_used(space: BlockSpace, tmp_path: Path) -> None:
    options = space.parts()[0].layers
    layer = next(one for layers in options for one in layers)
    model = CountingModel(unmappable=layer_row(layer))
    found = CostTable.build(space, ACCELERATORS, model=model, cache_dir=tmp_path)
    uses = [layer in layers for layers in options]
    assert np.isinf(found.latency_s.factors[0].table).all(axis=1).tolist() == uses
    chosen = np.array([[uses.index(True), 0, 0]])
    assert np.isinf(found.lookup(chosen, np.array([5])).energy_j).all()


def test_a_model_that_answers_nan_is_refused(space: BlockSpace, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError,
        match=r"CountingModel, layer .*, latency_s: expected costs >= 0, .* first is nan on accelerator",
    ):
        CostTable.build(space, ACCELERATORS, model=CountingModel(broken=True), cache_dir=tmp_path)
    assert not list(tmp_path.rglob("*.bin"))


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (-1e-6, ValueError, "latency_s: expected costs >= 0, .* of .* are not, the first is -1e-06 on accelerator 0"),
        (-np.inf, ValueError, "the first is -inf on accelerator 0"),
        (1j, TypeError, r"expected real numbers, got ndarray \(complex128\)"),
        (None, TypeError, r"expected real numbers, got ndarray \(object\)"),
    ],
)
def test_what_a_cost_model_answers_is_checked(
    space: BlockSpace, tmp_path: Path, answer: Any, error: type[Exception], message: str
) -> None:
    class Wrong(CountingModel):
        def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
            return LayerCost(np.full((1, len(hardware)), answer), np.ones((1, len(hardware))))

    with pytest.raises(error, match=f"cost model Wrong, layer .*{message}"):
        CostTable.build(space, ACCELERATORS, model=Wrong(), cache_dir=tmp_path)
    assert not list(tmp_path.rglob("*.bin"))


def test_an_interrupt_does_not_wait_for_the_layers_in_flight(space: BlockSpace, tmp_path: Path) -> None:
    slow, in_vain = threading.Event(), []

    class Slow(CountingModel):
        def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
            if self.asked and not slow.wait(timeout=500):
                in_vain.append(rows)
            return super().evaluate_layers(rows, hardware)

    def interrupt(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        CostTable.build(space, ACCELERATORS, model=Slow(), cache_dir=tmp_path, workers=1, progress=interrupt)
    slow.set()
    assert not in_vain


def test_costs_do_not_outlive_an_edit_of_a_model_of_ones_own(space: BlockSpace, tmp_path: Path) -> None:
    """Its fingerprint, written by hand, stays as it was; so the code of its module and of its helpers counts."""
    (tmp_path / "model.py").write_text(
        "import numpy as np\nfrom dance_env.cost import LayerCost\nfrom helper import PRICE\nclass Mine:\n"
        "    def evaluate_layers(self, rows, hardware):\n        cost = np.full((1, len(hardware)), PRICE)\n"
        "        return LayerCost(cost, cost)\n    def area_mm2(self, hardware):\n        return np.ones(len(hardware))\n"
        "    def fingerprint(self):\n        return 'mine'\n"
    )
    for price in (1.0, 2.0, 2.0):
        (tmp_path / "helper.py").write_text(f"PRICE = {price}")
        model = load_from_file(f"{tmp_path / 'model.py'}:Mine", what="model", example="Class", fits=callable)()
        table = CostTable.build(space, ACCELERATORS, model=model, cache_dir=tmp_path / "cache")
        assert table.energy_j.constant[0] == price * len(space.fixed_layers())


def test_a_model_without_fingerprint_is_asked_every_time(space: BlockSpace, tmp_path: Path) -> None:
    class Nameless(CountingModel):
        def fingerprint(self) -> None:  # type: ignore[override]
            return None

    model = Nameless()
    tables = [CostTable.build(space, ACCELERATORS, model=model, cache_dir=tmp_path) for _ in range(2)]
    assert not list(tmp_path.rglob("*.bin"))
    assert same_bits(*tables)


def test_a_folder_that_cannot_be_written_is_refused(space: BlockSpace, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file where a folder should be")
    with pytest.raises(OSError, match="cannot write to the cache folder"):
        CostTable.build(space, ACCELERATORS, model=CountingModel(), cache_dir=tmp_path / "file")


def test_fingerprints_follow_every_setting() -> None:
    models = [
        AnalyticalCostModel(),
        AnalyticalCostModel(technology=EDGE_LPDDR4),
        AnalyticalCostModel(objective="energy"),
        AnalyticalCostModel(factors="ceil"),
        AnalyticalCostModel(overlap="physical"),
    ]
    assert len({model.fingerprint() for model in models}) == len(models)
    assert AnalyticalCostModel().fingerprint() == models[0].fingerprint()
