"""Self-attention: each place of a map looks at all others (SAGAN).

Zhang et al. 2019, arXiv:1805.08318.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from .spectral import Normalise


class SelfAttention(nn.Module):
    """Maps [N, C, H, W] -> the same, plus gamma times what each place gathers from all places.

        beta_ji = softmax_i( f(x_i) . g(x_j) )
        y_j = x_j + gamma v( sum_i beta_ji h(x_i) )

    f and g have C / 8 channels, h has C / 2. Places that are looked at are halved in both
    directions by max pooling, as in the authors' code. gamma starts at 0: at first nobody looks.
    """

    def __init__(self, channels: int, normalise: Normalise) -> None:
        super().__init__()
        few, half = max(channels // 8, 1), max(channels // 2, 1)
        self.key = normalise(_convolution(channels, few))  # f
        self.query = normalise(_convolution(channels, few))  # g
        self.value = normalise(_convolution(channels, half))  # h
        self.out = normalise(_convolution(half, channels))  # v
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Adds what was gathered."""
        value = max_pool2d(self.value(x), 2).flatten(2)  # [N, C/2, I]
        gathered = value @ self.weights(x).mT.to(value.dtype)  # [N, C/2, J]
        return x + self.gamma * self.out(gathered.unflatten(2, x.shape[2:]))

    def weights(self, x: Tensor) -> Tensor:
        """beta [N, J, I]: how much each of J = H W places looks at each of I pooled ones."""
        key, query = max_pool2d(self.key(x), 2).flatten(2), self.query(x).flatten(2)
        return (query.mT @ key).softmax(2)


def attending(
    where: int, sides: Sequence[int], widths: Sequence[int], normalise: Normalise
) -> nn.ModuleList:
    """What stands behind blocks: attention where the map's side is `where`, else nothing.

    Arguments:
        sides: Of the maps that the blocks make.
        widths: Their channels.
    """
    return nn.ModuleList(
        SelfAttention(width, normalise) if side == where else nn.Identity()
        for side, width in zip(sides, widths, strict=True)
    )


def _convolution(before: int, after: int) -> nn.Conv2d:
    layer = nn.Conv2d(before, after, 1, bias=False)
    nn.init.xavier_uniform_(layer.weight)
    return layer
