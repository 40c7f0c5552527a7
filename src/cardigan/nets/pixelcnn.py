"""PixelCNN and Gated PixelCNN: the probability of each value, given all values before it.

Van den Oord et al. 2016, arXiv:1601.06759 and arXiv:1606.05328.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from ..levels import to_values
from .causal import Causal, Look, Memory, before, so_far, whole

FIRST, LATER = 7, 3  # sides of kernels


MakeTrunk = Callable[[int, int], Any]
"""From the maps that are read and the channels of the image to the stacks: `Masked` or `Gated`."""


class Masked(nn.Module):
    """One stack of masked convolutions: a kernel of 7 with mask A, then residual blocks.

    It is blind to a wedge above and to the right of every pixel (arXiv:1606.05328, figure 1).

    Arguments:
        width: h, of the kernels of 3; there are twice as many maps between blocks.
    """

    def __init__(self, inputs: int, channels: int, width: int, blocks: int) -> None:
        super().__init__()
        self.features = 2 * width
        side = FIRST // 2
        self.entry = Causal(inputs, 2 * width, side + 1, side, side, channels, before)
        self.blocks = nn.ModuleList(MaskedBlock(width, channels) for _ in range(blocks))

    def above(self, x: Tensor, look: Look) -> list[Tensor]:
        """What rows above tell, by layers: nothing, for the one stack looks at them, too."""
        return []

    def along(self, x: Tensor, above: Sequence[Tensor], look: Look) -> Tensor:
        """Features [N, F, H, W] of each place."""
        x = look(self.entry, x)
        for block in self.blocks:
            x = block(x, look)
        return x


class MaskedBlock(nn.Module):
    """[N, 2h, H, W] -> the same: ReLU, 1x1 to h, ReLU, 3x3, ReLU, 1x1 to 2h, and a shortcut."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        side = LATER // 2
        self.narrow = Causal(2 * width, width, channels=channels)
        self.middle = Causal(width, width, side + 1, side, side, channels)
        self.widen = Causal(width, 2 * width, channels=channels)

    def forward(self, x: Tensor, look: Look) -> Tensor:
        """Adds the two ways."""
        y = look(self.middle, relu(look(self.narrow, relu(x))))
        return x + look(self.widen, relu(y))


class Gated(nn.Module):
    """Two stacks of gated layers, which together see every pixel before their own.

    Arguments:
        width: Maps of each stack: p.
    """

    def __init__(self, inputs: int, channels: int, width: int, layers: int) -> None:
        super().__init__()
        self.features = width
        later = (GatedLayer(width, width, channels, LATER, so_far) for _ in range(layers - 1))
        first = GatedLayer(inputs, width, channels, FIRST, before)
        self.layers: Any = nn.ModuleList([first, *later])

    @property
    def entry(self) -> Causal:
        """What looks at the pixel itself, and so has to be told once it is drawn."""
        return self.layers[0].horizontal

    def above(self, x: Tensor, look: Look) -> list[Tensor]:
        """The vertical stack, layer by layer, of x shifted down by a row.

        It is never told of the horizontal one.
        """
        told = []
        for layer in self.layers:
            told.append(look(layer.vertical, x))
            x = gate(told[-1])
        return told

    def along(self, x: Tensor, above: Sequence[Tensor], look: Look) -> Tensor:
        """The horizontal stack; all its layers but the first are residual."""
        for layer, told in zip(self.layers, above, strict=True):
            y = layer(x, told, look)
            x = y if layer is self.layers[0] else x + y
        return x


class GatedLayer(nn.Module):
    """One layer of both stacks (arXiv:1606.05328, figure 2).

    Arguments:
        side: Of the kernels: rows above and columns on both sides, or columns to the left.
        own: What the horizontal stack knows of the pixel itself.
    """

    def __init__(
        self, inputs: int, width: int, channels: int, side: int, own: Callable[..., Tensor]
    ) -> None:
        super().__init__()
        half = side // 2
        self.vertical = Causal(inputs, 2 * width, half + 1, half, half, own=None)
        self.horizontal = Causal(inputs, 2 * width, left=half, channels=channels, own=own)
        self.link = Causal(2 * width, 2 * width, own=None)
        self.out = Causal(width, width, channels=channels)

    def forward(self, x: Tensor, above: Tensor, look: Look) -> Tensor:
        """The horizontal stack, told by the vertical one."""
        return look(self.out, gate(look(self.horizontal, x) + look(self.link, above)))


# y = tanh(W_f * x) o sigmoid(W_g * x)
def gate(x: Tensor) -> Tensor:
    """Maps [N, 2p, ...] to [N, p, ...] (arXiv:1606.05328, equation 2)."""
    signal, opening = x.chunk(2, 1)
    return signal.tanh() * opening.sigmoid()


# --------------------------------------------------------------------------------- what is read


class Values(nn.Module):
    """Levels of images, int64 [N, C, H, W] -> [-1, 1]: grey levels have an order."""

    def __init__(self, channels: int, levels: int) -> None:
        super().__init__()
        self.maps, self.levels = channels, levels

    def forward(self, level: Tensor) -> Tensor:
        """Reads."""
        return to_values(level, self.levels)


class Codes(nn.Module):
    """Indices of codes, int64 [N, 1, H, W] -> a learnt vector each, [N, E, H, W]."""

    def __init__(self, levels: int, dimensions: int) -> None:
        super().__init__()
        self.maps = dimensions
        self.vectors = nn.Parameter(torch.randn(levels, dimensions))

    def forward(self, level: Tensor) -> Tensor:
        """Reads."""
        return self.vectors[level.squeeze(1)].movedim(-1, 1)


# -------------------------------------------------------------------------------------- network


class PixelCNN(nn.Module):
    """Levels int64 [N, C, H, W] -> logits [N, K, C, H, W] of each value, given those before it.

        log p(x) = sum_i log softmax(f(x_1 ... x_(i-1)))[x_i]

    The last layer starts at 0, so that at first all levels are as likely.

    Arguments:
        trunk: Makes the stacks: `partial(Gated, width=..., layers=...)`, or of `Masked`.
        read: What the stacks see of levels: `Values`, or `Codes` for a single channel.
        levels: K.
        hidden: Maps between the two last layers, of 1x1; a multiple of C.
    """

    def __init__(
        self, trunk: MakeTrunk, read: "Values | Codes", channels: int, levels: int, hidden: int
    ) -> None:
        super().__init__()
        self.read, self.channels, self.levels = read, channels, levels
        self.trunk: Any = trunk(read.maps, channels)
        last = partial(Causal, channels=channels)
        self.hidden = last(self.trunk.features, hidden)
        self.last = last(hidden, levels * channels)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, level: Tensor, label: Tensor | None = None) -> Tensor:
        """Looks at whole images; labels are not looked at."""
        return self.logits(self.seen(level))

    def seen(self, level: Tensor) -> Tensor:
        """What the stacks see of levels."""
        return self.read(level).to(self.last.weight.dtype)

    def logits(self, x: Tensor) -> Tensor:
        """The logits of what was `seen`."""
        return self.judge(x, self.trunk.above(lowered(x), whole), whole)

    def judge(self, x: Tensor, above: Sequence[Tensor], look: Look) -> Tensor:
        """Logits of a part of the image."""
        x = self.trunk.along(x, above, look)
        return look(self.last, relu(look(self.hidden, relu(x)))).unflatten(1, (self.levels, -1))

    @torch.no_grad()
    def complete(
        self, level: Tensor, given: int, chance: Tensor, temperature: float = 1.0
    ) -> Tensor:
        """Draws all rows but the first `given` of int64 [N, C, H, W], a value at a time.

        Each convolution remembers what it has seen, so that a value costs one place of each map.

        Arguments:
            chance: Uniform numbers in [0, 1), [N, C, H, W]: the same draw the same values.
            temperature: Divides logits; at 0 the likeliest level is taken.
        """
        level, (height, width) = level.clone(), level.shape[2:]
        level[:, :, given:] = 0
        memory, x = Memory((height, width)), self.seen(level)
        if given:
            look, known = memory.at(0, 0), x[:, :, :given]
            self.trunk.along(known, self.trunk.above(lowered(known), look), look)
        for row in range(given, height):
            last = lowered(x)[:, :, row : row + 1]
            above = self.trunk.above(last, memory.at(row, 0))
            for column in range(width):
                here = slice(None), slice(None), slice(row, row + 1), slice(column, column + 1)
                told = [part[:, :, :, column : column + 1] for part in above]
                for channel in range(self.channels):
                    logits = self.judge(x[here], told, memory.at(row, column))[:, :, channel]
                    drawn = draw(logits.flatten(1), chance[:, channel, row, column], temperature)
                    level[:, channel, row, column] = drawn
                    x[here] = self.seen(level[here])
                memory.at(row, column)(self.trunk.entry, x[here])  # what it saw was not drawn yet
        return level


def lowered(x: Tensor) -> Tensor:
    """Maps shifted down by a row."""
    return pad(x, (0, 0, 1, 0))[:, :, :-1]


def draw(logits: Tensor, chance: Tensor, temperature: float = 1.0) -> Tensor:
    """Levels [N] of logits [N, K]: where the summed probabilities pass `chance` [N]."""
    if not temperature:
        return logits.argmax(1)
    passed = (logits / temperature).softmax(1).cumsum(1) <= chance[:, None]
    return passed.sum(1).clamp(max=logits.shape[1] - 1)
