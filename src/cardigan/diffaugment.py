"""Differentiable augmentation: gradients reach the generator through what changes its pictures.

Zhao et al. 2020, arXiv:2006.10738. Reals and fakes are changed alike, so that pictures can be
learnt from a hundred examples without changes being learnt as well.
"""

import torch
from torch import Tensor

from .chance import fraction, taken


def diffaugment(x: Tensor, p: float | Tensor = 1.0) -> Tensor:
    """Colour, translation and cutout, of a share `p` of images; the paper changes all."""
    changed = cutout(translated(coloured(x)))
    return torch.where(taken(x, p), changed, x)


def coloured(x: Tensor) -> Tensor:
    """Brightness shifted by U(-1/2, 1/2), saturation times U(0, 2), contrast by U(1/2, 3/2).

    On values that run from -1 to 1.
    """
    x = x + fraction(x) - 0.5
    x = _stretched(x, x.mean(1, keepdim=True), 2 * fraction(x))
    return _stretched(x, x.mean((1, 2, 3), keepdim=True), fraction(x) + 0.5)


def translated(x: Tensor, ratio: float = 1 / 8) -> Tensor:
    """Moved by up to `ratio` of each side, in whole pixels; zeros come in."""
    for axis in (2, 3):
        side = x.shape[axis]
        reach = int(side * ratio + 0.5)
        moved = torch.arange(side, device=x.device) + _whole(x, -reach, reach)  # [N, 1, 1, side]
        inside = (moved >= 0) & (moved < side)
        index, inside = (t.movedim(3, axis) for t in (moved.clamp(0, side - 1), inside))
        x = x.gather(axis, index.expand_as(x)) * inside
    return x


def cutout(x: Tensor, ratio: float = 1 / 2) -> Tensor:
    """A square of `ratio` of the side, centred anywhere in the picture, becomes zero."""
    hidden = torch.ones_like(x[:, :1], dtype=torch.bool)
    for axis in (2, 3):
        side = x.shape[axis]
        width = int(side * ratio + 0.5)
        first = _whole(x, 0, side - width % 2) - width // 2
        place = torch.arange(side, device=x.device)
        within = (place >= first) & (place < first + width)  # [N, 1, 1, side]
        hidden = hidden & within.movedim(3, axis)
    return x * ~hidden


def _stretched(x: Tensor, about: Tensor, by: Tensor) -> Tensor:
    return (x - about) * by + about


def _whole(x: Tensor, low: int, high: int) -> Tensor:
    """A whole number from `low` to `high` for each image, [N, 1, 1, 1]."""
    return torch.randint(low, high + 1, (len(x), 1, 1, 1), device=x.device)
