"""Spectral norm: a layer whose weight is divided by its largest singular value.

Miyato et al. 2018, arXiv:1802.05957.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, pad
from torch.nn.utils.parametrize import is_parametrized, register_parametrization

from ..randomness import seeded

Layer = TypeVar("Layer", bound=nn.Module)
Normalise = Callable[[nn.Module], nn.Module]


class SpectralNorm(nn.Module):
    """W -> W / sigma(W), whose largest singular value is 1.

    A kernel [out, in, h, w] counts as the matrix [out, in h w]. This bounds the matrix; the
    convolution itself may stretch up to sqrt(h w) times as far.

    Each forward pass in training mode goes one power iteration on from the last `u`. In eval mode
    the same iteration is made and forgotten, so an average of `u` need not have norm 1.
    """

    u: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("u", normalize(torch.randn(len(weight)), dim=0))

    def forward(self, weight: Tensor) -> Tensor:
        """The normed weight, in the weight's own precision."""
        with torch.autocast(weight.device.type, enabled=False):
            return weight / self.sigma(weight)

    # Algorithm 1:   v <- W^T u / |W^T u|,   u <- W v / |W v|,   sigma = u^T W v,
    # where u and v are constants to the gradient.
    def sigma(self, weight: Tensor) -> Tensor:
        """The largest singular value, from below."""
        matrix = weight.flatten(1)
        with torch.no_grad():
            v = normalize(matrix.T @ self.u, dim=0)
            u = normalize(matrix @ v, dim=0)
            if self.training:
                self.u.copy_(u)
        return u @ (matrix @ v)


def spectral(layer: Layer) -> Layer:
    """The layer, spectrally normed from now on: draw its first weights before.

    For layers whose weights are [out, ...]; those of transposed convolutions are not.
    """
    assert not isinstance(layer, nn.modules.conv._ConvTransposeNd)
    assert isinstance(layer.weight, Tensor)
    register_parametrization(layer, "weight", SpectralNorm(layer.weight))
    return layer


def plain(layer: nn.Module) -> nn.Module:
    """The layer as it is: the place of `spectral` where nothing is normed."""
    return layer


@torch.no_grad()
def singular_values(layer: nn.Module, count: int = 3) -> Tensor:
    """The largest singular values of the weight that is moved, before any norm: [count], falling.

    By a randomised SVD (Halko et al. 2009, arXiv:0909.4061), whose draws repeat themselves.
    """
    # To ask a normed layer for its weight would go one power iteration on, on one process alone.
    normed = is_parametrized(layer, "weight")
    weight: Any = layer.parametrizations.weight.original if normed else layer.weight  # pyright: ignore
    matrix = weight.flatten(1).float()
    with seeded(0, matrix.device):
        values = torch.svd_lowrank(matrix, min(count + 5, *matrix.shape), niter=8)[1]
    return pad(values, (0, count))[:count]
