"""Style mixing: some layers read one w, the others another."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..abilities import Layers
from .spaces import each_layer


@torch.no_grad()
def mixed(game: Layers, rows: Tensor, columns: Tensor, layers: Sequence[int]) -> Tensor:
    """What is drawn of rows' w [R, W] where these layers take columns' w [C, W]: [R, C, ...].

    Karras et al. 2019 (StyleGAN), arXiv:1812.04948, section 3.1: early layers hold pose and shape,
    late ones colours.
    """
    own, others = each_layer(rows, game), each_layer(columns, game)
    pairs = own[:, None].repeat(1, len(columns), 1, 1)  # [R, C, L, W]
    pairs[:, :, [*layers]] = others[None, :, [*layers]]
    return game.synthesise(pairs.flatten(0, 1)).unflatten(0, pairs.shape[:2])
