"""Fully connected networks: Goodfellow's for images, and small ones for points."""

from collections.abc import Callable
from math import prod

import torch
from torch import Tensor, nn

from .spectral import Normalise, plain

Shape = tuple[int, ...]


class Maxout(nn.Module):
    """The largest of `pieces` linear units, `units` times.

    Goodfellow et al. 2013, arXiv:1302.4389.

    [N, inputs] -> [N, units].
    """

    def __init__(self, inputs: int, units: int, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces
        self.linear = nn.Linear(inputs, units * pieces)

    def forward(self, x: Tensor) -> Tensor:
        """Maximum over pieces."""
        return self.linear(x).unflatten(1, (-1, self.pieces)).amax(2)


class MaxoutDiscriminator(nn.Module):
    """Image [N, C, H, W] in [-1, 1] -> logit [N]: two maxout layers under dropout.

    Goodfellow et al. 2014, arXiv:1406.2661, as its authors' configuration for MNIST has it:
    a share of 0.2 of the inputs and 0.5 of the hidden units is dropped, and pixels lie in [0, 1].
    """

    def __init__(self, shape: Shape, units: int = 240, pieces: int = 5) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Dropout(0.2), Maxout(prod(shape), units, pieces),
            nn.Dropout(0.5), Maxout(units, units, pieces),
            nn.Dropout(0.5), nn.Linear(units, 1),
        )  # fmt: skip
        uniform_weights(self, 0.005)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Judges images; labels are not looked at."""
        return self.net((image.flatten(1) + 1) / 2).squeeze(1)


class MLPGenerator(nn.Module):
    """z [N, Z] -> image [N, C, H, W] in [-1, 1]: two layers of ReLU units, then a sigmoid a pixel.

    Goodfellow et al. 2014, arXiv:1406.2661, as its authors' configuration for MNIST has it.
    """

    def __init__(self, latents: int, shape: Shape, width: int = 1200) -> None:
        super().__init__()
        self.shape = shape
        self.net = perceptron(latents, width, width, prod(shape), activation=nn.ReLU)
        uniform_weights(self, 0.05)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Draws images; labels are not looked at."""
        return (self.net(z).sigmoid() * 2 - 1).unflatten(1, self.shape)

    @torch.no_grad()
    def start_from(self, mean: Tensor) -> None:
        """Sets the output's bias so that pixels start at their marginals [C, H, W] in [0, 1]."""
        out = self.net[-1]
        assert isinstance(out, nn.Linear)
        out.bias.copy_(mean.flatten().clamp(0.01, 0.99).logit())


class PointGenerator(nn.Module):
    """z [N, Z] -> point [N, D]."""

    def __init__(self, latents: int, width: int, dimensions: int = 2) -> None:
        super().__init__()
        self.net = perceptron(latents, width, width, dimensions, activation=nn.Tanh)
        orthogonal_weights(self, 1.4)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Draws points; labels are not looked at."""
        return self.net(z)


class PointDiscriminator(nn.Module):
    """Point [N, D] -> logit [N].

    Arguments:
        normalise: What is done to each linear layer: `spectral.plain` or `spectral.spectral`.
    """

    def __init__(self, width: int, dimensions: int = 2, normalise: Normalise = plain) -> None:
        super().__init__()
        self.net = perceptron(dimensions, width, width, 1, activation=nn.Tanh)
        orthogonal_weights(self, 1.4)
        for layer in self.net:
            if isinstance(layer, nn.Linear):
                normalise(layer)

    def forward(self, point: Tensor, label: Tensor | None = None) -> Tensor:
        """Judges points; labels are not looked at."""
        return self.net(point).squeeze(1)


def perceptron(*sizes: int, activation: Callable[[], nn.Module]) -> nn.Sequential:
    """Linear layers of these sizes with an activation between each two."""
    layers: list[nn.Module] = []
    for before, after in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(before, after), activation()]
    return nn.Sequential(*layers[:-1])


def uniform_weights(net: nn.Module, bound: float) -> None:
    """Draws weights from U(-bound, bound); biases are 0."""
    for layer in net.modules():
        if isinstance(layer, nn.Linear):
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.zeros_(layer.bias)


def orthogonal_weights(net: nn.Module, gain: float) -> None:
    """Draws orthogonal weights; biases are 0."""
    for layer in net.modules():
        if isinstance(layer, nn.Linear):
            nn.init.orthogonal_(layer.weight, gain)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
