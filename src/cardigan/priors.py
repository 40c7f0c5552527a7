"""Where latents come from: functions of how many and on which device, [N, Z]; and truncation."""

from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .errors import UserError

Prior = Callable[[int, torch.device], Tensor]


def normal(latents: int) -> Prior:
    """N(0, I)."""
    return lambda n, device: torch.randn(n, latents, device=device)


def uniform(latents: int) -> Prior:
    """U(-1, 1), each latent by itself."""
    return lambda n, device: torch.rand(n, latents, device=device) * 2 - 1


class Truncation(NamedTuple):
    """How latents are drawn nearer to their mean, which trades variety for quality."""

    draw: Callable[[Any, int, float], Tensor]  # of a game with a prior, how many, how near
    whole: float  # the number at which the prior is as it is


def scaled(game: Any, n: int, factor: float) -> Tensor:
    """Latents times a factor from 0 to 1."""
    return game.prior(n, game.device) * factor


LEAST = 0.01  # a threshold: of a normal prior one draw in 125 lies within it


def resampled(game: Any, n: int, threshold: float) -> Tensor:
    """Latents whose entries are drawn anew for as long as they lie beyond the threshold.

    The truncation trick of Brock et al. 2018, arXiv:1809.11096, section 3.1. At 0, which nothing
    would ever meet, stands its limit: the mean.

    Raises:
        UserError: A threshold below 0.01 that is not 0: next to nothing would be kept.
    """
    z = game.prior(n, game.device)
    if not threshold:
        return torch.zeros_like(z)
    if not threshold >= LEAST:
        raise UserError(f"expected a truncation of 0, or of {LEAST} or more, got {threshold}")
    while (beyond := z.abs() > threshold).any():
        z = torch.where(beyond, game.prior(n, game.device), z)
    return z


SCALED = Truncation(scaled, 1.0)
RESAMPLED = Truncation(resampled, inf)
