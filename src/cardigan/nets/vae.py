"""Networks of variational autoencoders: encoders to a law of latents, decoders to one of images.

The papers' networks are dense (Kingma and Welling 2013, arXiv:1312.6114; Burda et al. 2015,
arXiv:1509.00519). The convolutional ones are ours: kernels of 4 at stride 2 halve an image as
often as its side allows, and double it again.
"""

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from ..laws import Binary, Gaussian
from .bigan import Noise
from .mlp import Shape, perceptron

Law = Gaussian | Binary
MakeLaw = Callable[[Shape], nn.Module]
"""From the shape of an image, C, H, W, to what a decoder ends with: [N, C, H, W] -> law."""


class Encoder(nn.Module):
    """Image [N, C, H, W] in [-1, 1] -> q(z | x), and K draws of z from it: [N, K, Z].

    Arguments:
        net: Image -> [N, 2 Z], means and logarithms of variances.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net, self.noise = net, Noise()

    def forward(
        self, image: Tensor, label: Tensor | None = None, draws: int = 1
    ) -> tuple[Gaussian, Tensor]:
        """Tells the law and draws from it; labels are not looked at."""
        posterior = Gaussian(*self.net(image).chunk(2, 1))
        mean, deviation = (
            t[:, None].expand(-1, draws, -1)
            for t in (posterior.mean, (posterior.log_variance / 2).exp())
        )
        return posterior, mean + self.noise(deviation)


class Decoder(nn.Module):
    """z [N, Z] -> p(x | z).

    Arguments:
        net: z -> [N, C, H, W], any numbers.
        law: What they mean: `Shaded` or `Inked`.
    """

    def __init__(self, net: nn.Module, law: nn.Module) -> None:
        super().__init__()
        self.net, self.law = net, law

    def forward(self, z: Tensor, label: Tensor | None = None) -> Law:
        """Tells the law of images; labels are not looked at."""
        return self.law(self.net(z))


class Shaded(nn.Module):
    """[N, C, H, W] -> Gaussians about means in (-1, 1); each value's variance is learnt.

    With variances the weight of likeness beside KL is learnt, too (Rybkin et al. 2021,
    arXiv:2006.13202). Theirs is one for all values; but where all pictures are black, little
    varies, and a law that does not know that needs more bits than a model of each pixel by itself.
    None is less than that of a grey level filled with noise: what never varies would have none.
    """

    FLOOR = math.log((2 / 255) ** 2 / 12)
    START, HASTE = -3.0, 10  # an optimiser's steps are as small as for weights, the way is longer

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.change = nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor) -> Gaussian:
        """The law."""
        free = self.START + self.HASTE * self.change
        log_variance = free.logaddexp(torch.full_like(free, self.FLOOR))
        return Gaussian(x.tanh(), log_variance.expand(len(x), -1, -1, -1))


class Inked(nn.Module):
    """[N, C, H, W] -> black or white, of these logits."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Binary:
        """The law."""
        return Binary(x)


LAWS: dict[str, MakeLaw] = {"gaussian": Shaded, "bernoulli": Inked}


def dense(latents: int, shape: Shape, units: int, law: MakeLaw) -> tuple[Encoder, Decoder]:
    """Two hidden layers of tanh units each, as Burda et al. have them, in multiples of ours."""
    sizes = prod(shape), units, units
    encoder = nn.Sequential(nn.Flatten(), perceptron(*sizes, 2 * latents, activation=nn.Tanh))
    decoder = perceptron(latents, *sizes[::-1], activation=nn.Tanh)
    return Encoder(encoder), Decoder(nn.Sequential(decoder, nn.Unflatten(1, shape)), law(shape))


def convolutional(latents: int, shape: Shape, width: int, law: MakeLaw) -> tuple[Encoder, Decoder]:
    """Convolutions of 4 at stride 2 under ReLU, and their mirror image; no norm.

    Arguments:
        width: Channels at half the picture's size; they double with each halving, up to eightfold.
    """
    channels, size, _ = shape
    halvings = _halvings(size)
    start = size // 2**halvings
    widths = [channels, *(width * min(2**i, 8) for i in range(halvings))]
    inner = (widths[-1], start, start)
    convolution = partial(nn.Conv2d, kernel_size=4, stride=2, padding=1)
    transposed = partial(nn.ConvTranspose2d, kernel_size=4, stride=2, padding=1)
    down = [layer for a, b in pairwise(widths) for layer in (convolution(a, b), nn.ReLU())]
    up = [layer for a, b in pairwise(widths[::-1]) for layer in (nn.ReLU(), transposed(a, b))]
    encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(prod(inner), 2 * latents))
    decoder = nn.Sequential(nn.Linear(latents, prod(inner)), nn.Unflatten(1, inner), *up)
    return Encoder(encoder), Decoder(decoder, law(shape))


def _halvings(size: int) -> int:
    """How often a side can be halved and is at least 2."""
    return next(n for n in range(1, 64) if size // 2**n % 2 or size // 2**n == 2)
