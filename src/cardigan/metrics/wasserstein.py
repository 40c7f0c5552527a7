"""How far patches of two sets of images lie apart, from the finest detail to the whole."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ..progress import track
from ..randomness import generator

COARSEST = 16
"""Pixels across the last level, where the images' size allows."""
PATCH = 7
PATCHES = 128
"""Of an image, at each level."""
DIRECTIONS = 512
IMAGES = 256  # looked at together
ROWS = 1 << 16  # patches projected together
HELD = 1 << 23  # projections held at once, 64 MB a set


class PatchDistance(NamedTuple):
    """Sliced Wasserstein distances, times 1,000."""

    levels: dict[int, float]  # by the shorter side of a level, the finest first
    mean: float  # over the levels


def patch_distance(
    real: Tensor,
    fake: Tensor,
    patches: int = PATCHES,
    directions: int = DIRECTIONS,
    seed: int = 0,
) -> PatchDistance:
    """The sliced Wasserstein distance of patches on Laplacian pyramids, times 1,000.

    Karras et al. 2018 (Progressive GAN), arXiv:1710.10196, section 5: at each level 128 patches
    of 7 x 7 pixels an image, normalised by channel over their set. So no figure sees a global
    brightness or contrast. Sides are mirrored up to a multiple of 16 (28 to 32) and halved while
    16 pixels remain. The patches' places are the same in both sets: a set is 0 from itself.

    The figure is too large for few patches, and the more so the more pixels a patch has: white
    noise of 147 values is 39 from its like at 2,000 patches, 10 at 32,000. Compare at one N only.

    Arguments:
        real: uint8 [N, C, H, W], sides at least 16 pixels.
        fake: The same.
        seed: Of places and directions; the global random state is neither read nor changed.

    Raises:
        ValueError: Not bytes, of unlike shapes, or too small.
    """
    _check(real, fake)
    sides = _sides(*_padded(real[:1]).shape[2:])
    levels = {}
    for level, side in enumerate(track(sides, "patches", unit="levels")):
        found = [_patches_of(images, level, patches, seed) for images in (real, fake)]
        x, y = (standardised(some).flatten(1) for some in found)
        lines = _lines(x.shape[1], directions, seed, level)
        levels[side] = 1000 * sliced_wasserstein(x, y, lines)
    return PatchDistance(levels, sum(levels.values()) / len(levels))


# mean over directions u of W1(x.u, y.u); in one dimension W1 = mean |sorted x - sorted y|
def sliced_wasserstein(x: Tensor, y: Tensor, directions: Tensor) -> float:
    """The mean over directions of the 1-Wasserstein distance of projections.

    Rabin et al. 2011, "Wasserstein barycenter and its application to texture mixing".

    Arguments:
        x: [N, D].
        y: [N, D], as many.
        directions: Unit vectors [D, L].
    """
    assert len(x) == len(y), f"{len(x)} and {len(y)} points cannot be paired in order"
    width = max(1, HELD // len(x))
    distances = [
        (_project(x, some) - _project(y, some)).abs().mean(0)
        for some in directions.double().split(width, 1)
    ]
    return torch.cat(distances).mean().item()


def laplacian_pyramid(images: Tensor, levels: int) -> list[Tensor]:
    """Detail by octaves, the finest first, and what is left: [N, C, H / 2^i, W / 2^i].

    Burt and Adelson 1983, with the binomial kernel [1 4 6 4 1] / 16 and mirrored borders.

    Arguments:
        images: Floats [N, C, H, W], sides that can be halved `levels - 1` times.
    """
    pyramid = []
    for _ in range(levels - 1):
        smaller = _down(images)
        pyramid.append(images - _up(smaller))
        images = smaller
    return [*pyramid, images]


def collapse(pyramid: list[Tensor]) -> Tensor:
    """The images of a pyramid."""
    *details, images = pyramid
    for detail in reversed(details):
        images = detail + _up(images)
    return images


def standardised(patches: Tensor) -> Tensor:
    """Patches [M, C, h, w] with mean 0 and std 1 in each channel, over the whole set.

    A channel without contrast, at most 1e-6 of a grey level, becomes 0.
    """
    mean = _chunked(patches, lambda part: part).div_(len(patches))
    variance = _chunked(patches, lambda part: (part - mean).square()).div_(len(patches))
    std = variance.sqrt()
    scale = torch.where(std > 1e-6, 1 / std, torch.zeros_like(std))
    return (patches - mean.to(patches)).mul_(scale.to(patches))


def _chunked(patches: Tensor, of: Callable[[Tensor], Tensor]) -> Tensor:
    """Sums over patches of means over their pixels, in float64: [C, 1, 1]."""
    return sum(
        (of(part.double()).mean((2, 3), keepdim=True).sum(0) for part in patches.split(ROWS)),
        start=torch.zeros(patches.shape[1], 1, 1, dtype=torch.float64, device=patches.device),
    )


def _project(points: Tensor, directions: Tensor) -> Tensor:
    """Projections in order: [N, L]."""
    parts = [part.double() @ directions.to(points.device) for part in points.split(ROWS)]
    return torch.cat(parts).sort(0).values


def _lines(dimensions: int, count: int, *seed: int) -> Tensor:
    draw = generator(*seed, 1)
    return F.normalize(torch.randn(dimensions, count, generator=draw, dtype=torch.float64), dim=0)


def _patches_of(images: Tensor, level: int, patches: int, seed: int) -> Tensor:
    """Random patches of one level of the images' pyramids, float32 [N * patches, C, 7, 7]."""
    draw = generator(seed, level, 0)
    found = []
    for some in images.split(IMAGES):
        padded = _padded(some)
        detail = laplacian_pyramid(padded, len(_sides(*padded.shape[2:])))[level]
        windows = detail.unfold(2, PATCH, 1).unfold(3, PATCH, 1)  # [n, C, rows, columns, 7, 7]
        count = len(some) * patches
        row, column = (
            torch.randint(size, (count,), generator=draw) for size in windows.shape[2:4]
        )
        found.append(windows[torch.arange(len(some)).repeat_interleave(patches), :, row, column])
    return torch.cat(found)


def _padded(images: Tensor) -> Tensor:
    """Bytes to floats whose sides are multiples of 16, mirrored at the borders."""
    (top, bottom), (left, right) = (_margins(side) for side in images.shape[2:])
    return F.pad(images.float(), (left, right, top, bottom), mode="reflect")


def _margins(side: int) -> tuple[int, int]:
    margin = -side % COARSEST
    return margin // 2, margin - margin // 2


def _sides(*sides: int) -> list[int]:
    """Shorter sides of the levels: all are halved while they are even and 16 pixels remain."""
    if any(side % 2 or side // 2 < COARSEST for side in sides):
        return [min(sides)]
    return [min(sides), *_sides(*(side // 2 for side in sides))]


def _down(images: Tensor) -> Tensor:
    return _blurred(images)[:, :, ::2, ::2]


def _up(images: Tensor) -> Tensor:
    n, channels, height, width = images.shape
    spread = images.new_zeros(n, channels, 2 * height, 2 * width)
    spread[:, :, ::2, ::2] = images
    return 4 * _blurred(spread)


def _blurred(images: Tensor) -> Tensor:
    line = images.new_tensor([1, 4, 6, 4, 1]) / 16
    kernel = line.outer(line).expand(images.shape[1], 1, 5, 5)
    return F.conv2d(F.pad(images, (2, 2, 2, 2), mode="reflect"), kernel, groups=images.shape[1])


def _check(real: Tensor, fake: Tensor) -> None:
    both = (real, fake)
    if any(x.dtype != torch.uint8 or x.dim() != 4 or min(x.shape[2:]) < COARSEST for x in both):
        raise ValueError(
            f"expected uint8 [N, C, H, W] of {COARSEST} pixels or more, got "
            f"{real.dtype} {list(real.shape)} and {fake.dtype} {list(fake.shape)}"
        )
    if real.shape != fake.shape or not len(real):
        raise ValueError(
            f"expected as many reals as samples, of one size, got {list(real.shape)} "
            f"and {list(fake.shape)}"
        )
