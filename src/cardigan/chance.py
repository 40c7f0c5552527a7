"""Draws for each image of a batch, float32 [N, 1, 1, 1], so that they spread over its pixels."""

import torch
from torch import Tensor


def taken(x: Tensor, p: float | Tensor) -> Tensor:
    """Whether an image is taken: bool, true with probability `p`."""
    return torch.rand(len(x), 1, 1, 1, device=x.device) < p


def fraction(x: Tensor) -> Tensor:
    """U(0, 1)."""
    return torch.rand(len(x), 1, 1, 1, device=x.device)


def gaussian(x: Tensor) -> Tensor:
    """N(0, 1)."""
    return torch.randn(len(x), 1, 1, 1, device=x.device)
