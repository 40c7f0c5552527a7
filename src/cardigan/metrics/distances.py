"""How far apart two images are, pair by pair: by their pixels, or by what a network sees.

Pixels first: they need no network, and find exact and nearly exact copies. But a picture moved by
one pixel is the same picture to the eye and another to the pixels: a stripe of one-pixel lines
moved by one is as far from itself as an image can be (`one_pixel_shift`). So features, in
which such a move hardly counts, are to be preferred for likeness; they miss what their network
was never taught to see, noise above all. Neither is a substitute for looking.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

RANGE = 255  # of bytes


class PixelDistance(NamedTuple):
    """N pairs of images, pixel by pixel, in the images' own unit."""

    mse: Tensor  # float64 [N], mean of squares
    l1: Tensor  # float64 [N], mean of absolute values
    psnr: Tensor  # float64 [N], in decibels; infinite where the images are equal


class FeatureDistance(NamedTuple):
    """N pairs of features."""

    l2: Tensor  # float64 [N]
    cosine: Tensor  # float64 [N], 1 - cos, from 0 to 2


def pixel_distance(one: Tensor, other: Tensor, range: float = RANGE) -> PixelDistance:
    """Mean squared and absolute difference, and PSNR = 10 log10(range^2 / MSE).

    Arguments:
        one: Images [N, C, H, W]; bytes, or floats in a unit of their own.
        other: Images of the same kind and shape: one scale, or the figures mean nothing.
        range: The width of that unit: 255 for bytes, 1 for [0, 1], 2 for [-1, 1].

    Raises:
        ValueError: Unlike shapes or kinds, or bytes whose range is said to be another.
    """
    _alike(one, other)
    if one.dtype == torch.uint8 and range != RANGE:
        raise ValueError(f"expected a range of 255 for bytes, got {range}")
    if not 0 < range < math.inf:
        raise ValueError(f"expected a range above 0, got {range}")
    difference = (one.double() - other.double()).flatten(1)
    mse = difference.square().mean(1)
    return PixelDistance(mse, difference.abs().mean(1), 10 * torch.log10(range**2 / mse))


def feature_distance(one: Tensor, other: Tensor) -> FeatureDistance:
    """|f - g|, and 1 - f.g / (|f| |g|), which is 1 where either is 0.

    Arguments:
        one: Features [N, D].
        other: Features of the same network [N, D].

    Raises:
        ValueError: Unlike shapes or kinds.
    """
    _alike(one, other)
    f, g = one.double(), other.double()
    cosine = torch.cosine_similarity(f, g).clamp(-1, 1)
    return FeatureDistance(torch.linalg.vector_norm(f - g, dim=1), 1 - cosine)


def one_pixel_shift(size: int = 28) -> PixelDistance:
    """Vertical lines, one pixel wide and one apart, against themselves moved by one pixel.

    Every pixel changes by the whole range: 0 dB, as far as black is from white. Distances of
    lines that are wider fall with their width, and never below what an edge costs.
    """
    lines = (torch.arange(size) % 2 * RANGE).byte().expand(1, 1, size, size)
    return pixel_distance(lines, lines.roll(1, 3))


def _alike(one: Tensor, other: Tensor) -> None:
    if one.shape != other.shape or one.dtype != other.dtype or one.dim() < 2:
        raise ValueError(
            f"expected pairs of one shape and kind, got {one.dtype} {[*one.shape]} and "
            f"{other.dtype} {[*other.shape]}"
        )
