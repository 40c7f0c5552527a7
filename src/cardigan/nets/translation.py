"""Networks that turn images into images, and the discriminator that judges them patch by patch.

Zhu et al. 2017, arXiv:1703.10593, appendix; the U-Net is of Isola et al. 2017, arXiv:1611.07004.
Instance norm has neither weights nor memory, so no image depends on others in its batch. Biases
before it change nothing; they are there because the authors' networks have them.
"""

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, pad


class ResnetGenerator(nn.Module):
    """Image [N, C, H, W] -> image of that shape in [-1, 1]; H and W are multiples of 4.

    Arguments:
        width: Channels at full size; each of two halvings doubles them.
        blocks: Residual blocks at a quarter of the size: 6 for 128 pixels, 9 for 256.
    """

    def __init__(self, channels: int, width: int = 64, blocks: int = 9) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.ReflectionPad2d(3),
            *_normed(nn.Conv2d(channels, width, 7)),
            *_normed(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)),
            *_normed(nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1)),
            *(Block(4 * width) for _ in range(blocks)),
            *_normed(_doubling(4 * width, 2 * width)),
            *_normed(_doubling(2 * width, width)),
            nn.ReflectionPad2d(3),
            nn.Conv2d(width, channels, 7),
            nn.Tanh(),
        )
        first_weights(self)

    def forward(self, image: Tensor) -> Tensor:
        """Translates images."""
        return self.net(image)


class Block(nn.Module):
    """x + f(x), with nothing after the sum."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.ReflectionPad2d(1),
            *_normed(nn.Conv2d(width, width, 3)),
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Adds what the layers find to what they are given."""
        return x + self.net(x)


class PatchDiscriminator(nn.Module):
    """Image [N, C, H, W] -> logits [N, h, w], each of which sees a patch of the image.

    With 3 layers that halve it a patch is 70 pixels wide, with 2 it is 34, with 1 it is 16.

    Arguments:
        layers: That halve the image; two more do not.
    """

    def __init__(self, channels: int, width: int = 64, layers: int = 3) -> None:
        super().__init__()
        widths = [min(2**k, 8) * width for k in range(layers + 1)]
        strides = [2] * (layers - 1) + [1]
        net: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=2, padding=1), _leaky()]
        for (before, after), stride in zip(pairwise(widths), strides, strict=True):
            net += [nn.Conv2d(before, after, 4, stride=stride, padding=1)]
            net += [nn.InstanceNorm2d(after), _leaky()]
        self.net = nn.Sequential(*net, nn.Conv2d(widths[-1], 1, 4, padding=1))
        first_weights(self)

    def forward(self, image: Tensor) -> Tensor:
        """Judges images."""
        return self.net(image).squeeze(1)


def patches(size: int, layers: int) -> int:
    """Logits in a row that `PatchDiscriminator` gives images of this size; 0 or less is none."""
    return size // 2**layers - 2


class UNetGenerator(nn.Module):
    """Image [N, C, H, W] -> image of that shape in [-1, 1]: halved to one pixel, and back.

    Each step back also sees what was there on the way down. Dropout is its only noise, and stays
    on when images are drawn (section 3.2). Sizes between powers of two are mirrored at the
    borders up to the next one.

    Arguments:
        width: Channels at half the size; they double with each halving, up to eight times.
    """

    def __init__(self, size: int, channels: int, width: int = 64) -> None:
        super().__init__()
        depth = (size - 1).bit_length()
        self.margin = (2**depth - size) // 2
        widths = [channels, *(min(2**k, 8) * width for k in range(depth))]
        self.down = nn.ModuleList(_down(widths))
        self.up = nn.ModuleList(_up(widths))
        first_weights(self)

    def forward(self, image: Tensor) -> Tensor:
        """Translates images."""
        m, size = self.margin, image.shape[-1]
        x = pad(image, (m, m, m, m), mode="reflect")
        seen = [x := down(x) for down in self.down]
        for up, beside in zip(self.up, [None, *seen[-2::-1]], strict=True):
            x = up(x if beside is None else torch.cat([x, beside], 1))
        return x[..., m : m + size, m : m + size].tanh()


def _down(widths: list[int]) -> Iterator[nn.Module]:
    """Neither the first step nor the last, which has a single pixel, is normalised."""
    for k, (before, after) in enumerate(pairwise(widths)):
        first = [] if k == 0 else [_leaky(inplace=False)]  # the way back sees what was there
        norm = [] if k in (0, len(widths) - 2) else [nn.InstanceNorm2d(after)]
        yield nn.Sequential(*first, nn.Conv2d(before, after, 4, stride=2, padding=1), *norm)


def _up(widths: list[int]) -> Iterator[nn.Module]:
    """Back from the last width to the first; noise in the three steps after the first."""
    for k, (before, after) in enumerate(pairwise(widths[::-1])):
        into = before if k == 0 else 2 * before
        layers = [nn.ReLU(), nn.ConvTranspose2d(into, after, 4, stride=2, padding=1)]
        if k < len(widths) - 2:
            layers += [nn.InstanceNorm2d(after)]
            layers += [Noise(0.5)] * (1 <= k <= 3)
        yield nn.Sequential(*layers)


class Noise(nn.Dropout):
    """Dropout in eval mode, too."""

    def forward(self, input: Tensor) -> Tensor:
        """Drops units."""
        return dropout(input, self.p)


def _normed(layer: nn.Module) -> list[nn.Module]:
    assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    return [layer, nn.InstanceNorm2d(layer.out_channels), nn.ReLU(inplace=True)]


def _doubling(before: int, after: int) -> nn.Module:
    return nn.ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=1)


def _leaky(inplace: bool = True) -> nn.Module:
    return nn.LeakyReLU(0.2, inplace=inplace)


def first_weights(net: nn.Module) -> None:
    """Weights from N(0, 0.02), biases 0."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
