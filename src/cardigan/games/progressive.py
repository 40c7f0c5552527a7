"""Growth: both networks, and the reals, begin with few pixels and double them one level at a time.

Karras et al. 2018, arXiv:1710.10196, section 2.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from ..game import Round
from ..priors import Truncation
from .gan import GAN, Turns


class Stage(NamedTuple):
    """How far a game has grown."""

    level: int
    fade: float = 1.0  # how far that level has faded in


class Growth(nn.Module):
    """What networks are told of the clock: their level, and how far it has faded in.

    The first level is learnt for `stable` images; each other fades in over `fading` images, and
    is learnt for `stable` more.

    Arguments:
        first: The level to begin with.
        last: The level of full size.
    """

    level: Tensor

    def __init__(self, first: int, last: int, stable: int, fading: int) -> None:
        super().__init__()
        self.first, self.last, self.stable, self.fading = first, last, stable, fading
        self.register_buffer("level", torch.tensor(first))  # of the last round that was played
        self._read: tuple[Tensor, int, int] | None = None  # what it held when it was last read

    def stage(self, seen: int) -> Stage:
        """Where the clock stands."""
        grown, inside = divmod(seen, self.stable + self.fading)
        level = self.first + grown
        if level >= self.last:
            return Stage(self.last)
        if inside < self.stable:
            return Stage(level)
        return Stage(level + 1, (inside - self.stable) / self.fading)

    def reach(self, level: int) -> bool:
        """Notes the level of a round, and tells whether it is another than the last round's.

        The host reads the device only where somebody else wrote to it: after loading.
        """
        known = self._read
        if known is None or known[0] is not self.level or known[1] != self.level._version:
            known = self.level, self.level._version, int(self.level)
        if changed := known[2] != level:
            self.level.fill_(level)
        self._read = self.level, self.level._version, level
        return changed

    def forward(self, seen: int) -> tuple[int, Tensor | None]:
        """The level, and a weight in [0, 1); None where the level is there as a whole."""
        level, fade = self.stage(seen)
        return level, None if fade == 1 else torch.full((), fade, device=self.level.device)

    # x <- lerp(up(pool(x)), x, alpha)
    def shown(self, image: Tensor, seen: int) -> Tensor:
        """Reals [N, C, H, W] as the level has them, faded in as its fakes are."""
        level, fade = self.stage(seen)
        image = avg_pool2d(image, 2 ** (self.last - level))
        if fade == 1:
            return image
        return torch.lerp(interpolate(avg_pool2d(image, 2), scale_factor=2), image, fade)


def growing(growth: Growth, turns: Turns) -> Turns:
    """Turns whose reals grow; at a new level, optimisers forget what they knew of the last."""

    def grown(game: GAN, stream: Any) -> Round:
        level, _ = growth.stage(game.seen)
        if growth.reach(level):
            for player in game.players.values():
                player.forget()
        seen = game.seen
        yield from turns(game, (b._replace(image=growth.shown(b.image, seen)) for b in stream))

    return grown


def turned(game: Any, n: int, truncation: float) -> Tensor:
    """Latents [N, Z] on their way to the first axis.

    A generator that divides latents by their length sees their direction alone: one that is
    scaled draws the same. So a truncation turns them, all towards one picture.
    """
    z = game.prior(n, game.device)
    pole = torch.zeros_like(z)
    pole[:, 0] = z.norm(dim=1)
    return pole.lerp(z, truncation)


TURNED = Truncation(turned, 1.0)
