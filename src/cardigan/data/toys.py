"""Gaussians in the plane, whose modes are known, and digits stacked to a thousand modes."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ..randomness import generator
from .dataset import Modes
from .formats import Arrays

COUNTS = {"train": 50_000, "test": 10_000}
SEEDS = {"train": 0, "test": 1}


def ring8() -> Modes:
    """Eight Gaussians on a circle: radius 2 and deviation 0.02, both divided by 1.414.

    Gulrajani et al. 2017, arXiv 1704.00028, in their code; the angles are 2 pi k / 8.
    """
    angle = 2 * torch.pi * torch.arange(8) / 8
    return Modes(torch.stack([angle.cos(), angle.sin()], 1) * 2 / 1.414, 0.02 / 1.414)


def grid25() -> Modes:
    """Twenty-five on the grid {-4, -2, 0, 2, 4} squared, deviation 0.05, divided by 2.828.

    Gulrajani et al. 2017, arXiv 1704.00028, in their code.
    """
    axis = torch.arange(-4.0, 5, 2)
    return Modes(torch.cartesian_prod(axis, axis) / 2.828, 0.05 / 2.828)


TOYS: dict[str, Callable[[], Modes]] = {"ring8": ring8, "grid25": grid25}


def points(modes: Modes, split: str) -> tuple[Tensor, Tensor]:
    """Points, as many around each centre: float [N, 2], and whose they are: int64 [N]."""
    label = torch.arange(COUNTS[split]) % len(modes.centres)
    noise = torch.randn(len(label), 2, generator=generator(SEEDS[split]))
    return modes.centres[label] + modes.std * noise, label


def stacked(digits: Arrays, split: str) -> Arrays:
    """Three digits drawn at random, as red, green and blue: a red 2, green 9, blue 5 is class 295.

    Metz et al. 2017, arXiv 1611.02163, section 3.3.1.
    """
    draw = np.random.default_rng(SEEDS[split]).integers(
        len(digits.images), size=(COUNTS[split], 3)
    )
    labels = digits.labels[draw] @ np.array([100, 10, 1])
    return Arrays(digits.images[draw, 0], labels)
