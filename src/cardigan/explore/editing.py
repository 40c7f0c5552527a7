"""Samples whose latents are moved, in all layers or in some."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor

from ..abilities import Layers
from ..game import Game
from .directions import Directions, moved
from .spaces import Space, each_layer


class Editor(NamedTuple):
    """Draws points of a space, and points that were moved, all told the same."""

    draw: Callable[[Tensor], Tensor]  # points [N, D] to samples
    draw_moved: Callable[[Tensor, Tensor], Tensor]  # points [N, D], and where they were moved to


def editor(game: Game, space: Space, told: Tensor | None, layers: Sequence[int] = ()) -> Editor:
    """Of a space, under one condition [1, ...].

    Arguments:
        layers: Those that are given the moved points, of games whose layers read styles; all
            by default.
    """

    def draw(points: Tensor) -> Tensor:
        own = None if told is None else told.expand(len(points), *told.shape[1:])
        return space.decode(points, own)

    def in_layers(points: Tensor, there: Tensor) -> Tensor:
        assert isinstance(game, Layers)
        w = each_layer(points, game)
        w[:, [*layers]] = there[:, None]
        return game.synthesise(w)

    return Editor(draw, in_layers if layers else lambda points, there: draw(there))


def edited(editor: Editor, points: Tensor, directions: Directions, reach: float) -> Tensor:
    """Samples of points [N, D] moved along each of K directions: [K, N, C, H, W].

    Arguments:
        reach: In deviations along each.
    """
    there = moved(points, directions, reach)
    base = points.expand_as(there)
    return editor.draw_moved(base.flatten(0, 1), there.flatten(0, 1)).unflatten(0, there.shape[:2])
