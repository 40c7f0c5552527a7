"""How many of a toy's Gaussians a generator finds, and how cleanly it hits them."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ..data.dataset import Modes
from .classes import divergence

CEILING = 1 - math.exp(-4.5)
"""Mass of a 2-D isotropic Gaussian within 3 std: what real points score, 0.98889."""


class ModeCoverage(NamedTuple):
    """What n points say about K modes."""

    captured: int  # modes with at least ten points of high quality
    touched: int  # modes with at least one
    high_quality: float  # share of points within 3 std of the nearest centre
    kl: float  # nats, from the histogram of the points of high quality to the uniform law


def mode_coverage(points: Tensor, modes: Modes, enough: int = 10) -> ModeCoverage:
    """Counts the modes that points [N, D] capture.

    A point is of high quality within 3 std of its nearest centre. In two dimensions real points
    are so with probability 1 - exp(-4.5) = 0.98889 (`CEILING`): more means shrunken modes. The
    divergence of n real points is about (K - 1) / (2 n); all points at one mode give ln K. Where
    no point is of high quality it is given as ln K, the worst.

    Srivastava et al. 2017 (VEEGAN), arXiv:1705.07761, count a mode from one point on
    (`touched`); ten (`captured`) are not reached by accident.
    """
    distance, nearest = torch.cdist(points.double(), modes.centres.double()).min(1)
    good = distance <= 3 * modes.std
    counts = torch.bincount(nearest[good], minlength=len(modes.centres))
    return ModeCoverage(
        captured=int((counts >= enough).sum()),
        touched=int((counts >= 1).sum()),
        high_quality=good.double().mean().item(),
        kl=_kl_to_uniform(counts),
    )


def _kl_to_uniform(counts: Tensor) -> float:
    if not counts.any():
        return math.log(len(counts))
    uniform = torch.full(counts.shape, 1 / len(counts), dtype=torch.float64)
    return divergence(counts / counts.sum().double(), uniform).item()
