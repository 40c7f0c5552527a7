"""InfoGAN: latents that mean something, without labels."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ..recipe import Recipe, Training

if TYPE_CHECKING:
    from ..game import Game

LEAST = {"latents": 1, "categories": 2, "numbers": 0, "width": 1}
BELOW = {"information": 1e6, "numbers_information": 1e6, "beta1": 1, "ema_halflife": float("inf")}


@dataclass(frozen=True, kw_only=True)
class InfoGAN(Recipe):
    """InfoGAN: a category and numbers among the latents that the picture gives away; 28 pixels."""

    paper: ClassVar[str] = "Chen et al. 2016, arXiv:1606.03657"
    can: ClassVar[tuple[str, ...]] = ("sample", "decode", "tell")
    least: ClassVar[int] = 2

    size: int = 28
    """Height and width; the networks draw 28 pixels only."""
    latents: int = 62
    """Size of the latent vector, codes not counted."""
    categories: int = 10
    """Values of the categorical code."""
    numbers: int = 2
    """Continuous codes, each from -1 to 1."""
    information: float = 1.0
    """The weight of the bound on the category's information: lambda."""
    numbers_information: float = 0.2
    """The same of the numbers; more lets them carry what the category could."""
    width: int = 32
    """Channels at half the picture's size; the authors' is 64."""
    generator_lr: float = 1e-3
    """Learning rate of the generator."""
    discriminator_lr: float = 2e-4
    """Learning rate of the discriminator and of Q."""
    beta1: float = 0.5
    """Adam's decay of the first moment."""
    ema_halflife: float = 10_000
    """Images after which a weight counts half in the average that is sampled; 0 averages none."""
    training: Training = field(default_factory=lambda: Training(images=150_000, batch=128))

    def game(self) -> "Game":
        """The authors' networks for MNIST."""
        from .. import games, optimizers
        from ..game import Player
        from ..games.infogan import CodePrior
        from ..nets.infogan import Discriminator, Generator

        codes = CodePrior(self.latents, self.categories, self.numbers)
        adam = optimizers.adam(self.beta1)
        generator = Generator(self.latents + codes.told, self.channels, self.width)
        discriminator = Discriminator(self.channels, self.width, codes.told)
        return games.InfoGAN(
            Player(generator, adam, self.generator_lr, self.ema_halflife),
            Player(discriminator, adam, self.discriminator_lr),
            codes,
            weight=self.information,
            numbers_weight=self.numbers_information,
        )

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        if self.size != 28:
            yield f"size must be 28, got {self.size}: other data are resized to it"
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                yield f"{name} must be at least {least}, got {getattr(self, name)}"
        if not (0 < self.generator_lr < 1 and 0 < self.discriminator_lr < 1):
            yield "generator_lr and discriminator_lr must lie in (0, 1)"
        for name, end in BELOW.items():
            if not 0 <= getattr(self, name) < end:
                yield f"{name} must lie in [0, {end}), got {getattr(self, name)}"


PRESETS = {"infogan": InfoGAN()}
