"""Glow: an invertible network, with an exact density of what lies between grey levels."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ..recipe import Recipe, Training, harmless
from .pixelcnn import LEVELS

if TYPE_CHECKING:
    from ..data.dataset import Dataset
    from ..game import Game


@dataclass(frozen=True, kw_only=True)
class Glow(Recipe):
    """Glow: turns images into latents of the same size and back, and knows their density."""

    paper: ClassVar[str] = "Kingma and Dhariwal 2018, arXiv:1807.03039"
    can: ClassVar[tuple[str, ...]] = ("sample", "decode", "encode", "reconstruct", "log_prob")

    levels: int = 256
    """Grey levels that bytes are rounded to: 2, 4, 8 and so on to 256."""
    scales: int = 2
    """How often the picture's side is halved: L; half of the channels stay behind each time."""
    steps: int = 8
    """Steps of flow at each scale: K."""
    width: int = 64
    """Hidden channels of the couplings' networks."""
    lr: float = 1e-3
    """Learning rate of the network."""
    warmup: int = 10_000
    """Images over which the learning rate rises from nothing; 0 starts at all of it."""
    first: int = harmless(256)
    """Images that set the scales of all norms, before the first move."""
    ema_halflife: float = 10_000
    """Images after which a weight counts half in the average that is used; 0 averages none."""
    training: Training = field(default_factory=lambda: Training(images=300_000))

    def game(self) -> "Game":
        """The game of one player."""
        from math import prod

        from .. import games, optimizers, priors
        from ..game import Player
        from ..nets.glow import Glow as Net
        from ..schedule import constant, warmup

        shape = (self.channels, self.size, self.size)
        net = Net(shape, self.scales, self.steps, self.width, 2 / (self.levels - 1))
        rate = warmup(constant(self.lr), self.warmup) if self.warmup else self.lr
        player = Player(net, optimizers.adam(), rate, self.ema_halflife)
        return games.Flow(player, priors.normal(prod(shape)), self.levels)

    def prepare(self, game: "Game", dataset: "Dataset") -> None:
        """Lets all norms start from images that the seed chooses (section 3.1)."""
        import torch

        from ..games import Flow
        from ..randomness import generator

        assert isinstance(game, Flow)
        order = torch.randperm(len(dataset), generator=generator(self.training.seed))
        game.start_from(dataset.images[order[: self.first]])

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        if self.levels not in LEVELS:
            yield f"levels must be one of {', '.join(map(str, LEVELS))}, got {self.levels}"
        if not 1 <= self.scales <= 16 or self.size % 2**self.scales:
            yield (
                f"size must be a multiple of 2^scales, and scales at least 1, got {self.size} "
                f"and {self.scales}"
            )
        for name, least in {"steps": 1, "width": 1, "warmup": 0, "first": 2}.items():
            if (value := getattr(self, name)) < least:
                yield f"{name} must be at least {least}, got {value}"
        if not 0 < self.lr < 1:
            yield f"lr must lie in (0, 1), got {self.lr}"
        if not self.ema_halflife >= 0:
            yield f"ema_halflife must be at least 0, got {self.ema_halflife}"


PRESETS = {
    "glow": Glow(),
    # The paper's network for 32 pixels, which wants a GPU.
    "glow-32": Glow(size=32, scales=3, steps=32, width=512, warmup=500_000),
}
