"""Classes that are in the data and not in the samples."""

import torch
from torch import Tensor

from .evidence import Evidence
from .finding import Finding, Severity
from .neighbours import covered

LOST = 0.3
"""Of the median class's coverage: a class below it is as good as lost."""
ENOUGH = 30
"""Reals of a class; fewer could lie far from all samples by chance."""
SEEN = 0.3
"""Coverage of the median class below which samples are too far from the data to tell classes."""


def lost_classes(evidence: Evidence) -> Finding | None:
    """Reals of a class have no sample near them, while those of other classes have.

    The share of reals with a sample as near as their fifth nearest real is the coverage of Naeem
    et al. 2020, arXiv:2002.09797, here of each class and in pixels. A classifier would do worse:
    it is sure of itself on early samples, and calls most of them by one name.
    """
    samples, reals = evidence.samples, evidence.reals
    if samples is None or reals is None or reals.labels is None or len(evidence.classes) < 3:
        return None
    shares = coverage(reals.images, samples.images, reals.labels, len(evidence.classes))
    enough = torch.bincount(reals.labels, minlength=len(evidence.classes)) >= ENOUGH
    if not enough.any():
        return None
    usual = shares[enough].median().item()
    lost = (enough & (shares < LOST * usual)).nonzero().flatten().tolist()
    if usual < SEEN or not lost:
        return None
    return Finding(
        "lost-classes",
        Severity.WARNING,
        f"Samples lack {_and([evidence.classes[k] for k in lost])}.",
        tuple(_told(evidence, k, shares[k].item(), usual) for k in lost),
        {f"coverage of {evidence.classes[k]}": shares[k].item() for k in lost}
        | {"coverage of the median class": usual},
        _advice(evidence, lost),
    )


def coverage(reals: Tensor, samples: Tensor, labels: Tensor, classes: int) -> Tensor:
    """The share of each class's reals that have a sample near them: [K]; NaN without reals."""
    near = covered(reals.flatten(1).double(), samples.flatten(1).double()).double()
    counts = torch.bincount(labels, minlength=classes)
    return torch.bincount(labels, weights=near, minlength=classes) / counts


def _told(evidence: Evidence, k: int, share: float, usual: float) -> str:
    told = (
        f"{evidence.classes[k]}: {share:.1%} of its real pictures have a sample near them, "
        f"{usual:.1%} of those of the median class"
    )
    data = evidence.trained
    return told if data is None else f"{told}; it makes up {data[k]:.1%} of the training data"


def _advice(evidence: Evidence, lost: list[int]) -> tuple[str, ...]:
    data = evidence.trained
    missing = [] if data is None else [evidence.classes[k] for k in lost if data[k] == 0]
    return (
        *([f"look at the training data: they lack {_and(missing)}"] if missing else []),
        "train longer: rare and hard classes come late",
        "lower the generator's learning rate, or let the discriminator move more often",
    )


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
