"""Adversarial losses: pairs of functions of logits, one value per logit.

Each takes the logits of real samples and of fake ones, of any one shape, and returns that shape.
Losses are descended; C is the discriminator's raw output, D = sigmoid(C).
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import relu, softplus

PairLoss = Callable[[Tensor, Tensor], Tensor]


class AdversarialLoss(NamedTuple):
    """What each player descends, given the logits of reals and of fakes."""

    discriminator: PairLoss
    generator: PairLoss
    paired: bool = False  # whether the generator's loss looks at real logits too


# Goodfellow et al. 2014, arXiv:1406.2661, equation 1:
#   discriminator  -log D(x) - log(1 - D(G(z))) = softplus(-C(x)) + softplus(C(G(z)))
#   generator      log(1 - D(G(z))) = -softplus(C(G(z)))
MINIMAX = AdversarialLoss(
    discriminator=lambda real, fake: softplus(-real) + softplus(fake),
    generator=lambda real, fake: -softplus(fake),
)

# The same paper, section 3: the generator's loss -log D(G(z)) = softplus(-C(G(z))), whose
# gradient does not vanish while the discriminator wins.
NON_SATURATING = AdversarialLoss(
    discriminator=MINIMAX.discriminator,
    generator=lambda real, fake: softplus(-fake),
)

# Arjovsky et al. 2017, arXiv:1701.07875, equation 2: C(G(z)) - C(x), and -C(G(z)).
WASSERSTEIN = AdversarialLoss(
    discriminator=lambda real, fake: fake - real,
    generator=lambda real, fake: -fake,
)

# Lim and Ye 2017, arXiv:1705.02894: max(0, 1 - C(x)) + max(0, 1 + C(G(z))), and -C(G(z)).
HINGE = AdversarialLoss(
    discriminator=lambda real, fake: relu(1 - real) + relu(1 + fake),
    generator=lambda real, fake: -fake,
)


def least_squares(a: float = 0.0, b: float = 1.0, c: float = 1.0) -> AdversarialLoss:
    """(C(x) - b)^2 / 2 + (C(G(z)) - a)^2 / 2, and (C(G(z)) - c)^2 / 2.

    Mao et al. 2017, arXiv:1611.04076, equation 2; a = 0, b = c = 1 are its codes in practice.
    """
    return AdversarialLoss(
        discriminator=lambda real, fake: ((real - b) ** 2 + (fake - a) ** 2) / 2,
        generator=lambda real, fake: (fake - c) ** 2 / 2,
    )


LEAST_SQUARES = least_squares()

# Least squares with codes -1, 1 and 0 and without the halves, as RaLSGAN compares by
# (Jolicoeur-Martineau 2018, arXiv:1807.00734): against a penalty the halves would count.
CENTRED_SQUARES = AdversarialLoss(
    discriminator=lambda real, fake: (real - 1) ** 2 + (fake + 1) ** 2,
    generator=lambda real, fake: fake**2,
)


def smoothed(loss: AdversarialLoss, target: float = 0.9) -> AdversarialLoss:
    """A logistic loss whose reals are labelled `target` instead of 1: one-sided label smoothing.

        target softplus(-C) + (1 - target) softplus(C) = softplus(-C) + (1 - target) C

    Salimans et al. 2016, arXiv:1606.03498, section 3.4.
    """
    return loss._replace(
        discriminator=lambda real, fake: loss.discriminator(real, fake) + (1 - target) * real
    )


def drifting(loss: AdversarialLoss, weight: float = 1e-3) -> AdversarialLoss:
    """The discriminator also descends weight C(x)^2, so that its logits stay near zero.

    Karras et al. 2018, arXiv:1710.10196, appendix A.1.
    """
    return loss._replace(
        discriminator=lambda real, fake: loss.discriminator(real, fake) + weight * real.square()
    )


def zero_sum(loss: AdversarialLoss) -> AdversarialLoss:
    """What one player loses the other gains, on reals as well as on fakes.

    Without unrolling, the reals' part has no gradient for the generator.
    """
    return AdversarialLoss(
        discriminator=loss.discriminator,
        generator=lambda real, fake: -loss.discriminator(real, fake),
        paired=True,
    )


def relativistic(loss: AdversarialLoss) -> AdversarialLoss:
    """Judges each real against a fake, and each fake against a real.

    Jolicoeur-Martineau 2018, arXiv:1807.00734, section 3.
    """
    return AdversarialLoss(
        discriminator=lambda real, fake: loss.discriminator(real - fake, fake - real) / 2,
        generator=lambda real, fake: loss.discriminator(fake - real, real - fake) / 2,
        paired=True,
    )


def absolute(loss: AdversarialLoss) -> AdversarialLoss:
    """Judges each sample by itself: the loss as it is."""
    return loss


def relativistic_average(loss: AdversarialLoss) -> AdversarialLoss:
    """Judges each real against the mean fake of the batch, and each fake against the mean real.

    Jolicoeur-Martineau 2018, arXiv:1807.00734, section 4.
    """

    def between(real: Tensor, fake: Tensor) -> Tensor:
        return loss.discriminator(real - fake.mean(0), fake - real.mean(0)) / 2

    return AdversarialLoss(between, lambda real, fake: between(fake, real), paired=True)


# || E f(x) - E f(G(z)) ||^2, of which the mean over features is descended instead of the sum
def matched_features(real: Tensor, fake: Tensor) -> Tensor:
    """The squared difference of mean features, [N, F] and [M, F] to [F]; only fakes are moved.

    It compares the means of two batches, never images one by one. Salimans et al. 2016,
    arXiv:1606.03498, section 3.1.
    """
    return (real.detach().mean(0) - fake.mean(0)).square()


LOSSES = {
    "minimax": MINIMAX,
    "non-saturating": NON_SATURATING,
    "least-squares": LEAST_SQUARES,
    "centred-squares": CENTRED_SQUARES,
    "wasserstein": WASSERSTEIN,
    "hinge": HINGE,
}

COMPARISONS = {"none": absolute, "paired": relativistic, "average": relativistic_average}
