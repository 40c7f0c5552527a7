"""Progressive GAN's networks, which are whole from the start and of which a growing part is used.

Karras et al. 2018, arXiv:1710.10196, table 2. How far they have grown is told with every call: a
level, and how far that level has faded in. Level 0 is a map of 4x4 (28 pixels: 7x7), and each
level above doubles it.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import log2

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from .equalised import GAIN, Conv, Linear, UpConv, leaky, unit_length
from .layers import MinibatchDeviation
from .resampling import repeat

Halve = Callable[[int, int], nn.Module]
"""From channels before and after to layers that halve a map's side."""


def start(size: int) -> int:
    """The side of the coarsest map."""
    return 7 if size == 28 else 4


def levels(size: int) -> int:
    """How often the coarsest map doubles."""
    return int(log2(size / start(size)))


def widths(size: int, base: int, most: int) -> list[int]:
    """Channels of each level, from the coarsest: min(base / 2^(level + 1), most).

    The paper has a base of 8,192 and 512 channels at most.
    """
    return [max(min(base >> (level + 1), most), 1) for level in range(levels(size) + 1)]


class Generator(nn.Module):
    """z [N, Z] -> image [N, C, h, w] of a level, linear.

    In eval mode it comes at full size, each pixel a square, and clipped to [-1, 1].
    """

    def __init__(self, latents: int, size: int, channels: int, base: int, most: int = 512) -> None:
        super().__init__()
        first, *_ = each = widths(size, base, most)
        side = start(size)
        self.dense = Linear(latents, first * side**2, GAIN / 4, bias=None)
        self.unflatten = nn.Unflatten(1, (first, side, side))
        self.bias = nn.Parameter(torch.zeros(first, 1, 1))
        self.first = Conv(first, first, 3)
        self.blocks = nn.ModuleList(Up(before, after) for before, after in pairwise(each))
        self.out = nn.ModuleList(Conv(width, channels, 1, gain=1.0) for width in each)

    def forward(
        self,
        z: Tensor,
        label: Tensor | None = None,
        level: int | None = None,
        fade: Tensor | None = None,
    ) -> Tensor:
        """Draws images; labels are not looked at.

        Arguments:
            level: The last level that draws; None is full size.
            fade: How far that level has faded in, from 0 to 1; None, all the way.
        """
        level = len(self.blocks) if level is None else level
        x = self.unflatten(self.dense(unit_length(z)))
        x = unit_length(leaky(x + self.bias.to(x.dtype)))
        before = x = unit_length(leaky(self.first(x)))
        for block in self.blocks[:level]:
            before, x = x, block(x)
        image = drawn(self.out, before, x, level, fade)
        if self.training:
            return image
        return repeat(image, 2 ** (len(self.blocks) - level)).clamp(-1, 1)


# x = lerp(up(toRGB_(r-1)), toRGB_r, alpha)
def drawn(
    out: Sequence[nn.Module] | nn.ModuleList,
    before: Tensor,
    x: Tensor,
    level: int,
    fade: Tensor | None,
) -> Tensor:
    """What maps of a level, and those of the level before, draw."""
    image = out[level](x)
    if fade is None or not level:
        return image
    old = repeat(out[level - 1](before))
    return torch.lerp(old, image, fade.to(image.dtype))


class Discriminator(nn.Module):
    """Image [N, C, h, w] of a level -> logit [N].

    Arguments:
        group: Of `MinibatchDeviation`; 0 compares the whole batch.
        halve: What halves a side; by default a convolution of 3 and means of 2x2.
    """

    def __init__(
        self,
        size: int,
        channels: int,
        base: int,
        most: int = 512,
        group: int = 4,
        halve: Halve | None = None,
    ) -> None:
        super().__init__()
        first, *_ = each = widths(size, base, most)
        self.into = nn.ModuleList(Conv(channels, width, 1) for width in each)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                Conv(after, after, 3), Leaky(), (halve or pooled)(after, before), Leaky()
            )
            for before, after in pairwise(each)
        )
        self.deviation = MinibatchDeviation(group)
        self.last = Conv(first + 1, first, 3)
        last = min(base, most)
        self.dense = Linear(first * start(size) ** 2, last, GAIN)
        self.head = Linear(last, 1)

    def forward(
        self,
        image: Tensor,
        label: Tensor | None = None,
        level: int | None = None,
        fade: Tensor | None = None,
    ) -> Tensor:
        """Judges images; labels are not looked at, `level` and `fade` are the generator's."""
        return self.head(self.features(image, level, fade)).squeeze(1)

    # h = lerp(fromRGB_(r-1)(pool(x)), block_r(fromRGB_r(x)), alpha)
    def features(
        self, image: Tensor, level: int | None = None, fade: Tensor | None = None
    ) -> Tensor:
        """What the last layer judges by: [N, F]."""
        level = len(self.blocks) if level is None else level
        x = leaky(self.into[level](image))
        for depth in reversed(range(level)):
            x = self.blocks[depth](x)
            if fade is not None and depth == level - 1:
                old = leaky(self.into[depth](avg_pool2d(image, 2)))
                x = torch.lerp(old.to(x.dtype), x, fade.to(x.dtype))
        x = leaky(self.last(self.deviation(x)))
        return leaky(self.dense(x.flatten(1)))


class Up(nn.Module):
    """[N, A, H, W] -> [N, B, 2H, 2W]: doubling, 3x3, pixel norm, 3x3, pixel norm."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.up, self.conv = UpConv(before, after), Conv(after, after, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Doubles the side."""
        x = unit_length(leaky(self.up(x)))
        return unit_length(leaky(self.conv(x)))


class Leaky(nn.Module):
    """A leaky ReLU as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        """[N, ...] -> the same."""
        return leaky(x)


def pooled(before: int, after: int) -> nn.Module:
    """A convolution of 3, then means of 2x2."""
    return nn.Sequential(Conv(before, after, 3), nn.AvgPool2d(2))
