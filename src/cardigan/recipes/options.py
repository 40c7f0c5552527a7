"""Options that recipes of the two-player game share. Nothing here imports torch at the top."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ..game import MakeOptimizer
    from ..losses import AdversarialLoss

LossName = Literal[
    "non-saturating", "minimax", "least-squares", "centred-squares", "wasserstein", "hinge"
]
Comparison = Literal["none", "paired", "average"]
OptimizerName = Literal["adam", "rmsprop"]
LOGISTIC = ("non-saturating", "minimax")  # losses whose labels can be smoothed
PAID = ("unit-slope", "dragan", "r1", "r2", "roth")


@dataclass(frozen=True, kw_only=True)
class Codes:
    """What least squares pulls logits to."""

    a: float = 0.0
    """Where the discriminator wants fakes."""
    b: float = 1.0
    """Where the discriminator wants reals."""
    c: float = 1.0
    """Where the generator wants fakes."""

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        for name, value in asdict(self).items():
            if not isfinite(value):
                yield f"codes.{name} must be finite, got {value}"


def adversarial_loss(
    name: str, comparison: str = "none", smoothing: float = 0.0, codes: Codes | None = None
) -> "AdversarialLoss":
    """The loss of that name, put together."""
    from .. import losses

    known = {**losses.LOSSES}
    if codes:
        known["least-squares"] = losses.least_squares(codes.a, codes.b, codes.c)
    loss = losses.smoothed(known[name], 1 - smoothing) if smoothing else known[name]
    return losses.COMPARISONS[comparison](loss)


def optimizer(name: str, beta1: float, beta2: float, decay: float = 0.0) -> "MakeOptimizer":
    """The optimiser of that name; betas are Adam's."""
    from .. import optimizers

    make = {"adam": partial(optimizers.adam, beta1, beta2), "rmsprop": optimizers.rmsprop}
    return make[name](decay=decay)


@dataclass(frozen=True, kw_only=True)
class Restraints:
    """What a discriminator may and what it costs."""

    steps: int = 1
    """Moves of the discriminator in a round: k."""
    early_steps: int = 0
    """Moves in each of the first 25 rounds and in every 500th; 0 makes no difference."""
    penalty: Literal["none", "unit-slope", "dragan", "r1", "r2", "roth"] = "none"
    """What steep slopes cost; unit-slope is WGAN-GP's penalty."""
    penalty_weight: float = 10.0
    """Weight of the penalty: lambda of unit-slope and dragan, gamma of the others."""
    penalty_halflife: float = 0.0
    """Images after which the penalty's weight has halved; 0 leaves it as it is."""
    penalty_every: int = 1
    """Rounds from one payment to the next, which then counts as often."""
    clip: float = 0.0
    """Weights are kept within this of zero; 0 leaves them as they are."""
    decay: float = 0.0
    """The discriminator also descends this times the sum of its squared weights."""
    noise: float = 0.0
    """Standard deviation of the noise on all that the discriminator sees, at the start."""
    noise_images: int = 100_000
    """Images over which that noise falls to nothing."""

    @property
    def pays(self) -> bool:
        """Whether steep slopes cost anything."""
        return self.penalty in PAID

    def rules(self) -> dict[str, Any]:
        """What the two-player game is told."""
        from .. import games, penalties
        from ..augment import instance_noise, unchanged
        from ..schedule import exponential, linear

        weight, falls = self.penalty_weight, self.penalty_halflife
        price = exponential(weight, falls) if falls else weight
        paid = [penalties.PENALTIES[self.penalty](price)] if self.pays else []
        noise = instance_noise(linear(self.noise, 0, self.noise_images))
        steps = games.warmed_up(self.steps, self.early_steps) if self.early_steps else self.steps
        return {
            "turns": games.alternating(steps),
            "penalties": paid,
            "penalty_every": self.penalty_every,
            "view": noise if self.noise else unchanged,
            "constraint": games.clip(self.clip) if self.clip else games.free,
        }

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        least = {"steps": 1, "penalty_every": 1, "noise_images": 1}
        for name, value in asdict(self).items():
            lowest = least.get(name, 0)
            if isinstance(value, int | float) and not lowest <= value < 2**63:
                yield f"discriminator.{name} must be at least {lowest}, got {value}"


def learning_problems(lr: float, beta1: float, beta2: float, ema_halflife: float) -> Iterator[str]:
    """What does not fit how players learn."""
    if not 0 < lr < 1:
        yield f"lr must lie in (0, 1), got {lr}"
    if not (0 <= beta1 < 1 and 0 <= beta2 < 1):
        yield f"beta1 and beta2 must lie in [0, 1), got {beta1} and {beta2}"
    if not ema_halflife >= 0:
        yield f"ema_halflife must be at least 0, got {ema_halflife}"


def smoothing_problems(share: float) -> Iterator[str]:
    """What does not fit a share of labels."""
    if not 0 <= share < 0.5:
        yield f"label_smoothing must lie in [0, 0.5), got {share}"
