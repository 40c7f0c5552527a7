"""StyleGAN's networks: a learnt constant, drawn over by styles and noise, which grows.

Karras et al. 2019, arXiv:1812.04948, and the authors' public code. The discriminator is
Progressive GAN's, which blurs before it halves.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import instance_norm

from .equalised import Conv, Linear, UpConv, leaky
from .progressive import Discriminator as Growing
from .progressive import drawn, levels, start, widths
from .resampling import blur, repeat
from .styles import Mapping, PixelNoise, spread, styled


class Generator(nn.Module):
    """z [N, Z], or styles [N, L, W] -> image [N, C, h, w] of a level, linear.

    In eval mode it comes at full size, each pixel a square, and clipped to [-1, 1]; noise is
    always the same.

    Arguments:
        base: Of `progressive.widths`, and so is `most`.
        depth: Layers of the mapping.
        mixing: The share of samples that have two latents in training.
    """

    def __init__(
        self,
        latents: int,
        size: int,
        channels: int,
        base: int,
        most: int = 512,
        depth: int = 8,
        mixing: float = 0.9,
    ) -> None:
        super().__init__()
        first, *_ = each = widths(size, base, most)
        side = start(size)
        self.layers, self.mixing = 2 * levels(size) + 2, mixing
        self.mapping = Mapping(latents, latents, depth)
        self.constant = nn.Parameter(torch.ones(1, first, side, side))
        self.first = nn.ModuleList(
            [Layer(nn.Identity(), first, latents, side)]
            + [Layer(Conv(first, first, 3, bias=False), first, latents, side)]
        )
        self.blocks = nn.ModuleList()
        for level, (before, after) in enumerate(pairwise(each), 1):
            grown = side * 2**level
            self.blocks.append(
                nn.ModuleList(
                    [Layer(Up(before, after), after, latents, grown)]
                    + [Layer(Conv(after, after, 3, bias=False), after, latents, grown)]
                )
            )
        self.out = nn.ModuleList(Conv(width, channels, 1, gain=1.0) for width in each)

    def forward(
        self,
        z: Tensor,
        label: Tensor | None = None,
        level: int | None = None,
        fade: Tensor | None = None,
    ) -> Tensor:
        """Draws images; labels are not looked at, `level` and `fade` are Progressive GAN's."""
        level = len(self.blocks) if level is None else level
        if z.ndim == 2:
            z = styled(self.mapping, z, self.layers, 2 * level + 2, self.mixing)
        return self.synthesise(z, level, fade)

    def synthesise(self, styles: Tensor, level: int, fade: Tensor | None = None) -> Tensor:
        """Draws styles [N, L, W]: layers 2 l and 2 l + 1 are those of level l."""
        before = x = self._layers(
            self.first, self.constant.expand(styles.shape[0], -1, -1, -1), styles
        )
        for depth, block in enumerate(self.blocks[:level], 1):
            before, x = x, self._layers(block, x, styles[:, 2 * depth :])
        image = drawn(self.out, before, x, level, fade)
        if self.training:
            return image
        return repeat(image, 2 ** (len(self.blocks) - level)).clamp(-1, 1)

    def truncated(self, z: Tensor, psi: float) -> Tensor:
        """Latents [N, Z] to styles [N, L, W] on their way to the mean."""
        return spread(self.mapping.truncated(z, psi), self.layers)

    @staticmethod
    def _layers(layers: nn.Module, x: Tensor, styles: Tensor) -> Tensor:
        for index, layer in enumerate(layers.children()):
            x = layer(x, styles[:, index])
        return x


class Layer(nn.Module):
    """A convolution, noise, bias, leaky ReLU, and AdaIN by a style.

        AdaIN(x, w) = (s + 1) (x - mean(x)) / std(x) + b,   (s, b) affine in w

    of each sample and channel by itself.
    """

    def __init__(self, conv: nn.Module, channels: int, latents: int, side: int) -> None:
        super().__init__()
        self.conv, self.noise = conv, PixelNoise(channels, side)
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))
        self.style = Linear(latents, 2 * channels)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Maps [N, A, h, w] and w [N, W] -> maps [N, B, H, W]."""
        x = self.noise(self.conv(x))
        x = leaky(x + self.bias.to(x.dtype))
        return adain(x, self.style(w))


def adain(x: Tensor, style: Tensor) -> Tensor:
    """Maps [N, C, H, W] by a style [N, 2 C]: first s, then b, of `Layer`."""
    scale, shift = style[:, :, None, None].chunk(2, 1)
    return instance_norm(x, eps=1e-8) * (scale + 1) + shift


class Up(nn.Module):
    """[N, A, H, W] -> [N, B, 2H, 2W]: doubling and 3x3, then a blur."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv = UpConv(before, after, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Doubles the side."""
        return blur(self.conv(x))


def discriminator(size: int, channels: int, base: int, most: int = 512, group: int = 4) -> Growing:
    """Image of a level -> logit [N]: Progressive GAN's, which blurs before it halves."""
    return Growing(size, channels, base, most, group, _blurred)


def _blurred(before: int, after: int) -> nn.Module:
    return nn.Sequential(Blur(), Conv(before, after, 3), nn.AvgPool2d(2))


class Blur(nn.Module):
    """[1, 2, 1] along either side."""

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> the same."""
        return blur(x)
