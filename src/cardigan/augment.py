"""What a discriminator looks through: functions of samples and of the images seen.

A view is laid on everything that the discriminator judges, reals and fakes, in both players'
moves, and drawn anew each time. What is sampled never passes through one.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from .schedule import Schedule

View = Callable[[Tensor, int], Tensor]


def unchanged(x: Tensor, seen: int) -> Tensor:
    """Samples as they are."""
    return x


def instance_noise(std: Schedule) -> View:
    """x + s e, e ~ N(0, I), s mostly falling to 0: blurs both laws until they overlap.

    Sonderby et al. 2016, arXiv:1610.04490; Arjovsky and Bottou 2017, arXiv:1701.04862.
    """

    def view(x: Tensor, seen: int) -> Tensor:
        s = std(seen)
        return x + s * torch.randn_like(x) if s else x

    return view
