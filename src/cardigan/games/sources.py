"""What a translator's samples are made of: pictures of the first domain, kept with the run."""

import torch
from torch import Tensor, nn

from ..data.dataset import Dataset
from ..data.stream import as_floats
from ..game import Game, Player
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


class FromSources(Game):
    """A game whose samples are translations of pictures that it keeps.

    Attributes:
        generator: image -> image.
        kept: What samples are made of.
    """

    generator: Player
    kept: Sources

    def sample(
        self,
        n: int,
        seed: int | None = None,
        label: int | Tensor | None = None,
        truncation: float = 1.0,
    ) -> Tensor:
        """Translations of different kept pictures as long as there are any, then once more.

        There is nothing to truncate.
        """
        with seeded(seed, self.device):
            x = self.sources(n)
            while len(x) < n:
                x = torch.cat([x, self.sources(n - len(x))])
            return self.translate(x)

    def sources(self, n: int, seed: int | None = None) -> Tensor:
        """As `Translates.sources` says."""
        return self.kept.draw(n, seed)

    def translate(self, x: Tensor) -> Tensor:
        """As `Translates.translate` says; where there is noise, it differs from call to call."""
        return translated(self.generator, x)

    def keep(self, dataset: Dataset) -> None:
        """Keeps pictures to translate, before the first round."""
        self.kept.keep(dataset)


@torch.no_grad()
def translated(player: Player, x: Tensor) -> Tensor:
    """What the player's network makes of images, in eval mode."""
    net = player.eval_net
    device = next(net.parameters()).device
    return torch.cat([net(part.to(device)).float() for part in x.split(BATCH)])
