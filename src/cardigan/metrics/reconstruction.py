"""How near rebuilt images are to their originals, beside what costs nothing to build."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.functional.image import structural_similarity_index_measure

from ..progress import track
from .bootstrap import Interval, mean_interval
from .features import Features

BATCH = 250


class Reconstruction(NamedTuple):
    """Image by image, float64 [N]; bytes stand for values in [0, 1]."""

    mse: Tensor  # mean squared error over pixels
    psnr: Tensor  # decibels; infinite where nothing is lost
    ssim: Tensor  # at most 1, which is equality
    agreement: Tensor | None = None  # 1 where a classifier says the same of both, else 0
    cosine: Tensor | None = None  # of their features, at most 1


class Mean(NamedTuple):
    """Over images."""

    value: float
    interval: Interval


def reconstruction(
    originals: Tensor, rebuilt: Tensor, look: Callable[[Tensor], Features] | None = None
) -> Reconstruction:
    """Compares images with what was rebuilt of them; take held-out images.

    Arguments:
        originals: uint8 [N, C, H, W], sides at least 6 pixels.
        rebuilt: The same, in the same order; bytes, as a picture file would hold them.
        look: What a fixed network sees in bytes, as `partial(extract, net)` tells it; without,
            pixels alone are compared.

    Raises:
        ValueError: Not bytes, or of unlike shapes.
    """
    _check(originals, rebuilt)
    mse = _by_batches(_mse, originals, rebuilt, "squared errors")
    pixels = Reconstruction(mse, psnr(mse), _by_batches(_ssim, originals, rebuilt, "SSIM"))
    if look is None:
        return pixels
    x, y = look(originals), look(rebuilt)
    return pixels._replace(
        agreement=(x.probabilities.argmax(1) == y.probabilities.argmax(1)).double(),
        cosine=F.cosine_similarity(x.features, y.features),
    )


def means(of: Reconstruction) -> dict[str, Mean]:
    """By name, each mean over two images or more and its interval.

    The mean of PSNRs is not the PSNR of the mean error; one image without loss makes it infinite.
    """
    found = {name: values for name, values in of._asdict().items() if values is not None}
    return {name: Mean(v.mean().item(), mean_interval(v)) for name, v in found.items()}


def compared(
    originals: Tensor,
    rebuilt: Tensor,
    train: Tensor,
    look: Callable[[Tensor], Features] | None = None,
) -> dict[str, Reconstruction]:
    """`rebuilt`, beside what any code must beat: `mean_image` and `nearest_image` of `train`.

    Raises:
        ValueError: Not bytes, or of unlike shapes.
    """
    _check(originals, rebuilt)
    _check(originals[:1], train[:1])
    built = {
        "rebuilt": rebuilt,
        "mean_image": mean_image(train).expand_as(originals),
        "nearest_image": nearest_image(originals, train),
    }
    return {name: reconstruction(originals, images, look) for name, images in built.items()}


# 10 log10(R^2 / MSE), R = 1
def psnr(mse: Tensor) -> Tensor:
    """The peak signal-to-noise ratio of errors on values in [0, 1], in decibels: [N]."""
    return -10 * mse.double().log10()


def mean_image(train: Tensor) -> Tensor:
    """The mean of bytes [N, C, H, W], rounded to bytes: [C, H, W]."""
    total = torch.stack([part.double().sum(0) for part in train.split(1000)]).sum(0)
    return (total / len(train)).round().to(torch.uint8)


def nearest_image(images: Tensor, train: Tensor) -> Tensor:
    """Of each image [N, C, H, W], the train image [M, C, H, W] with the least squared error."""
    known = train.flatten(1).float()
    norms = known.double().square().sum(1)
    parts = track(images.flatten(1).float().split(BATCH), "nearest images", unit="batches")
    # The image's own norm is the same for all: |x - y|^2 = |x|^2 - 2 x.y + |y|^2
    index = [(norms - 2 * (part @ known.T).double()).argmin(1) for part in parts]
    return train[torch.cat(index)]


def _mse(x: Tensor, y: Tensor) -> Tensor:
    return ((x - y) / 255).square().flatten(1).mean(1)


def _ssim(x: Tensor, y: Tensor) -> Tensor:
    """Wang et al. 2004: Gaussian window of 11 pixels, std 1.5, mirrored borders."""
    values = structural_similarity_index_measure(x, y, data_range=255.0, reduction="none")
    assert isinstance(values, Tensor)
    return values.reshape(-1)


def _by_batches(
    of: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor, label: str
) -> Tensor:
    pairs = zip(x.split(BATCH), y.split(BATCH), strict=True)
    batches = track(pairs, label, total=-(-len(x) // BATCH), unit="batches")
    return torch.cat([of(a.double(), b.double()) for a, b in batches]).cpu()


def _check(x: Tensor, y: Tensor) -> None:
    if x.dtype != torch.uint8 or y.dtype != torch.uint8 or x.dim() != 4 or x.shape != y.shape:
        raise ValueError(
            f"expected two uint8 [N, C, H, W] of one shape, got {x.dtype} {list(x.shape)} "
            f"and {y.dtype} {list(y.shape)}"
        )
