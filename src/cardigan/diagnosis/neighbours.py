"""How close pictures lie to one another, as seen by features, in units of reals' own closeness."""

import torch
from torch import Tensor


def nearest(points: Tensor, others: Tensor | None = None, chunk: int = 1000) -> Tensor:
    """Distance of each point [N, D] to the nearest of the others [M, D]; by default, of the rest.

    Returns [N].
    """
    parts = []
    for start in range(0, len(points), chunk):
        part = points[start : start + chunk]
        distance = torch.cdist(part, points if others is None else others)
        if others is None:
            rows = torch.arange(len(part))
            distance[rows, start + rows] = torch.inf
        parts.append(distance.amin(1))
    return torch.cat(parts)


def spread(points: Tensor) -> float:
    """The trace of the covariance of points [N, D], N at least 2: how far they lie apart."""
    return points.var(0).sum().item()


def pixel_spread(images: Tensor) -> float:
    """The same of pictures uint8 [N, C, H, W] or points, without features."""
    return spread(images.flatten(1).double())


def covered(reals: Tensor, samples: Tensor, k: int = 5, chunk: int = 1000) -> Tensor:
    """Whether each real [N, D] has a sample [M, D] within the distance to its k-th nearest real.

    Returns bool [N].
    """
    k = min(k, len(reals) - 1)
    parts = []
    for start in range(0, len(reals), chunk):
        part = reals[start : start + chunk]
        # The nearest of all is the real itself.
        radius = torch.cdist(part, reals).kthvalue(k + 1, dim=1).values
        parts.append(torch.cdist(part, samples).amin(1) <= radius)
    return torch.cat(parts)
