"""BigGAN-deep: bottlenecks of four convolutions, two to a stage, and shortcuts that learn less.

Brock et al. 2018, arXiv:1809.11096, appendix B. The published nets draw as many channels as their
width and throw all but three away; these draw what is kept.
"""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, relu

from .attention import attending
from .biggan import PLANS, Layers, class_code, coded, gated
from .conditional import Projection
from .orthogonal import both
from .resnet import MakeNorm, double
from .spectral import Normalise, plain

RATIO = 4  # of a block's channels to those of its bottleneck


class Generator(nn.Module):
    """z [N, Z], label [N] -> image [N, C, H, W] in [-1, 1].

    Arguments:
        hierarchical: The whole of z drives all norms, too.
        The others are those of `biggan.Generator`; the first map is always told the class.
    """

    def __init__(
        self,
        latents: int,
        size: int,
        channels: int,
        width: int,
        classes: int = 0,
        *,
        shared: int = 128,
        hierarchical: bool = True,
        told_norms: bool = True,
        attention: bool = True,
        initial: Normalise = plain,
        normalise: Normalise = plain,
    ) -> None:
        super().__init__()
        plan, finish = PLANS[size], both(initial, normalise)
        self.hierarchical, self.told_norms = hierarchical, told_norms
        self.code, entries = class_code(classes, shared, initial)
        first, *_, last = widths = [width * k for k in plan.up]
        self.dense = finish(nn.Linear(latents + entries, first * plan.start**2))
        self.unflatten = nn.Unflatten(1, (first, plan.start, plan.start))
        told = entries * told_norms + latents * hierarchical
        norm = gated(told, shared, initial, normalise)
        stages = [*pairwise(widths)]
        self.first = nn.ModuleList(DeepUp(a, a, False, norm, finish) for a, _ in stages)
        self.second = nn.ModuleList(DeepUp(a, b, True, norm, finish) for a, b in stages)
        sides = [plan.start * 2**k for k in range(1, len(widths))]
        where = plan.attention if attention else 0
        self.attention = attending(where, sides, widths[1:], finish)
        self.norm = nn.BatchNorm2d(last)
        self.out = finish(nn.Conv2d(last, channels, 3, padding=1))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Draws images, of the labels' classes where there are any."""
        told = coded(self.code, z, label)
        x = self.unflatten(self.dense(torch.cat([z, told], 1)))
        heard = [z] * self.hierarchical + [told] * self.told_norms
        vector = torch.cat(heard or [z[:, :0]], 1)
        for first, second, attention in zip(self.first, self.second, self.attention, strict=True):
            x = attention(second(first(x, vector), vector))
        return self.out(relu(self.norm(x))).tanh()

    def first_layers(self) -> Layers:
        """Those whose singular values explode when training collapses."""
        block: Any = self.first[0]
        return {"dense": self.dense, "conv1": block.conv1, "conv2": block.conv2}


class Discriminator(nn.Module):
    """Image [N, C, H, W] in [-1, 1], label [N] -> logit [N]. As `biggan.Discriminator`."""

    def __init__(
        self,
        size: int,
        channels: int,
        width: int,
        classes: int = 0,
        *,
        attention: bool = True,
        initial: Normalise = plain,
        normalise: Normalise = plain,
    ) -> None:
        super().__init__()
        plan, finish = PLANS[size], both(initial, normalise)
        widths = [width * k for k in plan.down]
        self.stem = finish(nn.Conv2d(channels, widths[0], 3, padding=1))
        pools = [2] * plan.halvings + [1] * (len(widths) - 1 - plan.halvings)
        self.stages = nn.ModuleList(
            nn.Sequential(DeepDown(a, b, pool, finish), DeepDown(b, b, 1, finish))
            for (a, b), pool in zip(pairwise(widths), pools, strict=True)
        )
        sides = [size // 2 ** min(k, plan.halvings) for k in range(1, len(widths))]
        self.attention = attending(plan.attention if attention else 0, sides, widths[1:], finish)
        self.head = Projection(widths[-1], classes, finish)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Judges images, as the labels' where there are classes."""
        return self.head(self.features(image), label)

    def features(self, image: Tensor) -> Tensor:
        """What the last layer judges by, a sum over the map: [N, F]."""
        x = self.stem(image)
        for stage, attention in zip(self.stages, self.attention, strict=True):
            x = attention(stage(x))
        return relu(x).sum((2, 3))


class DeepUp(nn.Module):
    """[N, A, H, W] -> [N, B, H, W], or twice as large: 1x1, 3x3, 3x3, 1x1, each after BN and ReLU.

    The shortcut keeps the first B channels.
    """

    def __init__(
        self, before: int, after: int, doubles: bool, norm: MakeNorm, normalise: Normalise
    ) -> None:
        super().__init__()
        few = before // RATIO
        self.after, self.doubles = after, doubles
        self.norms = nn.ModuleList(map(norm, (before, few, few, few)))
        self.conv1 = normalise(nn.Conv2d(before, few, 1))
        self.conv2 = normalise(nn.Conv2d(few, few, 3, padding=1))
        self.conv3 = normalise(nn.Conv2d(few, few, 3, padding=1))
        self.conv4 = normalise(nn.Conv2d(few, after, 1))

    def forward(self, x: Tensor, vector: Tensor) -> Tensor:
        """Adds the two ways."""
        norm1, norm2, norm3, norm4 = self.norms
        enlarged = double if self.doubles else nn.Identity()
        y = self.conv1(relu(norm1(x, vector)))
        y = self.conv2(enlarged(relu(norm2(y, vector))))
        y = self.conv3(relu(norm3(y, vector)))
        y = self.conv4(relu(norm4(y, vector)))
        return y + enlarged(x[:, : self.after])


class DeepDown(nn.Module):
    """[N, A, H, W] -> [N, B, H / pool, W / pool]: 1x1, 3x3, 3x3, mean, 1x1, each after a ReLU.

    The shortcut keeps all channels, and a 1x1 supplies what is missing.
    """

    def __init__(self, before: int, after: int, pool: int, normalise: Normalise) -> None:
        super().__init__()
        few, missing = after // RATIO, after - before
        self.pool = pool
        self.conv1 = normalise(nn.Conv2d(before, few, 1))
        self.conv2 = normalise(nn.Conv2d(few, few, 3, padding=1))
        self.conv3 = normalise(nn.Conv2d(few, few, 3, padding=1))
        self.conv4 = normalise(nn.Conv2d(few, after, 1))
        self.more = normalise(nn.Conv2d(before, missing, 1)) if missing else None

    def forward(self, x: Tensor) -> Tensor:
        """Adds the two ways."""
        y = self.conv3(relu(self.conv2(relu(self.conv1(relu(x))))))
        y = self.conv4(avg_pool2d(relu(y), self.pool))
        x = avg_pool2d(x, self.pool)
        return y + (x if self.more is None else torch.cat([x, self.more(x)], 1))
