"""What a translator's samples are made of: pictures of the first domain, kept with the run."""

from typing import Any

import torch
from torch import Tensor, nn

from ..data.dataset import Dataset
from ..data.stream import as_floats
from ..game import Player
from ..randomness import seeded

BATCH = 64


class Sources(nn.Module):
    """Pictures that a run keeps, so that it is loaded and shown without its data.

    Arguments:
        count: How many, of `shape` [C, H, W].
    """

    images: Tensor

    def __init__(self, count: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(count, *shape, dtype=torch.uint8))

    def keep(self, dataset: Dataset) -> None:
        """Takes pictures from all over a data set; some of them twice if it has too few."""
        assert dataset.sources is not None, "two domains"
        images = dataset.sources.images
        count = len(self.images)
        index = torch.arange(count) * max(len(images), count) // count % len(images)
        self.images.copy_(images[index])

    def draw(self, n: int, seed: int | None = None) -> Tensor:
        """At most `n` of them, in an order drawn by the seed: [n, C, H, W] in [-1, 1]."""
        with seeded(seed, self.images.device):
            index = torch.randperm(len(self.images), device=self.images.device)[:n]
        return as_floats(self.images[index])


def translations(game: Any, n: int, seed: int | None = None) -> Tensor:
    """`n` translations: of different pictures as long as there are any, then once more."""
    with seeded(seed, game.device):
        x = game.sources(n)
        while len(x) < n:
            x = torch.cat([x, game.sources(n - len(x))])
        return game.translate(x)


@torch.no_grad()
def translated(player: Player, x: Tensor) -> Tensor:
    """What the player's network makes of images, in eval mode."""
    net = player.eval_net
    device = next(net.parameters()).device
    return torch.cat([net(part.to(device)).float() for part in x.split(BATCH)])
