"""What rebuilt images lose: closed forms, baselines, an independent SSIM."""

import math
from functools import partial

import pytest
import torch
from torch.nn.functional import conv2d, pad

from cardigan.data import catalogue
from cardigan.metrics.features import Features, extract, fashion_classifier
from cardigan.metrics.reconstruction import (
    Reconstruction,
    compared,
    mean_image,
    means,
    nearest_image,
    psnr,
    reconstruction,
)

torch.set_num_threads(1)
look = partial(extract, fashion_classifier())


def noise(n, *shape, seed=0, top=256):
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(top, (n, *(shape or (1, 28, 28))), generator=draw, dtype=torch.uint8)


@pytest.fixture(scope="module")
def clothes():
    train, test = (catalogue.load("fashion-mnist-mini", split) for split in ("train", "test"))
    return train.images[::10], test.images[::20]


def test_what_is_rebuilt_exactly(clothes):
    _, test = clothes
    found = reconstruction(test, test.clone(), look)
    assert found.mse.abs().max() == 0
    assert (found.psnr == math.inf).all()
    assert found.ssim.tolist() == pytest.approx([1] * len(test), abs=1e-9)
    assert found.agreement is not None and found.agreement.min() == 1
    assert found.cosine is not None
    assert found.cosine.tolist() == pytest.approx([1] * len(test), abs=1e-9)


@pytest.mark.parametrize("by", [1, 10, 100])
def test_of_a_constant_error(by):
    """MSE (by / 255)^2, PSNR 20 log10(255 / by)."""
    images = noise(4, 3, 16, 16, top=150)
    found = reconstruction(images, images + by)
    assert found.mse.tolist() == pytest.approx([(by / 255) ** 2] * 4)
    assert found.psnr.tolist() == pytest.approx([20 * math.log10(255 / by)] * 4)
    assert found.agreement is None
    assert found.cosine is None


def test_psnr_does_not_depend_on_the_scale_that_errors_are_taken_on():
    """10 log10(R^2 / MSE), R the range."""
    x, y = noise(5).double(), noise(5, seed=1).double()
    expected = [10 * math.log10(2**2 / (2 * (a - b) / 255).square().mean().item()) for a, b in zip(x, y, strict=True)]  # fmt: skip  # noqa: E501
    assert reconstruction(x.byte(), y.byte()).psnr.tolist() == pytest.approx(expected)
    assert psnr(torch.tensor([1.0, 0.01])).tolist() == pytest.approx([0, 20])


def ssim_by_hand(x, y):
    """Wang et al. 2004 at every pixel, borders mirrored."""
    line = (-((torch.arange(11.0, dtype=torch.float64) - 5) ** 2) / (2 * 1.5**2)).exp()
    window = (line.outer(line) / line.sum() ** 2)[None, None]
    a, b = (pad(z.double(), (5, 5, 5, 5), mode="reflect") for z in (x, y))
    ma, mb, aa, bb, ab = (conv2d(z, window) for z in (a, b, a * a, b * b, a * b))
    top = (2 * ma * mb + 6.5025) * (2 * (ab - ma * mb) + 58.5225)
    bottom = (ma**2 + mb**2 + 6.5025) * (aa - ma**2 + bb - mb**2 + 58.5225)
    return (top / bottom).mean((1, 2, 3))


def test_ssim_equals_an_independent_computation(clothes):
    train, test = clothes
    for x, y in ((noise(8), noise(8, seed=1)), (test[:8], train[:8]), (test[:8], 255 - test[:8])):
        found = reconstruction(x, y).ssim
        assert found.dtype == torch.float64
        assert found.tolist() == pytest.approx(ssim_by_hand(x, y).tolist(), abs=1e-6)
    assert reconstruction(test[:8], 255 - test[:8]).ssim.max() < 0  # turned round


def test_images_are_compared_one_by_one_and_in_order(clothes):
    train, test = clothes
    rebuilt = torch.cat([test[:50], train[50:100]])
    found = reconstruction(test[:100], rebuilt, look)
    for values in (found.mse, found.ssim, found.cosine):
        assert values is not None
        assert torch.equal(values.round(decimals=6) == values[0].round(decimals=6), torch.arange(100) < 50)  # fmt: skip  # noqa: E501


def test_agreement_and_cosine_by_hand():
    told = {
        1: Features(torch.tensor([[1.0, 0], [0, 2], [1, 1]]), torch.tensor([[0.9, 0.1]] * 3)),
        2: Features(
            torch.tensor([[3.0, 0], [1, 0], [1, 0]]),
            torch.tensor([[0.6, 0.4], [0.4, 0.6], [0.51, 0.49]]),
        ),
    }
    one, two = (torch.full((3, 1, 8, 8), i, dtype=torch.uint8) for i in (1, 2))
    found = reconstruction(one, two, lambda images: told[int(images[0, 0, 0, 0])])
    assert found.agreement is not None and found.agreement.tolist() == [1, 0, 1]
    assert found.cosine is not None
    assert found.cosine.tolist() == pytest.approx([1, 0, math.sqrt(0.5)], abs=1e-6)


def test_mean_of_psnrs_is_not_the_psnr_of_the_mean():
    errors = torch.tensor([0.1, 0.001], dtype=torch.float64)
    found = means(Reconstruction(errors, psnr(errors), errors))
    assert found["psnr"].value == pytest.approx(20)
    assert found["psnr"].value != pytest.approx(psnr(errors.mean()).item(), abs=1)
    assert set(found) == {"mse", "psnr", "ssim"}
    assert found["mse"].interval.low < found["mse"].value < found["mse"].interval.high


def test_mean_image_and_nearest_image_equal_plain_ones(clothes):
    train, test = clothes
    assert torch.equal(mean_image(train), train.double().mean(0).round().byte())
    assert mean_image(noise(3, 1, 2, 2) // 200 * 0 + 7).unique().tolist() == [7]
    apart = torch.cdist(test.double().flatten(1), train.double().flatten(1))
    assert torch.equal(nearest_image(test, train), train[apart.argmin(1)])
    assert torch.equal(nearest_image(train[:40], train), train[:40])


def test_baselines_stand_beside(clothes):
    """A slightly noisy copy beats the nearest train image, which beats the mean image."""
    train, test = clothes
    rough = (test.int() + noise(*test.shape, top=9).int() - 4).clamp(0, 255).byte()
    found = {name: means(r) for name, r in compared(test, rough, train, look).items()}
    assert list(found) == ["rebuilt", "mean_image", "nearest_image"]
    order = [found[name] for name in ("rebuilt", "nearest_image", "mean_image")]
    for figure, sign in (("mse", 1), ("psnr", -1), ("agreement", -1), ("cosine", -1)):
        values = [sign * one[figure].value for one in order]
        assert values == sorted(values) and len(set(values)) == 3
    variance = (test.double() / 255 - mean_image(train).double() / 255).square().mean().item()
    assert found["mean_image"]["mse"].value == pytest.approx(variance, rel=1e-9)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (noise(3), noise(4)),
        (noise(3), noise(3, 3, 28, 28)),
        (noise(3).float(), noise(3)),
        (noise(3)[:, 0], noise(3)[:, 0]),
    ],
)
def test_what_cannot_be_compared_is_refused(x, y):
    with pytest.raises(ValueError, match="one shape"):
        reconstruction(x, y)


def test_baselines_of_another_size_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        compared(noise(3), noise(3), noise(3, 1, 32, 32))
