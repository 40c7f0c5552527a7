"""Where latents come from: functions of how many and on which device, [N, Z]."""

from collections.abc import Callable

import torch
from torch import Tensor

Prior = Callable[[int, torch.device], Tensor]


def normal(latents: int) -> Prior:
    """N(0, I)."""
    return lambda n, device: torch.randn(n, latents, device=device)


def uniform(latents: int) -> Prior:
    """U(-1, 1), each latent by itself."""
    return lambda n, device: torch.rand(n, latents, device=device) * 2 - 1
