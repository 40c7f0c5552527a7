"""Ways from one latent to another, and what a generator draws along them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..metrics.path_length import lerp, slerp
from .spaces import Space, between

Path = Callable[[Tensor, Tensor, float], Tensor]
"""From where, to where, and which share of the way."""
PATHS: dict[str, Path] = {"straight": lerp, "spherical": slerp}
OWN = {"z": "spherical", "w": "straight", "w+": "straight"}
"""The way that stays where the latents of a space lie."""


class End(NamedTuple):
    """Where R ways begin or end."""

    points: Tensor  # [R, ...]
    conditions: Tensor | None  # [R, ...]


def walk(
    space: Space, start: End, end: End, path: Path, at: Sequence[float], classes: int = 0
) -> Tensor:
    """Samples at the places `at`, in [0, 1], of R ways: [R, T, C, H, W].

    Arguments:
        classes: How many there are, if conditions are classes.

    Raises:
        ValueError: An arc between opposite points, which is none.
    """
    frames = []
    for t in at:
        told = start.conditions
        if told is not None:
            assert end.conditions is not None
            told = between(told, end.conditions, t, classes)
        frames.append(space.decode(path(start.points, end.points, t), told).cpu())
    return torch.stack(frames, 1)


def evenly(count: int) -> list[float]:
    """So many places from 0 to 1."""
    return torch.linspace(0, 1, count, dtype=torch.float64).tolist()


def there_and_back(frames: Tensor) -> Tensor:
    """Frames [R, T, ...] as a loop that ends beside its beginning: [R, 2 T - 2, ...]."""
    return torch.cat([frames, frames[:, 1:-1].flip(1)], 1)
