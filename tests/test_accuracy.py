"""Accuracy: the tensor, the shipped surrogate against its report, the table and every way in which it can be wrong."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dance_env.accuracy import TensorAccuracy, load_surrogate, load_table
from dance_env.accuracy.nas_bench_macro import KEYS, TABLE_SHA256, TABLE_VARIABLE, read_trainings, same_network
from dance_env.accuracy.surrogate import Ensemble, load_ensemble, surrogate_report


def random_tensor(counts: tuple[int, ...], seed: int = 0) -> TensorAccuracy:
    return TensorAccuracy(np.random.default_rng(seed).random(counts))


# ------------------------------------------------------------------------------------------------------------- tensor
@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.integers(0, 1000))
def test_tensor_answers_with_the_entry_of_each_network(counts: list[int], seed: int) -> None:
    accuracy = random_tensor(tuple(counts), seed)
    networks = np.random.default_rng(seed).integers(0, counts, size=(20, len(counts)))
    assert accuracy.evaluate(networks).tolist() == [accuracy.tensor[tuple(row)] for row in networks]


def test_tensor_refuses_networks_that_are_not_its_own() -> None:
    accuracy = random_tensor((2, 3))
    with pytest.raises(ValueError, match=r"must have shape \(batch, 2\), got \(2, 3\)"):
        accuracy.evaluate(np.zeros((2, 3), dtype=np.int64))
    for option in (-1, 3):
        with pytest.raises(ValueError, match=r"network 0, column 1: option index must be in 0\.\.2"):
            accuracy.evaluate(np.array([[0, option]]))


def test_tensor_refuses_percent_and_nan_and_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match=r"1 of 2 are not, the first is 93.1 for network \(1,\). Divide percentages"):
        TensorAccuracy(np.array([0.5, 93.1]))
    with pytest.raises(ValueError, match=r"the first is nan for network \(0,\)"):
        TensorAccuracy(np.array([np.nan, 0.5]))
    with pytest.raises(ValueError, match="read-only"):
        random_tensor((2, 2)).tensor[0, 0] = 0.0


@pytest.mark.parametrize("counts", [(4,), (2, 3), (3, 1, 2), (3, 2, 4, 2)])
def test_expected_accuracy_is_the_sum_over_all_networks(counts: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    accuracy = random_tensor(counts)
    rng = np.random.default_rng(1)
    blocks = [rng.dirichlet(np.ones(count), size=5) for count in counts]
    expected = np.zeros(5)
    for network in itertools.product(*map(range, counts)):
        weight = np.prod([block[:, option] for block, option in zip(blocks, network, strict=True)], axis=0)
        expected += weight * accuracy.tensor[network]
    relaxed = accuracy.relax()
    np.testing.assert_allclose(relaxed(torch.tensor(np.concatenate(blocks, axis=1))), expected, rtol=1e-14)
    probs = torch.tensor(np.concatenate(blocks, axis=1), requires_grad=True)
    assert torch.autograd.gradcheck(relaxed, (probs,))


def test_fingerprint_follows_values_and_shape() -> None:
    tensor = random_tensor((2, 3)).tensor
    changed = tensor.copy()
    changed[1, 2] = np.nextafter(changed[1, 2], 0.0)
    prints = {TensorAccuracy(each).fingerprint() for each in (tensor, changed, tensor.reshape(3, 2))}
    assert len(prints) == 3
    assert TensorAccuracy(tensor.copy()).fingerprint() in prints


# ---------------------------------------------------------------------------------------------------------- surrogate
def test_surrogate_is_the_same_to_the_bit_everywhere() -> None:
    # Records name the accuracies by this digest: a platform that rounds otherwise would make them incomparable.
    assert load_surrogate().fingerprint() == "a85c63736cf6b25725bceb87e46f58a28b64a493b136bead02849950c17847b7"


def test_surrogate_gives_equal_networks_equal_accuracies() -> None:
    flat = load_surrogate().tensor.ravel()
    row = {key: i for i, key in enumerate(KEYS)}
    assert all(flat[i] == flat[row[same_network(key)]] for i, key in enumerate(KEYS))
    assert len({same_network(key) for key in KEYS}) == 3969


def test_identities_move_to_the_end_of_their_stage_and_first_blocks_stay() -> None:
    assert same_network("01" + "002" + "102") == "01" + "020" + "120"
    assert same_network("00000000") == "00000000"
    assert same_network("02" + "001" + "010") == "02" + "010" + "010"


def test_surrogate_meets_its_aims_by_its_own_report() -> None:
    measured = surrogate_report()["measured"]
    assert measured["networks_held_out"] >= 700
    assert measured["held_out_mean_absolute_error_pct"] <= 0.12
    assert measured["held_out_kendall_tau"] >= 0.94


def test_the_report_is_true_of_the_shipped_weights(shared_dir: Path) -> None:
    pytest.importorskip("torch")
    from dance_env.accuracy.fit import Settings, report

    shipped = surrogate_report()
    measured = report(load_ensemble(), read_trainings(_table(shared_dir)), Settings(**shipped["settings"]))
    assert measured == pytest.approx(shipped["measured"], rel=1e-9)


def test_surrogate_refuses_weights_that_do_not_fit(tmp_path: Path) -> None:
    good = load_ensemble()
    with pytest.raises(ValueError, match=r"w3 must be finite float32 of shape \(10, 48\); got float64 \(10, 48\)"):
        Ensemble(good.w1, good.b1, good.w2, good.b2, good.w3.astype(np.float64), good.b3)
    np.savez(tmp_path / "weights.npz", w1=good.w1)
    with pytest.raises(ValueError, match=r"lack \['b1', 'b2', 'b3', 'w2', 'w3'\]; reinstall the package or fit"):
        load_ensemble(tmp_path / "weights.npz")


# ---------------------------------------------------------------------------------------------------------------- fit
def test_fit_is_decided_by_its_seed_and_learns() -> None:
    torch = pytest.importorskip("torch")
    from dance_env.accuracy.fit import Settings, fit, split

    target = 100.0 * load_surrogate().tensor.ravel()
    quick = Settings(members=2, width=8, epochs=6)
    state = torch.get_rng_state()
    epochs: list[int] = []
    first = fit(target, quick, progress=epochs.append)
    assert torch.equal(state, torch.get_rng_state()), "global random state must be left alone"
    assert epochs == [1, 2, 3, 4, 5, 6]
    again, other = fit(target, quick), fit(target, Settings(members=2, width=8, epochs=6, seed=2))
    np.testing.assert_array_equal(first.w2, again.w2)
    assert not np.array_equal(first.w2, other.w2)
    _, held_out = split(held_out=quick.held_out, seed=quick.seed)
    error = np.abs(first.accuracy_pct() - target)[held_out].mean()
    assert error < 0.3 * np.abs(target - target.mean())[held_out].mean()


def test_numpy_evaluation_is_the_torch_network_that_was_fitted() -> None:
    torch = pytest.importorskip("torch")
    weights = {
        name: torch.tensor(getattr(load_ensemble(), name)).double() for name in ("w1", "b1", "w2", "b2", "w3", "b3")
    }
    keys = [key for key in KEYS if same_network(key) == key]
    one_hot = torch.eye(3, dtype=torch.float64)[torch.tensor([[int(digit) for digit in key] for key in keys])].flatten(
        1
    )
    hidden = torch.relu(one_hot @ weights["w1"] + weights["b1"][:, None])
    hidden = torch.relu(hidden @ weights["w2"] + weights["b2"][:, None])
    root = (hidden @ weights["w3"][:, :, None])[..., 0] + weights["b3"][:, None]
    predicted = 100.0 - root.mean(dim=0) ** 8
    rows = [KEYS.index(key) for key in keys[::100]]
    np.testing.assert_allclose(load_ensemble().accuracy_pct()[rows], predicted[::100], rtol=1e-12)


def test_no_network_is_trained_on_and_tested_on() -> None:
    pytest.importorskip("torch")
    from dance_env.accuracy.fit import split

    train, held_out = split(held_out=0.2, seed=1)
    names = [{same_network(KEYS[i]) for i in rows} for rows in (train, held_out)]
    assert not names[0] & names[1]
    assert (len(train), len(held_out)) == (3175, 794)


def test_kendall_tau_is_scipys() -> None:
    pytest.importorskip("torch")
    stats = pytest.importorskip("scipy.stats")
    from dance_env.accuracy.fit import kendall_tau

    rng = np.random.default_rng(0)
    a = rng.integers(0, 30, 200).astype(float)  # with ties
    b = a + rng.normal(0, 10, 200).round()
    assert kendall_tau(a, b) == pytest.approx(stats.kendalltau(a, b).statistic, abs=1e-12)


# -------------------------------------------------------------------------------------------------------------- table
def _table(shared_dir: Path) -> Path:
    return shared_dir / "data" / "nas-bench-macro_cifar10.json"


def fake_table() -> dict[str, dict[str, list[float]]]:
    """A table of the right form, its numbers made up."""
    return {key: {"test_acc": [50.0 + i * 0.001, 60.0, 70.0]} for i, key in enumerate(KEYS)}


def write(path: Path, table: object) -> Path:
    path.write_text(json.dumps(table))
    return path


def test_table_is_the_mean_of_three_trainings_in_the_order_of_the_digits(shared_dir: Path) -> None:
    accuracy = load_table(_table(shared_dir))
    assert accuracy.tensor.shape == (3,) * 8
    # README of the data: the best network is 22212202 with 93.13 percent, the worst has 45.4.
    assert 100 * accuracy.evaluate(np.array([[2, 2, 2, 1, 2, 2, 0, 2]]))[0] == pytest.approx(93.13, abs=0.005)
    assert 100 * accuracy.tensor.min() == pytest.approx(45.4, abs=0.05)


def test_surrogate_follows_the_table(shared_dir: Path) -> None:
    error = 100 * np.abs(load_surrogate().tensor - load_table(_table(shared_dir)).tensor)
    assert error.mean() <= 0.12


def test_table_from_argument_then_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = fake_table()
    given = write(tmp_path / "given.json", table)
    table["00000000"]["test_acc"] = [99.0, 99.0, 99.0]
    monkeypatch.setenv(TABLE_VARIABLE, str(write(tmp_path / "named.json", table)))
    assert load_table(given).tensor.flat[0] == pytest.approx(0.6)
    assert load_table().tensor.flat[0] == pytest.approx(0.99)


def _without(table: dict[str, dict[str, list[float]]], key: str) -> dict[str, dict[str, list[float]]]:
    return {each: entry for each, entry in table.items() if each != key}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([1, 2], "must hold a JSON object; got a list"),
        (_without(fake_table(), "01210000"), r"1 are missing \(first: \['01210000'\]\) and 0 are unknown"),
        ({**fake_table(), "33333333": {}}, r"0 are missing .* and 1 are unknown \(first: \['33333333'\]\)"),
        ({}, "6561 are missing"),
        ({**fake_table(), "00000001": {"mean_acc": 50.0}}, "network 00000001: expected three numbers under 'test_acc'"),
        ({**fake_table(), "00000001": {"test_acc": [50.0]}}, "network 00000001: expected three numbers"),
        (
            {**fake_table(), "00000001": {"test_acc": [50.0, 101.0, 50.0]}},
            "accuracy must be 0 to 100 percent; got 101.0",
        ),
        ({**fake_table(), "00000001": {"test_acc": [50.0, "a", 50.0]}}, "must be 0 to 100 percent; got 'a'"),
        ({**fake_table(), "00000001": {"test_acc": [50.0, float("nan"), 50.0]}}, "must be 0 to 100 percent; got nan"),
        ({key: {"test_acc": [0.9, 0.9, 0.9]} for key in KEYS}, "are these fractions instead of percent"),
    ],
)
def test_a_wrong_table_is_refused_with_the_reason(tmp_path: Path, table: object, message: str) -> None:
    with pytest.raises(ValueError, match=message) as failure:
        load_table(write(tmp_path / "table.json", table))
    assert "Expected nas-bench-macro_cifar10.json" in str(failure.value)
    assert "table.json" in str(failure.value)


def test_a_truncated_or_binary_file_is_refused(tmp_path: Path) -> None:
    text = json.dumps(fake_table())
    (tmp_path / "cut.json").write_text(text[: len(text) // 2])
    with pytest.raises(ValueError, match=r"cut.json is no complete JSON file .*truncated\?"):
        load_table(tmp_path / "cut.json")
    (tmp_path / "binary.json").write_bytes(b"\x80\x02\xff\xfe")
    with pytest.raises(ValueError, match=r"binary\.json is no complete JSON file"):
        load_table(tmp_path / "binary.json")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"deep\.json is no complete JSON file .*recursion"):
        load_table(tmp_path / "deep.json")


def test_a_missing_file_says_where_its_name_came_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match=r"no accuracy table at .*nowhere\.json .from the path given"):
        load_table(tmp_path / "nowhere.json")
    monkeypatch.setenv(TABLE_VARIABLE, str(tmp_path / "gone.json"))
    with pytest.raises(FileNotFoundError, match=f"gone.json .from the environment variable {TABLE_VARIABLE}."):
        load_table()
    with pytest.raises(FileNotFoundError, match="no accuracy table at"):
        load_table(tmp_path)  # a folder


def test_without_a_file_it_is_downloaded_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []

    def retrieve(url: str, **options: object) -> str:
        asked.append({"url": url, **options})
        return str(write(tmp_path / "fetched.json", fake_table()))

    monkeypatch.delenv(TABLE_VARIABLE, raising=False)
    monkeypatch.setenv("DANCE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setitem(sys.modules, "pooch", SimpleNamespace(retrieve=retrieve))
    assert load_table().tensor.shape == (3,) * 8
    assert asked[0]["known_hash"] == f"sha256:{TABLE_SHA256}"
    assert asked[0]["path"] == tmp_path / "cache"
    assert str(asked[0]["url"]).endswith("/data/nas-bench-macro_cifar10.json")


def test_a_download_without_pooch_names_the_extra_and_the_other_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TABLE_VARIABLE, raising=False)
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=rf"pip install 'dance-env\[download\]'.*{TABLE_VARIABLE}"):
        load_table()


def test_the_checksum_is_that_of_the_known_file(shared_dir: Path) -> None:
    import hashlib

    assert hashlib.sha256(_table(shared_dir).read_bytes()).hexdigest() == TABLE_SHA256
