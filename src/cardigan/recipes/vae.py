"""Variational autoencoders: codes, a bound on the density, and samples without a discriminator."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from ..recipe import Recipe, Training, harmless

if TYPE_CHECKING:
    from ..game import Game


@dataclass(frozen=True, kw_only=True)
class VAE(Recipe):
    """VAE: an encoder to a law of latents and a decoder, under a bound on the density."""

    paper: ClassVar[str] = "Kingma and Welling 2013, arXiv:1312.6114"
    can: ClassVar[tuple[str, ...]] = ("sample", "decode", "encode", "reconstruct", "log_prob")

    networks: Literal["convolutional", "dense"] = "convolutional"
    """Convolutions of stride 2, or two hidden layers each."""
    decoder: Literal["gaussian", "bernoulli"] = "gaussian"
    """Grey values about a mean, of one learnt variance; or black and white."""
    latents: int = 32
    """Size of the latent vector."""
    width: int = 32
    """Channels at half the picture's size, of convolutional networks; they double with each
    halving, up to eightfold."""
    units: int = 500
    """Units of each hidden layer, of dense networks."""
    beta: float = 1.0
    """Weight of the divergence from the prior."""
    draws: int = 1
    """Latents drawn for each image; of several, the importance-weighted bound is trained."""
    figure_draws: int = harmless(64)
    """Latents drawn for each image whose bits are measured."""
    lr: float = 1e-3
    """Learning rate of both players."""
    ema_halflife: float = 10_000
    """Images after which a weight counts half in the averages that are used; 0 averages none."""
    training: Training = field(default_factory=lambda: Training(images=300_000))

    def game(self) -> "Game":
        """The game of an encoder and a decoder that move together."""
        from .. import games, optimizers, priors
        from ..game import Player
        from ..games import vae as bounds
        from ..nets import vae as nets

        shape, law = (self.channels, self.size, self.size), nets.LAWS[self.decoder]()
        encoder, decoder = {
            "convolutional": lambda: nets.convolutional(self.latents, shape, self.width, law),
            "dense": lambda: nets.dense(self.latents, shape, self.units, law),
        }[self.networks]()
        adam = optimizers.adam()
        bound = bounds.importance_weighted if self.draws > 1 else bounds.evidence
        return games.VAE(
            Player(encoder, adam, self.lr, self.ema_halflife),
            Player(decoder, adam, self.lr, self.ema_halflife),
            priors.normal(self.latents),
            bound(self.beta),
            self.draws,
            {"gaussian": 256, "bernoulli": 2}[self.decoder],
            self.figure_draws,
        )

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        if self.size % 2:
            yield f"size must be even, got {self.size}"
        for name in ("latents", "width", "units", "draws", "figure_draws"):
            if (value := getattr(self, name)) < 1:
                yield f"{name} must be at least 1, got {value}"
        if not 0 <= self.beta < 1e6:
            yield f"beta must lie in [0, 1e6), got {self.beta}"
        if not 0 < self.lr < 1:
            yield f"lr must lie in (0, 1), got {self.lr}"
        if not self.ema_halflife >= 0:
            yield f"ema_halflife must be at least 0, got {self.ema_halflife}"


@dataclass(frozen=True, kw_only=True)
class BetaVAE(VAE):
    """beta-VAE: the divergence from the prior weighs more, and codes keep less."""

    paper: ClassVar[str] = "Higgins et al. 2017, OpenReview Sy2fzU9gl"


@dataclass(frozen=True, kw_only=True)
class IWAE(VAE):
    """IWAE: several latents an image, weighted by how well each explains it."""

    paper: ClassVar[str] = "Burda et al. 2015, arXiv:1509.00519"


PRESETS = {
    "vae": VAE(),
    "bernoulli-vae": VAE(decoder="bernoulli"),
    "beta-vae": BetaVAE(beta=4.0),
    # Two layers of 200 units and 50 latents, black and white, as the paper's first network.
    "iwae": IWAE(networks="dense", decoder="bernoulli", latents=50, units=200, draws=5),
}
