"""SNGAN, its projection discriminator, and SAGAN: one family of residual networks."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Self

from ..recipe import Recipe, Training
from .options import Augmentation

if TYPE_CHECKING:
    from ..game import Game

SIZES = (16, 28, 32, 64, 128)


@dataclass(frozen=True, kw_only=True)
class SNGAN(Recipe):
    """SNGAN: residual networks, a spectrally normed discriminator, hinge loss; to 128 pixels."""

    paper: ClassVar[str] = "Miyato et al. 2018, arXiv:1802.05957"
    least: ClassVar[int] = 2

    latents: int = 128
    """Size of the latent vector."""
    width: int = 16
    """Channels of the narrowest maps; the paper's networks have 64."""
    attention: bool = False
    """Whether maps of half the picture's size, at most 32 pixels, attend to themselves."""
    spectral_generator: bool = False
    """Whether the generator is spectrally normed, too; the discriminator is, always."""
    discriminator_steps: int = 1
    """Moves of the discriminator in a round."""
    generator_lr: float = 5e-4
    """Learning rate of the generator."""
    discriminator_lr: float = 1e-3
    """Learning rate of the discriminator."""
    beta1: float = 0.0
    """Adam's decay of the first moment."""
    beta2: float = 0.9
    """Adam's decay of the second moment."""
    ema_halflife: float = 10_000
    """Images after which a weight counts half in the average that is sampled; 0 averages none."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    training: Training = field(default_factory=lambda: Training(images=150_000, batch=32))

    def suited(self, count: int) -> Self:
        """With the augmentation that suits a number of images."""
        return replace(self, augmentation=self.augmentation.suited(count))

    def game(self) -> "Game":
        """The two-player game of the hinge loss between residual networks."""
        from .. import games, losses, optimizers, priors
        from ..game import Player
        from ..nets.resnet import Discriminator, Generator
        from ..nets.spectral import plain, spectral

        told = {"classes": self.classes, "attention": self.attention}
        shape = (self.size, self.channels, self.width)
        norm = spectral if self.spectral_generator else plain
        generator = Generator(self.latents, *shape, **told, normalise=norm)
        adam = optimizers.adam(self.beta1, self.beta2)
        return games.GAN(
            Player(generator, adam, self.generator_lr, self.ema_halflife),
            Player(Discriminator(*shape, **told), adam, self.discriminator_lr),
            priors.normal(self.latents),
            losses.HINGE,
            games.alternating(self.discriminator_steps),
            self.classes,
            **self.augmentation.rules(self.training.batch),
        )

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        yield from self.augmentation.problems()
        if self.size not in (0, *SIZES):
            yield f"size must be one of {', '.join(map(str, SIZES))}, got {self.size}"
        if min(self.latents, self.width, self.discriminator_steps) < 1:
            yield "latents, width and discriminator_steps must be at least 1"
        if not (0 < self.generator_lr < 1 and 0 < self.discriminator_lr < 1):
            yield "generator_lr and discriminator_lr must lie in (0, 1)"
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1):
            yield f"beta1 and beta2 must lie in [0, 1), got {self.beta1} and {self.beta2}"
        if not self.ema_halflife >= 0:
            yield f"ema_halflife must be at least 0, got {self.ema_halflife}"
        if self.classes < 0:
            yield f"classes must be at least 0, got {self.classes}"


@dataclass(frozen=True, kw_only=True)
class ProjectionGAN(SNGAN):
    """SNGAN of classes: a projection discriminator, and batch norm that is told the class."""

    paper: ClassVar[str] = "Miyato and Koyama 2018, arXiv:1802.05637"

    classes: int = 0
    """Classes that both players are told; 0 takes the data's own."""


@dataclass(frozen=True, kw_only=True)
class SAGAN(SNGAN):
    """SAGAN: classes, self-attention, both players spectrally normed, two learning rates."""

    paper: ClassVar[str] = "Zhang et al. 2019, arXiv:1805.08318"

    classes: int = 0
    """Classes that both players are told; 0 takes the data's own."""
    attention: bool = True
    """Whether maps of half the picture's size, at most 32 pixels, attend to themselves."""
    spectral_generator: bool = True
    """Whether the generator is spectrally normed, too; the discriminator is, always."""


# The papers' width, rate and five moves of the discriminator; no average of weights.
_PAPER = {
    "width": 64,
    "discriminator_steps": 5,
    "generator_lr": 2e-4,
    "discriminator_lr": 2e-4,
    "ema_halflife": 0.0,
    "training": Training(batch=64),
}

PRESETS = {
    "sngan": SNGAN(),
    "sngan-64": SNGAN(size=64, **_PAPER),
    "sngan-128": SNGAN(size=128, **_PAPER),
    "sngan-projection": ProjectionGAN(),
    "sagan": SAGAN(),
}
