"""Directions in a latent space along which samples change, found without a label."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from .readers import Draw, first_features, weights


class Directions(NamedTuple):
    """K directions, the strongest first."""

    vectors: Tensor  # [K, D], of length 1; signs mean nothing
    shares: Tensor  # float64 [K], of all the variance, or of all the weights' squares
    deviations: Tensor  # [K], of points along each


def principal(points: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Components of points [N, D]: vectors [K, D], shares of the variance [K], scores [N, K]."""
    centred = points.double() - points.double().mean(0)
    vectors, stretch, scores = _svd(centred, k)
    return vectors.T, stretch.square() / centred.square().sum(), scores


def of_points(draw: Draw, points: Tensor, k: int) -> Directions:
    """Principal components of points of W [N, D].

    Härkönen et al. 2020 (GANSpace), arXiv:2004.02546.
    """
    vectors, shares, _ = principal(points, k)
    return _directions(vectors, shares, points)


# x_j = V^T (y_j - mean),   U = argmin sum_j |U x_j - z_j|^2
def of_features(draw: Draw, points: Tensor, k: int) -> Directions:
    """What moves the principal components of the first layer's features of points [N, D].

    The same paper's way for generators without W: components of features y, carried back to the
    latents by regression.

    Raises:
        ValueError: No layer reads the points as they are.
    """
    features = first_features(draw, points)
    if features is None:
        raise ValueError("no layer reads the latents as they are")
    _, shares, scores = principal(features, k)
    z = points.double() - points.double().mean(0)
    lengths = scores.square().sum(0).clamp(min=1e-30)
    back = (scores.T @ z) / lengths[:, None]
    return _directions(back / back.norm(dim=1, keepdim=True).clamp(min=1e-30), shares, points)


# argmax_{|n| = 1} |A n|^2: the eigenvectors of A^T A
def of_weights(draw: Draw, points: Tensor, k: int) -> Directions:
    """What the weights A of all layers that read the points stretch most.

    Shen and Zhou 2021 (SeFa), arXiv:2007.06600: in closed form; points [N, D] are
    asked for their deviations alone.

    Raises:
        ValueError: No layer reads the points as they are.
    """
    found = weights(draw, points)
    if not found:
        raise ValueError("no layer reads the latents as they are")
    whole = torch.cat(found).double()
    stretch, vectors = torch.linalg.eigh(whole.T @ whole)
    vectors, squares = vectors.T.flip(0)[:k], stretch.flip(0).clamp(min=0)
    return _directions(vectors, squares[:k] / squares.sum(), points)


def at_random(points: Tensor, k: int, draw: torch.Generator) -> Directions:
    """Directions that nobody chose: the floor of what others change."""
    vectors = torch.randn(k, points.shape[1], generator=draw, dtype=torch.float64)
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    shares = torch.full((k,), 1 / points.shape[1], dtype=torch.float64)
    return _directions(vectors.to(points.device), shares, points)


def moved(points: Tensor, directions: Directions, reach: float) -> Tensor:
    """Points [N, D] moved along each direction by `reach` deviations: [K, N, D]."""
    steps = (reach * directions.deviations[:, None] * directions.vectors).to(points.dtype)
    return points + steps[:, None]


Find = Callable[[Draw, Tensor, int], Directions]
METHODS: dict[str, dict[str, Find]] = {
    "pca": {"z": of_features, "w": of_points},
    "sefa": {"z": of_weights, "w": of_weights},
}
"""By name, and by the space that is searched."""


def _directions(vectors: Tensor, shares: Tensor, points: Tensor) -> Directions:
    along = (points.double() - points.double().mean(0)) @ vectors.T
    return Directions(vectors, shares, along.std(0))


def _svd(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """V [D, K], S [K] and U S [N, K] of x [N, D], by the smaller of its two products."""
    n, d = x.shape
    squares, basis = torch.linalg.eigh(x.T @ x if d <= n else x @ x.T)
    basis, stretch = basis.flip(1)[:, :k], squares.flip(0)[:k].clamp(min=0).sqrt()
    if d <= n:
        return basis, stretch, x @ basis
    return x.T @ basis / stretch.clamp(min=1e-30), stretch, basis * stretch
