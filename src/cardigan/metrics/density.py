"""How many bits a model needs for an image, and the least that it must save."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ..progress import track
from ..randomness import generator

LEVELS = 256
BYTE = 1.0
"""The width of a grey level for models of the 8-bit image itself."""
UNIT = 1 / LEVELS
"""For densities over [0, 1]."""
SYMMETRIC = 2 / LEVELS
"""For densities over [-1, 1]."""


# -(log p(x) + D log width) / (D ln 2)
def bits_per_dimension(log_likelihood: Tensor, dimensions: int, width: float = BYTE) -> Tensor:
    """Bits for each value of 8-bit images, from nats [N] for whole images: float64 [N].

    Theis et al. 2016, arXiv:1511.01844, section 3.1. A uniform model of bytes has 8; what has
    more is of no use, what has less than 0 no probability. Say what the nats are: exact, or a
    bound. A likely image need be neither clear nor from the data (ibid.).

    Arguments:
        log_likelihood: Log-probabilities, or log-densities at `dequantised` images.
        dimensions: Values of an image, C x H x W.
        width: Of a grey level on the density's scale: `BYTE`, `UNIT` or `SYMMETRIC`.
    """
    nats = log_likelihood.double() + dimensions * math.log(width)
    return -nats / (dimensions * math.log(2))


def dequantised(images: Tensor, *seed: int) -> Tensor:
    """Bytes [N, C, H, W] spread evenly over their grey levels: float64 in [0, 1).

    (x + u) / 256 with u uniform in [0, 1) (Uria et al. 2013, arXiv:1306.0186). The mean
    log-density there is at most the log-probability that a model gives to the bytes.
    """
    noise = torch.rand(images.shape, generator=generator(*seed), dtype=torch.float64)
    return (images.double() + noise.to(images.device)) / LEVELS


def density_bits(
    log_density: Callable[[Tensor], Tensor],
    images: Tensor,
    draws: int = 4,
    batch: int = 256,
    seed: int = 0,
) -> Tensor:
    """Bits per dimension of a continuous model, averaged over dequantisations: float64 [N].

    Arguments:
        log_density: Images [n, C, H, W], float64 in [0, 1), to nats [n] on that scale.
        images: uint8 [N, C, H, W].
        draws: Of the noise.
        seed: Of the noise; the global random state is neither read nor changed.

    Raises:
        ValueError: Not bytes.
    """
    _check(images)
    parts = []
    for place, some in enumerate(track(images.split(batch), "density", unit="batches")):
        noisy = [log_density(dequantised(some, seed, place, draw)) for draw in range(draws)]
        parts.append(torch.stack(noisy).double().mean(0))
    return bits_per_dimension(torch.cat(parts), images[0].numel(), UNIT)


class PixelHistogram(NamedTuple):
    """A model that takes each value of an image by itself: what any model must beat."""

    log_probability: Tensor  # nats, float64 [C H W, 256]

    def log_prob(self, images: Tensor) -> Tensor:
        """Nats of bytes [N, C, H, W]: float64 [N].

        Raises:
            ValueError: Not bytes, or of another size.
        """
        _check(images)
        index = images.flatten(1).long()  # [N, C H W]
        if index.shape[1] != len(self.log_probability):
            raise ValueError(
                f"expected images of {len(self.log_probability)} values, got {index.shape[1]}"
            )
        places = torch.arange(index.shape[1], device=index.device)
        return torch.cat([self.log_probability[places, part].sum(1) for part in index.split(256)])


def pixel_histogram(train: Tensor) -> PixelHistogram:
    """Counts the grey levels of each value over bytes [N, C, H, W], each level once more.

    Raises:
        ValueError: Not bytes.
    """
    _check(train)
    values = train.flatten(1)
    counts = torch.ones(values.shape[1], LEVELS, dtype=torch.float64, device=train.device)
    one = torch.ones((), dtype=torch.float64, device=train.device)
    for part in values.split(256):
        index = part.T.long()  # [C H W, n]
        counts.scatter_add_(1, index, one.expand_as(index))
    return PixelHistogram(F.normalize(counts, p=1, dim=1).log())


def _check(images: Tensor) -> None:
    if images.dtype != torch.uint8 or images.dim() != 4 or not len(images):
        raise ValueError(
            f"expected uint8 images [N, C, H, W], got {images.dtype} {list(images.shape)}"
        )
