"""What a classifier makes of samples, and which of a toy's modes they hit."""

import math

import pytest
import torch

from cardigan.data.dataset import Modes
from cardigan.metrics.classes import class_shares, classifier_score, divergence, law
from cardigan.metrics.modes import CEILING, mode_coverage

torch.set_num_threads(1)
N = 2500


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_score_of_what_all_looks_alike_is_one(classes):
    one = torch.rand(classes, generator=torch.Generator().manual_seed(0)).softmax(0)
    assert classifier_score(one.expand(50, -1)) == pytest.approx(1, abs=1e-6)
    assert classifier_score(torch.eye(classes)[:1].expand(50, -1)) == pytest.approx(1)


@pytest.mark.parametrize(("classes", "kinds"), [(10, 10), (10, 3), (1000, 1000)])
def test_score_of_clear_samples_is_the_number_of_their_kinds(classes, kinds):
    assert classifier_score(torch.eye(classes)[:kinds].repeat(5, 1)) == pytest.approx(kinds)


def test_score_lies_between_one_and_the_classes():
    p = torch.randn(200, 10, generator=torch.Generator().manual_seed(0)).softmax(1)
    assert 1 < classifier_score(p) < 10


def test_shares_count_the_likeliest_class():
    p = torch.tensor([[0.4, 0.3, 0.3], [0.1, 0.9, 0.0], [0.4, 0.6, 0.0], [0.0, 0.5, 0.5 - 1e-3]])
    assert class_shares(p).tolist() == [0.25, 0.75, 0.0]


def test_divergence_closed_forms():
    uniform = torch.full((10,), 0.1, dtype=torch.float64)
    half = torch.cat([torch.full((5,), 0.2), torch.zeros(5)]).double()
    assert divergence(uniform, uniform) == 0
    assert divergence(half, uniform).item() == pytest.approx(math.log(2))
    assert divergence(torch.eye(10).double(), uniform).tolist() == pytest.approx(
        [math.log(10)] * 10
    )
    assert divergence(uniform, half) == math.inf


def test_law_of_balanced_labels_is_uniform_and_of_any_labels_positive():
    assert law(torch.arange(10).repeat(7), 10).tolist() == pytest.approx([0.1] * 10)
    few = law(torch.tensor([0, 0, 1]), 4)
    assert few.tolist() == pytest.approx([3 / 7, 2 / 7, 1 / 7, 1 / 7])


def test_divergence_of_draws_from_their_own_law():
    """Its mean is about (K - 1) / (2 n)."""
    k, n, trials = 25, 2500, 200
    uniform = torch.full((k,), 1 / k, dtype=torch.float64)
    draws = torch.randint(k, (trials, n), generator=torch.Generator().manual_seed(0))
    counts = torch.nn.functional.one_hot(draws, k).sum(1).double()
    mean = divergence(counts / n, uniform).mean().item()
    assert mean == pytest.approx((k - 1) / (2 * n), rel=0.1)


def ring8():
    angle = 2 * math.pi * torch.arange(8) / 8
    return Modes(torch.stack([angle.cos(), angle.sin()], 1) * 2 / 1.414, 0.02 / 1.414)


def grid25():
    line = torch.arange(-4.0, 5.0, 2.0) / 2.828
    return Modes(torch.cartesian_prod(line, line), 0.05 / 2.828)


TOYS = pytest.mark.parametrize("modes", [ring8(), grid25()], ids=["ring8", "grid25"])


def real(modes, n=N, seed=0, only=None):
    draw = torch.Generator().manual_seed(seed)
    which = torch.randint(only or len(modes.centres), (n,), generator=draw)
    return modes.centres[which] + modes.std * torch.randn(n, 2, generator=draw)


@TOYS
@pytest.mark.parametrize("seed", range(3))
def test_real_points_reach_the_ceiling_and_no_more(modes, seed):
    k, found = len(modes.centres), mode_coverage(real(modes, seed=seed), modes)
    assert pytest.approx(0.98889, abs=1e-5) == CEILING
    assert found.captured == found.touched == k
    assert abs(found.high_quality - CEILING) < 3 * math.sqrt(CEILING * (1 - CEILING) / N)
    assert 0 < found.kl < 3 * (k - 1) / (2 * N)


@TOYS
@pytest.mark.parametrize("kept", [1, 4])
def test_a_generator_that_drops_modes_is_found_out(modes, kept):
    k, found = len(modes.centres), mode_coverage(real(modes, only=kept), modes)
    assert found.captured == found.touched == kept
    assert found.kl == pytest.approx(math.log(k / kept), abs=0.01)


@TOYS
def test_a_mode_is_captured_from_ten_points_on(modes):
    points = torch.cat([modes.centres[i].expand(n, 2) for i, n in enumerate([9, 10, 1, 0])])
    found = mode_coverage(points, modes)
    assert (found.captured, found.touched, found.high_quality) == (1, 3, 1.0)


@TOYS
@pytest.mark.parametrize(("radius", "share"), [(2.99, 1.0), (3.01, 0.0)])
def test_high_quality_ends_at_three_std(modes, radius, share):
    angle = torch.linspace(0, 6, 100)
    circle = torch.stack([angle.cos(), angle.sin()], 1) * radius * modes.std
    assert mode_coverage(modes.centres[0] + circle, modes).high_quality == share


@TOYS
def test_points_far_from_everything_are_the_worst(modes):
    found = mode_coverage(torch.full((100, 2), 50.0), modes)
    assert found[:3] == (0, 0, 0.0) and found.kl == math.log(len(modes.centres))
