"""Convolutions that look only at what comes before a pixel, on whole maps or a pixel at a time.

Pixels come row by row from the top left; the values of a pixel come channel by channel. Channels
of maps take turns among the image's channels: map i may know of what channel i mod C may.
"""

import operator
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear, pad

Own = Callable[[Tensor, Tensor], Tensor]
"""Which image channels of its own pixel a map may look at: compares theirs with its own."""

before: Own = operator.lt
"""Mask A: those before its own."""
so_far: Own = operator.le
"""Mask B: its own as well."""


class Causal(nn.Module):
    """Maps [N, A, H, W] -> [N, B, H, W], each place from the places before it.

    Van den Oord et al. 2016, arXiv:1601.06759, section 3.4. The mask is laid on the weight at
    every look, so that no optimiser can wake what it hides.

    Arguments:
        rows: That it looks at, of which the last is the pixel's own.
        left: Columns that it looks at beside the pixel's own.
        right: The same, to the right: in rows above, or where `own` is None in its own, too.
        channels: Of the image: C.
        own: What it knows of the pixel itself; None if its input is shifted, and all is known.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        rows: int = 1,
        left: int = 0,
        right: int = 0,
        channels: int = 1,
        own: Own | None = so_far,
    ) -> None:
        super().__init__()
        layer = nn.Conv2d(inputs, outputs, (rows, left + 1 + right))
        assert layer.bias is not None
        self.weight, self.bias = layer.weight, layer.bias
        self.margins = left, right, rows - 1, 0  # as `pad` has them
        mask = torch.ones(self.weight.shape, dtype=torch.bool)
        if own is not None:
            of = [torch.arange(n) % channels for n in (inputs, outputs)]
            mask[:, :, -1, left] = own(of[0], of[1][:, None])
            mask[:, :, -1, left + 1 :] = False
        self.mask: Tensor
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Looks at whole maps; what lies beyond their edge is 0."""
        return conv2d(pad(x, self.margins), self.masked(), self.bias)

    def masked(self) -> Tensor:
        """The weight as it counts."""
        return self.weight * self.mask


Look = Callable[[Causal, Tensor], Tensor]
"""How a convolution looks: at whole maps, or at a part of them beside what it remembers."""


def whole(convolution: Causal, x: Tensor) -> Tensor:
    """At whole maps."""
    return convolution(x)


class Memory:
    """What convolutions have seen of maps that become known part by part.

    A network that is called with `at(row, column)` in the place of `whole` is given a part of each
    map only, [N, A, h, w], and answers for that part: the numbers of the whole, up to rounding.
    Weights must stay as they are.

    Arguments:
        size: Height and width of the maps.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.maps: dict[Causal, Tensor] = {}
        self.weights: dict[Causal, Tensor] = {}

    def at(self, row: int, column: int) -> Look:
        """A look at the part that begins there."""

        def look(convolution: Causal, x: Tensor) -> Tensor:
            left, right, above, _ = convolution.margins
            if convolution not in self.weights:
                self.weights[convolution] = convolution.masked()
            weight, bias = self.weights[convolution], convolution.bias
            if left or right or above:
                x = self._beside(convolution, x, row, column)
            if x.shape[2:] != weight.shape[2:]:
                return conv2d(x, weight, bias)
            return linear(x.flatten(1), weight.flatten(1), bias)[:, :, None, None]  # one place

        return look

    def _beside(self, convolution: Causal, x: Tensor, row: int, column: int) -> Tensor:
        """Puts a part into its map, and takes it out with its margins."""
        left, right, above, _ = convolution.margins
        if convolution not in self.maps:
            height, width = self.size
            shape = *x.shape[:2], height + above, left + width + right
            self.maps[convolution] = x.new_zeros(shape)
        map, (height, width) = self.maps[convolution], x.shape[2:]
        bottom, end = row + above + height, column + left + width
        map[:, :, row + above : bottom, column + left : end] = x
        return map[:, :, row:bottom, column : end + right]
