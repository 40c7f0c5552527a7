"""Distances of pairs: axioms, closed forms, and why features are preferred to pixels."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.image import peak_signal_noise_ratio

from cardigan.data import catalogue
from cardigan.metrics.distances import feature_distance, one_pixel_shift, pixel_distance
from cardigan.metrics.features import extract, fashion_classifier


def images(n=8, seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.randint(256, (n, 3, 6, 5), generator=g, dtype=torch.uint8)


def test_equal_images_are_at_zero_and_without_noise():
    found = pixel_distance(images(), images())
    assert not found.mse.any() and not found.l1.any() and torch.isinf(found.psnr).all()
    x = torch.randn(8, 5)
    found = feature_distance(x, x)
    assert not found.l2.any() and found.cosine.abs().max() < 1e-12


@given(st.integers(0, 255), st.integers(0, 255))
def test_flat_images(a, b):
    """Bytes do not wrap round: 0 and 255 are 255 apart."""
    one, other = (torch.full((1, 1, 4, 4), v, dtype=torch.uint8) for v in (a, b))
    found = pixel_distance(one, other)
    assert found.mse.item() == (a - b) ** 2 and found.l1.item() == abs(a - b)
    expected = math.inf if a == b else 20 * math.log10(255 / abs(a - b))
    assert found.psnr.item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("low", "range"), [(0, 1.0), (-1, 2.0)])
def test_psnr_does_not_depend_on_the_unit_if_its_range_is_told(low, range):
    one, other = images(), images(seed=1)
    units = [low + x.double() / 255 * range for x in (one, other)]
    expected = pixel_distance(one, other).psnr
    assert torch.allclose(pixel_distance(*units, range=range).psnr, expected, rtol=1e-12)


def test_psnr_is_what_torchmetrics_finds():
    one, other = images(), images(seed=1)
    theirs = [
        peak_signal_noise_ratio(a.double(), b.double(), data_range=255.0)
        for a, b in zip(one, other, strict=True)
    ]
    assert torch.allclose(pixel_distance(one, other).psnr, torch.stack(theirs), rtol=1e-6)


def test_distances_are_symmetric_and_obey_the_triangle():
    x, y, z = (images(seed=s) for s in range(3))
    root = {p: pixel_distance(*p).mse.sqrt() for p in ((x, y), (y, z), (x, z), (y, x))}
    assert torch.equal(root[x, y], root[y, x])
    assert (root[x, z] <= root[x, y] + root[y, z] + 1e-12).all()
    f, g = torch.randn(50, 9).double(), torch.randn(50, 9).double()
    assert torch.equal(feature_distance(f, g).l2, feature_distance(g, f).l2)
    assert torch.allclose(feature_distance(f, 3 * f + 0).cosine, torch.zeros(50).double())
    assert torch.allclose(feature_distance(f, -f).cosine, torch.full((50,), 2.0).double())
    assert feature_distance(f, 0 * f).cosine.tolist() == [1.0] * 50


def test_batches_change_nothing():
    one, other = images(), images(seed=1)
    alone = [pixel_distance(a[None], b[None]).mse.item() for a, b in zip(one, other, strict=True)]
    assert pixel_distance(one, other).mse.tolist() == alone


def test_lines_moved_by_one_pixel_are_as_far_as_black_is_from_white():
    found = one_pixel_shift()
    assert found.mse.item() == 255**2 and found.psnr.item() == 0


def test_a_move_by_one_pixel_is_far_in_pixels_and_near_in_features():
    """Clothes moved by one pixel, against other clothes: how often is another picture nearer?"""
    test = catalogue.load("fashion-mnist-mini", "test").images[::10]
    moved, net = test.roll(1, 3), fashion_classifier()

    def confused(rows, others):
        far = torch.cdist(rows, others)
        return (far.argmin(1) != torch.arange(len(rows))).double().mean().item()

    pixels = confused(moved.flatten(1).double(), test.flatten(1).double())
    features = confused(extract(net, moved).features, extract(net, test).features)
    assert pixels > 2 * features and features < 0.1


def test_noise_that_pixels_hardly_see_is_far_in_features():
    """What a network was never taught, it takes for another picture: features are no judge."""
    test = catalogue.load("fashion-mnist-mini", "test").images[::40]
    noise = torch.randn(test.shape, generator=torch.Generator().manual_seed(0)) * 25
    noisy, net = (test + noise).clamp(0, 255).byte(), fashion_classifier()
    seen = [extract(net, x).features for x in (test, noisy, test.roll(1, 3))]
    assert (
        pixel_distance(test, noisy).mse.mean() < pixel_distance(test, test.roll(1, 3)).mse.mean()
    )
    by_noise, by_move = (feature_distance(seen[0], s).l2.mean() for s in seen[1:])
    assert by_noise > 2 * by_move


MISTAKES = {
    "shapes": (lambda: pixel_distance(images(8), images(7)), r"\[8, 3, 6, 5\].*\[7, 3, 6, 5\]"),
    "kinds": (lambda: pixel_distance(images(), images().float()), "uint8.*float32"),
    "range of bytes": (lambda: pixel_distance(images(), images(), range=1), "255 for bytes"),
    "no range": (lambda: pixel_distance(images().float(), images().float(), range=0), "above 0"),
    "features": (lambda: feature_distance(torch.ones(3, 4), torch.ones(3, 5)), r"\[3, 5\]"),
}


@pytest.mark.parametrize(("mistake", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told(mistake, words):
    with pytest.raises(ValueError, match=words):
        mistake()
