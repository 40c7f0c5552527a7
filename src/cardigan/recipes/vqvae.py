"""VQ-VAE: discrete codes, and an autoregressive prior that draws them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from ..recipe import Recipe, Training, harmless

if TYPE_CHECKING:
    from ..data.dataset import Dataset
    from ..game import Game


@dataclass(frozen=True, kw_only=True)
class VQVAE(Recipe):
    """VQ-VAE: images as maps of discrete codes, and a gated PixelCNN that draws such maps."""

    paper: ClassVar[str] = "van den Oord et al. 2017, arXiv:1711.00937"
    can: ClassVar[tuple[str, ...]] = ("sample", "encode", "reconstruct", "log_prob")

    codes: int = 128
    """Vectors in the codebook: K."""
    dimensions: int = 32
    """Entries of each vector."""
    width: int = 64
    """Hidden channels of encoder and decoder."""
    residual: int = 32
    """Channels inside their residual blocks."""
    commitment: float = 0.25
    """What it costs that the encoder's vectors are not codes: beta."""
    decay: float = 0.99
    """How much of the codebook's running means is kept in a round."""
    first: int = harmless(256)
    """Images whose encoded places are the first codes."""
    prior_width: int = 32
    """Maps of each of the prior's stacks."""
    prior_layers: int = 6
    """Gated layers of the prior."""
    codebook_images: int = 150_000
    """Images seen until encoder, decoder and codebook are done."""
    prior_images: int = 150_000
    """Images seen before the prior moves."""
    lr: float = 1e-3
    """Learning rate of all players."""
    ema_halflife: float = 10_000
    """Images after which a weight of the prior counts half in its average; 0 averages none."""
    training: Training = field(default_factory=lambda: Training(images=400_000))

    def game(self) -> "Game":
        """The game of an encoder, a decoder and a prior."""
        from .. import games, optimizers
        from ..game import Player
        from ..games.codebook import Codebook
        from ..nets import pixelcnn, vqvae

        shape = (self.channels, self.dimensions, self.width, self.residual)
        stacks = partial(pixelcnn.Gated, width=self.prior_width, layers=self.prior_layers)
        read = pixelcnn.Codes(self.codes, self.prior_width)
        prior = pixelcnn.PixelCNN(stacks, read, 1, self.codes, 2 * self.prior_width)
        adam = optimizers.adam()
        return games.VQVAE(
            Player(vqvae.Encoder(*shape), adam, self.lr),
            Player(vqvae.Decoder(*shape), adam, self.lr),
            Player(prior, adam, self.lr, self.ema_halflife),
            Codebook(self.codes, self.dimensions, self.decay),
            (self.size // 4, self.size // 4),
            self.commitment,
            self.codebook_images,
            self.prior_images,
        )

    def prepare(self, game: "Game", dataset: "Dataset") -> None:
        """Takes codes from encoded images that the seed chooses."""
        import torch

        from ..games import VQVAE as Played
        from ..randomness import generator

        assert isinstance(game, Played)
        order = torch.randperm(len(dataset), generator=generator(self.training.seed))
        game.start_from(dataset.images[order[: self.first]])

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        if self.size % 4:
            yield f"size must be a multiple of 4, got {self.size}"
        for name, lowest in LEAST.items():
            if not (value := getattr(self, name)) >= lowest:
                yield f"{name} must be at least {lowest}, got {value}"
        if self.prior_images > self.codebook_images:
            yield (
                "prior_images must not be above codebook_images, or nobody would move between, "
                f"got {self.prior_images} and {self.codebook_images}"
            )
        if not 0 <= self.commitment < 1e6:
            yield f"commitment must lie in [0, 1e6), got {self.commitment}"
        if not 0 <= self.decay < 1:
            yield f"decay must lie in [0, 1), got {self.decay}"
        if not 0 < self.lr < 1:
            yield f"lr must lie in (0, 1), got {self.lr}"


LEAST = {
    "codes": 2,
    "dimensions": 1,
    "width": 2,
    "residual": 1,
    "first": 1,
    "prior_width": 1,
    "prior_layers": 1,
    "codebook_images": 0,
    "prior_images": 0,
    "ema_halflife": 0,
}

PRESETS = {"vqvae": VQVAE()}
