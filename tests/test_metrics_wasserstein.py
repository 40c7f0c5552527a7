"""Sliced Wasserstein distance of patches: closed forms, and other libraries' figures."""

import math

import numpy as np
import ot
import pytest
import scipy.ndimage
import scipy.stats
import torch
from torch.nn.functional import normalize

from cardigan.data import catalogue
from cardigan.metrics import wasserstein
from cardigan.metrics.wasserstein import (
    collapse,
    laplacian_pyramid,
    patch_distance,
    sliced_wasserstein,
    standardised,
)

torch.set_num_threads(1)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def directions(d, count, seed=9):
    return normalize(draw(d, count, seed=seed), dim=0)


def noise(n, *shape, top=256, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(top, (n, *shape), generator=generator, dtype=torch.uint8)


@pytest.fixture(scope="module")
def clothes():
    return catalogue.load("fashion-mnist-mini", "train").images


@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 64, 64), (3, 48, 32)])
def test_pyramid_gives_the_images_back(shape):
    images = draw(5, *shape) * 100
    before = images.clone()
    pyramid = laplacian_pyramid(images, 2)
    assert [tuple(p.shape[2:]) for p in pyramid] == [shape[1:], (shape[1] // 2, shape[2] // 2)]
    assert (collapse(pyramid) - images).abs().max() < 1e-12
    assert torch.equal(images, before)
    exact = noise(5, *shape).float()  # bytes and a kernel of 1 / 256: nothing is rounded
    assert torch.equal(collapse(laplacian_pyramid(exact, 2)), exact)


def test_pyramid_equals_scipys_filters():
    """Level - up(down(level)) with the kernel, border and step of Karras et al. 2018."""
    image = draw(1, 1, 32, 32)
    line = np.array([1, 4, 6, 4, 1]) / 16
    kernel = np.outer(line, line)
    small = scipy.ndimage.convolve(image[0, 0].numpy(), kernel, mode="mirror")[::2, ::2]
    large = np.zeros((32, 32))
    large[::2, ::2] = small
    detail = image[0, 0].numpy() - scipy.ndimage.convolve(large, 4 * kernel, mode="mirror")
    fine, coarse = (level[0, 0].numpy() for level in laplacian_pyramid(image, 2))
    assert np.abs(fine - detail).max() < 1e-12
    assert np.abs(coarse - small).max() < 1e-12


def test_pyramid_of_a_constant_has_no_detail():
    *details, rest = laplacian_pyramid(torch.full((1, 1, 64, 64), 37.0), 3)
    assert all(detail.abs().max() == 0 for detail in details)
    assert torch.equal(rest, torch.full((1, 1, 16, 16), 37.0))


def test_in_one_dimension_it_is_scipys():
    x, y = draw(500, 1), draw(500, 1, seed=1) * 2 + 1
    expected = scipy.stats.wasserstein_distance(x[:, 0].numpy(), y[:, 0].numpy())
    for sign in (1.0, -1.0):
        line = torch.full((1, 1), sign, dtype=torch.float64)
        assert sliced_wasserstein(x, y, line) == pytest.approx(expected, rel=1e-12)


def test_equals_pot_on_the_same_directions():
    x, y, lines = draw(300, 12), draw(300, 12, seed=1) * 1.5 + 0.3, directions(12, 64)
    expected = ot.sliced_wasserstein_distance(x.numpy(), y.numpy(), projections=lines.numpy(), p=1)
    assert sliced_wasserstein(x, y, lines) == pytest.approx(np.asarray(expected).item(), rel=1e-10)


def test_a_shift_is_its_length_times_a_mean_cosine():
    """|mu| Gamma(d / 2) / (sqrt(pi) Gamma((d + 1) / 2)): 0.4052 for |mu| = 2 in 16 dimensions."""
    x, shift = draw(20, 16), torch.full((16,), 0.5, dtype=torch.float64)
    expected = 2 * math.gamma(8) / (math.sqrt(math.pi) * math.gamma(8.5))
    assert expected == pytest.approx(0.4052, abs=1e-4)
    found = sliced_wasserstein(x, x + shift, directions(16, 20_000))
    assert found == pytest.approx(expected, rel=0.02)


def test_distance_axioms():
    x, y, z = (draw(100, 8, seed=s) * (s + 1) for s in range(3))
    lines = directions(8, 50)
    between = lambda a, b: sliced_wasserstein(a, b, lines)  # noqa: E731
    assert between(x, x[torch.randperm(100)]) == pytest.approx(0, abs=1e-15)
    assert between(x, y) > 0
    assert between(x, y) == pytest.approx(between(y, x), rel=1e-12)
    assert between(x, z) <= between(x, y) + between(y, z)
    assert between(3 * x, 3 * y) == pytest.approx(3 * between(x, y), rel=1e-12)


@pytest.mark.parametrize(("held", "rows"), [(1, 1), (250, 7), (1 << 20, 1 << 20)])
def test_chunks_change_nothing(held, rows, monkeypatch):
    x, y, lines = draw(100, 8), draw(100, 8, seed=1), directions(8, 20)
    expected = sliced_wasserstein(x, y, lines)
    monkeypatch.setattr(wasserstein, "HELD", held)
    monkeypatch.setattr(wasserstein, "ROWS", rows)
    assert sliced_wasserstein(x, y, lines) == pytest.approx(expected, rel=1e-12)
    patches = draw(50, 3, 7, 7)
    assert torch.allclose(
        standardised(patches).std((0, 2, 3), correction=0), torch.ones(3).double()
    )


# W1 = int |F_n - G_n|, and n F_n is binomial: E|X - Y| = 2 sum_k B(k) (1 - B(k))
def floor_of_white_noise(n):
    x = np.linspace(-6, 6, 241)
    law = scipy.stats.binom(n, scipy.stats.norm.cdf(x)[:, None])
    below = law.cdf(np.arange(n)[None])
    return np.trapezoid(2 * (below * (1 - below)).sum(1) / n, x)


def test_floor_of_a_finite_sample():
    """Two samples of one law are 0.039 apart at 2,000 points, whatever their dimension."""
    expected = floor_of_white_noise(2000)
    assert expected == pytest.approx(0.039, abs=0.002)
    pairs = [(draw(2000, 147, seed=2 * s), draw(2000, 147, seed=2 * s + 1)) for s in range(8)]
    found = [sliced_wasserstein(x, y, directions(147, 128, seed=20)) for x, y in pairs]
    assert sum(found) / len(found) == pytest.approx(expected, rel=0.04)


@pytest.mark.slow
def test_floor_of_a_large_sample():
    x, y = draw(32_000, 147), draw(32_000, 147, seed=1)
    assert sliced_wasserstein(x, y, directions(147, 512)) == pytest.approx(0.010, abs=0.0006)


def test_gain_and_offset_of_a_channel_go_unseen():
    patches = draw(300, 3, 7, 7)
    gain, offset = torch.tensor([0.5, 3.0, 7.0]), torch.tensor([10.0, -20.0, 0.0])
    moved = patches * gain[:, None, None] + offset[:, None, None]
    assert (standardised(moved) - standardised(patches)).abs().max() < 1e-12
    found = standardised(moved)
    assert found.mean((0, 2, 3)).tolist() == pytest.approx([0] * 3, abs=1e-12)
    assert found.std((0, 2, 3), correction=0).tolist() == pytest.approx([1] * 3)
    # by channel over the set, and not patch by patch
    assert found.std((1, 2, 3)).std() > 0.01


def test_brightness_and_contrast_of_images_go_unseen():
    images = noise(8, 3, 32, 32, top=80)
    unseen, seen = images * 2 + 50, images.clamp(max=40)
    assert patch_distance(images, unseen, directions=32).mean < 1e-2
    assert patch_distance(images, seen, directions=32).mean > 10


@pytest.mark.parametrize(
    ("side", "levels"),
    [
        (16, [16]),
        (28, [32, 16]),
        (32, [32, 16]),
        (48, [48, 24]),
        (64, [64, 32, 16]),
        (100, [112, 56, 28]),
    ],  # fmt: skip  # noqa: E501
)
def test_levels_halve_down_to_16_pixels(side, levels):
    images, other = noise(4, 1, side, side), noise(4, 1, side, side, seed=1)
    found = patch_distance(images, other, directions=16)
    assert list(found.levels) == levels
    assert found.mean == pytest.approx(sum(found.levels.values()) / len(levels))
    assert patch_distance(images, images, directions=16).levels == dict.fromkeys(levels, 0.0)


def test_shapes_that_are_not_square():
    images, other = noise(4, 3, 64, 40), noise(4, 3, 64, 40, seed=1)
    assert list(patch_distance(images, other, directions=16).levels) == [48, 24]


def test_patches_lie_everywhere_and_hold_pixels_of_their_image():
    """Images that say where a pixel is: its column in one channel, its row in the other."""
    line = torch.arange(16, dtype=torch.uint8).expand(16, 16)
    images = torch.stack([line, line.T]).expand(50, -1, -1, -1)
    rest = wasserstein._patches_of(images, 0, 128, seed=0)
    assert rest.shape == (50 * 128, 2, 7, 7)
    column, row = rest[:, 0], rest[:, 1]
    assert (column == column[:, :1, :1] + torch.arange(7.0)[None, None]).all()
    assert (row == row[:, :1, :1] + torch.arange(7.0)[None, :, None]).all()
    for corner in (column[:, 0, 0], row[:, 0, 0]):
        counts = torch.bincount(corner.long(), minlength=10)
        assert len(counts) == 10  # 16 - 7 + 1 places
        assert scipy.stats.chisquare(counts.numpy()).pvalue > 1e-3


def test_each_fault_shows_at_its_own_level(clothes):
    """Blur spoils fine detail; reals of other pictures are the floor."""
    real, other = clothes[:200], clothes[200:400]
    blurred = torch.nn.functional.avg_pool2d(other.float(), 3, 1, 1).byte()
    noisy = (other.float() + 25 * draw(*other.shape).float()).clamp(0, 255).byte()
    floor, soft, rough = (patch_distance(real, x, 32, 64) for x in (other, blurred, noisy))
    assert soft.levels[32] > 3 * floor.levels[32]
    assert rough.levels[32] > 3 * floor.levels[32]
    assert rough.levels[32] > 2 * rough.levels[16]


def test_a_set_without_contrast_is_measured():
    black, images = torch.zeros(8, 1, 28, 28, dtype=torch.uint8), noise(8, 1, 28, 28)
    assert math.isfinite(patch_distance(images, black, directions=32).mean)
    assert patch_distance(black + 37, black, directions=32).mean == 0


def test_it_is_a_function_of_the_seed():
    images, other = noise(8, 1, 28, 28), noise(8, 1, 28, 28, seed=1)
    before = torch.random.get_rng_state()
    first, again, third = (patch_distance(images, other, 32, 32, seed=s) for s in (1, 1, 2))
    assert first == again != third
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("real", "fake", "words"),
    [
        (noise(4, 1, 28, 28), noise(5, 1, 28, 28), "as many"),
        (noise(4, 1, 28, 28), noise(4, 3, 28, 28), "one size"),
        (noise(0, 1, 28, 28), noise(0, 1, 28, 28), "as many"),
        (noise(4, 1, 12, 12), noise(4, 1, 12, 12), "16 pixels"),
        (noise(4, 1, 28, 28).float(), noise(4, 1, 28, 28), "uint8"),
        (noise(4, 28, 28), noise(4, 28, 28), "uint8"),
    ],
)
def test_what_cannot_be_measured_is_refused(real, fake, words):
    with pytest.raises(ValueError, match=words):
        patch_distance(real, fake)
