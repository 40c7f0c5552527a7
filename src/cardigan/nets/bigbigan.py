"""Networks of BigBiGAN beside its generator (Donahue and Simonyan 2019, arXiv:1907.02544).

The encoder has a trunk, and residual layers that make codes of its features. Trunks are residual
networks of the second kind (He et al. 2016, arXiv:1603.05027): a small one with two convolutions a
block here, and the paper's in `resnet50`.
"""

from itertools import pairwise
from math import log2
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from .bigan import MakeHead
from .spectral import Normalise, plain


class Terms(NamedTuple):
    """Which scores a discriminator of pairs gives."""

    x: bool  # s_x, of the sample
    z: bool  # s_z, of the code
    joint: bool  # s_xz, of both


class TermDiscriminator(nn.Module):
    """Sample x, code z [N, Z] -> scores [N, T], in the order of `Terms`.

        s_x = a . F(x),   s_z = b . H(z),   s_xz = c . J(F(x), H(z))

    A network that no score needs is not there.

    Arguments:
        seeing: F: x -> [N, seen].
        width: Units of H and J.
        blocks: Of H, and of J, of two layers each.
        finish: What is done to each layer.
    """

    def __init__(
        self,
        seeing: nn.Module,
        seen: int,
        latents: int,
        width: int,
        blocks: int,
        terms: Terms,
        finish: Normalise,
    ) -> None:
        super().__init__()
        assert terms.joint or terms.z, "an encoder learns by scores of its codes alone"
        self.seeing = seeing if terms.x or terms.joint else None
        self.reading = residual_perceptron(latents, width, blocks, finish)
        self.joint = (
            residual_perceptron(seen + width, width, blocks, finish) if terms.joint else None
        )
        self.of_x = finish(nn.Linear(seen, 1)) if terms.x else None
        self.of_z = finish(nn.Linear(width, 1)) if terms.z else None
        self.of_both = finish(nn.Linear(width, 1)) if terms.joint else None

    def forward(self, x: Tensor, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Judges pairs; labels are not looked at."""
        seen, read = self.seeing(x) if self.seeing else None, self.reading(z)
        both = None
        if self.joint:
            assert seen is not None
            both = self.joint(torch.cat([seen, read.to(seen.dtype)], 1))
        judged = ((self.of_x, seen), (self.of_z, read), (self.of_both, both))
        return torch.cat([judge(features) for judge, features in judged if judge], 1)


class Encoder(nn.Module):
    """Image [N, C, H, W] in [-1, 1] -> code [N, Z].

    Arguments:
        net: Its trunk: images -> features [N, F].
        features: F.
        units: Of the layers between features and head.
        head: Features, latents -> what makes the code of features.
    """

    def __init__(
        self, net: nn.Module, features: int, units: int, latents: int, head: MakeHead
    ) -> None:
        super().__init__()
        self.net = net
        self.mixing = nn.Sequential(*(Mixing(features, plain, units) for _ in range(2)))
        self.head = head(features, latents)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Encodes images; labels are not looked at."""
        return self.head(self.mixing(self.features(image)))

    def features(self, image: Tensor) -> Tensor:
        """The last maps, averaged: [N, F]."""
        return self.net(image)


class Trunk(nn.Sequential):
    """Image [N, C, H, W] -> features [N, F]: the last maps, averaged.

    Arguments:
        width: Channels at the picture's size; each halving doubles them, down to 4 or 7 pixels.
        blocks: Of each size.
    """

    def __init__(self, size: int, channels: int, width: int, blocks: int) -> None:
        widths = [width * 2**k for k in range(int(log2(size / 4)) + 1)]
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1, bias=False)]
        for before, after in pairwise([width, *widths]):
            layers += [Residual(before, after, 1 if before == after else 2)]
            layers += [Residual(after, after) for _ in range(blocks - 1)]
        last = widths[-1]
        layers += [nn.BatchNorm2d(last), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        super().__init__(*layers)
        self.seen = last


class Residual(nn.Module):
    """[N, A, H, W] -> [N, B, H / stride, W / stride]: BN, ReLU, 3x3, twice, and a shortcut."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.BatchNorm2d(before), nn.ReLU(),
            nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(after), nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
        )  # fmt: skip
        same = before == after and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Adds the two ways."""
        return self.net(x) + self.shortcut(x)


class Mixing(nn.Module):
    """[N, F] -> [N, units] -> [N, F]: ReLU, linear, twice, added to the input."""

    def __init__(self, features: int, finish: Normalise, units: int = 0) -> None:
        super().__init__()
        inner = units or features
        first, second = finish(nn.Linear(features, inner)), finish(nn.Linear(inner, features))
        self.net = nn.Sequential(nn.ReLU(), first, nn.ReLU(), second)

    def forward(self, x: Tensor) -> Tensor:
        """Adds the two ways."""
        return x + self.net(x)


def residual_perceptron(inputs: int, width: int, blocks: int, finish: Normalise) -> nn.Sequential:
    """[N, inputs] -> [N, width], positive: one linear layer, then blocks of two."""
    mixing = (Mixing(width, finish) for _ in range(blocks))
    return nn.Sequential(finish(nn.Linear(inputs, width)), *mixing, nn.ReLU())


class Resized(nn.Module):
    """Images [N, C, H, W] -> [N, C, side, side]: means of squares, or each pixel several times.

    What was enlarged and is made small again is what it was, to the last bits.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        """Resizes by a whole number."""
        if x.shape[2] > self.side:
            return avg_pool2d(x, x.shape[2] // self.side)
        return interpolate(x, (self.side, self.side)) if x.shape[2] < self.side else x


class Enlarged(nn.Module):
    """A generator that draws smaller pictures than are wanted, and has them enlarged."""

    def __init__(self, net: nn.Module, side: int) -> None:
        super().__init__()
        self.net, self.resized = net, Resized(side)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Draws images."""
        return self.resized(self.net(z, label))
