"""PixelCNN and Gated PixelCNN: exact probabilities, a value at a time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from ..recipe import Recipe, Training

if TYPE_CHECKING:
    from ..game import Game

LEVELS = tuple(2**k for k in range(1, 9))  # that bytes divide evenly among


@dataclass(frozen=True, kw_only=True)
class PixelCNN(Recipe):
    """PixelCNN: the probability of each pixel given those before it; completes pictures."""

    paper: ClassVar[str] = "van den Oord et al. 2016, arXiv:1601.06759"
    can: ClassVar[tuple[str, ...]] = ("sample", "complete", "log_prob")

    stacks: Literal["masked", "gated"] = "masked"
    """One stack of masked convolutions, which has a blind spot; or two gated ones without."""
    levels: int = 256
    """Grey levels that bytes are rounded to: 2, 4, 8 and so on to 256."""
    width: int = 24
    """Maps of each stack, a multiple of the channels."""
    layers: int = 6
    """Residual blocks, or gated layers."""
    lr: float = 1e-3
    """Learning rate of the network."""
    ema_halflife: float = 10_000
    """Images after which a weight counts half in the average that is used; 0 averages none."""
    training: Training = field(default_factory=lambda: Training(images=60_000, batch=32))

    def game(self) -> "Game":
        """The game of one player."""
        from .. import games, optimizers
        from ..game import Player
        from ..nets import pixelcnn as nets

        trunk = {
            "masked": partial(nets.Masked, width=self.width, blocks=self.layers),
            "gated": partial(nets.Gated, width=self.width, layers=self.layers),
        }[self.stacks]
        read = nets.Values(self.channels, self.levels)
        net = nets.PixelCNN(trunk, read, self.channels, self.levels, 2 * self.width)
        player = Player(net, optimizers.adam(), self.lr, self.ema_halflife)
        return games.Autoregressive(player, (self.channels, self.size, self.size), self.levels)

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        if self.levels not in LEVELS:
            yield f"levels must be one of {', '.join(map(str, LEVELS))}, got {self.levels}"
        if self.width < 1 or self.width % max(self.channels, 1):
            yield f"width must be a multiple of the channels, got {self.width}"
        if self.layers < 1:
            yield f"layers must be at least 1, got {self.layers}"
        if not 0 < self.lr < 1:
            yield f"lr must lie in (0, 1), got {self.lr}"
        if not self.ema_halflife >= 0:
            yield f"ema_halflife must be at least 0, got {self.ema_halflife}"


@dataclass(frozen=True, kw_only=True)
class GatedPixelCNN(PixelCNN):
    """Gated PixelCNN: two stacks that see all pixels before their own, and gates."""

    paper: ClassVar[str] = "van den Oord et al. 2016, arXiv:1606.05328"


PRESETS = {
    "pixelcnn": PixelCNN(),
    "gated-pixelcnn": GatedPixelCNN(stacks="gated"),
}
