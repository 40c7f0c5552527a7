"""Unrolled GAN: the generator looks through steps that the discriminator has yet to make."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..recipe import Recipe, Training
from .dcgan import SIZES

if TYPE_CHECKING:
    from ..game import Game, Player

Lookahead = Literal["adam", "descent"]


@dataclass(frozen=True, kw_only=True)
class UnrolledGAN(Recipe):
    """Unrolled GAN on Gaussians in the plane, where lost modes can be counted."""

    paper: ClassVar[str] = "Metz et al. 2016, arXiv:1611.02163"
    points: ClassVar[bool] = True

    data: str = "ring8"
    """ring8 or grid25."""
    latents: int = 256
    """Size of the latent vector."""
    width: int = 128
    """Units of a hidden layer."""
    unroll: int = 5
    """Steps of the discriminator that the generator looks through; 0 is the plain GAN."""
    lookahead: Lookahead = "adam"
    """What takes these steps: Adam, from the discriminator's own moments, or plain descent."""
    lookahead_lr: float = 0.1
    """Learning rate of plain descent; Adam has the discriminator's."""
    generator_lr: float = 1e-3
    """Learning rate of the generator."""
    discriminator_lr: float = 1e-4
    """Learning rate of the discriminator."""
    training: Training = field(
        default_factory=lambda: Training(
            images=2_000_000,
            batch=256,
            log_every=20_000,
            picture_every=200_000,
            checkpoint_every=500_000,
        )
    )

    def game(self) -> "Game":
        """Two small perceptrons."""
        from .. import optimizers, priors
        from ..game import Player
        from ..nets.mlp import PointDiscriminator, PointGenerator

        adam = optimizers.adam(beta1=0.5)
        return _game(
            self,
            Player(PointGenerator(self.latents, self.width), adam, self.generator_lr),
            Player(PointDiscriminator(self.width), adam, self.discriminator_lr),
            priors.normal(self.latents),
        )

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        yield from _problems(self)


@dataclass(frozen=True, kw_only=True)
class UnrolledDCGAN(Recipe):
    """Unrolled GAN on pictures, with DCGAN's networks."""

    paper: ClassVar[str] = "Metz et al. 2016, arXiv:1611.02163"
    least: ClassVar[int] = 2

    latents: int = 100
    """Size of the latent vector."""
    width: int = 32
    """Channels at half the picture's size; they double with each halving."""
    unroll: int = 3
    """Steps of the discriminator that the generator looks through; 0 is the plain GAN."""
    lookahead: Lookahead = "adam"
    """What takes these steps: Adam, from the discriminator's own moments, or plain descent."""
    lookahead_lr: float = 0.1
    """Learning rate of plain descent; Adam has the discriminator's."""
    lr: float = 8e-4
    """Learning rate of both players."""
    ema_halflife: float = 10_000
    """Images after which a weight counts half in the average that is sampled; 0 averages none."""
    training: Training = field(default_factory=lambda: Training(images=100_000))

    def game(self) -> "Game":
        """DCGAN's networks."""
        from .. import optimizers, priors
        from ..game import Player
        from ..nets.dcgan import Discriminator, Generator

        adam = optimizers.adam(beta1=0.5)
        generator = Generator(self.latents, self.size, self.channels, self.width)
        return _game(
            self,
            Player(generator, adam, self.lr, self.ema_halflife),
            Player(Discriminator(self.size, self.channels, self.width), adam, self.lr),
            priors.uniform(self.latents),
        )

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        yield from _problems(self)
        if self.size not in (0, *SIZES):
            yield f"size must be one of {', '.join(map(str, SIZES))}, got {self.size}"
        if not self.ema_halflife >= 0:
            yield f"ema_halflife must be at least 0, got {self.ema_halflife}"


def _game(
    recipe: UnrolledGAN | UnrolledDCGAN, generator: "Player", discriminator: "Player", prior: Any
) -> "Game":
    """The minimax game, whose value the generator descends on reals and fakes."""
    from .. import games, losses
    from ..games.unrolled import adam, descent

    lookahead = {"adam": adam, "descent": descent(recipe.lookahead_lr)}[recipe.lookahead]
    loss = losses.zero_sum(losses.MINIMAX)
    turns = games.unrolled(recipe.unroll, lookahead)
    return games.GAN(generator, discriminator, prior, loss, turns)


def _problems(recipe: UnrolledGAN | UnrolledDCGAN) -> Iterator[str]:
    if recipe.latents < 1 or recipe.width < 1:
        yield f"latents and width must be at least 1, got {recipe.latents} and {recipe.width}"
    if not 0 <= recipe.unroll <= 100:
        yield f"unroll must lie between 0 and 100, got {recipe.unroll}"
    for name in ("lr", "generator_lr", "discriminator_lr", "lookahead_lr"):
        if not 0 < vars(recipe).get(name, 0.5) < 1:
            yield f"{name} must lie in (0, 1), got {vars(recipe)[name]}"


PRESETS = {"unrolled-gan": UnrolledGAN(), "unrolled-dcgan": UnrolledDCGAN()}
