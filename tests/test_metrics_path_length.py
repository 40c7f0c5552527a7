"""Interpolation, and perceptual path length against closed forms."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import normalize

from cardigan.data import catalogue
from cardigan.metrics.classifier import Classifier
from cardigan.metrics.features import fashion_classifier
from cardigan.metrics.path_length import lerp, path_length, path_lengths, slerp, unrounded

torch.set_num_threads(1)
BOTH = pytest.mark.parametrize("path", [lerp, slerp])


def draw(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def identity(x):
    return x


def lengths(decode, n=4000, d=16, *, sphere=False, path=lerp, features=identity, **settings):
    a, b = draw(n, d, seed=1), draw(n, d, seed=2)
    if sphere:
        a, b = normalize(a), normalize(b)
    return path_lengths(decode, features, a, b, path, **settings)


@BOTH
def test_ends_are_exact(path):
    a, b = draw(50, 8), draw(50, 8, seed=1)
    assert torch.allclose(path(a, b, 0.0), a, atol=1e-12)
    assert torch.allclose(path(a, b, 1.0), b, atol=1e-12)


@BOTH
def test_the_way_back_is_the_way(path):
    a, b, t = draw(50, 8), draw(50, 8, seed=1), torch.rand(50, 1, dtype=torch.float64)
    assert torch.allclose(path(a, b, t), path(b, a, 1 - t), atol=1e-12)


@pytest.mark.parametrize("d", [2, 3, 512])
def test_slerp_keeps_the_norm_and_turns_evenly(d):
    a, b = (normalize(draw(50, d, seed=s)) for s in (0, 1))
    t = torch.rand(50, 1, dtype=torch.float64)
    on = slerp(a, b, t)
    assert on.norm(dim=1).tolist() == pytest.approx([1] * 50, abs=1e-12)
    angle = (a * b).sum(1).acos()
    assert torch.allclose((a * on).sum(1).acos(), angle * t[:, 0], atol=1e-7)
    half = slerp(a, slerp(a, b, 0.5), t)  # an arc of an arc lies on it
    assert torch.allclose(half, slerp(a, b, t / 2), atol=1e-12)


def test_lerp_leaves_the_shell_and_slerp_stays():
    """Halfway between Gaussian latents the norm is 0.707 of what it was, in any dimension."""
    a, b = draw(2000, 256), draw(2000, 256, seed=1)
    radius = a.norm(dim=1).mean()
    assert (lerp(a, b, 0.5).norm(dim=1).mean() / radius).item() == pytest.approx(0.707, abs=0.01)
    assert (slerp(a, b, 0.5).norm(dim=1).mean() / radius).item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("gap", [0, 1e-300, 1e-12, 1e-8, 1e-6, 1e-4])
def test_slerp_of_near_ends_is_lerp(gap):
    a = draw(20, 8)
    b = a + gap * draw(20, 8, seed=1)
    found = slerp(a, b, torch.full((20, 1), 0.3, dtype=torch.float64))
    assert torch.allclose(found, lerp(a, b, 0.3), rtol=0, atol=1e-8)


def test_slerp_of_parallel_ends_and_of_the_origin_is_lerp():
    a = draw(5, 8)
    assert torch.allclose(slerp(a, 3 * a, 0.25), 1.5 * a)
    assert torch.allclose(slerp(torch.zeros_like(a), a, 0.25), 0.25 * a)


def test_slerp_of_opposite_ends_is_refused():
    a = draw(5, 8)
    with pytest.raises(ValueError, match="opposite"):
        slerp(a, -2 * a, 0.5)


def test_slerp_keeps_the_type_and_the_shape():
    a, b = draw(3, 4, 8, dtype=torch.float32), draw(3, 4, 8, seed=1, dtype=torch.float32)
    found = slerp(a, b, 0.5)
    assert (found.shape, found.dtype) == (a.shape, torch.float32)


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("eps", [1e-2, 1e-4])
def test_of_a_linear_generator(full, eps):
    """2 tr(A^T A) for Gaussian latents, wherever on the way and for every step."""
    a = draw(16, 30, seed=3)
    found = lengths(lambda z: z @ a, full=full, eps=eps)
    assert found.mean().item() == pytest.approx(2 * a.square().sum().item(), rel=0.02)


@pytest.mark.parametrize(
    ("d", "expected"), [(2, math.pi**2 / 3), (3, math.pi**2 / 2 - 2), (512, math.pi**2 / 4)]
)
def test_of_the_identity_on_a_sphere(d, expected):
    """The mean of the squared angle between random directions."""
    found = lengths(identity, d=d, sphere=True, path=slerp)
    assert found.mean().item() == pytest.approx(expected, rel=0.03)


def test_is_the_squared_angle_pair_by_pair():
    a, b = (normalize(draw(100, 5, seed=s)) for s in (1, 2))
    found = path_lengths(identity, identity, a, b, slerp)
    assert found.tolist() == pytest.approx((a * b).sum(1).acos().square().tolist(), rel=1e-3)


def test_of_a_constant_is_nothing():
    assert lengths(lambda z: torch.ones(len(z), 3), n=100).abs().max() == 0


def test_the_step_does_not_matter_for_a_smooth_generator_and_does_for_a_stepped_one():
    weight = draw(16, 30, seed=3)
    smooth, stepped = (lambda z: (z @ weight).tanh()), (lambda z: (z @ weight).sign())
    one, other = (lengths(smooth, eps=eps).mean().item() for eps in (1e-3, 1e-4))
    assert one == pytest.approx(other, rel=1e-2)
    one, other = (lengths(stepped, eps=eps, n=20_000).mean().item() for eps in (1e-2, 1e-3))
    assert other / one == pytest.approx(10, rel=0.3)  # a jump is met as often as steps are long


def test_steps_are_taken_anywhere_or_at_the_start_only():
    """x^2 on the way from 0 to 1: (2 t)^2, whose mean is 4 / 3, and 0 at the start."""
    ends = torch.zeros(4000, 1).double(), torch.ones(4000, 1).double()
    full = path_lengths(torch.square, identity, *ends, lerp)
    start = path_lengths(torch.square, identity, *ends, lerp, full=False)
    assert full.mean().item() == pytest.approx(4 / 3, rel=0.05)
    assert start.abs().max() < 1e-7


def test_a_way_of_twice_the_length_scores_four_times():
    a, b = draw(50, 4), draw(50, 4, seed=1)
    near = path_lengths(identity, identity, a, b, lerp)
    far = path_lengths(identity, identity, 2 * a, 2 * b, lerp)
    assert far.tolist() == pytest.approx((4 * near).tolist(), rel=1e-6)


def test_the_batch_changes_nothing():
    one, other = (lengths(torch.tanh, n=50, batch=batch) for batch in (7, 50))
    assert torch.allclose(one, other, rtol=1e-9)


def test_it_is_a_function_of_the_seed():
    before = torch.random.get_rng_state()
    first, again, third = (lengths(torch.square, n=50, seed=s) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, third)
    assert torch.equal(before, torch.random.get_rng_state())


def test_outer_hundredths_are_left_out_as_numpy_has_them():
    values = draw(1000).exp()
    values[::100] = 1e6
    low = np.percentile(values.numpy(), 1, method="lower")
    high = np.percentile(values.numpy(), 99, method="higher")
    kept = values[(values >= low) & (values <= high)]
    found = path_length(values)
    assert found.mean == pytest.approx(kept.mean().item(), rel=1e-12)
    assert found.kept == len(kept)


def test_interval_covers_the_truth_as_often_as_it_says():
    """Of a law that is even about its mean, so that trimming moves nothing."""
    draws = [path_length(5 + draw(400, seed=s)) for s in range(300)]
    share = sum(found.interval.low < 5 < found.interval.high for found in draws) / len(draws)
    assert 0.91 < share < 0.98


@pytest.mark.parametrize("values", [torch.tensor([1.0]), torch.tensor([1.0, math.nan, 2.0])])
def test_lengths_that_are_few_or_no_numbers_are_refused(values):
    with pytest.raises(ValueError, match="two finite lengths"):
        path_length(values)


def test_a_generator_with_noise_of_its_own_is_refused():
    with pytest.raises(ValueError, match="noise"):
        lengths(lambda z: z + 1e-3 * torch.randn(z.shape), n=10)


def test_ends_of_unlike_shapes_are_refused():
    with pytest.raises(ValueError, match="as many starts"):
        path_lengths(identity, identity, draw(3, 4), draw(4, 4), lerp)


def test_features_of_images_that_were_never_bytes_are_those_of_their_bytes():
    images = catalogue.load("fashion-mnist-mini", "test").images[:20]
    net = fashion_classifier()
    seen = unrounded(net.net)(images.float() / 127.5 - 1)
    assert torch.allclose(seen, net(images).features, atol=1e-4)
    colours = (images.float() / 127.5 - 1).expand(-1, 3, -1, -1)
    assert torch.allclose(unrounded(net.net)(colours), seen, atol=1e-4)
    assert next(net.net.parameters()).dtype == torch.float32  # left as it was


def test_path_length_through_a_classifier_hardly_depends_on_the_step():
    """Float32 all the way to the image, as games decode: rounding must not be what is measured."""
    torch.manual_seed(0)
    decode = nn.Sequential(nn.Linear(16, 784), nn.Unflatten(1, (1, 28, 28)), nn.Tanh())
    features = unrounded(Classifier().eval())
    ends = draw(64, 16, dtype=torch.float32), draw(64, 16, seed=1, dtype=torch.float32)
    one, other = (
        path_length(path_lengths(decode, features, *ends, slerp, eps=eps)).mean
        for eps in (1e-3, 1e-4)
    )
    assert one == pytest.approx(other, rel=0.02)
