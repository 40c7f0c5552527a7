"""The plain GAN on points in the plane: the smallest data on which modes are lost."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from ..recipe import Recipe, Training
from . import options
from .options import Comparison, LossName, OptimizerName, Restraints

if TYPE_CHECKING:
    from ..game import Game

_TRAINING = Training(
    images=2_000_000, batch=256, log_every=20_000, picture_every=200_000, checkpoint_every=500_000
)


@dataclass(frozen=True, kw_only=True)
class PointGAN(Recipe):
    """The plain GAN on Gaussians in the plane, where lost modes can be counted."""

    paper: ClassVar[str] = "Goodfellow et al. 2014; the toy of Metz et al. 2016, arXiv:1611.02163"
    points: ClassVar[bool] = True

    data: str = "ring8"
    """ring8 or grid25."""
    latents: int = 256
    """Size of the latent vector."""
    width: int = 128
    """Units of a hidden layer."""
    loss: LossName = "non-saturating"
    """The adversarial loss."""
    relativistic: Comparison = "none"
    """Logits are judged beside those of the other kind: of its pair, or the batch's average."""
    optimizer: OptimizerName = "adam"
    """Of both players; Adam with decays of 0.5 and 0.999."""
    generator_lr: float = 1e-3
    """Learning rate of the generator."""
    discriminator_lr: float = 1e-3
    """Learning rate of the discriminator."""
    spectral: bool = False
    """Whether the discriminator's weights are spectrally normed."""
    ema_halflife: float = 0
    """Points after which a weight counts half in the average that is sampled; 0 averages none."""
    discriminator: Restraints = field(default_factory=Restraints)
    training: Training = field(default_factory=lambda: _TRAINING)

    def game(self) -> "Game":
        """Two small perceptrons."""
        from .. import games, priors
        from ..game import Player
        from ..nets.mlp import PointDiscriminator, PointGenerator
        from ..nets.spectral import plain, spectral

        drawing = PointGenerator(self.latents, self.width)
        judging = PointDiscriminator(self.width, normalise=spectral if self.spectral else plain)
        make = partial(options.optimizer, self.optimizer, 0.5, 0.999)
        return games.GAN(
            Player(drawing, make(), self.generator_lr, self.ema_halflife),
            Player(judging, make(self.discriminator.decay), self.discriminator_lr),
            priors.normal(self.latents),
            options.adversarial_loss(self.loss, self.relativistic),
            **self.discriminator.rules(),
        )

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        yield from self.discriminator.problems()
        if self.latents < 1 or self.width < 1:
            yield f"latents and width must be at least 1, got {self.latents} and {self.width}"
        if not (0 < self.generator_lr < 1 and 0 < self.discriminator_lr < 1):
            yield "generator_lr and discriminator_lr must lie in (0, 1)"
        if not self.ema_halflife >= 0:
            yield f"ema_halflife must be at least 0, got {self.ema_halflife}"


PRESETS = {"ring-gan": PointGAN(), "grid-gan": PointGAN(data="grid25")}
