"""How close pictures lie to one another, as seen by features, in units of reals' own closeness."""

from torch import Tensor

from ..metrics import nearest as exact

FAR = 1e30
"""Where points stand that are nowhere: those of a run that diverged are looked at, too."""


def to_next(points: Tensor) -> Tensor:
    """Distance of each point [N, D] to the nearest of the rest: [N]."""
    return exact.radii(_somewhere(points), 1)


def to_nearest(points: Tensor, others: Tensor) -> Tensor:
    """Distance of each point [N, D] to the nearest of the others [M, D]: [N]."""
    return exact.nearest(_somewhere(points), _somewhere(others)).distances[:, 0]


def spread(points: Tensor) -> float:
    """The trace of the covariance of points [N, D], N at least 2: how far they lie apart."""
    return points.var(0).sum().item()


def pixel_spread(images: Tensor) -> float:
    """The same of pictures uint8 [N, C, H, W] or points, without features."""
    return spread(images.flatten(1).double())


def covered(reals: Tensor, samples: Tensor, k: int = 5) -> Tensor:
    """Whether each real [N, D] has a sample [M, D] within the distance to its k-th nearest real.

    Returns bool [N].
    """
    return to_nearest(reals, samples) <= exact.radii(_somewhere(reals), min(k, len(reals) - 1))


def _somewhere(points: Tensor) -> Tensor:
    return points.nan_to_num(FAR).clamp(-FAR, FAR)
