"""Is every sample like the data, and are all data like a sample? Balls round points tell."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ..randomness import generator
from .bootstrap import Interval
from .classes import share_interval
from .nearest import (
    CELLS,
    Block,
    Bounds,
    Frame,
    block,
    bounds,
    frame,
    radii,
    slices,
    squared_distances,
)


class Manifold(NamedTuple):
    """A ball around each point, out to the k-th nearest of the other points."""

    points: Tensor  # [N, D]
    radii: Tensor  # float64 [N]
    k: int


class Overlap(NamedTuple):
    """How N reals and M samples lie in each other's balls: four figures, and each item's part."""

    precision: float  # share of samples in a ball of some real
    recall: float  # share of reals in a ball of some sample
    density: float  # balls of reals around a sample, on average, over k
    coverage: float  # share of reals with a sample in their ball
    balls: Tensor  # int64 [M]: balls of reals around each sample
    recalled: Tensor  # bool [N]
    covered: Tensor  # bool [N]
    alone: Tensor  # int64 [M]: reals in whose balls each sample is the only one
    k: int


def manifold(points: Tensor, k: int = 5) -> Manifold:
    """Balls around points [N, D], N above k.

    Raises:
        ValueError: Not [N, D], not finite, or no more than k points.
    """
    return Manifold(points, radii(points, k), k)


def overlap(real: Manifold, fake: Manifold) -> Overlap:
    """Precision and recall, density and coverage, from one look at all pairs.

    precision = 1/M sum_j [some i: |x_i - q_j| < r(x_i)],  recall the same the other way round
    (Kynkäänniemi et al. 2019, arXiv:1904.06991, equation 1), and

    density = 1/(k M) sum_j #{i: |x_i - q_j| < r(x_i)},
    coverage = 1/N sum_i [some j: |x_i - q_j| < r(x_i)]
    (Naeem et al. 2020, arXiv:2002.09797, equations 3 and 4).

    `<` is strict, as in the package of the second paper's authors, and ties are ties to the bit:
    a set and its copy have density = coverage = 1, and points that are all alike have balls that
    hold nothing. Precision and recall
    are commonly taken at k = 3, density and coverage at 5, all at N = M. Two samples of one law
    have a density of 1 and a coverage of `expected_coverage`, but precision and recall below 1.

    Raises:
        ValueError: Points of unlike dimensions, or unlike k.
    """
    seen = frame(real.points, fake.points)
    if real.k != fake.k:
        raise ValueError(f"expected manifolds of one k, got {real.k} and {fake.k}")
    n, m = len(real.points), len(fake.points)
    balls = torch.zeros(m, dtype=torch.int64)
    held, last = torch.zeros(n, dtype=torch.int64), torch.zeros(n, dtype=torch.int64)
    recalled = torch.zeros(n, dtype=torch.bool)
    others = list(_parts(fake, seen))
    for x in _parts(real, seen):
        for y in others:
            in_x, in_y = _inside(x, y, seen)
            balls[y.rows] += in_x.sum(0)
            held[x.rows] += in_x.sum(1)
            some = in_x.any(1)
            last[x.rows][some] = y.rows.start + in_x[some].byte().argmax(1)
            recalled[x.rows] |= in_y.any(1)
    covered, alone = held > 0, torch.bincount(last[held == 1], minlength=m)
    precision, recall, density, coverage = (
        values.double().mean().item()
        for values in (balls > 0, recalled, balls.double() / real.k, covered)
    )
    shares = precision, recall, density, coverage
    return Overlap(*shares, balls, recalled, covered, alone, real.k)


def recall_interval(
    real: Manifold, samples: Tensor, recall: float, seed: int = 0, times: int = 24
) -> Interval:
    """Where recall lies if other samples [M, D] had been drawn, beside the same reals.

    A sample moves the balls of others, and a ball holds many reals: their recalls hang together.
    So recall is taken of random halves of the samples, whose spread is that of the whole: the
    jackknife that deletes half (Shao and Wu 1989, Annals of Statistics 17: 1176-1197). The
    interval is Wilson's for as many independent reals as would spread alike (Kish 1965).

    Arguments:
        recall: Of all samples.
        seed: Of the halves; the global random state is neither read nor changed.
        times: Halves.
    """
    draw, half = generator(seed), len(samples) // 2
    if half <= real.k:
        return Interval(0.0, 1.0)  # so few bound nothing
    halves = (samples[torch.randperm(len(samples), generator=draw)[:half]] for _ in range(times))
    found = [overlap(real, manifold(some, real.k)).recall for some in halves]
    spread = torch.tensor(found, dtype=torch.float64).std().item()
    return _share_interval(recall, len(real.points), spread)


# var = (M - 1) / M sum_j (c_j - mean c)^2,  c_j = alone_j / N: what coverage loses without j
def coverage_interval(found: Overlap) -> Interval:
    """Where coverage lies if other samples had been drawn, beside the same reals.

    A sample covers several reals at once, so these hang together: the spread is the jackknife's
    over samples, which errs to the wide side (Efron and Stein 1981, Annals of Statistics 9:
    586-596). The interval is Wilson's for as many independent reals as would spread alike.
    """
    lost = found.alone.double() / len(found.covered)
    spread = math.sqrt(len(lost) - 1) * lost.std(correction=0).item()
    return _share_interval(found.coverage, len(found.covered), spread)


def _share_interval(share: float, count: int, spread: float) -> Interval:
    """Of a share of `count` that hang together, whose standard error is `spread`."""
    alone = share * (1 - share) / count  # the variance, if they did not
    fewer = alone / max(alone, spread**2) if alone else 1.0
    return share_interval(share, max(1.0, count * fewer))


def expected_coverage(n: int, m: int, k: int = 5) -> float:
    """The coverage of n reals by m samples of the same law: 1 - prod_{i=1..k} (n - i)/(n + m - i).

    Which of the others of both kinds are nearest is a draw without replacement; none of the k
    nearest may be a sample (Naeem et al. 2020, arXiv:2002.09797, lemma 2).
    """
    missed = 1.0
    for i in range(1, k + 1):
        missed *= (n - i) / (n + m - i)
    return 1 - missed


def realism(real: Manifold, samples: Tensor) -> Tensor:
    """max_i r(x_i) / |x_i - q_j| over reals x_i whose balls are no larger than the median: [M].

    Above 1 within some ball; infinite on a real itself. Large balls stand where there are few
    reals, and say little (Kynkäänniemi et al. 2019, arXiv:1904.06991, equation 3).

    Arguments:
        samples: [M, D].
    """
    small = real.radii <= real.radii.quantile(0.5)
    points, limits = real.points[small], real.radii[small]
    seen = frame(points, samples)
    balls = [block(points[rows], seen, torch.float64) for rows in slices(points)]
    parts = []
    for rows in slices(samples):
        x, ratios = block(samples[rows], seen, torch.float64), []
        for columns, y in zip(slices(points), balls, strict=True):
            ratios.append(_realism(x, y, limits[columns]))
        parts.append(torch.stack(ratios).amax(0))
    return torch.cat(parts)


def _realism(x: Block, y: Block, limits: Tensor) -> Tensor:
    """The ratio of the ball that fits best, with its distance from the differences."""
    found = bounds(x, y)
    squares = (found.low + found.x[:, None] + found.y).clamp(min=torch.finfo(torch.float64).tiny)
    best = (limits.square() / squares).argmax(1)
    distances = squared_distances(x.points, y.points[best]).sqrt()
    return torch.where(distances > 0, limits[best] / distances, torch.inf)


class _Part(NamedTuple):
    """Some balls of a manifold."""

    rows: slice
    points: Tensor  # [n, D]
    radii: Tensor  # float64 [n]
    quick: Block


def _parts(balls: Manifold, seen: Frame) -> Iterator[_Part]:
    for rows in slices(balls.points):
        points = balls.points[rows]
        yield _Part(rows, points, balls.radii[rows], block(points, seen))


def _inside(x: _Part, y: _Part, seen: Frame) -> Tensor:
    """Whether each y lies in the ball of x, and each x in that of y: bool [2, n, m].

    By bounds in float32; where these leave a row open, in float64; and then from differences.
    """
    inside, open_ = _bounded(bounds(x.quick, y.quick), x.radii, y.radii)
    rows = open_.any(1)
    if rows.any():
        again = (block(part, seen, torch.float64) for part in (x.points[rows], y.points))
        better, open_ = _bounded(bounds(*again), x.radii[rows], y.radii)
        inside[:, rows] = _settled(better, open_, x.points[rows], x.radii[rows], y)
    return inside


def _bounded(found: Bounds, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """What is surely inside radii [n] and [m], and the pairs that are left open, [n, m]."""
    radii = x[:, None], y
    limits = [r.square().to(found.low.dtype) for r in radii]
    possible = [(found.low < limit) & (r > 0) for r, limit in zip(radii, limits, strict=True)]
    high = found.low.add_(2 * found.y).add_(2 * found.x[:, None])
    inside = torch.stack([high < limit for limit in limits])
    return inside, (possible[0] ^ inside[0]) | (possible[1] ^ inside[1])


def _settled(inside: Tensor, open_: Tensor, points: Tensor, radii: Tensor, y: _Part) -> Tensor:
    """Decides the pairs that are left open as the radii were computed, so that ties are ties."""
    step = max(1, CELLS // points.shape[1])
    for i, j in (pairs.unbind(1) for pairs in open_.nonzero().split(step)):
        far = squared_distances(points[i], y.points[j]).sqrt()
        inside[0, i, j], inside[1, i, j] = far < radii[i], far < y.radii[j]
    return inside
