"""Accuracies, noise, schedules and training times of accel-nasbench: what ships, and the script that fits it."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dance_env.accuracy import FidelityAccuracy, NoisyAccuracy, OneTraining, TensorAccuracy, TimedAccuracy
from dance_env.accuracy.accel_nasbench import accel_nasbench_report, load_accel_nasbench
from dance_env.accuracy.accel_nasbench_tables import read_networks
from dance_env.accuracy.fit_accel_nasbench import STALL_GPU_HOURS, folds, two_fidelities
from dance_env.accuracy.one_training import standard_normal
from dance_env.accuracy.pair_ridge import PairRidge
from dance_env.graph import accel_nasbench
from dance_env.tasks import make_problem

FOLDER = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "accel-nasbench"
TABLE, PAIRS = FOLDER / "networks.csv.gz", FOLDER / "two_fidelities.csv.gz"
needs_table = pytest.mark.skipif(not TABLE.exists(), reason="needs Accel-NASBench's tables, not in this repository")


def networks(count: int, seed: int = 0) -> np.ndarray:
    counts = [len(choice) for choice in accel_nasbench().choices()]
    return np.random.default_rng(seed).integers(0, counts, (count, len(counts)))


# ----------------------------------------------------------------------------------------------------------- what ships
def test_the_held_out_error_meets_the_targets() -> None:
    report = accel_nasbench_report()
    held_out = report["accuracy"]
    assert held_out["networks"] == 4494
    assert held_out["r2"] >= 0.98
    assert held_out["kendall_tau"] >= 0.915
    assert held_out["mean_absolute_error_pct"] <= 0.35


def test_the_accuracies_declare_what_they_know() -> None:
    accuracy = load_accel_nasbench()
    assert isinstance(accuracy, NoisyAccuracy)
    assert isinstance(accuracy, TimedAccuracy)
    assert isinstance(accuracy, FidelityAccuracy)
    assert accuracy.fidelities == ("proxy", "longer")
    assert accuracy.factor_sum().width == 1
    assert not isinstance(TensorAccuracy(np.full((2, 2), 0.5)), NoisyAccuracy | TimedAccuracy | FidelityAccuracy)


@needs_table
def test_what_ships_predicts_the_table() -> None:
    table = read_networks(TABLE)
    predicted = 100 * load_accel_nasbench().evaluate(table.networks)
    assert np.abs(predicted - table.top1_pct).mean() < 0.3
    kept = table.gpu_hours <= STALL_GPU_HOURS
    hours = load_accel_nasbench().training_gpu_hours(table.networks[kept])
    known, first, counts = np.unique(table.networks[kept], axis=0, return_index=True, return_counts=True)
    once = first[counts == 1]
    assert len(known) > 4_400
    assert np.allclose(hours[once], table.gpu_hours[kept][once], rtol=1e-6)


def test_values_do_not_change_unnoticed() -> None:
    accuracy = load_accel_nasbench()
    sample = networks(3)
    assert 100 * accuracy.evaluate(sample) == pytest.approx(GOLDEN_ACCURACY, abs=1e-9)
    assert accuracy.training_gpu_hours(sample) == pytest.approx(GOLDEN_HOURS, abs=1e-9)


def test_every_training_takes_time_and_every_accuracy_is_possible() -> None:
    accuracy = load_accel_nasbench()
    sample = networks(20_000, seed=1)
    hours = accuracy.training_gpu_hours(sample)
    assert 0.3 < hours.min() < hours.max() < 8
    nothing_made = np.full((1, 28), -1)
    for sums in (accuracy.sums, accuracy.at_fidelity("longer").sums):
        low, high = sums.evaluate(sample).min(), sums.evaluate(sample).max()
        assert 0.4 < low < high < 0.8
        least, most = sums.bounds(nothing_made)
        assert 0 < least[0, 0] < most[0, 0] < 1


def test_hours_do_not_depend_on_the_batch() -> None:
    sample = networks(50, seed=2)
    hours = load_accel_nasbench().training_gpu_hours
    assert np.array_equal(hours(sample), np.concatenate([hours(each[None]) for each in sample]))


# --------------------------------------------------------------------------------------------------- noise and fidelity
def test_the_longer_schedule_keeps_the_order_and_costs_more() -> None:
    proxy, longer = load_accel_nasbench(), load_accel_nasbench("longer")
    sample = networks(1000)
    assert np.array_equal(np.argsort(proxy.evaluate(sample)), np.argsort(longer.evaluate(sample)))
    assert (longer.evaluate(sample) > proxy.evaluate(sample) + 0.05).all()
    assert (longer.training_gpu_hours(sample) / proxy.training_gpu_hours(sample) > 5).all()
    assert longer.training_noise < proxy.training_noise
    assert longer.at_fidelity("proxy") is proxy
    assert longer.fingerprint() != proxy.fingerprint()


def test_an_unknown_fidelity_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"accel-nasbench has no fidelity 'long'.*'longer'"):
        make_problem("accel-nasbench", fidelity="long")
    with pytest.raises(ValueError, match="the task 'tiny/balanced' does not take fidelity: its accuracies come from"):
        make_problem("tiny", fidelity="longer")
    with pytest.raises(ValueError, match="does not take noise_seed: its function decides"):
        make_problem("file.py:problem", noise_seed=1)


def test_one_training_is_a_function_of_seed_and_network() -> None:
    expected = load_accel_nasbench()
    sample = networks(500)
    noisy = OneTraining(expected, 3)
    drawn = noisy.evaluate(sample)
    assert np.array_equal(drawn, noisy.evaluate(sample))
    assert np.array_equal(drawn[::-1], noisy.evaluate(sample[::-1].copy()))
    other = OneTraining(expected, 4)
    assert (drawn != other.evaluate(sample)).mean() > 0.99
    assert noisy.fingerprint() != other.fingerprint()
    assert np.array_equal(noisy.training_gpu_hours(sample), expected.training_gpu_hours(sample))
    residual = (drawn - expected.evaluate(sample)) / expected.training_noise
    assert abs(residual.mean()) < 0.2
    assert residual.std() == pytest.approx(1.0, abs=0.15)


def test_the_draws_are_normal_and_independent_of_neighbors() -> None:
    sample = networks(20_000, seed=5)
    drawn = standard_normal(sample, seed=0)
    assert abs(drawn.mean()) < 0.03
    assert drawn.var() == pytest.approx(1.0, abs=0.04)
    assert np.quantile(drawn, [0.025, 0.975]) == pytest.approx([-1.96, 1.96], abs=0.08)
    neighbors = sample.copy()
    neighbors[:, 3] = 1 - neighbors[:, 3]
    for other in (standard_normal(neighbors, seed=0), standard_normal(sample, seed=1)):
        assert abs(np.corrcoef(drawn, other)[0, 1]) < 0.03
    assert standard_normal(np.zeros((1, 28), np.int64), seed=0) == GOLDEN_DRAW  # to the bit, on every machine


def test_wrong_noise_seeds_are_refused() -> None:
    with pytest.raises(TypeError, match=r"one training is drawn from an accuracy model with training_noise.*Tensor"):
        OneTraining(TensorAccuracy(np.full((2, 2), 0.5)), 0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"a noise seed must be a whole number, got 0\.5"):
        OneTraining(load_accel_nasbench(), 0.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a noise seed must lie between 0 and"):
        OneTraining(load_accel_nasbench(), -1)


def test_a_noisy_task_is_judged_without_its_noise() -> None:
    noisy, edap = make_problem("accel-nasbench/noisy"), make_problem("accel-nasbench/edap")
    assert isinstance(noisy.accuracy, OneTraining)
    assert replace(noisy, accuracy=noisy.accuracy.expected).fingerprint() == edap.fingerprint() != noisy.fingerprint()
    assert make_problem("accel-nasbench/edap", noise_seed=0).fingerprint() == noisy.fingerprint()
    assert make_problem("accel-nasbench/edap", noise_seed=2).name == "accel-nasbench/edap (noise seed 2)"
    assert make_problem("accel-nasbench", fidelity="longer").name == "accel-nasbench/edap (longer training)"


# -------------------------------------------------------------------------------------------------------------- the fit
def test_the_polynomial_and_its_tables_are_the_same() -> None:
    ridge = PairRidge((3, 2, 3, 2), 2)
    designs = np.stack(np.meshgrid(*map(np.arange, ridge.option_counts), indexing="ij"), axis=-1).reshape(-1, 4)
    coefficients = np.random.default_rng(0).normal(size=1 + len(ridge.terms))
    constant, mains, pairs = ridge.tables(coefficients)
    total = np.full(len(designs), constant)
    starts = np.cumsum([0, 3, 2, 3])
    total += mains[designs + starts].sum(axis=1)
    place = 0
    for a, b in ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)):
        counts = ridge.option_counts[a], ridge.option_counts[b]
        total += pairs[place + np.ravel_multi_index((designs[:, a], designs[:, b]), counts)]
        place += counts[0] * counts[1]
    assert total == pytest.approx(ridge.features(designs) @ coefficients)


def test_learned_scales_find_the_noise_and_drop_what_does_not_matter() -> None:
    ridge = PairRidge((3, 2, 3, 2, 3, 2), 2)
    rng = np.random.default_rng(0)
    designs = rng.integers(0, ridge.option_counts, (600, 6))
    features = ridge.features(designs)
    target = 2 * features[:, 1] + features[:, 3] + 0.5 * rng.normal(size=600)
    target -= target.mean()
    scales = ridge.learn_scales(features, target)
    assert np.exp(scales.log_noise) == pytest.approx(0.5, rel=0.1)
    found = ridge.solve(features, target, scales)
    assert found[1] == pytest.approx(2, abs=0.1)
    assert np.abs(found[10:]).max() < 0.1


def test_repeated_networks_are_in_one_fold() -> None:
    sample = networks(200)
    rows = np.concatenate([sample, sample[:50]])
    tested = np.zeros(len(rows), dtype=int)
    for train, test in folds(rows):
        tested[test] += 1
        assert not {row.tobytes() for row in rows[train]} & {row.tobytes() for row in rows[test]}
    assert (tested == 1).all()


def lines(count: int) -> list[str]:
    """A small table in the published form."""
    axes = {"expansion": "e", "kernel": "k", "layers": "l", "se": "se"}
    names = [axes[choice.name.split("_")[1]] + choice.name[5] for choice in accel_nasbench().choices()]
    rows = [",".join([*names, "top1_pct", "train_wall_s_on_4_rtx3090"])]
    for network in networks(count):
        options = [choice.options[index] for choice, index in zip(accel_nasbench().choices(), network, strict=True)]
        rows.append(",".join([*map(str, options), "60.5", "2000.0"]))
    return rows


def test_a_good_table_is_read(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("\n".join(lines(5)))
    table = read_networks(file, least=5)
    assert np.array_equal(table.networks, networks(5))
    assert table.gpu_hours == pytest.approx(2000 * 4 / 3600)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("top1_pct", "accuracy", "there is no column 'top1_pct'; found"),
        ("60.5", "160.5", r"line 2: top1_pct must be a percentage, got 160.5"),
        ("60.5", "nan", "line 2: top1_pct must be a percentage, got nan"),
        ("60.5", "good", "line 2: top1_pct must be a number, got 'good'"),
        ("2000.0", "0", "line 2: train_wall_s_on_4_rtx3090 must be a number of seconds above 0, got 0"),
        (",2000.0", "", "line 2: train_wall_s_on_4_rtx3090 must be a number, got None"),
        ("\n1,", "\n7,", r"line 2: e0 must be one of \(1, 4, 6\), got '7'"),
    ],
)
def test_a_wrong_table_is_refused_with_the_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = "\n".join(lines(3))
    first = "\n" + text.split("\n")[1].split(",")[0] + ","
    file = tmp_path / "table.csv"
    file.write_text(text.replace(first if old == "\n1," else old, new, 1))
    with pytest.raises(ValueError, match=message):
        read_networks(file, least=1)


def test_a_truncated_table_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress("\n".join(lines(50)).encode())
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="the file is damaged or truncated"):
        read_networks(cut)
    short = tmp_path / "short.csv"
    short.write_text("\n".join(lines(50)))
    with pytest.raises(ValueError, match="expected at least 1000 networks, found 50; is the file truncated"):
        read_networks(short)


@needs_table
def test_the_two_schedules_are_compared_network_by_network(tmp_path: Path) -> None:
    noise, longer, report = two_fidelities(PAIRS)
    assert report["networks"] == 117
    assert noise == pytest.approx([0.307, 0.171], abs=0.001)
    assert longer == pytest.approx([12.7, 0.909, 5.61], abs=0.02)
    rows = gzip.decompress(PAIRS.read_bytes()).decode().splitlines()
    lacking = tmp_path / "lacking.csv"
    lacking.write_text("\n".join(rows[:-1]))
    with pytest.raises(ValueError, match="every network needs equally many trainings, two or more, of fidelity"):
        two_fidelities(lacking)


GOLDEN_ACCURACY = [60.8686700338, 58.8145656935, 63.0392903672]
GOLDEN_HOURS = [2.4569346609, 2.9395757632, 3.8324920716]
GOLDEN_DRAW = 0.18597932405685835
