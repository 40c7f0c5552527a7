"""What a discriminator looks through: functions of samples and of the images seen.

A view is laid on everything that the discriminator judges, reals and fakes, in both players'
moves, and drawn anew each time. What is sampled never passes through one.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from .schedule import Schedule

View = Callable[[Tensor, int], Tensor]
Augment = Callable[[Tensor, float | Tensor], Tensor]
"""Images [N, C, H, W] and a probability to images; at 0 they come back bit for bit."""
Follow = Callable[[Mapping[str, Tensor]], None]
Steering = Callable[[], Follow]
"""Asked before a discriminator's move; what it answers is given the move's log, after it."""


def unchanged(x: Tensor, seen: int) -> Tensor:
    """Samples as they are."""
    return x


def unsteered() -> Follow:
    """Whatever the discriminator says, nothing follows from it."""
    return _nothing


def instance_noise(std: Schedule) -> View:
    """x + s e, e ~ N(0, I), s mostly falling to 0: blurs both laws until they overlap.

    Sonderby et al. 2016, arXiv:1610.04490; Arjovsky and Bottou 2017, arXiv:1701.04862.
    """

    def view(x: Tensor, seen: int) -> Tensor:
        s = std(seen)
        return x + s * torch.randn_like(x) if s else x

    return view


def augmented(augment: Augment, probability: Schedule) -> View:
    """Images changed with a probability that is a function of the clock."""
    return lambda x, seen: augment(x, probability(seen))


class Through(nn.Module):
    """One view behind another; what either has to save is saved with the game."""

    def __init__(self, first: View, second: View) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x: Tensor, seen: int) -> Tensor:
        """Samples through both."""
        return self.second(self.first(x, seen), seen)


# Every `every` moves, over which r_t is averaged:
#   r_t = E sign C(x),     p <- p + sign(r_t - target) images / speed,   within [0, 1]
class Adaptive(nn.Module):
    """A view whose probability follows how sure the discriminator is of reals (ADA).

    Sure of more than a share of them, it is learning them by heart. Karras et al. 2020,
    arXiv:2006.06676, section 3.1. The probability is saved with the game, and so is what it waits
    for.

    Arguments:
        batch: Images that a move looks at, over all processes and copies of a round.
        target: Of r_t, in (0, 1).
        speed: Images over which the probability could rise from 0 to 1.
        every: Moves from one step of the probability to the next.
    """

    p: Tensor
    signs: Tensor
    moves: Tensor

    def __init__(
        self,
        augment: Augment,
        batch: int,
        target: float = 0.6,
        speed: int = 500_000,
        every: int = 4,
    ) -> None:
        super().__init__()
        self.augment, self.target, self.every = augment, target, every
        self.pace = every * batch / speed
        self.register_buffer("p", torch.zeros(()))
        self.register_buffer("signs", torch.zeros(()))  # sum, since the probability last moved
        self.register_buffer("moves", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor, seen: int) -> Tensor:
        """Images as the discriminator sees them."""
        return self.augment(x, self.p)

    def steering(self) -> Follow:
        """As `Steering` says: all copies of a round set the same state."""
        p, signs, moves = self.p.clone(), self.signs.clone(), self.moves + 1

        def follow(told: Mapping[str, Tensor]) -> None:
            total, due = signs + told["sign"], moves == self.every
            step = self.pace * (total / self.every - self.target).sign()
            self.p.copy_(torch.where(due, (p + step).clamp(0, 1), p))
            self.signs.copy_(torch.where(due, 0, total))
            self.moves.copy_(torch.where(due, 0, moves))

        return follow


def _nothing(told: Mapping[str, Tensor]) -> None:
    pass
