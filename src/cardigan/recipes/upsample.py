"""The upsampling GAN: a tutorial's cheap stand-in for a Lipschitz critic."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ..recipe import Recipe, Training

if TYPE_CHECKING:
    from ..game import Game


@dataclass(frozen=True, kw_only=True)
class UpsampleGAN(Recipe):
    """Bilinear upsampling, clipped discriminator gradients, simultaneous moves; 28 pixels."""

    paper: ClassVar[str] = "a tutorial's variant of Goodfellow et al. 2014"
    least: ClassVar[int] = 2

    size: int = 28
    """Height and width; the networks draw 28 pixels only."""
    latents: int = 100
    """Size of the latent vector."""
    lr: float = 1e-3
    """Learning rate of both players."""
    beta1: float = 0.0
    """Adam's decay of the first moment; with momentum the discriminator tends to win."""
    clip: float = 1.0
    """Each element of the discriminator's gradient is clamped to this; 0 leaves it as it is."""
    training: Training = field(
        default_factory=lambda: Training(batch=128, picture_every=50_000, checkpoint_every=50_000)
    )

    def game(self) -> "Game":
        """Both players move at once along one backward pass of the minimax game."""
        from .. import games, losses, optimizers, priors
        from ..game import Player
        from ..nets.upsample import Discriminator, Generator

        adam = optimizers.adam(self.beta1)
        return games.GAN(
            Player(Generator(self.latents, self.channels), adam, self.lr),
            Player(
                Discriminator(self.channels),
                optimizers.clipped(adam, self.clip) if self.clip else adam,
                self.lr,
            ),
            priors.normal(self.latents),
            losses.MINIMAX,
            games.simultaneous,
        )

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        if self.size != 28:
            yield f"size must be 28, got {self.size}: other data are resized to it"
        if self.latents < 1:
            yield f"latents must be at least 1, got {self.latents}"
        if not 0 < self.lr < 1:
            yield f"lr must lie in (0, 1), got {self.lr}"
        if not 0 <= self.beta1 < 1:
            yield f"beta1 must lie in [0, 1), got {self.beta1}"
        if not self.clip >= 0:
            yield f"clip must be at least 0, got {self.clip}"


PRESETS = {"upsample-gan": UpsampleGAN()}
