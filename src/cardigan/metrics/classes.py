"""What a classifier makes of the samples: are they clear, and is every class there?"""

import torch
from torch import Tensor


def classifier_score(probabilities: Tensor) -> float:
    """exp(E KL(p(y|x) || p(y))): 1 where all look alike, K where each of K classes is clear.

    Salimans et al. 2016, arXiv:1606.03498, section 4, with our classifier in Inception's place
    and in one split. It never looks at the data: one clear picture a class scores K.

    Arguments:
        probabilities: [N, K], rows sum to 1.
    """
    p = probabilities.double()
    return divergence(p, p.mean(0)).mean().exp().item()


def class_shares(probabilities: Tensor) -> Tensor:
    """The share of samples whose likeliest class is k: [K]."""
    count = probabilities.shape[1]
    return torch.bincount(probabilities.argmax(1), minlength=count).double() / len(probabilities)


def law(labels: Tensor, classes: int) -> Tensor:
    """The share of each class in the data: [K].

    Each class is counted once more than it is there, so that a divergence from the law is finite.
    """
    counts = torch.bincount(labels, minlength=classes).double() + 1
    return counts / counts.sum()


def divergence(p: Tensor, q: Tensor) -> Tensor:
    """KL(p || q) in nats over the last dimension: [..., K] to [...]; 0 log 0 is 0.

    The divergence of a histogram of n draws from its own law is about (K - 1) / (2 n).
    """
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(-1)
