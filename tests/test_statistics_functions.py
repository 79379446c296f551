"""The statistics' functions of arrays, each against another library or a closed form."""

from __future__ import annotations

import inspect
import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from solvers.comparison.statistics.aggregate import interquartile_mean, interquartile_mean_interval
from solvers.comparison.statistics.curves import amounts, quantiles, value_at
from solvers.comparison.statistics.fronts import hypervolume, igd_plus, normalized
from solvers.comparison.statistics.pair_tests import holm, median_difference, paired_p, unpaired_p
from solvers.comparison.statistics.profiles import performance_profile, performance_ratios, score_distribution
from solvers.comparison.statistics.ranks import critical_difference, friedman, groups, nemenyi_p, rank_solvers
from solvers.comparison.statistics.superiority import probability_interval, probability_of_improvement
from solvers.comparison.statistics.targets import ecdf, expected_run_length, run_lengths

_RNG = "rng" if "rng" in inspect.signature(stats.bootstrap).parameters else "random_state"
"""What SciPy calls the generator; the name changed with 1.15."""


def test_the_interquartile_mean_is_that_of_the_middle_half():
    scores = [np.array([1.0, 2.0, 3.0, 100.0]), np.array([4.0, 5.0, 6.0, -50.0])]
    assert interquartile_mean(scores) == pytest.approx(np.mean([2.0, 3.0, 4.0, 5.0]))  # of -50 1 2 3 4 5 6 100
    assert interquartile_mean([np.array([1.0, 2.0, 3.0, math.inf])]) == 2.5  # a quarter may fail
    assert interquartile_mean([np.array([1.0, 2.0, math.inf, math.inf])]) == math.inf


def test_the_bootstrap_resamples_within_tasks_and_agrees_with_the_exact_distribution():
    one, two = np.array([1.0, 2.0]), np.array([10.0])
    # The second task has one run, so all resamples hold it: (1, 1, 10), (1, 2, 10) twice, (2, 2, 10), trimmed by none.
    interval = interquartile_mean_interval([one, two], confidence=0.9, resamples=4000)
    assert interval.value == pytest.approx(13 / 3)
    assert (interval.low, interval.high) == (pytest.approx(4.0), pytest.approx(14 / 3))
    again = interquartile_mean_interval([one, two], confidence=0.9, resamples=4000)
    assert again == interval


def test_the_bootstrap_interval_is_that_of_scipy():
    scores = np.random.default_rng(3).lognormal(size=40)
    ours = interquartile_mean_interval([scores], resamples=20_000)
    theirs = stats.bootstrap(
        (scores,),
        lambda x, axis: stats.trim_mean(x, 0.25, axis=axis),
        n_resamples=20_000,
        method="percentile",
        **{_RNG: np.random.default_rng(0)},
    ).confidence_interval
    assert (ours.low, ours.high) == (pytest.approx(theirs.low, rel=0.02), pytest.approx(theirs.high, rel=0.02))


def test_the_probability_of_improvement_is_mann_whitneys_statistic():
    rng = np.random.default_rng(0)
    first, second = ([rng.integers(6, size=size).astype(float) for size in sizes] for sizes in ((7, 5), (4, 9)))
    expected = np.mean(
        [1 - stats.mannwhitneyu(x, y).statistic / (len(x) * len(y)) for x, y in zip(first, second, strict=True)]
    )
    assert probability_of_improvement(first, second) == pytest.approx(expected)
    assert probability_of_improvement(second, first) == pytest.approx(1 - expected)
    assert probability_of_improvement([np.array([math.inf, 1.0])], [np.array([math.inf, 2.0])]) == 0.625


def test_its_interval_is_that_of_drawn_resamples():
    first, second = np.array([1.0, 2.0]), np.array([1.5, 0.0])
    resamples = [
        probability_of_improvement([first[list(x)]], [second[list(y)]])
        for x, y in product(product((0, 1), repeat=2), repeat=2)
    ]
    assert sorted(set(resamples)) == [0.0, 0.25, 0.5, 1.0]
    interval = probability_interval([first], [second], confidence=0.5, resamples=8000)
    exact = np.sort(resamples)
    assert (interval.value, interval.low, interval.high) == (0.25, exact[3], exact[12])


@pytest.mark.parametrize("seed", [0, 1])
def test_ranks_are_those_of_scikit_posthocs_and_scipy(seed):
    posthocs = pytest.importorskip("scikit_posthocs")
    scores = np.random.default_rng(seed).integers(8, size=(12, 5)).astype(float)
    scores[:, 1] -= 4
    ranks = rank_solvers(scores, block="task")
    expected = posthocs.posthoc_nemenyi_friedman(scores).to_numpy()
    np.testing.assert_allclose(ranks.nemenyi_p, expected, rtol=0, atol=1e-6)
    assert (ranks.friedman_statistic, ranks.friedman_p) == pytest.approx(stats.friedmanchisquare(*scores.T))
    np.testing.assert_array_equal(ranks.average, stats.rankdata(scores, axis=1).mean(axis=0))
    far = np.abs(ranks.average[:, None] - ranks.average) > ranks.critical_difference
    np.testing.assert_array_equal(far, ranks.nemenyi_p < 0.05)


def test_the_critical_difference_is_demsars():
    # Demšar (2006), section 3.2.4: four classifiers on 14 data sets, 2.569 sqrt(4 x 5 / (6 x 14)) = 1.25.
    assert critical_difference(4, 14) == pytest.approx(2.569 * math.sqrt(20 / 84), rel=1e-3)
    assert critical_difference(10, 5) == pytest.approx(3.164 * math.sqrt(110 / 30), rel=1e-3)  # his table 5(a)


def test_groups_are_as_large_as_they_can_be():
    average = np.array([3.0, 1.0, 1.5, 2.4, 6.0])
    assert groups(average, 1.0) == ((1, 2), (2, 3), (3, 0))
    assert groups(average, 1.6) == ((1, 2, 3), (2, 3, 0))
    assert groups(average, 0.1) == ()
    assert groups(average, 9.0) == ((1, 2, 3, 0, 4),)


def test_failures_rank_last_and_tied():
    scores = np.array([[1.0, math.inf, math.inf], [2.0, 1.0, math.inf]])
    np.testing.assert_array_equal(rank_solvers(scores, block="seed").average, [1.5, 1.75, 2.75])
    with pytest.raises(ValueError, match="a score is NaN"):
        rank_solvers(np.array([[1.0, math.nan]]), block="seed")


def test_ranks_of_few_solvers_or_of_equals_have_no_test():
    assert all(math.isnan(each) for each in friedman(np.array([[1.0, 2.0], [1.0, 2.0]])))
    assert friedman(np.full((3, 4), math.inf)) == (0.0, 1.0)
    assert math.isnan(critical_difference(1, 4))
    np.testing.assert_array_equal(nemenyi_p(np.array([1.5, 1.5]), 10), np.ones((2, 2)))


def test_wilcoxon_is_exact_and_failures_count():
    first, second = np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([2.0, 4.0, 6.0, 8.0, math.inf])
    assert paired_p(first, second) == pytest.approx(2 / 2**5)  # all five differences have one sign
    assert paired_p(second, first) == paired_p(first, second)
    assert paired_p(np.full(4, math.inf), np.full(4, math.inf)) == 1.0
    both = (
        np.array([1.0, 2.0, 3.0, math.inf]),
        np.array([1.5, 2.7, 3.9, math.inf]),
    )  # one pair of failures: no difference
    assert 2 / 2**4 < paired_p(*both) < 1.0


def test_the_median_difference_is_unknown_halfway_between_two_failures():
    one, other = np.array([math.inf, 1.0]), np.array([1.0, math.inf])
    assert math.isnan(median_difference(one, other))
    assert math.isnan(median_difference(np.empty(0), np.empty(0)))
    assert median_difference(one, one) == 0.0
    assert median_difference(np.array([1.0, 2.0, math.inf]), np.array([3.0, 5.0, 0.0])) == -2.0


def test_mann_whitney_counts_failures():
    assert unpaired_p(np.array([1.0, 2.0, 3.0]), np.array([4.0, math.inf, 6.0])) == pytest.approx(2 / math.comb(6, 3))
    assert unpaired_p(np.ones(3), np.ones(5)) == 1.0


def test_holm_is_the_closed_testing_procedure():
    p = np.array([0.04, 0.01, 0.03, 0.5])
    np.testing.assert_allclose(holm(p), [0.09, 0.04, 0.09, 0.5])
    assert holm(np.array([0.4, 0.5])) == pytest.approx([0.8, 0.8])
    posthocs = pytest.importorskip("scikit_posthocs")
    values = np.random.default_rng(2).normal(size=(4, 15)) + np.array([[0.0], [0.9], [0.2], [1.4]])
    table = posthocs.posthoc_wilcoxon(list(values), p_adjust="holm").to_numpy()
    raw = posthocs.posthoc_wilcoxon(list(values)).to_numpy()
    upper = np.triu_indices(4, 1)
    np.testing.assert_allclose(holm(raw[upper]), table[upper])
    np.testing.assert_allclose(raw[0, 1], paired_p(values[0], values[1]))


def test_run_lengths_are_what_was_spent_when_a_target_was_first_reached():
    spent, regret = np.array([2.0, 3.0, 7.0, 9.0]), np.array([math.inf, 5.0, 5.0, 0.0])
    np.testing.assert_array_equal(run_lengths(spent, regret, np.array([10.0, 5.0, 1.0, 0.0])), [3.0, 3.0, 9.0, 9.0])
    np.testing.assert_array_equal(run_lengths(spent[:3], regret[:3], np.array([10.0, 1.0])), [3.0, math.inf])
    assert run_lengths(np.empty(0), np.empty(0), np.array([1.0])) == [math.inf]


def test_a_target_is_reached_once_although_a_judged_regret_rises_again():
    spent, regret = np.arange(1.0, 6.0), np.array([5.0, 0.5, 3.0, 3.0, 3.0])
    np.testing.assert_array_equal(run_lengths(spent, regret, np.array([4.0, 1.0, 0.1])), [2.0, 2.0, math.inf])


def test_the_distribution_of_run_lengths_counts_those_never_reached():
    lengths = np.array([1.0, 4.0, math.inf, 4.0])
    np.testing.assert_array_equal(ecdf(lengths, np.array([0.5, 1.0, 3.9, 4.0, 1e9])), [0, 0.25, 0.25, 0.75, 0.75])
    reference = stats.ecdf(stats.CensoredData.right_censored([1.0, 4.0, 9.0, 4.0], [False, False, True, False]))
    assert reference.cdf.evaluate(4.0) == 0.75


def test_the_expected_run_length_counts_what_failing_runs_spent():
    lengths, totals = np.array([10.0, math.inf, 30.0]), np.array([100.0, 100.0, 100.0])
    assert expected_run_length(lengths, totals) == (10 + 100 + 30) / 2
    assert expected_run_length(np.full(3, math.inf), totals) == math.inf
    # Restarting a geometric trial: success 1/4 after 1 unit each, 4 units on average.
    draws = np.random.default_rng(0).random(40_000) < 0.25
    assert expected_run_length(np.where(draws, 1.0, math.inf), np.ones(40_000)) == pytest.approx(4.0, rel=0.03)


def test_profiles():
    scores = [np.array([1.0, 3.0]), np.array([0.0, math.inf, math.inf, 2.0])]
    np.testing.assert_array_equal(score_distribution(scores, np.array([0.0, 1.0, 9.0])), [0.125, 0.375, 0.75])
    costs = np.array([[10.0, 20.0], [30.0, 10.0], [math.inf, 5.0], [math.inf, math.inf]])
    np.testing.assert_array_equal(performance_ratios(costs), [[1, 2], [3, 1], [math.inf, 1], [math.inf, math.inf]])
    np.testing.assert_array_equal(
        performance_profile(costs, np.array([1.0, 2.0, 3.0])), [[0.25, 0.25, 0.5], [0.5, 0.75, 0.75]]
    )


@pytest.mark.parametrize("seed", range(6))
def test_hypervolume_and_igd_plus_are_moocores(seed):
    moocore = pytest.importorskip("moocore")
    rng = np.random.default_rng(seed)
    points, front = rng.random((rng.integers(1, 300), 2)), rng.random((500, 2))
    if seed % 2:
        points = np.round(points, 1)  # ties and repeats
    corner = np.array([0.9, 0.8])
    assert hypervolume(points, corner) == pytest.approx(moocore.hypervolume(points, ref=corner), rel=1e-12)
    assert igd_plus(points, front) == pytest.approx(moocore.igd_plus(points, front), rel=1e-12)


def test_sets_without_points_and_fronts_without_range():
    nothing = np.empty((0, 2))
    assert hypervolume(nothing, np.ones(2)) == 0.0
    assert igd_plus(nothing, np.ones((1, 2))) == math.inf
    assert igd_plus(np.array([[0.5, 0.5]]), np.array([[1.0, 0.7]])) == 0.0  # dominated
    front = np.array([[1.0, 5.0], [1.0, 9.0]])
    np.testing.assert_array_equal(normalized(front, front), [[0.0, 0.0], [0.0, 1.0]])


def test_curves_hold_their_last_value():
    grid = np.array([0.5, 1.0, 2.5, 100.0])
    np.testing.assert_array_equal(value_at(np.array([1.0, 2.0]), np.array([9.0, 3.0]), grid), [math.inf, 9.0, 3.0, 3.0])
    np.testing.assert_array_equal(value_at(np.empty(0), np.empty(0), grid), np.full(4, math.inf))
    low, middle, high = quantiles(np.array([[1.0], [2.0], [math.inf], [math.inf]]))
    assert (low, middle, high) == (1.0, math.inf, math.inf)
    found = amounts([np.array([math.nan, 4.0, 9.0]), np.array([0.0, 2.0])], points=5)
    assert (found[0], found[-1], len(found)) == (2.0, pytest.approx(9.0), 5)
    assert amounts([np.array([math.nan])], points=5).size == 0
