"""Improved techniques for training GANs: what helped before penalties did."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from ..recipe import Recipe, Training
from . import options
from .dcgan import network_problems

if TYPE_CHECKING:
    from ..data.dataset import Dataset
    from ..game import Game, MakeOptimizer


@dataclass(frozen=True, kw_only=True)
class ImprovedGAN(Recipe):
    """DCGAN with improved techniques: minibatch discrimination, virtual batch norm and more."""

    paper: ClassVar[str] = "Salimans et al. 2016, arXiv:1606.03498"
    least: ClassVar[int] = 2

    latents: int = 100
    """Size of the latent vector."""
    width: int = 32
    """Channels at half the picture's size; they double with each halving."""
    feature_matching: bool = False
    """The generator matches the discriminator's mean features of reals, and fools nobody."""
    kernels: int = 50
    """Kernels of minibatch discrimination; 0 for none."""
    virtual_generator: bool = True
    """The generator's batch norm is virtual, by latents fixed at the start; twice its work."""
    virtual_discriminator: bool = False
    """The discriminator's batch norm is virtual, by images fixed at the start; twice its work."""
    historical: float = 0.0
    """Weight of each player's squared distance from the mean of its past weights."""
    label_smoothing: float = 0.1
    """Reals are labelled 1 minus this."""
    lr: float = 8e-4
    """Learning rate of both players."""
    beta1: float = 0.5
    """Adam's decay of the first moment."""
    ema_halflife: float = 10_000
    """Images after which a weight counts half in the average that is sampled; 0 averages none."""
    training: Training = field(default_factory=lambda: Training(images=350_000))

    def game(self) -> "Game":
        """The two-player game between DCGAN's networks and what was added to them."""
        import torch

        from .. import games, losses, priors
        from ..game import Player
        from ..games.gan import adversarial, feature_matching
        from ..nets.dcgan import Discriminator, Generator
        from ..nets.layers import referring
        from ..randomness import mix, seeded

        count, shape = self.training.batch, (self.size, self.channels, self.width)
        prior = priors.uniform(self.latents)
        # Nobody judges what becomes of the references, so no sample may begin from their latents,
        # as those of the run's own seed would.
        with seeded(mix(self.training.seed, count), torch.device("cpu")):
            latents = prior(count, torch.device("cpu"))
        noise = torch.rand(count, self.channels, self.size, self.size) * 2 - 1
        drawing = partial(Generator, self.latents, *shape)
        judging = partial(Discriminator, *shape, kernels=self.kernels)
        loss = losses.NON_SATURATING
        return games.GAN(
            Player(
                referring(drawing, latents) if self.virtual_generator else drawing(),
                self.optimizer(),
                self.lr,
                self.ema_halflife,
            ),
            Player(
                referring(judging, noise) if self.virtual_discriminator else judging(),
                self.optimizer(),
                self.lr,
            ),
            prior,
            losses.smoothed(loss, 1 - self.label_smoothing) if self.label_smoothing else loss,
            generator_loss=feature_matching if self.feature_matching else adversarial,
        )

    def optimizer(self) -> "MakeOptimizer":
        """Adam, which also pulls weights to the mean of what they were."""
        from .. import optimizers

        adam = optimizers.adam(self.beta1)
        return optimizers.averaging(adam, self.historical) if self.historical else adam

    def prepare(self, game: "Game", dataset: "Dataset") -> None:
        """Gives a discriminator that refers to images some that are spread over the data."""
        import torch

        from ..data.stream import as_floats
        from ..games import GAN
        from ..nets.layers import Referring

        assert isinstance(game, GAN)
        net = game.discriminator.net
        if isinstance(net, Referring):
            count = len(net.reference)
            chosen = torch.arange(count) * len(dataset) // count
            net.reference.copy_(as_floats(dataset.images[chosen]))

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        yield from network_problems(self.size, self.latents, self.width)
        yield from options.learning_problems(self.lr, self.beta1, 0.999, self.ema_halflife)
        yield from options.smoothing_problems(self.label_smoothing)
        if not (0 <= self.kernels < 2**63 and 0 <= self.historical < 2**63):
            yield (
                f"kernels and historical must be at least 0, got {self.kernels} and "
                f"{self.historical}"
            )


PRESETS = {"improved-gan": ImprovedGAN()}
