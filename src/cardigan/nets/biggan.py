"""BigGAN's residual networks (Brock et al. 2018, arXiv:1809.11096), with or without classes.

Tables of 32 to 256 pixels, and the generator's of 512, are those of the authors' public code; the
discriminator of 512 mirrors the generator. 16 and 28 pixels are ours.
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from ..labels import row
from .attention import attending
from .conditional import GatedBatchNorm, OneHot, Projection
from .orthogonal import both
from .resnet import Down, First, Up
from .spectral import Normalise, plain

Layers = dict[str, nn.Module]


class Plan(NamedTuple):
    """Channels in multiples of the width; the papers have widths of 96 and, deep, of 128."""

    start: int  # side of the generator's first map
    up: tuple[int, ...]  # of the generator: its first map, then what each stage makes
    down: tuple[int, ...]  # of the discriminator: what each stage makes
    halvings: int  # stages that halve the map, the first ones
    attention: int  # side of the maps that may attend to themselves


PLANS = {
    16: Plan(4, (4, 4, 4), (4, 4, 4), 2, 8),
    28: Plan(7, (4, 4, 4), (4, 4, 4, 4), 2, 14),
    32: Plan(4, (4, 4, 4, 4), (4, 4, 4, 4), 2, 16),
    64: Plan(4, (16, 16, 8, 4, 2), (1, 2, 4, 8, 16), 4, 32),
    128: Plan(4, (16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16), 5, 64),
    256: Plan(4, (16, 16, 8, 8, 4, 2, 1), (1, 2, 4, 8, 8, 16, 16), 6, 64),
    512: Plan(4, (16, 16, 8, 8, 4, 2, 1, 1), (1, 1, 2, 4, 8, 8, 16, 16), 7, 64),
}


class Generator(nn.Module):
    """z [N, Z], label [N] -> image [N, C, H, W] in [-1, 1].

    Arguments:
        classes: 0 for none.
        shared: Size of the embedding of classes that all norms share; with 0 each norm has a row
            of gains and of biases for each class, as in SAGAN.
        hierarchical: z is split into chunks: the first makes the first map, and each of the
            others drives the norms of one block. They are as equal as Z allows.
        told_norms: Whether norms are told the class; if not, the first map is.
        attention: Whether the maps of one size attend to themselves.
        initial: Draws the first weights of each layer.
        normalise: What is done to each layer but embeddings, then.
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
        plan = PLANS[size]
        self.told_norms = told_norms
        self.chunks = chunks(latents, len(plan.up) if hierarchical else 1)
        self.code, entries = class_code(classes, shared, initial)
        at_norms, at_first = (entries, 0) if told_norms else (0, entries)
        finish = both(initial, normalise)
        first, *_, last = widths = [width * k for k in plan.up]
        self.dense = finish(nn.Linear(self.chunks[0] + at_first, first * plan.start**2))
        self.unflatten = nn.Unflatten(1, (first, plan.start, plan.start))
        told = [at_norms + chunk for chunk in self.chunks[1:]] or [at_norms] * len(widths[1:])
        self.blocks = nn.ModuleList(
            Up(a, b, gated(k, shared, initial, normalise), finish)
            for (a, b), k in zip(pairwise(widths), told, strict=True)
        )
        sides = [plan.start * 2**k for k in range(1, len(widths))]
        where = plan.attention if attention else 0
        self.attention = attending(where, sides, widths[1:], finish)
        self.norm = nn.BatchNorm2d(last)
        self.out = finish(nn.Conv2d(last, channels, 3, padding=1))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Draws images, of the labels' classes where there are any."""
        told = coded(self.code, z, label)
        chunk, *rest = z.split(self.chunks, 1)
        at_norms, at_first = (told, told[:, :0]) if self.told_norms else (told[:, :0], told)
        x = self.unflatten(self.dense(torch.cat([chunk, at_first], 1)))
        rest = rest or [told[:, :0]] * len(self.blocks)
        for block, attention, chunk in zip(self.blocks, self.attention, rest, strict=True):
            x = attention(block(x, torch.cat([at_norms, chunk], 1)))
        return self.out(relu(self.norm(x))).tanh()

    def first_layers(self) -> Layers:
        """Those whose singular values explode when training collapses."""
        block: Any = self.blocks[0]
        return {"dense": self.dense, "conv1": block.conv1, "conv2": block.conv2}


class Discriminator(nn.Module):
    """Image [N, C, H, W] in [-1, 1], label [N] -> logit [N].

    Arguments:
        classes: Judged by a projection; 0 for none.
        attention: Whether the maps of one size attend to themselves.
        initial: Draws the first weights of each layer.
        normalise: What is done to each layer, then.
    """

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
        finish = both(initial, normalise)
        self.trunk = Trunk(size, channels, width, attention, finish)
        self.head = Projection(self.trunk.seen, classes, finish)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Judges images, as the labels' where there are classes."""
        return self.head(self.trunk(image), label)

    def features(self, image: Tensor) -> Tensor:
        """What the last layer judges by: [N, F]."""
        return self.trunk(image)


class Trunk(nn.Module):
    """Image [N, C, H, W] -> features [N, F], a sum over the last map: all but the last layer.

    Arguments:
        finish: What is done to each layer.
    """

    def __init__(
        self, size: int, channels: int, width: int, attention: bool, finish: Normalise
    ) -> None:
        super().__init__()
        plan = PLANS[size]
        widths = [width * k for k in plan.down]
        pools = [2] * plan.halvings + [1] * (len(widths) - plan.halvings)
        blocks: list[nn.Module] = [First(channels, widths[0], finish)]
        for (before, after), pool in zip(pairwise(widths), pools[1:], strict=True):
            blocks += [Down(before, after, pool, wide=True, normalise=finish)]
        self.blocks, self.seen = nn.ModuleList(blocks), widths[-1]
        sides = [size // 2 ** min(k + 1, plan.halvings) for k in range(len(widths))]
        self.attention = attending(plan.attention if attention else 0, sides, widths, finish)

    def forward(self, image: Tensor) -> Tensor:
        """Looks at images."""
        x = image
        for block, attention in zip(self.blocks, self.attention, strict=True):
            x = attention(block(x))
        return relu(x).sum((2, 3))


# ---------------------------------------------------------------------------- classes and chunks


def chunks(latents: int, count: int) -> list[int]:
    """Sizes of `count` chunks, as equal as can be."""
    least, more = divmod(latents, count)
    return [least + 1] * more + [least] * (count - more)


def class_code(classes: int, shared: int, initial: Normalise) -> tuple[nn.Module | None, int]:
    """What turns labels into vectors, if there are any, and how long these are."""
    if not classes:
        return None, 0
    if not shared:
        return OneHot(classes), classes
    return initial(nn.Embedding(classes, shared)), shared


def coded(code: nn.Module | None, z: Tensor, label: Tensor | None) -> Tensor:
    """The labels' vectors [N, A], of no entries where there are no classes.

    Weights of classes [N, K] mix them.
    """
    if code is None:
        return z[:, :0]
    assert label is not None, "a conditional generator is told a class"
    if label.is_floating_point():
        return row(code(torch.arange(label.shape[1], device=label.device)), label).to(z.dtype)
    return code(label).to(z.dtype)


def gated(
    told: int, shared: int, initial: Normalise, normalise: Normalise
) -> Callable[[int], GatedBatchNorm]:
    """Makes norms that are told so many entries. Rows of classes are embeddings: not normed."""
    finish = both(initial, normalise if shared else plain)
    return partial(GatedBatchNorm, told=told, normalise=finish)
