"""pix2pix: from an image to its counterpart, learnt from pairs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ..recipe import Recipe, Training
from .cyclegan import unlike

if TYPE_CHECKING:
    import torch

    from ..data.dataset import Dataset
    from ..data.stream import Stream, Together
    from ..game import Game


@dataclass(frozen=True, kw_only=True)
class Pix2Pix(Recipe):
    """pix2pix: turns images into their counterparts, learnt from pairs."""

    paper: ClassVar[str] = "Isola et al. 2017, arXiv:1611.07004"
    can: ClassVar[tuple[str, ...]] = ("sample", "translate")

    data: str = "fashion-outlines"
    """What is translated: a name that `cardigan data list` shows, or a folder or zip of images."""
    data_b: str = "fashion-mnist-mini"
    """What it is translated into: likewise; images of one name, endings aside, are a pair."""
    width: int = 32
    """Channels of the first layers."""
    layers: int = 2
    """Halvings in the discriminator: with 1, 2 or 3 it judges patches of 16, 34 or 70 pixels."""
    l1: float = 100.0
    """Weight of the distance to the true counterpart."""
    lr: float = 2e-4
    """Learning rate of both players."""
    beta1: float = 0.5
    """Adam's decay of the first moment."""
    sources: int = 1_000
    """Pictures of `data` that the run keeps; samples are translations of these."""
    training: Training = field(default_factory=lambda: Training(images=100_000, batch=8))

    def game(self) -> "Game":
        """A U-Net against a discriminator of patches that sees both images."""
        from .. import games, optimizers
        from ..game import Player
        from ..games.sources import Sources
        from ..nets.translation import PatchDiscriminator, UNetGenerator

        adam = optimizers.adam(self.beta1)
        generator = UNetGenerator(self.size, self.channels, self.width)
        discriminator = PatchDiscriminator(2 * self.channels, self.width, self.layers)
        return games.Pix2Pix(
            Player(generator, adam, self.lr),
            Player(discriminator, adam, self.lr),
            Sources(self.sources, (self.channels, self.size, self.size)),
            l1=self.l1,
        )

    def dataset(self, split: str = "train") -> "Dataset":
        """Images of `data_b`, and those of `data` as their sources."""
        from ..data import domains

        return domains.load(
            (self.data, self.data_b), split, self.size, self.channels, domains.aligned
        )

    def epoch(self) -> int:
        """Images of one pass over what is trained on, which is not all of both sets."""
        return len(self.dataset())

    def stream(
        self, dataset: "Dataset", device: "torch.device", world: int = 1
    ) -> "Stream | Together":
        """Both sets, pair by pair."""
        from ..data import domains
        from ..data.stream import Stream

        targets = super().stream(dataset, device, world)
        assert isinstance(targets, Stream)
        return domains.drawn(targets, aligned=True)

    @property
    def sets(self) -> tuple[str, ...]:
        """The data sets that it names."""
        return (self.data, self.data_b)

    def prepare(self, game: "Game", dataset: "Dataset") -> None:
        """Keeps pictures to translate."""
        from ..games import Pix2Pix as Played

        assert isinstance(game, Played)
        game.keep(dataset)

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        yield from unlike(self.size, self.layers)
        if self.width < 1 or self.sources < 1:
            yield f"width and sources must be at least 1, got {self.width} and {self.sources}"
        if not 0 <= self.l1 < 1e6:
            yield f"l1 must lie in [0, 1e6), got {self.l1}"
        if not 0 < self.lr < 1:
            yield f"lr must lie in (0, 1), got {self.lr}"
        if not 0 <= self.beta1 < 1:
            yield f"beta1 must lie in [0, 1), got {self.beta1}"


PRESETS = {
    "pix2pix": Pix2Pix(),
    # The paper's networks, at its batch of 1.
    "pix2pix-256": Pix2Pix(
        size=256, width=64, layers=3, sources=64, training=Training(images=80_000, batch=1)
    ),
}
