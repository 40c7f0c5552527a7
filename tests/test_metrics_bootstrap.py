"""Intervals hold what they promise, and repeat themselves."""

import math

import pytest
import torch

from cardigan.metrics.bootstrap import bootstrap, mean_interval


def weighted_mean(values):
    return lambda counts: (counts @ values / len(values)).item()


def test_the_mean_of_gaussians():
    values = torch.randn(400, dtype=torch.float64)
    low, high = bootstrap(weighted_mean(values), 400, times=2000)
    close = mean_interval(values)
    assert (low + high) / 2 == pytest.approx(values.mean().item(), abs=1e-12)
    assert high - low == pytest.approx(2 * 1.96 / 20, rel=0.15)
    assert high - low == pytest.approx(close.high - close.low, rel=0.1)


@pytest.mark.parametrize("interval", ["bootstrap", "mean"])
def test_the_truth_lies_inside_as_often_as_was_said(interval):
    """95 % of 400 trials, give or take three standard errors."""
    inside = 0
    for trial in range(400):
        values = torch.randn(100, generator=torch.Generator().manual_seed(trial)).double()
        made = {
            "bootstrap": lambda v=values, t=trial: bootstrap(weighted_mean(v), 100, 100, t),
            "mean": lambda v=values: mean_interval(v),
        }[interval]()
        inside += made.low < 0 < made.high
    assert abs(inside / 400 - 0.95) < 3 * math.sqrt(0.95 * 0.05 / 400) + 0.01


def test_a_constant_has_no_interval():
    assert bootstrap(weighted_mean(torch.ones(10).double()), 10) == (1, 1)
    assert mean_interval(torch.ones(10)) == (1, 1)


def test_a_seed_repeats_itself_and_leaves_the_global_state_alone():
    values = torch.randn(50).double()
    state = torch.get_rng_state()
    first = bootstrap(weighted_mean(values), 50, seed=3)
    assert first == bootstrap(weighted_mean(values), 50, seed=3)
    assert first != bootstrap(weighted_mean(values), 50, seed=4)
    assert torch.equal(state, torch.get_rng_state())
