"""MS-SSIM among samples: axioms, an independent computation, and what collapse does to it."""

import math

import pytest
import torch
from torch.nn.functional import avg_pool2d, conv2d, pad

from cardigan.data import catalogue
from cardigan.metrics.similarity import WEIGHTS, ms_ssim, pair_similarity, scales

torch.set_num_threads(1)


def noise(n, side=28, channels=1, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(256, (n, channels, side, side), generator=draw, dtype=torch.uint8)


@pytest.fixture(scope="module")
def clothes():
    return catalogue.load("fashion-mnist-mini", "test")


def by_hand(x, y, weights):
    """Scale by scale in float64; 11 x 11 window, contrast inside it, the last with a border."""
    line = (-((torch.arange(11.0, dtype=torch.float64) - 5) ** 2) / (2 * 1.5**2)).exp()
    window = (line.outer(line) / line.sum() ** 2)[None, None]
    x, y, product = x.double(), y.double(), torch.ones(len(x)).double()
    for weight in weights:
        last = weight == weights[-1]
        a, b = ((pad(z, (5, 5, 5, 5), mode="reflect") if last else z) for z in (x, y))
        ma, mb, aa, bb, ab = (conv2d(z, window) for z in (a, b, a * a, b * b, a * b))
        contrast = (2 * (ab - ma * mb) + 58.5225) / (aa - ma * ma + bb - mb * mb + 58.5225)
        light = (2 * ma * mb + 6.5025) / (ma * ma + mb * mb + 6.5025)
        value = (contrast * light if last else contrast).mean((1, 2, 3)).relu()
        product, x, y = product * value**weight, avg_pool2d(x, 2), avg_pool2d(y, 2)
    return product


@pytest.mark.parametrize("side", [28, 32, 64])
def test_equals_an_independent_computation(side):
    x, y = noise(3, side), noise(3, side, seed=1)
    near = (x.double() * 0.7 + y.double() * 0.3).byte()
    for other in (y, near, 255 - x):
        assert ms_ssim(x, other).tolist() == pytest.approx(
            by_hand(x, other, scales(side)).tolist(), abs=1e-4
        )


def test_equals_an_independent_computation_on_pictures(clothes):
    x, y = clothes.images[:40], clothes.images[40:80]
    assert ms_ssim(x, y).tolist() == pytest.approx(by_hand(x, y, scales(28)).tolist(), abs=1e-4)


@pytest.mark.parametrize(("side", "channels"), [(11, 1), (28, 1), (48, 3), (176, 3)])
def test_of_an_image_with_itself_it_is_one_and_both_ways_it_is_the_same(side, channels):
    x, y = noise(2, side, channels), noise(2, side, channels, seed=1)
    assert ms_ssim(x, x).tolist() == pytest.approx([1, 1], abs=1e-6)
    assert ms_ssim(x, y).tolist() == pytest.approx(ms_ssim(y, x).tolist(), abs=1e-6)


def test_of_noise_it_is_about_nothing_and_of_what_is_turned_round_exactly_nothing():
    found = pair_similarity(noise(400, 64))
    assert 0 <= found.mean < 0.05
    ramp = torch.arange(28).expand(1, 1, 28, 28).mul(9).byte()
    assert ms_ssim(ramp, 255 - ramp).item() == 0  # and no NaN, as its power would be


@pytest.mark.parametrize(
    ("side", "count"),
    [
        (11, 1),
        (21, 1),
        (22, 2),
        (28, 2),
        (32, 2),
        (43, 2),
        (44, 3),
        (64, 3),
        (98, 3),
        (99, 4),
        (128, 4),
        (175, 4),
        (176, 5),
        (1024, 5),
    ],  # fmt: skip  # noqa: E501
)
def test_scales_are_as_many_as_fit_and_weigh_one_together(side, count):
    weights = scales(side)
    assert len(weights) == count
    assert math.fsum(weights) == pytest.approx(1, abs=1e-12)
    assert [w / weights[0] for w in weights] == pytest.approx([w / WEIGHTS[0] for w in WEIGHTS[:count]])  # fmt: skip  # noqa: E501
    assert 0 < ms_ssim(noise(1, side), noise(1, side) // 2).item() < 1  # torchmetrics takes it too


@pytest.mark.parametrize("labelled", [False, True])
def test_no_image_is_paired_with_itself_or_twice(labelled):
    """Every image a grey of its own: the similarity of equal greys alone is 1."""
    greys = torch.arange(0, 256, 3, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 28, 28)
    labels = torch.arange(len(greys)) % 7 if labelled else None
    for seed in range(5):
        found = pair_similarity(greys, labels, seed=seed)
        assert found.mean < 0.999
        assert found.pairs == (42 if labelled else 43)  # of 86 images, in classes of 13 and 12


def test_labels_pair_within_classes():
    """Two classes, all alike within each, and unlike between."""
    images = torch.cat([noise(1).expand(20, -1, -1, -1), noise(1, seed=1).expand(20, -1, -1, -1)])
    labels = torch.arange(2).repeat_interleave(20)
    within, across = pair_similarity(images, labels), pair_similarity(images)
    assert within.mean == pytest.approx(1, abs=1e-6)
    assert within.classes == pytest.approx({0: 1, 1: 1}, abs=1e-6)
    assert across.mean < 0.8
    assert across.classes == {}


def test_collapse_raises_it(clothes):
    """Ever fewer different pictures in each class."""
    one = [clothes.images[clothes.labels == k][:100] for k in range(10)]
    labels = torch.arange(10).repeat_interleave(100)

    def kept(count):
        return torch.cat([some[:count].repeat(100 // count, 1, 1, 1) for some in one])

    varied, few, collapsed = (pair_similarity(kept(n), labels) for n in (100, 4, 1))
    assert varied.interval.high < few.interval.low
    assert few.interval.high < collapsed.mean
    assert collapsed.mean == pytest.approx(1, abs=1e-6)
    assert set(varied.classes) == set(range(10))


def test_interval_holds_the_mean_of_all_pairs_and_narrows(clothes):
    images = clothes.images[:1000]
    wide, narrow = pair_similarity(images, pairs=50), pair_similarity(images)
    assert (wide.pairs, narrow.pairs) == (50, 500)
    assert narrow.interval.high - narrow.interval.low < wide.interval.high - wide.interval.low
    assert wide.interval.low < narrow.mean < wide.interval.high


def test_it_is_a_function_of_the_seed(clothes):
    before = torch.random.get_rng_state()
    first, again, other = (pair_similarity(clothes.images[:60], seed=s) for s in (1, 1, 2))
    assert first == again != other
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (noise(3), "two pairs"),
        (noise(8, 10), "11 pixels"),
        (noise(8).float(), "uint8"),
        (noise(8)[:, 0], "uint8"),
    ],
)
def test_what_cannot_be_measured_is_refused(images, words):
    with pytest.raises(ValueError, match=words):
        pair_similarity(images)


def test_classes_of_one_image_have_no_pairs():
    with pytest.raises(ValueError, match="two pairs"):
        pair_similarity(noise(8), torch.arange(8))
