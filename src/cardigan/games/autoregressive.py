"""Autoregressive models: one player that learns the probability of each value given the last."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ..data.stream import as_bytes
from ..game import Game, Move, Player, Round
from ..levels import spread, to_levels, to_values
from ..randomness import seeded
from .outputs import in_full

AT_ONCE = 100  # images that are drawn together


class Autoregressive(Game):
    """Maximum likelihood, value by value: PixelCNN (van den Oord et al. 2016, arXiv:1601.06759).

    Arguments:
        model: Levels int64 [N, C, H, W], None -> logits [N, K, C, H, W]; its network can
            `complete` as `nets.pixelcnn.PixelCNN` can.
        shape: Of an image: C, H, W.
        levels: Grey levels that bytes are rounded to: K.
    """

    def __init__(self, model: Player, shape: tuple[int, int, int], levels: int = 256) -> None:
        super().__init__()
        self.model, self.shape, self.levels = model, shape, levels

    def round(self, stream: Any) -> Round:
        """The model moves, to give the next values more probability: bits a value, [N]."""
        x, _ = next(stream)
        level = to_levels(as_bytes(x), self.levels)
        bits = surprise(self.model(level, None), level).mean(1) / math.log(2)
        yield Move(self.model, bits, {"bits": bits.mean()})

    def sample(
        self,
        n: int,
        seed: int | None = None,
        label: int | Tensor | None = None,
        truncation: float = 1.0,
    ) -> Tensor:
        """As `Generates.sample` says; truncation is the temperature of each draw."""
        return self._drawn(torch.zeros(n, *self.shape), 0, seed, truncation)

    def complete(self, x: Tensor, rows: int, seed: int | None = None) -> Tensor:
        """As `Completes.complete` says; the rows that are given are rounded to levels, too."""
        return self._drawn(x, rows, seed)

    @torch.no_grad()
    def log_prob(self, x: Tensor) -> Tensor:
        """As `HasDensity.log_prob` says, exactly."""
        net = self.model.eval_net
        parts = (to_levels(part.to(self.device), self.levels) for part in x.split(AT_ONCE))
        nats = torch.cat([-surprise(net(level, None), level).sum(1) for level in parts])
        return nats - x[0].numel() * spread(self.levels)

    def _drawn(self, x: Tensor, rows: int, seed: int | None, temperature: float = 1) -> Tensor:
        net: Any = self.model.eval_net

        def parts() -> Iterator[Tensor]:
            for part in x.to(self.device).split(AT_ONCE):
                level, chance = to_levels(as_bytes(part), self.levels), torch.rand_like(part)
                yield net.complete(level, rows, chance, temperature)

        with seeded(seed, self.device):
            return to_values(torch.cat([*parts()]), self.levels)


def surprise(logits: Tensor, level: Tensor) -> Tensor:
    """-log p of each value, in nats: [N, C H W]."""
    return cross_entropy(in_full(logits), level, reduction="none").flatten(1)
