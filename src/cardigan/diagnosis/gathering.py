"""From a run, or a folder of images, to the evidence."""

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor

from ..data.dataset import Dataset
from ..data.stream import as_floats
from ..errors import UserError
from ..game import Game
from ..games import GAN
from ..metrics.features import FeatureNet
from ..metrics.looking import look, look_again
from ..metrics.networks import network_for
from ..metrics.sets import drawn, numbered
from ..randomness import seeded
from ..subjects import Samples, draw
from .evidence import Evidence, Judged, scale_of
from .log import Log


@dataclass(frozen=True)
class Reference:
    """What samples are held against, looked at once for all checkpoints.

    Attributes:
        train: What the run learns from.
        test: Held-out reals, or None where the data have none.
        count: Samples that are drawn, and reals beside them, at most.
        seed: Of samples and of the choice of reals.
        batch: Images that the discriminator judges at once, as in training.
        device: Where pictures are looked at.
    """

    train: Dataset
    test: Dataset | None
    count: int
    seed: int
    batch: int
    device: torch.device

    def evidence(self, log: Log, samples: Samples, game: Game | None = None) -> Evidence:
        """Samples beside as many reals, and what the game's discriminator says of both."""
        held_out = self.test or self.train
        check_alike(samples.images, held_out)
        net = self.net()
        n = min(len(samples.images), len(held_out))
        reals = look_again(held_out, drawn(len(held_out), n, self.seed, 1), net)
        return Evidence(
            log,
            scale_of(game.loss) if isinstance(game, GAN) else None,
            look(samples.images[:n], None, net),
            reals,
            _shares(self.train, held_out.classes),
            held_out.classes,
            held_out.modes,
            self.judged(game, samples) if isinstance(game, GAN) else None,
            None if game is None else game.seen,
        )

    def draw(self, game: Game) -> Samples:
        """Samples of a game, in eval mode."""
        return draw(game, self.count, self.seed)

    def net(self) -> FeatureNet | None:
        """What pictures are looked at through; None for points."""
        return network_for(self.train, self.device) if self.train.images.dim() == 4 else None

    def judged(self, game: GAN, samples: Samples) -> Judged | None:
        """Logits of train reals, held-out reals and samples; None without held-out reals.

        None, too, of a game that is told vectors or pictures: samples do not say which.

        Raises:
            UserError: Held-out reals of a class that the game was not told.
        """
        if self.test is None or (game.conditions is not None and not game.classes):
            return None
        parts = [chosen(self.train, self.count, self.seed, 0)]
        held_out = chosen(self.test, self.count, self.seed, 1)
        if game.classes and held_out.labels is not None:
            told = numbered(held_out.labels, self.test.classes, self.train.classes)
            held_out = held_out._replace(labels=told)
        parts += [held_out, samples]
        return Judged(*(logits(game, part, self.batch, self.seed) for part in parts))


@torch.no_grad()
def logits(game: GAN, shown: Samples, batch: int, seed: int) -> Tensor:
    """What the discriminator says of bytes or points as it does in training: float64 [N].

    Batch norm judges a batch by its own statistics there: the running ones mix reals and fakes,
    and belong to neither. A copy is asked, so that the game's own statistics stay as they are.
    """
    net = deepcopy(game.discriminator.net).train()
    device = game.device
    whole = len(shown.images) // batch * batch or len(shown.images)  # a rest has other statistics
    parts = []
    with seeded(seed, device):  # of dropout
        for start in range(0, whole, batch):
            images = as_floats(shown.images[start : start + batch].to(device))
            labels = shown.labels if game.classes else None
            label = None if labels is None else labels[start : start + batch].to(device)
            parts.append(net(images, label).double().cpu())
    return torch.cat(parts)


def check_alike(samples: Tensor, data: Dataset) -> None:
    """Refuses points where pictures were expected, and the other way round."""
    if samples.dim() != data.images.dim():
        raise UserError(
            f"expected samples like {data.name}'s, {list(data.images.shape[1:])}, got "
            f"{list(samples.shape[1:])}: compare pictures with pictures, points with points"
        )


def chosen(data: Dataset, count: int, *seed: int) -> Samples:
    """At most `count` of the data, drawn by the seed."""
    index = drawn(len(data), count, *seed)
    return Samples(data.images[index], None if data.labels is None else data.labels[index])


def _shares(data: Dataset, classes: tuple[str, ...]) -> Tensor | None:
    """The share in the data of each of these classes, which other data may name: [K]."""
    if data.labels is None:
        return None
    counts = torch.bincount(data.labels, minlength=len(data.classes)).tolist()
    found = dict(zip(data.classes, counts, strict=True))
    return torch.tensor([found.get(name, 0) for name in classes]).double() / len(data)
