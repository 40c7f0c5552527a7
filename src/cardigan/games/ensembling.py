"""Temporal ensembling: what a network said of an image in earlier epochs teaches it in later ones.

Laine and Aila 2017, arXiv:1610.02242, algorithm 2.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from .. import distributed
from ..schedule import Schedule


class Ensemble(nn.Module):
    """A running mean of the predictions of every image, whose class need not be known.

        Z <- a Z + (1 - a) z         target = Z / (1 - a^t) after t epochs

    An image comes once an epoch, so that its row can be updated as soon as it was seen. Each z
    sums to 1, so the sum of a row of Z is 1 - a^t, and nobody need count.

    Arguments:
        images: How many there are.
        weight: Of the term, as a function of the images seen; it has to start near 0.
        decay: a, how much of Z is kept.
    """

    def __init__(self, images: int, classes: int, weight: Schedule, decay: float = 0.6) -> None:
        super().__init__()
        self.weight, self.decay = weight, decay
        self.means = nn.Buffer(torch.zeros(images, classes))

    # w(t) (1 / K) sum_k (z_k - target_k)^2
    def loss(self, classes: Tensor, number: Tensor, seen: int) -> Tensor:
        """What logits [N, K] of images int64 [N] cost: [N]; nothing for those never seen before.

        Arguments:
            seen: The clock.
        """
        before = self.means[number]
        total = before.sum(1, keepdim=True)
        known = total > 0
        target = before / torch.where(known, total, 1)
        return self.weight(seen) * ((classes.softmax(1) - target) * known).square().mean(1)

    @torch.no_grad()
    def change(self, classes: Tensor, number: Tensor) -> tuple[Tensor, Tensor]:
        """Which rows change by what all processes have predicted, and by how much."""
        change = (1 - self.decay) * (classes.softmax(1) - self.means[number])
        total = len(number) * distributed.world()
        return distributed.interleaved(number, total), distributed.interleaved(change, total)

    def learn(self, number: Tensor, change: Tensor) -> None:
        """Updates rows.

        Copies of a round hold other images, so what they add does not add up. Where the end of
        an epoch brings an image twice, both count, and in the same order on all processes.
        """
        self.means.index_put_((number,), change, accumulate=True)


def hold(
    ensemble: Ensemble | None, classes: Tensor, number: Tensor, seen: int
) -> tuple[Tensor | float, Callable[[], None]]:
    """The term of an ensemble, if there is one, and what to do after the move that descends it."""
    if ensemble is None:
        return 0.0, lambda: None
    change = ensemble.change(classes, number)
    return ensemble.loss(classes, number, seen), lambda: ensemble.learn(*change)
