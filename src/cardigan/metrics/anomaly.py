"""Anomaly scores by what a generator of normal images cannot draw, and how well a score tells."""

from statistics import NormalDist
from typing import NamedTuple

import torch
from torch import Tensor

from .bootstrap import LEVEL, Interval


class Area(NamedTuple):
    """The area under a ROC curve."""

    value: float  # the chance that an anomaly scores higher than what is normal; ties count half
    interval: Interval


# A = (1 - lambda) sum |x - G(z)| + lambda sum |f(x) - f(G(z))|
def anogan_score(
    images: Tensor,
    rebuilt: Tensor,
    features: Tensor,
    features_rebuilt: Tensor,
    weight: float = 0.1,
) -> Tensor:
    """AnoGAN's score of images [N, ...] in [-1, 1] beside the nearest samples: [N].

    Schlegl et al. 2017, arXiv:1703.05921. Scores compare only if as many steps led to the samples.

    Arguments:
        features: [N, ...], of an inner layer of the discriminator.
        weight: lambda, of the features.
    """
    residual = (images - rebuilt).abs().flatten(1).sum(1)
    discrimination = (features - features_rebuilt).abs().flatten(1).sum(1)
    return (1 - weight) * residual + weight * discrimination


# The mean over pairs of [anomaly > normal] + [anomaly = normal] / 2
def auroc(normal: Tensor, anomalies: Tensor) -> Area:
    """The area under the ROC curve of scores [n] of normal images and [m] of anomalies.

    The interval is DeLong's (DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44).

    Raises:
        ValueError: Fewer than two scores of a kind, or some that are no numbers.
    """
    both = normal.double(), anomalies.double()
    if min(map(len, both)) < 2 or not torch.cat(both).isfinite().all():
        raise ValueError(
            f"expected two finite scores or more of each kind, got {len(normal)} and "
            f"{len(anomalies)}"
        )
    below, above = _shares_below(both[1], both[0]), 1 - _shares_below(both[0], both[1])
    value = below.mean().item()
    spread = (below.var() / len(below) + above.var() / len(above)).sqrt().item()
    reach = NormalDist().inv_cdf(0.5 + LEVEL / 2) * spread
    return Area(value, Interval(max(0.0, value - reach), min(1.0, value + reach)))


def _shares_below(scores: Tensor, others: Tensor) -> Tensor:
    """Of each score, which share of the others lies below it; equal ones count half."""
    ordered = others.sort().values
    ranks = [torch.searchsorted(ordered, scores, right=side) for side in (False, True)]
    return (ranks[0] + ranks[1]) / (2 * len(others))
