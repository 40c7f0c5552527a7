"""How far two clouds of features lie apart, by a kernel: unbiased, so good for few samples."""

import math
from statistics import NormalDist
from typing import NamedTuple

import torch
from torch import Tensor

from ..randomness import generator
from .bootstrap import LEVEL, Interval
from .gaussian import checked, same_width

ROWS = 1024
"""Rows of a kernel matrix that are held at a time."""
ENOUGH = 4000
"""Features of each side from which the error of a distance over subsets is learnt."""


class KernelDistance(NamedTuple):
    """Over subsets of the features."""

    mean: float
    std: float  # of one subset's distance: tells little of how far the mean can be trusted
    interval: Interval  # of the mean, for as many other reals and fakes


class Discrepancy(NamedTuple):
    """Over all pairs of features."""

    value: float
    interval: Interval  # for as many other reals and fakes


def kernel_distance(
    real: Tensor, fake: Tensor, subsets: int = 100, size: int = 1000, seed: int = 0
) -> KernelDistance:
    """`discrepancy`, averaged over random subsets (Bińkowski et al. 2018, arXiv:1801.01401).

    Arguments:
        real: [N, D], N at least `size`.
        fake: [M, D], M at least `size`.
        subsets: How many pairs of subsets are drawn.
        size: Of a subset, at least 2.
        seed: Of the draws; the global random state is neither read nor changed.

    Raises:
        ValueError: Shapes that do not agree, too few features for subsets of `size`, NaN or
            infinity.
    """
    real, fake = _pair(real, fake)
    _check_subsets(len(real), len(fake), subsets, size)
    draw = generator(seed)
    pairs = ((_some(real, size, draw), _some(fake, size, draw)) for _ in range(subsets))
    values = torch.stack([_sums(x, y).value() for x, y in pairs])
    mean, std = values.mean().item(), values.std(correction=0).item()
    known = _sums(_some(real, ENOUGH, draw), _some(fake, ENOUGH, draw))
    error = math.hypot(known.error(len(real), len(fake)), std / math.sqrt(subsets))
    return KernelDistance(mean, std, _interval(mean, error))


# mean over i != j of k(x_i, x_j) + mean over i != j of k(y_i, y_j) - 2 mean k(x_i, y_j)
def discrepancy(real: Tensor, fake: Tensor) -> Discrepancy:
    """Squared maximum mean discrepancy under k(x, y) = (x.y / D + 1)^3, unbiased, over all pairs.

    Gretton et al. 2012 (JMLR 13: 723-773), equation 3. Of two samples of one law it is below
    zero half the time, and is not clipped. Less noisy than `kernel_distance`, and quicker up to
    some 10,000 features; the time grows like N^2.

    Arguments:
        real: [N, D], N at least 2.
        fake: [M, D], M at least 2.

    Raises:
        ValueError: Shapes that do not agree, too few features, NaN or infinity.
    """
    sums = _sums(*_pair(real, fake))
    value = sums.value().item()
    return Discrepancy(value, _interval(value, sums.error(len(real), len(fake))))


class _Means(NamedTuple):
    """Means of the kernel of two sets; of one set with itself, over distinct items."""

    rows: Tensor  # [N], over the second set
    columns: Tensor  # [M], over the first
    squares: Tensor  # of k^2, over all

    def spread(self) -> float:
        """E (k(x, y) - E_y k - E_x k + E k)^2: what no item by itself tells."""
        mean = self.rows.mean()
        apart = self.rows.square().mean() + self.columns.square().mean() - mean.square()
        return max(0.0, (self.squares - apart).item())


class _Sums(NamedTuple):
    """What the distance of x [n, D] and y [m, D], and its error, are made of."""

    xx: _Means
    yy: _Means
    xy: _Means

    def value(self) -> Tensor:
        return self.xx.rows.mean() + self.yy.rows.mean() - 2 * self.xy.rows.mean()

    # 4 (var h(x) / n + var h(y) / m) + 2 (q_xx / n (n - 1) + q_yy / m (m - 1)) + 4 q_xy / n m
    def error(self, n: int, m: int) -> float:
        """Standard error of the distance between n reals and m fakes.

        By Hoeffding's decomposition: h(x) = E_x' k(x, x') - E_y k(x, y) is what one item does
        to the distance, q what pairs add. The variance of an estimate of h has a share of q in
        it, which is taken off (cf. Sutherland and Deka 2019, arXiv:1906.02104).
        """
        (xx, yy, xy), pairs = self, [part.spread() for part in self]
        q_xx, q_yy, q_xy = pairs
        n0, m0 = len(xx.rows), len(yy.rows)
        of_x = (xx.rows - xy.rows).var().item() - q_xx / (n0 - 1) - q_xy / m0
        of_y = (yy.rows - xy.columns).var().item() - q_yy / (m0 - 1) - q_xy / n0
        alone = 4 * max(0.0, of_x) / n + 4 * max(0.0, of_y) / m
        paired = 2 * q_xx / (n * (n - 1)) + 2 * q_yy / (m * (m - 1)) + 4 * q_xy / (n * m)
        return math.sqrt(alone + paired)


def _sums(x: Tensor, y: Tensor) -> _Sums:
    x, y = _with_one(x), _with_one(y)
    return _Sums(_within(x), _within(y), _across(x, y))


def _with_one(features: Tensor) -> Tensor:
    """z with z.z' = x.x' / D + 1, so that the kernel is the cube of a product: [N, D + 1]."""
    x = features.double()
    return torch.cat([x / math.sqrt(x.shape[1]), x.new_ones(len(x), 1)], 1)


def _within(x: Tensor) -> _Means:
    rows, _, squares = _cubes(x, x)
    alone = x.square().sum(1).pow(3)  # k(x, x), which is left out
    others = len(x) - 1
    rows = (rows - alone) / others
    return _Means(rows, rows, (squares - alone.square().sum()) / (len(x) * others))


def _across(x: Tensor, y: Tensor) -> _Means:
    rows, columns, squares = _cubes(x, y)
    return _Means(rows / len(y), columns / len(x), squares / (len(x) * len(y)))


def _cubes(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Sums of k over rows and columns, and of k^2, with few rows at a time."""
    rows, columns, squares = [], x.new_zeros(len(y)), x.new_zeros(())
    for part in x.split(ROWS):
        k = (part @ y.T).pow_(3)
        rows.append(k.sum(1))
        columns += k.sum(0)
        squares += torch.dot(k.view(-1), k.view(-1))
    return torch.cat(rows), columns, squares


def _interval(value: float, error: float) -> Interval:
    reach = NormalDist().inv_cdf(0.5 + LEVEL / 2) * error
    return Interval(value - reach, value + reach)


def _pair(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    same_width(checked(real), checked(fake))
    return real.detach(), fake.detach()


def _check_subsets(reals: int, fakes: int, subsets: int, size: int) -> None:
    if size < 2 or subsets < 1:
        raise ValueError(f"expected subsets of 2 features or more, got {subsets} of {size}")
    if min(reals, fakes) < size:
        raise ValueError(
            f"expected at least {size} reals and fakes for subsets of {size}, "
            f"got {reals} and {fakes}"
        )


def _some(features: Tensor, size: int, draw: torch.Generator) -> Tensor:
    return features[torch.randperm(len(features), generator=draw)[:size]]
