"""Players that run round each other."""

import torch
from torch import Tensor

from .evidence import Evidence
from .finding import Finding, Severity
from .series import resistance

FOOLED, AHEAD = 1.3, 0.4
"""Of the loss of a discriminator that tells nothing: it errs more than by chance; it is ahead."""
TURNS = 4
"""Changes between the two within the second half of the log; a few come by chance."""


def oscillation(evidence: Evidence) -> Finding | None:
    """The players overtake each other again and again."""
    shares = resistance(evidence)
    if shares is None:
        return None
    begun = len(shares) // 2
    count = turns(shares[begun:])
    if count < TURNS:
        return None
    late = shares[begun:]
    return Finding(
        "oscillation",
        Severity.WARNING,
        "The players overtake each other again and again, and neither keeps what it learns.",
        (
            f"in the second half of the log the discriminator changed {count} times between "
            f"being ahead (a loss below {AHEAD:g} of a silent one's) and being fooled (above "
            f"{FOOLED:g}); its loss went from {late.min():.2g} to {late.max():.2g}",
        ),
        {"turns": count},
        (
            "lower both learning rates, by a factor of 3 to 10 (--lr)",
            "lower Adam's momentum (--beta1 0.5, or 0)",
            "sample from an average of the weights (--ema_halflife 10000)",
        ),
        int(evidence.log.seen[begun]),
    )


def turns(shares: Tensor) -> int:
    """How often the sides change between ahead and fooled; what lies between is passed over."""
    sides = torch.where(shares > FOOLED, 1, torch.where(shares < AHEAD, -1, 0))
    sides = sides[sides != 0]
    return int((sides[1:] != sides[:-1]).sum())
