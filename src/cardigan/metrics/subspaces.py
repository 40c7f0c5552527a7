"""Angles between subspaces, and how images truly move: what tangents are judged by."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ..randomness import generator


class Movements(NamedTuple):
    """What an image changes by while it moves a little: each [N, C, H, W], of any length."""

    rotation: Tensor
    across: Tensor
    down: Tensor


def movements(images: Tensor, pixels: float = 1.0, degrees: float = 5.0) -> Movements:
    """Central differences of images [N, C, H, W] that were turned and shifted both ways.

    What comes into view repeats the border.
    """
    side = images.shape[-1]
    turn, shift = torch.pi * degrees / 180, 2 * pixels / side

    def change(angle: float = 0.0, across: float = 0.0, down: float = 0.0) -> Tensor:
        return _moved(images, angle, across, down) - _moved(images, -angle, -across, -down)

    return Movements(change(turn), change(across=shift), change(down=shift))


def _moved(images: Tensor, angle: float, across: float, down: float) -> Tensor:
    """Turned and shifted, in radians and in halves of the side."""
    a = images.new_tensor(angle)
    rows = [[a.cos(), -a.sin(), -across], [a.sin(), a.cos(), -down]]
    matrix = torch.stack([torch.stack([torch.as_tensor(v).to(a) for v in row]) for row in rows])
    grid = F.affine_grid(matrix.expand(len(images), 2, 3), [*images.shape], align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


# cos(angles) = singular values of A B^T, and sin(angles) = those of B - B A^T A
def principal_angles(a: Tensor, b: Tensor) -> Tensor:
    """Angles between the spans of orthonormal rows [N, k, D] and [N, m, D]: radians, rising.

    Björck and Golub 1973: small angles by their sines, large ones by their cosines.

    Returns [N, min(k, m)].
    """
    a, b = (a, b) if a.shape[1] >= b.shape[1] else (b, a)
    overlap = b @ a.mT
    cosine = torch.linalg.svdvals(overlap).clamp(max=1)
    sine = torch.linalg.svdvals(b - overlap @ a).clamp(max=1).flip(-1)
    return torch.where(cosine.square() > 0.5, sine.asin(), cosine.acos())


def angle_to(span: Tensor, direction: Tensor) -> Tensor:
    """Between directions [N, D] of any length and spans of orthonormal rows [N, k, D]: [N].

    In radians. A direction of length 0 lies across every span.
    """
    return principal_angles(span, F.normalize(direction, dim=1)[:, None])[:, 0]


def random_span(n: int, k: int, dimensions: int, seed: int = 0) -> Tensor:
    """Subspaces drawn uniformly: orthonormal rows [N, k, D] in float64.

    The squared cosine to any one direction is k / D in the mean.
    """
    draws = torch.randn(n, dimensions, k, generator=generator(seed), dtype=torch.float64)
    return torch.linalg.qr(draws).Q.mT
