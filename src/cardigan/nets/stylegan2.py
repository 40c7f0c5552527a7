"""StyleGAN2's networks: styles scale weights, pictures are sums, and nothing grows.

Karras et al. 2020, arXiv:1912.04958, and the authors' public code.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d

from .equalised import Conv, Linear, leaky
from .layers import MinibatchDeviation
from .progressive import levels, start, widths
from .resampling import BILINEAR, blur, double, halve
from .styles import Mapping, PixelNoise, spread, styled

LOUD = 2**0.5  # what a leaky ReLU is multiplied by, so that it keeps a signal's size


class Generator(nn.Module):
    """z [N, Z], or styles [N, L, W] -> image [N, C, H, W], linear.

    In eval mode pictures are clipped to [-1, 1], and noise is always the same.

    Arguments:
        base: Of `progressive.widths`, and so is `most`; the paper has 16,384.
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
        self.constant = nn.Parameter(torch.randn(1, first, side, side))
        self.first = Layer(first, first, latents, side)
        self.blocks = nn.ModuleList()
        for level, (before, after) in enumerate(pairwise(each), 1):
            grown = side * 2**level
            up = Layer(before, after, latents, grown, up=True)
            self.blocks.append(nn.ModuleList([up, Layer(after, after, latents, grown)]))
        self.out = nn.ModuleList(Colours(width, channels, latents) for width in each)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Draws images; labels are not looked at."""
        return self.synthesise(self.styles(z) if z.ndim == 2 else z)

    def styles(self, z: Tensor) -> Tensor:
        """Latents [N, Z] to styles [N, L, W]; in training, mixed."""
        return styled(self.mapping, z, self.layers, self.layers, self.mixing)

    # image_l = up(image_(l-1)) + toRGB_l(x_l)
    def synthesise(self, styles: Tensor) -> Tensor:
        """Draws styles [N, L, W]: the first layer has the first, each block the next two.

        Colours of a level share the style of the block above it.
        """
        x = self.first(self.constant.expand(styles.shape[0], -1, -1, -1), styles[:, 0])
        image = self.out[0](x, styles[:, 1])
        for level, block in enumerate(self.blocks, 1):
            for index, layer in enumerate(block.children()):
                x = layer(x, styles[:, 2 * level - 1 + index])
            image = double(image) + self.out[level](x, styles[:, 2 * level + 1])
        return image if self.training else image.clamp(-1, 1)

    def truncated(self, z: Tensor, psi: float) -> Tensor:
        """Latents [N, Z] to styles [N, L, W] on their way to the mean."""
        return spread(self.mapping.truncated(z, psi), self.layers)


class Modulated(nn.Module):
    """A convolution whose weights a style scales, for each sample by itself.

        w'_oik = s_i w_oik,     w''_oik = w'_oik / sqrt(sum_ik w'_oik^2 + 1e-8)

    where s is affine in w and begins as 1 (equations 1 and 3). No sample has a weight: maps are
    scaled before and after a convolution that all share, which is the same, and lets the batch be
    of any size.

    Arguments:
        up: Doubles the side, through the filter [1, 3, 3, 1].
        demodulated: Whether outputs are scaled back, to unit size for inputs of unit size.
    """

    def __init__(
        self,
        before: int,
        after: int,
        latents: int,
        kernel: int = 3,
        up: bool = False,
        demodulated: bool = True,
    ) -> None:
        super().__init__()
        self.scale = 1 / (before * kernel**2) ** 0.5
        self.pad, self.up, self.demodulated = kernel // 2, up, demodulated
        self.style = Linear(latents, before, bias=1.0)
        self.weight = nn.Parameter(torch.randn(after, before, kernel, kernel))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Maps [N, A, h, w] and w [N, W] -> maps [N, B, H, W]."""
        s, weight = self.style(w), self.weight * self.scale
        x = x * s[:, :, None, None].to(x.dtype)
        if self.up:
            x = conv_transpose2d(x, weight.transpose(0, 1), stride=2)
            x = 4 * blur(x, BILINEAR, pad=1)
        else:
            x = conv2d(x, weight, padding=self.pad)
        if not self.demodulated:
            return x
        size = s.square() @ weight.square().sum((2, 3)).T + 1e-8  # [N, B]
        return x * size.rsqrt()[:, :, None, None].to(x.dtype)


class Layer(nn.Module):
    """A modulated convolution, then noise, bias and leaky ReLU."""

    def __init__(self, before: int, after: int, latents: int, side: int, up: bool = False) -> None:
        super().__init__()
        self.conv = Modulated(before, after, latents, up=up)
        self.noise = PixelNoise(1, side)
        self.bias = nn.Parameter(torch.zeros(after, 1, 1))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Maps [N, A, h, w] and w [N, W] -> maps [N, B, H, W]."""
        x = self.noise(self.conv(x, w))
        return LOUD * leaky(x + self.bias.to(x.dtype))


class Colours(nn.Module):
    """Maps and w to colours: a modulated 1x1 convolution, and a bias."""

    def __init__(self, before: int, channels: int, latents: int) -> None:
        super().__init__()
        self.conv = Modulated(before, channels, latents, kernel=1, demodulated=False)
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Maps [N, A, H, W] and w [N, W] -> [N, C, H, W]."""
        x = self.conv(x, w)
        return x + self.bias.to(x.dtype)


class Discriminator(nn.Module):
    """Image [N, C, H, W] -> logit [N]: residual blocks, then how much the batch varies.

    Arguments:
        group: Of `MinibatchDeviation`; 0 compares the whole batch.
    """

    def __init__(
        self, size: int, channels: int, base: int, most: int = 512, group: int = 4
    ) -> None:
        super().__init__()
        each = widths(size, base, most)[::-1]
        last = each[-1]
        self.into = Conv(channels, each[0], 1, gain=1.0)
        self.blocks = nn.ModuleList(Down(before, after) for before, after in pairwise(each))
        self.deviation = MinibatchDeviation(group)
        self.last = Conv(last + 1, last, 3, gain=1.0)
        self.dense = Linear(last * start(size) ** 2, last)
        self.head = Linear(last, 1)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Judges images; labels are not looked at."""
        return self.head(self.features(image)).squeeze(1)

    def features(self, image: Tensor) -> Tensor:
        """What the last layer judges by: [N, F]."""
        x = LOUD * leaky(self.into(image))
        for block in self.blocks:
            x = block(x)
        x = LOUD * leaky(self.last(self.deviation(x)))
        return LOUD * leaky(self.dense(x.flatten(1)))


class Down(nn.Module):
    """[N, A, H, W] -> [N, B, H / 2, W / 2]: 3x3 and a halving 3x3, and a halving 1x1."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1 = Conv(before, before, 3, gain=1.0)
        self.conv2 = Conv(before, after, 3, gain=1.0, stride=2, pad=0)
        self.shortcut = Conv(before, after, 1, gain=1.0, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Adds the two ways and divides by sqrt(2): variances would add up."""
        y = LOUD * leaky(self.conv1(x))
        y = LOUD * leaky(self.conv2(blur(y, BILINEAR, pad=2)))
        return (y + self.shortcut(halve(x))) / 2**0.5
