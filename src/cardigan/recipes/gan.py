"""Generative Adversarial Nets: the first one, fully connected."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from ..recipe import Recipe, Training

if TYPE_CHECKING:
    from ..data.dataset import Dataset
    from ..game import Game


@dataclass(frozen=True, kw_only=True)
class GAN(Recipe):
    """Goodfellow's GAN: fully connected networks, maxout in the discriminator, plain SGD."""

    paper: ClassVar[str] = "Goodfellow et al. 2014, arXiv:1406.2661"

    latents: int = 100
    """Size of the latent vector."""
    loss: Literal["non-saturating", "minimax"] = "non-saturating"
    """What the generator descends: -log D(G(z)), or log(1 - D(G(z)))."""
    discriminator_steps: int = 1
    """Moves of the discriminator in a round: k."""
    label_smoothing: float = 0.0
    """Reals are labelled 1 minus this for the discriminator."""
    lr: float = 0.1
    """Learning rate at the start; each move divides it by 1.000004, down to 1e-6."""
    momentum_images: int = 12_500_000
    """Images over which momentum rises from 0.5 to 0.7."""
    training: Training = field(default_factory=lambda: Training(batch=100))

    def game(self) -> "Game":
        """The networks of the authors' configuration for MNIST, at any size."""
        from .. import games, losses, optimizers, priors
        from ..game import Player
        from ..nets.mlp import MaxoutDiscriminator, MLPGenerator
        from ..schedule import exponential, linear

        shape = (self.channels, self.size, self.size)
        moves_to_half = 173_287  # ln 2 / ln 1.000004
        lr = exponential(self.lr, moves_to_half * self.training.batch, floor=1e-6)
        momentum = linear(0.5, 0.7, over=self.momentum_images)
        loss = losses.LOSSES[self.loss]
        return games.GAN(
            Player(MLPGenerator(self.latents, shape), optimizers.sgd(), lr, momentum=momentum),
            Player(MaxoutDiscriminator(shape), optimizers.sgd(), lr, momentum=momentum),
            priors.uniform(self.latents),
            losses.smoothed(loss, 1 - self.label_smoothing) if self.label_smoothing else loss,
            games.alternating(self.discriminator_steps),
        )

    def prepare(self, game: "Game", dataset: "Dataset") -> None:
        """Lets the generator start from the mean of each pixel."""
        import torch

        from ..games import GAN as Played
        from ..nets.mlp import MLPGenerator

        assert isinstance(game, Played) and isinstance(game.generator.net, MLPGenerator)
        mean = dataset.images.sum(0, dtype=torch.float64) / (255 * len(dataset))
        game.generator.net.start_from(mean.float().to(game.device))

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        if self.latents < 1 or self.discriminator_steps < 1:
            yield "latents and discriminator_steps must be at least 1"
        if not 0 <= self.label_smoothing < 0.5:
            yield f"label_smoothing must lie in [0, 0.5), got {self.label_smoothing}"
        if not 0 < self.lr < 100:
            yield f"lr must lie in (0, 100), got {self.lr}"
        if self.momentum_images < 1:
            yield f"momentum_images must be at least 1, got {self.momentum_images}"


PRESETS = {"gan": GAN()}
