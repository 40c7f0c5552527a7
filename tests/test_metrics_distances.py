"""Distances between clouds of features: closed forms, axioms, and independent computations."""

import math

import numpy as np
import ot
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import polynomial_kernel
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import poly_mmd

from cardigan.metrics import gaussian, kernel
from cardigan.metrics.frechet import (
    between,
    bias,
    frechet_at_infinity,
    frechet_distance,
    frechet_interval,
)
from cardigan.metrics.gaussian import Gaussian, Moments
from cardigan.metrics.kernel import discrepancy, kernel_distance

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


def correlated(seed, n=300, width=D):
    mixed = draw(n, width, seed=seed) @ draw(width, width, seed=seed + 100)
    return mixed + draw(width, seed=seed + 200)


def random_rotation(width=D):
    return torch.linalg.qr(draw(width, width, seed=5)).Q


def law_of(var, mean=0.0):
    """A Gaussian that was fitted to no sample, but is the truth."""
    var = torch.as_tensor(var, dtype=torch.float64)
    return Gaussian(10**9, torch.zeros_like(var) + mean, torch.diag(var))


def statistics_of(x):
    return x.mean(0).numpy(), np.cov(x.T.numpy())


def by_scipy(x, y):
    (m1, s1), (m2, s2) = statistics_of(x), statistics_of(y)
    root = np.asarray(scipy.linalg.sqrtm(s1 @ s2)).real
    return ((m1 - m2) ** 2).sum() + np.trace(s1 + s2 - 2 * root)


def by_eigenvalues(x, y):
    (m1, s1), (m2, s2) = statistics_of(x), statistics_of(y)
    root = np.sqrt(np.linalg.eigvals(s1 @ s2).real).sum()
    return ((m1 - m2) ** 2).sum() + np.trace(s1 + s2) - 2 * root


def by_two_roots(x, y):
    (m1, s1), (m2, s2) = statistics_of(x), statistics_of(y)
    values, vectors = np.linalg.eigh(s1)
    half = (vectors * np.sqrt(values)) @ vectors.T
    root = np.sqrt(np.linalg.eigvalsh(half @ s2 @ half)).sum()
    return ((m1 - m2) ** 2).sum() + np.trace(s1 + s2) - 2 * root


def by_optimal_transport(x, y):
    (m1, s1), (m2, s2) = statistics_of(x), statistics_of(y)
    return float(np.asarray(ot.gaussian.bures_wasserstein_distance(m1, m2, s1, s2))) ** 2


class Given(torch.nn.Module):
    num_features = D

    def forward(self, features):
        return features


def by_torchmetrics(x, y):
    metric = FrechetInceptionDistance(Given()).set_dtype(torch.float64)
    metric.update(x, real=True)
    metric.update(y, real=False)
    return metric.compute().item()


# Gaussians from one piece or many


def test_a_gaussian_is_what_numpy_finds():
    x = correlated(0)
    found = Gaussian.of(x)
    mean, covariance = statistics_of(x)
    assert found.count == 300
    np.testing.assert_allclose(found.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-12)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=6), st.sampled_from([0.0, 1e6]))
def test_how_features_are_cut_changes_nothing(cuts, far):
    """Sorted, so that the parts are as unlike as can be, and far from the origin."""
    x = correlated(1)
    x = x[x[:, 0].argsort()] + far
    parts = torch.tensor_split(x, sorted(cuts))
    streamed, merged = Moments(), Moments()
    for part in parts:
        streamed.add(part)
    for part in reversed(parts):
        merged.merge(Moments().add(part))
    whole = Gaussian.of(x)
    for found in (streamed.gaussian(), merged.gaussian()):
        assert found.count == whole.count
        torch.testing.assert_close(found.mean, whole.mean, rtol=1e-13, atol=1e-11)
        torch.testing.assert_close(found.covariance, whole.covariance, rtol=1e-9, atol=1e-9)
        assert between(found, whole) == pytest.approx(0, abs=1e-9)


def test_many_rows_are_taken_a_few_at_a_time(monkeypatch):
    x, whole = correlated(2), Gaussian.of(correlated(2))
    monkeypatch.setattr(gaussian, "ROWS", 7)
    torch.testing.assert_close(Gaussian.of(x).covariance, whole.covariance, rtol=1e-12, atol=0)


def test_merging_leaves_the_other_as_it_was():
    one, other = Moments().add(correlated(3)), Moments().add(correlated(4))
    kept = other.scatter.clone()
    started = Moments().merge(other).merge(one)
    assert torch.equal(other.scatter, kept) and other.count == 300 and started.count == 600


def test_features_in_single_precision_far_away_do_not_cancel():
    x = draw(400, 4, seed=1).float() + 1000
    expected = np.cov(x.double().T.numpy())
    np.testing.assert_allclose(Gaussian.of(x).covariance, expected, rtol=1e-10)


# Fréchet distance: closed forms

stds = st.lists(st.floats(0.1, 5), min_size=1, max_size=8)


@settings(max_examples=25, deadline=None)
@given(stds, st.data())
def test_frechet_of_diagonal_gaussians(a, data):
    """One dimension is among them: (m1 - m2)^2 + (s1 - s2)^2."""
    b = data.draw(st.lists(st.floats(0.1, 5), min_size=len(a), max_size=len(a)))
    shift = data.draw(st.floats(-3, 3))
    expected = sum((x - y) ** 2 + shift**2 for x, y in zip(a, b, strict=True))
    assert frechet_distance(exact(64, a), exact(99, b, shift, seed=1)) == pytest.approx(
        expected, rel=1e-8, abs=1e-8
    )


def test_frechet_of_covariances_that_commute():
    turn, a, b = random_rotation(8), torch.linspace(1, 3, 8), torch.linspace(2, 0.5, 8)
    x, y = exact(50, a) @ turn, exact(60, b, seed=1) @ turn
    expected = (a - b).square().sum().item()
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-1e4, 1e4), min_size=D, max_size=D))
def test_frechet_of_a_shift_is_its_square(shift):
    shift, x = torch.tensor(shift, dtype=torch.float64), correlated(0)
    expected = shift.square().sum().item()
    assert frechet_distance(x, x + shift) == pytest.approx(expected, rel=1e-8, abs=1e-6)


@pytest.mark.parametrize("n", [300, D - 4])
@pytest.mark.parametrize("scale", [0.0, 0.5, -2.0])
def test_frechet_of_a_multiple(n, scale):
    """|(1 - a) m|^2 + (1 - |a|)^2 tr S, and with fewer features than dimensions too."""
    x = correlated(2, n)
    mean, trace = x.mean(0).square().sum().item(), x.var(0).sum().item()
    expected = (1 - scale) ** 2 * mean + (1 - abs(scale)) ** 2 * trace
    assert frechet_distance(x, scale * x) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("far", [0.0, 1e5])
@pytest.mark.parametrize("n", [300, D, D - 4, 2])
def test_frechet_of_a_set_to_itself_is_nothing_wherever_it_lies(n, far):
    x = correlated(1, n) + far
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-7)


def test_frechet_is_above_zero_wherever_moments_differ():
    a = law_of([1.0, 2.0])
    mixed = Gaussian(99, a.mean, a.covariance + 0.1 * (1 - torch.eye(2)))
    for other in (law_of([1.0, 2.0], 0.01), law_of([1.0, 2.1]), mixed):
        assert between(a, other) > 1e-4
    assert between(a, a) == 0


# Fréchet distance: symmetries


@pytest.mark.parametrize(("n", "m"), [(300, 250), (300, 10), (9, 12)])
def test_frechet_is_symmetric_and_blind_to_rotation_and_origin(n, m):
    x, y = correlated(3, n), correlated(4, m)
    distance, turn, shift = frechet_distance(x, y), random_rotation(), draw(D, seed=7)
    assert distance == pytest.approx(frechet_distance(y, x), rel=1e-8)
    turned = frechet_distance(x @ turn + shift, y @ turn + shift)
    assert distance == pytest.approx(turned, rel=1e-8)
    assert frechet_distance(3 * x, 3 * y) == pytest.approx(9 * distance, rel=1e-8)


# Fréchet distance: independent computations

OTHERS = [by_scipy, by_eigenvalues, by_two_roots, by_optimal_transport, by_torchmetrics]


@pytest.mark.parametrize("other", OTHERS)
def test_frechet_equals_other_computations(other):
    for seed in (3, 13):
        x, y = correlated(seed), correlated(seed + 1, 500)
        assert frechet_distance(x, y) == pytest.approx(other(x, y), rel=1e-8)


@pytest.mark.parametrize(("n", "m"), [(10, 12), (10, D), (D, 300), (10, 300), (300, 10)])
def test_frechet_of_covariances_that_are_singular(n, m):
    """All ways to compute it agree; SciPy's root of a singular matrix is good to few digits."""
    x, y = correlated(3, n), correlated(4, m)
    found = frechet_distance(x, y)
    assert found == pytest.approx(between(Gaussian.of(x), Gaussian.of(y)), rel=1e-7)
    centred = [(z - z.mean(0)) / math.sqrt(len(z) - 1) for z in (x, y)]
    nuclear = np.linalg.svd((centred[0] @ centred[1].T).numpy(), compute_uv=False).sum()
    gap = (x.mean(0) - y.mean(0)).square().sum() + x.var(0).sum() + y.var(0).sum()
    assert found == pytest.approx(gap.item() - 2 * nuclear, rel=1e-7)


def test_frechet_of_features_that_never_fire_or_repeat():
    x = torch.cat([correlated(2), correlated(2)[:, :3], torch.zeros(300, 4)], 1)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-5)
    total = (x.mean(0).square() + x.var(0)).sum().item()
    assert frechet_distance(x, 0.5 * x) == pytest.approx(total / 4, rel=1e-6)


# Its bias, and the way round it


@pytest.mark.parametrize(("var", "n"), [([1.0], 50), ([4.0], 500)])
def test_bias_in_one_dimension(var, n):
    """var / n for the mean, 2 var (1 - c4) for the std, of which var / (2 (n - 1)) is the head."""
    c4 = math.sqrt(2 / (n - 1)) * math.exp(math.lgamma(n / 2) - math.lgamma((n - 1) / 2))
    expected = var[0] / n + 2 * var[0] * (1 - c4)
    assert bias(torch.tensor([var]), n) == pytest.approx(expected, rel=1e-2)
    assert bias(torch.diag(torch.tensor([*var, 0.0, 0.0])), n) == pytest.approx(
        bias(torch.tensor([var]), n)
    )


LAWS = {"white": torch.ones(D).double(), "ramp": torch.linspace(0.1, 4, D).double()}


@pytest.mark.parametrize("var", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("both", [True, False], ids=["both sides", "one side"])
def test_frechet_is_as_biased_as_the_formula_says(var, both):
    n, trials = 500, 120
    truth, turn = law_of(var), random_rotation()
    found = []
    for i in range(trials):
        x, y = (Gaussian.of(draw(n, D, seed=2 * i + j) * var.sqrt() @ turn) for j in (0, 1))
        exactly = Gaussian(truth.count, truth.mean, turn.T @ truth.covariance @ turn)
        found.append(between(x if both else exactly, y))
    found = torch.tensor(found)
    expected = (1 + both) * bias(turn.T @ truth.covariance @ turn, n)
    error = found.std().item() / math.sqrt(trials)
    assert abs(found.mean().item() - expected) < 4 * error + 0.015 * expected
    assert error < 0.02 * expected


def test_frechet_at_infinity_finds_the_slope_of_the_formula_and_the_truth():
    """Fakes of a law 0.16 and more away, through samples that add 0.13."""
    n, var = 1000, LAWS["ramp"]
    samples = [draw(n, D, seed=i) * var.sqrt() + 0.1 for i in range(12)]
    found = [frechet_at_infinity(law_of(var), x, times=2) for x in samples]
    values, slopes = (torch.tensor([f[i] for f in found]) for i in (0, 1))
    expected = n * bias(torch.diag(var), n)
    for mean, truth in ((values, D * 0.01), (slopes, expected)):
        assert abs(mean.mean().item() - truth) < 4 * mean.std().item() / math.sqrt(len(found))
    assert values.std() / math.sqrt(len(found)) < 0.02
    assert slopes.std() / math.sqrt(len(found)) < 0.15 * expected


def coverage_at_infinity(trials, times, n=400, width=6):
    var, inside = torch.linspace(0.5, 2, width).double(), 0
    for i in range(trials):
        found = frechet_at_infinity(law_of(var), draw(n, width, seed=i) + 0.2, times=times, seed=i)
        truth = width * 0.04 + (var.sqrt() - 1).square().sum().item()
        inside += found.interval.low < truth < found.interval.high
    return inside / trials


def test_frechet_at_infinity_covers_the_truth():
    assert coverage_at_infinity(30, 20) >= 0.8


@pytest.mark.slow
def test_frechet_at_infinity_covers_the_truth_as_often_as_it_says():
    assert 0.91 <= coverage_at_infinity(300, 50) <= 0.99


def coverage_of_frechet(trials, times, shift, n=150, width=4):
    """How often the interval holds the mean over other fakes: rate, and its width over theirs."""
    truth = law_of(torch.linspace(0.5, 2, width))
    fakes = [draw(n, width, seed=i) + shift for i in range(trials)]
    values = torch.tensor([between(truth, Gaussian.of(x)) for x in fakes])
    made = [frechet_interval(truth, x, times, seed=i) for i, x in enumerate(fakes)]
    rate = sum(i.low < values.mean() < i.high for i in made) / trials
    reach = sum(i.high - i.low for i in made) / trials / 2
    return rate, reach / (1.96 * values.std().item())


def test_frechet_interval_covers_the_mean_over_other_fakes():
    rate, width = coverage_of_frechet(50, 30, 0.3)
    assert rate >= 0.85 and 0.8 < width < 1.4


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_frechet_interval_covers_as_often_as_it_says(shift):
    rate, width = coverage_of_frechet(400, 100, shift)
    assert 0.92 <= rate and 0.9 < width < 1.5


def test_frechet_interval_takes_reals_or_their_gaussian_and_follows_its_seed():
    x, y = correlated(3), correlated(4)
    state = torch.get_rng_state()
    first = frechet_interval(x, y, 20, seed=1)
    assert first == frechet_interval(Gaussian.of(x), y, 20, seed=1)
    assert first != frechet_interval(x, y, 20, seed=2)
    assert sum(first) / 2 == pytest.approx(frechet_distance(x, y), rel=1e-8)
    infinity = frechet_at_infinity(x, y, 5, times=5, seed=1)
    assert infinity == frechet_at_infinity(Gaussian.of(x), y, 5, times=5, seed=1)
    assert torch.equal(torch.get_rng_state(), state)


# Kernel distance


def by_sklearn(x, y):
    n, m = len(x), len(y)
    xx, yy, xy = (
        polynomial_kernel(*pair, degree=3, gamma=1 / x.shape[1], coef0=1)
        for pair in ((x, x), (y, y), (x, y))
    )
    left = (xx.sum() - np.trace(xx)) / (n * (n - 1))
    return left + (yy.sum() - np.trace(yy)) / (m * (m - 1)) - 2 * xy.mean()


@pytest.mark.parametrize("rows", [1024, 7])
def test_discrepancy_equals_sklearn_and_torchmetrics(monkeypatch, rows):
    monkeypatch.setattr(kernel, "ROWS", rows)
    x, y = correlated(5), correlated(6, 220)
    assert discrepancy(x, y).value == pytest.approx(by_sklearn(x.numpy(), y.numpy()), rel=1e-9)
    assert discrepancy(y, x).value == pytest.approx(discrepancy(x, y).value, rel=1e-9)
    y = correlated(6)
    assert discrepancy(x, y).value == pytest.approx(poly_mmd(x, y).item(), rel=1e-9)


def test_kernel_of_one_subset_of_all_is_the_discrepancy():
    x, y = correlated(5), correlated(6)
    found = kernel_distance(x, y, subsets=1, size=len(x))
    assert found.mean == pytest.approx(discrepancy(x, y).value, rel=1e-9)
    assert found.interval == pytest.approx(discrepancy(x, y).interval, rel=1e-9)


def gaussian_kernel_mean(a, b):
    """E (s / D + 1)^3 for s = x.y, x ~ N(a, I), y ~ N(b, I)."""
    mean, var = (a @ b).item(), len(a) + (a @ a + b @ b).item()
    second, third = var + mean**2, 6 * mean + 3 * mean * var + mean**3
    return third / D**3 + 3 * second / D**2 + 3 * mean / D + 1


def gaussian_discrepancy(shift):
    zero, far = torch.zeros(D, dtype=torch.float64), torch.full((D,), shift).double()
    law = gaussian_kernel_mean
    return law(zero, zero) + law(far, far) - 2 * law(zero, far)


def test_kernel_of_two_gaussians_is_the_closed_form():
    expected = gaussian_discrepancy(0.5)
    assert expected == pytest.approx(1.029297, abs=1e-6)
    pairs = [(draw(1000, D, seed=i), draw(1000, D, seed=50 + i) + 0.5) for i in range(20)]
    found = torch.tensor([discrepancy(x, y).value for x, y in pairs])
    error = found.std().item() / math.sqrt(len(pairs))
    assert abs(found.mean().item() - expected) < 4 * error and error < 0.02


def test_kernel_of_one_law_is_nothing_on_average_and_often_negative():
    pairs = [(draw(200, D, seed=i), draw(200, D, seed=1000 + i)) for i in range(100)]
    found = torch.tensor([discrepancy(x, y).value for x, y in pairs])
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


def kernel_trials(trials, shift, measure, n=200, m=150):
    """How often the interval holds the truth, and its width over that of the values' spread."""
    made = [measure(draw(n, D, seed=i), draw(m, D, seed=9000 + i) + shift) for i in range(trials)]
    values = torch.tensor([value for value, _ in made])
    truth = gaussian_discrepancy(shift)
    rate = sum(i.low < truth < i.high for _, i in made) / trials
    reach = sum(i.high - i.low for _, i in made) / trials / 2
    return rate, reach / (1.96 * values.std().item())


def over_subsets(x, y):
    found = kernel_distance(x, y, 10, 75)
    return found.mean, found.interval


@pytest.mark.parametrize("shift", [0.0, 0.2])
def test_kernel_interval_covers_the_truth(shift):
    """At equal laws too, where what one feature tells by itself is nothing."""
    rate, width = kernel_trials(80, shift, discrepancy)
    assert rate >= 0.87 and 0.8 < width < 1.35


@pytest.mark.slow
@pytest.mark.parametrize("measure", [discrepancy, over_subsets])
@pytest.mark.parametrize("shift", [0.0, 0.05, 0.2, 0.5])
def test_kernel_interval_covers_as_often_as_it_says(measure, shift):
    rate, width = kernel_trials(400, shift, measure)
    assert 0.92 <= rate <= 0.995 and 0.9 < width < 1.25


# What no measure can take

GOOD = correlated(1, 20)
HOLED = GOOD.clone()
HOLED[3, 4] = math.nan
ENDLESS = GOOD.clone()
ENDLESS[3, 4] = math.inf
WRONG = {
    "NaN": (HOLED, "expected finite features, got NaN or infinity in 1 of them"),
    "infinity": (ENDLESS, "expected finite features, got NaN or infinity in 1 of them"),
    "one": (GOOD[:1], "at least 2 features.*got 1"),
    "none": (GOOD[:0], "at least 2 features.*got 0"),
    "a vector": (GOOD[0], r"\[N, D\], got torch.float64 \[16\]"),
    "bytes": (GOOD.byte(), r"\[N, D\], got torch.uint8 \[20, 16\]"),
    "no dimensions": (GOOD[:, :0], r"\[N, D\], got torch.float64 \[20, 0\]"),
    "another width": (GOOD[:, :9], "features of one width, got"),
}
MEASURES = [
    frechet_distance,
    discrepancy,
    lambda x, y: kernel_distance(x, y, 2, 2),
    lambda x, y: frechet_interval(x, y, 2),
    lambda x, y: frechet_at_infinity(x, y, times=2),
]


@pytest.mark.parametrize(("wrong", "words"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("measure", MEASURES, ids=range(len(MEASURES)))
def test_what_cannot_be_measured_is_told_in_words(measure, wrong, words):
    measure(GOOD, GOOD)
    for pair in ((GOOD, wrong), (wrong, GOOD)):
        with pytest.raises(ValueError, match=words):
            measure(*pair)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: kernel_distance(GOOD, GOOD, 5, 21), "at least 21 .* got 20 and 20"),
        (lambda: kernel_distance(GOOD, GOOD, 5, 1), "2 features or more, got 5 of 1"),
        (lambda: kernel_distance(GOOD, GOOD, 0, 5), "got 0 of 5"),
        (lambda: frechet_at_infinity(GOOD, GOOD, 2), "at least 3 sizes .* got 2"),
        (lambda: frechet_at_infinity(GOOD, GOOD, least=20), "below 20, got 15 from 20"),
        (lambda: between(law_of([1.0]), law_of([1.0, 1.0])), "one width, got 1 and 2"),
        (lambda: Moments().add(GOOD).add(GOOD[:, :3]), "one width, got 16 and 3"),
        (lambda: Moments().gaussian(), "at least 2 features for a covariance, got 0"),
        (lambda: Moments().add(GOOD[:1]).gaussian(), "a covariance, got 1"),
    ],
)
def test_what_makes_no_sense_is_told_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()
