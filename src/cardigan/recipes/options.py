"""Options that recipes of the two-player game share. Nothing here imports torch at the top."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import isfinite, log10
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

if TYPE_CHECKING:
    from ..game import MakeOptimizer
    from ..losses import AdversarialLoss

LossName = Literal[
    "non-saturating", "minimax", "least-squares", "centred-squares", "wasserstein", "hinge"
]
Comparison = Literal["none", "paired", "average"]
OptimizerName = Literal["adam", "rmsprop"]
LOGISTIC = ("non-saturating", "minimax")  # losses whose labels can be smoothed
Changing = Literal["diffaugment", "ada", "ada-cutout"]  # kinds of augmentation that do something
Paid = Literal["unit-slope", "dragan", "r1", "r2", "roth"]  # penalties


@dataclass(frozen=True, kw_only=True)
class TargetCodes:
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
    name: str, comparison: str = "none", smoothing: float = 0.0, codes: TargetCodes | None = None
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
class Augmentation:
    """How pictures are changed before the discriminator sees them, reals and fakes alike."""

    kind: Literal["none", Changing] = "none"
    """What is done: colour, translation and cutout to a picture as a whole; or ADA's eleven
    changes, each by itself, to which R3GAN adds cutout."""
    probability: float = 0.0
    """Of a change. 0 takes what suits the number of images: 1 for diffaugment; for ada 0.8, and
    less from 2,000 images on, down to 0.3 at 50,000."""
    ramp: int = 0
    """Images over which that rises from nothing, along half a cosine; 0 starts with it."""
    target: float = 0.0
    """The probability starts from nothing and follows what the discriminator is sure of: the
    share of reals that it takes for real, less the rest. 0.6 is the paper's; 0 follows nothing."""
    speed: int = 500_000
    """Images over which a probability that follows could rise from 0 to 1."""

    @property
    def changes(self) -> bool:
        """Whether pictures are changed at all."""
        return self.kind in get_args(Changing)

    def suited(self, count: int) -> Self:
        """With a probability for a number of images, where none was asked for.

        From 0.8, above which changes begin to leak into samples, to what R3GAN's authors take for
        70,000 faces, linear in the logarithm.
        """
        if not self.changes or self.probability or self.target:
            return self
        share = min(max(0.8 - 0.36 * log10(count / 2_000), 0.3), 0.8)
        return replace(self, probability={"diffaugment": 1.0}.get(self.kind, round(share, 2)))

    def rules(self, batch: int) -> dict[str, Any]:
        """What the two-player game is told, whose moves look at `batch` images."""
        if not self.changes:
            return {}
        from ..ada import ada
        from ..augment import Adaptive, augmented
        from ..diffaugment import diffaugment
        from ..schedule import constant, cosine

        kinds = {
            "diffaugment": diffaugment,
            "ada": ada,
            "ada-cutout": partial(ada, colour=0.5, cut=1.0),
        }
        if self.target:
            view = Adaptive(kinds[self.kind], batch, self.target, self.speed)
            return {"view": view, "steering": view.steering}
        p, ramp = self.probability, self.ramp
        return {"view": augmented(kinds[self.kind], cosine(0, p, ramp) if ramp else constant(p))}

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        if not 0 <= self.probability <= 1:
            yield f"augmentation.probability must lie in [0, 1], got {self.probability}"
        if not 0 <= self.target < 1:
            yield f"augmentation.target must lie in [0, 1), got {self.target}"
        if not (0 <= self.ramp < 2**63 and 1 <= self.speed < 2**63):
            yield (
                "augmentation.ramp must be at least 0 and augmentation.speed at least 1, "
                f"got {self.ramp} and {self.speed}"
            )


@dataclass(frozen=True, kw_only=True)
class Restraints:
    """What a discriminator may and what it costs."""

    steps: int = 1
    """Moves of the discriminator in a round: k."""
    early_steps: int = 0
    """Moves in each of the first 25 rounds and in every 500th; 0 makes no difference."""
    penalty: Literal["none", Paid] = "none"
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
        return self.penalty in get_args(Paid)

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


def rules(restraints: Restraints, augmentation: Augmentation, batch: int) -> dict[str, Any]:
    """What the two-player game is told of both: noise is laid on changed pictures."""
    from ..augment import Through

    bound, changed = restraints.rules(), augmentation.rules(batch)
    if augmentation.changes and restraints.noise:
        changed["view"] = Through(changed["view"], bound["view"])
    return bound | changed


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
