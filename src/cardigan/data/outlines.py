"""Outlines of pictures: where neighbouring pixels differ much."""

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

STEP = 64  # grey levels that make an edge


def edges(images: Tensor) -> Tensor:
    """255 where a pixel differs by `STEP` from one beside it, above or below, else 0.

    Arguments:
        images: uint8 [N, C, H, W].
    """
    x = images.float()
    spans = [_span(x, (1, 3)), _span(x, (3, 1))]
    return (torch.maximum(*spans) >= STEP).to(torch.uint8) * 255


def _span(x: Tensor, window: tuple[int, int]) -> Tensor:
    """The highest less the lowest value in a window about each pixel."""
    margin = (window[0] // 2, window[1] // 2)
    return max_pool2d(x, window, 1, margin) + max_pool2d(-x, window, 1, margin)
