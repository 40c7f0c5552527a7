"""DCGAN: convolutional networks that made GANs work on pictures."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from ..recipe import Recipe, Training

if TYPE_CHECKING:
    from ..game import Game

LOGISTIC = ("non-saturating", "minimax")  # losses whose labels can be smoothed
SIZES = (16, 28, 32, 64, 128, 256)


@dataclass(frozen=True, kw_only=True)
class DCGAN(Recipe):
    """DCGAN: strided convolutions, batch norm, Adam; for 28 pixels and powers of two to 256."""

    paper: ClassVar[str] = "Radford et al. 2015, arXiv:1511.06434"
    least: ClassVar[int] = 2

    latents: int = 100
    """Size of the latent vector."""
    width: int = 32
    """Channels at half the picture's size; they double with each halving."""
    loss: Literal["non-saturating", "minimax", "least-squares", "wasserstein", "hinge"] = (
        "non-saturating"
    )
    """The adversarial loss."""
    label_smoothing: float = 0.0
    """Reals are labelled 1 minus this; for the logistic losses."""
    lr: float = 8e-4
    """Learning rate of both players; the paper's 2e-4 asks for more images."""
    beta1: float = 0.5
    """Adam's decay of the first moment."""
    ema_halflife: float = 10_000
    """Images after which a weight counts half in the average that is sampled; 0 averages none."""
    training: Training = field(default_factory=lambda: Training(images=350_000))

    def game(self) -> "Game":
        """The two-player game between DCGAN's networks."""
        from .. import games, losses, optimizers, priors
        from ..game import Player
        from ..nets.dcgan import Discriminator, Generator

        adam = optimizers.adam(self.beta1)
        generator = Generator(self.latents, self.size, self.channels, self.width)
        discriminator = Discriminator(self.size, self.channels, self.width)
        loss = losses.LOSSES[self.loss]
        return games.GAN(
            Player(generator, adam, self.lr, self.ema_halflife),
            Player(discriminator, adam, self.lr),
            priors.uniform(self.latents),
            losses.smoothed(loss, 1 - self.label_smoothing) if self.label_smoothing else loss,
        )

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        if self.size not in (0, *SIZES):
            yield f"size must be one of {', '.join(map(str, SIZES))}, got {self.size}"
        if self.latents < 1 or self.width < 1:
            yield f"latents and width must be at least 1, got {self.latents} and {self.width}"
        if not 0 < self.lr < 1:
            yield f"lr must lie in (0, 1), got {self.lr}"
        if not 0 <= self.beta1 < 1:
            yield f"beta1 must lie in [0, 1), got {self.beta1}"
        if not 0 <= self.label_smoothing < 0.5:
            yield f"label_smoothing must lie in [0, 0.5), got {self.label_smoothing}"
        if self.label_smoothing and self.loss not in LOGISTIC:
            yield f"label_smoothing is for {' and '.join(LOGISTIC)}, not for {self.loss}"
        if not self.ema_halflife >= 0:
            yield f"ema_halflife must be at least 0, got {self.ema_halflife}"


PRESETS = {
    "dcgan": DCGAN(),
    # The paper's set-up: a picture of 64 pixels, batches of 128, no average of weights.
    "dcgan-64": DCGAN(size=64, width=64, lr=2e-4, ema_halflife=0, training=Training(batch=128)),
}
