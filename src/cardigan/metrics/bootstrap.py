"""How far a figure would move if other samples had been drawn."""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import NamedTuple

import torch
from torch import Tensor

from ..randomness import generator

LEVEL = 0.95


class Interval(NamedTuple):
    """Where a figure lies with confidence `LEVEL`, as far as the draw of the samples goes."""

    low: float
    high: float


def bootstrap(
    statistic: Callable[[Tensor], float],
    n: int,
    times: int = 200,
    seed: int = 0,
    level: float = LEVEL,
) -> Interval:
    """The interval of a statistic of `n` items, from draws of the items with replacement.

    value +- q, with q the quantile of |resampled - mean of resampled|. A resample knows fewer
    distinct items than the sample does, so figures whose bias falls with the count (a Fréchet
    distance) come out too large in every resample: what is read off is their spread alone
    (Efron and Tibshirani 1993, chapters 10 and 13).

    Arguments:
        statistic: Takes how often each item was drawn, float64 [n], which sums to n.
        times: Resamples.
        seed: Of the draws; the global random state is neither read nor changed.
    """
    draw = generator(seed)
    values = torch.tensor([statistic(_counts(n, draw)) for _ in range(times)], dtype=torch.float64)
    reach = (values - values.mean()).abs().quantile(level).item()
    value = statistic(torch.ones(n, dtype=torch.float64))
    return Interval(value - reach, value + reach)


def mean_interval(values: Tensor, level: float = LEVEL) -> Interval:
    """The interval of a mean of values [N], N at least 2, by the central limit theorem."""
    values = values.double()
    quantile = NormalDist().inv_cdf(0.5 + level / 2)
    reach = quantile * values.std().item() / math.sqrt(len(values))
    mean = values.mean().item()
    return Interval(mean - reach, mean + reach)


def _counts(n: int, draw: torch.Generator) -> Tensor:
    drawn = torch.randint(n, (n,), generator=draw)
    return torch.bincount(drawn, minlength=n).double()
