"""How far two clouds of features lie apart, by a kernel: unbiased, so good for few samples."""

from typing import NamedTuple

import torch
from torch import Tensor
from torchmetrics.image.kid import poly_mmd

from ..randomness import generator


class KernelDistance(NamedTuple):
    """Over subsets of the features."""

    mean: float
    std: float


def kernel_distance(
    real: Tensor, fake: Tensor, subsets: int = 100, size: int = 1000, seed: int = 0
) -> KernelDistance:
    """Squared maximum mean discrepancy under k(x, y) = (x.y / D + 1)^3, unbiased.

    sum_{i != j} [k(x_i, x_j) + k(y_i, y_j)] / (m (m - 1)) - 2 sum_{ij} k(x_i, y_j) / m^2
    (Bińkowski et al. 2018, arXiv:1801.01401), averaged over random subsets of
    m = `size`. Of two samples of one law it is below zero half the time, and is not clipped.

    Arguments:
        real: [N, D], N at least `size`.
        fake: [M, D], M at least `size`.
        subsets: How many pairs of subsets are drawn.
        seed: Of the draws; the global random state is neither read nor changed.
    """
    draw = generator(seed)
    distances = [
        poly_mmd(_subset(real.double(), size, draw), _subset(fake.double(), size, draw))
        for _ in range(subsets)
    ]
    values = torch.stack(distances)
    return KernelDistance(values.mean().item(), values.std(unbiased=False).item())


def _subset(features: Tensor, size: int, draw: torch.Generator) -> Tensor:
    assert len(features) >= size, f"{len(features)} features for subsets of {size}"
    return features[torch.randperm(len(features), generator=draw)[:size]]
