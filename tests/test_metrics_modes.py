"""Modes of stacked digits: closed forms, and a classifier that reads the channels."""

import math

import pytest
import torch

from cardigan.data import catalogue
from cardigan.metrics.features import extract, fashion_classifier
from cardigan.metrics.modes import (
    captured_interval,
    stacked_coverage,
    stacked_modes,
    stacked_places,
)

torch.set_num_threads(1)


def triples(modes):
    """Classes in each channel of modes 0 to 999: the first channel counts hundreds."""
    return torch.stack([modes // 100, modes // 10 % 10, modes % 10], 1)


def uniform(n, modes=1000, seed=0):
    return triples(torch.randint(modes, (n,), generator=torch.Generator().manual_seed(seed)))


def told(classes):
    """One pixel a channel, whose byte is its class, and who reads it."""
    images = classes.byte()[:, :, None, None]
    return images, lambda grey: torch.eye(10)[grey[:, 0, 0, 0].long()]


@pytest.mark.parametrize("m", [1, 16, 150, 940, 1000])
def test_even_over_m_modes_is_the_least_divergence(m):
    """ln(1000 / m): 0.062 for 940 modes, 1.90 for 150."""
    found = stacked_coverage(triples(torch.arange(m).repeat(7)), 10)
    assert (found.captured, found.modes) == (m, 1000)
    assert found.kl == pytest.approx(math.log(1000 / m), abs=1e-12)
    assert found.least == pytest.approx(found.kl, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_no_histogram_goes_below_the_least_of_its_modes(seed):
    found = stacked_coverage(uniform(600, seed=seed), 10)
    assert found.captured < 1000
    assert found.kl > found.least > 0


def test_a_perfect_generator_is_at_its_floor():
    """999 / (2 n) on average: 0.0192 at 26,000 images, 0.050 at 10,000."""
    for n, published in ((26_000, 0.0192), (10_000, 0.05)):
        runs = [stacked_coverage(uniform(n, seed=s), 10) for s in range(10)]
        assert runs[0].floor == pytest.approx(published, abs=1e-4)
        mean = sum(run.kl for run in runs) / 10
        assert mean == pytest.approx(runs[0].floor, rel=0.05)
    assert all(stacked_coverage(uniform(26_000, seed=s), 10).captured == 1000 for s in range(3))


def test_each_of_the_triples_is_a_mode_of_its_own():
    """Also with other classes than ten, and whichever channel differs."""
    for classes in (2, 3, 10):
        line = torch.arange(classes)
        assert stacked_coverage(torch.cartesian_prod(line, line, line), classes).captured == classes**3  # fmt: skip  # noqa: E501
    assert stacked_coverage(torch.tensor([[1, 2, 3], [3, 2, 1], [2, 1, 3]]), 10).captured == 3


def test_the_interval_is_how_far_the_count_of_modes_moves_from_draw_to_draw():
    draws = [stacked_places(uniform(2000, seed=s), 10) for s in range(40)]
    counts = torch.tensor([len(places.unique()) for places in draws]).double()
    low, high = captured_interval(draws[0], 1000, 1)
    assert low < counts[0] < high
    assert (high - low) / 2 == pytest.approx(1.96 * counts.std().item(), rel=0.4)
    certain = torch.arange(8).repeat(100)
    assert captured_interval(torch.cat([certain, torch.full((9,), -1)]), 9, 10) == (8, 8)


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_channels_are_read_one_by_one(batch):
    classes = uniform(100)
    assert stacked_modes(*told(classes), batch=batch) == stacked_coverage(classes, 10)


def test_what_the_likeliest_class_is_counts_and_not_how_likely():
    images, read = told(uniform(100))
    unsure = lambda grey: read(grey) * 0.1 + 0.09  # noqa: E731
    assert stacked_modes(images, unsure) == stacked_modes(images, read)


def test_stacked_clothes_through_the_shipped_classifier():
    """Triples are right about as often as the channels are, to the third power."""
    data = catalogue.load("fashion-mnist-mini", "test")
    assert data.labels is not None
    order = torch.randint(len(data), (600, 3), generator=torch.Generator().manual_seed(0))
    images, labels = data.images[order][:, :, 0], data.labels[order]
    net = fashion_classifier()
    said = extract(net, images.flatten(0, 1)[:, None]).probabilities.argmax(1).view(-1, 3)
    right, triple = (said == labels).double().mean(), (said == labels).all(1).double().mean()
    assert triple.item() == pytest.approx(right.item() ** 3, abs=0.04)
    found = stacked_modes(images, lambda grey: extract(net, grey).probabilities)
    real = stacked_coverage(labels, 10)
    assert found.captured == pytest.approx(real.captured, rel=0.05)
    assert found.kl == pytest.approx(real.kl, rel=0.1)
    assert stacked_modes(images[:1].expand(50, -1, -1, -1), lambda grey: extract(net, grey).probabilities).captured == 1  # fmt: skip  # noqa: E501


@pytest.mark.parametrize(
    "images",
    [torch.zeros(4, 1, 8, 8).byte(), torch.zeros(4, 3, 8, 8), torch.zeros(0, 3, 8, 8).byte()],
)
def test_what_is_not_stacked_is_refused(images):
    with pytest.raises(ValueError, match="3, H, W"):
        stacked_modes(images, told(uniform(4))[1])
