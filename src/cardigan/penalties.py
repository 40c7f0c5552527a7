"""What a discriminator pays for steep slopes, one value a sample.

A penalty takes reals and fakes as they are judged, and the images seen: weights may be schedules.
Slopes are taken of logits C, by samples; each sample has a norm of its own, over all its values.
That holds only where no sample changes the logit of another, so batch norm has no place in a
discriminator that pays.
"""

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from .schedule import Schedule
from .twice import Twice, only_images

Judge = Callable[[Tensor], Tensor]  # samples to logits [N]; labels and view are the judge's affair
Weight = float | Schedule


class Judged:
    """Samples, and what is said of them: they are judged once, when that is first asked.

    Attributes:
        x: [N, ...], as they came, before anything was done to them; nothing that is said reaches
            who made them.
    """

    def __init__(self, judge: Judge, x: Tensor) -> None:
        self.judge, self.x = judge, x.detach().requires_grad_()

    @cached_property
    def logits(self) -> Tensor:
        """[N], a function of x."""
        with Twice():
            return self.judge(self.x)


Penalty = Callable[[Judged, Judged, int], Tensor]  # reals, fakes, images seen -> [N]


def slopes(judged: Judged) -> Tensor:
    """The gradient of each logit by its sample, as a row: [N, D]."""
    logits, x = judged.logits, judged.x
    # Backward each product has the precision that it had forward: autocast would change some.
    with torch.autocast(x.device.type, enabled=False), only_images():
        (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return gradient.flatten(1)


def r1(weight: Weight = 10.0) -> Penalty:
    """weight / 2 |grad C(x)|^2 at reals.

    Mescheder et al. 2018, arXiv:1801.04406, equation 9.
    """
    return lambda real, fake, seen: _at(weight, seen) / 2 * _squared(real)


def r2(weight: Weight = 10.0) -> Penalty:
    """weight / 2 |grad C(G(z))|^2 at fakes: the same paper, equation 10."""
    return lambda real, fake, seen: _at(weight, seen) / 2 * _squared(fake)


def roth(weight: Weight = 2.0) -> Penalty:
    """weight / 2 ((1 - D(x))^2 |grad C(x)|^2 + D(G(z))^2 |grad C(G(z))|^2).

    What noise of variance `weight` on the discriminator's inputs would do, to first order; D is
    not held still. Roth et al. 2017, arXiv:1705.09367.
    """

    def penalty(real: Judged, fake: Judged, seen: int) -> Tensor:
        on_real = (-real.logits).sigmoid().square() * _squared(real)
        on_fake = fake.logits.sigmoid().square() * _squared(fake)
        return _at(weight, seen) / 2 * (on_real + on_fake)

    return penalty


def unit_slope(weight: Weight = 10.0) -> Penalty:
    """weight (|grad C| - 1)^2 at a random point between each real and a fake.

    Gulrajani et al. 2017, arXiv:1704.00028, equation 3.
    """

    def penalty(real: Judged, fake: Judged, seen: int) -> Tensor:
        between = torch.lerp(fake.x.detach(), real.x.detach(), _one_each(real.x))
        return _at(weight, seen) * _from_one(Judged(real.judge, between))

    return penalty


def dragan(weight: Weight = 10.0) -> Penalty:
    """weight (|grad C| - 1)^2 at a random point between each real and a noisy one.

    Noise is half the batch's standard deviation times U(0, 1), as in common code; the paper's is
    normal. Kodali et al. 2017, arXiv:1705.07215.
    """

    def penalty(real: Judged, fake: Judged, seen: int) -> Tensor:
        x = real.x.detach()
        near = x + _one_each(x) * x.std() / 2 * torch.rand_like(x)
        return _at(weight, seen) * _from_one(Judged(real.judge, near))

    return penalty


def _squared(judged: Judged) -> Tensor:
    return slopes(judged).square().sum(1)


def _from_one(judged: Judged) -> Tensor:
    return (slopes(judged).norm(dim=1) - 1).square()


def _one_each(x: Tensor) -> Tensor:
    """U(0, 1), one number a sample, that spreads over its values: [N, 1, ...]."""
    return torch.rand(len(x), *[1] * (x.ndim - 1), device=x.device, dtype=x.dtype)


def _at(weight: Weight, seen: int) -> float:
    return weight(seen) if callable(weight) else weight


PENALTIES: dict[str, Callable[[Weight], Penalty]] = {
    "unit-slope": unit_slope,
    "dragan": dragan,
    "r1": r1,
    "r2": r2,
    "roth": roth,
}
