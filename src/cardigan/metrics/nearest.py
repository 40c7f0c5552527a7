"""Which points lie nearest: sought in float32 by matrix products, decided in float64.

|x - y|^2 = |x|^2 + |y|^2 - 2 x.y is one matrix product, quick but rounded: equal points may come
out apart, and a copy nearer than its original. So products only give bounds, and whatever these
leave open is computed from the differences. Memory is O(block x N), never N x N.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

BLOCK = 2048  # points whose distances are held at once, to as many others,
NUMBERS = 1 << 24  # or fewer where they would hold more numbers than this
KEPT = 1 << 28  # numbers of a set up to which its blocks are kept once made
SPARE = 6  # candidates beyond k, whose order float32 may not know
CELLS = 1 << 18  # numbers that are subtracted at once, so that they stay in the cache


class Neighbours(NamedTuple):
    """The k nearest points of each of M queries, the nearest first."""

    distances: Tensor  # float64 [M, k]
    indices: Tensor  # int64 [M, k]


class Frame(NamedTuple):
    """Where sets of points are looked at from, and how finely at first."""

    middle: Tensor  # float64 [D]
    quick: torch.dtype


class Block(NamedTuple):
    """Some points, ready for products."""

    points: Tensor  # [n, D], about the middle of a frame
    norms: Tensor  # float64 [n], |x|^2
    doubt: Tensor  # float64 [n], a point's share in how wrong a squared distance may be


class Bounds(NamedTuple):
    """low <= |x - y|^2 <= low + 2 (x + y), whatever the rounding."""

    low: Tensor  # [n, m]
    x: Tensor  # [n]
    y: Tensor  # [m]


def nearest(
    queries: Tensor, points: Tensor, k: int = 1, exclude: Tensor | None = None
) -> Neighbours:
    """The k nearest of the points [N, D] to each of the queries [M, D], in Euclidean distance.

    Of points that are equally near, the first come first, as far as these are few.

    Arguments:
        exclude: int64 [M]: for each query, a point that is not counted (itself).

    Raises:
        ValueError: Not [M, D] and [N, D], not finite, or fewer than k points to choose from.
    """
    seen = frame(points, queries)
    choice = len(points) - (exclude is not None)
    if not 1 <= k <= choice:
        raise ValueError(f"expected k of 1 to {choice}, the points to choose from, got {k}")
    search = _Search(points, k, seen)
    parts = []
    for rows in slices(queries):
        without = None if exclude is None else exclude[rows]
        kept = search.candidates(queries[rows], without)
        parts.append(search.decided(queries[rows], without, kept))
    return Neighbours(*(torch.cat(column) for column in zip(*parts, strict=True)))


def radii(points: Tensor, k: int) -> Tensor:
    """The distance from each of the points [N, D] to the k-th nearest of the others: [N].

    Each pair is looked at once: the matrix of distances is symmetric.
    """
    seen = frame(points)
    if not 1 <= k < len(points):
        raise ValueError(f"expected k of 1 to {len(points) - 1}, got {k}: take more points")
    search, rows = _Search(points, k, seen), list(slices(points))
    kept = [_nothing(r.stop - r.start, k) for r in rows]
    for i in range(len(rows)):
        x = search.block(i)
        for j in range(i, len(rows)):
            low = bounds(x, search.block(j)).low
            if i == j:
                low.fill_diagonal_(torch.inf)
            kept[i] = _merged(kept[i], low, rows[j].start)
            if i != j:
                kept[j] = _merged(kept[j], low.T, rows[i].start)
    selves = torch.arange(len(points))
    parts = [
        search.decided(points[r], selves[r], near) for r, near in zip(rows, kept, strict=True)
    ]
    return torch.cat([part.distances[:, -1] for part in parts])


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """|x - y|^2 along the last dimension, in float64, to the bit the same for (y, x).

    The order of the sum depends on the length alone, never on how many are summed beside it.
    """
    s = (x.double() - y.double()).square()
    while (length := s.shape[-1]) > 1:
        half = length // 2
        pairs = s[..., :half] + s[..., half : 2 * half]
        s = torch.cat([pairs, s[..., 2 * half :]], -1) if length % 2 else pairs
    return s[..., 0]


def frame(*sets: Tensor) -> Frame:
    """A frame about the first set: far from the origin, products lose the differences.

    Raises:
        ValueError: Not points [N, D] of one dimension, or not finite.
    """
    first = sets[0]
    if any(s.dim() != 2 or s.shape[1] != first.shape[1] or not s.numel() for s in sets):
        shapes = " and ".join(str([*s.shape]) for s in sets)
        raise ValueError(f"expected points [N, D] of one D, and none empty, got {shapes}")
    reach = max(_reach(points) for points in sets)
    middle = first[:: max(1, len(first) // 1024)].double().mean(0)
    return Frame(middle, torch.float32 if reach < 1e15 else torch.float64)


def block(points: Tensor, seen: Frame, kind: torch.dtype | None = None) -> Block:
    """Points as seen from a frame; in its precision where no other is asked for.

    A product of D terms is wrong by at most D u |x| |y|, u = eps / 2, in any order of summation
    (Higham 2002, section 3.1); rounding the points and the norms adds a few u more.
    """
    kind = kind or seen.quick
    moved, info = points.double() - seen.middle, torch.finfo(kind)
    norms, length = torch.linalg.vecdot(moved, moved), moved.shape[1]
    return Block(moved.to(kind), norms, (length / 2 + 4) * info.eps * norms + length * info.tiny)


def bounds(x: Block, y: Block) -> Bounds:
    """Bounds of all distances between two blocks of one precision, by one product."""
    kind = x.points.dtype
    low = torch.addmm((y.norms - y.doubt).to(kind), x.points, y.points.T, alpha=-2)
    low += (x.norms - x.doubt).to(kind)[:, None]
    return Bounds(low, x.doubt.to(kind), y.doubt.to(kind))


def slices(points: Tensor) -> Iterator[slice]:
    """Rows of points [N, D], block by block."""
    n, step = len(points), min(BLOCK, max(1, NUMBERS // points.shape[1]))
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


class _Search:
    """The k nearest of these points, for whoever asks."""

    def __init__(self, points: Tensor, k: int, seen: Frame) -> None:
        self.points, self.k, self.seen = points, k, seen
        self.rows = list(slices(points))
        few = points.numel() <= KEPT
        self.blocks = [block(points[rows], seen) for rows in self.rows] if few else []

    def block(self, i: int, kind: torch.dtype | None = None) -> Block:
        """Some of the points."""
        if self.blocks and kind is None:
            return self.blocks[i]
        return block(self.points[self.rows[i]], self.seen, kind)

    def candidates(
        self, queries: Tensor, exclude: Tensor | None, kind: torch.dtype | None = None
    ) -> Neighbours:
        """The k + SPARE points whose squared distance is bounded lowest, and these bounds."""
        kept, x = _nothing(len(queries), self.k), block(queries, self.seen, kind)
        for i, rows in enumerate(self.rows):
            low = bounds(x, self.block(i, kind)).low
            if exclude is not None:
                here = (exclude >= rows.start) & (exclude < rows.stop)
                low[here, exclude[here] - rows.start] = torch.inf
            kept = _merged(kept, low, rows.start)
        return kept

    def decided(self, queries: Tensor, exclude: Tensor | None, kept: Neighbours) -> Neighbours:
        """The nearest of candidates; sought again in float64 where others may be as near."""
        found = _ranked(queries, self.points, self.k, kept)
        doubt = kept.distances.amax(1) < found.distances[:, -1].square()
        if doubt.any():
            without = None if exclude is None else exclude[doubt]
            again = self.candidates(queries[doubt], without, torch.float64)
            better = _ranked(queries[doubt], self.points, self.k, again)
            for old, new in zip(found, better, strict=True):
                old[doubt] = new
        return found


def _reach(points: Tensor) -> float:
    """The largest number there is; raises ValueError if one is none."""
    low, high = points.aminmax()  # which hand on what is not a number
    reach = max(abs(low.item()), abs(high.item()))
    if not reach < torch.inf:
        bad = int((~points.isfinite()).any(1).sum())
        raise ValueError(f"expected finite points, got {bad} of {len(points)} that are not")
    return reach


def _nothing(n: int, k: int) -> Neighbours:
    shape = n, k + SPARE
    none = torch.full(shape, torch.inf, dtype=torch.float64)
    return Neighbours(none, torch.zeros(shape, dtype=torch.int64))


def _merged(kept: Neighbours, low: Tensor, start: int) -> Neighbours:
    count = kept.indices.shape[1]
    new, where = low.topk(min(count, low.shape[1]), largest=False, sorted=False)
    values = torch.cat([kept.distances, new.double()], 1)
    indices = torch.cat([kept.indices, where + start], 1)
    best = values.topk(count, largest=False, sorted=False).indices
    return Neighbours(values.gather(1, best), indices.gather(1, best))


def _ranked(queries: Tensor, points: Tensor, k: int, kept: Neighbours) -> Neighbours:
    """The k nearest of the candidates, from the differences; the first of equals first."""
    indices, order = kept.indices.sort(1)
    absent = kept.distances.gather(1, order).isinf()
    step = max(1, CELLS // (indices.shape[1] * points.shape[1]))
    parts = [
        squared_distances(points[some], query[:, None])
        for some, query in zip(indices.split(step), queries.split(step), strict=True)
    ]
    squares = torch.cat(parts).masked_fill_(absent, torch.inf)
    near, best = squares.sort(dim=1, stable=True)
    return Neighbours(near[:, :k].sqrt(), indices.gather(1, best[:, :k]))
