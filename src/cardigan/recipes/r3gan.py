"""R3GAN: today's baseline, and what to train on pictures of your own."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..recipe import Recipe, Training, harmless
from . import options
from .options import Augmentation

if TYPE_CHECKING:
    from ..game import Game

SIZES = (16, 28, 32, 64, 128, 256, 512)
LONGEST = 20_000_000  # images over which the paper's schedules run


@dataclass(frozen=True, kw_only=True)
class ByCount(Training):
    """Training whose length follows the number of images."""

    fewest: ClassVar[int] = 0

    images: int = harmless(0)
    """Real images to train on; 0 takes 20,000 times the root of how many there are, at most 20
    million."""


@dataclass(frozen=True, kw_only=True)
class R3GAN(Recipe):
    """R3GAN: what to train on pictures of your own: paired logits, R1 and R2, a plain ResNet."""

    paper: ClassVar[str] = "Huang et al. 2024, arXiv:2501.05441"

    latents: int = 64
    """Size of the latent vector."""
    width: int = 128
    """Channels of maps of up to 32 pixels; they halve with each doubling beyond. The paper's
    networks have 768."""
    group: int = 16
    """Channels inside a block that see each other in a 3x3 convolution."""
    gamma: float = 0.0
    """Weight of R1 and of R2 at the start; it falls to a tenth. 0 takes 2 (size / 64)^3."""
    lr: float = 2e-4
    """Learning rate of both players at the start; it falls to a quarter."""
    burn_in: int = 0
    """Images over which rates, weights and averages change, along half a cosine; 0 takes as many
    as training does by itself."""
    ema_share: float = 0.025
    """Half-life of the average that is sampled, once that is over, as a share of it; 0 averages
    none."""
    augmentation: Augmentation = field(default_factory=lambda: Augmentation(kind="ada-cutout"))
    training: ByCount = field(default_factory=ByCount)

    def suited(self, count: int) -> Self:
        """The length, gamma and augmentation that suit a size and a number of images."""
        length = min(round(20_000 * count**0.5), LONGEST)
        return replace(
            self,
            gamma=self.gamma or 2 * (self.size / 64) ** 3,
            burn_in=self.burn_in or length,
            augmentation=self.augmentation.suited(count),
            training=replace(self.training, images=self.training.images or length),
        )

    def game(self) -> "Game":
        """The two-player game of paired logits, both kinds of which pay for slopes."""
        from .. import games, losses, optimizers, penalties, priors
        from ..game import Player
        from ..nets.r3gan import Discriminator, Generator
        from ..schedule import cosine

        over = max(self.burn_in, 1)
        shape = (self.size, self.channels, self.width, self.classes, self.group)
        beta2, gamma = cosine(0.9, 0.99, over), cosine(self.gamma, self.gamma / 10, over)
        halflife = cosine(0, self.ema_share * over, over) if self.ema_share else 0
        learning: dict[str, Any] = {
            "optimizer": optimizers.adam(0.0),
            "lr": cosine(self.lr, self.lr / 4, over),
            "betas": lambda seen: (0.0, beta2(seen)),
        }
        return games.GAN(
            Player(Generator(self.latents, *shape), ema_halflife=halflife, **learning),
            Player(Discriminator(*shape), **learning),
            priors.normal(self.latents),
            losses.relativistic(losses.NON_SATURATING),
            classes=self.classes,
            penalties=[penalties.r1(gamma), penalties.r2(gamma)],
            **self.augmentation.rules(self.training.batch),
        )

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        yield from self.augmentation.problems()
        yield from options.learning_problems(self.lr, 0.0, 0.9, 0.0)
        if self.size not in (0, *SIZES):
            yield f"size must be one of {', '.join(map(str, SIZES))}, got {self.size}"
        if self.latents < 1 or self.burn_in < 0 or self.classes < 0:
            yield (
                "latents must be at least 1, burn_in and classes at least 0, "
                f"got {self.latents}, {self.burn_in} and {self.classes}"
            )
        if not (0 <= self.gamma < 2**63 and 0 <= self.ema_share <= 1):
            yield (
                "gamma must be at least 0 and ema_share lie in [0, 1], "
                f"got {self.gamma} and {self.ema_share}"
            )
        narrowest = 2 * self.width * 32 // max(self.size, 32)
        if self.group < 1 or self.width < 1 or narrowest < 1 or narrowest % self.group:
            yield (
                f"width must be a multiple of group / 2, times size / 32 beyond 32 pixels, "
                f"got {self.width} and {self.group}"
            )


@dataclass(frozen=True, kw_only=True)
class ClassR3GAN(R3GAN):
    """R3GAN of classes: both players are told what a picture is of."""

    classes: int = 0
    """Classes that both players are told; 0 takes the data's own."""


def _paper(size: int, gamma: float, share: float, ema_share: float, batch: int) -> dict[str, Any]:
    """A model of the paper's: its width, its schedules and its augmentation."""
    return {
        "size": size,
        "width": 768,
        "gamma": gamma,
        "burn_in": LONGEST,
        "ema_share": ema_share,
        "augmentation": Augmentation(kind="ada-cutout", probability=share, ramp=LONGEST),
        "training": ByCount(images=LONGEST, batch=batch),
    }


PRESETS = {
    "r3gan": R3GAN(),
    "r3gan-classes": ClassR3GAN(),
    "r3gan-32": R3GAN(**_paper(32, 0.05, 0.55, 0.25, 512)),
    "r3gan-64": R3GAN(**_paper(64, 2.0, 0.3, 0.025, 256)),
    "r3gan-256": R3GAN(**_paper(256, 150.0, 0.3, 0.025, 256)),
}
