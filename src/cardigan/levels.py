"""Grey levels: bytes rounded to fewer of them, for models that give each level a probability."""

import math

import torch
from torch import Tensor

BYTES = 256


def to_levels(images: Tensor, levels: int) -> Tensor:
    """Bytes [N, C, H, W] to int64 levels from 0 to `levels` - 1, a divisor of 256."""
    return images.long() * levels // BYTES


def to_values(level: Tensor, levels: int) -> Tensor:
    """Levels to floats from -1 to 1, evenly spread: black stays black and white stays white."""
    return level.to(torch.get_default_dtype()) * (2 / (levels - 1)) - 1


def spread(levels: int) -> float:
    """Nats that a value loses where a level's probability is shared evenly among its bytes."""
    return math.log(BYTES / levels)
