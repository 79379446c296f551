"""Sums of factors: values, expectations and bounds, each against the sum written out by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dance_env.space import FREE, Factor, FactorSum
from dance_env.space.factors_torch import RelaxedFactorSum


@st.composite
def factor_sums(draw: st.DrawFn, *, max_scope: int = 3) -> FactorSum:
    """Up to four choices of one to three options, up to four factors, one to three values (or 70, the wide way)."""
    counts = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    width = draw(st.sampled_from([1, 2, 3, 70]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    factors = []
    for _ in range(draw(st.integers(0, 4))):
        size = draw(st.integers(1, min(max_scope, len(counts))))
        scope = tuple(int(choice) for choice in rng.permutation(len(counts))[:size])
        rows = int(np.prod([counts[choice] for choice in scope]))
        factors.append(Factor(scope, rng.normal(size=(rows, width))))
    return FactorSum(counts, rng.normal(size=width), factors)


def all_networks(counts: tuple[int, ...]) -> np.ndarray:
    return np.array(list(itertools.product(*(range(count) for count in counts))), dtype=np.int64)


def by_hand(factors: FactorSum, network: np.ndarray) -> np.ndarray:
    total = factors.constant.copy()
    for factor in factors.factors:
        table = factor.table.reshape(*(factors.option_counts[choice] for choice in factor.scope), factors.width)
        total = total + table[tuple(network[choice] for choice in factor.scope)]
    return total


def draw_probs(counts: tuple[int, ...], rng: np.random.Generator, batch: int) -> np.ndarray:
    return np.concatenate([rng.dirichlet(np.ones(count), batch) for count in counts], axis=1)


def chances(counts: tuple[int, ...], probs: np.ndarray, networks: np.ndarray) -> np.ndarray:
    """`(B, networks)`: the probability of each network."""
    starts = np.cumsum((0, *counts[:-1]))
    return np.stack([probs[:, starts + network].prod(axis=1) for network in networks], axis=1)


@settings(max_examples=60)
@given(factor_sums())
def test_values_are_the_sum_by_hand_however_they_are_asked(factors: FactorSum) -> None:
    networks = all_networks(factors.option_counts)
    found = factors.evaluate(networks)
    np.testing.assert_array_equal(found, np.stack([by_hand(factors, network) for network in networks]))
    for column in range(factors.width):
        columns = np.full(len(networks), column)
        np.testing.assert_array_equal(factors.lookup(networks, columns), found[:, column])
    np.testing.assert_array_equal(factors.evaluate(networks[::-1])[::-1], found)
    np.testing.assert_array_equal(factors.select(np.array([0])).evaluate(networks), found[:, :1])


@settings(max_examples=60)
@given(factor_sums(), st.integers(0, 100))
def test_an_expectation_is_the_mean_over_all_networks(factors: FactorSum, seed: int) -> None:
    networks = all_networks(factors.option_counts)
    probs = draw_probs(factors.option_counts, np.random.default_rng(seed), 3)
    expected = chances(factors.option_counts, probs, networks) @ factors.evaluate(networks)
    np.testing.assert_allclose(factors.expect(probs), expected, rtol=1e-12, atol=1e-12)
    relaxed = RelaxedFactorSum(factors)(torch.tensor(probs)).numpy()
    np.testing.assert_allclose(relaxed, expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=40)
@given(factor_sums())
def test_an_expectation_at_one_hots_is_the_value(factors: FactorSum) -> None:
    networks = all_networks(factors.option_counts)
    starts = np.cumsum((0, *factors.option_counts[:-1]))
    one_hot = np.zeros((len(networks), sum(factors.option_counts)))
    np.put_along_axis(one_hot, networks + starts, 1.0, axis=1)
    values = factors.evaluate(networks)
    np.testing.assert_allclose(factors.expect(one_hot), values, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(RelaxedFactorSum(factors)(torch.tensor(one_hot)), values, rtol=1e-14, atol=1e-14)


def test_many_factors_of_one_value_give_the_same_bits_in_every_batch() -> None:
    rng = np.random.default_rng(0)
    counts = tuple(rng.integers(2, 4, 12).tolist())
    scopes = [(i,) for i in range(12)] + [(i, j) for i in range(12) for j in range(i)]
    tables = [rng.standard_normal((int(np.prod([counts[c] for c in scope])), 1)) for scope in scopes]
    factors = FactorSum(counts, [0.1], [Factor(scope, table) for scope, table in zip(scopes, tables, strict=True)])
    networks = rng.integers(0, counts, (200, 12))
    one_by_one = np.concatenate([factors.evaluate(network[None]) for network in networks])
    assert np.array_equal(factors.evaluate(networks), one_by_one)
    assert np.array_equal(factors.lookup(networks, np.zeros(200, dtype=np.int64)), one_by_one[:, 0])
    np.testing.assert_allclose(one_by_one[:5, 0], [by_hand(factors, network)[0] for network in networks[:5]])
    probs = draw_probs(counts, rng, 4)
    relaxed = RelaxedFactorSum(factors)(torch.tensor(probs))
    np.testing.assert_allclose(relaxed.numpy(), factors.expect(probs), rtol=1e-12)
    at = RelaxedFactorSum(factors).at(torch.tensor(probs), torch.zeros(4, dtype=torch.int64))
    np.testing.assert_allclose(at.numpy(), factors.expect(probs)[:, 0], rtol=1e-12)


@pytest.mark.parametrize("width", [1, 5])
def test_gradients_are_those_of_finite_differences(width: int) -> None:
    """With one value the table over three choices is contracted, with five it is a product with joint probabilities."""
    rng = np.random.default_rng(0)
    scopes = [(0,), (2, 1), (0, 1, 2)]
    counts = (2, 3, 2)
    factors = [Factor(s, rng.normal(size=(int(np.prod([counts[c] for c in s])), width))) for s in scopes]
    relaxed = RelaxedFactorSum(FactorSum(counts, rng.normal(size=width), factors))
    probs = torch.tensor(draw_probs(counts, rng, 2)).requires_grad_()
    assert torch.autograd.gradcheck(relaxed, (probs,))


@settings(max_examples=60)
@given(factor_sums(), st.data())
def test_bounds_hold_for_every_completion(factors: FactorSum, data: st.DataObject) -> None:
    counts = factors.option_counts
    partial = np.array([data.draw(st.integers(FREE, count - 1)) for count in counts])
    least, most = factors.bounds(partial[None])
    networks = all_networks(counts)
    values = factors.evaluate(networks[((networks == partial) | (partial == FREE)).all(axis=1)])
    assert (least[0] <= values).all()  # to the bit: rounding keeps the order of sums
    assert (values <= most[0]).all()
    readers = [sum(choice in factor.scope for factor in factors.factors) for choice in np.flatnonzero(partial == FREE)]
    if max(readers, default=0) <= 1:
        np.testing.assert_allclose(values.min(axis=0), least[0], rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(values.max(axis=0), most[0], rtol=1e-13, atol=1e-13)


def test_bounds_with_infinite_values() -> None:
    table = np.array([[1.0, np.inf], [2.0, np.inf], [5.0, 1.0]])
    factors = FactorSum((3,), [0.0, 0.0], [Factor((0,), table)])
    least, most = factors.bounds([[FREE], [1]])
    np.testing.assert_array_equal(least, [[1.0, 1.0], [2.0, np.inf]])
    np.testing.assert_array_equal(most, [[5.0, np.inf], [2.0, np.inf]])
    np.testing.assert_array_equal(factors.bounds([[FREE], [1]], finite_only=True)[1], [[5.0, 1.0], [2.0, -np.inf]])
    nowhere = FactorSum((3,), [np.inf, 0.0], [Factor((0,), table)])
    np.testing.assert_array_equal(nowhere.bounds([[1]], finite_only=True)[1], [[-np.inf, -np.inf]])


def test_infinite_values_have_no_expectation() -> None:
    factors = FactorSum.per_choice((2,), [0.0], [[1.0], [np.inf]])
    assert factors.infinite == 1
    for expect in (lambda: factors.expect([[1.0, 0.0]]), lambda: RelaxedFactorSum(factors)):
        with pytest.raises(ValueError, match="1 values of the tables are infinite: an expectation has no meaning"):
            expect()


def test_fingerprints_follow_every_part() -> None:
    table = np.arange(6.0).reshape(6, 1)
    same = FactorSum((2, 3), [0.0], [Factor((0, 1), table)])
    sums = [
        FactorSum((2, 3), [0.0], [Factor((1, 0), table)]),
        FactorSum((2, 3), [1.0], [Factor((0, 1), table)]),
        FactorSum((2, 3), [0.0], [Factor((0, 1), table + 1)]),
        FactorSum((2, 3, 1), [0.0], [Factor((0, 1), table)]),
        FactorSum((2, 3), [0.0, 1.0], [Factor((0, 1), np.repeat(table, 2, axis=1))]),
    ]
    assert len({each.fingerprint() for each in (same, *sums)}) == 6
    assert FactorSum((2, 3), [0.0], [Factor((0, 1), table)]).fingerprint() == same.fingerprint()


def test_a_sum_cannot_be_changed_and_keeps_its_own_copy() -> None:
    table = np.ones((2, 1))
    factors = FactorSum((2,), [0.0], [Factor((0,), table)])
    table[:] = 7.0
    assert factors.evaluate(np.array([[1]])).tolist() == [[1.0]]
    for array in (factors.constant, factors.rows, factors.factors[0].table):
        with pytest.raises(ValueError, match="read-only"):
            array += 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Factor((), np.ones((1, 1))), r"must be one or more different choices, got \(\)"),
        (lambda: Factor((1, 1), np.ones((4, 1))), r"different choices, got \(1, 1\)"),
        (lambda: Factor((0,), np.ones(2)), r"table must be \(joint options, W\), got \(2,\)"),
        (lambda: Factor((0,), [[np.nan], [1.0]]), "holds 1 NaN values"),
        (lambda: FactorSum((2,), [[0.0]], ()), r"the constant must be \(W,\) without NaN, got shape \(1, 1\)"),
        (lambda: FactorSum((2,), [0.0], [Factor((1,), np.ones((2, 1)))]), "there are 1 choices, counted from 0"),
        (lambda: FactorSum((2, 3), [0.0], [Factor((0, 1), np.ones((5, 1)))]), r"\(6, 1\) .* got \(5, 1\)"),
        (lambda: FactorSum.per_choice((2, 3), [0.0], np.ones((4, 1))), "must have 5 rows, one for each option; got 4"),
        (lambda: FactorSum((2,), [0.0], ()).expect([0.5, 0.5]), r"shape \(batch, 2\), got \(2,\)"),
        (lambda: FactorSum((2,), [0.0], ()).bounds([[-2]]), r"network 0, column 0: .* in 0..1, got -2"),
        (lambda: FactorSum((2,), [0.0], ()).check([[2]]), r"network 0, column 0: .* in 0..1, got 2"),
    ],
)
def test_what_does_not_fit_is_refused(make, message) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("networks", [[[True]], [[0.0]]])
def test_networks_are_whole_numbers(networks) -> None:
    factors = FactorSum((2,), [0.0], ())
    for ask in (factors.check, factors.bounds):
        with pytest.raises(TypeError, match="networks must be whole numbers"):
            ask(networks)
