"""DCGAN's networks (Radford et al. 2015, arXiv:1511.06434).

No pooling; batch norm everywhere but at the generator's output and the discriminator's input;
ReLU and tanh in the generator, LeakyReLU in the discriminator. Kernels of 4 at stride 2 overlap
evenly, where the paper's 5 at stride 2 do not (Odena et al. 2016, "Deconvolution and checkerboard
artifacts").

Sizes that are powers of two start from 4x4 pixels and double. 28 starts from 7x7 behind a dense
layer, as in InfoGAN (Chen et al. 2016, arXiv:1606.03657).
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from math import log2

from torch import Tensor, nn

from .layers import BATCH, MinibatchDiscrimination, Norm

Activation = Callable[[], nn.Module]
Enlarging = Callable[[int, int], nn.Module]
"""From channels before and after to layers that double a map's side."""

relu = partial(nn.ReLU, inplace=True)
leaky = partial(nn.LeakyReLU, 0.2, inplace=True)


def transposed(before: int, after: int) -> nn.Module:
    """Kernels of 4: each pixel is written to by two of them along either side."""
    return nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)


def transposed_odd(before: int, after: int) -> nn.Module:
    """The paper's kernels of 5: pixels are written to by three and by two of them in turn."""
    return nn.ConvTranspose2d(before, after, 5, stride=2, padding=2, output_padding=1, bias=False)


def bilinear(before: int, after: int) -> nn.Module:
    """Bilinear upsampling, then a convolution of 3."""
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
        nn.Conv2d(before, after, 3, padding=1, bias=False),
    )


ENLARGING = {"transposed": transposed, "transposed-5": transposed_odd, "bilinear": bilinear}


class Generator(nn.Module):
    """z [N, Z] -> image [N, C, H, W] in [-1, 1].

    Arguments:
        width: Channels before the last layer; each halving of the picture doubles them.
        pooled: No dense layer but the projection of z, at 28 pixels as well.
        enlarging: What doubles the side.
    """

    def __init__(
        self,
        latents: int,
        size: int,
        channels: int,
        width: int,
        norm: Norm = BATCH,
        activation: Activation = relu,
        pooled: bool = False,
        enlarging: Enlarging = transposed,
    ) -> None:
        super().__init__()
        start, widths = _plan(size, width)
        layers: list[nn.Module] = []
        if start == 7 and not pooled:
            layers += [nn.Linear(latents, 16 * width, bias=False)]
            layers += [norm.units(16 * width), activation()]
            latents = 16 * width
        layers += [nn.Linear(latents, widths[0] * start**2, bias=False)]
        layers += [nn.Unflatten(1, (widths[0], start, start))]
        for before, after in pairwise([*widths, channels]):
            layers += [norm.maps(before), activation(), enlarging(before, after)]
        self.net = nn.Sequential(*layers, nn.Tanh())
        dcgan_weights(self)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Draws images; labels are not looked at."""
        return self.net(z)


class Discriminator(nn.Module):
    """Image [N, C, H, W] in [-1, 1] -> logit [N].

    Arguments:
        width: Channels after the first layer; each halving of the picture doubles them.
        pooled: The last maps are averaged over the picture; no hidden layer is dense.
        kernels: Of minibatch discrimination before the last layer; 0 for none.
    """

    def __init__(
        self,
        size: int,
        channels: int,
        width: int,
        norm: Norm = BATCH,
        pooled: bool = False,
        kernels: int = 0,
    ) -> None:
        super().__init__()
        layers, features = trunk(size, channels, width, norm, pooled)
        if kernels:
            layers += [MinibatchDiscrimination(features, kernels)]
        self.net = nn.Sequential(*layers, nn.Linear(features + kernels, 1, bias=False))
        dcgan_weights(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Judges images; labels are not looked at."""
        return self.net(image).squeeze(1)

    def features(self, image: Tensor) -> Tensor:
        """What the last layer judges by: [N, F]."""
        return self.net[:-1](image)


def trunk(
    size: int, channels: int, width: int, norm: Norm = BATCH, pooled: bool = False
) -> tuple[list[nn.Module], int]:
    """The discriminator without its last layer, and how many features it ends with."""
    start, widths = _plan(size, width)
    widths = widths[::-1]
    layers = [nn.Conv2d(channels, width, 4, stride=2, padding=1, bias=False), leaky()]
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)]
        layers += [norm.maps(after), leaky()]
    features = widths[-1] * start**2
    if pooled:
        layers += [nn.AdaptiveAvgPool2d(1)]
        features = widths[-1]
    layers += [nn.Flatten()]
    if start == 7 and not pooled:
        layers += [nn.Linear(features, 16 * width, bias=False)]
        layers += [norm.units(16 * width), leaky()]
        features = 16 * width
    return layers, features


def dcgan_weights(net: nn.Module) -> None:
    """Weights from N(0, 0.02); gains of batch norm from N(1, 0.02), and its shifts 0."""
    for layer in net.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
        elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and layer.affine:
            nn.init.normal_(layer.weight, 1.0, 0.02)
            nn.init.zeros_(layer.bias)


def _plan(size: int, width: int) -> tuple[int, list[int]]:
    """The coarsest map's side, and the channels from there up to half the picture's size."""
    start = 7 if size == 28 else 4
    doublings = int(log2(size / start))
    return start, [width * 2**i for i in reversed(range(doublings))]
