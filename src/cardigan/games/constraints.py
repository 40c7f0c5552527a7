"""What is done to a discriminator's network after each of its moves."""

from collections.abc import Callable

import torch
from torch import nn

Constraint = Callable[[nn.Module], None]


def free(net: nn.Module) -> None:
    """Lets the discriminator have any weights."""


def clip(bound: float) -> Constraint:
    """Keeps every weight within `bound` of zero (Arjovsky et al. 2017, arXiv:1701.07875)."""

    @torch.no_grad()
    def constrain(net: nn.Module) -> None:
        weights = [p.detach() for p in net.parameters()]
        torch._foreach_clamp_min_(weights, -bound)
        torch._foreach_clamp_max_(weights, bound)

    return constrain
