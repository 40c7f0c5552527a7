"""Bits per dimension, and the histogram that every model of pixels must beat."""

import math

import numpy as np
import pytest
import scipy.stats
import torch

from cardigan.data import catalogue
from cardigan.metrics.density import (
    BYTE,
    SYMMETRIC,
    UNIT,
    bits_per_dimension,
    density_bits,
    dequantised,
    pixel_histogram,
)

torch.set_num_threads(1)


def draws(law, n, seed=0):
    """Bytes [n, 1, 1, D] of independent values with laws [D, 256]."""
    draw = torch.Generator().manual_seed(seed)
    columns = [torch.multinomial(p, n, replacement=True, generator=draw) for p in law]
    return torch.stack(columns, 1).byte()[:, None, None]


def laws(d, seed=0):
    return torch.randn(d, 256, generator=torch.Generator().manual_seed(seed)).double().mul(2).softmax(1)  # fmt: skip  # noqa: E501


def uniform(n, *shape):
    draw = torch.Generator().manual_seed(0)
    return torch.randint(256, (n, *shape), generator=draw, dtype=torch.uint8)


@pytest.mark.parametrize(("width", "bits"), [(BYTE, 0), (UNIT, 8), (SYMMETRIC, 7)])
def test_uniform_laws(width, bits):
    """Density 1 over [0, 1], or 1/2 over [-1, 1], and probability 1/256 are one model: 8 bits."""
    nats = {0: -math.log(256), 8: 0.0, 7: -math.log(2)}[bits]
    found = bits_per_dimension(torch.tensor([784 * nats]), 784, width)
    assert found.item() == pytest.approx(8, rel=1e-6)
    assert bits_per_dimension(torch.zeros(1), 784, width).item() == pytest.approx(bits)


def test_one_nat_a_value_is_one_and_a_bit_bits():
    nats = -torch.tensor([784.0, 1568.0])
    assert bits_per_dimension(nats, 784).tolist() == pytest.approx([1 / math.log(2), 2 / math.log(2)])  # fmt: skip  # noqa: E501


def test_bits_of_the_law_itself_are_its_entropy():
    law = laws(16)
    images = draws(law, 5000)
    values = images.flatten(1).long()
    nats = law.log()[torch.arange(16), values].sum(1)
    entropy = np.mean([scipy.stats.entropy(p.numpy(), base=2) for p in law])
    assert bits_per_dimension(nats, 16).mean().item() == pytest.approx(entropy, abs=0.02)


def test_histogram_learns_independent_values_and_no_more():
    """With many images it needs the entropy, and loses about 255 / (2 n ln 2) bits a value."""
    law, n = laws(8), 20_000
    entropy = np.mean([scipy.stats.entropy(p.numpy(), base=2) for p in law])
    histogram = pixel_histogram(draws(law, n))
    found = bits_per_dimension(histogram.log_prob(draws(law, 20_000, seed=1)), 8).mean().item()
    assert found == pytest.approx(entropy + 255 / (2 * n * math.log(2)), abs=0.015)


def test_histogram_is_a_law_and_counts_each_level_once_more():
    images = torch.tensor([3, 3, 7]).byte().view(3, 1, 1, 1).expand(3, 1, 2, 2)
    found = pixel_histogram(images).log_probability.exp()
    assert found.shape == (4, 256)
    assert found.sum(1).tolist() == pytest.approx([1] * 4)
    assert (found[:, 3] * 259).tolist() == pytest.approx([3] * 4)
    assert (found[:, 7] * 259).tolist() == pytest.approx([2] * 4)
    assert (found[:, 0] * 259).tolist() == pytest.approx([1] * 4)


def test_histogram_equals_numpys():
    images, test = uniform(600, 3, 4, 5), uniform(300, 3, 4, 5)
    histogram = pixel_histogram(images)
    expected = np.zeros(300)
    for place in np.ndindex(3, 4, 5):
        counts = np.bincount(images[(slice(None), *place)].numpy(), minlength=256) + 1
        expected += np.log(counts / 856)[test[(slice(None), *place)].numpy()]
    assert histogram.log_prob(test).tolist() == pytest.approx(expected.tolist())


def test_histogram_does_not_see_where_pixels_are_nor_what_they_have_in_common():
    train, test = (catalogue.load("fashion-mnist-mini", s).images[::10] for s in ("train", "test"))
    bits = bits_per_dimension(pixel_histogram(train).log_prob(test), 784).mean().item()
    order = torch.randperm(784)
    moved = [x.flatten(1)[:, order].view_as(x) for x in (train, test)]
    again = bits_per_dimension(pixel_histogram(moved[0]).log_prob(moved[1]), 784).mean().item()
    assert again == pytest.approx(bits, rel=1e-12)
    assert 0 < bits < 8


def test_a_model_of_what_values_have_in_common_beats_it():
    """Two values that are always equal need one value's bits."""
    law = laws(1)
    pair = draws(law, 4000).expand(-1, -1, -1, 2)
    exact = law[0].log()[pair[:, 0, 0, 0].long()]
    histogram = bits_per_dimension(pixel_histogram(pair).log_prob(pair), 2).mean()
    assert bits_per_dimension(exact, 2).mean() < 0.6 * histogram


def test_dequantised_values_spread_over_their_own_level():
    images = uniform(50, 1, 8, 8)
    noisy = dequantised(images, 3)
    assert torch.equal((noisy * 256).floor().byte(), images)
    within = (noisy * 256 - images.double()).flatten()
    assert scipy.stats.kstest(within.numpy(), "uniform").pvalue > 1e-3
    assert torch.equal(noisy, dequantised(images, 3))
    assert not torch.equal(noisy, dequantised(images, 4))


def test_density_that_is_flat_on_each_level_needs_the_bits_of_its_probability():
    law = laws(6)
    images = draws(law, 100)

    def log_density(x):
        level = (x * 256).floor().long().flatten(1)
        return (law[torch.arange(6), level] * 256).log().sum(1)

    exact = law[torch.arange(6), images.flatten(1).long()].log().sum(1)
    found = density_bits(log_density, images, batch=32)
    assert found.tolist() == pytest.approx(bits_per_dimension(exact, 6).tolist())


def test_density_bits_are_at_least_those_of_the_probability_behind():
    """Jensen: for a Gaussian of half a level's width, the bits are well above."""
    images = torch.full((500, 1, 1, 1), 128).byte()
    law = scipy.stats.norm(128.5 / 256, 0.5 / 256)
    gaussian = torch.distributions.Normal(128.5 / 256, 0.5 / 256)
    mass = law.cdf(129 / 256) - law.cdf(128 / 256)
    found = density_bits(lambda x: gaussian.log_prob(x.flatten()), images)
    second = 1 / 12 / 0.25  # mean of ((u - 1/2) / 0.5)^2, u uniform
    mean = 8 + (-math.log(256 / 0.5 / math.sqrt(2 * math.pi)) + second / 2) / math.log(2)
    assert found.mean().item() == pytest.approx(mean, abs=0.02)
    assert found.mean().item() > -math.log2(mass)


def test_density_bits_average_over_draws_and_repeat_for_a_seed():
    images = uniform(40, 1, 4, 4)
    sharp = lambda x: -(x.flatten(1) * 50).cos().sum(1)  # noqa: E731
    before = torch.random.get_rng_state()
    one, many, more = (density_bits(sharp, images, draws=d, seed=s) for d, s in ((1, 0), (64, 0), (64, 1)))  # fmt: skip  # noqa: E501
    assert (many - more).std() < (one - more).std() / 3
    assert torch.equal(many, density_bits(sharp, images, draws=64))
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    "images", [torch.zeros(3, 1, 2, 2), torch.zeros(3, 4).byte(), torch.zeros(0, 1, 2, 2).byte()]
)
def test_what_is_no_picture_of_bytes_is_refused(images):
    for of in (pixel_histogram, lambda x: density_bits(torch.sum, x)):
        with pytest.raises(ValueError, match="uint8"):
            of(images)


def test_pictures_of_another_size_are_refused():
    with pytest.raises(ValueError, match="4 values, got 9"):
        pixel_histogram(uniform(3, 1, 2, 2)).log_prob(uniform(3, 1, 3, 3))
