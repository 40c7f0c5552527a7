"""Layers between the weights of a network: what normalises, and what looks at a whole batch."""

from collections.abc import Callable
from functools import partial
from math import gcd
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class Norm(NamedTuple):
    """How a network normalises: constructors of layers, given the number of channels."""

    maps: Callable[[int], nn.Module]  # [N, C, H, W]
    units: Callable[[int], nn.Module]  # [N, C]


class Shift(nn.Module):
    """Adds a number to each channel: all that stays of a normalisation where there is none."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, ...] -> the same."""
        return x + _along(self.bias, x)


class VirtualBatchNorm(nn.Module):
    """Batch norm by a reference batch of `count` examples, which come first in every batch.

    A reference is normalised by the references; any other example by the references and itself:

        m = x / (B + 1) + B / (B + 1) m_ref,   and the same for squares

    So no example depends on its neighbours. Salimans et al. 2016, arXiv:1606.03498, section 3.5.
    """

    def __init__(self, count: int, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.count, self.eps = count, eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """[count + N, C, ...] -> the same."""
        full = x.to(torch.promote_types(x.dtype, self.weight.dtype))
        space, share = [*range(2, x.ndim)], 1 / (self.count + 1)
        moments = [_mean(full, space), _mean(full.square(), space)]  # of each example: [N, C, ...]
        references = [moment[: self.count].mean(0, keepdim=True) for moment in moments]
        mean, square = (
            torch.cat([known.expand_as(own[: self.count]), known.lerp(own[self.count :], share)])
            for known, own in zip(references, moments, strict=True)
        )
        scale = (square - mean.square()).clamp(min=0).add(self.eps).rsqrt()
        return ((full - mean) * scale * _along(self.weight, x) + _along(self.bias, x)).to(x.dtype)


class Referring(nn.Module):
    """A network of virtual batch norms, whose references go through it with every batch.

    Arguments:
        reference: What the network is given first: [B, ...].
    """

    def __init__(self, net: Any, reference: Tensor) -> None:
        super().__init__()
        self.net: Any = net
        self.reference: Tensor
        self.register_buffer("reference", reference)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """As the network; labels are not looked at."""
        return self.net(torch.cat([self.reference.to(x.dtype), x]))[len(self.reference) :]

    def features(self, x: Tensor) -> Tensor:
        """As the network's."""
        return self.net.features(torch.cat([self.reference.to(x.dtype), x]))[len(self.reference) :]


class MinibatchDiscrimination(nn.Module):
    """Tells each example how near the others lie, and so a collapse: [N, F] -> [N, F + B].

        M_i = T f_i in R^(B x C),   o_b(i) = mean over j of exp(-|M_ib - M_jb|_1)

    Salimans et al. 2016, arXiv:1606.03498, section 3.2. They have the sum, which outweighs all
    other features: with it, and without noise on its inputs, DCGAN's discriminator wins at once.
    """

    def __init__(self, features: int, kernels: int, dimensions: int = 5) -> None:
        super().__init__()
        self.kernels = kernels
        self.linear = nn.Linear(features, kernels * dimensions, bias=False)

    def forward(self, f: Tensor) -> Tensor:
        """Features, and beside them how near the batch is, by each kernel."""
        points = self.linear(f).to(self.linear.weight.dtype).unflatten(1, (self.kernels, -1))
        apart = (points[:, None] - points).abs().sum(3)  # [N, N, B]
        return torch.cat([f, (-apart).exp().mean(1).to(f.dtype)], 1)


class MinibatchDeviation(nn.Module):
    """Tells each example how much its batch varies: [N, C, H, W] -> [N, C + 1, H, W].

    The standard deviation over a group of every value, and the mean of these over all values, is
    one more map, the same for the whole group. Karras et al. 2018, arXiv:1710.10196, section 3.

    Arguments:
        group: Examples that are compared; 0 compares the whole batch, which then has one value.
            Of N examples, numbers i, i + N / G, i + 2 N / G ... are a group of G. If `group` does
            not divide N, their greatest common divisor is taken.
    """

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        """Maps, and behind them one that tells how the group varies."""
        n, _, h, w = x.shape
        size = gcd(n, self.group)  # of 0 and n this is n
        groups = x.to(torch.promote_types(x.dtype, torch.float32)).unflatten(0, (size, -1))
        away = groups - groups.mean(0)
        deviation = (away.square().mean(0) + 1e-8).sqrt().mean((1, 2, 3))  # [N / G]
        told = deviation.repeat(size)[:, None, None, None].expand(n, 1, h, w)
        return torch.cat([x, told.to(x.dtype)], 1)


def _mean(x: Tensor, axes: list[int]) -> Tensor:
    return x.mean(axes, keepdim=True) if axes else x


def _along(values: Tensor, x: Tensor) -> Tensor:
    """Values of channels, so that they spread over x: [C, 1, ...]."""
    return values.unflatten(0, (-1, *[1] * (x.ndim - 2)))


BATCH = Norm(nn.BatchNorm2d, nn.BatchNorm1d)
LAYER = Norm(partial(nn.GroupNorm, 1), partial(nn.GroupNorm, 1))
INSTANCE = Norm(partial(nn.InstanceNorm2d, affine=True), Shift)  # units have no space to average
NONE = Norm(Shift, Shift)
NORMS = {"batch": BATCH, "layer": LAYER, "instance": INSTANCE, "none": NONE}


def referring(make: Callable[..., Any], reference: Tensor) -> Referring:
    """A network by virtual batch norm; `make` takes the norm as its argument `norm`."""
    layer = partial(VirtualBatchNorm, len(reference))
    return Referring(make(norm=Norm(layer, layer)), reference)
