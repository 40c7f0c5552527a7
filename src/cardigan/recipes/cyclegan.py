"""CycleGAN: from one domain to another and back, without pairs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ..recipe import Recipe, Training

LEAST = 8  # pixels

if TYPE_CHECKING:
    import torch

    from ..data.dataset import Dataset
    from ..data.stream import Stream, Together
    from ..game import Game


@dataclass(frozen=True, kw_only=True)
class CycleGAN(Recipe):
    """CycleGAN: turns images of one kind into another and back, without pairs."""

    paper: ClassVar[str] = "Zhu et al. 2017, arXiv:1703.10593"
    can: ClassVar[tuple[str, ...]] = ("sample", "translate")

    data: str = "fashion-outlines"
    """What is translated: a name that `cardigan data list` shows, or a folder or zip of images."""
    data_b: str = "fashion-mnist-mini"
    """What it is translated into, and back from: likewise."""
    pairs: bool = True
    """Images of one name in both sets show the same: never both trained on; test ones measure."""
    width: int = 16
    """Channels of the first layers."""
    blocks: int = 3
    """Residual blocks of a generator: 6 for 128 pixels, 9 for 256."""
    layers: int = 2
    """Halvings in a discriminator: with 1, 2 or 3 it judges patches of 16, 34 or 70 pixels."""
    cycle: float = 10.0
    """Weight of coming home after the way there and back."""
    identity: float = 0.5
    """Weight of leaving alone what is in the right domain, as a share of `cycle`; 0 is faster."""
    pool: int = 50
    """Fakes of each domain that are kept and shown to its discriminator again; 0 keeps none."""
    lr: float = 5e-4
    """Learning rate of all players; the paper has 2e-4 at a batch of 1."""
    beta1: float = 0.5
    """Adam's decay of the first moment."""
    constant_images: int = 30_000
    """Images for which the learning rate stays as it is."""
    decay_images: int = 30_000
    """Images over which it then falls to 0; give more of both with more --images."""
    sources: int = 1_000
    """Pictures of `data` that the run keeps; samples are translations of these."""
    training: Training = field(default_factory=lambda: Training(images=60_000, batch=8))

    def game(self) -> "Game":
        """Two ResNet generators against two patch discriminators."""
        from .. import games, optimizers
        from ..game import Player
        from ..games.cyclegan import Pool
        from ..games.sources import Sources
        from ..nets.translation import PatchDiscriminator, ResnetGenerator
        from ..schedule import held, linear

        adam = optimizers.adam(self.beta1)
        lr = held(linear(self.lr, 0, self.decay_images), self.constant_images)
        shape = (self.channels, self.size, self.size)

        def generator() -> Player:
            return Player(ResnetGenerator(self.channels, self.width, self.blocks), adam, lr)

        def discriminator() -> Player:
            return Player(PatchDiscriminator(self.channels, self.width, self.layers), adam, lr)

        return games.CycleGAN(
            generator(),
            generator(),
            discriminator(),
            discriminator(),
            Sources(self.sources, shape),
            (Pool(self.pool, shape), Pool(self.pool, shape)),
            cycle=self.cycle,
            identity=self.identity,
        )

    def dataset(self, split: str = "train") -> "Dataset":
        """Images of `data_b`, and those of `data` as their sources."""
        from ..data import domains

        arrange = domains.apart if self.pairs else domains.as_they_are
        return domains.load(
            (self.data, self.data_b), split, self.size, self.channels, arrange, self.pairs
        )

    def epoch(self) -> int:
        """Images of one pass over what is trained on, which is not all of both sets."""
        return len(self.dataset())

    def stream(
        self, dataset: "Dataset", device: "torch.device", world: int = 1
    ) -> "Stream | Together":
        """Both sets, each in an order of its own."""
        from ..data import domains
        from ..data.stream import Stream

        targets = super().stream(dataset, device, world)
        assert isinstance(targets, Stream)
        return domains.drawn(targets, aligned=False)

    @property
    def sets(self) -> tuple[str, ...]:
        """The data sets that it names."""
        return (self.data, self.data_b)

    def prepare(self, game: "Game", dataset: "Dataset") -> None:
        """Keeps pictures to translate."""
        from ..games import CycleGAN as Played

        assert isinstance(game, Played)
        game.keep(dataset)

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        yield from unlike(self.size, self.layers)
        if self.width < 1 or self.blocks < 0 or self.sources < 1 or self.pool < 0:
            yield (
                "width and sources must be at least 1, blocks and pool at least 0, got "
                f"{self.width}, {self.sources}, {self.blocks} and {self.pool}"
            )
        if not (0 <= self.cycle < 1e6 and 0 <= self.identity < 1e6):
            yield f"cycle and identity must lie in [0, 1e6), got {self.cycle}, {self.identity}"
        if not 0 < self.lr < 1:
            yield f"lr must lie in (0, 1), got {self.lr}"
        if not 0 <= self.beta1 < 1:
            yield f"beta1 must lie in [0, 1), got {self.beta1}"
        if self.constant_images < 0 or self.decay_images < 1:
            yield (
                "constant_images must be at least 0 and decay_images at least 1, got "
                f"{self.constant_images} and {self.decay_images}"
            )
        elif self.training.images > (end := self.constant_images + self.decay_images):
            yield (
                f"training.images must be at most constant_images and decay_images, {end}, for "
                f"from there on the learning rate is 0, got {self.training.images}: give more of "
                "these two"
            )


def unlike(size: int, layers: int) -> Iterator[str]:
    """Sizes that networks of translation do not fit; 0 is yet to be filled in."""
    if layers < 1:
        yield f"layers must be at least 1, got {layers}"
    elif size and (size % 4 or size < LEAST):
        yield f"size must be a multiple of 4 and at least {LEAST}, got {size}"
    elif size and size // 2**layers < 3:
        yield f"layers {layers} are too many for a size of {size}: it would judge no patch"


PRESETS = {
    "cyclegan": CycleGAN(),
    # The paper's networks and numbers: 200 passes over about a thousand images of 256 pixels.
    "cyclegan-256": CycleGAN(
        size=256, width=64, blocks=9, layers=3, lr=2e-4, sources=64,
        constant_images=100_000, decay_images=100_000,
        training=Training(images=200_000, batch=1),
    ),
}  # fmt: skip
