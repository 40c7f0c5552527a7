"""R3GAN's networks: plain residual networks without a norm, a style or noise.

Huang et al. 2024, arXiv:2501.05441, and the authors' public code: convolutions without biases,
leaky ReLUs with them, grouped 3x3 convolutions, bilinear resampling, and first weights that keep
signals of one size without any normalisation (Zhang et al. 2019, arXiv:1901.09321).
"""

from itertools import pairwise
from math import log2
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ..labels import row
from .resampling import double, halve

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)

SLOPE = 0.2  # of leaky ReLUs below zero
GAIN = (2 / (1 + SLOPE**2)) ** 0.5  # after them, so much keeps a signal's size
EXPANSION = 2  # channels inside a block, by those outside
BLOCKS = 2  # in a stage


class Plan(NamedTuple):
    """The stages of a network, from the coarsest."""

    start: int  # side of the coarsest maps
    widths: list[int]  # channels
    group: int  # channels inside a block that see each other in a 3x3 convolution

    def stage(self, channels: int) -> nn.Sequential:
        """The blocks of a stage."""
        blocks = BLOCKS * len(self.widths)
        return nn.Sequential(*(Block(channels, self.group, blocks) for _ in range(BLOCKS)))


def plan(size: int, width: int, group: int) -> Plan:
    """Each doubling from 4x4 (28 pixels: 7x7) is a stage.

    Stages of up to 32 pixels have `width` channels, and each beyond has half of the one before.
    """
    start = 7 if size == 28 else 4
    doublings = int(log2(size / start))
    return Plan(start, [width >> max(d - 3, 0) for d in range(doublings + 1)], group)


class Generator(nn.Module):
    """z [N, Z], label [N] -> image [N, C, H, W], linear; in eval mode clipped to [-1, 1].

    Arguments:
        width: Channels of the stages of up to 32 pixels; the paper has 768, or 1536.
        classes: Embedded in as many numbers as z has, beside it; 0 for none.
        group: Channels that see each other in a 3x3 convolution; each stage has a multiple.
    """

    def __init__(
        self,
        latents: int,
        size: int,
        channels: int,
        width: int,
        classes: int = 0,
        group: int = 16,
    ) -> None:
        super().__init__()
        stages = plan(size, width, group)
        first, last = stages.widths[0], stages.widths[-1]
        self.embedding = _dense(classes, latents) if classes else None
        self.dense = _dense(2 * latents if classes else latents, first)
        self.basis = nn.Parameter(torch.randn(first, stages.start, stages.start))
        self.stages = nn.ModuleList([stages.stage(first)])
        for before, after in pairwise(stages.widths):
            self.stages.append(nn.Sequential(Up(before, after), stages.stage(after)))
        self.out = _convolution(last, channels)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Draws images, of the labels' classes where there are any."""
        if self.embedding is not None:
            assert label is not None, "a conditional generator is told a class"
            z = torch.cat([z, _embed(self.embedding, label).to(z.dtype)], 1)
        x = self.dense(z)[:, :, None, None] * self.basis
        for stage in self.stages:
            x = stage(x)
        image = self.out(x)
        return image if self.training else image.clamp(-1, 1)


class Discriminator(nn.Module):
    """Image [N, C, H, W] in [-1, 1], label [N] -> logit [N]; the generator's mirror image.

    Arguments:
        classes: With them, the logit is what a class's embedding and the head's outputs, of which
            there are as many as channels, have in common.
    """

    def __init__(
        self, size: int, channels: int, width: int, classes: int = 0, group: int = 16
    ) -> None:
        super().__init__()
        stages = plan(size, width, group)
        *_, last = widths = stages.widths[::-1]
        self.into = _convolution(channels, widths[0])
        self.stages = nn.ModuleList()
        for before, after in pairwise(widths):
            self.stages.append(nn.Sequential(stages.stage(before), Down(before, after)))
        self.stages.append(stages.stage(last))
        self.basis = _weights(nn.Conv2d(last, last, stages.start, groups=last, bias=False))
        self.head = _dense(last, last if classes else 1)
        self.embedding = _dense(classes, last, last**-0.5) if classes else None

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Judges images, as the labels' where there are classes."""
        told = self.head(self.features(image))
        if self.embedding is None:
            return told.squeeze(1)
        assert label is not None, "a conditional discriminator is told a class"
        return (told * _embed(self.embedding, label)).sum(1)

    def features(self, image: Tensor) -> Tensor:
        """What the last layer judges by: [N, F]."""
        x = self.into(image)
        for stage in self.stages:
            x = stage(x)
        return self.basis(x).flatten(1)


class Block(nn.Module):
    """x + W3 act(W2 act(W1 x)): 1x1 to twice the channels, 3x3 in groups, 1x1 back.

    First weights: W3 is 0, so that every block begins as the identity; the others are scaled by
    L^(-1/4) for L blocks, so that the first steps move the network's output alike at any depth
    (Fixup with m = 3 layers: L^(-1 / (2m - 2))).

    Arguments:
        blocks: L, of the whole network.
    """

    def __init__(self, channels: int, group: int, blocks: int) -> None:
        super().__init__()
        inside, gain = EXPANSION * channels, GAIN * blocks**-0.25
        self.conv1 = _convolution(channels, inside, 1, gain)
        self.conv2 = _convolution(inside, inside, 3, gain, inside // group)
        self.conv3 = _convolution(inside, channels, 1, 0.0)
        self.act1, self.act2 = Biased(inside), Biased(inside)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> the same."""
        return x + self.conv3(self.act2(self.conv2(self.act1(self.conv1(x)))))


class Biased(nn.Module):
    """A leaky ReLU of maps with a bias of their own."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> the same."""
        return leaky_relu(x + self.bias.to(x.dtype)[:, None, None], SLOPE)


class Up(nn.Module):
    """[N, A, H, W] -> [N, B, 2H, 2W]: a 1x1 convolution where channels change, then doubling."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv = nn.Identity() if before == after else _convolution(before, after)

    def forward(self, x: Tensor) -> Tensor:
        """Doubles the side."""
        return double(self.conv(x))


class Down(nn.Module):
    """[N, A, H, W] -> [N, B, H / 2, W / 2]: halving, then a 1x1 where channels change."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv = nn.Identity() if before == after else _convolution(before, after)

    def forward(self, x: Tensor) -> Tensor:
        """Halves the side."""
        return self.conv(halve(x))


def _dense(before: int, after: int, gain: float = 1.0) -> nn.Linear:
    return _weights(nn.Linear(before, after, bias=False), gain)


def _convolution(
    before: int, after: int, kernel: int = 1, gain: float = 1.0, groups: int = 1
) -> nn.Conv2d:
    pad = kernel // 2
    layer = nn.Conv2d(before, after, kernel, padding=pad, groups=groups, bias=False)
    return _weights(layer, gain)


def _weights(layer: Layer, gain: float = 1.0) -> Layer:
    """N(0, gain^2 / inputs), so that outputs have `gain` times the size of inputs."""
    nn.init.normal_(layer.weight, 0.0, gain / layer.weight[0].numel() ** 0.5)
    return layer


def _embed(embedding: nn.Linear, label: Tensor) -> Tensor:
    """The rows of labels [N]: the product of their one-hot vectors and the layer.

    Weights of classes [N, K] mix them.
    """
    return row(embedding.weight.T, label)
