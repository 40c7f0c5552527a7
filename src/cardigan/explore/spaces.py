"""Where latents lie: in Z, in W behind a mapping network, or in W+, with a w for each layer."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from ..abilities import Decodes, Layers, Maps, Told
from ..game import Game
from ..labels import one_hot
from ..randomness import seeded


class Space(NamedTuple):
    """A set of latents, and what is made of them.

    Points of Z and W are [N, D], of W+ [N, L, D]. Conditions, [N, ...], are what the generator is
    told, or None; behind a mapping network they are in the points already.
    """

    name: str
    draw: Callable[[int, int, Tensor | None], Tensor]  # n, seed, conditions -> points
    decode: Callable[[Tensor, Tensor | None], Tensor]  # points, conditions -> samples
    bounded: bool  # whether points far from all that is drawn mean nothing to the generator


def spaces(game: Game) -> dict[str, Space]:
    """Those that a game has, by name; none where it has no latents."""
    found = {}
    if isinstance(game, Decodes):
        found["z"] = Space("z", partial(_latents, game), game.decode, True)
    if isinstance(game, Decodes) and isinstance(game, Maps):
        w = Space("w", partial(_mapped, game), lambda w, told: game.synthesise(w), False)
        found["w"] = w
        if isinstance(game, Layers):
            found["w+"] = w._replace(name="w+", draw=partial(_spread, game))
    return found


def each_layer(w: Tensor, game: Layers) -> Tensor:
    """The same w [N, W] for every layer: [N, L, W]."""
    return w[:, None].repeat(1, game.layers, 1)


def conditions(
    game: Game, n: int, seed: int = 0, label: int | Tensor | None = None
) -> Tensor | None:
    """What the generator is told, [n, ...]; None where it is told nothing.

    Arguments:
        label: The class of every sample, or of each; without, classes take turns, and of other
            conditions the seed draws.
    """
    if label is None and game.classes:
        label = torch.arange(n) % game.classes
    if isinstance(game, Told):
        with seeded(seed, game.device):
            return game.told(n, label)
    return torch.as_tensor(label, device=game.device).expand(n) if game.classes else None


def between(a: Tensor, b: Tensor, t: float, classes: int) -> Tensor:
    """Conditions on the way from a to b, [N, ...]; classes become weights of classes [N, K]."""
    if torch.equal(a, b):
        return a
    start, end = (x if x.is_floating_point() else one_hot(x, classes) for x in (a, b))
    return torch.lerp(start, end, t)


def _latents(game: Decodes, n: int, seed: int, told: Tensor | None) -> Tensor:
    return game.latents(n, seed)


@torch.no_grad()
def _mapped(game: Maps, n: int, seed: int, told: Tensor | None) -> Tensor:
    assert isinstance(game, Decodes)
    return game.map(game.latents(n, seed), told)


def _spread(game: Layers, n: int, seed: int, told: Tensor | None) -> Tensor:
    return each_layer(_mapped(game, n, seed, told), game)
