"""Does a classifier treat groups alike? Rates within each group, and the gaps between groups.

All start from a table of how often, in group a, truth k was predicted as j: float64 [A, K, K].
Each class in turn is the one that is wished for, so rates are [A, K] and gaps [K]. A rate of
nobody is NaN, and so is a gap in which it counts: nothing is known about it.
"""

import torch
from torch import Tensor


def table(
    group: Tensor,
    truth: Tensor,
    predicted: Tensor,
    groups: int,
    classes: int,
    weight: Tensor | None = None,
) -> Tensor:
    """Counts [A, K, K] from three int64 [N].

    Arguments:
        weight: How often each of the N counts, [N]; without, once.
    """
    cell = (group * classes + truth) * classes + predicted
    counts = torch.bincount(cell, weights=weight, minlength=groups * classes**2)
    return counts.double().view(groups, classes, classes)


def selection_rate(counts: Tensor) -> Tensor:
    """P(prediction = k | group): [A, K]."""
    return counts.sum(1) / counts.sum((1, 2))[:, None]


def true_positive_rate(counts: Tensor) -> Tensor:
    """P(prediction = k | truth = k, group): [A, K]."""
    return _hits(counts) / counts.sum(2)


def false_positive_rate(counts: Tensor) -> Tensor:
    """P(prediction = k | truth is another, group): [A, K]."""
    others = counts.sum((1, 2))[:, None] - counts.sum(2)
    return (counts.sum(1) - _hits(counts)) / others


def gap(rates: Tensor) -> Tensor:
    """The largest rate of a group less the smallest: [A, K] to [K]."""
    return rates.amax(0) - rates.amin(0)


def demographic_parity_difference(counts: Tensor) -> Tensor:
    """The gap between selection rates: [K].

    A perfect classifier has the gap that the base rates have.
    """
    return gap(selection_rate(counts))


def demographic_parity_ratio(counts: Tensor) -> Tensor:
    """The smallest selection rate over the largest: [K]; 1 is parity."""
    rates = selection_rate(counts)
    return rates.amin(0) / rates.amax(0)


def equalised_odds_difference(counts: Tensor) -> Tensor:
    """The larger of the gaps between true and between false positive rates: [K].

    Hardt, Price and Srebro 2016, arXiv:1610.02413, definition 2.1; 0 for a perfect classifier.
    """
    return torch.maximum(gap(true_positive_rate(counts)), gap(false_positive_rate(counts)))


def equal_opportunity_difference(counts: Tensor) -> Tensor:
    """The gap between true positive rates: [K] (the same paper, definition 2.2)."""
    return gap(true_positive_rate(counts))


def _hits(counts: Tensor) -> Tensor:
    return counts.diagonal(dim1=1, dim2=2)
