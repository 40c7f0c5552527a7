"""Is a generator fair? How often an attribute comes, judged through a classifier that errs."""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..randomness import mix
from .bootstrap import LEVEL

RARE = 20
"""Samples of a value, as many as are expected, below which the test is simulated."""
SIMULATIONS, TOGETHER = 50_000, 1_000


class Judged(NamedTuple):
    """What a classifier saw in samples, and what it sees in reals whose value is known."""

    counts: Tensor  # [K] samples in which it saw each value
    confusion: Tensor  # [K, K] held-out reals: rows are the truth, columns what it saw


class Shares(NamedTuple):
    """Shares of K values, and how uncertain they are."""

    shares: Tensor  # float64 [K], sums to 1
    covariance: Tensor  # float64 [K, K]
    intervals: Tensor  # float64 [K, 2]; all K hold at once, with the confidence asked for


class Test(NamedTuple):
    """A test of the hypothesis that nothing is wrong."""

    statistic: float
    p_value: float  # how often a statistic as large comes by chance


def counted(values: Tensor, names: int) -> Tensor:
    """How often each of the values 0 to `names` - 1 comes: float64 [K]."""
    return torch.bincount(values, minlength=names).double()


def confused(truth: Tensor, seen: Tensor, names: int) -> Tensor:
    """How often `truth` k was seen as j: float64 [K, K]."""
    return counted(truth * names + seen, names**2).view(names, names)


def wilson(counts: Tensor, level: float = LEVEL) -> Tensor:
    """Intervals [K, 2] of the shares of K values, which hold all at once (Bonferroni).

    (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)
    (Wilson 1927, Journal of the American Statistical Association 22).

    Arguments:
        counts: [K], of n independent draws.
    """
    n, z = counts.sum().double(), _quantile(level, len(counts))
    p = counts.double() / n
    centre = p + z**2 / (2 * n)
    reach = z * (p * (1 - p) / n + z**2 / (4 * n**2)).sqrt()
    return torch.stack([centre - reach, centre + reach], 1).div(1 + z**2 / n).clamp(0, 1)


def discrepancy(p: Tensor, q: Tensor) -> float:
    """|| p - q ||_2 of two laws [K] (Choi et al. 2020, arXiv:1910.12008).

    All samples of one value against the uniform law give sqrt(1 - 1 / K).
    """
    return (p.double() - q.double()).norm().item()


def discrepancy_noise(law: Tensor, n: float) -> float:
    """E || p - law ||_2^2 for the shares p of n draws from `law` [K]: (1 - sum law^2) / n."""
    return (1 - law.double().square().sum().item()) / n


def corrected(judged: Judged, level: float = LEVEL) -> Shares:
    """What the shares of the values are, when a classifier saw `counts` and errs as it does.

    p = C^-T p_seen, with C the classifier's law of what it sees given the truth (Rogan and Gladen
    1978, American Journal of Epidemiology 107, for two values). To first order,

        cov p = C^-T (cov p_seen + sum_k p_k^2 cov C_k) C^-1,

    the second term because C is an estimate from held-out reals. It presumes that the classifier
    errs on samples as it does on reals.

    Raises:
        ValueError: A value without held-out reals, or a classifier that tells nothing.
    """
    _check(judged)
    n, rows = judged.counts.sum(), judged.confusion.sum(1, keepdim=True)
    errs = judged.confusion / rows
    if torch.linalg.svdvals(errs)[-1] < 1e-6:
        raise ValueError("expected a classifier that tells the values apart, got one that cannot")
    back = errs.T.inverse()
    shares = back @ (judged.counts / n)
    seen = _smooth(judged.counts)
    noise = _multinomial(seen) / n + _confusion_noise(judged.confusion, shares)
    covariance = back @ noise @ back.T
    reach = _quantile(level, len(shares)) * covariance.diagonal().sqrt()
    return Shares(shares, covariance, torch.stack([shares - reach, shares + reach], 1))


def same_law(judged: Judged, law: Tensor, reals: float = math.inf, seed: int = 0) -> Test:
    """Tests whether samples follow `law`, though a classifier that errs has judged them.

    What it sees in samples, p, is compared with what it would see if they followed the law q,
    C^T q. Nothing is inverted, so a poor classifier finds less and accuses no more:

        (p - C^T q)^T V^-1 (p - C^T q) ~ chi^2 with K - 1 degrees of freedom,
        V = cov p + sum_k q_k^2 cov C_k + C^T cov q C.

    V holds the noise of the samples, of C, and of q. Each count in V is one more than it is: of
    errors that were never seen in n reals, some 1 / n may still happen. Where fewer than 20
    samples of a value are expected, chi^2 gives way to simulated audits of a fair generator.

    Arguments:
        law: q, float [K].
        reals: From how many reals q was estimated; without, q is known.
        seed: Of the simulation.

    Raises:
        ValueError: Fewer than two values, or one without held-out reals.
    """
    _check(judged)
    law = law.double()
    statistic = wald(judged.counts, judged.confusion, law, reals).item()
    expected = judged.counts.sum() * (judged.confusion / judged.confusion.sum(1, keepdim=True)).T
    if (expected @ law).min() < RARE:
        return Test(statistic, _simulated(judged, law, reals, statistic, seed))
    return Test(statistic, chi_square_tail(statistic, len(law) - 1))


def chi_square_tail(statistic: float, freedom: int) -> float:
    """How often chi^2 with so many degrees of freedom is at least as large."""
    half = torch.tensor([freedom / 2, statistic / 2], dtype=torch.float64)
    return torch.special.gammaincc(half[0], half[1]).item()


def wald(counts: Tensor, confusion: Tensor, law: Tensor, reals: float) -> Tensor:
    """The statistic of `same_law` for one audit or for many.

    Arguments:
        counts: [..., K], and `confusion` [..., K, K], as in `Judged`.
        law: [..., K], estimated from so many `reals`.
    """
    n, rows = counts.sum(-1, keepdim=True), confusion.sum(-1, keepdim=True)
    expected = torch.einsum("...kj,...k->...j", confusion / rows, law)
    errs, known = _smooth(confusion), law if math.isinf(reals) else _smooth(law * reals)
    seen = torch.einsum("...kj,...k->...j", errs, known)
    noise = _multinomial(seen) / n[..., None] + _confusion_noise(confusion, known)
    noise = noise + errs.mT @ _multinomial(known) @ errs / reals
    gap = (counts / n - expected)[..., :-1]  # the last follows from the others
    return (gap * torch.linalg.solve(noise[..., :-1, :-1], gap)).sum(-1)


def _simulated(judged: Judged, law: Tensor, reals: float, statistic: float, seed: int) -> float:
    """How often audits of a generator that follows the law give a statistic at least as large."""
    draw = np.random.default_rng(mix(seed))
    rows = judged.confusion.sum(1)
    errs = judged.confusion / rows[:, None]
    truth = law if math.isinf(reals) else _smooth(law * reals)

    def drawn(count: float, p: Tensor) -> Tensor:
        p = p.clamp_min(0) / p.sum()
        return torch.from_numpy(draw.multinomial(int(count), p.numpy(), TOGETHER)).double()

    larger = 0
    for _ in range(SIMULATIONS // TOGETHER):
        counts = drawn(judged.counts.sum().item(), errs.T @ truth)
        confusion = torch.stack([drawn(r.item(), e) for r, e in zip(rows, errs, strict=True)], 1)
        laws = truth.expand_as(counts) if math.isinf(reals) else drawn(reals, truth) / reals
        found = wald(counts, confusion, laws, reals)
        larger += int((found >= statistic * (1 - 1e-9)).sum())
    return (1 + larger) / (1 + SIMULATIONS)


def _smooth(counts: Tensor) -> Tensor:
    """Shares of counts [..., K], each one more than it is."""
    return (counts + 1) / (counts + 1).sum(-1, keepdim=True)


def _multinomial(p: Tensor) -> Tensor:
    """The covariance of one draw from p: [..., K] to [..., K, K]."""
    return torch.diag_embed(p) - p[..., :, None] * p[..., None, :]


def _confusion_noise(confusion: Tensor, shares: Tensor) -> Tensor:
    """sum_k shares_k^2 cov C_k: [..., K, K], [..., K] to [..., K, K]."""
    errs, weight = _smooth(confusion), shares.square() / confusion.sum(-1)
    seen = torch.einsum("...kj,...k->...j", errs, weight)
    return torch.diag_embed(seen) - errs.mT @ (weight[..., None] * errs)


def _quantile(level: float, count: int) -> float:
    return NormalDist().inv_cdf(1 - (1 - level) / (2 * count))


def _check(judged: Judged) -> None:
    k = len(judged.counts)
    if k < 2 or judged.confusion.shape != (k, k) or not judged.counts.sum():
        raise ValueError(
            f"expected samples of at least 2 values and a square table of their confusion, got "
            f"{judged.counts.tolist()} and {list(judged.confusion.shape)}"
        )
    if not (judged.confusion.sum(1) > 0).all():
        raise ValueError(f"expected held-out reals of each value, got {judged.confusion.tolist()}")
