"""Does a generator hand out its training data? Samples beside what held-out reals would get.

No figure here says anything alone: a good sample lies near the training data, as held-out reals
do. So each is taken of both, against the same training data, and `verdict` asks one thing only:
do samples lie nearer to images that were trained on than to images that were not?
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from .manifold import Manifold, overlap
from .nearest import nearest

FALSE_ALARM = 0.001
"""How often a generator that copies nothing is called a copier, at most."""
STANDING_OUT = 0.1
"""The share of samples that are looked at once more, by themselves."""


class Evidence(NamedTuple):
    """Where the nearest reals of the samples lie, in one space."""

    share: float  # of samples that are nearer to a training image than to any held-out one
    expected: float  # the same, if it were all one to the generator which it was trained on
    spread: float  # its standard deviation then: large where few reals are nearest to many samples
    copied: float  # the share of copies that would explain it: (share - expected) / (1 - expected)
    p: float  # how likely as many or more are by chance; two tests in one
    least: float  # the smallest p that such a number of reals and samples allows


class Verdict(NamedTuple):
    """Whether a generator copies, as far as can be told."""

    copier: bool | None  # None: there are too few samples or held-out reals to call anyone one
    p: float  # that of all spaces together
    false_alarm: float  # a copier is called one if p is no larger
    evidence: dict[str, Evidence]  # by space


def verdict(
    spaces: Mapping[str, tuple[Tensor, Tensor, Tensor]], false_alarm: float = FALSE_ALARM
) -> Verdict:
    """Calls a generator a copier, or does not, from samples, training and held-out reals.

    To a generator that learnt the law and no picture, training and held-out reals are alike:
    which real is nearest to a sample has nothing to do with which pile the real lay in. So the
    null hypothesis is that the piles could be dealt anew; it holds as well for samples that are
    blurred, noisy, few in kind or all the same, which distances alone would take for copies.
    The p of the spaces are multiplied by their number (Bonferroni): whatever the generator, if it
    does not depend on the dealing it is called a copier with probability `false_alarm` at most.

    What that needs: held-out reals drawn like the training data, and not trained on.

    Arguments:
        spaces: By name, of one set of samples: samples [M, D], training [N, D], held-out [H, D].
    """
    evidence = {name: nearer_to_training(*sets) for name, sets in spaces.items()}
    p = min(1.0, len(evidence) * min(e.p for e in evidence.values()))
    least = len(evidence) * min(e.least for e in evidence.values())
    copier = None if p > false_alarm and least > false_alarm else p <= false_alarm
    return Verdict(copier, p, false_alarm, evidence)


def nearer_to_training(samples: Tensor, train: Tensor, held_out: Tensor) -> Evidence:
    """How many samples [M, D] lie nearer to training [N, D] than to held-out reals [H, D].

    Of N + H reals dealt at random, N are the training data: a sample's nearest real is one with
    probability N / (N + H). A real that is nearest to many samples is dealt once: the exact law
    of their sum is used, and dealing with replacement, which is the wider (Hoeffding 1963,
    theorem 4). Equally near counts as held-out. A second test looks at those samples alone whose
    nearest real stands out from the second nearest, where copies gather; which they are does not
    depend on the dealing. The smaller p counts, doubled.

    Raises:
        ValueError: Not points of one dimension, or none.
    """
    if min(len(train), len(held_out)) < 2:
        raise ValueError(
            f"expected at least 2 training and held-out reals, got {len(train)}, {len(held_out)}"
        )
    near, far = nearest(samples, train, 2), nearest(samples, held_out, 2)
    taken = near.distances[:, 0] < far.distances[:, 0]
    which = torch.where(taken, near.indices[:, 0], len(train) + far.indices[:, 0])
    expected = len(train) / (len(train) + len(held_out))
    closest = torch.cat([near.distances, far.distances], 1).sort(1).values
    some = _standing_out(closest[:, 0], closest[:, 1])
    both = [_dealt(which[rows], taken[rows], expected) for rows in (slice(None), some)]
    share = taken.double().mean().item()
    return Evidence(
        share=share,
        expected=expected,
        spread=_spread(which, expected),
        copied=(share - expected) / (1 - expected),
        p=min(1.0, 2 * min(p for p, _ in both)),
        least=2 * min(least for _, least in both),
    )


def authentic(samples: Tensor, train: Tensor) -> Tensor:
    """Whether each sample is further from its nearest training point than that is from its own.

    Alaa et al. 2022, arXiv:2102.08921; the share of samples is called authenticity.
    It is no half for perfect samples, but 1/3 on a line, and more in more dimensions, so give
    that of held-out reals beside.

    Arguments:
        samples: [M, D].
        train: [N, D], N at least 2.

    Returns bool [M].
    """
    near = nearest(samples, train)
    met, back = near.indices[:, 0].unique(return_inverse=True)
    own = nearest(train[met], train, exclude=met).distances[:, 0]
    return near.distances[:, 0] > own[back]


def duplicates(samples: Tensor, within: float = 0.0) -> int:
    """How many pairs of samples [M, D] are no further apart than that."""
    above = torch.tensor(within, dtype=torch.float64).nextafter(torch.tensor(math.inf).double())
    balls = Manifold(samples, above.expand(len(samples)), 1)
    return (int(overlap(balls, balls).balls.sum()) - len(samples)) // 2


def support(pairs: int, count: int) -> float:
    """How many pictures a generator can draw, if `pairs` of `count` samples are alike.

    Of s draws out of K equally likely pictures, s (s - 1) / (2 K) pairs are alike on average; a
    first one is as likely as not at s^2 = 2 ln 2 K = 1.39 K, the birthday test of Arora and Zhang
    2017, arXiv:1706.08224. Where some pictures are likelier than others, K is larger than what
    comes out. Infinite where no pair is alike.
    """
    return count * (count - 1) / (2 * pairs) if pairs else math.inf


def _standing_out(first: Tensor, second: Tensor) -> Tensor:
    """The samples whose nearest real is the nearest by far, against the second nearest."""
    ratio = torch.where(first > 0, first / second, 0.0)
    return ratio.topk(math.ceil(STANDING_OUT * len(ratio)), largest=False).indices


def _spread(which: Tensor, expected: float) -> float:
    """The standard deviation of the share, from the nearest real of each sample [M]."""
    hits = which.unique(return_counts=True)[1].double()
    return math.sqrt(expected * (1 - expected)) * hits.norm().item() / len(which)


def _dealt(which: Tensor, taken: Tensor, expected: float) -> tuple[float, float]:
    """The chance of as many samples whose nearest real was trained on, and the least there is.

    The sum of hits h_b of reals b, each trained on with probability q, has the characteristic
    function prod_b (1 - q + q exp(i t h_b)): one Fourier transform gives its law.

    Arguments:
        which: The nearest real of each sample, [M].
        taken: Whether it was trained on, [M].
    """
    hits = which.unique(return_counts=True)[1]
    kinds, reals = hits.unique(return_counts=True)
    turn = 2j * math.pi * torch.arange(len(which) + 1).double() / (len(which) + 1)
    wave = torch.ones_like(turn)
    for h, count in zip(kinds.tolist(), reals.tolist(), strict=True):
        wave *= (1 - expected + expected * torch.exp(h * turn)) ** count
    law = torch.fft.fft(wave).real / len(wave)
    least = expected ** len(hits)
    return max(law[int(taken.sum()) :].sum().item(), least), least
