"""Supernets that rank networks imperfectly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dance_env.accuracy.accel_nasbench import load_accel_nasbench
from dance_env.accuracy.imperfect import ImperfectAccuracy
from dance_env.graph import accel_nasbench, layer_sum

TRUTH = load_accel_nasbench()
NETWORKS = np.random.default_rng(5).integers(0, TRUTH.option_counts, (50, 28))


@pytest.mark.parametrize("tau", [0.5, 0.8, 0.95])
def test_the_rank_correlation_is_the_one_asked_for_on_other_networks_too(tau: float) -> None:
    model = ImperfectAccuracy.of(TRUTH, rank_correlation=tau)
    assert model.rank_correlation == pytest.approx(tau, abs=0.03)
    assert np.array_equal(model.evaluate(NETWORKS), TRUTH.evaluate(NETWORKS))


def test_gradients_see_another_accuracy_than_evaluations() -> None:
    model = ImperfectAccuracy.of(TRUTH, rank_correlation=0.6, seed=3)
    hot = np.concatenate([np.eye(n)[NETWORKS[:, i]] for i, n in enumerate(TRUTH.option_counts)], axis=1)
    seen = model.relax()(torch.tensor(hot)).numpy()
    np.testing.assert_allclose(seen, model.seen.evaluate(NETWORKS)[:, 0])
    assert np.abs(seen - TRUTH.evaluate(NETWORKS)).mean() > 1e-3


def test_the_seed_decides_and_the_fingerprint_follows() -> None:
    marks = [ImperfectAccuracy.of(TRUTH, rank_correlation=0.8, seed=seed).fingerprint() for seed in (0, 0, 1)]
    assert marks[0] == marks[1] != marks[2]
    assert ImperfectAccuracy.of(TRUTH, rank_correlation=1.0).seen is TRUTH.factor_sum()


def test_a_bias_towards_large_networks() -> None:
    macs = layer_sum(accel_nasbench(), lambda layer: layer.macs)
    model = ImperfectAccuracy.of(TRUTH, rank_correlation=0.7, towards=macs)
    assert model.rank_correlation == pytest.approx(0.7, abs=0.03)
    with pytest.raises(ValueError, match=r"leaves a rank correlation above 0\.4"):
        ImperfectAccuracy.of(TRUTH, rank_correlation=0.4, towards=macs)


@pytest.mark.parametrize("tau", [0.0, 1.5])
def test_a_rank_correlation_out_of_range_is_refused(tau: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        ImperfectAccuracy.of(TRUTH, rank_correlation=tau)
