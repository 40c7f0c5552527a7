"""SNGAN's residual networks, with or without classes and attention.

Miyato et al. 2018, arXiv:1802.05957, appendix B; with classes Miyato and Koyama 2018,
arXiv:1802.05637. Blocks are pre-activated; no ReLU is in place, for the shortcut needs the map.
Tables of 32, 64 and 128 pixels are those of public code; 16 and 28 pixels are ours.
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import NamedTuple, TypeVar

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu

from .attention import attending
from .conditional import BatchNorm, Projection
from .spectral import Normalise, plain, spectral

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)
MakeNorm = Callable[[int], nn.Module]


class Plan(NamedTuple):
    """Channels of each block, in multiples of the width; papers have a width of 64."""

    start: int  # side of the generator's first map
    up: tuple[int, ...]  # of the generator: its first map, then what each block makes
    down: tuple[int, ...]  # of the discriminator's blocks that halve the map
    flat: tuple[int, ...]  # of those behind them, which do not
    attention: int  # side of the maps that may attend to themselves


PLANS = {
    16: Plan(4, (4, 2, 1), (2, 4), (4,), 8),
    28: Plan(7, (4, 2, 1), (2, 4), (4,), 14),
    32: Plan(4, (4, 4, 4, 4), (2, 2), (2, 2), 16),
    64: Plan(4, (16, 8, 4, 2, 1), (1, 2, 4, 8, 16), (), 32),
    128: Plan(4, (16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16), (16,), 32),
}


class Generator(nn.Module):
    """z [N, Z], label [N] -> image [N, C, H, W] in [-1, 1].

    Arguments:
        classes: Each has gains and biases of its own in batch norm; 0 for none.
        attention: Whether the maps of one size attend to themselves.
        normalise: What is done to each layer: `spectral` for SAGAN.
    """

    def __init__(
        self,
        latents: int,
        size: int,
        channels: int,
        width: int,
        classes: int = 0,
        attention: bool = False,
        normalise: Normalise = plain,
    ) -> None:
        super().__init__()
        plan = PLANS[size]
        first, *_, last = widths = [width * k for k in plan.up]
        self.dense = normalise(_xavier(nn.Linear(latents, first * plan.start**2)))
        self.unflatten = nn.Unflatten(1, (first, plan.start, plan.start))
        norm = partial(BatchNorm, classes=classes)
        self.blocks = nn.ModuleList(Up(a, b, norm, normalise) for a, b in pairwise(widths))
        sides = [plan.start * 2**k for k in range(1, len(widths))]
        where = plan.attention if attention else 0
        self.attention = attending(where, sides, widths[1:], normalise)
        self.norm = BatchNorm(last)
        self.out = _convolution(last, channels, 3, 1.0, normalise)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Draws images, of the labels' classes where there are any."""
        x = self.unflatten(self.dense(z))
        for block, attention in zip(self.blocks, self.attention, strict=True):
            x = attention(block(x, label))
        return self.out(relu(self.norm(x))).tanh()


class Discriminator(nn.Module):
    """Image [N, C, H, W] in [-1, 1], label [N] -> logit [N]; every layer is spectrally normed.

    Arguments:
        classes: Judged by a projection; 0 for none.
        attention: Whether the maps of one size attend to themselves.
    """

    def __init__(
        self, size: int, channels: int, width: int, classes: int = 0, attention: bool = False
    ) -> None:
        super().__init__()
        plan = PLANS[size]
        widths = [width * k for k in plan.down]
        downs = [First(channels, widths[0]), *(Down(a, b) for a, b in pairwise(widths))]
        self.blocks = nn.ModuleList(downs)
        sides = [size // 2**k for k in range(1, len(widths) + 1)]
        self.attention = attending(plan.attention if attention else 0, sides, widths, spectral)
        flat = [width * k for k in plan.flat]
        self.flat = nn.Sequential(*(Down(a, b, 1) for a, b in pairwise([widths[-1], *flat])))
        self.head = Projection([*widths, *flat][-1], classes, spectral)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Judges images, as the labels' where there are classes."""
        x = image
        for block, attention in zip(self.blocks, self.attention, strict=True):
            x = attention(block(x))
        return self.head(relu(self.flat(x)).sum((2, 3)), label)


class Up(nn.Module):
    """[N, A, H, W] -> [N, B, 2H, 2W]: BN, ReLU, doubling, 3x3, BN, ReLU, 3x3, and a shortcut.

    Arguments:
        norm: Makes a norm of so many channels, which is told the block's condition.
    """

    def __init__(self, before: int, after: int, norm: MakeNorm, normalise: Normalise) -> None:
        super().__init__()
        self.norm1, self.norm2 = norm(before), norm(after)
        self.conv1 = _convolution(before, after, 3, 2**0.5, normalise)
        self.conv2 = _convolution(after, after, 3, 2**0.5, normalise)
        self.shortcut = _convolution(before, after, 1, 1.0, normalise)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Adds the two ways. On the short one 1x1 comes before doubling, which commutes."""
        y = self.conv1(double(relu(self.norm1(x, condition))))
        y = self.conv2(relu(self.norm2(y, condition)))
        return y + double(self.shortcut(x))


class Down(nn.Module):
    """[N, A, H, W] -> [N, B, H / pool, W / pool]: ReLU, 3x3, ReLU, 3x3, mean, and a shortcut.

    Arguments:
        wide: Whether B channels lie between the convolutions, as in BigGAN, and not A.
    """

    def __init__(
        self,
        before: int,
        after: int,
        pool: int = 2,
        wide: bool = False,
        normalise: Normalise = spectral,
    ) -> None:
        super().__init__()
        self.pool = pool
        between = after if wide else before
        self.conv1 = _convolution(before, between, 3, 2**0.5, normalise)
        self.conv2 = _convolution(between, after, 3, 2**0.5, normalise)
        same = before == after and pool == 1
        self.shortcut = nn.Identity() if same else _convolution(before, after, 1, 1.0, normalise)

    def forward(self, x: Tensor) -> Tensor:
        """Adds the two ways. On the short one the mean comes before 1x1, which commutes."""
        y = avg_pool2d(self.conv2(relu(self.conv1(relu(x)))), self.pool)
        return y + self.shortcut(avg_pool2d(x, self.pool))


class First(nn.Module):
    """The first block of a discriminator: as `Down`, without a ReLU on the image."""

    def __init__(self, before: int, after: int, normalise: Normalise = spectral) -> None:
        super().__init__()
        self.conv1 = _convolution(before, after, 3, 2**0.5, normalise)
        self.conv2 = _convolution(after, after, 3, 2**0.5, normalise)
        self.shortcut = _convolution(before, after, 1, 1.0, normalise)

    def forward(self, x: Tensor) -> Tensor:
        """Adds the two ways."""
        return avg_pool2d(self.conv2(relu(self.conv1(x))), 2) + self.shortcut(avg_pool2d(x, 2))


def _convolution(
    before: int, after: int, kernel: int, gain: float, normalise: Normalise
) -> nn.Module:
    return normalise(_xavier(nn.Conv2d(before, after, kernel, padding=kernel // 2), gain))


def _xavier(layer: Layer, gain: float = 1.0) -> Layer:
    nn.init.xavier_uniform_(layer.weight, gain)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def double(x: Tensor) -> Tensor:
    """[N, C, H, W] -> [N, C, 2H, 2W], each value four times."""
    return interpolate(x, scale_factor=2)
