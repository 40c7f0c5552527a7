"""What a change of pictures changes: how often it flips its attribute, and how often others."""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from .attributes import Classifier
from .bootstrap import Interval
from .classes import share_interval


class Flips(NamedTuple):
    """Of N pictures, before and after a change."""

    share: float  # in which a classifier sees another value of the attribute
    interval: Interval


class Aim(NamedTuple):
    """What a change does most, and what it does beside."""

    attribute: str
    own: float  # share of pictures in which that attribute flips
    others: float | None  # the same of every other attribute, on average, if there is any
    worst: float | None  # of the other that flips most


def flips(before: Tensor, after: Tensor, judges: Mapping[str, Classifier]) -> dict[str, Flips]:
    """By attribute, how often the value that is seen in pictures changes.

    Classifiers err: what they flip between two looks at unlike pictures is no more than an upper
    bound of what truly changed. Compare with changes of the same size that nobody chose.

    Arguments:
        before: uint8 [N, C, H, W].
        after: The same pictures, changed.
        judges: A classifier for each attribute.
    """
    found = {}
    for name, judge in judges.items():
        share = (judge(before).argmax(1) != judge(after).argmax(1)).double().mean().item()
        found[name] = Flips(share, share_interval(share, len(before)))
    return found


def aim(found: Mapping[str, Flips]) -> Aim:
    """The attribute that flips most often, beside the others."""
    shares = {name: flipped.share for name, flipped in found.items()}
    name = max(shares, key=lambda n: shares[n])
    rest = [share for other, share in shares.items() if other != name]
    if not rest:
        return Aim(name, shares[name], None, None)
    return Aim(name, shares[name], sum(rest) / len(rest), max(rest))
