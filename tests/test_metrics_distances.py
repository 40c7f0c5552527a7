"""Distances between clouds of features: closed forms, axioms, and independent computations."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cardigan.metrics.frechet import frechet_distance
from cardigan.metrics.kernel import kernel_distance

torch.set_num_threads(1)
D = 16


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def exact(n, std, mean=0.0, seed=0):
    """A set whose mean and covariance are exactly those: [n, len(std)]."""
    x = draw(n, len(std), seed=seed)
    x = x - x.mean(0)
    root = torch.linalg.cholesky(x.T @ x / (n - 1))
    white = torch.linalg.solve_triangular(root, x.T, upper=False).T
    return white * torch.as_tensor(std, dtype=torch.float64) + mean


def correlated(seed):
    return draw(300, D, seed=seed) @ draw(D, D, seed=seed + 100) + draw(D, seed=seed + 200)


def by_scipy(x, y):
    (m1, s1), (m2, s2) = ((a.mean(0).numpy(), np.cov(a.T.numpy())) for a in (x, y))
    root = np.asarray(scipy.linalg.sqrtm(s1 @ s2)).real
    return ((m1 - m2) ** 2).sum() + np.trace(s1 + s2 - 2 * root)


stds = st.lists(st.floats(0.1, 5), min_size=2, max_size=8)


@settings(max_examples=25, deadline=None)
@given(stds, st.data())
def test_frechet_of_diagonal_gaussians(a, data):
    b = data.draw(st.lists(st.floats(0.1, 5), min_size=len(a), max_size=len(a)))
    expected = sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
    assert frechet_distance(exact(64, a), exact(99, b, seed=1)) == pytest.approx(
        expected, rel=1e-8, abs=1e-8
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-1e4, 1e4), min_size=D, max_size=D))
def test_frechet_of_a_shift_is_its_square(shift):
    shift, x = torch.tensor(shift, dtype=torch.float64), correlated(0)
    expected = shift.square().sum().item()
    assert frechet_distance(x, x + shift) == pytest.approx(expected, rel=1e-8, abs=1e-6)


@pytest.mark.parametrize("far", [0.0, 1e5])
def test_frechet_of_a_set_to_itself_is_nothing_wherever_it_lies(far):
    x = correlated(1) + far
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-6)


def test_frechet_of_features_that_never_fire_or_repeat():
    x = torch.cat([correlated(2), correlated(2)[:, :3], torch.zeros(300, 4)], 1)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-5)
    assert frechet_distance(x, 0.5 * x) == pytest.approx(by_scipy_scaled(x, 0.5), rel=1e-6)


def by_scipy_scaled(x, scale):
    """Of x and its multiple: |(1 - a) m|^2 + (1 - a)^2 tr S."""
    total = x.mean(0).square().sum() + x.var(0).sum()
    return (1 - scale) ** 2 * total.item()


def test_frechet_equals_scipy_is_symmetric_and_blind_to_rotation():
    x, y = correlated(3), correlated(4)
    distance = frechet_distance(x, y)
    rotation = torch.linalg.qr(draw(D, D, seed=5)).Q
    assert distance == pytest.approx(by_scipy(x, y), rel=1e-8)
    assert distance == pytest.approx(frechet_distance(y, x), rel=1e-8)
    assert distance == pytest.approx(frechet_distance(x @ rotation, y @ rotation), rel=1e-8)


def bias(var, n):
    """What a sample of n adds to the distance, the true covariance having these eigenvalues."""
    pairs = var * var[:, None] * (1 + torch.eye(len(var))) / (var + var[:, None])
    return (var.sum() / n + pairs.sum() / (2 * (n - 1))).item()


@pytest.mark.parametrize("var", [torch.ones(D), torch.linspace(0.1, 4, D)], ids=["white", "ramp"])
def test_frechet_of_two_samples_of_one_law_is_as_biased_as_the_formula_says(var):
    n, trials = 500, 400
    samples = [draw(n, D, seed=i) * var.sqrt() for i in range(2 * trials)]
    pairs = zip(samples[::2], samples[1::2], strict=True)
    found = torch.tensor([frechet_distance(x, y) for x, y in pairs])
    expected, error = 2 * bias(var, n), found.std().item() / math.sqrt(trials)
    assert abs(found.mean().item() - expected) < 4 * error + 0.01 * expected
    assert error < 0.01 * expected


def polynomial(x, y):
    return (x @ y.T / x.shape[1] + 1) ** 3


def directly(x, y):
    n, m = len(x), len(y)
    within = polynomial(x, x), polynomial(y, y)
    left = (within[0].sum() - np.trace(within[0])) / (n * (n - 1))
    right = (within[1].sum() - np.trace(within[1])) / (m * (m - 1))
    return left + right - 2 * polynomial(x, y).mean()


def test_kernel_equals_the_sums_written_out():
    x, y = correlated(5), correlated(6)
    found = kernel_distance(x, y, subsets=1, size=len(x)).mean
    assert found == pytest.approx(directly(x.numpy(), y.numpy()), rel=1e-9)


def gaussian_kernel_mean(a, b):
    """E (s / D + 1)^3 for s = x.y, x ~ N(a, I), y ~ N(b, I)."""
    mean, var = (a @ b).item(), len(a) + (a @ a + b @ b).item()
    second, third = var + mean**2, 6 * mean + 3 * mean * var + mean**3
    return third / D**3 + 3 * second / D**2 + 3 * mean / D + 1


def test_kernel_of_two_gaussians_is_the_closed_form():
    zero, half = torch.zeros(D, dtype=torch.float64), torch.full((D,), 0.5, dtype=torch.float64)
    law = gaussian_kernel_mean
    expected = law(zero, zero) + law(half, half) - 2 * law(zero, half)
    assert expected == pytest.approx(1.029297, abs=1e-6)
    pairs = [(draw(1000, D, seed=i), draw(1000, D, seed=50 + i) + 0.5) for i in range(20)]
    found = torch.tensor([kernel_distance(x, y, 1, 1000).mean for x, y in pairs])
    error = found.std().item() / math.sqrt(len(pairs))
    assert abs(found.mean().item() - expected) < 4 * error and error < 0.02


def test_kernel_of_one_law_is_nothing_on_average_and_often_negative():
    pairs = [(draw(200, D, seed=i), draw(200, D, seed=1000 + i)) for i in range(100)]
    found = torch.tensor([kernel_distance(x, y, 1, 200).mean for x, y in pairs])
    assert abs(found.mean()) < 4 * found.std() / math.sqrt(len(pairs))
    assert 30 <= (found < 0).sum() <= 75


def test_kernel_subsets_follow_their_seed_and_nothing_else():
    x, y = correlated(7), correlated(8)
    first = kernel_distance(x, y, 5, 100, seed=3)
    torch.manual_seed(12345)
    state = torch.get_rng_state()
    assert kernel_distance(x, y, 5, 100, seed=3) == first
    assert torch.equal(torch.get_rng_state(), state)
    assert kernel_distance(x, y, 5, 100, seed=4) != first
    assert first.std > 0
