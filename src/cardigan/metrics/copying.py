"""C_T: are samples nearer to the training data than held-out reals are, region by region?"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ..randomness import generator
from .nearest import nearest

ROWS = 2_000
"""Training points that principal components are taken of, at most."""
ROUNDS = 100
"""Of k-means, at most."""


class Copying(NamedTuple):
    """How much nearer samples lie to training data than held-out reals do."""

    statistic: float  # C_T: without copying 0 on average, its variance the sum of weights^2
    cells: Tensor  # float64 [K], Z of each cell; NaN where there is too little to tell
    weights: Tensor  # float64 [K], share of held-out reals


def copying(
    samples: Tensor,
    train: Tensor,
    held_out: Tensor,
    cells: int = 3,
    dimensions: int = 64,
    fewest: int = 20,
    seed: int = 0,
) -> Copying:
    """C_T: how much nearer to training points samples lie than held-out reals, cell by cell.

    C_T = sum_c P_n(c) Z_c / sum_c P_n(c), with P_n(c) the share of held-out reals in a cell c
    of k-means of the training points, and Z_c the `z_score` of distances inside of it (Meehan,
    Chaudhuri and Dasgupta 2020, arXiv:2004.05675). Far below 0 tells of copies, or of
    samples that are blurred, far above 0 of underfitting. As in its authors' package distances
    are to training points of the cell; cells with no more than 20 samples are left out, and where
    none are left C_T is NaN.

    Arguments:
        samples: [M, D].
        train: [N, D].
        held_out: [H, D].
        dimensions: Principal components of the training points that are looked at, at most.
        seed: Of the start of k-means.
    """
    down = _components(train, dimensions, seed)
    points = [down(x) for x in (samples, train, held_out)]
    centres = _k_means(points[1], cells, seed)
    where = [torch.cdist(x, centres).argmin(1) for x in points]
    scores = torch.full((cells,), torch.nan, dtype=torch.float64)
    for c in range(cells):
        q, t, p = (x[i == c] for x, i in zip(points, where, strict=True))
        if len(q) > fewest and len(t) and len(p):
            scores[c] = z_score(nearest(q, t).distances[:, 0], nearest(p, t).distances[:, 0])
    weights = torch.bincount(where[2], minlength=cells).double() / len(held_out)
    told = ~scores.isnan()
    statistic = (weights[told] @ scores[told] / weights[told].sum()).item()
    return Copying(statistic, scores, weights)


def z_score(samples: Tensor, held_out: Tensor) -> float:
    """Z = (U - n m / 2) / sqrt(n m (n + m + 1) / 12), of distances to training data [m] and [n].

    U counts the pairs whose sample is the further away (Mann and Whitney 1947). Exact copies
    have -sqrt(3 n m / (n + m + 1)). Neither ties nor continuity are corrected for.
    """
    m, n = len(samples), len(held_out)
    return (_u(samples, held_out) - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)


def nearer_than_reals(samples: Tensor, held_out: Tensor) -> float:
    """The share of pairs in which the sample is nearer to training than the held-out real.

    A half for samples like the reals; ties count as half. This is the area under the curve of
    telling them apart by that distance. Samples that are blurred come nearer without copying.

    Arguments:
        samples: Distances to the nearest training point [M].
        held_out: The same of held-out reals, to the same training points [N].
    """
    return 1 - _u(samples, held_out) / (len(samples) * len(held_out))


def _u(samples: Tensor, held_out: Tensor) -> float:
    """Pairs whose sample is the further away; of ties, half."""
    ranks, values = held_out.sort().values, samples.contiguous()
    below, upto = (torch.searchsorted(ranks, values, right=r).double() for r in (False, True))
    return ((below + upto) / 2).sum().item()


def _components(points: Tensor, count: int, seed: int) -> Callable[[Tensor], Tensor]:
    """Onto the first principal components of some of the points, where there are more."""
    if points.shape[1] <= count:
        return Tensor.double
    drawn = torch.randperm(len(points), generator=generator(seed, 0))[:ROWS]
    some = points[drawn].double()
    middle = some.mean(0)
    axes = torch.linalg.svd(some - middle, full_matrices=False).Vh[:count].T
    return lambda x: torch.cat([(rows.double() - middle) @ axes for rows in x.split(ROWS)])


def _k_means(points: Tensor, cells: int, seed: int) -> Tensor:
    """Centres [K, D] by Lloyd's algorithm, begun far apart (Arthur and Vassilvitskii 2007)."""
    draw = generator(seed, 1)
    centres = points[torch.randint(len(points), (1,), generator=draw)]
    while len(centres) < cells:
        chances = torch.cdist(points, centres).amin(1).square()
        chances = chances if chances.any() else torch.ones_like(chances)
        reached = torch.rand(1, generator=draw, dtype=torch.float64) * chances.sum()
        new = torch.searchsorted(chances.cumsum(0), reached).clamp(max=len(points) - 1)
        centres = torch.cat([centres, points[new]])
    for _ in range(ROUNDS):
        near = torch.cdist(points, centres).argmin(1)
        held = torch.bincount(near, minlength=cells)[:, None]
        sums = torch.zeros_like(centres).index_add_(0, near, points)
        before, centres = centres, torch.where(held > 0, sums / held, centres)
        if torch.equal(before, centres):
            break
    return centres
