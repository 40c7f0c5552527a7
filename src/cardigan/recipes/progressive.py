"""Progressive GAN: networks that grow from a few pixels to the whole picture."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from ..recipe import Recipe, Training
from . import options
from .options import Augmentation, Restraints

if TYPE_CHECKING:
    from ..game import Game

SIZES = (8, 16, 28, 32, 64, 128, 256, 512, 1024)


@dataclass(frozen=True, kw_only=True)
class ProgressiveGAN(Recipe):
    """Progressive GAN: both networks grow from a few pixels, level by level; to 1024 pixels."""

    paper: ClassVar[str] = "Karras et al. 2018, arXiv:1710.10196"

    latents: int = 128
    """Size of the latent vector."""
    base: int = 256
    """Channels of a level are this, halved at the coarsest and again at each level after it; the
    paper's is 8,192."""
    most: int = 512
    """Channels that no level has more of."""
    group: int = 4
    """Samples whose spread the discriminator is told; 0 takes the whole batch."""
    stable_images: int = 100_000
    """Images for which each level is learnt once it is there."""
    fading_images: int = 100_000
    """Images over which each level but the first fades in."""
    loss: Literal["wasserstein", "non-saturating"] = "wasserstein"
    """The adversarial loss."""
    drift: float = 1e-3
    """The discriminator also descends this times its squared logits of reals."""
    lr: float = 1e-3
    """Learning rate of both players; Adam's decays are 0 and 0.99."""
    ema_halflife: float = 10_000
    """Images after which a weight counts half in the average that is sampled; 0 averages none."""
    discriminator: Restraints = field(default_factory=lambda: Restraints(penalty="unit-slope"))
    augmentation: Augmentation = field(default_factory=Augmentation)
    training: Training = field(default_factory=lambda: Training(images=600_000, batch=16))

    def suited(self, count: int) -> Self:
        """With the augmentation that suits a number of images."""
        return replace(self, augmentation=self.augmentation.suited(count))

    def game(self) -> "Game":
        """The two-player game between networks that grow."""
        from .. import games, losses, optimizers, priors
        from ..game import Player
        from ..nets.progressive import Discriminator, Generator, levels

        widths = (self.size, self.channels, self.base, self.most)
        growth = games.Growth(0, levels(self.size), self.stable_images, self.fading_images)
        rules = options.rules(self.discriminator, self.augmentation, self.training.batch)
        rules |= {"clock": growth, "turns": games.growing(growth, rules["turns"])}
        loss = losses.LOSSES[self.loss]
        adam = optimizers.adam(0.0, 0.99)
        judging = optimizers.adam(0.0, 0.99, self.discriminator.decay)
        return games.GAN(
            Player(Generator(self.latents, *widths), adam, self.lr, self.ema_halflife),
            Player(Discriminator(*widths, self.group), judging, self.lr),
            priors.normal(self.latents),
            losses.drifting(loss, self.drift) if self.drift else loss,
            truncation=games.TURNED,
            **rules,
        )

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        yield from self.discriminator.problems()
        yield from self.augmentation.problems()
        yield from options.learning_problems(self.lr, 0.0, 0.99, self.ema_halflife)
        yield from growth_problems(self.size, self.base, self.most, self.group)
        if min(self.latents, self.stable_images, self.fading_images) < 1:
            yield "latents, stable_images and fading_images must be at least 1"
        if not 0 <= self.drift < 2**63:
            yield f"drift must be at least 0, got {self.drift}"


def growth_problems(size: int, base: int, most: int, group: int) -> Iterator[str]:
    """What does not fit networks whose channels follow the level."""
    if size not in (0, *SIZES):
        yield f"size must be one of {', '.join(map(str, SIZES))}, got {size}"
    if base < 1 or most < 1 or group < 0:
        yield f"base and most must be at least 1, group at least 0, got {base}, {most}, {group}"


PRESETS = {
    "progressive-gan": ProgressiveGAN(),
    "progressive-gan-logistic": ProgressiveGAN(
        loss="non-saturating", drift=0.0, discriminator=Restraints(penalty="r1")
    ),
    # The paper's widths, lengths and batches of up to 128 pixels.
    "progressive-gan-1024": ProgressiveGAN(
        size=1024,
        latents=512,
        base=8192,
        stable_images=800_000,
        fading_images=800_000,
        training=Training(images=19_000_000, batch=16),
    ),
}
